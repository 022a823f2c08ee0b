#include "ca/log/signatures/verifier.h"

#include <stdlib.h>

#include "common/der.h"

#define CONTEXT_0 (DER_CONTEXT_CONSTRUCTED | 0)

/* sigstore protobuf-specs, PublicKeyDetails. */
enum {
    RSA_2048 = 9,
    RSA_3072 = 10,
    RSA_4096 = 11,
    P256 = 5,
    P384 = 12,
    P521 = 13,
};

const struct tm_jsonmap_name ca_sig_details[] = {{"PKIX_ECDSA_P256_SHA_256", P256, 5},
                                                 {"PKIX_ECDSA_P384_SHA_384", P384, 12},
                                                 {"PKIX_ECDSA_P521_SHA_512", P521, 13},
                                                 {"PKIX_RSA_PKCS1V15_2048_SHA256", RSA_2048, 9},
                                                 {"PKIX_RSA_PKCS1V15_3072_SHA256", RSA_3072, 10},
                                                 {"PKIX_RSA_PKCS1V15_4096_SHA256", RSA_4096, 11},
                                                 {"PKIX_ED25519", 7, 7},
                                                 {"PKIX_ED25519_PH", 8, 8},
                                                 {0}};

static const struct {
    int details;
    struct ca_sig_algorithm a;
} rows[] = {
    {P256, {"PKIX_ECDSA_P256_SHA_256", KEY_P256, "SHA256", "SHA2_256", 32}},
    {P384, {"PKIX_ECDSA_P384_SHA_384", KEY_P384, "SHA384", "SHA2_384", 48}},
    {P521, {"PKIX_ECDSA_P521_SHA_512", KEY_P521, "SHA512", "SHA2_512", 64}},
    {RSA_2048, {"PKIX_RSA_PKCS1V15_2048_SHA256", KEY_RSA_2048, "SHA256", "SHA2_256", 32}},
    {RSA_3072, {"PKIX_RSA_PKCS1V15_3072_SHA256", KEY_RSA_3072, "SHA256", "SHA2_256", 32}},
    {RSA_4096, {"PKIX_RSA_PKCS1V15_4096_SHA256", KEY_RSA_4096, "SHA256", "SHA2_256", 32}},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

struct ca_sig_algorithms {
    EVP_MD *md[ROWS];
    struct ca_spki_maker *maker;
};

struct ca_sig_algorithms *ca_sig_algorithms_new(struct tm_err *e)
{
    struct ca_sig_algorithms *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return tm_err_null(e, "out of memory");
    a->maker = ca_spki_maker_new(e);
    bool ok = a->maker != NULL;
    for (size_t i = 0; i < ROWS && ok; i++) {
        a->md[i] = EVP_MD_fetch(NULL, rows[i].a.digest, NULL);
        ok = a->md[i] != NULL;
        if (!ok)
            tm_err_openssl(e, "fetch %s", rows[i].a.digest);
    }
    if (ok)
        return a;
    ca_sig_algorithms_free(a);
    return NULL;
}

void ca_sig_algorithms_free(struct ca_sig_algorithms *a)
{
    if (a == NULL)
        return;
    for (size_t i = 0; i < ROWS; i++)
        EVP_MD_free(a->md[i]);
    ca_spki_maker_free(a->maker);
    free(a);
}

static int row_of(int details)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].details == details)
            return (int)i;
    }
    return -1;
}

const struct ca_sig_algorithm *ca_sig_algorithm_of(const struct ca_sig_verifier *v,
                                                   struct tm_err *e)
{
    int i = row_of(v->details);
    if (i >= 0)
        return &rows[i].a;
    return tm_err_null(
        e, "the verifier's keyDetails is no algorithm that this log takes: it needs one "
           "that signs a digest, as PKIX_ECDSA_P256_SHA_256");
}

/*
 * The subjectPublicKeyInfo of a certificate (RFC 5280 §4.1): Certificate { tbs { [0] version,
 * serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, … }, algorithm,
 * signature }. OpenSSL's reader of certificates decodes the key in its general way, which takes
 * longer than the signature check.
 */
static bool find_spki(const unsigned char *der, size_t len, struct tm_der_element *spki)
{
    static const unsigned char before[] = {DER_INTEGER, DER_SEQUENCE, DER_SEQUENCE, DER_SEQUENCE,
                                           DER_SEQUENCE};
    struct tm_der_element whole;
    struct tm_der_element tbs;
    struct tm_der_element part;
    if (!tm_der_take_tag(&der, &len, DER_SEQUENCE, &whole) || len != 0)
        return false;
    der = whole.value;
    len = whole.len;
    if (!tm_der_take_tag(&der, &len, DER_SEQUENCE, &tbs) ||
        !tm_der_take_tag(&der, &len, DER_SEQUENCE, &part) ||
        !tm_der_take_tag(&der, &len, DER_BIT_STRING, &part) || len != 0)
        return false;
    der = tbs.value;
    len = tbs.len;
    if (!tm_der_take_tag(&der, &len, CONTEXT_0, &part))
        return false;
    for (size_t i = 0; i < sizeof(before); i++) {
        if (!tm_der_take_tag(&der, &len, before[i], &part))
            return false;
    }
    return tm_der_take_tag(&der, &len, DER_SEQUENCE, spki);
}

int ca_sig_verifier_key(const struct ca_sig_algorithms *a, const struct ca_sig_verifier *v,
                        struct ca_proof_key *out, struct tm_err *e)
{
    int row = row_of(v->details);
    struct tm_der_element spki = {.whole = v->key.data, .whole_len = v->key.len};
    *out = (struct ca_proof_key){0};
    if (v->certificate.len > 0 && !find_spki(v->certificate.data, v->certificate.len, &spki))
        return tm_err_set(e, "the verifier's certificate is not one whole certificate in DER");
    enum ca_proof_status status = ca_spki_parse_der(a->maker, spki.whole, spki.whole_len, out, e);
    if (status != PROOF_OK)
        return tm_err_wrap(e, "the verifier's key");
    if (row < 0 || out->kind != rows[row].a.kind)
        return tm_err_set(e, "the verifier's key is not of the kind that its keyDetails names");
    out->md = a->md[row];
    out->ec_width = out->kind <= KEY_P521 ? rows[row].a.digest_len : 0;
    return 0;
}
