#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <string.h>

#include "ca/proof/blame.h"
#include "ca/proof/policy.h"
#include "ca/proof/proof.h"
#include "ca/proof/spki.h"
#include "common/der.h"
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

/*
 * OpenSSL decodes the key of a request in its general way, which takes longer than all else that is
 * done for a certificate. So the usual request is taken apart here, and what is unusual in any way
 * is left to OpenSSL.
 */
struct request {
    const unsigned char *info; /* what is signed */
    size_t info_len;
    struct tm_der_element spki;
    const unsigned char *sig;
    size_t sig_len;
    int hash;
};

/* AlgorithmIdentifiers with the hash that each implies. */
static const struct {
    const char *der;
    size_t len;
    int hash;
} usual[] = {
    {"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 10, NID_sha256},
    {"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03", 10, NID_sha384},
    {"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04", 10, NID_sha512},
    {"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00", 13, NID_sha256},
    {"\x06\x03\x2b\x65\x70", 5, NID_undef},
};

static bool usual_algorithm(const struct tm_der_element *a, int *hash)
{
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        if (a->len == usual[i].len && memcmp(a->value, usual[i].der, a->len) == 0) {
            *hash = usual[i].hash;
            return true;
        }
    }
    return false;
}

/* Nothing of a subject or of attributes goes into a certificate: they must only be what they seem
 * to be. OpenSSL's own readers of these two need no decoder of keys. */
static bool subject_ok(const struct tm_der_element *subject)
{
    const unsigned char *p = subject->whole;
    X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)subject->whole_len);
    bool ok = name != NULL && p == subject->whole + subject->whole_len;
    X509_NAME_free(name);
    return ok;
}

static bool attributes_ok(const struct tm_der_element *attributes)
{
    const unsigned char *p = attributes->value;
    size_t left = attributes->len;
    struct tm_der_element one;
    while (left > 0) {
        if (tm_der_take(&p, &left, &one) != 0)
            return false;
        const unsigned char *q = one.whole;
        X509_ATTRIBUTE *a = d2i_X509_ATTRIBUTE(NULL, &q, (long)one.whole_len);
        bool ok = a != NULL && q == one.whole + one.whole_len;
        X509_ATTRIBUTE_free(a);
        if (!ok)
            return false;
    }
    return true;
}

/* CertificationRequestInfo { version 0, subject, subjectPKInfo, [0] attributes } (RFC 2986 §4.1) */
static bool read_info(const struct tm_der_element *info, struct tm_der_element *spki)
{
    const unsigned char *p = info->value;
    size_t left = info->len;
    struct tm_der_element version;
    struct tm_der_element subject;
    struct tm_der_element attributes;
    return tm_der_take_tag(&p, &left, DER_INTEGER, &version) && version.len == 1 &&
           version.value[0] == 0 && tm_der_take_tag(&p, &left, DER_SEQUENCE, &subject) &&
           subject_ok(&subject) && tm_der_take_tag(&p, &left, DER_SEQUENCE, spki) &&
           tm_der_take_tag(&p, &left, DER_CONTEXT_CONSTRUCTED, &attributes) &&
           attributes_ok(&attributes) && left == 0;
}

static bool read_request(const unsigned char *der, size_t len, struct request *r)
{
    struct tm_der_element whole;
    struct tm_der_element info;
    struct tm_der_element algorithm;
    struct tm_der_element sig;
    if (!tm_der_take_tag(&der, &len, DER_SEQUENCE, &whole) || len != 0)
        return false;
    der = whole.value;
    len = whole.len;
    if (!tm_der_take_tag(&der, &len, DER_SEQUENCE, &info) || !read_info(&info, &r->spki) ||
        !tm_der_take_tag(&der, &len, DER_SEQUENCE, &algorithm) ||
        !usual_algorithm(&algorithm, &r->hash) ||
        !tm_der_take_tag(&der, &len, DER_BIT_STRING, &sig) || len != 0 || sig.len < 2 ||
        sig.value[0] != 0)
        return false;
    r->info = info.whole;
    r->info_len = info.whole_len;
    r->sig = sig.value + 1;
    r->sig_len = sig.len - 1;
    return true;
}

