#include "tests/support/pki.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void must(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "pki: %s failed\n", what);
    ERR_print_errors_fp(stderr);
    abort();
}

EVP_PKEY *pki_key(const char *type)
{
    EVP_PKEY *key = strcmp(type, "RSA") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
                    : strcmp(type, "ED25519") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                                   : EVP_PKEY_Q_keygen(NULL, NULL, "EC", type);
    must(key != NULL, type);
    return key;
}

static void add_extension(X509 *cert, X509 *issuer, const struct pki_extension *x)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf(NULL, &ctx, x->oid, x->value);
    must(ext != NULL && X509_add_ext(cert, ext, -1) == 1, x->oid);
    X509_EXTENSION_free(ext);
}

static void set_subject(X509 *cert, const char *name)
{
    X509_NAME *to = X509_get_subject_name(cert);
    const unsigned char *text = (const unsigned char *)name;
    if (name != NULL)
        must(X509_NAME_add_entry_by_NID(to, NID_organizationName, MBSTRING_UTF8, text, -1, -1, 0) &&
                 X509_NAME_add_entry_by_NID(to, NID_commonName, MBSTRING_UTF8, text, -1, -1, 0),
             "name");
}

X509 *pki_cert(const struct pki_spec *s)
{
    static int serial = 1000;
    X509 *cert = X509_new();
    X509 *issuer = s->issuer != NULL ? s->issuer : cert;
    EVP_PKEY *signer = s->issuer_key != NULL ? s->issuer_key : s->key;
    must(cert != NULL && X509_set_version(cert, 2) == 1 &&
             ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial) == 1 &&
             ASN1_TIME_set(X509_getm_notBefore(cert), s->not_before) != NULL &&
             ASN1_TIME_set(X509_getm_notAfter(cert), s->not_after) != NULL &&
             X509_set_pubkey(cert, s->key) == 1,
         "certificate");
    set_subject(cert, s->name);
    must(X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1, "issuer");
    for (const struct pki_extension *x = s->extensions; x != NULL && x->oid != NULL; x++)
        add_extension(cert, issuer, x);
    const EVP_MD *md = EVP_PKEY_is_a(signer, "ED25519") ? NULL : EVP_sha256();
    must(X509_sign(cert, signer, md) > 0, "sign");
    return cert;
}

X509 *pki_ca(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
             int64_t not_before, int64_t not_after)
{
    static const struct pki_extension root[] = {{"basicConstraints", "critical,CA:TRUE"},
                                                {"keyUsage", "critical,keyCertSign"},
                                                {"subjectKeyIdentifier", "hash"},
                                                {NULL, NULL}};
    static const struct pki_extension intermediate[] = {
        {"basicConstraints", "critical,CA:TRUE"}, {"keyUsage", "critical,keyCertSign"},
        {"extendedKeyUsage", "codeSigning"},      {"subjectKeyIdentifier", "hash"},
        {"authorityKeyIdentifier", "keyid"},      {NULL, NULL}};
    const struct pki_spec spec = {
        name, key, issuer, issuer_key, not_before, not_after, issuer == NULL ? root : intermediate};
    return pki_cert(&spec);
}

static void take(BIO *bio, struct tm_buf *out)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    tm_buf_append(out, data, (size_t)len);
    BIO_free(bio);
}

void pki_pem(X509 *cert, struct tm_buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    must(bio != NULL && PEM_write_bio_X509(bio, cert) == 1, "PEM");
    take(bio, out);
}

void pki_public_pem(EVP_PKEY *key, struct tm_buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    must(bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1, "PEM");
    take(bio, out);
}

void pki_tls(struct tm_buf *certificate, struct tm_buf *key)
{
    static const struct pki_extension ext[] = {
        {"subjectAltName", "IP:127.0.0.1"}, {"basicConstraints", "critical,CA:TRUE"}, {NULL, NULL}};
    int64_t now = (int64_t)time(NULL);
    EVP_PKEY *k = pki_key("P-256");
    X509 *c = pki_cert(&(struct pki_spec){.name = "127.0.0.1",
                                          .key = k,
                                          .not_before = now - 60,
                                          .not_after = now + 3600,
                                          .extensions = ext});
    BIO *bio = BIO_new(BIO_s_mem());
    pki_pem(c, certificate);
    must(bio != NULL && PEM_write_bio_PrivateKey(bio, k, NULL, NULL, 0, NULL, NULL) == 1, "PEM");
    take(bio, key);
    X509_free(c);
    EVP_PKEY_free(k);
}

void pki_sign(EVP_PKEY *key, const char *digest, const void *data, size_t len, struct tm_buf *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t sig_len = 0;
    must(ctx != NULL && EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL) == 1 &&
             EVP_DigestSign(ctx, NULL, &sig_len, data, len) == 1,
         "sign");
    unsigned char *to = tm_buf_reserve(out, sig_len);
    must(to != NULL && EVP_DigestSign(ctx, to, &sig_len, data, len) == 1, "sign");
    out->len += sig_len;
    EVP_MD_CTX_free(ctx);
}
