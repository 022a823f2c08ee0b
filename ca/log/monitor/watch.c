#include "ca/log/monitor/watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"

static int save_evidence(const char *dir, const char *which, const struct tm_checkpoint *cp,
                         const struct tm_buf *note, struct tm_err *e)
{
    char name[96];
    char path[4096];
    const unsigned char *r = cp->root.b;
    snprintf(name, sizeof(name), "%s-%" PRIu64 "-%02x%02x%02x%02x.checkpoint", which, cp->size,
             r[0], r[1], r[2], r[3]);
    if (tm_file_mkdirs(dir, 0755, e) != 0 || tm_file_join(dir, name, path, sizeof(path), e) != 0)
        return -1;
    return tm_file_write_atomic(path, 0644, note->data, note->len, e);
}

/* Both are signed by the log: together they show what it did. */
static enum ca_watch_result accuse(const struct ca_watch_options *o, enum ca_watch_result what,
                                   const struct ca_watch_state *s, const struct ca_head *h,
                                   struct tm_err *e)
{
    struct tm_err failed = {0};
    if (save_evidence(o->evidence_dir, "seen-before", &s->tree, &s->note, &failed) != 0 ||
        save_evidence(o->evidence_dir, "shown-now", &h->tree, &h->note, &failed) != 0)
        tm_err_wrap(e, "THE EVIDENCE COULD NOT BE SAVED (%.200s)", failed.text);
    return what;
}

/* In tiles that hash to the new root: which root did the tree have at the old size? Another one
 * than was signed then is a fork; tiles that do not hash to the new root prove nothing. */
static bool tiles_prove_fork(struct ca_log_source *source, const struct tm_checkpoint *old,
                             const struct tm_checkpoint *now, const struct tm_merkle_hash *proof,
                             size_t count)
{
    struct tm_frontier f;
    struct tm_merkle_hash root;
    struct tm_err ignored;
    if (ca_log_source_frontier(source, now->size, old->size, &f, &ignored) != 0)
        return false;
    tm_frontier_root(&f, &root);
    return !tm_merkle_equal(&root, &old->root) &&
           tm_merkle_check_consistency(old->size, &root, now->size, &now->root, proof, count,
                                       &ignored) == 0;
}

/* Whether the new tree extends the one that was seen before. */
static enum ca_watch_result compare(const struct ca_watch_options *o,
                                    const struct ca_watch_state *s, const struct ca_head *h,
                                    struct tm_err *e)
{
    struct tm_merkle_hash proof[MERKLE_PROOF_MAX];
    size_t count = 0;
    const struct tm_checkpoint *old = &s->tree;
    const struct tm_checkpoint *now = &h->tree;
    if (now->size < old->size) {
        tm_err_set(e,
                   "ROLLBACK: the log shows a tree of %" PRIu64 ", and had signed one of %" PRIu64,
                   now->size, old->size);
        return accuse(o, WATCH_ROLLBACK, s, h, e);
    }
    if (ca_log_source_consistency(o->source, old->size, now->size, proof, &count, e) != 0)
        return WATCH_FAILED;
    if (tm_merkle_check_consistency(old->size, &old->root, now->size, &now->root, proof, count,
                                    e) == 0)
        return WATCH_OK;
    if (old->size < now->size && ca_log_source_api(o->source) == SOURCE_TILES &&
        !tiles_prove_fork(o->source, old, now, proof, count)) {
        tm_err_set(e,
                   "the log's tiles do not lead to its checkpoint of %" PRIu64
                   ": nothing is known of the entries after %" PRIu64,
                   now->size, old->size);
        return WATCH_FAILED;
    }
    tm_err_wrap(e, "FORK");
    return accuse(o, WATCH_FORK, s, h, e);
}

/* What the state says was read of it: after a look that was cut short, that is not all of the old
 * tree, and nothing else vouches for it. */
static enum ca_watch_result check_read(const struct ca_watch_options *o,
                                       const struct ca_watch_state *s, const struct ca_head *h,
                                       struct tm_err *e)
{
    if (s->at.size == s->tree.size || ca_scan_prove(o->source, &h->tree, &s->at, e) == 0)
        return WATCH_OK;
    tm_err_wrap(e,
                "the %" PRIu64 " entries that the state '%s' says were read are not this log's: "
                "either is damaged",
                s->at.size, o->state_path);
    return WATCH_FAILED;
}

