#include "ca/log/witness/client.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/log/witness/request.h"
#include "ca/log/witness/witness.h"
#include "common/b64.h"
#include "common/clock.h"
#include "common/fetch/fetch.h"

#define TIMEOUT_MS 2000
#define WITNESS_TRANSFERS_MAX 256
#define ANSWER_MAX ((size_t)16 * 1024)
#define REST_MS 30000 /* how long a witness that failed is left alone */
#define ROUNDS 3      /* asked with a size that it did not have: it says which, and is asked anew */
#define FUTURE_MS 300000
#define EVIDENCE_MS 500 /* at least, for a witness that disagrees to prove it */

struct peer {
    struct ca_witness_client *client;
    char *url;        /* of add-checkpoint; owned */
    char *monitoring; /* of the log's checkpoint there; owned */
    struct tm_note_key key;
    uint64_t size;    /* that it cosigned last, as far as is known */
    int64_t rest_ms;  /* monotonic: not to be asked before */
    bool asked, done; /* in this round; guarded by the client's lock */
    int rc;
    struct tm_fetch_response response; /* owned */
    struct tm_err error;
    bool cosigned;
    bool contradicts; /* it says that it has seen another tree */
};

struct ca_witness_client {
    struct ca_witness_client_options o;
    char *ca_pem; /* owned */
    struct tm_note_key log_key;
    struct tm_fetch_pool *pool;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct peer *peer; /* owned; o.count of them */
};

static void on_done(void *arg, int rc, struct tm_fetch_response *resp, const struct tm_err *e)
{
    struct peer *p = arg;
    pthread_mutex_lock(&p->client->lock);
    p->rc = rc;
    p->response = *resp;
    *resp = (struct tm_fetch_response){0};
    p->error = *e;
    p->done = true;
    pthread_cond_broadcast(&p->client->changed);
    pthread_mutex_unlock(&p->client->lock);
}

/* PREFIX/REST, whether the prefix ends with '/' or not. */
static char *join_url(const char *prefix, const char *rest)
{
    size_t len = strlen(prefix);
    char *out = NULL;
    while (len > 0 && prefix[len - 1] == '/')
        len--;
    return asprintf(&out, "%.*s/%s", (int)len, prefix, rest) < 0 ? NULL : out;
}

static int init_peer(struct ca_witness_client *c, struct peer *p,
                     const struct ca_witness_peer *from, struct tm_err *e)
{
    char hash[WITNESS_HASH_TEXT];
    char name[WITNESS_HASH_TEXT + sizeof("/checkpoint")];
    p->client = c;
    ca_witness_origin_hash(c->log_key.name, hash);
    snprintf(name, sizeof(name), "%s/checkpoint", hash);
    p->url = join_url(from->url, "add-checkpoint");
    p->monitoring = join_url(from->monitoring != NULL ? from->monitoring : from->url, name);
    if (p->url == NULL || p->monitoring == NULL)
        return tm_err_set(e, "out of memory");
    if (tm_note_vkey_parse(from->vkey, strlen(from->vkey), &p->key, e) != 0)
        return tm_err_wrap(e, "witness '%.100s'", from->url);
    return p->key.type == NOTE_COSIGNATURE
               ? 0
               : tm_err_set(e, "witness '%.100s': its verifier key is not of type 4", from->url);
}

struct ca_witness_client *ca_witness_client_new(const struct ca_witness_client_options *o,
                                                struct tm_err *e)
{
    struct ca_witness_client *c = calloc(1, sizeof(*c));
    if (c == NULL || (c->peer = calloc(o->count, sizeof(*c->peer))) == NULL) {
        free(c);
        return tm_err_null(e, "out of memory");
    }
    c->o = *o;
    c->o.peer = NULL;
    c->o.timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : TIMEOUT_MS;
    c->o.rest_ms = o->rest_ms > 0 ? o->rest_ms : REST_MS;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    c->pool = tm_fetch_pool_open(o->fetch_hub, WITNESS_TRANSFERS_MAX, e);
    int rc = c->pool != NULL ? 0 : -1;
    if (rc == 0 && o->ca_pem != NULL && (c->ca_pem = strdup(o->ca_pem)) == NULL)
        rc = tm_err_set(e, "out of memory");
    c->log_key = *o->log_key;
    c->o.log_key = NULL;
    for (size_t i = 0; rc == 0 && i < o->count; i++)
        rc = init_peer(c, &c->peer[i], &o->peer[i], e);
    if (rc != 0) {
        ca_witness_client_free(c);
        return NULL;
    }
    return c;
}

