#include "ca/tsa/token.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "ca/signer/algorithm.h"
#include "common/certs.h"
#include "common/clock.h"
#include "common/der.h"
#include "common/shelf.h"

#define OID_SIGNED_DATA "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
#define OID_TST_INFO "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x04"
#define OID_CONTENT_TYPE "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03"
#define OID_MESSAGE_DIGEST "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04"
#define OID_SIGNING_CERTIFICATE "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x2f" /* V2, RFC 5816 */

#define DER_OID 0x06
#define DER_SET 0x31
#define DER_CONTEXT_0 (DER_CONTEXT_CONSTRUCTED | 0)

#define ACCURACY_S 1 /* seconds to either side of the truth */

struct ca_tsa_token_maker {
    EVP_PKEY *key;
    EVP_MD *md;               /* of the signature and of the signed attributes */
    struct tm_shelf contexts; /* of EVP_PKEY_CTX, ready to sign */
    bool rsa;
    struct tm_buf policy;     /* OBJECT IDENTIFIER, whole */
    struct tm_buf digest_alg; /* AlgorithmIdentifier of md */
    struct tm_buf signature_alg;
    struct tm_buf signer_id;    /* IssuerAndSerialNumber */
    struct tm_buf content_type; /* Attributes */
    struct tm_buf signing_cert;
    struct tm_buf certificates; /* [0], whole */
};

static void put_oid(struct tm_buf *b, const char *oid, size_t size)
{
    tm_der_put(b, DER_OID, oid, size - 1);
}
#define PUT_OID(b, oid) put_oid(b, oid, sizeof(oid))

static const struct {
    int nid;
    const char *name;
    const char *oid; /* of ten bytes less one */
} digests[] = {
    {NID_sha256, "SHA256", "\x60\x86\x48\x01\x65\x03\x04\x02\x01"},
    {NID_sha384, "SHA384", "\x60\x86\x48\x01\x65\x03\x04\x02\x02"},
    {NID_sha512, "SHA512", "\x60\x86\x48\x01\x65\x03\x04\x02\x03"},
};

static void put_digest_algorithm(struct tm_buf *b, int nid)
{
    size_t mark = tm_der_open(b, DER_SEQUENCE);
    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
        if (digests[i].nid == nid)
            tm_der_put(b, DER_OID, digests[i].oid, 9);
    }
    tm_der_close(b, mark);
}

/* ---- once ---- */

static void put_content_type(struct tm_buf *b)
{
    size_t attribute = tm_der_open(b, DER_SEQUENCE);
    PUT_OID(b, OID_CONTENT_TYPE);
    size_t values = tm_der_open(b, DER_SET);
    PUT_OID(b, OID_TST_INFO);
    tm_der_close(b, values);
    tm_der_close(b, attribute);
}

/* SigningCertificateV2 with one ESSCertIDv2, whose hash is SHA-256, the default. */
static void put_signing_certificate(struct tm_buf *b, const unsigned char *der, size_t len)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    SHA256(der, len, hash);
    size_t attribute = tm_der_open(b, DER_SEQUENCE);
    PUT_OID(b, OID_SIGNING_CERTIFICATE);
    size_t values = tm_der_open(b, DER_SET);
    size_t whole = tm_der_open(b, DER_SEQUENCE);
    size_t list = tm_der_open(b, DER_SEQUENCE);
    size_t id = tm_der_open(b, DER_SEQUENCE);
    tm_der_put(b, DER_OCTET_STRING, hash, sizeof(hash));
    tm_der_close(b, id);
    tm_der_close(b, list);
    tm_der_close(b, whole);
    tm_der_close(b, values);
    tm_der_close(b, attribute);
}

static int put_signer_id(struct tm_buf *b, X509 *cert)
{
    unsigned char *name = NULL;
    unsigned char *serial = NULL;
    int name_len = i2d_X509_NAME(X509_get_issuer_name(cert), &name);
    int serial_len = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &serial);
    size_t mark = tm_der_open(b, DER_SEQUENCE);
    if (name_len > 0 && serial_len > 0) {
        tm_buf_append(b, name, (size_t)name_len);
        tm_buf_append(b, serial, (size_t)serial_len);
    }
    tm_der_close(b, mark);
    OPENSSL_free(name);
    OPENSSL_free(serial);
    return name_len > 0 && serial_len > 0 ? 0 : -1;
}

