/* evidence make: gathers a period's evidence from the audit trail, the log of certificates and the
 * TUF workspace. */
#include "tools/tenmint-ca/evidence/evidence.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "ca/audit/export.h"
#include "common/clock.h"
#include "common/file.h"
#include "tools/tenmint-ca/audit/audit.h"
#include "tools/tenmint-ca/audit/audit_note.h"
#include "tools/tenmint-ca/init/init_stage.h"

struct making {
    const char *config, *out, *tuf, *controls_file;
    struct cli_list monitors;
    struct cli_time since, until;
    const char *dir; /* where the pack grows */
    struct audit_trail trail;
    struct ca_audit_head_list heads;
    struct evidence_manifest manifest;
    struct evidence_tables *tables;
    struct evidence_log *log; /* NULL: there is no such log */
    struct tm_buf rehearsals; /* struct evidence_rehearsal, as the trail has them */
    struct ca_audit_export export;
    struct ca_audit_walk walk;
    struct evidence_controls controls;
    struct evidence_facts facts;
};

static int make_folders(const struct making *m, struct tm_err *e)
{
    static const char *const names[] = {"records", "tables",   "log",       "heads",
                                        "tuf",     "monitors", "rehearsals"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[PATH_MAX];
        if (tm_file_join(m->dir, names[i], path, sizeof(path), e) != 0 ||
            tm_file_mkdirs(path, 0755, e) != 0)
            return -1;
    }
    return 0;
}

static int copy_into(const struct making *m, const char *from, const char *folder, const char *name,
                     struct tm_err *e)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/%s/%s", m->dir, folder, name) >= (int)sizeof(path))
        return tm_err_set(e, "'%s': the path is too long", from);
    return evidence_copy_file(from, path, EVIDENCE_FILE_MAX, e);
}

/* The checkpoint first: what is added meanwhile is behind it. */
static int take_heads(struct making *m, struct tm_err *e)
{
    const char *heads = m->trail.places.heads;
    struct log_flags f = LOG_FLAGS_INIT;
    char from[PATH_MAX], to[PATH_MAX], key[PATH_MAX];
    if (m->trail.config.audit_store.origin == NULL)
        return 0;
    if (tm_file_join(heads, "checkpoint", from, sizeof(from), e) != 0 ||
        copy_into(m, from, "heads", "checkpoint", e) != 0 ||
        tm_file_join(heads, "tile", from, sizeof(from), e) != 0 ||
        tm_file_join(m->dir, "heads/tile", to, sizeof(to), e) != 0 ||
        tm_file_mkdirs(to, 0755, e) != 0 || evidence_copy(from, to, e) != 0 ||
        tm_file_join(m->dir, "heads", to, sizeof(to), e) != 0)
        return -1;
    if (snprintf(key, sizeof(key), "%s.pem", heads) < (int)sizeof(key) && access(key, R_OK) == 0)
        f.key = key;
    return audit_read_heads(to, &f, false, &m->heads) == CLI_OK
               ? 0
               : tm_err_set(e, "the log of heads '%s'", heads);
}

/* ---- records ---- */

static int on_row(void *arg, const struct ca_audit_row *row, struct tm_err *e)
{
    struct making *m = arg;
    struct evidence_rehearsal drill = {0};
    const struct ca_audit_record *r = &row->record;
    bool within =
        r->time_ms >= m->manifest.period.since_ms && r->time_ms < m->manifest.period.until_ms;
    if (ca_audit_export_record(&m->export, row, e) != 0 ||
        ca_audit_walk_record(&m->walk, r, &row->hash, e) != 0 ||
        evidence_tables_add(m->tables, r, e) != 0)
        return -1;
    if (evidence_rehearsal_of(r, &drill))
        tm_buf_append(&m->rehearsals, &drill, sizeof(drill));
    if (buf_failed(&m->rehearsals))
        return tm_err_set(e, "out of memory");
    return m->log != NULL && within ? evidence_log_add(m->log, r, e) : 0;
}

