#include "tools/tenmint-log/target.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"
#include "tools/tenmint-log/print.h"

#define CA_FILE_MAX ((size_t)1 << 20)

int log_range_check(const struct log_range_flags *f, struct log_range *out, struct tm_err *e)
{
    *out = (struct log_range){(uint64_t)f->first.value, (uint64_t)f->last.value};
    return out->first <= out->last ? 0 : tm_err_set(e, "--last is before --first");
}

static int read_trust(struct ca_head_trust *t, const struct log_flags *f, struct tm_err *e)
{
    if (f->key != NULL && ca_head_trust_log_key(t, f->key, e) != 0)
        return -1;
    if (f->origin != NULL && (t->origin = strdup(f->origin)) == NULL)
        return tm_err_set(e, "out of memory");
    for (size_t i = 0; i < f->witness.count; i++) {
        if (ca_head_trust_witness(t, f->witness.item[i], e) != 0)
            return -1;
    }
    if (f->quorum.given && t->witnesses == 0)
        return tm_err_set(e, "--witness-quorum needs --witness-key");
    if (f->quorum.given && (size_t)f->quorum.value > t->witnesses)
        return tm_err_set(e, "--witness-quorum: want a number from 0 to %zu, not '%lld'",
                          t->witnesses, (long long)f->quorum.value);
    t->quorum = f->quorum.given ? (size_t)f->quorum.value : t->witnesses;
    return 0;
}

static enum ca_source_api api_of(const struct cli_choice *c)
{
    if (!c->given)
        return SOURCE_ANY;
    return strcmp(c->value, "tiles") == 0 ? SOURCE_TILES : SOURCE_RFC6962;
}

const char *const log_api_names[] = {"tiles", "rfc6962", NULL};

int log_target_open(struct log_target *t, const char *location, const struct log_flags *f,
                    struct tm_err *e)
{
    struct ca_source_options o = {.store = {.location = location, .allow_http = f->allow_http},
                                  .origin = f->origin};
    struct tm_buf ca = {0};
    *t = (struct log_target){0};
    if (read_trust(&t->trust, f, e) != 0)
        return CLI_USAGE;
    if (f->ca_file != NULL && tm_file_read_text(f->ca_file, CA_FILE_MAX, &ca, e) != 0)
        return CLI_USAGE;
    o.store.ca_pem = f->ca_file != NULL ? tm_buf_str(&ca) : NULL;
    o.api = api_of(&f->api);
    o.store.timeout_ms = f->timeout.value;
    o.log_key = t->trust.log_key;
    t->source = ca_log_source_open(&o, e);
    tm_buf_free(&ca);
    return t->source != NULL ? CLI_OK : CLI_UNKNOWN;
}

/* What cannot be fetched is not known; what is fetched and not believed is bad. */
static int read_head(struct log_target *t, struct tm_err *e)
{
    struct tm_buf note = {0};
    int rc = CLI_OK;
    if (ca_log_source_checkpoint(t->source, &note, e) != 0)
        rc = CLI_UNKNOWN;
    else if (ca_head_read(&t->trust, note.data, note.len, tm_clock_wall_ms(), &t->head, e) != 0)
        rc = CLI_FAILED;
    tm_buf_free(&note);
    return rc;
}

int log_target_run(const char *location, const struct log_flags *f, bool json, log_work *work,
                   void *ctx)
{
    struct log_target t;
    struct tm_err e = {0};
    int rc = log_target_open(&t, location, f, &e);
    if (rc == CLI_OK)
        rc = read_head(&t, &e);
    if (rc == CLI_OK)
        rc = work(ctx, &t, &e);
    if (log_flush(rc == CLI_OK ? &e : NULL) != 0 && rc == CLI_OK)
        rc = CLI_FAILED;
    log_target_close(&t);
    return e.text[0] != '\0' ? cli_fail_json(json, rc, &e) : rc;
}

void log_target_warn(const struct log_target *t)
{
    if (t->head.verified)
        return;
    log_print_origin(stderr, &t->head);
    fprintf(stderr, ": signature NOT CHECKED: no --key\n");
}

struct shown_scan { /* a sink that also says how far it is */
    const struct ca_scan_sink *sink;
    struct cli_progress *progress;
};

static int pass_entry(void *ctx, uint64_t index, const struct tm_entry *n, struct tm_err *e)
{
    const struct shown_scan *s = ctx;
    return s->sink->entry(s->sink->ctx, index, n, e);
}

static int pass_advance(void *ctx, const struct tm_frontier *f, struct tm_err *e)
{
    const struct shown_scan *s = ctx;
    if (s->progress != NULL)
        cli_progress(s->progress, f->size);
    return s->sink->advance != NULL ? s->sink->advance(s->sink->ctx, f, e) : 0;
}

int log_target_scan(struct log_target *t, const struct log_range *r,
                    const struct ca_scan_sink *sink, struct cli_progress *progress,
                    struct tm_err *e)
{
    struct shown_scan shown = {sink, progress};
    const struct ca_scan_sink through = {&shown, pass_entry, pass_advance};
    struct tm_frontier at;
    const struct tm_checkpoint *tree = &t->head.tree;
    if (r->first > tree->size)
        return tm_err_set(e, "the log has %" PRIu64 " entries: there is no entry %" PRIu64,
                          tree->size, r->first);
    if (ca_scan_start(t->source, tree, r->first, &at, e) != 0)
        return -1;
    uint64_t end = r->last < tree->size ? r->last + 1 : tree->size;
    if (progress != NULL)
        cli_progress_begin(progress, "entries", r->first, end);
    int rc = ca_scan_run(t->source, tree, &at, end, &through, e);
    if (progress != NULL)
        cli_progress_end(progress);
    return rc;
}

void log_target_close(struct log_target *t)
{
    ca_head_free(&t->head);
    ca_log_source_free(t->source);
    ca_head_trust_free(&t->trust);
}