static int by_der(const void *a, const void *b)
{
    const struct tm_buf *x = a;
    const struct tm_buf *y = b;
    int order = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);
    return order != 0 ? order : x->len < y->len ? -1 : x->len > y->len;
}

/* A SET OF has its elements in the order of their bytes (X.690 §11.6). The root is left out: who
 * trusts it has it. */
static int put_certificates(struct tm_buf *b, const STACK_OF(X509) * chain, struct tm_buf *first)
{
    struct tm_buf der[CERTS_MAX] = {{0}};
    size_t count = 0;
    int rc = 0;
    for (int i = 0; i < sk_X509_num(chain) && rc == 0; i++) {
        X509 *cert = sk_X509_value(chain, i);
        unsigned char *text = NULL;
        bool root = i > 0 && X509_check_issued(cert, cert) == X509_V_OK;
        int len = root ? 0 : i2d_X509(cert, &text);
        if (len > 0)
            tm_buf_append(&der[count++], text, (size_t)len);
        if (i == 0 && len > 0)
            tm_buf_append(first, text, (size_t)len);
        OPENSSL_free(text);
        rc = len < 0 ? -1 : 0;
    }
    qsort(der, count, sizeof(der[0]), by_der);
    size_t mark = tm_der_open(b, DER_CONTEXT_0);
    for (size_t i = 0; i < count; i++)
        tm_buf_append(b, der[i].data, der[i].len);
    tm_der_close(b, mark);
    for (size_t i = 0; i < count; i++)
        tm_buf_free(&der[i]);
    return rc;
}

static int lay_out(struct ca_tsa_token_maker *m, const STACK_OF(X509) * chain, const char *policy,
                   const struct ca_signer_algorithm_row *row, struct tm_err *e)
{
    struct tm_buf leaf = {0};
    unsigned char *oid_der = NULL;
    ASN1_OBJECT *oid = OBJ_txt2obj(policy, 1);
    int oid_len = oid != NULL ? i2d_ASN1_OBJECT(oid, &oid_der) : -1;
    int rc = oid_len > 0 ? 0
                         : tm_err_set(e,
                                      "the timestamp policy '%.100s' is not an object "
                                      "identifier in numbers, as 1.3.6.1.4.1.57264.2",
                                      policy);
    if (rc == 0) {
        tm_buf_append(&m->policy, oid_der, (size_t)oid_len);
        put_digest_algorithm(&m->digest_alg, EVP_MD_get_type(m->md));
        tm_buf_append(&m->signature_alg, row->der, row->der_len);
        put_content_type(&m->content_type);
        if (put_certificates(&m->certificates, chain, &leaf) != 0 ||
            put_signer_id(&m->signer_id, sk_X509_value(chain, 0)) != 0)
            rc = tm_err_openssl(e, "encode the authority's certificates");
        put_signing_certificate(&m->signing_cert, leaf.data, leaf.len);
    }
    if (rc == 0 && (buf_failed(&m->certificates) || buf_failed(&m->signing_cert) ||
                    buf_failed(&m->signer_id) || buf_failed(&m->policy)))
        rc = tm_err_set(e, "out of memory");
    tm_buf_free(&leaf);
    OPENSSL_free(oid_der);
    ASN1_OBJECT_free(oid);
    return rc;
}

struct ca_tsa_token_maker *ca_tsa_token_maker_new(const STACK_OF(X509) * chain, EVP_PKEY *key,
                                                  const char *policy, struct tm_err *e)
{
    const struct ca_signer_algorithm_row *row = ca_signer_algorithm_for(key, e);
    if (row == NULL)
        return NULL;
    if (row->digest == NULL)
        return tm_err_null(
            e, "a timestamp authority's key is RSA, P-256 or P-384: verifiers know no other");
    struct ca_tsa_token_maker *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return tm_err_null(e, "out of memory");
    EVP_PKEY_up_ref(key);
    m->key = key;
    m->rsa = EVP_PKEY_is_a(key, "RSA");
    m->md = EVP_MD_fetch(NULL, row->digest, NULL);
    int rc = m->md != NULL ? lay_out(m, chain, policy, row, e)
                           : tm_err_openssl(e, "fetch %s", row->digest);
    if (rc == 0)
        return m;
    ca_tsa_token_maker_free(m);
    return NULL;
}