static int take_node(struct making *m, const char *node, struct tm_err *e)
{
    struct ca_audit_store *s = m->trail.store;
    struct ca_audit_tip floor;
    char path[PATH_MAX];
    if (strchr(node, '/') != NULL ||
        snprintf(path, sizeof(path), "%s/records/%s.jsonl", m->dir, node) >= (int)sizeof(path))
        return tm_err_set(e, "the node '%s' cannot be the name of a file", node);
    m->walk = (struct ca_audit_walk){0};
    int rc = ca_audit_store_floor(s, node, &floor, e);
    if (rc == 0) {
        ca_audit_walk_begin(&m->walk, node, &floor, &m->heads);
        rc = ca_audit_export_begin(&m->export, path, node, &floor, e);
    }
    if (rc == 0)
        rc = ca_audit_store_chain(s, node, floor.seq + 1, on_row, m, e);
    if (rc == 0)
        rc = ca_audit_export_commit(&m->export, e);
    ca_audit_export_abort(&m->export);
    ca_audit_walk_end(&m->walk);
    if (rc == 0 && m->walk.faults > 0)
        rc = tm_err_set(e, "the records of '%s' were altered: `tenmint-ca audit verify` says which",
                        node);
    m->facts.records += m->walk.records;
    m->facts.confirmed += m->walk.confirmed;
    return rc;
}

static int on_node(void *arg, const char *const *column, size_t count, struct tm_err *e)
{
    struct evidence_manifest *m = arg;
    char **more = reallocarray((void *)m->node, m->nodes + 1, sizeof(*more));
    if (more == NULL || count != 1)
        return tm_err_set(e, "out of memory");
    m->node = more;
    m->node[m->nodes] = strdup(column[0]);
    return m->node[m->nodes++] != NULL ? 0 : tm_err_set(e, "out of memory");
}

static int take_records(struct making *m, struct tm_err *e)
{
    const char *log = m->trail.config.ct.embedded.directory;
    m->tables = evidence_tables_new(m->dir, &m->manifest.period, e);
    m->log = m->tables != NULL && log != NULL ? evidence_log_new(log, m->dir, e) : NULL;
    if (m->tables == NULL || (log != NULL && m->log == NULL) ||
        ca_audit_store_nodes(m->trail.store, on_node, &m->manifest, e) != 0)
        return -1;
    for (size_t i = 0; i < m->manifest.nodes; i++) {
        if (take_node(m, m->manifest.node[i], e) != 0)
            return -1;
    }
    if (evidence_tables_end(m->tables, e) != 0 ||
        (m->log != NULL && evidence_log_end(m->log, e) != 0))
        return -1;
    m->facts.proofs = m->log != NULL ? evidence_log_proofs(m->log) : 0;
    return 0;
}

/* ---- the rest ---- */

static int take_monitors(struct making *m, struct tm_err *e)
{
    for (size_t i = 0; i < m->monitors.count; i++) {
        const char *from = m->monitors.item[i];
        const char *slash = strrchr(from, '/');
        if (copy_into(m, from, "monitors", slash != NULL ? slash + 1 : from, e) != 0)
            return -1;
    }
    return 0;
}

/* After the trail: a rehearsal is in its record before it is in the trail. What the two do not
 * agree about would be found by whoever checks the pack. */
static int take_rehearsals(struct making *m, struct tm_err *e)
{
    const char *file = m->trail.config.rehearsals.file;
    struct evidence_trail trail = {.item = (struct evidence_rehearsal *)(void *)m->rehearsals.data,
                                   .count = m->rehearsals.len / sizeof(*trail.item),
                                   .here = m->trail.options.node};
    struct tm_buf table = {0};
    char path[PATH_MAX];
    if (evidence_rehearsals_copy(file, m->tuf, m->dir, e) != 0)
        return -1;
    int rc = evidence_rehearsals_table(m->dir, &m->manifest.period, &trail, &table,
                                       &m->facts.rehearsed, e);
    if (rc != 0)
        tm_err_wrap(e, "'%s' was altered or cut: put it back", file);
    if (rc == 0)
        rc = tm_file_join(m->dir, EVIDENCE_REHEARSALS, path, sizeof(path), e);
    if (rc == 0)
        rc = tm_file_write_passing(path, 0644, table.data, table.len, e);
    tm_buf_free(&table);
    return rc;
}

static int take_controls(struct making *m, struct tm_err *e)
{
    if (m->controls_file == NULL)
        return 0;
    if (evidence_controls_load(m->controls_file, &m->controls, e) != 0)
        return -1;
    m->facts.controls = &m->controls;
    return 0;
}

