/* evidence verify: a pack, by the first root and the logs' keys alone. */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "ca/audit/export.h"
#include "common/file.h"
#include "common/hex.h"
#include "tools/shared/printed.h"
#include "tools/tenmint-ca/audit/audit.h"
#include "tools/tenmint-ca/evidence/evidence.h"

struct checking {
    struct cli_digest digest; /* of evidence.json; none: not checked */
    const char *dir, *root, *log_key;
    struct log_flags heads_flags;
    bool json;
    struct evidence_manifest manifest;
    struct ca_audit_head_list heads;
    struct evidence_tables *tables;
    struct evidence_proofs *proofs; /* NULL: the pack has none */
    struct tm_buf rehearsals;       /* struct evidence_rehearsal, as the trail has them */
    uint64_t records, unconfirmed, faults;
    size_t unvouched; /* rehearsals */
    unsigned unchecked;
};

static void say_as(struct checking *c, bool ok, const char *what, const char *text)
{
    if (c->json)
        (void)cli_print_json(
            json_pack("{s:s, s:b, s:s}", "part", what, "ok", (int)ok, "text", text), NULL);
    else
        printf("%s %-10s %s\n", ok ? "ok  " : "    ", what, text);
}

static void say(struct checking *c, const char *what, const char *text)
{
    say_as(c, true, what, text);
}

/* Part of the pack, for which a key is missing. */
static void say_unchecked(struct checking *c, const char *what, const char *option)
{
    char text[64];
    c->unchecked++;
    snprintf(text, sizeof(text), "NOT CHECKED: give %s", option);
    say_as(c, false, what, text);
}

static const struct evidence_file *find(const struct checking *c, const char *name)
{
    for (size_t i = 0; i < c->manifest.files; i++) {
        if (strcmp(c->manifest.file[i].name, name) == 0)
            return &c->manifest.file[i];
    }
    return NULL;
}

/* Whether a part is to be checked: 1; 0: it is not there, or cannot be, which is said; -1: a key
 * was given for a part that somebody has taken out. */
static int is_wanted(struct checking *c, const char *what, const char *file, const char *key,
                     const char *option, struct tm_err *e)
{
    bool there = find(c, file) != NULL;
    if (there && key != NULL)
        return 1;
    if (there)
        say_unchecked(c, what, option);
    return there || key == NULL ? 0 : tm_err_set(e, "%s: the pack has no '%s'", what, file);
}

static void on_fault(void *arg, const char *text)
{
    struct checking *c = arg;
    c->faults++;
    fprintf(stderr, "%s\n", text);
}

static int on_record(void *arg, const struct ca_audit_record *r, struct tm_err *e)
{
    struct checking *c = arg;
    const struct evidence_period *p = &c->manifest.period;
    struct evidence_rehearsal drill = {0};
    if (evidence_tables_add(c->tables, r, e) != 0)
        return -1;
    if (evidence_rehearsal_of(r, &drill))
        tm_buf_append(&c->rehearsals, &drill, sizeof(drill));
    if (buf_failed(&c->rehearsals))
        return tm_err_set(e, "out of memory");
    return c->proofs != NULL && r->time_ms >= p->since_ms && r->time_ms < p->until_ms
               ? evidence_proofs_check(c->proofs, r, e)
               : 0;
}

static int check_node(struct checking *c, const char *node, struct tm_err *e)
{
    char path[PATH_MAX], name[256];
    struct ca_audit_walk w = {.say = on_fault, .seen = on_record, .arg = c};
    if (snprintf(path, sizeof(path), "%s/records/%s.jsonl", c->dir, node) >= (int)sizeof(path))
        return tm_err_set(e, "the path is too long");
    if (ca_audit_export_read(path, &c->heads, &w, name, e) != 0)
        return -1;
    if (strcmp(name, node) != 0)
        return tm_err_set(e, "'%s' is of the node '%s'", path, name);
    c->records += w.records;
    c->unconfirmed += w.tip.seq - (w.confirmed > 0 ? w.confirmed : w.floor.seq);
    return 0;
}

