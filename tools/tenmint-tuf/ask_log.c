/* Transparency logs: which API they have, what they are called, whether the key signs for them. */
#include <inttypes.h>
#include <string.h>

#include "ca/log/monitor/head.h"
#include "ca/log/monitor/source.h"
#include "common/transparency/digsig.h"
#include "tools/tenmint-tuf/ask.h"
#include "tuf/manager/services/answers.h"
#include "tuf/verify/bundle/tlog.h"

/* ---- log of signatures ---- */

/* Where each version of Rekor's API has what is asked for. */
struct rekor_api {
    int64_t version;
    const char *head[2]; /* its signed tree head, at one of these paths */
    const char *key;     /* NULL: it does not say its key */
    const char *entries; /* where signers post */
    int (*read)(const char *text, size_t len, struct tm_buf *note, struct tm_err *e);
};

static int read_note(const char *text, size_t len, struct tm_buf *note, struct tm_err *e)
{
    tm_buf_append(note, text, len);
    return buf_failed(note) ? tm_err_set(e, "out of memory") : 0;
}

static const struct rekor_api rekor_apis[] = {
    {2, {"/api/v2/checkpoint", "/checkpoint"}, NULL, "/api/v2/log/entries", read_note},
    {1,
     {"/api/v1/log", NULL},
     "/api/v1/log/publicKey",
     "/api/v1/log/entries",
     tuf_answer_tree_head},
};

/* The API that answers, with its answer in *r. */
static int find_api(struct ask *a, const struct rekor_api **api, struct answer *r, struct tm_err *e)
{
    for (size_t v = 0; v < 2; v++) {
        *api = &rekor_apis[v];
        for (size_t i = 0; i < 2 && (*api)->head[i] != NULL; i++) {
            int got = ask_one(a, a->url, (*api)->head[i], "", NULL, r, e);
            if (got != 0)
                return got < 0 ? -1 : 0;
            answer_free(r);
        }
    }
    return tm_err_set(e,
                      "'%.200s' is no log of signatures that clients know: it has neither a "
                      "checkpoint (Rekor v2) nor /api/v1/log (Rekor v1)",
                      a->url);
}

static int take_version(struct ask *a, int64_t found, struct tm_err *e)
{
    if (a->version != 0 && a->version != found)
        return tm_err_set(e,
                          "--api-version is %" PRId64 ", but '%.200s' has version %" PRId64
                          ": clients would ask at paths that it does not have",
                          a->version, a->url, found);
    if (a->version == 0 && found != 1)
        ask_note(a, "--api-version is left out: '%.200s' has version %" PRId64, a->url, found);
    a->version = found;
    return 0;
}

static int take_key(struct ask *a, const struct rekor_api *api, struct tm_err *e)
{
    struct answer r;
    if (a->material.len > 0)
        return 0;
    int got = api->key != NULL ? ask_one(a, a->url, api->key, "", NULL, &r, e) : 0;
    if (got == 1) {
        tm_buf_append(&a->material, r.body.data, r.body.len);
        ask_found(a, &r, "its key, since --key is left out");
        answer_free(&r);
    }
    return got != 0 ? (got < 0 ? -1 : 0)
                    : tm_err_set(e, "'%.200s' does not say its key: give --key FILE", a->url);
}

/* sigstore-go and cosign look for a Rekor v2's signature by the host of its address. */
static int check_origin(const struct ask *a, const char *origin, struct tm_err *e)
{
    const char *host = NULL;
    size_t len = tuf_trust_host(a->url, &host);
    if (strlen(origin) == len && strncmp(origin, host, len) == 0)
        return 0;
    return tm_err_set(e,
                      "the log calls itself '%.100s', and clients look for '%.*s', the host of its "
                      "address: give --url https://%.100s, and --signing-url if it is served "
                      "elsewhere",
                      origin, (int)(len < 100 ? len : 100), host, origin);
}

static int check_head(const struct ask *a, const struct rekor_api *api, struct answer *r,
                      struct tm_err *e)
{
    struct tm_buf note = {0};
    struct tm_checkpoint c = {0};
    struct tuf_trusted_root *probe = ask_probe(a, TRUST_TLOG, e);
    int rc = probe != NULL ? api->read(tm_buf_str(&r->body), r->body.len, &note, e) : -1;
    if (rc == 0)
        rc = tuf_tlog_check_checkpoint(tuf_trusted_root_entry(probe, TRUST_TLOG, 0), note.data,
                                       note.len, &c, e);
    if (rc == 0) {
        ask_found(a, r, "Rekor v%" PRId64 " '%.100s', %" PRIu64 " entries, signed by the key",
                  api->version, c.origin, c.size);
        if (api->version == 2)
            rc = check_origin(a, c.origin, e);
    }
    tm_buf_free(&note);
    tuf_trusted_root_free(probe);
    return rc;
}

/* An entry that is none: a log that takes entries says what is wrong with it. */
static int check_takes(struct ask *a, const struct rekor_api *api, struct tm_err *e)
{
    static const char nothing[] = "{}";
    struct answer r;
    struct tm_buf body = {0};
    tm_buf_puts(&body, nothing);
    int got = ask_one(a, a->signing_url, api->entries, "application/json", &body, &r, e);
    tm_buf_free(&body);
    answer_free(&r);
    if (got < 0)
        return -1;
    if (r.status == 404 || r.status == 405)
        return tm_err_set(e,
                          "'%s' answers with status %ld: %s; --verify-only leaves it out for "
                          "signers",
                          r.request, r.status,
                          r.status == 405 ? "the log takes no more entries"
                                          : "signers would post in vain");
    return 0;
}

