#include "tools/tenmint/submit.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/fetch/again.h"
#include "tools/tenmint/refusal.h"
#include "tuf/verify/bundle/tlog.h"

#define ANSWER_MAX ((size_t)1 << 20)
#define TIMEOUT_MS 60000 /* the answer waits for a checkpoint */

static const struct {
    const char *type, *group;
    int bits;
    enum tuf_digest_algorithm digest;
    const char *details; /* enum PublicKeyDetails */
} kinds[] = {
    {"EC", "prime256v1", 0, DIGEST_SHA256, "PKIX_ECDSA_P256_SHA_256"},
    {"EC", "secp384r1", 0, DIGEST_SHA384, "PKIX_ECDSA_P384_SHA_384"},
    {"EC", "secp521r1", 0, DIGEST_SHA512, "PKIX_ECDSA_P521_SHA_512"},
    {"RSA", NULL, 2048, DIGEST_SHA256, "PKIX_RSA_PKCS1V15_2048_SHA256"},
    {"RSA", NULL, 3072, DIGEST_SHA256, "PKIX_RSA_PKCS1V15_3072_SHA256"},
    {"RSA", NULL, 4096, DIGEST_SHA256, "PKIX_RSA_PKCS1V15_4096_SHA256"},
};

static const char *details_of(const EVP_PKEY *key, enum tuf_digest_algorithm digest)
{
    char group[32] = "";
    EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (EVP_PKEY_is_a(key, kinds[i].type) && digest == kinds[i].digest &&
            (kinds[i].group != NULL ? strcmp(group, kinds[i].group) == 0
                                    : EVP_PKEY_get_bits(key) == kinds[i].bits))
            return kinds[i].details;
    }
    return NULL;
}

int submit_request(const struct tuf_bundle *b, const struct submit_order *o, struct tm_buf *out,
                   struct tm_err *e)
{
    const char *details = details_of(X509_get0_pubkey(b->leaf), o->digest);
    struct tm_buf digest = {0};
    struct tm_buf signature = {0};
    struct tm_buf certificate = {0};
    unsigned char *der = NULL;
    if (details == NULL)
        return tm_err_set(e, "signature logs take ECDSA and RSA keys of usual sizes, not this one");
    int len = i2d_X509(b->leaf, &der);
    tm_b64_encode(B64_STD, o->signed_bytes->digest[o->digest], tuf_digest_table[o->digest].len,
                  &digest);
    tm_b64_encode(B64_STD, b->signature.data, b->signature.len, &signature);
    if (len > 0)
        tm_b64_encode(B64_STD, der, (size_t)len, &certificate);
    json_t *v =
        json_pack("{s:{s:s,s:{s:s,s:{s:{s:s},s:s}}}}", "hashedRekordRequestV002", "digest",
                  tm_buf_str(&digest), "signature", "content", tm_buf_str(&signature), "verifier",
                  "x509Certificate", "rawBytes", tm_buf_str(&certificate), "keyDetails", details);
    char *text = v != NULL ? json_dumps(v, JSON_COMPACT) : NULL;
    int rc = text != NULL ? 0 : tm_err_set(e, "out of memory");
    if (text != NULL)
        tm_buf_puts(out, text);
    free(text);
    json_decref(v);
    OPENSSL_free(der);
    tm_buf_free(&digest);
    tm_buf_free(&signature);
    tm_buf_free(&certificate);
    return rc;
}

static int refused(const struct tm_fetch_response *r, struct tm_err *e)
{
    char *message = refusal_message(r);
    tm_err_set(e, "it answered HTTP %ld%s%s%s%.200s%s", r->status,
               r->request_id[0] != '\0' ? ", request " : "", r->request_id,
               message != NULL ? ": " : "", message != NULL ? message : "",
               r->status == 405 ? "; it takes no more entries: refresh the trust, or tell who runs "
                                  "it to name the newer log"
                                : "");
    free(message);
    return refusal_mark(r, e);
}

/* Nothing goes into a bundle that our own verifier would refuse there. */
static int take_answer(const struct submit_order *o, const struct tm_fetch_response *r,
                       struct tuf_bundle *b, struct tm_err *e)
{
    struct tuf_tlog_proof proof;
    if (r->status != 200 && r->status != 201)
        return refused(r, e);
    if (tuf_bundle_add_entry(b, r->body.data != NULL ? (const void *)r->body.data : "", r->body.len,
                             e) != 0)
        return -1;
    const struct tuf_log_entry *entry = &b->entries.item[b->entries.count - 1];
    if (tuf_tlog_check_logged(o->root, entry, &proof, e) != 0)
        return -1;
    return tuf_tlog_check_body(entry, b, NULL, o->signed_bytes, e);
}

int submit_entry(const struct submit_order *o, struct tuf_bundle *b, struct tm_err *e)
{
    static const char *const headers[] = {"Content-Type: application/json",
                                          "Accept: application/json", NULL};
    struct tm_buf body = {0};
    struct tm_buf url = {0};
    struct tm_fetch_response r = {0};
    size_t len = strlen(o->url);
    tm_buf_printf(&url, "%.*s/api/v2/log/entries",
                  (int)(len > 0 && o->url[len - 1] == '/' ? len - 1 : len), o->url);
    int rc = submit_request(b, o, &body, e);
    if (rc == 0) {
        const struct tm_fetch_request req = {.url = tm_buf_str(&url),
                                             .post_body = tm_buf_str(&body),
                                             .post_len = body.len,
                                             .headers = headers,
                                             .timeout_ms = TIMEOUT_MS,
                                             .max_bytes = ANSWER_MAX,
                                             .allow_http = o->allow_http,
                                             .tries = o->tries,
                                             .ca_pem = o->tls_ca};
        rc = req.url != NULL && req.post_body != NULL ? tm_fetch_run_again(&req, &r, e)
                                                      : tm_err_set(e, "out of memory");
    }
    if (rc == 0)
        rc = take_answer(o, &r, b, e);
    tm_fetch_response_free(&r);
    tm_buf_free(&url);
    tm_buf_free(&body);
    return rc == 0 ? 0 : tm_err_wrap(e, "signature log '%s'", o->url);
}