/* They were made from the records; made again they are the same. */
static int check_tables(const struct checking *c, struct tm_err *e)
{
    for (unsigned i = 0; i < EVIDENCE_TABLES; i++) {
        const struct evidence_file *f = find(c, evidence_table_file(i));
        struct tm_buf sha256 = {0};
        (void)tm_hex_decode(evidence_tables_sha256(c->tables, i), 64, &sha256);
        bool same = f != NULL && sha256.len == f->sha256.len &&
                    memcmp(sha256.data, f->sha256.data, sha256.len) == 0;
        tm_buf_free(&sha256);
        if (!same)
            return tm_err_set(e, "'%s' is not what the records say", evidence_table_file(i));
    }
    return 0;
}

/* A line that the trail does not have proves nothing: anybody who may write the record wrote it. */
static void say_rehearsals(struct checking *c, const struct evidence_rehearsed *found)
{
    char text[160];
    size_t ours = found->lines - found->tuf;
    snprintf(text, sizeof(text), "%zu of %zu are in the audit trail%s", ours - found->untold, ours,
             found->untold > 0 ? "; NOBODY VOUCHES for the others" : "");
    say_as(c, found->untold == 0, "rehearsals", text);
    snprintf(text, sizeof(text),
             "%zu are of the repository: the pack's digest alone vouches for them", found->tuf);
    if (found->tuf > 0)
        say(c, "rehearsals", text);
    snprintf(text, sizeof(text), "%zu are of servers whose record is not in the pack",
             found->elsewhere);
    if (found->elsewhere > 0)
        say(c, "rehearsals", text);
    snprintf(text, sizeof(text), "%zu failed; %zu steps were skipped", found->failed,
             found->skipped);
    if (found->failed + found->skipped > 0)
        say(c, "rehearsals", text);
    c->unvouched = found->untold;
}

static int check_rehearsals(struct checking *c, struct tm_err *e)
{
    struct evidence_trail trail = {.item = (struct evidence_rehearsal *)(void *)c->rehearsals.data,
                                   .count = c->rehearsals.len / sizeof(*trail.item)};
    struct evidence_rehearsed found;
    struct tm_buf made = {0};
    int rc = evidence_rehearsals_table(c->dir, &c->manifest.period, &trail, &made, &found, e);
    if (rc == 0)
        rc = evidence_compare(c->dir, EVIDENCE_REHEARSALS, &made,
                              "what the records of rehearsals say", e);
    tm_buf_free(&made);
    if (rc == 0)
        say_rehearsals(c, &found);
    return rc;
}

static int check_records(struct checking *c, struct tm_err *e)
{
    char text[160];
    c->tables = evidence_tables_new(NULL, &c->manifest.period, e);
    if (c->tables == NULL)
        return -1;
    for (size_t i = 0; i < c->manifest.nodes; i++) {
        if (check_node(c, c->manifest.node[i], e) != 0)
            return -1;
    }
    if (c->faults > 0)
        return tm_err_set(e, "the records were altered: %" PRIu64 " faults", c->faults);
    if (evidence_tables_end(c->tables, e) != 0 || check_tables(c, e) != 0 ||
        check_rehearsals(c, e) != 0)
        return -1;
    snprintf(text, sizeof(text),
             "%" PRIu64 " in whole chains; %" PRIu64 " at the end are newer than the last head",
             c->records, c->unconfirmed);
    say(c, "records", text);
    say(c, "tables", "are what the records say");
    return 0;
}

static int check_heads(struct checking *c, struct tm_err *e)
{
    char path[PATH_MAX], text[96];
    int wanted =
        is_wanted(c, "heads", "heads/checkpoint", c->heads_flags.key, "--heads-key FILE", e);
    if (wanted <= 0)
        return wanted;
    if (tm_file_join(c->dir, "heads", path, sizeof(path), e) != 0)
        return -1;
    if (audit_read_heads(path, &c->heads_flags, c->json, &c->heads) != CLI_OK)
        return tm_err_set(e, "the log of heads is not believed");
    snprintf(text, sizeof(text), "%zu, each in the log that its key signs", c->heads.count);
    say(c, "heads", text);
    return 0;
}

static int open_proofs(struct checking *c, struct tm_err *e)
{
    int wanted = is_wanted(c, "log", "log/checkpoint", c->log_key, "--log-key FILE", e);
    if (wanted <= 0)
        return wanted;
    c->proofs = evidence_proofs_open(c->dir, c->log_key, e);
    return c->proofs != NULL ? 0 : tm_err_wrap(e, "log of certificates");
}