void ca_witness_client_free(struct ca_witness_client *c)
{
    if (c == NULL)
        return;
    tm_fetch_pool_free(c->pool);
    for (size_t i = 0; i < c->o.count; i++) {
        free(c->peer[i].url);
        free(c->peer[i].monitoring);
        EVP_PKEY_free(c->peer[i].key.key);
        tm_fetch_response_free(&c->peer[i].response);
    }
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c->peer);
    free(c->ca_pem);
    free(c);
}

static int start(struct ca_witness_client *c, struct peer *p, const struct tm_buf *note,
                 uint64_t size, int64_t timeout_ms, struct tm_err *e)
{
    struct ca_witness_request r = {
        .old_size = p->size, .note = (const char *)note->data, .note_len = note->len};
    struct tm_merkle_hash proof[MERKLE_PROOF_MAX];
    struct tm_buf body = {0};
    p->contradicts = p->size > size;
    if (p->contradicts)
        return tm_err_set(e,
                          "it says that it cosigned a tree of %llu, which is more than the log has",
                          (unsigned long long)p->size);
    if (p->size > 0 && p->size < size &&
        c->o.proof(c->o.ctx, p->size, size, proof, &r.count, e) != 0)
        return -1;
    if (r.count > WITNESS_PROOF_MAX)
        return tm_err_set(e, "the proof is too long");
    memcpy(r.proof, proof, r.count * sizeof(proof[0]));
    ca_witness_request_put(&r, &body);
    static const char *const headers[] = {"Content-Type: text/plain; charset=utf-8", NULL};
    struct tm_fetch_request req = {.url = p->url,
                                   .post_body = (const char *)body.data,
                                   .post_len = body.len,
                                   .headers = headers,
                                   .ca_pem = c->ca_pem,
                                   .allow_http = c->o.allow_http,
                                   .timeout_ms = timeout_ms,
                                   .max_bytes = ANSWER_MAX};
    p->done = false;
    int rc = buf_failed(&body) ? tm_err_set(e, "out of memory")
                               : tm_fetch_pool_start(c->pool, &req, on_done, p, e);
    tm_buf_free(&body);
    return rc;
}

/* Its signature lines are taken from the answer when, behind the checkpoint, they verify. */
static int take_cosignature(struct peer *p, const struct tm_buf *text, struct tm_buf *lines,
                            int64_t now_ms, struct tm_err *e)
{
    struct tm_buf whole = {0};
    struct tm_note n = {.count = 0};
    uint64_t when = 0;
    tm_buf_append(&whole, text->data, text->len);
    buf_putc(&whole, '\n');
    tm_buf_append(&whole, p->response.body.data, p->response.body.len);
    int rc = buf_failed(&whole) ? tm_err_set(e, "out of memory")
                                : tm_note_parse(whole.data, whole.len, &n, e);
    if (rc != 0) {
        tm_buf_free(&whole);
        return -1;
    }
    rc = tm_note_verify(&n, &p->key, &when, e);
    if (rc == 0 && (when == 0 || when > (uint64_t)now_ms + FUTURE_MS))
        rc = tm_err_set(e, "its cosignature has no time, or one in the future");
    for (size_t i = 0; rc == 0 && i < n.count; i++) {
        const struct tm_note_signature *s = &n.signature[i];
        if (s->name_len != strlen(p->key.name) || memcmp(s->name, p->key.name, s->name_len) != 0 ||
            memcmp(s->id, p->key.id, sizeof(s->id)) != 0)
            continue;
        struct tm_buf sig = {0};
        tm_buf_append(&sig, s->id, sizeof(s->id));
        tm_buf_append(&sig, s->sig, s->sig_len);
        tm_buf_printf(lines, "\xe2\x80\x94 %s ", p->key.name);
        tm_b64_encode(B64_STD, sig.data, sig.len, lines);
        buf_putc(lines, '\n');
        tm_buf_free(&sig);
        break;
    }
    tm_note_free(&n);
    tm_buf_free(&whole);
    return rc;
}

