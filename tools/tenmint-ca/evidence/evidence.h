/*
 * The evidence pack: what an auditor asks for of a period, in one folder, with the proofs.
 *
 *   index.html            for people: what each part shows, which control it answers
 *
 *   evidence.json         period, nodes, each file's SHA-256
 *
 *   records/NODE.jsonl    the audit trail (ca/audit/export.h), whole, for its chain
 *
 *   heads/                the log that vouches for the trail's end
 *
 *   tables/….csv          the period's records by topic, made anew by a check
 *
 *   log/                  each certificate's entry, with its inclusion proof
 *
 *   tuf/                  roots, transcript, policy; report/: the same as pages
 *
 *   rehearsals/           the records of drills of both programs
 *
 *   monitors/             what monitors have written
 *
 * `evidence verify` needs the first root and the logs' keys, and believes nothing else of it.
 */
#pragma once

#include "ca/audit/walk.h"
#include "ca/config/config.h"
#include "common/yamlmap.h"
#include "tools/shared/cli.h"

struct evidence_period { /* since <= time < until; both are set */
    int64_t since_ms, until_ms;
};

/* ---- tables (evidence_tables.c) ---- */

/* Name of the file, kinds of records, heading, what it answers. */
enum evidence_table {
    EVIDENCE_ISSUED,
    EVIDENCE_REFUSED,
    EVIDENCE_TRUST,
    EVIDENCE_OPERATIONS,
    EVIDENCE_DRILLS,
    EVIDENCE_REPOSITORIES,
    EVIDENCE_TABLES
};

struct evidence_tables; /* one CSV file each, written or only hashed */

/* `dir`: where the files go, which is there; NULL: they are only hashed. NULL with `e` set. */
struct evidence_tables *evidence_tables_new(const char *dir, const struct evidence_period *p,
                                            struct tm_err *e);
void evidence_tables_free(struct evidence_tables *t); /* NULL is fine */
/* A record of any time and kind. */
int evidence_tables_add(struct evidence_tables *t, const struct ca_audit_record *r,
                        struct tm_err *e);
int evidence_tables_end(struct evidence_tables *t, struct tm_err *e);
/* After the end. */
uint64_t evidence_tables_rows(const struct evidence_tables *t, enum evidence_table which);
const char *evidence_tables_sha256(const struct evidence_tables *t, enum evidence_table which);
const char *evidence_table_file(enum evidence_table which); /* "tables/issued.csv" */

/* ---- the certificates' log (evidence_log.c) ---- */

struct evidence_log; /* proofs, being written */

/* Of the log in `directory`, into `dir`/log. NULL with `e` set. */
struct evidence_log *evidence_log_new(const char *directory, const char *dir, struct tm_err *e);
/* The entry of an issued record; others, and other logs' entries, are passed over. */
int evidence_log_add(struct evidence_log *l, const struct ca_audit_record *r, struct tm_err *e);
int evidence_log_end(struct evidence_log *l, struct tm_err *e);
void evidence_log_free(struct evidence_log *l);
uint64_t evidence_log_proofs(const struct evidence_log *l);

struct evidence_proofs; /* the same, being checked */

/* `key`: the log's, as tenmint-log takes it. NULL with `e` set: no such file, or not believed. */
struct evidence_proofs *evidence_proofs_open(const char *dir, const char *key, struct tm_err *e);
/* 0: the record's certificate is in the log, or the record names no entry of it. -1: `e`. */
int evidence_proofs_check(struct evidence_proofs *p, const struct ca_audit_record *r,
                          struct tm_err *e);
/* -1: entries are left that no record names. */
int evidence_proofs_end(struct evidence_proofs *p, struct tm_err *e);
uint64_t evidence_proofs_count(const struct evidence_proofs *p);
void evidence_proofs_free(struct evidence_proofs *p);

/* ---- the TUF repository (evidence_tuf.c) ---- */

struct evidence_tuf { /* what was found */
    int64_t root_version;
    size_t roots, ceremonies, signatures;
};
/* Copies a workspace's public part, and writes its pages, into `dir`/tuf. */
int evidence_tuf_write(const char *workspace, const char *dir, int64_t now,
                       struct evidence_tuf *out, struct tm_err *e);
/* A client's way from the root in `root` to what is in `dir`/tuf, as it was at `now`; the
 * transcript against it; ceremonies.csv against the transcript. */
int evidence_tuf_check(const char *dir, const char *root, int64_t now, struct evidence_tuf *out,
                       struct tm_err *e);

/* ---- rehearsals (evidence_rehearsals.c) ---- */

#define EVIDENCE_REHEARSALS "tables/rehearsals.csv"

/* Copies the records of both programs, those that there are. `workspace`: the TUF workspace, or
 * NULL. */
