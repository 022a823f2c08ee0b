#include <openssl/err.h>
#include <openssl/x509.h>

#include "ca/proof/blame.h"
#include "ca/proof/policy.h"
#include "ca/proof/proof.h"
#include "ca/proof/spki.h"
#include "ca/proof/strength.h"
#include "common/pem.h"

/* Signature algorithms a request may be signed with, and the hash each implies. */
static const struct {
    int nid;
    int hash;
} algorithms[] = {
    {NID_ecdsa_with_SHA256, NID_sha256},
    {NID_ecdsa_with_SHA384, NID_sha384},
    {NID_ecdsa_with_SHA512, NID_sha512},
    {NID_sha256WithRSAEncryption, NID_sha256},
    {NID_sha384WithRSAEncryption, NID_sha384},
    {NID_sha512WithRSAEncryption, NID_sha512},
    {NID_ED25519, NID_undef},
};

static X509_REQ *decode(const void *pem, size_t len)
{
    struct buf der = {0};
    X509_REQ *req = NULL;
    if (len <= SPKI_INPUT_MAX && (pem_body("CERTIFICATE REQUEST", pem, len, &der) == 0 ||
                                  pem_body("NEW CERTIFICATE REQUEST", pem, len, &der) == 0)) {
        const unsigned char *p = der.data;
        req = d2i_X509_REQ(NULL, &p, (long)der.len);
        if (req != NULL && p != der.data + der.len) {
            X509_REQ_free(req);
            req = NULL;
        }
    }
    buf_free(&der);
    return req;
}

static enum proof_status check(const struct proof_policy *p, X509_REQ *req, struct proof_key *out,
                               struct err *e)
{
    out->key = X509_REQ_get_pubkey(req);
    if (out->key == NULL)
        return proof_blame(PROOF_CSR_UNPARSABLE, e, "the request's key cannot be read");
    enum proof_status status = spki_encode(out, e);
    if (status == PROOF_KEY_UNPARSABLE)
        return PROOF_CSR_UNPARSABLE; /* a client of Fulcio's hears of the whole request */
    if (status == PROOF_OK)
        status = strength_check(out->key, e);
    if (status != PROOF_OK)
        return status;
    int nid = X509_REQ_get_signature_nid(req);
    size_t i = 0;
    size_t rows = sizeof(algorithms) / sizeof(algorithms[0]);
    while (i < rows && algorithms[i].nid != nid)
        i++;
    if (i == rows) {
        const char *name = nid != NID_undef ? OBJ_nid2ln(nid) : "UnknownSignatureAlgorithm";
        err_set(e, "unrecognized signature algorithm: %s", name);
        return PROOF_UNKNOWN_ALGORITHM;
    }
    out->md = policy_digest(p, algorithms[i].hash);
    status = policy_check(p, out->key, algorithms[i].hash, e);
    if (status != PROOF_OK)
        return status;
    if (X509_REQ_verify(req, out->key) != 1)
        return proof_blame(PROOF_BAD_SIGNATURE, e, "the request's own signature does not verify");
    return PROOF_OK;
}

enum proof_status proof_csr_parse(const struct proof_policy *p, const void *pem, size_t len,
                                  struct proof_key *out, struct err *e)
{
    *out = (struct proof_key){0};
    ERR_clear_error();
    X509_REQ *req = len > 0 ? decode(pem, len) : NULL;
    if (req == NULL)
        return proof_blame(PROOF_CSR_UNPARSABLE, e, "not one PEM block with a PKCS#10 request");
    ERR_clear_error();
    enum proof_status status = check(p, req, out, e);
    X509_REQ_free(req);
    if (status != PROOF_OK)
        proof_key_free(out);
    return status;
}
