#include "tuf/verify/bundle/scts.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "common/transparency/sct.h"

#define SKEW_MS 300000 /* a log's clock may be ahead of ours by five minutes */
#define SCTS_MAX 32    /* in one certificate; real ones have one to three */

struct context {
    const struct tuf_trusted_root *root;
    struct tm_sct_entry entry;
    int64_t now_ms;
    unsigned char seen[SCTS_MAX][SCT_LOG_ID]; /* logs that count already */
    size_t count;
    char first[128]; /* the address of the first log that counts */
};

static const struct tuf_trust_entry *find_log(const struct tuf_trusted_root *root,
                                              const struct tm_sct *s)
{
    const struct tuf_trust_entry *t;
    for (size_t i = 0; (t = tuf_trusted_root_entry(root, TRUST_CTLOG, i)) != NULL; i++) {
        if (t->log_id.len == SCT_LOG_ID && memcmp(t->log_id.data, s->log_id, SCT_LOG_ID) == 0)
            return t;
    }
    return NULL;
}

static int check_one(const struct context *c, const struct tm_sct *s,
                     const struct tuf_trust_entry **log, struct tm_err *e)
{
    char when[VALIDITY_TEXT_MAX];
    *log = find_log(c->root, s);
    if (*log == NULL)
        return tm_err_set(e,
                          "an SCT is by log %02x%02x%02x%02x…, which the trusted root does not "
                          "have",
                          s->log_id[0], s->log_id[1], s->log_id[2], s->log_id[3]);
    if (s->timestamp_ms > INT64_MAX ||
        tuf_validity_at(&(*log)->valid, (int64_t)s->timestamp_ms) != VALIDITY_INSIDE)
        return tm_err_set(e,
                          "an SCT's time is outside of what the trusted root allows its log "
                          "'%.100s': %s",
                          (*log)->uri, tuf_validity_text(&(*log)->valid, when));
    if ((*log)->key == NULL)
        return tm_err_set(e, "the log '%.100s' has a key that cannot be used here", (*log)->uri);
    if (tm_sct_verify(s, &c->entry, (*log)->key, c->now_ms, SKEW_MS, e) != 0)
        return tm_err_wrap(e, "the SCT by '%.100s'", (*log)->uri);
    return 0;
}

static void count(struct context *c, const struct tm_sct *s, const struct tuf_trust_entry *log)
{
    for (size_t i = 0; i < c->count; i++) {
        if (memcmp(c->seen[i], s->log_id, SCT_LOG_ID) == 0)
            return;
    }
    if (c->count == 0)
        snprintf(c->first, sizeof(c->first), "%s", log->uri);
    memcpy(c->seen[c->count++], s->log_id, SCT_LOG_ID);
}

static int walk(struct context *c, const unsigned char *list, size_t len, struct tuf_report *r,
                struct tm_err *e)
{
    size_t at = 0;
    struct tm_sct s;
    int more = 1;
    for (size_t n = 0; (more = tm_sct_list_next(list, len, &at, &s, e)) == 1; n++) {
        const struct tuf_trust_entry *log;
        struct tm_err why = {0};
        if (n == SCTS_MAX)
            return tm_err_set(e, "the certificate has more than %d SCTs", SCTS_MAX);
        if (check_one(c, &s, &log, &why) == 0)
            count(c, &s, log);
        else
            tuf_report_note(r, "sct", "%s", why.text);
    }
    return more;
}

/* 1: walked, 0: there is no SCT, -1: damaged. */
static int check_embedded(struct context *c, const unsigned char *der, size_t len,
                          const unsigned char *key_hash, struct tuf_report *r, struct tm_err *e)
{
    const unsigned char *list = NULL;
    size_t list_len = 0;
    struct tm_buf tbs = {0};
    int found = tm_sct_from_certificate(der, len, &list, &list_len, &tbs, e);
    if (found == 1) {
        c->entry = (struct tm_sct_entry){SCT_PRECERT, tbs.data, tbs.len, key_hash};
        if (walk(c, list, list_len, r, e) != 0)
            found = -1;
    }
    tm_buf_free(&tbs);
    return found;
}

static int check_detached(struct context *c, const unsigned char *der, size_t len,
                          const struct tm_buf *list, struct tuf_report *r, struct tm_err *e)
{
    if (list == NULL || list->len == 0)
        return 0;
    c->entry = (struct tm_sct_entry){.type = SCT_X509, .cert = der, .cert_len = len};
    return walk(c, list->data, list->len, r, e) == 0 ? 1 : -1;
}

static int check_all(struct context *c, const struct tuf_scts_of *what, struct tuf_report *r,
                     struct tm_err *e)
{
    unsigned char *der = NULL;
    unsigned char key_hash[SCT_KEY_HASH];
    int len = i2d_X509(what->leaf, &der);
    int found = len <= 0 || tm_sct_issuer_key_hash(what->issuer, key_hash, e) != 0
                    ? -1
                    : check_embedded(c, der, (size_t)len, key_hash, r, e);
    int beside = found >= 0 ? check_detached(c, der, (size_t)len, what->detached, r, e) : 0;
    OPENSSL_free(der);
    return beside < 0 ? -1 : found + beside;
}

void tuf_scts_check(const struct tuf_trusted_root *root, const struct tuf_scts_of *what,
                    size_t threshold, int64_t now_ms, struct tuf_report *r)
{
    struct context c = {.root = root, .now_ms = now_ms};
    struct tm_err e = {0};
    if (threshold == 0) {
        tuf_report_note(r, "sct", "not asked for: nothing shows that the certificate was logged");
        return;
    }
    int found = check_all(&c, what, r, &e);
    if (found < 0) {
        tuf_report_fail(r, "sct", "%s", e.text);
    } else if (found == 0) {
        tuf_report_fail(r, "sct",
                        "the certificate holds no SCT: no CT log has promised to show it");
        tuf_report_remedy(
            r, "a certificate from a CA with a CT log, the SCT that came beside it (--sct FILE), "
               "or --scts 0 if yours has none");
    } else if (c.count < threshold) {
        tuf_report_fail(r, "sct", "%zu trusted CT log(s) vouch for the certificate, %zu wanted",
                        c.count, threshold);
        tuf_report_remedy(r, "a trusted root with the log's key and window, or a lower --scts");
    } else {
        tuf_report_pass(r, "sct", "logged: %zu trusted CT log(s), %s", c.count, c.first);
    }
}
