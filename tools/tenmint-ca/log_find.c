/* log find: certificates by what they say; every entry is proven to be in the signed tree. */
#include <inttypes.h>
#include <stdio.h>

#include "ca/log/monitor/filter.h"
#include "tools/tenmint-ca/commands.h"
#include "tools/tenmint-ca/log_common.h"

struct find {
    struct ca_filter filter;
    bool json;
    uint64_t found, damaged;
};

static int on_entry(void *ctx, uint64_t index, const struct tm_entry *n, struct tm_err *e)
{
    struct find *f = ctx;
    struct ca_certificate c;
    struct tm_err why;
    if (ca_certificate_read(&n->logged, &c, &why) != 0) {
        f->damaged++;
        fprintf(stderr, "entry %" PRIu64 ": %s\n", index, why.text);
        return 0;
    }
    if (!ca_filter_matches(&f->filter, n->timestamp_ms, &c))
        return 0;
    if (f->json)
        return f->found++, log_print_json(log_entry_json(index, n), e);
    if (f->found++ == 0)
        log_print_header();
    log_print_row(index, n);
    return 0;
}

struct words {
    const char *pattern, *serial;
    struct cli_time after, before;
    struct log_range_flags range;
};

static int set_filter(struct find *f, const struct words *w, struct tm_err *e)
{
    struct ca_filter *x = &f->filter;
    if (w->pattern != NULL && ca_filter_set_pattern(x, w->pattern, e) != 0)
        return -1;
    if (w->serial != NULL && ca_filter_set_serial(x, w->serial, e) != 0)
        return -1;
    x->after_ms = (uint64_t)w->after.ms;
    x->before_ms = (uint64_t)w->before.ms;
    return !w->before.given || w->before.ms > 0 ? 0 : tm_err_set(e, "--before: that is too early");
}

int command_log_find(const struct cli_command *self, int argc, char **argv)
{
    struct log_flags f = LOG_FLAGS_INIT;
    struct words w = {.range = LOG_RANGE_INIT};
    struct find find = {.filter = {0}};
    const struct cli_option options[] = {
        {"identity", CLI_TEXT, "NAME", "a subject alternative name, exactly",
         &find.filter.identity},
        {"identity-regexp", CLI_TEXT, "PATTERN",
         "regular expression (PCRE2) on part of those names", &w.pattern},
        {"repository", CLI_TEXT, "URL|OWNER/NAME", "the source repository",
         &find.filter.repository},
        {"issuer", CLI_TEXT, "URL", "the token's issuer", &find.filter.issuer},
        {"serial", CLI_TEXT, "HEX", "the serial number", &w.serial},
        {"after", CLI_TIME, "TIME", "logged then or later: 2026-11-24T12:00:00Z, 2026-11-24, 24h",
         &w.after},
        {"before", CLI_TIME, "TIME", "logged before then", &w.before},
        {"first", CLI_NUMBER, "N", "the first entry to look at (0)", &w.range.first},
        {"last", CLI_NUMBER, "N", "the last entry to look at", &w.range.last},
        {"json", CLI_FLAG, NULL, "one JSON object a line", &find.json},
        LOG_OPTIONS(f),
        {NULL, CLI_FLAG, NULL, NULL, NULL},
    };
    struct log_target t;
    struct tm_err e = {0};
    struct log_range range;
    const struct ca_scan_sink sink = {&find, on_entry, NULL};
    int count = 0;
    int rc = cli_parse(self, options, argc, argv, 1, 1, &count);
    if (rc != CLI_GO_ON)
        return rc;
    if (set_filter(&find, &w, &e) != 0 || log_range_check(&w.range, &range, &e) != 0) {
        ca_filter_free(&find.filter);
        return cli_fail(CLI_USAGE, &e);
    }
    rc = log_target_open(&t, argv[0], &f, &e);
    if (rc == CLI_OK)
        rc = log_target_head(&t, &e);
    if (rc == CLI_OK)
        log_target_warn(&t);
    if (rc == CLI_OK && (log_target_scan(&t, &range, &sink, &e) != 0 || log_flush(&e) != 0))
        rc = CLI_FAILED;
    if (rc == CLI_OK && !find.json && find.found == 0)
        fprintf(stderr, "no such certificate in %" PRIu64 " entries\n", t.head.tree.size);
    log_target_close(&t);
    ca_filter_free(&find.filter);
    return rc == CLI_OK ? CLI_OK : cli_fail(rc, &e);
}
