#include "ca/log/signatures/siglog.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ca/log/engine/prover.h"
#include "ca/log/signatures/admit.h"
#include "ca/log/signatures/answer.h"
#include "ca/log/signatures/format.h"
#include "ca/log/signatures/known.h"
#include "common/clock.h"

#define RECENT 8192 /* entries whose hashes are remembered until a checkpoint has them */

struct recent {
    struct tm_merkle_hash leaf;
    uint64_t index_plus_1; /* 0: not known yet, or an empty place */
};

struct ca_siglog {
    struct ca_log *log;
    struct ca_log_prover *prover;
    struct ca_sig_algorithms *algorithms;
    struct ca_sig_known *known; /* what is published; `recent` is what is not yet */

    pthread_mutex_t lock; /* of the four that follow; nothing is called with it held but wakes */
    struct ca_siglog_job *parked; /* waiting for a checkpoint */
    X509_STORE *cas;              /* whose certificates are taken; NULL: everybody's */
    struct tm_checkpoint said;    /* by the newest checkpoint that was answered with; or size 0 */
    struct recent *recent;        /* by the first bytes of the hash; newer ones drive out older */

    atomic_ullong logged, bad, duplicates, failed;
};

enum stage { ADDING, COVERING };

struct ca_siglog_job {
    struct ca_siglog *s;
    enum stage stage;
    enum ca_sig_kind kind;
    struct ca_log_ticket *ticket;
    struct tm_merkle_hash leaf;
    uint64_t index;
    bool parked; /* under the log's lock, as the rest */
    struct ca_siglog_job *next, **back;
    void (*wake)(void *arg);
    void *arg;
};

static void unpark(struct ca_siglog_job *j)
{
    *j->back = j->next;
    if (j->next != NULL)
        j->next->back = j->back;
    j->parked = false;
}

/* A checkpoint of `size` has been shown: on the publisher's thread. */
static void published(void *ctx, uint64_t size)
{
    struct ca_siglog *s = ctx;
    struct ca_siglog_job *next;
    pthread_mutex_lock(&s->lock);
    for (struct ca_siglog_job *j = s->parked; j != NULL; j = next) {
        next = j->next;
        if (j->index >= size)
            continue;
        unpark(j);
        j->wake(j->arg);
    }
    pthread_mutex_unlock(&s->lock);
}

/* ---- what was logged lately ---- */

static struct recent *place_of(struct ca_siglog *s, const struct tm_merkle_hash *leaf)
{
    return &s->recent[(leaf->b[0] | (unsigned)leaf->b[1] << 8) % RECENT];
}

static void remember(struct ca_siglog *s, const struct tm_merkle_hash *leaf, uint64_t index)
{
    pthread_mutex_lock(&s->lock);
    *place_of(s, leaf) = (struct recent){*leaf, index + 1};
    pthread_mutex_unlock(&s->lock);
}

/* 1: *index, 0: it is new, -1: `e`. Two that come at the same moment are both logged. */
static int find_duplicate(struct ca_siglog *s, const struct tm_merkle_hash *leaf, uint64_t *index,
                          struct tm_err *e)
{
    pthread_mutex_lock(&s->lock);
    struct recent r = *place_of(s, leaf);
    pthread_mutex_unlock(&s->lock);
    if (r.index_plus_1 != 0 && tm_merkle_equal(&r.leaf, leaf)) {
        *index = r.index_plus_1 - 1;
        return 1;
    }
    struct ca_log_dir dir = {.path = ca_log_directory(s->log),
                             .size = ca_log_checkpoint_size(s->log),
                             .tile_level = TILE_LEVEL_ENTRIES};
    return ca_sig_known_find(s->known, &dir, leaf, index, e);
}

/* ---- opening ---- */

static struct ca_log_options of_signatures(const struct ca_log_options *o, struct ca_siglog *s)
{
    struct ca_log_options made = *o;
    made.format = &ca_log_format_signatures;
    made.published = s != NULL ? published : NULL;
    made.published_ctx = s;
    return made;
}

static int check_origin(const char *origin, struct tm_err *e)
{
    return strpbrk(origin, ":/ ") == NULL
               ? 0
               : tm_err_set(e,
                            "the signature log's origin '%.100s' must be a bare host name: clients "
                            "look for the host of its address, without port and path",
                            origin);
}

int ca_siglog_create(const struct ca_log_options *o, struct tm_err *e)
{
    const struct ca_log_options made = of_signatures(o, NULL);
    return check_origin(o->origin, e) == 0 ? ca_log_create(&made, e) : -1;
}

