/* audit query: what the trail has recorded. */
#include "tools/tenmint-ca/audit/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/csv.h"
#include "common/utf8.h"
#include "tools/tenmint-log/print.h"

#define NOTHING_FOUND CLI_FAILED /* as grep */
#define SERIAL_SHOWN 16          /* digits */

/* ---- opening ---- */

int audit_open(struct audit_trail *t, const char *config, struct tm_err *e)
{
    *t = (struct audit_trail){0};
    config = config != NULL ? config : AUDIT_CONFIG_DEFAULT;
    if (ca_config_load(config, &t->config, e) != 0)
        return CLI_CONFIG;
    t->loaded = true;
    if (t->config.audit_store.store == NULL) {
        tm_err_set(e, "'%s' has no 'audit-store': nothing is recorded but log lines", config);
        return CLI_CONFIG;
    }
    if (ca_config_audit(&t->config, &t->places, &t->options, &t->heads, e) != 0)
        return CLI_CONFIG;
    t->store = ca_audit_store_open(&t->options.place, NULL, e);
    return t->store != NULL ? CLI_OK : CLI_UNKNOWN;
}

void audit_close(struct audit_trail *t)
{
    ca_audit_store_close(t->store);
    if (!t->loaded)
        return;
    ca_config_audit_free(&t->places);
    ca_config_free(&t->config);
}

uint64_t audit_expected(struct ca_audit_store *s, const char *node,
                        const struct ca_audit_tip *floor)
{
    struct ca_audit_tip tip;
    return ca_audit_store_tip(s, node, &tip, NULL) == 0 && tip.seq > floor->seq
               ? tip.seq - floor->seq
               : 0;
}

/* ---- query ---- */

struct query {
    const char *config;
    struct ca_audit_query wanted;
    struct cli_time since, until;
    struct cli_amount limit;
    struct cli_choice kind;
    struct cli_digest key;
    bool more; /* than the limit */
    bool json, csv, newest;
    uint64_t found;
    struct log_unreadable unreadable;
    struct tm_buf line;
};

static void print_time(const struct ca_audit_record *r)
{
    char text[21];
    tm_clock_format(r->time_ms / 1000, text);
    printf("%s  ", text);
}

/* What a record is about, in the order of what tells most. */
static void print_subject(const struct ca_audit_event *ev)
{
    static const size_t fields[] = {
        AUDIT_FIELD_identity, AUDIT_FIELD_issuer, AUDIT_FIELD_repository, AUDIT_FIELD_reason,
        AUDIT_FIELD_detail,   AUDIT_FIELD_before, AUDIT_FIELD_after};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        const char *text = ca_audit_text(ev, fields[i]);
        if (*text == '\0')
            continue;
        printf("  %s: ", ca_audit_fields[fields[i]].name);
        cli_print_text(stdout, text, strlen(text));
    }
}

/* At least `wide` bytes, at most `most` (no more than 100). */
static void print_column(const char *text, int wide, int most)
{
    char shown[101];
    snprintf(shown, sizeof(shown), "%.*s", most, text);
    tm_utf8_clean(shown);
    printf("%-*s", wide, shown);
}

static void print_row(struct query *q, const struct ca_audit_record *r)
{
    const struct ca_audit_event *ev = &r->event;
    const char *who = *ca_audit_text(ev, AUDIT_FIELD_actor) != '\0'
                          ? ev->actor
                          : ca_audit_text(ev, AUDIT_FIELD_remote);
    const char *serial = ca_audit_text(ev, AUDIT_FIELD_serial);
    if (q->found == 1)
        printf("%-20s  %-8s  %-18s  %-20s  %s\n", "TIME", "KIND", "SERIAL", "BY", "WHAT");
    print_time(r);
    print_column(r->kind, 8, 16);
    printf("  ");
    print_column(serial, SERIAL_SHOWN, SERIAL_SHOWN);
    printf("%-2s  ", strlen(serial) > SERIAL_SHOWN ? ".." : "");
    print_column(who, 20, 100);
    print_subject(ev);
    printf("\n");
}

static void print_json(struct query *q, const struct ca_audit_row *row)
{
    char hash[AUDIT_HASH_TEXT];
    ca_audit_hash_text(&row->hash, hash);
    ca_audit_canonical(&row->record, &q->line);
    printf("%.*s,\"hash\":\"%s\"}\n", (int)q->line.len - 1, (const char *)q->line.data, hash);
}

static void print_csv_header(struct query *q)
{
    static const char *const first[] = {"time", "seq", "node", "process", "kind"};
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
        tm_csv_field(&q->line, first[i], i == 0);
    for (size_t i = 0; i < AUDIT_FIELD_COUNT; i++)
        tm_csv_field(&q->line, ca_audit_fields[i].name, false);
    tm_csv_end(&q->line);
}