int evidence_rehearsals_copy(const char *record, const char *workspace, const char *dir,
                             struct tm_err *e);

struct evidence_rehearsal { /* as the audit trail has it */
    int64_t time_ms;
    char kind[16], sha256[65]; /* of its line in the record of rehearsals */
    char node[256];            /* the server that rehearsed: each has a record of its own */
    bool found;                /* the record has it */
};
struct evidence_trail { /* all that it has; borrowed */
    struct evidence_rehearsal *item;
    size_t count;
    const char *here; /* the server whose record is in the pack; NULL: not known */
};
struct evidence_rehearsed { /* of the period, but `elsewhere` */
    size_t lines;           /* of both programs' records */
    size_t tuf;       /* those of them that tenmint-tuf wrote: the pack's digest alone vouches */
    size_t untold;    /* of the others those that are not in the trail: nobody vouches for them */
    size_t failed;    /* of all */
    size_t skipped;   /* steps of all */
    size_t elsewhere; /* rehearsals in the trail of servers whose record is not in the pack */
};
/* False: the audit record is of something else. */
bool evidence_rehearsal_of(const struct ca_audit_record *r, struct evidence_rehearsal *out);
/* EVIDENCE_REHEARSALS of the records in the pack, into `out`, to be freed also after -1: a line is
 * damaged, or one of the trail is not there, though it is of `here`, or of a server of which the
 * record has another. */
int evidence_rehearsals_table(const char *dir, const struct evidence_period *period,
                              struct evidence_trail *trail, struct tm_buf *out,
                              struct evidence_rehearsed *found, struct tm_err *e);

/* ---- controls and pages (evidence_html.c) ---- */

struct evidence_control {
    char *name; /* "SSDF PS.2" */
    char *asks;
    struct tm_yamlmap_list parts; /* ids of parts of the pack */
};
struct evidence_controls {
    struct tm_yamlmap_entries list; /* of struct evidence_control */
};
/* -1: another form, or a part that no pack has. */
int evidence_controls_load(const char *path, struct evidence_controls *out, struct tm_err *e);
void evidence_controls_free(struct evidence_controls *c);

struct evidence_facts { /* what the first page says; borrowed */
    const struct evidence_period *period;
    int64_t made_s;
    const struct evidence_tables *tables;
    struct evidence_rehearsed rehearsed;
    uint64_t records, confirmed, nodes, proofs, monitors;
    bool has_log, has_tuf;
    struct evidence_tuf tuf;
    const struct evidence_controls *controls; /* NULL: none were given */
};
int evidence_html_write(const char *dir, const struct evidence_facts *f, struct tm_err *e);

/* ---- files (evidence_files.c) ---- */

struct evidence_manifest { /* evidence.json */
    struct evidence_period period;
    int64_t made_ms;
    char **node; /* owned */
    size_t nodes;
    struct evidence_file {
        char *name;
        struct tm_buf sha256;
    } * file; /* owned */
    size_t files;
};
/* Of all files in `dir` but evidence.json itself. */
int evidence_manifest_make(const char *dir, struct evidence_manifest *m, struct tm_err *e);
int evidence_manifest_write(const char *dir, const struct evidence_manifest *m, struct tm_err *e);
int evidence_manifest_read(const char *dir, struct evidence_manifest *m, struct tm_err *e);
/* Each file has its hash, and there are no others. */
int evidence_manifest_check(const char *dir, const struct evidence_manifest *m, struct tm_err *e);
void evidence_manifest_free(struct evidence_manifest *m);
/* SHA-256 of evidence.json, hexadecimal: whoever knows it has all of the pack, also the pages, the
 * policy and what monitors wrote, for which no key vouches. */
int evidence_manifest_digest(const char *dir, char out[65], struct tm_err *e);

#define EVIDENCE_FILE_MAX ((size_t)64 << 20) /* bytes of one that is copied or made anew */
/* One file, of `max` bytes at most; its folder is there. */
int evidence_copy_file(const char *from, const char *to, size_t max, struct tm_err *e);
/* The same, of EVIDENCE_FILE_MAX, to `dir`/`name`. */
int evidence_copy_into(const char *from, const char *dir, const char *name, struct tm_err *e);
/* Whether `dir`/`name` holds what was made of the pack anew; `source`: "what the transcript says".
 */
int evidence_compare(const char *dir, const char *name, const struct tm_buf *made,
                     const char *source, struct tm_err *e);
/* A folder with all that is in it, links aside. */
int evidence_copy(const char *from, const char *to, struct tm_err *e);

int command_evidence_make(const struct cli_command *self, int argc, char **argv);
int command_evidence_verify(const struct cli_command *self, int argc, char **argv);
