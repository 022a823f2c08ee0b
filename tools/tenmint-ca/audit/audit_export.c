/* audit export: a node's records as a file that can be checked without the database. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ca/audit/export.h"
#include "tools/shared/printed.h"
#include "tools/shared/terminal.h"
#include "tools/tenmint-ca/audit/audit.h"

struct export
{
    const char *config, *node, *out;
    bool json;
    struct ca_audit_export file;
    struct cli_progress progress;
};

static int on_row(void *arg, const struct ca_audit_row *row, struct tm_err *e)
{
    struct export *x = arg;
    cli_progress(&x->progress, x->file.records);
    return ca_audit_export_record(&x->file, row, e);
}

static int say(const struct export *x, const char *node, struct tm_err *e)
{
    if (x->json)
        return cli_print_json(json_pack("{s:o, s:s, s:I, s:I}", "file",
                                        cli_json_text(x->out, strlen(x->out)), "node", node,
                                        "records", (json_int_t)x->file.records, "last",
                                        (json_int_t)x->file.tip.seq),
                              e);
    printf("%s: %" PRIu64 " records of %s, up to %" PRIu64 "\n", x->out, x->file.records, node,
           x->file.tip.seq);
    return 0;
}

static int work(struct export *x, struct audit_trail *t, struct tm_err *e)
{
    const char *node = x->node != NULL ? x->node : t->options.node;
    struct ca_audit_tip floor;
    if (ca_audit_store_floor(t->store, node, &floor, e) != 0)
        return CLI_UNKNOWN;
    if (ca_audit_export_begin(&x->file, x->out, node, &floor, e) != 0)
        return CLI_FAILED;
    cli_progress_begin(&x->progress, "records", 0, audit_expected(t->store, node, &floor));
    int rc = ca_audit_store_chain(t->store, node, floor.seq + 1, on_row, x, e);
    cli_progress_end(&x->progress);
    if (rc != 0)
        return CLI_UNKNOWN;
    if (x->file.records == 0) {
        tm_err_set(e, "node '%s' has no records", node);
        return CLI_FAILED;
    }
    if (ca_audit_export_commit(&x->file, e) != 0)
        return CLI_FAILED;
    return say(x, node, e) == 0 ? CLI_OK : CLI_FAILED;
}

int command_audit_export(const struct cli_command *self, int argc, char **argv)
{
    struct export x = {0};
    const struct cli_option options[] = {
        AUDIT_CONFIG_OPTION(x.config),
        {"node", CLI_TEXT, "NAME", "whose records (the configuration's)", &x.node},
        {"out", CLI_TEXT, "FILE", "a new file", &x.out},
        CLI_JSON(&x.json),
        {0},
    };
    struct audit_trail t;
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 0);
    if (rc != CLI_GO_ON)
        return rc;
    if (x.out == NULL) {
        tm_err_set(&e, "audit export: --out FILE is missing");
        return cli_fail_json(x.json, CLI_USAGE, &e);
    }
    rc = audit_open(&t, x.config, &e);
    if (rc == CLI_OK) {
        rc = work(&x, &t, &e);
        ca_audit_export_abort(&x.file);
    }
    audit_close(&t);
    return rc == CLI_OK ? CLI_OK : cli_fail_json(x.json, rc, &e);
}
