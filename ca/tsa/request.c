#include "ca/tsa/request.h"

#include <openssl/err.h>
#include <openssl/ts.h>
#include <string.h>

#include "common/json/jsonmap.h"

static const struct {
    const char *name;
    int nid;
    int len;
} hashes[] = {{"sha256", NID_sha256, 32}, {"sha384", NID_sha384, 48}, {"sha512", NID_sha512, 64}};
#define HASHES (sizeof(hashes) / sizeof(hashes[0]))

static int set_digest(size_t hash, const unsigned char *digest, size_t len,
                      struct ca_tsa_request *out, struct tm_err *e)
{
    if (len != (size_t)hashes[hash].len)
        return tm_err_set(e, "a digest of %zu bytes; %s has %d", len, hashes[hash].name,
                          hashes[hash].len);
    out->hash_nid = hashes[hash].nid;
    out->digest_len = len;
    memcpy(out->digest, digest, len);
    return 0;
}

static int set_imprint(TS_MSG_IMPRINT *imprint, struct ca_tsa_request *out, struct tm_err *e)
{
    const ASN1_OBJECT *oid = NULL;
    int type = V_ASN1_UNDEF;
    const ASN1_OCTET_STRING *digest = TS_MSG_IMPRINT_get_msg(imprint);
    X509_ALGOR_get0(&oid, &type, NULL, TS_MSG_IMPRINT_get_algo(imprint));
    if (type != V_ASN1_UNDEF && type != V_ASN1_NULL)
        return tm_err_set(e, "the hash algorithm has parameters");
    for (size_t i = 0; i < HASHES; i++) {
        if (hashes[i].nid == OBJ_obj2nid(oid))
            return set_digest(i, ASN1_STRING_get0_data(digest), (size_t)ASN1_STRING_length(digest),
                              out, e);
    }
    return tm_err_set(e, "a hash algorithm other than SHA-256, SHA-384 and SHA-512");
}

/* The value of an INTEGER or OBJECT IDENTIFIER: what its encoding has after tag and length. */
static int copy_value(const unsigned char *der, int der_len, const char *what, unsigned char *out,
                      size_t max, size_t *len, struct tm_err *e)
{
    if (der_len < 3 || der[1] >= 0x80 || (size_t)der_len - 2 > max)
        return tm_err_set(e, "%s is over-long", what);
    *len = (size_t)der_len - 2;
    memcpy(out, der + 2, *len);
    return 0;
}

static int set_nonce(const ASN1_INTEGER *nonce, struct ca_tsa_request *out, struct tm_err *e)
{
    unsigned char *der = NULL;
    int len = i2d_ASN1_INTEGER(nonce, &der);
    int rc = copy_value(der, len, "the nonce", out->nonce, sizeof(out->nonce), &out->nonce_len, e);
    OPENSSL_free(der);
    return rc;
}

static int set_policy(const ASN1_OBJECT *policy, struct ca_tsa_request *out, struct tm_err *e)
{
    unsigned char *der = NULL;
    int len = i2d_ASN1_OBJECT(policy, &der);
    int rc =
        copy_value(der, len, "the policy", out->policy, sizeof(out->policy), &out->policy_len, e);
    OPENSSL_free(der);
    return rc;
}

static int fill(TS_REQ *req, struct ca_tsa_request *out, struct tm_err *e)
{
    if (TS_REQ_get_version(req) != 1)
        return tm_err_set(e, "a timestamp request of another version than 1");
    if (TS_REQ_get_ext_count(req) > 0)
        return tm_err_set(e, "extensions of timestamp requests are not known here");
    if (set_imprint(TS_REQ_get_msg_imprint(req), out, e) != 0 ||
        (TS_REQ_get_nonce(req) != NULL && set_nonce(TS_REQ_get_nonce(req), out, e) != 0) ||
        (TS_REQ_get_policy_id(req) != NULL && set_policy(TS_REQ_get_policy_id(req), out, e) != 0))
        return -1;
    out->certificates = TS_REQ_get_cert_req(req) != 0;
    return 0;
}

int ca_tsa_request_read(const unsigned char *der, size_t len, struct ca_tsa_request *out,
                        struct tm_err *e)
{
    const unsigned char *p = der;
    *out = (struct ca_tsa_request){0};
    TS_REQ *req = len <= TSA_QUERY_MAX ? d2i_TS_REQ(NULL, &p, (long)len) : NULL;
    int rc = req != NULL && p == der + len
                 ? fill(req, out, e)
                 : tm_err_set(e, "not one whole timestamp request (RFC 3161)");
    TS_REQ_free(req);
    ERR_clear_error();
    return rc;
}

/* ---- the JSON form ---- */

struct form {
    struct tm_buf digest;
    int hash;
    int64_t nonce;
    bool has_nonce;
    bool certificates;
    char *policy;
};

static const struct tm_jsonmap_name hash_names[] = {
    {"sha256", 0, 0}, {"sha384", 1, 1}, {"sha512", 2, 2}, {0}};

static const struct tm_jsonmap_member form_members[] = {
    JSONMAP_NEED(struct form, "artifactHash", digest, BASE64, .min = 1, .max = 64),
    JSONMAP_ROW(struct form, "hashAlgorithm", hash, ENUM, .names = hash_names,
                .flags = JSONMAP_REQUIRED | JSONMAP_MUST_KNOW),
    JSONMAP_ROW(struct form, "nonce", nonce, INTEGER, .min = 0, .max = INT64_MAX,
                .flags = JSONMAP_NOTED | JSONMAP_NULL, .has = offsetof(struct form, has_nonce)),
    JSONMAP_ROW(struct form, "certificates", certificates, BOOL, .flags = JSONMAP_NULL),
    JSONMAP_ROW(struct form, "tsaPolicyOID", policy, TEXT, .min = 1, .max = 256,
                .flags = JSONMAP_NULL),
    {0}};

static const struct tm_jsonmap form_map = {
    .members = form_members, .size = sizeof(struct form), .unknown = JSONMAP_REFUSE};

static int set_policy_text(const char *text, struct ca_tsa_request *out, struct tm_err *e)
{
    ASN1_OBJECT *oid = OBJ_txt2obj(text, 1);
    int rc = oid != NULL ? set_policy(oid, out, e)
                         : tm_err_set(e, "tsaPolicyOID: not an object identifier in numbers");
    ASN1_OBJECT_free(oid);
    return rc;
}

static int set_nonce_number(int64_t n, struct ca_tsa_request *out, struct tm_err *e)
{
    ASN1_INTEGER *nonce = ASN1_INTEGER_new();
    int rc = nonce != NULL && ASN1_INTEGER_set_int64(nonce, n) == 1
                 ? set_nonce(nonce, out, e)
                 : tm_err_set(e, "out of memory");
    ASN1_INTEGER_free(nonce);
    return rc;
}

int ca_tsa_request_read_json(const char *text, size_t len, struct ca_tsa_request *out,
                             struct tm_err *e)
{
    struct form f = {0};
    *out = (struct ca_tsa_request){0};
    int rc = tm_jsonmap_parse(text, len, TSA_QUERY_MAX, &form_map, NULL, &f, e);
    if (rc == 0)
        rc = set_digest((size_t)f.hash, f.digest.data, f.digest.len, out, e);
    if (rc == 0 && f.policy != NULL)
        rc = set_policy_text(f.policy, out, e);
    if (rc == 0 && f.has_nonce)
        rc = set_nonce_number(f.nonce, out, e);
    out->certificates = f.certificates;
    tm_jsonmap_free(&form_map, &f);
    ERR_clear_error();
    return rc;
}
