/* rehearse, status: rotations on a copy, before they are needed, and when that was done last. */
#include "tools/shared/printed.h"
#include "tools/tenmint-ca/rehearse/rehearse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/hex.h"
#include "tools/shared/rehearsed.h"
#include "tools/tenmint-ca/audit/audit.h"
#include "tools/tenmint-ca/audit/audit_note.h"
#include "tools/tenmint-ca/commands.h"
#include "tools/tenmint-ca/rehearse/rehearse_standing.h"

static int kind_from_name(const char *name, enum rehearse_kind *out, struct tm_err *e)
{
    for (int k = 0; k < REHEARSE_KINDS; k++) {
        if (strcmp(name, rehearse_names[k]) == 0) {
            *out = (enum rehearse_kind)k;
            return 0;
        }
    }
    return tm_err_set(e, "'%.40s': rotate, log or issuer", name);
}

/* Whatever the drill did, the live files are as they were, or it is no rehearsal. */
static int on_copy(struct rehearse_copy *c, enum rehearse_kind kind,
                   const struct rehearse_live *live)
{
    char before[65], after[65];
    struct tm_err e = {0};
    int rc = rehearse_live_digest(live, before, &e);
    int drill = rc == 0 ? rehearse_drill(c, kind, live) : 0;
    if (rc == 0)
        rc = rehearse_live_digest(live, after, &e);
    if (rc == 0 && strcmp(before, after) != 0)
        rc = tm_err_set(&e, "'%s', or a file that it names, was changed meanwhile",
                        live->config_file);
    if (drill != 0) /* which has noted why; after it nothing else is */
        return -1;
    return tm_rehearsal_step(c->out, "the files of the live CA are as they were", rc, &e);
}

static int rehearse(const struct rehearse_live *live, enum rehearse_kind kind, const char *work,
                    struct tm_rehearsal *out, struct tm_err *e)
{
    static const struct tm_buf nothing = {0}; /* who may not write the record hears it now */
    struct rehearse_copy c = {.out = out};
    if (tm_rehearsal_begin(out, rehearse_names[kind], tm_clock_wall_ms() / 1000, e) != 0 ||
        rehearse_check(kind, live, e) != 0 ||
        tm_rehearsal_record(live->config->rehearsals.file, &nothing, e) != 0 ||
        rehearse_copy_open(live, work, kind == REHEARSE_ISSUER, &c, e) != 0)
        return -1;
    out->passed = on_copy(&c, kind, live) == 0;
    rehearse_copy_close(&c);
    return 0;
}

static int digest_of(const struct tm_buf *line, char out[65], struct tm_err *e)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t len = 0;
    if (EVP_Q_digest(NULL, "SHA256", NULL, line->data, line->len, digest, &len) != 1)
        return tm_err_openssl(e, "SHA-256");
    tm_hex_encode(digest, len, out);
    return 0;
}

/* In the record, and, by the digest of its line, in the audit trail. */
static int record(const struct rehearse_live *live, const struct tm_rehearsal *r, struct tm_err *e)
{
    char detail[96], digest[65];
    struct tm_buf line = {0};
    int rc = tm_rehearsal_line(r, cli_version, &line, e);
    if (rc == 0)
        rc = digest_of(&line, digest, e);
    if (rc == 0)
        rc = tm_rehearsal_record(live->config->rehearsals.file, &line, e);
    tm_buf_free(&line);
    if (rc != 0)
        return -1;
    snprintf(detail, sizeof(detail), "%s, %zu steps, %zu of them skipped",
             r->passed ? "passed" : "failed", r->count, r->skipped);
    const struct ca_audit_event ev = {
        .kind = AUDIT_REHEARSAL, .reason = r->kind, .detail = detail, .after = digest};
    audit_note_done(live->config, &ev);
    return 0;
}

int command_rehearse(const struct cli_command *self, int argc, char **argv)
{
    const char *config_file = NULL, *work = NULL;
    bool json = false;
    const struct cli_option options[] = {
        AUDIT_CONFIG_OPTION(config_file),
        {"work", CLI_TEXT, "DIR", "where the copy is made, and removed (TMPDIR, or /tmp)", &work},
        CLI_JSON(&json),
        {0},
    };
    struct ca_config config;
    struct tm_rehearsal r = {0};
    struct tm_err e = {0};
    enum rehearse_kind kind;
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    if (kind_from_name(argv[0], &kind, &e) != 0)
        return cli_fail_json(json, CLI_USAGE, &e);
    config_file = config_file != NULL ? config_file : AUDIT_CONFIG_DEFAULT;
    if (ca_config_load(config_file, &config, &e) != 0)
        return cli_fail_json(json, CLI_CONFIG, &e);
    const struct rehearse_live live = {config_file, &config};
    if (work == NULL)
        work = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
    rc = rehearse(&live, kind, work, &r, &e);
    if (rc == 0)
        rc = record(&live, &r, &e);
    if (rc == 0)
        cli_print_rehearsal(&r, json);
    rc = rc != 0 ? cli_fail_json(json, CLI_FAILED, &e) : r.passed ? CLI_OK : CLI_FAILED;
    tm_rehearsal_free(&r);
    ca_config_free(&config);
    return rc;
}

/* ---- status ---- */

static void print_status(const struct rehearse_standing *s)
{
    for (int k = 0; k < REHEARSE_KINDS; k++) {
        char when[21] = "never";
        if (s->last[k].time != 0)
            tm_clock_format(s->last[k].time, when);
        printf("rehearsed  %-7s %-20s", rehearse_names[k], when);
        if (s->last[k].skipped > 0)
            printf("  %zu steps skipped", s->last[k].skipped);
        if (s->every_ms[k] != 0)
            printf("  wanted every %lld h", (long long)(s->every_ms[k] / 3600000));
        printf("%s%s\n", s->wants[k] != NULL ? "  " : "", s->wants[k] != NULL ? s->wants[k] : "");
    }
}

static void print_status_json(const struct rehearse_standing *s)
{
    json_t *due = json_array();
    for (int k = 0; k < REHEARSE_KINDS; k++) {
        if (s->wants[k] != NULL)
            json_array_append_new(due, json_string(rehearse_names[k]));
    }
    json_t *all =
        json_pack("{s:o, s:o}", "rehearsed",
                  cli_rehearsed_json(rehearse_names, REHEARSE_KINDS, s->last), "due", due);
    (void)cli_print_json_indented(all, NULL);
}

int command_status(const struct cli_command *self, int argc, char **argv)
{
    const char *config_file = NULL;
    bool json = false;
    const struct cli_option options[] = {
        AUDIT_CONFIG_OPTION(config_file),
        CLI_JSON(&json),
        {0},
    };
    struct ca_config config;
    struct rehearse_standing s;
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 0);
    if (rc != CLI_GO_ON)
        return rc;
    if (ca_config_load(config_file != NULL ? config_file : AUDIT_CONFIG_DEFAULT, &config, &e) != 0)
        return cli_fail_json(json, CLI_CONFIG, &e);
    rc = rehearse_look(&config.rehearsals, tm_clock_wall_ms() / 1000, &s, &e);
    if (rc >= 0)
        (json ? print_status_json : print_status)(&s);
    if (rc != 0) /* what is printed is the one JSON text of it */
        rc = cli_fail_json(json && rc < 0, CLI_UNKNOWN, &e);
    else
        rc = s.found ? CLI_FOUND : CLI_OK;
    ca_config_free(&config);
    return rc;
}
