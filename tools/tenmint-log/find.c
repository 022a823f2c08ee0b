/* log find: entries by what they say; every entry is proven to be in the signed tree. */
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "ca/log/monitor/match.h"
#include "common/hex.h"
#include "tools/tenmint-log/commands.h"
#include "tools/tenmint-log/print.h"
#include "tools/tenmint-log/target.h"

#define NOTHING_FOUND CLI_FAILED /* as grep */
#define NEAR_SHOWN 3

struct find {
    struct ca_filter filter;
    struct tm_buf digest;
    struct log_range range;
    bool json;
    uint64_t found, near;
    struct log_unreadable unreadable;
};

/* What differs only in case or a slash at the end is named, but is not a match. */
static void show_near(struct find *f, uint64_t index, const struct tm_entry *n)
{
    if (f->near++ >= NEAR_SHOWN || f->json)
        return;
    printf("NEAR  ");
    log_print_row(index, n);
}

static int on_entry(void *ctx, uint64_t index, const struct tm_entry *n, struct tm_err *e)
{
    struct find *f = ctx;
    struct tm_err why = {0};
    enum ca_filter_result r = FILTER_MISS;
    if (ca_filter_entry(&f->filter, n, &r, &why) != 0) {
        log_unreadable_add(&f->unreadable, index, &why);
        return 0;
    }
    if (r == FILTER_NEAR)
        show_near(f, index, n);
    if (r != FILTER_MATCH)
        return 0;
    if (f->json)
        return f->found++, log_print_json(log_entry_json(index, n), e);
    if (f->found++ == 0)
        log_print_header(n);
    log_print_row(index, n);
    return 0;
}

static int check_kind(const struct find *f, const struct log_target *t, struct tm_err *e)
{
    if ((f->filter.digest_len > 0 || f->filter.has_key) && !ca_log_source_signatures(t->source))
        return tm_err_set(e,
                          "this is a log of certificates: --digest and --signer-key are for logs "
                          "of signatures");
    return 0;
}

static int work(void *ctx, struct log_target *t, struct tm_err *e)
{
    struct find *f = ctx;
    const struct ca_scan_sink sink = {f, on_entry, NULL};
    log_target_warn(t);
    if (check_kind(f, t, e) != 0)
        return CLI_USAGE;
    if (log_target_scan(t, &f->range, &sink, e) != 0)
        return CLI_FAILED;
    if (f->near > 0)
        fprintf(stderr, "%" PRIu64 " more differ%s only in case, or in a slash at the end\n",
                f->near, f->near == 1 ? "s" : "");
    if (f->found == 0)
        fprintf(stderr, "no such entry among %" PRIu64 "\n", t->head.tree.size);
    int rc = log_unreadable_end(&f->unreadable, t->head.tree.size, e);
    return rc == CLI_OK && f->found == 0 ? NOTHING_FOUND : rc;
}

/* "HEX" or "sha256:HEX", as other tools print it. */
static int set_digest(struct find *f, const char *text, struct tm_err *e)
{
    const char *colon = strchr(text, ':');
    const char *hex = colon != NULL ? colon + 1 : text;
    size_t len = strlen(hex);
    if ((len != 64 && len != 96 && len != 128) || tm_hex_decode(hex, len, &f->digest) != 0)
        return tm_err_set(e, "--digest: '%.140s' is no digest of 32, 48 or 64 bytes in hexadecimal",
                          text);
    f->filter.digest = f->digest.data;
    f->filter.digest_len = f->digest.len;
    return 0;
}

static int set_key(struct ca_filter *f, const char *path, struct tm_err *e)
{
    struct tm_buf der = {0};
    int rc = log_read_public_key(path, &der, e);
    if (rc == 0)
        SHA256(der.data, der.len, f->key_hash);
    f->has_key = rc == 0;
    tm_buf_free(&der);
    return rc == 0 ? 0 : tm_err_wrap(e, "--signer-key");
}

struct words {
    const char *pattern, *serial, *digest, *key;
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
    if (w->digest != NULL && set_digest(f, w->digest, e) != 0)
        return -1;
    if (w->key != NULL && set_key(x, w->key, e) != 0)
        return -1;
    x->after_ms = (uint64_t)w->after.ms;
    x->before_ms = (uint64_t)w->before.ms;
    if (w->before.given && w->before.ms <= 0)
        return tm_err_set(e, "--before: that is too early");
    return ca_filter_check(x, e);
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
        {"repository", CLI_TEXT, "URL|OWNER/NAME", "the source repository, however it is written",
         &find.filter.repository},
        {"issuer", CLI_TEXT, "URL", "the token's issuer", &find.filter.issuer},
        {"serial", CLI_TEXT, "HEX", "the serial number, or how it begins", &w.serial},
        {"digest", CLI_TEXT, "HEX", "logs of signatures: the artifact's digest, or a payload's",
         &w.digest},
        {"signer-key", CLI_TEXT, "FILE", "logs of signatures: signed by this public key", &w.key},
        {"after", CLI_TIME, "TIME", "logged then or later: 2026-11-24T12:00:00Z, 2026-11-24, 24h",
         &w.after},
        {"before", CLI_TIME, "TIME", "logged before then", &w.before},
        LOG_RANGE_OPTIONS(w.range),
        CLI_JSON_LINES(&find.json),
        LOG_OPTIONS(f),
        {NULL, CLI_FLAG, NULL, NULL, NULL},
    };
    struct tm_err e = {0};
    int count = 0;
    int rc = cli_parse(self, options, argc, argv, 1, 1, &count);
    if (rc != CLI_GO_ON)
        return rc;
    if (set_filter(&find, &w, &e) != 0 || log_range_check(&w.range, &find.range, &e) != 0)
        rc = cli_fail_json(find.json, CLI_USAGE, &e);
    else
        rc = log_target_run(argv[0], &f, find.json, work, &find);
    ca_filter_free(&find.filter);
    tm_buf_free(&find.digest);
    return rc;
}
