/* audit verify: whether the trail is what was written. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ca/audit/export.h"
#include "common/utf8.h"
#include "tools/shared/printed.h"
#include "tools/shared/terminal.h"
#include "tools/tenmint-ca/audit/audit.h"

#define SHOWN 50 /* faults; a trail that is altered all over is not listed whole */
#define NODES_MAX 256

struct verify {
    const char *config, *heads;
    struct log_flags flags;
    bool json;
    struct ca_audit_head_list list;
    char node[NODES_MAX][256];
    size_t nodes;
    struct ca_audit_walk walk;
    uint64_t faults, records;
    struct cli_progress progress;
};

/* ---- heads ---- */

struct reading {
    struct ca_audit_head_list *list;
};

static int on_entry(void *ctx, uint64_t index, const struct tm_entry *n, struct tm_err *e)
{
    struct reading *r = ctx;
    struct ca_audit_head head;
    if (n->text == NULL)
        return tm_err_set(e, "entry %" PRIu64 " is no head of an audit trail", index);
    return ca_audit_head_read(n->text, n->text_len, &head, e) == 0
               ? ca_audit_head_list_add(r->list, &head, e)
               : tm_err_wrap(e, "entry %" PRIu64, index);
}

static int scan(void *ctx, struct log_target *t, struct tm_err *e)
{
    const struct ca_scan_sink sink = {.ctx = ctx, .entry = on_entry};
    const struct log_range all = {0, UINT64_MAX};
    log_target_warn(t);
    if (t->head.tree.size == 0)
        return CLI_OK;
    return log_target_scan(t, &all, &sink, NULL, e) == 0 ? CLI_OK : CLI_FAILED;
}

int audit_read_heads(const char *location, const struct log_flags *f, bool json,
                     struct ca_audit_head_list *out)
{
    struct reading r = {out};
    int rc = log_target_run(location, f, json, scan, &r);
    ca_audit_head_list_sort(out);
    return rc;
}

/* ---- records ---- */

static void on_fault(void *arg, const char *text)
{
    struct verify *v = arg;
    cli_progress_clear(&v->progress);
    if (++v->faults <= SHOWN && !v->json) {
        cli_print_text(stdout, v->walk.node, strlen(v->walk.node));
        printf(": %s\n", text);
    } else if (v->faults == SHOWN + 1 && !v->json)
        printf("(and more)\n");
}

static int on_row(void *arg, const struct ca_audit_row *row, struct tm_err *e)
{
    struct verify *v = arg;
    char text[128];
    cli_progress(&v->progress, v->walk.records);
    if (row->damaged) {
        snprintf(text, sizeof(text),
                 "record %" PRIu64 " would not be found: its search columns were altered",
                 row->record.seq);
        on_fault(v, text);
    }
    return ca_audit_walk_record(&v->walk, &row->record, &row->hash, e);
}

static int on_node(void *arg, const char *const *column, size_t count, struct tm_err *e)
{
    struct verify *v = arg;
    if (count != 1 || v->nodes == NODES_MAX)
        return tm_err_set(e, "more than %d nodes", NODES_MAX);
    snprintf(v->node[v->nodes++], sizeof(v->node[0]), "%s", column[0]);
    return 0;
}

/* The node is whatever the database or the file says. */
static int say_node(const struct verify *v, uint64_t before, struct tm_err *e)
{
    const struct ca_audit_walk *w = &v->walk;
    char node[256];
    snprintf(node, sizeof(node), "%s", w->node);
    tm_utf8_clean(node);
    if (v->json)
        return cli_print_json(
            json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "node", node, "records",
                      (json_int_t)w->records, "first", (json_int_t)(w->floor.seq + 1), "last",
                      (json_int_t)w->tip.seq, "confirmed", (json_int_t)w->confirmed, "faults",
                      (json_int_t)(v->faults - before)),
            e);
    printf("%s: %" PRIu64 " records, %" PRIu64 " to %" PRIu64, node, w->records, w->floor.seq + 1,
           w->tip.seq);
    if (w->confirmed > 0)
        printf("; a head vouches for those up to %" PRIu64 "\n", w->confirmed);
    else
        printf("; NO HEAD vouches for them\n");
    return 0;
}

