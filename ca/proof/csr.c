#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "ca/proof/blame.h"
#include "ca/proof/policy.h"
#include "ca/proof/proof.h"
#include "ca/proof/spki.h"
#include "ca/proof/strength.h"
#include "common/pem.h"

/* Signature algorithms that a client of Fulcio's hears by name: those that a request may be signed
 * with imply a hash, the others have Fulcio's (Go's) name. Any other does not verify. */
static const struct algorithm {
    int nid;
    int pss_hash; /* of RSA-PSS, which has one NID */
    int hash;
    const char *refused;
} algorithms[] = {
    {NID_ecdsa_with_SHA256, 0, NID_sha256, NULL},
    {NID_ecdsa_with_SHA384, 0, NID_sha384, NULL},
    {NID_ecdsa_with_SHA512, 0, NID_sha512, NULL},
    {NID_sha256WithRSAEncryption, 0, NID_sha256, NULL},
    {NID_sha384WithRSAEncryption, 0, NID_sha384, NULL},
    {NID_sha512WithRSAEncryption, 0, NID_sha512, NULL},
    {NID_ED25519, 0, NID_undef, NULL},
    {NID_rsassaPss, NID_sha256, 0, "SHA256-RSAPSS"},
    {NID_rsassaPss, NID_sha384, 0, "SHA384-RSAPSS"},
    {NID_rsassaPss, NID_sha512, 0, "SHA512-RSAPSS"},
    {NID_sha1WithRSAEncryption, 0, 0, "SHA1-RSA"},
    {NID_ecdsa_with_SHA1, 0, 0, "ECDSA-SHA1"},
};

static int pss_hash(const X509_REQ *req)
{
    const X509_ALGOR *alg = NULL;
    X509_REQ_get0_signature(req, NULL, &alg);
    RSA_PSS_PARAMS *p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), alg->parameter);
    int nid = p != NULL && p->hashAlgorithm != NULL ? OBJ_obj2nid(p->hashAlgorithm->algorithm)
                                                    : NID_undef;
    RSA_PSS_PARAMS_free(p);
    return nid;
}

static const struct algorithm *algorithm_of(const X509_REQ *req)
{
    int nid = X509_REQ_get_signature_nid(req);
    int hash = nid == NID_rsassaPss ? pss_hash(req) : 0;
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        if (algorithms[i].nid == nid && algorithms[i].pss_hash == hash)
            return &algorithms[i];
    }
    return NULL;
}

static X509_REQ *decode(const void *pem, size_t len)
{
    struct tm_buf der = {0};
    X509_REQ *req = NULL;
    if (len <= SPKI_INPUT_MAX && (tm_pem_body("CERTIFICATE REQUEST", pem, len, &der) == 0 ||
                                  tm_pem_body("NEW CERTIFICATE REQUEST", pem, len, &der) == 0)) {
        const unsigned char *p = der.data;
        req = d2i_X509_REQ(NULL, &p, (long)der.len);
        if (req != NULL && p != der.data + der.len) {
            X509_REQ_free(req);
            req = NULL;
        }
    }
    tm_buf_free(&der);
    return req;
}

static enum ca_proof_status check(const struct ca_proof_policy *p, X509_REQ *req,
                                  struct ca_proof_key *out, struct tm_err *e)
{
    out->key = X509_REQ_get_pubkey(req);
    if (out->key == NULL)
        return ca_proof_blame(PROOF_CSR_UNPARSABLE, e, "the request's key cannot be read");
    enum ca_proof_status status = ca_spki_encode(out, e);
    if (status == PROOF_KEY_UNPARSABLE)
        return PROOF_CSR_UNPARSABLE; /* a client of Fulcio's hears of the whole request */
    if (status == PROOF_OK)
        status = ca_strength_check(out->key, e);
    if (status != PROOF_OK)
        return status;
    const struct algorithm *a = algorithm_of(req);
    if (a == NULL || X509_REQ_verify(req, out->key) != 1)
        return ca_proof_blame(PROOF_BAD_SIGNATURE, e,
                              "the request's own signature does not verify");
    if (a->refused != NULL) {
        tm_err_set(e, "unrecognized signature algorithm: %s", a->refused);
        return PROOF_UNKNOWN_ALGORITHM;
    }
    out->md = ca_policy_digest(p, a->hash);
    return ca_policy_check(p, out->key, a->hash, e);
}

enum ca_proof_status ca_proof_csr_parse(const struct ca_proof_policy *p, const void *pem,
                                        size_t len, struct ca_proof_key *out, struct tm_err *e)
{
    *out = (struct ca_proof_key){0};
    ERR_clear_error();
    X509_REQ *req = len > 0 ? decode(pem, len) : NULL;
    if (req == NULL)
        return ca_proof_blame(PROOF_CSR_UNPARSABLE, e, "not one PEM block with a PKCS#10 request");
    ERR_clear_error();
    enum ca_proof_status status = check(p, req, out, e);
    X509_REQ_free(req);
    if (status != PROOF_OK)
        ca_proof_key_free(out);
    return status;
}
