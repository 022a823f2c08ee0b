/* log find: entries by what they say; every entry is proven to be in the signed tree. */
#include <inttypes.h>
#include <stdio.h>

#include "ca/log/monitor/match.h"
#include "tools/shared/printed.h"
#include "tools/tenmint-log/commands.h"
#include "tools/tenmint-log/print.h"
#include "tools/tenmint-log/question.h"

#define NOTHING_FOUND CLI_FAILED /* as grep */
#define NEAR_SHOWN 3

struct find {
    struct log_question question;
    struct cli_progress progress;
    bool json;
    uint64_t found, near;
    struct log_unreadable unreadable;
};

/* What differs only in case or a slash at the end is named, but is not a match. */
static void show_near(struct find *f, uint64_t index, const struct tm_entry *n)
{
    if (f->near++ >= NEAR_SHOWN || f->json)
        return;
    cli_progress_clear(&f->progress);
    printf("NEAR  ");
    log_print_row(index, n);
}

static int on_entry(void *ctx, uint64_t index, const struct tm_entry *n, struct tm_err *e)
{
    struct find *f = ctx;
    struct tm_err why = {0};
    enum ca_filter_result r = FILTER_MISS;
    if (ca_filter_entry(&f->question.filter, n, &r, &why) != 0) {
        log_unreadable_add(&f->unreadable, index, &why);
        return 0;
    }
    if (r == FILTER_NEAR)
        show_near(f, index, n);
    if (r != FILTER_MATCH)
        return 0;
    cli_progress_clear(&f->progress);
    if (f->json)
        return f->found++, cli_print_json(log_entry_json(index, n), e);
    if (f->found++ == 0)
        log_print_header(n);
    log_print_row(index, n);
    return 0;
}

static int work(void *ctx, struct log_target *t, struct tm_err *e)
{
    struct find *f = ctx;
    const struct ca_scan_sink sink = {f, on_entry, NULL};
    log_target_warn(t);
    if (log_question_check(&f->question, t, e) != 0)
        return CLI_USAGE;
    if (log_target_scan(t, &f->question.range, &sink, &f->progress, e) != 0)
        return CLI_FAILED;
    if (f->near > 0)
        fprintf(stderr, "%" PRIu64 " more differ%s only in case, or in a slash at the end\n",
                f->near, f->near == 1 ? "s" : "");
    if (f->found == 0)
        fprintf(stderr, "no such entry among %" PRIu64 "\n", t->head.tree.size);
    int rc = log_unreadable_end(&f->unreadable, t->head.tree.size, e);
    return rc == CLI_OK && f->found == 0 ? NOTHING_FOUND : rc;
}

int command_log_find(const struct cli_command *self, int argc, char **argv)
{
    struct log_flags f = LOG_FLAGS_INIT;
    struct find find = {.question = LOG_QUESTION_INIT};
    const struct cli_option options[] = {
        LOG_QUESTION_OPTIONS(find.question),
        CLI_JSON_LINES(&find.json),
        LOG_OPTIONS(f),
        {0},
    };
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    if (log_question_read(&find.question, &e) != 0)
        rc = cli_fail_json(find.json, CLI_USAGE, &e);
    else
        rc = log_target_run(argv[0], &f, find.json, work, &find);
    log_question_free(&find.question);
    return rc;
}