/* PROOF_OK, or anything else: OpenSSL's way then says what is wrong, if something is. */
static enum ca_proof_status check_usual(const struct ca_proof_policy *p, const unsigned char *der,
                                        size_t len, struct ca_proof_key *out, struct tm_err *e)
{
    struct request r;
    ERR_clear_error();
    if (!read_request(der, len, &r) ||
        ca_spki_read(r.spki.whole, r.spki.whole_len).kind == KEY_OTHER)
        return PROOF_CSR_UNPARSABLE;
    enum ca_proof_status status =
        ca_spki_parse_der(ca_policy_maker(p), r.spki.whole, r.spki.whole_len, out, e);
    if (status == PROOF_OK)
        status = ca_policy_strength(p, out, e);
    if (status != PROOF_OK || ca_policy_hash_for(out->kind) != r.hash)
        return PROOF_CSR_UNPARSABLE;
    ca_policy_prepare(p, r.hash, out);
    if (!ca_proof_signed_by(out, r.info, r.info_len, r.sig, r.sig_len))
        return PROOF_CSR_UNPARSABLE;
    return ca_policy_check(p, out->kind, r.hash, e);
}

static X509_REQ *decode(const unsigned char *der, size_t len)
{
    const unsigned char *p = der;
    X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)len);
    if (req != NULL && p == der + len)
        return req;
    X509_REQ_free(req);
    return NULL;
}

static enum ca_proof_status check_request(const struct ca_proof_policy *p, X509_REQ *req,
                                          struct ca_proof_key *out, struct tm_err *e)
{
    out->key = X509_REQ_get_pubkey(req);
    if (out->key == NULL)
        return ca_proof_blame(PROOF_CSR_UNPARSABLE, e, "the request's key cannot be read");
    enum ca_proof_status status = ca_spki_encode(out, e);
    if (status == PROOF_KEY_UNPARSABLE)
        return PROOF_CSR_UNPARSABLE; /* a client of Fulcio's hears of the whole request */
    if (status == PROOF_OK)
        status = ca_policy_strength(p, out, e);
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
    ca_policy_prepare(p, a->hash, out);
    return ca_policy_check(p, out->kind, a->hash, e);
}

static enum ca_proof_status check_general(const struct ca_proof_policy *p, const unsigned char *der,
                                          size_t len, struct ca_proof_key *out, struct tm_err *e)
{
    ERR_clear_error();
    X509_REQ *req = decode(der, len);
    if (req == NULL)
        return ca_proof_blame(PROOF_CSR_UNPARSABLE, e, "not one PEM block with a PKCS#10 request");
    ERR_clear_error();
    enum ca_proof_status status = check_request(p, req, out, e);
    X509_REQ_free(req);
    return status;
}

enum ca_proof_status ca_proof_csr_parse(const struct ca_proof_policy *p, const void *pem,
                                        size_t len, struct ca_proof_key *out, struct tm_err *e)
{
    struct tm_buf der = {0};
    *out = (struct ca_proof_key){0};
    if (len == 0 || len > SPKI_INPUT_MAX ||
        (tm_pem_body("CERTIFICATE REQUEST", pem, len, &der) != 0 &&
         tm_pem_body("NEW CERTIFICATE REQUEST", pem, len, &der) != 0)) {
        tm_buf_free(&der);
        tm_err_set(e, "not one PEM block with a PKCS#10 request");
        return PROOF_CSR_UNPARSABLE;
    }
    enum ca_proof_status status = check_usual(p, der.data, der.len, out, e);
    if (status != PROOF_OK) {
        ca_proof_key_free(out);
        status = check_general(p, der.data, der.len, out, e);
    }
    tm_buf_free(&der);
    if (status != PROOF_OK)
        ca_proof_key_free(out);
    return status;
}
