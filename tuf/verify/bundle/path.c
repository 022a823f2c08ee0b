#include "tuf/verify/bundle/path.h"

#include <openssl/x509v3.h>
#include <time.h>

#include "common/clock.h"

#define SECURITY_LEVEL 2 /* OpenSSL: 112 bits; no SHA-1, RSA from 2048 bits */

static int64_t to_ms(const ASN1_TIME *t)
{
    struct tm tm;
    return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) * 1000 : 0;
}

int64_t tuf_path_not_before_ms(X509 *cert)
{
    return to_ms(X509_get0_notBefore(cert));
}

int64_t tuf_path_not_after_ms(X509 *cert)
{
    return to_ms(X509_get0_notAfter(cert));
}

static X509 *anchor(const struct tuf_trust_entry *t)
{
    return sk_X509_value(t->chain, sk_X509_num(t->chain) - 1);
}

X509_STORE *tuf_path_store(const struct tuf_trust_entry *authority, int64_t time_ms)
{
    X509_STORE *store = X509_STORE_new();
    if (store == NULL || X509_STORE_add_cert(store, anchor(authority)) != 1) {
        X509_STORE_free(store);
        return NULL;
    }
    X509_VERIFY_PARAM *p = X509_STORE_get0_param(store);
    X509_VERIFY_PARAM_set_time(p, (time_t)(time_ms / 1000));
    X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_CHECK_SS_SIGNATURE);
    X509_VERIFY_PARAM_set_auth_level(p, SECURITY_LEVEL);
    return store;
}

/* The leaf, then the entry's chain, in order, and nothing else. */
static int check_shape(X509_STORE_CTX *ctx, const struct tuf_trust_entry *t, struct tm_err *e)
{
    STACK_OF(X509) *got = X509_STORE_CTX_get0_chain(ctx);
    int n = sk_X509_num(t->chain);
    bool same = sk_X509_num(got) == n + 1;
    for (int i = 0; same && i < n; i++)
        same = X509_cmp(sk_X509_value(got, i + 1), sk_X509_value(t->chain, i)) == 0;
    return same ? 0 : tm_err_set(e, "the certificate is not issued through this authority's chain");
}

/* Extended key usages nest: each certificate that lists some must allow code signing. */
static int check_usage(X509_STORE_CTX *ctx, struct tm_err *e)
{
    STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(ctx);
    X509 *leaf = sk_X509_value(path, 0);
    for (int i = 0; i < sk_X509_num(path); i++) {
        X509 *cert = sk_X509_value(path, i);
        bool listed = (X509_get_extension_flags(cert) & EXFLAG_XKUSAGE) != 0;
        if (listed && (X509_get_extended_key_usage(cert) & (XKU_CODE_SIGN | XKU_ANYEKU)) == 0)
            return tm_err_set(e, "certificate %d of the path may not be used for code signing",
                              i + 1);
    }
    if ((X509_get_extension_flags(leaf) & EXFLAG_XKUSAGE) == 0 ||
        (X509_get_extended_key_usage(leaf) & XKU_CODE_SIGN) == 0)
        return tm_err_set(e, "the certificate is not for code signing (extended key usage)");
    if ((X509_get_extension_flags(leaf) & EXFLAG_CA) != 0)
        return tm_err_set(e, "the certificate is a CA's");
    if ((X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE) == 0)
        return tm_err_set(e, "the certificate's key may not sign (key usage)");
    return 0;
}

static int check_path(const struct tuf_trust_entry *t, X509 *leaf, int64_t time_ms,
                      struct tm_err *e)
{
    X509_STORE *store = tuf_path_store(t, time_ms);
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int rc = -1;
    if (store == NULL || ctx == NULL || X509_STORE_CTX_init(ctx, store, leaf, t->chain) != 1)
        tm_err_openssl(e, "prepare the path's check");
    else if (X509_verify_cert(ctx) != 1)
        tm_err_set(e, "%s (certificate %d of the path)",
                   X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)),
                   X509_STORE_CTX_get_error_depth(ctx) + 1);
    else
        rc = check_shape(ctx, t, e) == 0 ? check_usage(ctx, e) : -1;
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return rc;
}

static bool names(const struct tuf_trust_entry *t, X509 *leaf)
{
    return X509_NAME_cmp(X509_get_issuer_name(leaf),
                         X509_get_subject_name(sk_X509_value(t->chain, 0))) == 0;
}

static bool issued(const struct tuf_trust_entry *t, X509 *leaf)
{
    return names(t, leaf) && X509_verify(leaf, X509_get0_pubkey(sk_X509_value(t->chain, 0))) == 1;
}

static int tuf_check_entry(const struct tuf_trust_entry *t, X509 *leaf, int64_t time_ms,
                           struct tm_err *e)
{
    char when[VALIDITY_TEXT_MAX];
    char now[21];
    tm_clock_format(time_ms / 1000, now);
    if (tuf_validity_at(&t->valid, time_ms) != VALIDITY_INSIDE)
        return tm_err_set(e, "the trusted root trusts its CA '%.100s' %s, not at %s", t->uri,
                          tuf_validity_text(&t->valid, when), now);
    return check_path(t, leaf, time_ms, e);
}

static bool lives(const X509 *cert, int64_t time_ms)
{
    time_t at = (time_t)(time_ms / 1000);
    return X509_cmp_time(X509_get0_notBefore(cert), &at) < 0 &&
           X509_cmp_time(X509_get0_notAfter(cert), &at) > 0;
}

bool tuf_path_holds(const struct tuf_trust_entry *found, X509 *leaf, int64_t time_ms)
{
    bool all = tuf_validity_at(&found->valid, time_ms) == VALIDITY_INSIDE && lives(leaf, time_ms);
    for (int i = 0; i < sk_X509_num(found->chain) && all; i++)
        all = lives(sk_X509_value(found->chain, i), time_ms);
    return all;
}

int tuf_path_find(const struct tuf_trusted_root *root, X509 *leaf, int64_t time_ms,
                  const struct tuf_trust_entry **ca, struct tm_err *e)
{
    const struct tuf_trust_entry *t;
    bool told = false;
    *ca = NULL;
    for (size_t i = 0; (t = tuf_trusted_root_entry(root, TRUST_CA, i)) != NULL; i++) {
        struct tm_err why = {0};
        if (!names(t, leaf))
            continue;
        if (tuf_check_entry(t, leaf, time_ms, &why) == 0) {
            *ca = t;
            return 0;
        }
        if (!issued(t, leaf)) /* only now: each signature of a path costs a millisecond */
            continue;
        tm_err_set(e, "%s", why.text);
        told = true;
    }
    if (told)
        return -1;
    char name[128] = "";
    X509_NAME_oneline(X509_get_issuer_name(leaf), name, sizeof(name));
    return tm_err_set(e,
                      "none of the trusted root's %zu certificate authorities issued it; its "
                      "issuer calls itself '%s'",
                      tuf_trusted_root_count(root, TRUST_CA), name);
}
