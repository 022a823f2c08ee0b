#include "tools/tenmint/issue.h"

#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "ca/signer/algorithm.h"
#include "common/b64.h"
#include "common/certs.h"
#include "common/clock.h"
#include "common/fetch/again.h"
#include "common/json/jsonmap.h"
#include "oidc/token/token.h"
#include "tools/tenmint/leaf.h"
#include "tools/tenmint/refusal.h"
#include "tools/tenmint/scts.h"
#include "tools/tenmint/token_look.h"

#define ANSWER_MAX ((size_t)256 * 1024)

/* PEM of a PKCS #10 without names, which no CA reads; signed with the hash that goes with the key,
 * the only one that Fulcio takes. */
static int make_csr(EVP_PKEY *key, BIO *pem, struct tm_err *e)
{
    const struct ca_signer_algorithm_row *row = ca_signer_algorithm_for(key, e);
    if (row == NULL)
        return -1;
    const EVP_MD *md = row->digest != NULL ? EVP_get_digestbyname(row->digest) : NULL;
    X509_REQ *req = X509_REQ_new();
    int rc = req != NULL && X509_REQ_set_version(req, 0) == 1 &&
                     X509_REQ_set_pubkey(req, key) == 1 && X509_REQ_sign(req, key, md) > 0 &&
                     PEM_write_bio_X509_REQ(pem, req) == 1
                 ? 0
                 : tm_err_openssl(e, "make the certificate request");
    X509_REQ_free(req);
    return rc;
}

/* Free with OPENSSL_cleanse: it holds the token. */
static char *request_body(const struct issue_order *o, struct tm_err *e)
{
    BIO *pem = BIO_new(BIO_s_mem());
    struct tm_buf csr = {0};
    char *text = NULL;
    char *data = NULL;
    if (pem == NULL) {
        tm_err_set(e, "out of memory");
    } else if (make_csr(o->key, pem, e) == 0) {
        long len = BIO_get_mem_data(pem, &data);
        tm_b64_encode(B64_STD, data, (size_t)len, &csr);
        json_t *body =
            json_pack("{s:{s:s%},s:s}", "credentials", "oidcIdentityToken", o->token->data,
                      o->token->len, "certificateSigningRequest", tm_buf_str(&csr));
        text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
        json_decref(body);
        if (text == NULL)
            tm_err_set(e, "the request cannot be made");
    }
    BIO_free(pem);
    tm_buf_free(&csr);
    return text;
}

/* Either form of Fulcio's answer: with the SCT in the leaf, or beside it. */
struct signed_certificate {
    struct {
        struct {
            char **item; /* PEM, the leaf first */
            size_t count;
        } certificates;
    } chain;
    struct tm_buf sct; /* the JSON that a log answers with (RFC 6962 §4.1) */
};

struct answer {
    bool embedded, detached;
    struct signed_certificate certificate;
};

#define MAP(name_, type_, members_) \
    static const struct tm_jsonmap name_ = { \
        .members = (members_), .size = sizeof(type_), .unknown = JSONMAP_IGNORE, .proto = true}
#define FORM(name_, has_) \
    { \
        .name = (name_), JSONMAP_AT(struct answer, certificate), .kind = JSONMAP_OBJECT, \
        .map = &certificate_map, .flags = JSONMAP_NOTED, .has = offsetof(struct answer, has_) \
    }

static const struct tm_jsonmap_member pem = {.kind = JSONMAP_TEXT, .min = 1};
static const struct tm_jsonmap_member chain_members[] = {
    {.name = "certificates",
     .kind = JSONMAP_LIST,
     .each = &pem,
     .size = sizeof(char *),
     .min = 1,
     .flags = JSONMAP_REQUIRED},
    {0},
};
MAP(chain_map, struct signed_certificate, chain_members);

static const struct tm_jsonmap_member certificate_members[] = {
    JSONMAP_NEED(struct signed_certificate, "chain", chain, OBJECT, .map = &chain_map),
    JSONMAP_ROW(struct signed_certificate, "signedCertificateTimestamp", sct, BASE64),
    {0},
};
MAP(certificate_map, struct signed_certificate, certificate_members);

static int check_answer(const void *it, const struct tm_jsonmap_how *how, struct tm_err *e)
{
    const struct answer *a = it;
    (void)how;
    return a->embedded != a->detached ? 0 : tm_err_set(e, "it holds not one certificate");
}

static const struct tm_jsonmap_member answer_members[] = {
    FORM("signedCertificateEmbeddedSct", embedded),
    FORM("signedCertificateDetachedSct", detached),
    {0}};
static const struct tm_jsonmap answer_map = {.members = answer_members,
                                             .size = sizeof(struct answer),
                                             .unknown = JSONMAP_IGNORE,
                                             .proto = true,
                                             .check = check_answer};