/* What an answer means: 0 cosigned, 1 ask again, -1 failed. */
static int judge(struct peer *p, const struct tm_checkpoint *cp, const struct tm_buf *text,
                 struct tm_buf *lines, int64_t now_ms, struct tm_err *e)
{
    const struct tm_buf *body = &p->response.body;
    uint64_t size = 0;
    if (p->rc != 0)
        return tm_err_set(e, "%s", p->error.text);
    if (p->response.status == 200) {
        if (take_cosignature(p, text, lines, now_ms, e) != 0)
            return -1;
        p->size = cp->size;
        return 0;
    }
    if (p->response.status == 409 && body->len > 1 && body->data[body->len - 1] == '\n' &&
        ca_witness_size_parse((const char *)body->data, body->len - 1, &size) == 0 &&
        size != p->size) {
        p->size = size;
        return 1;
    }
    p->contradicts = p->response.status == 422;
    return tm_err_set(e, "it answers with status %ld", p->response.status);
}

static void leave_alone(struct ca_witness_client *c, struct peer *p, const struct tm_err *e)
{
    p->rest_ms = tm_clock_mono_ms() + c->o.rest_ms;
    if (c->o.jlog != NULL)
        jlog(c->o.jlog, JLOG_WARN, "witness failed", JLOG_STR("witness", p->key.name),
             JLOG_STR("detail", e->text), JLOG_END);
}