struct ca_siglog *ca_siglog_open(const struct ca_log_options *o, struct tm_err *e)
{
    struct ca_siglog *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return tm_err_null(e, "out of memory");
    pthread_mutex_init(&s->lock, NULL);
    const struct ca_log_options made = of_signatures(o, s);
    s->recent = calloc(RECENT, sizeof(*s->recent));
    if (s->recent == NULL)
        tm_err_set(e, "out of memory");
    else if (check_origin(o->origin, e) == 0 &&
             (s->algorithms = ca_sig_algorithms_new(e)) != NULL &&
             (s->known = ca_sig_known_new(e)) != NULL && (s->log = ca_log_open(&made, e)) != NULL &&
             (s->prover = ca_log_prover_new(ca_log_directory(s->log), TILE_LEVEL_ENTRIES, e)) !=
                 NULL)
        return s;
    ca_siglog_close(s);
    return NULL;
}

void ca_siglog_close(struct ca_siglog *s)
{
    if (s == NULL)
        return;
    ca_log_close(s->log);
    ca_log_prover_free(s->prover);
    ca_sig_algorithms_free(s->algorithms);
    ca_sig_known_free(s->known);
    X509_STORE_free(s->cas);
    free(s->recent);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void ca_siglog_admit_only(struct ca_siglog *s, X509_STORE *cas)
{
    pthread_mutex_lock(&s->lock);
    X509_STORE *before = s->cas;
    s->cas = cas;
    pthread_mutex_unlock(&s->lock);
    X509_STORE_free(before);
}

struct ca_log *ca_siglog_log(const struct ca_siglog *s)
{
    return s->log;
}

/* ---- a submission ---- */

static int admit(struct ca_siglog *s, const struct ca_sig_request *r, struct tm_err *e)
{
    pthread_mutex_lock(&s->lock);
    X509_STORE *cas = s->cas;
    if (cas != NULL)
        X509_STORE_up_ref(cas);
    pthread_mutex_unlock(&s->lock);
    int rc = cas == NULL ? 0 : ca_sig_admit(cas, r, tm_clock_wall_ms() / 1000, e);
    X509_STORE_free(cas);
    return rc;
}

/* The request's text, judged. SIGLOG_WAIT: go on. */
static enum ca_siglog_status read_text(struct ca_siglog *s, const char *text, size_t len,
                                       enum ca_sig_kind *kind, struct tm_buf *body,
                                       struct tm_err *e)
{
    struct ca_sig_request r;
    struct ca_sig_judgement j;
    int rc = ca_sig_request_read(text, len, &r, e);
    *kind = r.kind;
    if (rc == 0)
        rc = admit(s, &r, e);
    if (rc == 0)
        rc = ca_sig_entry_judge(s->algorithms, &r, &j, e);
    if (rc == 0)
        rc = ca_sig_entry_write(&r, &j, body, e);
    ca_sig_request_free(&r);
    return rc == 0 ? SIGLOG_WAIT : SIGLOG_BAD;
}

static enum ca_siglog_status submit(struct ca_siglog *s, const struct tm_buf *body,
                                    struct ca_siglog_job *j, void (*wake)(void *arg), void *arg,
                                    uint64_t *index, struct tm_err *e)
{
    struct ca_log_draft draft;
    ca_sig_leaf_hash(body, &j->leaf);
    int found = find_duplicate(s, &j->leaf, index, e);
    if (found > 0)
        return SIGLOG_DUPLICATE;
    if (found < 0)
        return SIGLOG_NOT_NOW;
    if (ca_sig_draft_init(&draft, body, e) != 0)
        return SIGLOG_BAD;
    return ca_log_check(s->log, e) == 0 &&
                   ca_log_append(s->log, &draft, wake, arg, &j->ticket, e) == 0
               ? SIGLOG_WAIT
               : SIGLOG_NOT_NOW;
}

static void count(struct ca_siglog *s, enum ca_siglog_status status)
{
    atomic_ullong *const counter = status == SIGLOG_LOGGED      ? &s->logged
                                   : status == SIGLOG_BAD       ? &s->bad
                                   : status == SIGLOG_DUPLICATE ? &s->duplicates
                                                                : &s->failed;
    if (status != SIGLOG_WAIT)
        atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

enum ca_siglog_status ca_siglog_begin(struct ca_siglog *s, const char *text, size_t len,
                                      void (*wake)(void *arg), void *arg,
                                      struct ca_siglog_job **job, uint64_t *index, struct tm_err *e)
{
    struct tm_buf body = {0};
    struct ca_siglog_job *j = calloc(1, sizeof(*j));
    enum ca_siglog_status status = SIGLOG_NOT_NOW;
    if (j == NULL) {
        tm_err_set(e, "out of memory");
    } else {
        j->s = s;
        status = read_text(s, text, len, &j->kind, &body, e);
        if (status == SIGLOG_WAIT)
            status = submit(s, &body, j, wake, arg, index, e);
    }
    tm_buf_free(&body);
    count(s, status);
    if (status == SIGLOG_WAIT)
        *job = j;
    else
        free(j);
    return status;
}

/* True: the next checkpoint will wake it. */
static bool park(struct ca_siglog_job *j, void (*wake)(void *arg), void *arg)
{
    struct ca_siglog *s = j->s;
    j->wake = wake;
    j->arg = arg;
    pthread_mutex_lock(&s->lock);
    if (ca_log_checkpoint_size(s->log) <= j->index) {
        j->next = s->parked;
        j->back = &s->parked;
        if (j->next != NULL)
            j->next->back = &j->next;
        s->parked = j;
        j->parked = true;
    }
    bool parked = j->parked;
    pthread_mutex_unlock(&s->lock);
    return parked;
}

/* The newest checkpoint, and what it says: that is read once for each size. */
static int newest(struct ca_siglog *s, struct tm_buf *text, struct tm_checkpoint *out,
                  struct tm_err *e)
{
    struct tm_note note = {0};
    uint64_t size = ca_log_checkpoint(s->log, text);
    pthread_mutex_lock(&s->lock);
    *out = s->said;
    pthread_mutex_unlock(&s->lock);
    if (size > 0 && out->size == size)
        return 0;
    int rc = tm_note_parse(text->data, text->len, &note, e);
    if (rc == 0)
        rc = tm_checkpoint_parse(&note, out, e);
    tm_note_free(&note);
    pthread_mutex_lock(&s->lock);
    if (rc == 0)
        s->said = *out;
    pthread_mutex_unlock(&s->lock);
    return rc;
}

/* The newest checkpoint covers the entry. */
static int answer(struct ca_siglog_job *j, struct tm_buf *out, struct tm_err *e)
{
    const struct ca_log_place place = ca_log_ticket_place(j->ticket);
    struct tm_buf text = {0};
    struct tm_checkpoint checkpoint;
    struct ca_log_proof proof;
    int rc = newest(j->s, &text, &checkpoint, e);
    if (rc == 0)
        rc = ca_log_prover_inclusion(j->s->prover, j->index, checkpoint.size, &proof, e);
    if (rc == 0) {
        const struct ca_sig_answer a = {.kind = j->kind,
                                        .index = j->index,
                                        .log_id = ca_log_id(j->s->log),
                                        .proof = &proof,
                                        .checkpoint = &checkpoint,
                                        .note = &text,
                                        .body = (const unsigned char *)place.draft->bytes.data +
                                                place.draft->bytes.len - place.draft->hashed,
                                        .body_len = place.draft->hashed};
        ca_sig_answer_write(&a, out);
        rc = buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
    }
    tm_buf_free(&text);
    return rc;
}

static enum ca_siglog_status cover(struct ca_siglog_job *j, void (*wake)(void *arg), void *arg,
                                   struct tm_buf *out, struct tm_err *e)
{
    if (ca_log_check(j->s->log, e) != 0)
        return SIGLOG_NOT_NOW;
    if (park(j, wake, arg))
        return SIGLOG_WAIT;
    return answer(j, out, e) == 0 ? SIGLOG_LOGGED : SIGLOG_NOT_NOW;
}

enum ca_siglog_status ca_siglog_step(struct ca_siglog_job *j, void (*wake)(void *arg), void *arg,
                                     struct tm_buf *out, struct tm_err *e)
{
    enum ca_siglog_status status = SIGLOG_NOT_NOW;
    if (j->stage == ADDING && ca_log_poll(j->ticket, e) == LOG_DONE) {
        j->stage = COVERING;
        j->index = ca_log_ticket_place(j->ticket).index;
        remember(j->s, &j->leaf, j->index);
    }
    if (j->stage == COVERING)
        status = cover(j, wake, arg, out, e);
    count(j->s, status);
    return status;
}

bool ca_siglog_job_free(struct ca_siglog_job *j)
{
    pthread_mutex_lock(&j->s->lock);
    bool parked = j->parked;
    if (parked)
        unpark(j);
    pthread_mutex_unlock(&j->s->lock);
    ca_log_ticket_free(j->ticket);
    free(j);
    return parked;
}

void ca_siglog_stats_get(const struct ca_siglog *s, struct ca_siglog_stats *out)
{
    *out = (struct ca_siglog_stats){s->logged, s->bad, s->duplicates, s->failed};
}