void ca_tsa_token_maker_free(struct ca_tsa_token_maker *m)
{
    EVP_PKEY_CTX *ctx;
    if (m == NULL)
        return;
    while ((ctx = tm_shelf_take(&m->contexts)) != NULL)
        EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(m->key);
    EVP_MD_free(m->md);
    struct tm_buf *const bufs[] = {&m->policy,      &m->digest_alg,   &m->signature_alg,
                                   &m->signer_id,   &m->content_type, &m->signing_cert,
                                   &m->certificates};
    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
        tm_buf_free(bufs[i]);
    free(m);
}

/* ---- for each request ---- */

bool ca_tsa_policy_fits(const struct ca_tsa_token_maker *m, const struct ca_tsa_request *r)
{
    return r->policy_len == 0 ||
           (r->policy_len + 2 == m->policy.len &&
            memcmp(r->policy, (const unsigned char *)m->policy.data + 2, r->policy_len) == 0);
}

static void put_time(struct tm_buf *b, int64_t seconds)
{
    static const unsigned char digit_at[] = {0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18};
    char iso[21];
    char der[15];
    tm_clock_format(seconds, iso);
    for (size_t i = 0; i < sizeof(digit_at); i++)
        der[i] = iso[digit_at[i]];
    der[14] = 'Z';
    tm_der_put(b, DER_GENERALIZED_TIME, der, sizeof(der));
}

/* TSTInfo: version, policy, messageImprint, serialNumber, genTime, accuracy, nonce */
static void put_info(const struct ca_tsa_token_maker *m, const struct ca_tsa_request *r,
                     int64_t seconds, const unsigned char *serial, struct tm_buf *b)
{
    static const unsigned char one = 1;
    static const unsigned char accuracy = ACCURACY_S;
    size_t info = tm_der_open(b, DER_SEQUENCE);
    tm_der_put(b, DER_INTEGER, &one, 1);
    tm_buf_append(b, m->policy.data, m->policy.len);
    size_t imprint = tm_der_open(b, DER_SEQUENCE);
    put_digest_algorithm(b, r->hash_nid);
    tm_der_put(b, DER_OCTET_STRING, r->digest, r->digest_len);
    tm_der_close(b, imprint);
    tm_der_put_unsigned(b, serial, TSA_SERIAL);
    put_time(b, seconds);
    size_t range = tm_der_open(b, DER_SEQUENCE);
    tm_der_put(b, DER_INTEGER, &accuracy, 1);
    tm_der_close(b, range);
    if (r->nonce_len > 0)
        tm_der_put(b, DER_INTEGER, r->nonce, r->nonce_len);
    tm_der_close(b, info);
}

static void put_message_digest(struct tm_buf *b, const unsigned char *digest, size_t len)
{
    size_t attribute = tm_der_open(b, DER_SEQUENCE);
    PUT_OID(b, OID_MESSAGE_DIGEST);
    size_t values = tm_der_open(b, DER_SET);
    tm_der_put(b, DER_OCTET_STRING, digest, len);
    tm_der_close(b, values);
    tm_der_close(b, attribute);
}

/* The attributes' bytes without the SET's own head, in the order of X.690 §11.6: theirs follows
 * from the lengths alone, since those of messageDigest and signingCertificateV2 differ. */
static int put_attributes(const struct ca_tsa_token_maker *m, const struct tm_buf *info,
                          struct tm_buf *b, struct tm_err *e)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_Digest(info->data, info->len, digest, &len, m->md, NULL) != 1)
        return tm_err_openssl(e, "hash a timestamp");
    bool digest_first = 17 + len < m->signing_cert.len;
    tm_buf_append(b, m->content_type.data, m->content_type.len);
    if (digest_first)
        put_message_digest(b, digest, len);
    tm_buf_append(b, m->signing_cert.data, m->signing_cert.len);
    if (!digest_first)
        put_message_digest(b, digest, len);
    return 0;
}

static EVP_PKEY_CTX *context(const struct ca_tsa_token_maker *m)
{
    EVP_PKEY_CTX *ctx = tm_shelf_take((struct tm_shelf *)&m->contexts);
    if (ctx != NULL)
        return ctx;
    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, m->key, NULL);
    if (ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
        EVP_PKEY_CTX_set_signature_md(ctx, m->md) == 1 &&
        (!m->rsa || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1))
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

