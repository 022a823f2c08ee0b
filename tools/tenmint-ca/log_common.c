#include "tools/tenmint-ca/log_common.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"

#define CA_FILE_MAX ((size_t)1 << 20)

int log_number(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *out,
               struct tm_err *e)
{
    char *end = NULL;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || *out < min || *out > max)
        return tm_err_set(e, "--%s: want a number from %" PRIu64 " to %" PRIu64 ", not '%.40s'",
                          option, min, max, text);
    return 0;
}

int log_range_read(const char *first, const char *last, struct log_range *out, struct tm_err *e)
{
    *out = (struct log_range){0, INT64_MAX};
    if ((first != NULL && log_number("first", first, 0, INT64_MAX, &out->first, e) != 0) ||
        (last != NULL && log_number("last", last, 0, INT64_MAX, &out->last, e) != 0))
        return -1;
    return out->first <= out->last ? 0 : tm_err_set(e, "--last is before --first");
}

int log_duration(const char *option, const char *text, int64_t *out_ms, struct tm_err *e)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    char *end = NULL;
    long n = text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, 10) : -1;
    for (size_t i = 0; n >= 0 && n <= 1000000 && i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].unit) == 0) {
            *out_ms = n * units[i].ms;
            return 0;
        }
    }
    return tm_err_set(e, "--%s: want a duration such as 30s, 15m or 24h, not '%.40s'", option,
                      text);
}

static int read_trust(struct ca_head_trust *t, const struct log_flags *f, struct tm_err *e)
{
    uint64_t quorum = 0;
    if (f->key != NULL && ca_head_trust_log_key(t, f->key, e) != 0)
        return -1;
    if (f->origin != NULL && (t->origin = strdup(f->origin)) == NULL)
        return tm_err_set(e, "out of memory");
    for (size_t i = 0; i < f->witness.count; i++) {
        if (ca_head_trust_witness(t, f->witness.item[i], e) != 0)
            return -1;
    }
    if (f->quorum != NULL &&
        log_number("witness-quorum", f->quorum, 0, t->witnesses, &quorum, e) != 0)
        return t->witnesses == 0 ? tm_err_set(e, "--witness-quorum needs --witness-key") : -1;
    t->quorum = f->quorum != NULL ? (size_t)quorum : t->witnesses;
    return 0;
}

static int read_api(const char *name, enum ca_source_api *out, struct tm_err *e)
{
    static const struct {
        const char *name;
        enum ca_source_api api;
    } names[] = {{"tiles", SOURCE_TILES}, {"rfc6962", SOURCE_RFC6962}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (name != NULL && strcmp(name, names[i].name) == 0)
            *out = names[i].api;
    }
    return name == NULL || *out != SOURCE_ANY
               ? 0
               : tm_err_set(e, "--api: want tiles or rfc6962, not '%.40s'", name);
}

int log_target_open(struct log_target *t, const char *location, const struct log_flags *f,
                    struct tm_err *e)
{
    struct ca_source_options o = {.store = {.location = location, .allow_http = f->allow_http},
                                  .origin = f->origin};
    struct tm_buf ca = {0};
    uint64_t seconds = 30;
    *t = (struct log_target){0};
    if (read_trust(&t->trust, f, e) != 0 || read_api(f->api, &o.api, e) != 0 ||
        (f->timeout != NULL && log_number("timeout", f->timeout, 1, 3600, &seconds, e) != 0))
        return CLI_USAGE;
    if (f->ca_file != NULL && tm_file_read(f->ca_file, CA_FILE_MAX, &ca, e) != 0)
        return CLI_USAGE;
    o.store.ca_pem = f->ca_file != NULL ? tm_buf_str(&ca) : NULL;
    o.store.timeout_ms = (int64_t)seconds * 1000;
    o.log_key = t->trust.log_key;
    t->source = ca_log_source_open(&o, e);
    tm_buf_free(&ca);
    return t->source != NULL ? CLI_OK : CLI_FAILED;
}

int log_target_head(struct log_target *t, struct tm_err *e)
{
    struct tm_buf note = {0};
    ca_head_free(&t->head);
    int rc = ca_log_source_checkpoint(t->source, &note, e);
    if (rc == 0)
        rc = ca_head_read(&t->trust, note.data, note.len, tm_clock_wall_ms(), &t->head, e);
    tm_buf_free(&note);
    return rc == 0 ? CLI_OK : CLI_FAILED;
}

void log_target_warn(const struct log_target *t)
{
    if (t->head.verified)
        return;
    log_print_origin(stderr, &t->head);
    fprintf(stderr, ": signature NOT CHECKED: no --key\n");
}

void log_print_origin(FILE *to, const struct ca_head *h)
{
    cli_print_text(to, h->tree.origin, strlen(h->tree.origin));
}

int log_target_scan(struct log_target *t, const struct log_range *r,
                    const struct ca_scan_sink *sink, struct tm_err *e)
{
    struct tm_frontier at;
    const struct tm_checkpoint *tree = &t->head.tree;
    if (r->first > tree->size)
        return tm_err_set(e, "the log has %" PRIu64 " entries: there is no entry %" PRIu64,
                          tree->size, r->first);
    if (ca_scan_start(t->source, tree, r->first, &at, e) != 0)
        return -1;
    return ca_scan_run(t->source, tree, &at, r->last < tree->size ? r->last + 1 : tree->size, sink,
                       e);
}

void log_target_close(struct log_target *t)
{
    ca_head_free(&t->head);
    ca_log_source_free(t->source);
    ca_head_trust_free(&t->trust);
}

int log_flush(struct tm_err *e)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        return tm_err_errno(e, "standard output");
    return 0;
}
