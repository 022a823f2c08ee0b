#include "tuf/verify/bundle/artifact_signature.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#define RSA_BITS_MIN 2048

/* One way in which a key of this kind signs. */
struct way {
    const char *key_type; /* OpenSSL's */
    const char *group;    /* EC */
    enum tuf_digest_algorithm digest;
    int padding; /* RSA */
};

static const struct way ways[] = {
    {"EC", "prime256v1", DIGEST_SHA256, 0},
    {"EC", "secp384r1", DIGEST_SHA384, 0},
    {"EC", "secp384r1", DIGEST_SHA256, 0},
    {"EC", "secp521r1", DIGEST_SHA512, 0},
    {"EC", "secp521r1", DIGEST_SHA256, 0},
    {"RSA", NULL, DIGEST_SHA256, RSA_PKCS1_PADDING},
    {"RSA", NULL, DIGEST_SHA256, RSA_PKCS1_PSS_PADDING},
};

bool tuf_artifact_signature_needs_content(const EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "ED25519");
}

static bool suits(const struct way *w, const EVP_PKEY *key)
{
    char group[32] = "";
    if (!EVP_PKEY_is_a(key, w->key_type))
        return false;
    if (w->group == NULL)
        return EVP_PKEY_get_bits(key) >= RSA_BITS_MIN;
    return EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
           strcmp(group, w->group) == 0;
}

static bool verifies(const struct way *w, EVP_PKEY *key, const struct tuf_artifact *a,
                     const void *sig, size_t len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    const EVP_MD *md = EVP_get_digestbyname(tuf_digest_table[w->digest].openssl);
    bool ok =
        ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
        (w->padding == 0 || EVP_PKEY_CTX_set_rsa_padding(ctx, w->padding) == 1) &&
        EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
        EVP_PKEY_verify(ctx, sig, len, a->digest[w->digest], tuf_digest_table[w->digest].len) == 1;
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

static int verify_content(EVP_PKEY *key, const struct tuf_artifact *a, const void *sig, size_t len,
                          struct tm_err *e)
{
    if (!a->whole)
        return tm_err_set(e, "an Ed25519 signature is over the content: a digest is not enough");
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    static const unsigned char nothing[1];
    int ok = ctx != NULL && EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, key, NULL) == 1 &&
             EVP_DigestVerify(ctx, sig, len, a->content.data != NULL ? a->content.data : nothing,
                              a->content.len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok ? 0 : tm_err_set(e, "the signature does not verify");
}

int tuf_artifact_signature_verify(EVP_PKEY *key, const struct tuf_artifact *artifact,
                                  const void *sig, size_t len, struct tm_err *e)
{
    bool known = false;
    bool tried = false;
    if (tuf_artifact_signature_needs_content(key))
        return verify_content(key, artifact, sig, len, e);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (!suits(&ways[i], key))
            continue;
        known = true;
        if (!artifact->has[ways[i].digest])
            continue;
        tried = true;
        if (verifies(&ways[i], key, artifact, sig, len))
            return 0;
    }
    if (!known)
        return tm_err_set(e,
                          "signatures by this kind of key are not supported: ECDSA P-256, P-384, "
                          "P-521, RSA from 2048 bits and Ed25519 are");
    return tried ? tm_err_set(e, "the signature does not verify")
                 : tm_err_set(e, "the digest given is not one that this kind of key signs");
}

static int sign_digest(const struct way *w, EVP_PKEY *key, const struct tuf_artifact *a,
                       struct tm_buf *out, struct tm_err *e)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    const EVP_MD *md = EVP_get_digestbyname(tuf_digest_table[w->digest].openssl);
    size_t len = (size_t)EVP_PKEY_get_size(key);
    unsigned char *to = tm_buf_reserve(out, len);
    int ok =
        ctx != NULL && to != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
        (w->padding == 0 || EVP_PKEY_CTX_set_rsa_padding(ctx, w->padding) == 1) &&
        EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
        EVP_PKEY_sign(ctx, to, &len, a->digest[w->digest], tuf_digest_table[w->digest].len) == 1;
    out->len += ok ? len : 0;
    EVP_PKEY_CTX_free(ctx);
    return ok ? 0 : tm_err_openssl(e, "sign the artifact");
}

static int sign_content(EVP_PKEY *key, const struct tuf_artifact *a, struct tm_buf *out,
                        struct tm_err *e)
{
    static const unsigned char nothing[1];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len = (size_t)EVP_PKEY_get_size(key);
    unsigned char *to = tm_buf_reserve(out, len);
    int ok = ctx != NULL && to != NULL && a->whole &&
             EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, key, NULL) == 1 &&
             EVP_DigestSign(ctx, to, &len, a->content.data != NULL ? a->content.data : nothing,
                            a->content.len) == 1;
    out->len += ok ? len : 0;
    EVP_MD_CTX_free(ctx);
    return ok ? 0 : tm_err_openssl(e, "sign the artifact");
}

int tuf_artifact_signature_make(EVP_PKEY *key, const struct tuf_artifact *artifact,
                                enum tuf_digest_algorithm *digest, struct tm_buf *out,
                                struct tm_err *e)
{
    *digest = DIGEST_SHA256;
    if (tuf_artifact_signature_needs_content(key))
        return sign_content(key, artifact, out, e);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (!suits(&ways[i], key))
            continue;
        *digest = ways[i].digest;
        return artifact->has[*digest] ? sign_digest(&ways[i], key, artifact, out, e)
                                      : tm_err_set(e, "the artifact's digest is missing");
    }
    return tm_err_set(
        e, "this kind of key signs no artifacts: use ECDSA P-256, P-384, P-521, RSA from "
           "2048 bits or Ed25519");
}
