#include "tuf/verify/bundle/scts.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "common/transparency/sct.h"

#define SKEW_MS 300000 /* a log's clock may be ahead of ours by five minutes */
#define SCTS_MAX 32    /* in one certificate; real ones have one to three */

struct context {
    const struct trusted_root *root;
    struct sct_entry entry;
    int64_t now_ms;
    unsigned char seen[SCTS_MAX][SCT_LOG_ID]; /* logs that count already */
    size_t count;
    char first[128]; /* the address of the first log that counts */
};

static const struct trust_entry *find_log(const struct trusted_root *root, const struct sct *s)
{
    const struct trust_entry *t;
    for (size_t i = 0; (t = trusted_root_entry(root, TRUST_CTLOG, i)) != NULL; i++) {
        if (t->log_id_len == SCT_LOG_ID && memcmp(t->log_id, s->log_id, SCT_LOG_ID) == 0)
            return t;
    }
    return NULL;
}

static int check_one(const struct context *c, const struct sct *s, const struct trust_entry **log,
                     struct err *e)
{
    char when[VALIDITY_TEXT_MAX];
    *log = find_log(c->root, s);
    if (*log == NULL)
        return err_set(e,
                       "an SCT is by log %02x%02x%02x%02x…, which the trusted root does not "
                       "have",
                       s->log_id[0], s->log_id[1], s->log_id[2], s->log_id[3]);
    if (s->timestamp_ms > INT64_MAX ||
        validity_at(&(*log)->valid, (int64_t)s->timestamp_ms) != VALIDITY_INSIDE)
        return err_set(e,
                       "an SCT's time is outside of what the trusted root allows its log "
                       "'%.100s': %s",
                       (*log)->uri, validity_text(&(*log)->valid, when));
    if ((*log)->key == NULL)
        return err_set(e, "the log '%.100s' has a key that cannot be used here", (*log)->uri);
    if (sct_verify(s, &c->entry, (*log)->key, c->now_ms, SKEW_MS, e) != 0)
        return err_wrap(e, "the SCT by '%.100s'", (*log)->uri);
    return 0;
}

static void count(struct context *c, const struct sct *s, const struct trust_entry *log)
{
    for (size_t i = 0; i < c->count; i++) {
        if (memcmp(c->seen[i], s->log_id, SCT_LOG_ID) == 0)
            return;
    }
    if (c->count == 0)
        snprintf(c->first, sizeof(c->first), "%s", log->uri);
    memcpy(c->seen[c->count++], s->log_id, SCT_LOG_ID);
}

static int walk(struct context *c, const unsigned char *list, size_t len, struct report *r,
                struct err *e)
{
    size_t at = 0;
    struct sct s;
    int more = 1;
    for (size_t n = 0; (more = sct_list_next(list, len, &at, &s, e)) == 1; n++) {
        const struct trust_entry *log;
        struct err why = {0};
        if (n == SCTS_MAX)
            return err_set(e, "the certificate has more than %d SCTs", SCTS_MAX);
        if (check_one(c, &s, &log, &why) == 0)
            count(c, &s, log);
        else
            report_note(r, "sct", "%s", why.text);
    }
    return more;
}

/* RFC 6962 §3.2: SHA-256 of the issuer's SubjectPublicKeyInfo. */
static int issuer_key_hash(X509 *issuer, unsigned char out[SCT_KEY_HASH], struct err *e)
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(issuer), &der);
    int ok = len > 0 && EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    return ok ? 0 : err_openssl(e, "hash the issuer's key");
}

/* 1: walked, 0: there is no SCT, -1: damaged. */
static int check_embedded(struct context *c, const unsigned char *der, size_t len,
                          const unsigned char *key_hash, struct report *r, struct err *e)
{
    const unsigned char *list = NULL;
    size_t list_len = 0;
    struct buf tbs = {0};
    int found = sct_from_certificate(der, len, &list, &list_len, &tbs, e);
    if (found == 1) {
        c->entry = (struct sct_entry){SCT_PRECERT, tbs.data, tbs.len, key_hash};
        if (walk(c, list, list_len, r, e) != 0)
            found = -1;
    }
    buf_free(&tbs);
    return found;
}

static int check_detached(struct context *c, const unsigned char *der, size_t len,
                          const struct buf *list, struct report *r, struct err *e)
{
    if (list == NULL || list->len == 0)
        return 0;
    c->entry = (struct sct_entry){.type = SCT_X509, .cert = der, .cert_len = len};
    return walk(c, list->data, list->len, r, e) == 0 ? 1 : -1;
}

static int check_all(struct context *c, const struct scts_of *what, struct report *r, struct err *e)
{
    unsigned char *der = NULL;
    unsigned char key_hash[SCT_KEY_HASH];
    int len = i2d_X509(what->leaf, &der);
    int found = len <= 0 || issuer_key_hash(what->issuer, key_hash, e) != 0
                    ? -1
                    : check_embedded(c, der, (size_t)len, key_hash, r, e);
    int beside = found >= 0 ? check_detached(c, der, (size_t)len, what->detached, r, e) : 0;
    OPENSSL_free(der);
    return beside < 0 ? -1 : found + beside;
}

void scts_check(const struct trusted_root *root, const struct scts_of *what, size_t threshold,
                int64_t now_ms, struct report *r)
{
    struct context c = {.root = root, .now_ms = now_ms};
    struct err e = {0};
    if (threshold == 0) {
        report_note(r, "sct", "not asked for: nothing shows that the certificate was logged");
        return;
    }
    int found = check_all(&c, what, r, &e);
    if (found < 0) {
        report_fail(r, "sct", "%s", e.text);
    } else if (found == 0) {
        report_fail(r, "sct", "the certificate holds no SCT: no CT log has promised to show it");
        report_remedy(
            r, "a certificate from a CA with a CT log, the SCT that came beside it (--sct FILE), "
               "or --scts 0 if yours has none");
    } else if (c.count < threshold) {
        report_fail(r, "sct", "%zu trusted CT log(s) vouch for the certificate, %zu wanted",
                    c.count, threshold);
        report_remedy(r, "a trusted root with the log's key and window, or a lower --scts");
    } else {
        report_pass(r, "sct", "logged: %zu trusted CT log(s), %s", c.count, c.first);
    }
}