static int end_proofs(struct checking *c, struct tm_err *e)
{
    char text[96];
    if (c->proofs == NULL)
        return 0;
    if (evidence_proofs_end(c->proofs, e) != 0)
        return -1;
    snprintf(text, sizeof(text), "%" PRIu64 " certificates are proven to be in it",
             evidence_proofs_count(c->proofs));
    say(c, "log", text);
    return 0;
}

static int check_tuf(struct checking *c, struct tm_err *e)
{
    struct evidence_tuf found;
    char text[128];
    int wanted = is_wanted(c, "tuf", "tuf/transcript.jsonl", c->root, "--root FILE", e);
    if (wanted <= 0)
        return wanted;
    if (evidence_tuf_check(c->dir, c->root, c->manifest.made_ms / 1000, &found, e) != 0)
        return -1;
    snprintf(text, sizeof(text),
             "root %" PRId64 " follows from the given one; %zu ceremonies, %zu "
             "signatures",
             found.root_version, found.ceremonies, found.signatures);
    say(c, "tuf", text);
    return 0;
}

static int check_files(struct checking *c, struct tm_err *e)
{
    char text[224], digest[65];
    bool given = c->digest.len > 0;
    if (evidence_manifest_digest(c->dir, digest, e) != 0 ||
        evidence_manifest_check(c->dir, &c->manifest, e) != 0)
        return -1;
    if (given && strcmp(c->digest.hex, digest) != 0)
        return tm_err_set(e, "evidence.json has the SHA-256 %s, not the one that was given",
                          digest);
    snprintf(text, sizeof(text), "%zu, as evidence.json lists them%s%s%s", c->manifest.files,
             given ? ", which is the one that was given" : "; its SHA-256 is ", given ? "" : digest,
             given ? ""
                   : ": by --digest, from its maker, it vouches for pages, policy and "
                     "monitors too");
    say(c, "files", text);
    return 0;
}

static int check(struct checking *c, struct tm_err *e)
{
    if (evidence_manifest_read(c->dir, &c->manifest, e) != 0)
        return CLI_UNKNOWN;
    if (check_files(c, e) != 0)
        return CLI_DANGER;
    if (check_heads(c, e) != 0 || open_proofs(c, e) != 0 || check_records(c, e) != 0 ||
        end_proofs(c, e) != 0 || check_tuf(c, e) != 0)
        return CLI_DANGER;
    if (c->unchecked > 0)
        tm_err_set(e, "%u parts were not checked", c->unchecked);
    else if (c->unvouched > 0)
        tm_err_set(e, "of %zu rehearsals nobody knows whether they were done", c->unvouched);
    return c->unchecked > 0 || c->unvouched > 0 ? CLI_FAILED : CLI_OK;
}

int command_evidence_verify(const struct cli_command *self, int argc, char **argv)
{
    struct checking c = {.heads_flags = LOG_FLAGS_INIT, .digest = {.sha256_only = true}};
    const struct cli_option options[] = {
        {"root", CLI_TEXT, "FILE", "the TUF root that is trusted", &c.root},
        {"log-key", CLI_TEXT, "FILE|BASE64", "public key of the log of certificates", &c.log_key},
        {"heads-key", CLI_TEXT, "FILE", "public key of the log of audit heads", &c.heads_flags.key},
        {"witness-key", CLI_LIST, "VKEY|FILE", "a witness of the heads, or a file of them",
         &c.heads_flags.witness},
        {"witness-quorum", CLI_NUMBER, "N", "witnesses that must have cosigned (all given)",
         &c.heads_flags.quorum},
        {"digest", CLI_DIGEST, "HEX", "SHA-256 of evidence.json, as its maker says it", &c.digest},
        CLI_JSON_LINES(&c.json),
        {0},
    };
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    c.dir = argv[0];
    rc = check(&c, &e);
    evidence_manifest_free(&c.manifest);
    evidence_tables_free(c.tables);
    tm_buf_free(&c.rehearsals);
    evidence_proofs_free(c.proofs);
    ca_audit_head_list_free(&c.heads);
    return rc == CLI_OK ? CLI_OK : cli_fail_json(c.json, rc, &e);
}
