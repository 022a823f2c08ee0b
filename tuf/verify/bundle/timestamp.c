#include "tuf/verify/bundle/timestamp.h"

#include <openssl/rand.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "common/clock.h"
#include "tuf/verify/bundle/path.h"

#define NONCE_LEN 8

static const int imprints[] = {NID_sha256, NID_sha384, NID_sha512};

static int check_imprint(TS_TST_INFO *info, struct tm_err *e)
{
    X509_ALGOR *algorithm = TS_MSG_IMPRINT_get_algo(TS_TST_INFO_get_msg_imprint(info));
    for (size_t i = 0; i < sizeof(imprints) / sizeof(imprints[0]); i++) {
        if (OBJ_obj2nid(algorithm->algorithm) == imprints[i])
            return 0;
    }
    return tm_err_set(e, "the timestamp's digest is none of SHA-256, SHA-384 and SHA-512");
}

static int read_time(TS_TST_INFO *info, int64_t *time_ms, struct tm_err *e)
{
    struct tm tm;
    const ASN1_GENERALIZEDTIME *t = TS_TST_INFO_get_time(info);
    if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
        return tm_err_set(e, "the timestamp states no time");
    *time_ms = (int64_t)timegm(&tm) * 1000;
    return 0;
}

/* The certificate that signed must be the one that the trusted root names. */
static int check_signer(TS_RESP *resp, const struct tuf_trust_entry *tsa, struct tm_err *e)
{
    X509 *named = sk_X509_value(tsa->chain, 0);
    STACK_OF(X509) *signers = PKCS7_get0_signers(TS_RESP_get_token(resp), tsa->chain, 0);
    int ok = sk_X509_num(signers) == 1 && X509_cmp(sk_X509_value(signers, 0), named) == 0;
    bool is_ca = (X509_get_extension_flags(named) & EXFLAG_CA) != 0;
    sk_X509_free(signers);
    return ok || is_ca ? 0
                       : tm_err_set(e, "another certificate signed than the trusted root names");
}

static TS_VERIFY_CTX *new_context(const struct tuf_trust_entry *tsa, const void *data, size_t len,
                                  int64_t time_ms)
{
    TS_VERIFY_CTX *ctx = TS_VERIFY_CTX_new();
    X509_STORE *store = tuf_path_store(tsa, time_ms);
    STACK_OF(X509) *chain = X509_chain_up_ref(tsa->chain);
    BIO *in = BIO_new_mem_buf(data, (int)len);
    if (ctx == NULL || store == NULL || chain == NULL || in == NULL) {
        TS_VERIFY_CTX_free(ctx);
        X509_STORE_free(store);
        sk_X509_pop_free(chain, X509_free);
        BIO_free(in);
        return NULL;
    }
    /* The context owns all three from here. */
    TS_VERIFY_CTX_set_store(ctx, store);
    TS_VERIFY_CTX_set_certs(ctx, chain);
    TS_VERIFY_CTX_set_data(ctx, in);
    TS_VERIFY_CTX_set_flags(ctx, TS_VFY_VERSION | TS_VFY_DATA | TS_VFY_SIGNATURE);
    return ctx;
}

static int check_authority(TS_RESP *resp, const struct tuf_trust_entry *tsa, const void *data,
                           size_t len, int64_t time_ms, struct tm_err *e)
{
    char when[VALIDITY_TEXT_MAX];
    char stated[21];
    tm_clock_format(time_ms / 1000, stated);
    if (tuf_validity_at(&tsa->valid, time_ms) != VALIDITY_INSIDE)
        return tm_err_set(e, "it states %s, but the trusted root trusts '%.100s' %s", stated,
                          tsa->uri, tuf_validity_text(&tsa->valid, when));
    TS_VERIFY_CTX *ctx = new_context(tsa, data, len, time_ms);
    if (ctx == NULL)
        return tm_err_openssl(e, "prepare the timestamp's check");
    int rc = TS_RESP_verify_response(ctx, resp) == 1
                 ? check_signer(resp, tsa, e)
                 : tm_err_openssl(e, "by '%.100s' it is not, or not over this signature", tsa->uri);
    TS_VERIFY_CTX_free(ctx);
    return rc;
}