static void print_csv(struct query *q, const struct ca_audit_record *r)
{
    char time[21];
    char seq[24];
    tm_clock_format(r->time_ms / 1000, time);
    snprintf(seq, sizeof(seq), "%" PRIu64, r->seq);
    const char *const first[] = {time, seq, r->node, r->process, r->kind};
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
        tm_csv_field(&q->line, first[i], i == 0);
    for (size_t i = 0; i < AUDIT_FIELD_COUNT; i++)
        tm_csv_field(&q->line, ca_audit_text(&r->event, i), false);
    tm_csv_end(&q->line);
    fwrite(q->line.data, 1, q->line.len, stdout);
}

static int on_row(void *arg, const struct ca_audit_row *row, struct tm_err *e)
{
    struct query *q = arg;
    struct tm_err why = {0};
    tm_buf_reset(&q->line);
    q->more = q->limit.given && q->found == (uint64_t)q->limit.value;
    if (q->more)
        return 0;
    q->found++;
    if (row->damaged) {
        tm_err_set(&why, "what is searched for does not fit what it says, or it has no hash");
        log_unreadable_add(&q->unreadable, row->record.seq, &why);
    }
    if (q->json)
        print_json(q, row);
    else if (q->csv)
        print_csv(q, &row->record);
    else
        print_row(q, &row->record);
    return ferror(stdout) ? tm_err_set(e, "write to standard output") : 0;
}

static int search(struct query *q, struct tm_err *e)
{
    struct audit_trail t;
    int rc = audit_open(&t, q->config, e);
    if (rc == CLI_OK && q->csv) {
        print_csv_header(q);
        fwrite(q->line.data, 1, q->line.len, stdout);
    }
    if (rc == CLI_OK && ca_audit_store_each(t.store, &q->wanted, on_row, q, e) != 0)
        rc = CLI_UNKNOWN;
    audit_close(&t);
    if (rc == CLI_OK && log_flush(e) != 0)
        rc = CLI_FAILED;
    if (rc == CLI_OK)
        rc = log_unreadable_end(&q->unreadable, q->found, e);
    tm_buf_free(&q->line);
    if (q->more)
        fprintf(stderr, "tenmint-ca: more records match: --limit ended the list\n");
    if (rc != CLI_OK || q->found > 0)
        return rc;
    tm_err_set(e, "no record matches");
    return NOTHING_FOUND;
}

int command_audit_query(const struct cli_command *self, int argc, char **argv)
{
    struct query q = {.limit = {.min = 1, .max = INT64_MAX},
                      .kind = {.nth = ca_audit_kind_name},
                      .key = {.sha256_only = true}};
    const struct cli_option options[] = {
        AUDIT_CONFIG_OPTION(q.config),
        {"since", CLI_TIME, "TIME", "recorded then or later", &q.since},
        {"until", CLI_TIME, "TIME", "recorded before", &q.until},
        {"kind", CLI_CHOICE, "KIND",
         "issued, refused, trust, reload, rotation, freeze, thaw, login, command, start, stop, …",
         &q.kind},
        {"issuer", CLI_TEXT, "URL", "of the token", &q.wanted.issuer},
        {"identity", CLI_TEXT, "NAME", "subject alternative name, in any case", &q.wanted.identity},
        {"repository", CLI_TEXT, "NAME", "OWNER/NAME or a URL, however it is written",
         &q.wanted.repository},
        {"serial", CLI_TEXT, "HEX", "serial number, or how it begins", &q.wanted.serial},
        {"key-sha256", CLI_DIGEST, "HEX", "SHA-256 of the certificate's public key", &q.key},
        {"request", CLI_TEXT, "ID", "id that the request's answer had (X-Request-Id)",
         &q.wanted.request},
        {"node", CLI_TEXT, "NAME", "of this server", &q.wanted.node},
        {"newest-first", CLI_FLAG, NULL, "the latest first", &q.newest},
        {"limit", CLI_NUMBER, "N", "no more than these", &q.limit},
        {"csv", CLI_FLAG, NULL, "print CSV with every field", &q.csv},
        CLI_JSON_LINES(&q.json),
        {0},
    };
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 0);
    if (rc != CLI_GO_ON)
        return rc;
    q.wanted.since_ms = q.since.given ? q.since.ms : 0;
    q.wanted.until_ms = q.until.given ? q.until.ms : 0;
    q.wanted.kind = q.kind.value;
    q.wanted.key = q.key.len > 0 ? q.key.hex : NULL;
    q.wanted.newest_first = q.newest;
    q.wanted.limit = q.limit.given ? (uint64_t)q.limit.value + 1 : 0; /* are there more? */
    if (q.json && q.csv)
        rc = tm_err_set(&e, "audit query: --json and --csv exclude each other");
    else
        rc = ca_audit_query_check(&q.wanted, &e);
    if (rc != 0)
        return cli_fail_json(q.json, CLI_USAGE, &e);
    rc = search(&q, &e);
    return rc == CLI_OK ? CLI_OK : cli_fail_json(q.json, rc, &e);
}
