/* log verify: everything in a log against its checkpoint. */
#include <inttypes.h>
#include <stdio.h>

#include "ca/log/monitor/verify.h"
#include "common/clock.h"
#include "common/file.h"
#include "tools/shared/printed.h"
#include "tools/tenmint-log/commands.h"
#include "tools/tenmint-log/print.h"
#include "tools/tenmint-log/target.h"

#define SHOWN 50 /* faults; a log that is damaged all over is not listed whole */

struct told {
    const struct cli_list *older; /* checkpoints that the tree must extend */
    bool json;
    char first[160]; /* fault, for those who read no lines of them */
    uint64_t faults;
    struct cli_progress progress;
};

static void on_fault(void *ctx, const char *text)
{
    struct told *t = ctx;
    cli_progress_clear(&t->progress);
    if (t->faults == 0)
        snprintf(t->first, sizeof(t->first), "%s", text);
    t->faults++;
    if (t->json)
        return;
    if (t->faults <= SHOWN)
        printf("%s\n", text);
    else if (t->faults == SHOWN + 1)
        printf("(and more)\n");
}

static void on_progress(void *ctx, uint64_t entries)
{
    struct told *t = ctx;
    cli_progress(&t->progress, entries);
}

/* Older checkpoints are held to the same trust, but need no witnesses: they may be older than
 * those. */
static int read_older(const struct log_target *t, const struct cli_list *files, struct ca_head *out,
                      struct tm_err *e)
{
    struct ca_head_trust trust = t->trust;
    trust.quorum = 0;
    for (size_t i = 0; i < files->count; i++) {
        struct tm_buf note = {0};
        int rc = tm_file_read(files->item[i], NOTE_BYTES_MAX, &note, e);
        if (rc == 0)
            rc = ca_head_read(&trust, note.data, note.len, tm_clock_wall_ms(), &out[i], e);
        tm_buf_free(&note);
        if (rc != 0)
            return tm_err_wrap(e, "'%s'", files->item[i]);
    }
    return 0;
}

static void say_good(const struct log_target *t, const struct ca_verify_report *r)
{
    log_print_origin(stdout, &t->head);
    printf(": %" PRIu64 " entries, %" PRIu64 " tiles and %" PRIu64 " issuers are what the "
           "checkpoint %s\n",
           r->entries, r->tiles, r->issuers,
           t->head.verified ? "signs" : "says; its signature was NOT CHECKED: no --key");
}

static int say_good_json(const struct log_target *t, const struct ca_verify_report *r,
                         struct tm_err *e)
{
    return cli_print_json(json_pack("{s:s, s:b, s:I, s:I, s:I}", "origin", t->head.tree.origin,
                                    "verified", (int)t->head.verified, "entries",
                                    (json_int_t)r->entries, "tiles", (json_int_t)r->tiles,
                                    "issuers", (json_int_t)r->issuers),
                          e);
}

static int work(void *ctx, struct log_target *t, struct tm_err *e)
{
    struct told *told = ctx;
    const struct cli_list *files = told->older;
    struct ca_head older[CLI_LIST_MAX] = {{.tree = {.size = 0}}};
    struct ca_verify_report r = {0};
    struct ca_verify_options o = {.source = t->source,
                                  .head = &t->head,
                                  .older = older,
                                  .older_count = files->count,
                                  .ctx = told,
                                  .fault = on_fault,
                                  .progress = on_progress};
    int rc = read_older(t, files, older, e);
    cli_progress_begin(&told->progress, "entries", 0, t->head.tree.size);
    if (rc == 0)
        rc = ca_log_verify(&o, &r, e);
    cli_progress_end(&told->progress);
    for (size_t i = 0; i < files->count; i++)
        ca_head_free(&older[i]);
    if (rc == 0 && r.faults > 0)
        rc = tm_err_set(e, "%" PRIu64 " thing%s wrong in %s (%" PRIu64 " entries)%s%s", r.faults,
                        r.faults == 1 ? " is" : "s are", t->head.tree.origin, t->head.tree.size,
                        told->json ? ": " : "", told->json ? told->first : "");
    if (rc == 0 && told->json)
        rc = say_good_json(t, &r, e);
    else if (rc == 0)
        say_good(t, &r);
    return rc == 0 ? CLI_OK : CLI_FAILED;
}

int command_log_verify(const struct cli_command *self, int argc, char **argv)
{
    struct log_flags f = LOG_FLAGS_INIT;
    struct cli_list older = {.count = 0};
    struct told told = {.older = &older};
    const struct cli_option options[] = {
        LOG_OPTIONS(f),
        {"checkpoint", CLI_LIST, "FILE", "an older checkpoint that the tree must extend", &older},
        CLI_JSON(&told.json),
        {0},
    };
    int rc = cli_parse(self, options, argc, argv, 1);
    return rc != CLI_GO_ON ? rc : log_target_run(argv[0], &f, told.json, work, &told);
}
