/* log report: a log's state and its entries as pages for people. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "ca/log/monitor/match.h"
#include "ca/pages/pages.h"
#include "common/clock.h"
#include "common/file.h"
#include "tools/tenmint-log/commands.h"
#include "tools/tenmint-log/print.h"
#include "tools/tenmint-log/question.h"

#define SHOWN_DEFAULT 200
#define SHOWN_MAX 10000

struct report {
    struct log_question question;
    const char *dir;
    struct cli_amount limit;
    uint64_t *shown; /* the last `limit` that fit; a ring */
    uint64_t found;
    struct log_unreadable unreadable;
    struct ca_page_site site;
    struct ca_shelf_options log;
};

static int on_entry(void *ctx, uint64_t index, const struct tm_entry *n, struct tm_err *e)
{
    struct report *r = ctx;
    enum ca_filter_result fit = FILTER_MISS;
    struct tm_err why = {0};
    (void)e;
    if (ca_filter_entry(&r->question.filter, n, &fit, &why) != 0)
        log_unreadable_add(&r->unreadable, index, &why);
    else if (fit == FILTER_MATCH)
        r->shown[r->found++ % (uint64_t)r->limit.value] = index;
    return 0;
}

/* ---- files ---- */

static int write_page(const struct report *r, const char *name, struct tm_html *h, struct tm_err *e)
{
    char path[4096];
    const char *text = tm_html_str(h);
    if (text == NULL)
        return tm_err_set(e, "'%s': out of memory", name);
    return tm_file_join(r->dir, name, path, sizeof(path), e) == 0
               ? tm_file_write_atomic(path, 0644, text, h->out.len, e)
               : -1;
}

static int write_entry(const struct report *r, struct ca_shelf *shelf,
                       const struct ca_shelf_entry *n, struct tm_err *e)
{
    struct tm_html h = {0};
    struct tm_buf name = {0};
    const struct ca_page_entry p = {.log = &r->log,
                                    .head = ca_shelf_head(shelf),
                                    .at = n,
                                    .now = tm_clock_wall_ms() / 1000,
                                    .version = cli_version};
    ca_page_entry(&h, &r->site, &p);
    ca_page_entry_address(&r->site, r->log.name, n->index, &name);
    int rc = tm_buf_str(&name) != NULL ? write_page(r, tm_buf_str(&name), &h, e)
                                       : tm_err_set(e, "out of memory");
    tm_html_free(&h);
    tm_buf_free(&name);
    return rc;
}

/* The newest first. */
static uint64_t nth(const struct report *r, uint64_t i)
{
    return r->shown[(r->found - 1 - i) % (uint64_t)r->limit.value];
}

static uint64_t count_shown(const struct report *r)
{
    uint64_t limit = (uint64_t)r->limit.value;
    return r->found < limit ? r->found : limit;
}

static int write_rows(const struct report *r, struct ca_shelf *shelf, struct tm_html *h,
                      struct tm_err *e)
{
    struct tm_html_table t;
    int rc = 0;
    tm_html_table_begin(&t, h, "Entries", ca_page_columns, CA_PAGE_COLUMNS);
    for (uint64_t i = 0; rc == 0 && i < count_shown(r); i++) {
        struct ca_shelf_entry n;
        rc = ca_shelf_entry(shelf, nth(r, i), &n, e) > 0 ? 0 : -1;
        if (rc == 0) {
            const struct ca_page_row row = {r->log.name, n.index, n.entry};
            ca_page_row(&t, &r->site, &row);
            rc = write_entry(r, shelf, &n, e);
        }
        ca_shelf_entry_free(&n);
    }
    tm_html_table_end(&t);
    return rc;
}

static int write_index(const struct report *r, struct ca_shelf *shelf, struct tm_err *e)
{
    struct tm_html h = {0};
    struct tm_buf heading = {0};
    const struct ca_head *head = ca_shelf_head(shelf);
    const int64_t now = tm_clock_wall_ms() / 1000;
    ca_page_begin(&h, &r->site, CA_PAGE_STATE, head->tree.origin, NULL);
    ca_page_head(&h, head, now);
    tm_buf_printf(&heading, "%" PRIu64 " of %" PRIu64 " entries fit%s", r->found, head->tree.size,
                  r->found > count_shown(r) ? ": the newest of them" : "");
    tm_html_section(&h, "entries", tm_buf_str(&heading));
    int rc = write_rows(r, shelf, &h, e);
    tm_html_close(&h);
    ca_page_end(&h, now, cli_version);
    if (rc == 0)
        rc = write_page(r, "index.html", &h, e);
    tm_html_free(&h);
    tm_buf_free(&heading);
    return rc;
}

/* ---- the command ---- */

static int make_folder(const char *dir, struct tm_err *e)
{
    if (mkdir(dir, 0755) == 0 || errno == EEXIST)
        return 0;
    return tm_err_errno(e, "'%s'", dir);
}

static int work(void *ctx, struct log_target *t, struct tm_err *e)
{
    struct report *r = ctx;
    const struct ca_scan_sink sink = {r, on_entry, NULL};
    struct cli_progress progress;
    log_target_warn(t);
    if (log_question_check(&r->question, t, e) != 0)
        return CLI_USAGE;
    if (ca_log_source_tiles(t->source) == NULL)
        return tm_err_set(e, "a report shows proofs, which are made of tiles: this log's API has "
                             "none"),
               CLI_UNKNOWN;
    r->site.title = t->head.tree.origin;
    struct ca_shelf *shelf = ca_shelf_of(&r->log, t->source, &t->trust, e);
    int rc = shelf != NULL && ca_shelf_look(shelf, e) == 0 ? CLI_OK : CLI_UNKNOWN;
    if (rc == CLI_OK && (make_folder(r->dir, e) != 0 ||
                         log_target_scan(t, &r->question.range, &sink, &progress, e) != 0 ||
                         write_index(r, shelf, e) != 0))
        rc = CLI_FAILED;
    ca_shelf_free(shelf);
    if (rc != CLI_OK)
        return rc;
    printf("%s/index.html: %" PRIu64 " of %" PRIu64 " entries, %" PRIu64 " with a page each\n",
           r->dir, r->found, t->head.tree.size, count_shown(r));
    return log_unreadable_end(&r->unreadable, t->head.tree.size, e);
}

int command_log_report(const struct cli_command *self, int argc, char **argv)
{
    struct log_flags f = LOG_FLAGS_INIT;
    struct report r = {.question = LOG_QUESTION_INIT,
                       .limit = {.value = SHOWN_DEFAULT, .min = 1, .max = SHOWN_MAX}};
    const struct cli_option options[] = {
        {"html", CLI_TEXT, "DIR", "the folder for the pages, made if it is not there", &r.dir},
        {"limit", CLI_NUMBER, "N", "pages of entries, the newest that fit (200)", &r.limit},
        LOG_QUESTION_OPTIONS(r.question),
        LOG_OPTIONS(f),
        {0},
    };
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    r.log = (struct ca_shelf_options){.name = "log", .location = argv[0]};
    r.log.address = ca_store_is_url(argv[0]) ? argv[0] : NULL;
    if (r.dir == NULL)
        rc = tm_err_set(&e, "want --html DIR");
    else
        rc = log_question_read(&r.question, &e);
    r.shown = calloc((size_t)r.limit.value, sizeof(*r.shown));
    if (rc != 0)
        rc = cli_fail(CLI_USAGE, &e);
    else if (r.shown == NULL)
        rc = CLI_FAILED;
    else
        rc = log_target_run(argv[0], &f, false, work, &r);
    free(r.shown);
    log_question_free(&r.question);
    return rc;
}
