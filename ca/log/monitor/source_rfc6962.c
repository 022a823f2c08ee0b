/* A log with the RFC 6962 §4 read API. */
#include <inttypes.h>
#include <stdio.h>

#include "ca/log/monitor/rfc6962.h"
#include "ca/log/monitor/source_internal.h"

#define PAGE 256 /* entries to ask for at a time; logs give fewer if they like */
#define PATH_BYTES 160

/* The answer to GET `path`, which must be there. */
static int get(struct ca_log_source *s, const char *path, struct tm_buf *out, struct tm_err *e)
{
    char name[512];
    int rc = ca_store_get(s->store, path, RFC6962_ANSWER_MAX, out, e);
    ca_store_name(s->store, path, name, sizeof(name));
    return rc == 0 ? tm_err_set(e, "'%s' is not there: this is not a log", name) : rc > 0 ? 0 : -1;
}

static int ended(struct ca_log_source *s, const char *path, int rc, struct tm_buf *answer,
                 struct tm_err *e)
{
    char name[512];
    tm_buf_free(answer);
    if (rc == 0)
        return 0;
    ca_store_name(s->store, path, name, sizeof(name));
    return tm_err_wrap(e, "'%s'", name);
}

static int checkpoint(struct ca_log_source *s, struct tm_buf *note, struct tm_err *e)
{
    static const char path[] = "ct/v1/get-sth";
    struct tm_buf answer = {0};
    if (get(s, path, &answer, e) != 0) {
        tm_buf_free(&answer);
        return -1;
    }
    int rc = ca_rfc6962_sth((const char *)answer.data, answer.len, s->origin, s->key_id, note, e);
    return ended(s, path, rc, &answer, e);
}

static int consistency(struct ca_log_source *s, uint64_t old_size, uint64_t new_size,
                       struct tm_merkle_hash *proof, size_t *count, struct tm_err *e)
{
    char path[PATH_BYTES];
    struct tm_buf answer = {0};
    snprintf(path, sizeof(path), "ct/v1/get-sth-consistency?first=%" PRIu64 "&second=%" PRIu64,
             old_size, new_size);
    if (get(s, path, &answer, e) != 0) {
        tm_buf_free(&answer);
        return -1;
    }
    int rc = ca_rfc6962_consistency((const char *)answer.data, answer.len, proof, count, e);
    return ended(s, path, rc, &answer, e);
}

static int frontier(struct ca_log_source *s, uint64_t tree_size, uint64_t size,
                    struct tm_frontier *out, struct tm_err *e)
{
    (void)tree_size;
    char path[PATH_BYTES];
    struct tm_buf answer = {0};
    snprintf(path, sizeof(path),
             "ct/v1/get-entry-and-proof?leaf_index=%" PRIu64 "&tree_size=%" PRIu64, size - 1, size);
    if (get(s, path, &answer, e) != 0) {
        tm_buf_free(&answer);
        return -1;
    }
    int rc = ca_rfc6962_frontier((const char *)answer.data, answer.len, size, out, e);
    return ended(s, path, rc, &answer, e);
}

static uint64_t page_end(uint64_t first, uint64_t end)
{
    return end - first > PAGE ? first + PAGE : end;
}

static void entries_path(uint64_t first, uint64_t end, char out[PATH_BYTES])
{
    snprintf(out, PATH_BYTES, "ct/v1/get-entries?start=%" PRIu64 "&end=%" PRIu64, first,
             page_end(first, end) - 1);
}

static int entries(struct ca_log_source *s, uint64_t tree_size, uint64_t first, uint64_t end,
                   struct ca_log_batch *out, struct tm_err *e)
{
    (void)tree_size;
    char path[PATH_BYTES];
    struct tm_buf answer = {0};
    /* Further pages at the same time, once it is known how many entries the log gives. */
    for (uint64_t i = 0; s->page > 0 && i < STORE_AHEAD && end - first > i * s->page; i++) {
        entries_path(first + i * s->page, end, path);
        ca_store_want(s->store, path, RFC6962_ANSWER_MAX);
    }
    entries_path(first, end, path);
    ca_store_name(s->store, path, out->where, sizeof(out->where));
    if (get(s, path, &answer, e) != 0) {
        tm_buf_free(&answer);
        return -1;
    }
    int rc = ca_rfc6962_entries((const char *)answer.data, answer.len, first,
                                page_end(first, end) - 1, out, e);
    s->page = out->count;
    return ended(s, path, rc, &answer, e);
}

const struct ca_source_ops ca_source_rfc6962_ops = {checkpoint, consistency, frontier, entries};
