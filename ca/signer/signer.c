#include "ca/signer/signer.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ca/signer/algorithm.h"
#include "ca/signer/chain.h"
#include "ca/signer/internal.h"
#include "common/certs.h"
#include "common/pem.h"

struct ca_signer {
    atomic_uint refs;
    struct ca_signer_material material;
    const struct ca_signer_algorithm_row *algorithm;
    EVP_MD_CTX *prepared; /* initialised once, copied per signature */
    struct ca_signer_chain chain;
    X509 *cert[CERTS_MAX]; /* borrowed from material.chain */
    char *pem[CERTS_MAX];
    unsigned char *der[CERTS_MAX];
    size_t der_len[CERTS_MAX];
    unsigned char *subject;
};

static const struct {
    const char *name;
    signer_backend_fn open;
} backends[] = {
    {"file", ca_signer_open_stored},
    {"pkcs11", ca_signer_open_stored},
    {"uri", ca_signer_open_stored},
    {"ephemeral", ca_signer_open_ephemeral},
};

static int encode_cert(struct ca_signer *s, size_t i, struct tm_err *e)
{
    X509 *cert = sk_X509_value(s->material.chain, (int)i);
    int len = i2d_X509(cert, &s->der[i]);
    if (len <= 0)
        return tm_err_openssl(e, "encode the CA certificate");
    struct tm_buf pem = {0};
    tm_pem_put("CERTIFICATE", s->der[i], (size_t)len, PEM_STYLE_FILE, &pem);
    const char *text = tm_buf_str(&pem);
    s->pem[i] = text != NULL ? strdup(text) : NULL;
    tm_buf_free(&pem);
    s->cert[i] = cert;
    s->der_len[i] = (size_t)len;
    return s->pem[i] != NULL ? 0 : tm_err_set(e, "out of memory");
}

static int compile_chain(struct ca_signer *s, struct tm_err *e)
{
    struct ca_signer_chain *c = &s->chain;
    c->count = (size_t)sk_X509_num(s->material.chain);
    for (size_t i = 0; i < c->count; i++) {
        if (encode_cert(s, i, e) != 0)
            return -1;
    }
    X509 *ca = s->cert[0];
    int len = i2d_X509_NAME(X509_get_subject_name(ca), &s->subject);
    if (len <= 0)
        return tm_err_openssl(e, "encode the CA's name");
    if (X509_NAME_entry_count(X509_get_subject_name(ca)) == 0)
        return tm_err_set(e, "the issuing CA has an empty subject, so nothing can chain to it");
    const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(ca);
    unsigned char *spki = NULL;
    int spki_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(ca), &spki);
    bool hashed = spki_len > 0 &&
                  EVP_Digest(spki, (size_t)spki_len, c->spki_sha256, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(spki);
    struct tm end;
    if (!hashed || ASN1_TIME_to_tm(X509_get0_notAfter(ca), &end) != 1)
        return tm_err_openssl(e, "read the CA certificate");
    c->cert = s->cert;
    c->pem = (const char *const *)s->pem;
    c->der = (const unsigned char *const *)s->der;
    c->der_len = s->der_len;
    c->subject = s->subject;
    c->subject_len = (size_t)len;
    c->key_id = ski != NULL ? ASN1_STRING_get0_data(ski) : NULL;
    c->key_id_len = ski != NULL ? (size_t)ASN1_STRING_length(ski) : 0;
    c->not_after = timegm(&end);
    c->ephemeral = s->material.ephemeral;
    return 0;
}

static int prepare(struct ca_signer *s, struct tm_err *e)
{
    s->algorithm = ca_signer_algorithm_for(s->material.key, e);
    if (s->algorithm == NULL)
        return -1;
    s->prepared = EVP_MD_CTX_new();
    if (s->prepared == NULL || EVP_DigestSignInit_ex(s->prepared, NULL, s->algorithm->digest, NULL,
                                                     NULL, s->material.key, NULL) != 1)
        return tm_err_openssl(e, "prepare the CA key for signing");
    /* A copy signs once, so it need not copy itself again to sign. */
    EVP_MD_CTX_set_flags(s->prepared, EVP_MD_CTX_FLAG_FINALISE);
    return 0;
}