static void await(struct ca_witness_client *c, const struct peer *p)
{
    pthread_mutex_lock(&c->lock);
    while (!p->done) /* the transfer has a time-out */
        pthread_cond_wait(&c->changed, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

/* Asks those that are to be asked, waits for all, and judges. Whether somebody is to be asked
 * again. */
static bool round_of(struct ca_witness_client *c, const struct tm_checkpoint *cp,
                     const struct tm_buf *note, const struct tm_buf *text, struct tm_buf *lines,
                     int64_t now_ms, int64_t left_ms)
{
    bool again = false;
    struct tm_err e = {0};
    for (size_t i = 0; i < c->o.count; i++) {
        struct peer *p = &c->peer[i];
        if (p->asked && start(c, p, note, cp->size, left_ms, &e) != 0) {
            p->asked = false;
            leave_alone(c, p, &e);
        }
    }
    for (size_t i = 0; i < c->o.count; i++) {
        struct peer *p = &c->peer[i];
        if (!p->asked)
            continue;
        await(c, p);
        int rc = judge(p, cp, text, lines, now_ms, &e);
        tm_fetch_response_free(&p->response);
        p->cosigned = rc == 0;
        p->asked = rc > 0;
        again = again || p->asked;
        if (rc < 0)
            leave_alone(c, p, &e);
    }
    return again;
}

/* ---- a witness that has seen another tree ---- */

static int start_evidence(struct ca_witness_client *c, struct peer *p, int64_t timeout_ms)
{
    struct tm_fetch_request req = {.url = p->monitoring,
                                   .ca_pem = c->ca_pem,
                                   .allow_http = c->o.allow_http,
                                   .timeout_ms = timeout_ms,
                                   .max_bytes = NOTE_BYTES_MAX};
    p->done = false;
    return tm_fetch_pool_start(c->pool, &req, on_done, p, NULL);
}

/* 0: a tree head that the log signed. */
static int signed_by_us(const struct ca_witness_client *c, const struct tm_buf *note,
                        struct tm_checkpoint *out)
{
    struct tm_note n;
    if (tm_note_parse(note->data, note->len, &n, NULL) != 0)
        return -1;
    int rc = tm_checkpoint_parse(&n, out, NULL);
    if (rc == 0 && strcmp(out->origin, c->log_key.name) != 0)
        rc = -1;
    if (rc == 0)
        rc = tm_note_verify(&n, &c->log_key, NULL, NULL);
    tm_note_free(&n);
    return rc;
}

/* Whether the tree of `now` continues that of `seen`; a fault of the disk is no answer. */
static bool continues(const struct ca_witness_client *c, const struct tm_checkpoint *seen,
                      const struct tm_checkpoint *now)
{
    struct tm_merkle_hash proof[MERKLE_PROOF_MAX];
    size_t count = 0;
    if (seen->size > now->size)
        return false;
    if (seen->size == now->size)
        return tm_merkle_equal(&seen->root, &now->root);
    if (seen->size > 0 && c->o.proof(c->o.ctx, seen->size, now->size, proof, &count, NULL) != 0)
        return true;
    return tm_merkle_check_consistency(seen->size, &seen->root, now->size, &now->root, proof, count,
                                       NULL) == 0;
}

static int check_evidence(const struct ca_witness_client *c, const struct peer *p,
                          const struct tm_checkpoint *now, struct tm_err *e)
{
    struct tm_checkpoint seen;
    if (p->rc != 0 || p->response.status != 200 || signed_by_us(c, &p->response.body, &seen) != 0 ||
        continues(c, &seen, now))
        return 0;
    return tm_err_set(
        e,
        "witness '%.100s' has a checkpoint of %llu entries which this log signed, and the "
        "log of %llu that is here does not continue it: it %s. No more entries are "
        "taken, as they would fork it further. Bring back the newest copy of its "
        "directory, or start a new log (tenmint-ca log create)",
        p->key.name, (unsigned long long)seen.size, (unsigned long long)now->size,
        seen.size > now->size ? "is an older copy" : "has forked");
}

/* What the witnesses that disagree can prove. */
static int look_at_evidence(struct ca_witness_client *c, const struct tm_checkpoint *now,
                            int64_t left_ms, struct tm_err *e)
{
    int rc = 0;
    for (size_t i = 0; i < c->o.count; i++) {
        struct peer *p = &c->peer[i];
        if (p->contradicts && start_evidence(c, p, left_ms) != 0)
            p->contradicts = false;
    }
    for (size_t i = 0; i < c->o.count; i++) {
        struct peer *p = &c->peer[i];
        if (!p->contradicts)
            continue;
        await(c, p);
        if (rc == 0)
            rc = check_evidence(c, p, now, e);
        tm_fetch_response_free(&p->response);
        p->contradicts = false;
    }
    return rc;
}

/* Rounds until all have answered or the time is over. */
static int ask_all(struct ca_witness_client *c, const struct tm_checkpoint *cp,
                   const struct tm_buf *note, const struct tm_buf *text, struct tm_buf *lines,
                   int64_t now_ms, struct tm_err *e)
{
    int64_t end = tm_clock_mono_ms() + c->o.timeout_ms;
    for (size_t i = 0; i < c->o.count; i++) {
        c->peer[i].cosigned = false;
        c->peer[i].contradicts = false;
        c->peer[i].asked = tm_clock_mono_ms() >= c->peer[i].rest_ms;
    }
    for (int i = 0; i < ROUNDS; i++) {
        int64_t left = end - tm_clock_mono_ms();
        if (left <= 0 || !round_of(c, cp, note, text, lines, now_ms, left))
            break;
    }
    int64_t left = end - tm_clock_mono_ms();
    return look_at_evidence(c, cp, left > EVIDENCE_MS ? left : EVIDENCE_MS, e);
}

int ca_witness_client_cosign(struct ca_witness_client *c, struct tm_buf *note, int64_t now_ms,
                             size_t *got, struct tm_err *e)
{
    struct tm_note n;
    struct tm_checkpoint cp;
    struct tm_buf lines = {0};
    struct tm_buf text = {0};
    *got = 0;
    if (tm_note_parse(note->data, note->len, &n, NULL) != 0)
        return 0;
    int rc = tm_checkpoint_parse(&n, &cp, NULL);
    tm_buf_append(&text, n.text, n.text_len);
    tm_note_free(&n);
    if (rc != 0 || buf_failed(&text)) {
        tm_buf_free(&text);
        return 0;
    }
    rc = ask_all(c, &cp, note, &text, &lines, now_ms, e);
    for (size_t i = 0; i < c->o.count; i++)
        *got += c->peer[i].cosigned;
    if (!buf_failed(&lines))
        tm_buf_append(note, lines.data, lines.len);
    if (*got < c->o.quorum && c->o.jlog != NULL)
        jlog(c->o.jlog, JLOG_WARN, "a checkpoint has too few cosignatures",
             JLOG_INT("cosignatures", *got), JLOG_INT("quorum", c->o.quorum), JLOG_END);
    tm_buf_free(&lines);
    tm_buf_free(&text);
    return rc;
}