static int adopt(struct ca_watch_state *s, const struct ca_head *h, struct tm_err *e)
{
    tm_buf_reset(&s->note);
    tm_buf_append(&s->note, h->note.data, h->note.len);
    s->tree = h->tree;
    s->known = true;
    return buf_failed(&s->note) ? tm_err_set(e, "out of memory") : 0;
}

#define SAVE_EVERY_MS 1000 /* the most that is read twice after a crash */

struct progress {
    const struct ca_watch_options *o;
    struct ca_watch_state *state;
    int64_t saved_ms;
};

static int on_entry(void *ctx, uint64_t index, const struct tm_entry *n, struct tm_err *e)
{
    const struct ca_watch_options *o = ((struct progress *)ctx)->o;
    return o->sink.entry(o->sink.ctx, index, n, e);
}

static int on_advance(void *ctx, const struct tm_frontier *f, struct tm_err *e)
{
    struct progress *p = ctx;
    const struct ca_watch_options *o = p->o;
    if (o->sink.advance != NULL && o->sink.advance(o->sink.ctx, f, e) != 0)
        return -1;
    p->state->at = *f;
    if (tm_clock_mono_ms() - p->saved_ms < SAVE_EVERY_MS)
        return 0;
    p->saved_ms = tm_clock_mono_ms();
    return ca_watch_state_save(o->state_path, p->state, e);
}

static int read_head(const struct ca_watch_options *o, struct ca_head *h, struct tm_err *e)
{
    struct tm_buf note = {0};
    int rc = ca_log_source_checkpoint(o->source, &note, e);
    if (rc == 0)
        rc = ca_head_read(o->trust, note.data, note.len, o->now_ms, h, e);
    tm_buf_free(&note);
    return rc;
}

/* A log of signatures dates nothing itself: its witnesses do. */
static int check_age(const struct ca_watch_options *o, const struct ca_head *head, struct tm_err *e)
{
    uint64_t dated = head->timestamp_ms > 0 ? head->timestamp_ms : head->cosigned_ms;
    int64_t age = o->now_ms - (int64_t)dated;
    if (o->max_age_ms == 0 || !head->verified)
        return 0;
    if (dated == 0)
        return tm_err_set(e, "this log's checkpoints say no time: --max-age needs a witness, whose "
                             "cosignature does");
    return age <= o->max_age_ms
               ? 0
               : tm_err_set(e, "the log stands still: its checkpoint is %" PRId64 " s old",
                            age / 1000);
}

static int read_entries(const struct ca_watch_options *o, struct ca_watch_state *s,
                        struct tm_err *e)
{
    struct progress p = {o, s, tm_clock_mono_ms()};
    struct ca_scan_sink sink = {&p, on_entry, on_advance};
    struct tm_frontier at = s->at;
    if (ca_scan_run(o->source, &s->tree, &at, s->tree.size, &sink, e) != 0)
        return -1;
    return ca_watch_state_save(o->state_path, s, e);
}

enum ca_watch_result ca_watch_look(const struct ca_watch_options *o, struct ca_watch_state *s,
                                   struct ca_head *head, struct tm_err *e)
{
    *head = (struct ca_head){0};
    if (read_head(o, head, e) != 0)
        return WATCH_FAILED;
    if (s->known && strcmp(s->tree.origin, head->tree.origin) != 0) {
        tm_err_set(e,
                   "the state '%s' is of the log '%s', and this is '%s': each log needs a state of "
                   "its own (over RFC 6962 --origin says which log it is)",
                   o->state_path, s->tree.origin, head->tree.origin);
        return WATCH_FAILED;
    }
    if (s->known) {
        enum ca_watch_result r = compare(o, s, head, e);
        if (r == WATCH_OK)
            r = check_read(o, s, head, e);
        if (r != WATCH_OK)
            return r;
    } else if (ca_scan_start(o->source, &head->tree, o->start_at_end ? head->tree.size : o->start,
                             &s->at, e) != 0) {
        return WATCH_FAILED;
    }
    /* Saved before the entries are read: what was believed once is held against the log even if
     * reading them fails. */
    if (adopt(s, head, e) != 0 || ca_watch_state_save(o->state_path, s, e) != 0 ||
        read_entries(o, s, e) != 0)
        return WATCH_FAILED;
    return check_age(o, head, e) == 0 ? WATCH_OK : WATCH_FAILED;
}