static int put_signature(const struct ca_tsa_token_maker *m, const struct tm_buf *set,
                         struct tm_buf *b, struct tm_err *e)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    unsigned char sig[512];
    size_t len = sizeof(sig);
    EVP_PKEY_CTX *ctx = context(m);
    bool ok = ctx != NULL &&
              EVP_Digest(set->data, set->len, digest, &digest_len, m->md, NULL) == 1 &&
              EVP_PKEY_sign(ctx, sig, &len, digest, digest_len) == 1;
    if (!ok || !tm_shelf_put((struct tm_shelf *)&m->contexts, ctx))
        EVP_PKEY_CTX_free(ctx);
    if (!ok)
        return tm_err_openssl(e, "sign a timestamp");
    tm_der_put(b, DER_OCTET_STRING, sig, len);
    return 0;
}

/* SignerInfo. What is signed is the attributes as a SET, though they are written as [0]. */
static int put_signer(const struct ca_tsa_token_maker *m, const struct tm_buf *attributes,
                      struct tm_buf *b, struct tm_err *e)
{
    static const unsigned char one = 1;
    struct tm_buf set = {0};
    size_t signer = tm_der_open(b, DER_SEQUENCE);
    tm_der_put(b, DER_INTEGER, &one, 1);
    tm_buf_append(b, m->signer_id.data, m->signer_id.len);
    tm_buf_append(b, m->digest_alg.data, m->digest_alg.len);
    tm_der_put(b, DER_CONTEXT_0, attributes->data, attributes->len);
    tm_buf_append(b, m->signature_alg.data, m->signature_alg.len);
    tm_der_put(&set, DER_SET, attributes->data, attributes->len);
    int rc = buf_failed(&set) ? tm_err_set(e, "out of memory") : put_signature(m, &set, b, e);
    tm_der_close(b, signer);
    tm_buf_free(&set);
    return rc;
}

static int put_signed_data(const struct ca_tsa_token_maker *m, const struct ca_tsa_request *r,
                           const struct tm_buf *info, struct tm_buf *b, struct tm_err *e)
{
    static const unsigned char version = 3;
    struct tm_buf attributes = {0};
    int rc = put_attributes(m, info, &attributes, e);
    size_t data = tm_der_open(b, DER_SEQUENCE);
    tm_der_put(b, DER_INTEGER, &version, 1);
    tm_der_put(b, DER_SET, m->digest_alg.data, m->digest_alg.len);
    size_t content = tm_der_open(b, DER_SEQUENCE);
    PUT_OID(b, OID_TST_INFO);
    size_t explicit = tm_der_open(b, DER_CONTEXT_0);
    tm_der_put(b, DER_OCTET_STRING, info->data, info->len);
    tm_der_close(b, explicit);
    tm_der_close(b, content);
    if (r->certificates)
        tm_buf_append(b, m->certificates.data, m->certificates.len);
    size_t signers = tm_der_open(b, DER_SET);
    if (rc == 0)
        rc = put_signer(m, &attributes, b, e);
    tm_der_close(b, signers);
    tm_der_close(b, data);
    tm_buf_free(&attributes);
    return rc;
}

int ca_tsa_token_make(const struct ca_tsa_token_maker *m, const struct ca_tsa_request *r,
                      int64_t seconds, const unsigned char serial[TSA_SERIAL], struct tm_buf *out,
                      struct tm_err *e)
{
    static const unsigned char granted = 0;
    struct tm_buf info = {0};
    put_info(m, r, seconds, serial, &info);
    size_t response = tm_der_open(out, DER_SEQUENCE);
    size_t status = tm_der_open(out, DER_SEQUENCE);
    tm_der_put(out, DER_INTEGER, &granted, 1);
    tm_der_close(out, status);
    size_t token = tm_der_open(out, DER_SEQUENCE);
    PUT_OID(out, OID_SIGNED_DATA);
    size_t explicit = tm_der_open(out, DER_CONTEXT_0);
    int rc = put_signed_data(m, r, &info, out, e);
    tm_der_close(out, explicit);
    tm_der_close(out, token);
    tm_der_close(out, response);
    if (rc == 0 && (buf_failed(out) || buf_failed(&info)))
        rc = tm_err_set(e, "out of memory");
    tm_buf_free(&info);
    return rc;
}