static int take_certificate(const struct issue_order *o, const struct oidc_token *t,
                            struct signed_certificate *s, struct issued *out, struct tm_err *e)
{
    for (size_t i = 0; i < s->chain.certificates.count; i++)
        tm_buf_printf(&out->chain, "%s\n", s->chain.certificates.item[i]);
    if (buf_failed(&out->chain))
        return tm_err_set(e, "out of memory");
    out->certs = tm_certs_parse(out->chain.data, out->chain.len, e);
    if (out->certs == NULL)
        return tm_err_wrap(e, "the CA's chain");
    if (leaf_check(out->certs, o->key, t, tm_clock_wall_ms() / 1000, e) != 0)
        return -1;
    out->sct_json = s->sct;
    s->sct = (struct tm_buf){0};
    return out->sct_json.len == 0 ||
                   scts_parse_detached(out->sct_json.data, out->sct_json.len, &out->scts, e) == 0
               ? 0
               : tm_err_wrap(e, "the SCT in the CA's answer");
}

static int refused(const struct tm_fetch_response *r, const struct oidc_token *t, struct tm_err *e)
{
    char *message = refusal_message(r); /* NULL: nothing that the CA itself said */
    struct tm_buf look = {0};
    struct tm_buf id = {0};
    if (message != NULL && r->status >= 400 && r->status < 500 && r->status != 429) {
        tm_buf_puts(&look, "; ");
        token_look(t, tm_clock_wall_ms() / 1000, &look);
    }
    if (r->request_id[0] != '\0')
        tm_buf_printf(&id, ", request %s", r->request_id);
    const char *shown = look.len > 0 ? tm_buf_str(&look) : "";
    const char *request = id.len > 0 ? tm_buf_str(&id) : "";
    if (message != NULL)
        tm_err_set(e, "the CA refused (HTTP %ld%s): %.150s%s", r->status, request, message, shown);
    else
        tm_err_set(e, "the CA answered HTTP %ld%s", r->status, request);
    tm_buf_free(&look);
    tm_buf_free(&id);
    free(message);
    return refusal_mark(r, e);
}

static int read_answer(const struct issue_order *o, const struct oidc_token *t,
                       const struct tm_fetch_response *r, struct issued *out, struct tm_err *e)
{
    struct answer answer = {0};
    if (r->status != 200)
        return refused(r, t, e);
    const char *text = r->body.data != NULL ? (const char *)r->body.data : "";
    int rc = tm_jsonmap_parse(text, r->body.len, ANSWER_MAX, &answer_map, NULL, &answer, e) == 0
                 ? take_certificate(o, t, &answer.certificate, out, e)
                 : tm_err_wrap(e, "the CA's answer holds no chain");
    tm_jsonmap_free(&answer_map, &answer);
    return rc;
}

static int send_order(const struct issue_order *o, struct tm_fetch_response *r, struct tm_err *e)
{
    static const char *const headers[] = {"Content-Type: application/json",
                                          "Accept: application/json", NULL};
    struct tm_buf url = {0};
    size_t len = strlen(o->ca);
    char *body = request_body(o, e);
    if (body == NULL)
        return -1;
    tm_buf_printf(&url, "%.*s/api/v2/signingCert", (int)(o->ca[len - 1] == '/' ? len - 1 : len),
                  o->ca);
    const struct tm_fetch_request req = {.url = tm_buf_str(&url),
                                         .post_body = body,
                                         .post_len = strlen(body),
                                         .headers = headers,
                                         .timeout_ms = 30000,
                                         .max_bytes = ANSWER_MAX,
                                         .allow_http = o->allow_http,
                                         .tries = o->tries,
                                         .ca_pem = o->tls_ca};
    int rc = req.url != NULL ? tm_fetch_run_again(&req, r, e) : tm_err_set(e, "out of memory");
    OPENSSL_cleanse(body, strlen(body));
    free(body);
    tm_buf_free(&url);
    return rc;
}

int issue_certificate(const struct issue_order *o, struct issued *out, struct tm_err *e)
{
    struct tm_fetch_response r = {0};
    struct oidc_token t;
    enum oidc_reason reason;
    if (oidc_token_parse((const char *)o->token->data, o->token->len, &t, &reason, e) != 0)
        return -1;
    int rc = send_order(o, &r, e);
    if (rc == 0)
        rc = read_answer(o, &t, &r, out, e);
    tm_fetch_response_free(&r);
    oidc_token_free(&t);
    return rc;
}

void issued_free(struct issued *i)
{
    tm_buf_free(&i->chain);
    tm_buf_free(&i->sct_json);
    tm_buf_free(&i->scts);
    sk_X509_pop_free(i->certs, X509_free);
    *i = (struct issued){0};
}