/* A key that cannot make a signature its certificate accepts must fail now, not at the first job.
 */
int ca_signer_check(struct ca_signer *s, struct tm_err *e)
{
    static const char probe[] = "tenmint CA key self-test";
    struct tm_buf sig = {0};
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int rc = ca_signer_sign(s, probe, sizeof(probe), &sig, e);
    if (rc == 0 && (ctx == NULL ||
                    EVP_DigestVerifyInit_ex(ctx, NULL, s->algorithm->digest, NULL, NULL,
                                            X509_get0_pubkey(s->cert[0]), NULL) != 1 ||
                    EVP_DigestVerify(ctx, sig.data, sig.len, (const unsigned char *)probe,
                                     sizeof(probe)) != 1))
        rc = tm_err_openssl(e, "the CA key's test signature does not verify by its certificate");
    EVP_MD_CTX_free(ctx);
    tm_buf_free(&sig);
    return rc;
}

struct ca_signer *ca_signer_open(const struct ca_signer_options *o, int64_t now_s, struct tm_err *e)
{
    struct ca_signer *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return tm_err_null(e, "out of memory");
    atomic_init(&s->refs, 1);
    int rc = tm_err_set(e, "unknown CA backend '%s': use file, pkcs11, uri or ephemeral",
                        o->backend != NULL ? o->backend : "");
    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
        if (o->backend != NULL && strcmp(backends[i].name, o->backend) == 0)
            rc = backends[i].open(o, now_s, &s->material, e);
    }
    if (rc == 0)
        rc = prepare(s, e);
    if (rc == 0 && ca_chain_check(s->material.chain, s->material.key, now_s, e) != 0)
        rc = o->chain_file != NULL ? tm_err_wrap(e, "certificate chain '%s'", o->chain_file) : -1;
    if (rc == 0)
        rc = compile_chain(s, e);
    if (rc == 0)
        rc = ca_signer_check(s, e);
    if (rc != 0) {
        ca_signer_unref(s);
        return NULL;
    }
    e->text[0] = '\0';
    return s;
}

bool ca_signer_is_slow(const struct ca_signer *s)
{
    return s->material.stored != NULL && tm_key_is_slow(s->material.stored);
}

struct ca_signer *ca_signer_ref(struct ca_signer *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void ca_signer_unref(struct ca_signer *s)
{
    if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < CERTS_MAX; i++) {
        OPENSSL_free(s->der[i]);
        free(s->pem[i]);
    }
    OPENSSL_free(s->subject);
    EVP_MD_CTX_free(s->prepared);
    EVP_PKEY_free(s->material.key);
    tm_key_free(s->material.stored);
    sk_X509_pop_free(s->material.chain, X509_free);
    free(s);
}

static int sign_copy(const struct ca_signer *s, const void *tbs, size_t len, struct tm_buf *sig)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t max = (size_t)EVP_PKEY_get_size(s->material.key);
    unsigned char *to = tm_buf_reserve(sig, max);
    int ok = ctx != NULL && to != NULL && EVP_MD_CTX_copy_ex(ctx, s->prepared) == 1 &&
             EVP_DigestSign(ctx, to, &max, tbs, len) == 1;
    if (ok)
        sig->len += max;
    EVP_MD_CTX_free(ctx);
    return ok ? 0 : -1;
}

int ca_signer_sign(struct ca_signer *s, const void *tbs, size_t len, struct tm_buf *sig,
                   struct tm_err *e)
{
    return sign_copy(s, tbs, len, sig) == 0 ? 0 : tm_err_openssl(e, "the CA key made no signature");
}

const unsigned char *ca_signer_algorithm(const struct ca_signer *s, size_t *len)
{
    *len = s->algorithm->der_len;
    return s->algorithm->der;
}

const struct ca_signer_chain *ca_signer_chain(const struct ca_signer *s)
{
    return &s->chain;
}