static int gather(struct making *m, struct tm_err *e)
{
    int64_t now = m->manifest.made_ms / 1000;
    if (make_folders(m, e) != 0 || take_controls(m, e) != 0 || take_heads(m, e) != 0 ||
        take_records(m, e) != 0 || take_monitors(m, e) != 0 || take_rehearsals(m, e) != 0 ||
        (m->tuf != NULL && evidence_tuf_write(m->tuf, m->dir, now, &m->facts.tuf, e) != 0))
        return -1;
    m->facts.period = &m->manifest.period;
    m->facts.made_s = now;
    m->facts.tables = m->tables;
    m->facts.nodes = m->manifest.nodes;
    m->facts.monitors = m->monitors.count;
    m->facts.has_log = m->log != NULL;
    m->facts.has_tuf = m->tuf != NULL;
    return evidence_html_write(m->dir, &m->facts, e) != 0 ||
                   evidence_manifest_make(m->dir, &m->manifest, e) != 0
               ? -1
               : evidence_manifest_write(m->dir, &m->manifest, e);
}

static void making_free(struct making *m)
{
    audit_close(&m->trail);
    ca_audit_head_list_free(&m->heads);
    evidence_manifest_free(&m->manifest);
    evidence_tables_free(m->tables);
    evidence_log_free(m->log);
    evidence_controls_free(&m->controls);
    tm_buf_free(&m->rehearsals);
}

static int make(struct making *m, struct tm_err *e)
{
    struct init_stage stage;
    int rc = audit_open(&m->trail, m->config, e);
    if (rc != CLI_OK)
        return rc;
    m->manifest.made_ms = tm_clock_wall_ms();
    m->manifest.period = (struct evidence_period){
        m->since.given ? m->since.ms : 0, m->until.given ? m->until.ms : m->manifest.made_ms};
    if (init_stage_begin(&stage, m->out, e) != INIT_STAGE_BEGUN)
        return CLI_FAILED;
    m->dir = stage.dir;
    if (gather(m, e) == 0)
        return init_stage_commit(&stage, e) == 0 ? CLI_OK : CLI_FAILED;
    init_stage_drop(&stage);
    return CLI_FAILED;
}

/* That evidence was given out, and which: in the trail, and so in the next pack. */
static void note(const struct making *m, const char *digest)
{
    const struct ca_audit_event ev = {
        .kind = AUDIT_COMMAND, .reason = "evidence made", .detail = m->out, .after = digest};
    audit_note_done(&m->trail.config, &ev);
}

int command_evidence_make(const struct cli_command *self, int argc, char **argv)
{
    struct making m = {0};
    const struct cli_option options[] = {
        AUDIT_CONFIG_OPTION(m.config),
        {"out", CLI_TEXT, "DIR", "a new folder", &m.out},
        {"since", CLI_TIME, "TIME", "begin of the period (the first record)", &m.since},
        {"until", CLI_TIME, "TIME", "its end (now)", &m.until},
        {"tuf", CLI_TEXT, "DIR", "the TUF workspace", &m.tuf},
        {"monitor", CLI_LIST, "FILE", "what a monitor has written, such as its state", &m.monitors},
        {"controls", CLI_TEXT, "FILE", "which part answers which control (config/controls.yaml)",
         &m.controls_file},
        {0},
    };
    char digest[65];
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 0);
    if (rc != CLI_GO_ON)
        return rc;
    if (m.out == NULL)
        rc = tm_err_set(&e, "evidence make: --out DIR is missing");
    else if (m.since.given && m.until.given && m.since.ms >= m.until.ms)
        rc = tm_err_set(&e, "evidence make: --since is not before --until");
    else
        rc = 0;
    if (rc != 0)
        return cli_fail(CLI_USAGE, &e);
    rc = make(&m, &e);
    if (rc == CLI_OK && evidence_manifest_digest(m.out, digest, &e) != 0)
        rc = CLI_FAILED;
    if (rc == CLI_OK)
        note(&m, digest);
    if (rc == CLI_OK)
        printf("%s: %" PRIu64 " records, %" PRIu64 " certificates with proofs; begin with "
               "index.html\ntell the auditor by another way: SHA-256 of evidence.json %s\n",
               m.out, m.facts.records, m.facts.proofs, digest);
    const struct evidence_rehearsed *drills = &m.facts.rehearsed;
    if (rc == CLI_OK && drills->untold > 0)
        fprintf(
            stderr,
            "tenmint-ca: %zu of %zu rehearsals are not in the audit trail: whoever verifies the "
            "pack hears it\n",
            drills->untold, drills->lines - drills->tuf);
    if (rc == CLI_OK && drills->elsewhere > 0)
        fprintf(stderr,
                "tenmint-ca: %zu rehearsals of other servers are in the audit trail alone: the "
                "pack has this server's record\n",
                drills->elsewhere);
    making_free(&m);
    return rc == CLI_OK ? CLI_OK : cli_fail(rc, &e);
}