int ask_log(struct ask *a, struct tm_err *e)
{
    const struct rekor_api *api = NULL;
    struct answer r;
    if (find_api(a, &api, &r, e) != 0)
        return -1;
    int rc = take_version(a, api->version, e);
    if (rc == 0)
        rc = take_key(a, api, e);
    if (rc == 0 && (rc = check_head(a, api, &r, e)) != 0)
        tm_err_wrap(e, "'%s'", r.request);
    if (rc == 0 && a->for_signers)
        rc = check_takes(a, api, e);
    answer_free(&r);
    return rc;
}

/* ---- CT log ---- */

static int take_ct_key(struct ask *a, struct tm_err *e)
{
    struct answer r;
    if (a->material.len > 0)
        return 0;
    int got = ask_one(a, a->url, "/log.v3.json", "", NULL, &r, e);
    int rc = got < 0 ? -1 : 0;
    if (got == 1 &&
        (rc = tuf_answer_log_key(tm_buf_str(&r.body), r.body.len, &a->material, e)) == 0)
        ask_found(a, &r, "its key, since --key is left out");
    if (got == 1 && rc != 0)
        tm_err_wrap(e, "'%s'", r.request);
    answer_free(&r);
    return got != 0
               ? rc
               : tm_err_set(e, "'%.200s' does not say its key in a log.v3.json: give --key FILE",
                            a->url);
}

/* What it is called, and that the key signs. */
static int check_ct_head(const struct ask *a, struct tm_err *e)
{
    struct ca_head_trust trust = {.log_key =
                                      tm_digsig_key_read(a->material.data, a->material.len, e)};
    struct ca_source_options o = {
        .store = {.location = a->url, .ca_pem = a->ca_pem, .timeout_ms = a->timeout_ms},
        .log_key = trust.log_key};
    struct tm_buf note = {0};
    struct ca_head head = {0};
    struct ca_log_source *s = trust.log_key != NULL ? ca_log_source_open(&o, e) : NULL;
    int rc = s != NULL ? ca_log_source_checkpoint(s, &note, e) : -1;
    if (rc == 0 && (rc = ca_head_read(&trust, note.data, note.len, a->now_ms, &head, e)) == 0) {
        struct answer r = {.status = 200};
        snprintf(r.request, sizeof(r.request), "GET %.900s/%s", a->url,
                 ca_log_source_api(s) == SOURCE_TILES ? "checkpoint" : "ct/v1/get-sth");
        ask_found(a, &r, "CT log '%.100s', %" PRIu64 " entries, signed by the key",
                  head.tree.origin, head.tree.size);
    } else {
        tm_err_wrap(e, "the CT log '%.200s'", a->url);
    }
    ca_head_free(&head);
    ca_log_source_free(s);
    tm_buf_free(&note);
    ca_head_trust_free(&trust);
    return rc;
}

static bool accepts(STACK_OF(X509) * roots, const struct tuf_trust_entry *ca)
{
    for (int r = 0; r < sk_X509_num(roots); r++) {
        for (int i = 0; i < sk_X509_num(ca->chain); i++) {
            if (X509_cmp(sk_X509_value(roots, r), sk_X509_value(ca->chain, i)) == 0)
                return true;
        }
    }
    return false;
}

/* Whether it takes certificates of the CAs that are trusted. A log that is read elsewhere than it
 * is written to does not say. */
static int check_roots(struct ask *a, struct tm_err *e)
{
    struct answer r;
    STACK_OF(X509) *roots = NULL;
    const struct tuf_trust_entry *ca;
    char id[TRUST_FINGERPRINT_MAX];
    int got = ask_one(a, a->url, "/ct/v1/get-roots", "", NULL, &r, e);
    int rc = got < 0 ? -1 : 0;
    if (got == 1 && (rc = tuf_answer_roots(tm_buf_str(&r.body), r.body.len, &roots, e)) == 0)
        ask_found(a, &r, "chains up to %d certificates are taken", sk_X509_num(roots));
    else if (got == 1)
        tm_err_wrap(e, "'%s'", r.request);
    for (size_t i = 0;
         roots != NULL && (ca = tuf_trusted_root_entry(a->known, TRUST_CA, i)) != NULL; i++) {
        if (tuf_validity_at(&ca->valid, a->now_ms) == VALIDITY_INSIDE && !accepts(roots, ca))
            ask_note(a, "the log takes no certificates of the CA %.16s (%.100s)",
                     tuf_trust_entry_fingerprint(TRUST_CA, ca, id), ca->uri);
    }
    sk_X509_pop_free(roots, X509_free);
    answer_free(&r);
    return rc;
}

int ask_ctlog(struct ask *a, struct tm_err *e)
{
    struct answer r;
    int rc = ask_one(a, a->url, "/checkpoint", "", NULL, &r, e) < 0 ? -1 : 0;
    answer_free(&r);
    if (rc == 0)
        rc = take_ct_key(a, e);
    if (rc == 0)
        rc = check_ct_head(a, e);
    return rc == 0 ? check_roots(a, e) : -1;
}