static TS_RESP *read_response(const struct tm_buf *der, struct tm_err *e)
{
    const unsigned char *p = der->data;
    TS_RESP *resp = der->len > 0 ? d2i_TS_RESP(NULL, &p, (long)der->len) : NULL;
    if (resp == NULL) {
        tm_err_openssl(e, "the timestamp cannot be parsed");
    } else if (p != der->data + der->len || TS_RESP_get_tst_info(resp) == NULL) {
        TS_RESP_free(resp);
        resp = NULL;
        tm_err_set(e, "the timestamp has trailing bytes, or was not granted");
    }
    return resp;
}

int tuf_timestamp_verify(const struct tuf_trusted_root *root, const struct tm_buf *response,
                         const void *data, size_t len, const struct tuf_trust_entry **tsa,
                         int64_t *time_ms, struct tm_err *e)
{
    const struct tuf_trust_entry *t;
    TS_RESP *resp = read_response(response, e);
    TS_TST_INFO *info = resp != NULL ? TS_RESP_get_tst_info(resp) : NULL;
    int rc = -1;
    *tsa = NULL;
    if (info != NULL && check_imprint(info, e) == 0 && read_time(info, time_ms, e) == 0) {
        tm_err_set(e, "the trusted root has no timestamp authority");
        for (size_t i = 0; rc != 0 && (t = tuf_trusted_root_entry(root, TRUST_TSA, i)) != NULL;
             i++) {
            rc = check_authority(resp, t, data, len, *time_ms, e);
            *tsa = rc == 0 ? t : NULL;
        }
    }
    TS_RESP_free(resp);
    return rc;
}

/* --- asking for one --- */

static int fill_request(TS_REQ *req, const void *data, size_t len)
{
    unsigned char digest[32];
    unsigned char nonce[NONCE_LEN];
    TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
    X509_ALGOR *algorithm = X509_ALGOR_new();
    BIGNUM *n = NULL;
    ASN1_INTEGER *number = NULL;
    int ok = imprint != NULL && algorithm != NULL &&
             EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL) == 1 &&
             RAND_bytes(nonce, sizeof(nonce)) == 1 &&
             X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) == 1 &&
             TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
             TS_MSG_IMPRINT_set_msg(imprint, digest, sizeof(digest)) == 1 &&
             (n = BN_bin2bn(nonce, sizeof(nonce), NULL)) != NULL &&
             (number = BN_to_ASN1_INTEGER(n, NULL)) != NULL && TS_REQ_set_version(req, 1) == 1 &&
             TS_REQ_set_msg_imprint(req, imprint) == 1 && TS_REQ_set_nonce(req, number) == 1 &&
             TS_REQ_set_cert_req(req, 0) == 1;
    TS_MSG_IMPRINT_free(imprint);
    X509_ALGOR_free(algorithm);
    ASN1_INTEGER_free(number);
    BN_free(n);
    return ok ? 0 : -1;
}

int tuf_timestamp_request(const void *data, size_t len, struct tm_buf *out, struct tm_err *e)
{
    TS_REQ *req = TS_REQ_new();
    unsigned char *der = NULL;
    int n = req != NULL && fill_request(req, data, len) == 0 ? i2d_TS_REQ(req, &der) : -1;
    if (n > 0)
        tm_buf_append(out, der, (size_t)n);
    OPENSSL_free(der);
    TS_REQ_free(req);
    return n > 0 && !buf_failed(out) ? 0 : tm_err_openssl(e, "make the timestamp request");
}

int tuf_timestamp_check_granted(const struct tm_buf *response, const void *data, size_t len,
                                struct tm_err *e)
{
    TS_RESP *resp = read_response(response, e);
    if (resp == NULL)
        return -1;
    TS_VERIFY_CTX *ctx = TS_VERIFY_CTX_new();
    BIO *in = BIO_new_mem_buf(data, (int)len);
    int rc = -1;
    if (ctx == NULL || in == NULL) {
        BIO_free(in);
        tm_err_set(e, "out of memory");
    } else {
        TS_VERIFY_CTX_set_data(ctx, in); /* owns it from here */
        TS_VERIFY_CTX_set_flags(ctx, TS_VFY_VERSION | TS_VFY_DATA);
        rc = TS_RESP_verify_response(ctx, resp) == 1
                 ? 0
                 : tm_err_openssl(e, "the timestamp is not over this signature");
    }
    TS_VERIFY_CTX_free(ctx);
    TS_RESP_free(resp);
    return rc;
}
