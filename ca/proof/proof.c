#include "ca/proof/proof.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#include "ca/proof/blame.h"
#include "ca/proof/policy.h"
#include "ca/proof/spki.h"
#include "common/ecdsa.h"

#define SIGNATURE_MAX 1024

void ca_proof_key_free(struct ca_proof_key *k)
{
    ca_spki_release(k);
    tm_buf_free(&k->spki);
    *k = (struct ca_proof_key){0};
}

void ca_proof_key_settle(struct ca_proof_key *k)
{
    ca_spki_release(k);
    k->md = NULL;
}

enum ca_proof_status ca_proof_key_parse(const struct ca_proof_policy *p, const void *data,
                                        size_t len, struct ca_proof_key *out, struct tm_err *e)
{
    *out = (struct ca_proof_key){0};
    enum ca_proof_status status = ca_spki_parse(ca_policy_maker(p), data, len, out, e);
    if (status == PROOF_OK)
        status = ca_policy_strength(p, out, e);
    if (status == PROOF_OK)
        status = ca_policy_check(p, out->kind, ca_policy_hash_for(out->kind), e);
    if (status != PROOF_OK)
        ca_proof_key_free(out);
    else
        ca_policy_prepare(p, ca_policy_hash_for(out->kind), out);
    return status;
}

/* Ed25519 signs the message itself. */
static bool verify_message(EVP_PKEY *key, const void *data, size_t len, const unsigned char *sig,
                           size_t sig_len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, key, NULL) == 1 &&
              EVP_DigestVerify(ctx, sig, sig_len, data, len) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

bool ca_proof_signed_digest(const struct ca_proof_key *k, const unsigned char *digest,
                            size_t digest_len, const unsigned char *sig, size_t sig_len)
{
    EVP_PKEY_CTX *own = k->ctx == NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, k->key, NULL) : NULL;
    EVP_PKEY_CTX *ctx = own != NULL ? own : k->ctx;
    bool rsa = k->ec_width == 0; /* Ed25519 has no digest */
    bool ok = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
              (!rsa || (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
                        EVP_PKEY_CTX_set_signature_md(ctx, k->md) == 1)) &&
              EVP_PKEY_verify(ctx, sig, sig_len, digest, digest_len) == 1;
    EVP_PKEY_CTX_free(own);
    return ok;
}

/* Digest and verification apart: the joint call looks the digest up by name every time. */
static bool verify_digest(const struct ca_proof_key *k, const void *data, size_t len,
                          const unsigned char *sig, size_t sig_len)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    return EVP_Digest(data, len, digest, &digest_len, k->md, NULL) == 1 &&
           ca_proof_signed_digest(k, digest, digest_len, sig, sig_len);
}

bool ca_proof_signed_by(const struct ca_proof_key *k, const void *data, size_t len,
                        const unsigned char *sig, size_t sig_len)
{
    return k->md != NULL ? verify_digest(k, data, len, sig, sig_len)
                         : verify_message(k->key, data, len, sig, sig_len);
}

/* DER begins as a SEQUENCE does; r||s may too, by chance. */
static bool verify_ec(const struct ca_proof_key *k, const unsigned char *sig, size_t len,
                      const char *message)
{
    if (sig[0] == 0x30 && ca_proof_signed_by(k, message, strlen(message), sig, len))
        return true;
    if (len != 2 * k->ec_width)
        return false;
    size_t der_len = 0;
    unsigned char *der = tm_ecdsa_raw_to_der(sig, k->ec_width, &der_len);
    if (der == NULL)
        ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
    bool ok = der != NULL && ca_proof_signed_by(k, message, strlen(message), der, der_len);
    OPENSSL_free(der);
    return ok;
}

enum ca_proof_status ca_proof_key_verify(const struct ca_proof_key *k, const char *challenge,
                                         const void *sig, size_t sig_len, struct tm_err *e)
{
    bool ok = false;
    ERR_clear_error();
    if (sig_len > 0 && sig_len <= SIGNATURE_MAX && challenge[0] != '\0') {
        if (k->ec_width != 0)
            ok = verify_ec(k, sig, sig_len, challenge);
        else
            ok = ca_proof_signed_by(k, challenge, strlen(challenge), sig, sig_len);
    }
    if (!ok)
        return ca_proof_blame(PROOF_BAD_SIGNATURE, e,
                              "the proof of possession does not verify over the token's challenge");
    ERR_clear_error();
    return PROOF_OK;
}
