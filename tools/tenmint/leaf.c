#include "tools/tenmint/leaf.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "common/certs.h"
#include "oidc/token/claim.h"

#define LEEWAY_S 600

static int check_use(X509 *leaf, int64_t now_s, struct tm_err *e)
{
    time_t early = (time_t)now_s - LEEWAY_S;
    time_t late = (time_t)now_s + LEEWAY_S;
    if (X509_check_purpose(leaf, -1, 0) != 1 ||
        (X509_get_extension_flags(leaf) & EXFLAG_INVALID) != 0)
        return tm_err_set(e, "the certificate's extensions cannot be read");
    if ((X509_get_extended_key_usage(leaf) & XKU_CODE_SIGN) == 0 ||
        (X509_get_extension_flags(leaf) & EXFLAG_XKUSAGE) == 0)
        return tm_err_set(e, "the certificate is not for code signing");
    if (X509_cmp_time(X509_get0_notBefore(leaf), &late) >= 0 ||
        X509_cmp_time(X509_get0_notAfter(leaf), &early) <= 0)
        return tm_err_set(e, "the certificate is not in force now");
    return 0;
}

static bool string_is(const ASN1_STRING *s, const char *want)
{
    return (size_t)ASN1_STRING_length(s) == strlen(want) &&
           memcmp(ASN1_STRING_get0_data(s), want, strlen(want)) == 0;
}

/* One name. *is_email: it is the token's email; not every token with one is of such an issuer. */
static int check_name(X509 *leaf, const char *email, bool *is_email, struct tm_err *e)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    int rc = 0;
    if (sk_GENERAL_NAME_num(names) != 1) {
        rc = tm_err_set(e, "the certificate does not have exactly one identity");
    } else if (email != NULL) {
        int type = 0;
        const void *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, 0), &type);
        *is_email = type == GEN_EMAIL && string_is(value, email);
        if (type == GEN_EMAIL && !*is_email)
            rc = tm_err_set(e, "the certificate is for another identity than the token's email");
    }
    GENERAL_NAMES_free(names);
    return rc;
}

/* 1: the extension says `want`, 0: something else, -1: there is none. */
static int extension_is(X509 *leaf, const char *oid, const char *want)
{
    ASN1_OBJECT *obj = OBJ_txt2obj(oid, 1);
    int at = obj != NULL ? X509_get_ext_by_OBJ(leaf, obj, -1) : -1;
    ASN1_OBJECT_free(obj);
    if (at < 0)
        return -1;
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509_get_ext(leaf, at));
    const unsigned char *p = ASN1_STRING_get0_data(value);
    ASN1_UTF8STRING *text = d2i_ASN1_UTF8STRING(NULL, &p, ASN1_STRING_length(value));
    int same = text != NULL && string_is(text, want);
    ASN1_UTF8STRING_free(text);
    return same;
}

static int check_extensions(X509 *leaf, const struct oidc_token *t, struct tm_err *e)
{
    const char *sub = oidc_claim_string(t->claims, "sub");
    if (extension_is(leaf, "1.3.6.1.4.1.57264.1.8", t->iss) != 1)
        return tm_err_set(e, "the certificate names another token issuer than the token");
    if (sub != NULL && extension_is(leaf, "1.3.6.1.4.1.57264.1.24", sub) == 0)
        return tm_err_set(e, "the certificate is for another subject than the token's");
    return 0;
}

int leaf_check(STACK_OF(X509) * chain, EVP_PKEY *key, const struct oidc_token *t, int64_t now_s,
               struct tm_err *e)
{
    X509 *leaf = sk_X509_value(chain, 0);
    const char *email = oidc_claim_string(t->claims, "email");
    bool is_email = false;
    int rc;
    if (EVP_PKEY_eq(X509_get0_pubkey(leaf), key) != 1)
        rc = tm_err_set(e, "the certificate is for another key than ours");
    else if (sk_X509_num(chain) < 2)
        rc = tm_err_set(e, "the answer holds no issuing certificate");
    else
        rc = tm_certs_check_link(leaf, sk_X509_value(chain, 1), 0, e);
    if (rc == 0)
        rc = check_use(leaf, now_s, e);
    if (rc == 0)
        rc = check_name(leaf, email, &is_email, e);
    if (rc == 0 && !is_email)
        rc = check_extensions(leaf, t, e);
    return rc == 0 ? 0 : tm_err_wrap(e, "the CA's answer is refused");
}