static int walk_node(struct verify *v, struct ca_audit_store *s, const char *node, struct tm_err *e)
{
    struct ca_audit_tip floor;
    uint64_t before = v->faults;
    v->walk = (struct ca_audit_walk){.say = on_fault, .arg = v};
    if (ca_audit_store_floor(s, node, &floor, e) != 0)
        return -1;
    ca_audit_walk_begin(&v->walk, node, &floor, &v->list);
    cli_progress_begin(&v->progress, "records", 0, audit_expected(s, node, &floor));
    int rc = ca_audit_store_chain(s, node, floor.seq + 1, on_row, v, e);
    cli_progress_end(&v->progress);
    if (rc != 0)
        return -1;
    ca_audit_walk_end(&v->walk);
    v->records += v->walk.records;
    return say_node(v, before, e);
}

/* A node that has heads and no records has lost them all. */
static int add_missing_nodes(struct verify *v, struct tm_err *e)
{
    for (size_t i = 0; i < v->list.count; i++) {
        const char *node = v->list.item[i].node;
        size_t n = 0;
        while (n < v->nodes && strcmp(v->node[n], node) != 0)
            n++;
        if (n == v->nodes && on_node(v, &node, 1, e) != 0)
            return -1;
    }
    return 0;
}

static int walk_database(struct verify *v, struct ca_audit_store *s, struct tm_err *e)
{
    int rc = ca_audit_store_nodes(s, on_node, v, e);
    if (rc == 0)
        rc = add_missing_nodes(v, e);
    for (size_t i = 0; i < v->nodes && rc == 0; i++)
        rc = walk_node(v, s, v->node[i], e);
    return rc;
}

static int walk_file(struct verify *v, const char *path, struct tm_err *e)
{
    char node[256];
    uint64_t before = v->faults;
    v->walk = (struct ca_audit_walk){.say = on_fault, .arg = v};
    if (ca_audit_export_read(path, &v->list, &v->walk, node, e) != 0)
        return -1;
    v->records += v->walk.records;
    return say_node(v, before, e);
}

/* The database, or what was exported. */
static int work(struct verify *v, struct ca_audit_store *s, char **file, int files,
                struct tm_err *e)
{
    int rc = files == 0 ? walk_database(v, s, e) : 0;
    for (int i = 0; i < files && rc == 0; i++)
        rc = walk_file(v, file[i], e);
    if (rc != 0)
        return CLI_UNKNOWN;
    if (v->faults == 0)
        return CLI_OK;
    tm_err_set(e, "the audit trail was altered: %" PRIu64 " faults in %" PRIu64 " records",
               v->faults, v->records);
    return CLI_DANGER;
}

int command_audit_verify(const struct cli_command *self, int argc, char **argv)
{
    struct verify v = {.flags = LOG_FLAGS_INIT};
    const struct cli_option options[] = {
        AUDIT_CONFIG_OPTION(v.config),
        AUDIT_HEADS_OPTIONS(v.heads, v.flags),
        CLI_JSON_LINES(&v.json),
        {0},
    };
    struct audit_trail t = {0};
    struct tm_err e = {0};
    int files = 0;
    int rc = cli_parse_some(self, options, argc, argv, 0, CLI_LIST_MAX, &files);
    if (rc != CLI_GO_ON)
        return rc;
    /* Who has the exports and the heads needs no server. */
    if (files > 0 && v.config != NULL) {
        tm_err_set(&e, "audit verify: exports are checked without --config: --heads says against "
                       "which log");
        return cli_fail_json(v.json, CLI_USAGE, &e);
    }
    rc = files > 0 ? CLI_OK : audit_open(&t, v.config, &e);
    if (rc == CLI_OK && v.heads == NULL && t.config.audit_store.origin != NULL)
        v.heads = t.places.heads;
    if (rc == CLI_OK && v.heads != NULL) {
        rc = audit_read_heads(v.heads, &v.flags, v.json, &v.list);
        if (rc != CLI_OK) { /* which was said */
            audit_close(&t);
            ca_audit_head_list_free(&v.list);
            return rc;
        }
    }
    if (rc == CLI_OK)
        rc = work(&v, t.store, argv, files, &e);
    audit_close(&t);
    ca_audit_head_list_free(&v.list);
    return rc == CLI_OK ? CLI_OK : cli_fail_json(v.json, rc, &e);
}
