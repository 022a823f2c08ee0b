/*
 * log rotate: the next log of certificates, or shard of the signature log, in two runs of one
 * command. The first makes it beside the present one, for verifiers to learn of; with --activate
 * the configuration is edited, which a running server takes up at SIGHUP. Either may be run again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/json/jsonstr.h"
#include "tools/tenmint-ca/audit/audit_note.h"
#include "tools/tenmint-ca/commands.h"
#include "tools/tenmint-ca/rotate/log_rotate.h"
#include "tools/tenmint-ca/setup.h"

static int need(const char *path, const char *remedy, struct tm_err *e)
{
    return access(path, R_OK) == 0 ? 0 : tm_err_errno(e, "'%s' (%s)", path, remedy);
}

static int run(struct log_rotation *r, struct tm_err *e)
{
    struct setup_paths room;
    char checkpoint[PATH_MAX];
    if (strcmp(r->dir, r->now.directory) == 0)
        return tm_err_set(e, "'%s' is in the configuration already: SIGHUP takes it up", r->dir);
    if (tm_file_join(r->dir, "checkpoint", checkpoint, sizeof(checkpoint), e) != 0)
        return -1;
    if (!r->activate)
        return setup_check_origin("origin", r->origin, e) != 0 ||
                       setup_absolute(&r->next.device, &room, e) != 0
                   ? -1
                   : log_create_make(&r->next, e);
    return need(checkpoint, "first run this without --activate", e) != 0 ||
                   need(r->next.public, "first run this without --activate", e) != 0 ||
                   need(r->old_public, "the old log's public key: name it by --public-key", e) != 0
               ? -1
               : log_rotate_activate(r, e);
}

static void note(const struct log_rotation *r)
{
    const struct ca_audit_event ev = {.kind = AUDIT_ROTATION,
                                      .reason =
                                          r->activate ? "next log put in service" : "next log made",
                                      .detail = r->dir,
                                      .before = r->now.directory,
                                      .after = r->dir};
    audit_note_done(&r->config, &ev);
}

/* What a person does next: at `trust` with the root's tool, and, when the log was only made, the
 * second run. */
static void put_next(const struct log_rotation *r, struct tm_buf *trust, struct tm_buf *again)
{
    if (r->activate) {
        tm_buf_printf(trust, "tenmint-tuf trust %s %s --confirm", r->kind->retire, r->old_url);
        return;
    }
    tm_buf_printf(trust, "tenmint-tuf trust %s --url %s --key %s%s%s", r->kind->add, r->url,
                  r->next.public, r->kind->add_options, r->signatures ? " --start TIME" : "");
    tm_buf_printf(again, "tenmint-ca log rotate %s %s%s --activate", r->file, r->name,
                  r->signatures ? " --signatures" : "");
}

static void put_member(struct tm_buf *out, const char *name, const char *text)
{
    tm_buf_printf(out, "%s\"%s\":", out->len > 1 ? "," : "", name);
    tm_jsonstr_put(out, text, strlen(text));
}

static void print_json(const struct log_rotation *r, const char *trust, const char *again)
{
    const struct {
        const char *name, *text;
    } members[] = {{"directory", r->dir},
                   {"origin", r->origin},
                   {"url", r->url},
                   {"public_key_file", r->next.public},
                   {"before", r->now.directory},
                   {"before_url", r->old_url},
                   {"trust", trust},
                   {"activate", again}};
    struct tm_buf out = {0};
    buf_putc(&out, '{');
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (members[i].text[0] != '\0')
            put_member(&out, members[i].name, members[i].text);
    }
    tm_buf_printf(&out, ",\"activated\":%s}", r->activate ? "true" : "false");
    printf("%s\n", tm_buf_str(&out));
    tm_buf_free(&out);
}

static void print_text(const struct log_rotation *r, const char *trust, const char *again)
{
    if (r->activate)
        printf("in service from the next SIGHUP on (systemctl reload tenmint-ca): %s at %s;\n"
               "the old log is served as it ends, and takes no more entries: %s\n"
               "then let it end for clients, and hold a ceremony:\n  %s\n",
               r->dir, r->url, r->old_url, trust);
    else
        printf("wrote %s, %s\n"
               "let clients know it, and hold a ceremony (trusted root%s):\n  %s\n"
               "when every verifier has refreshed (one life of the timestamp):\n  %s\n",
               r->dir, r->next.public, r->signatures ? " and signing configuration" : "", trust,
               again);
}

static void print_done(const struct log_rotation *r)
{
    struct tm_buf trust = {0};
    struct tm_buf again = {0};
    put_next(r, &trust, &again);
    (r->json ? print_json : print_text)(r, tm_buf_str(&trust), tm_buf_str(&again));
    if (!r->activate && r->signatures && r->now.witnesses > 0 &&
        strcmp(r->origin, r->now.origin) == 0)
        fprintf(stderr, "warning: witnesses know a log by its origin: a shard with witnesses needs "
                        "one of its own (--origin)\n");
    tm_buf_free(&trust);
    tm_buf_free(&again);
}

static int check_words(const struct log_rotation *r, struct tm_err *e)
{
    size_t len = strlen(r->name);
    if (len == 0 || len > 32 || strspn(r->name, "0123456789") != len)
        return tm_err_set(e, "log rotate: NAME is a period in digits, such as 2027 or 202701");
    if (r->activate && r->user != NULL)
        return tm_err_set(e, "log rotate: --user goes with making the log, not with --activate");
    if (!r->activate && r->public_key != NULL)
        return tm_err_set(e, "log rotate: --public-key goes with --activate");
    return 0;
}

int command_log_rotate(const struct cli_command *self, int argc, char **argv)
{
    struct log_rotation r = {0};
    const struct cli_option options[] = {
        {"signatures", CLI_FLAG, NULL, "the log of signatures, not that of certificates",
         &r.signatures},
        {"activate", CLI_FLAG, NULL, "put it into the configuration, and the old one to 'retired'",
         &r.activate},
        {"origin", CLI_TEXT, "NAME", "its name for ever (as the old one's, with NAME)",
         &r.wanted_origin},
        {"public-key", CLI_TEXT, "FILE", "with --activate: the old log's (its directory and .pem)",
         &r.public_key},
        {"pkcs11-key", CLI_TEXT, "LABEL",
         "the new key's label, where the key is in a token (the old one, with NAME)", &r.label},
        {"key-uri", CLI_TEXT, "URI", "the new key, which exists, where the key is named so",
         &r.uri},
        OWNER_OPTION(r.user),
        CLI_JSON(&r.json),
        {0},
    };
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 2);
    if (rc != CLI_GO_ON)
        return rc;
    r.name = argv[1];
    if (check_words(&r, &e) != 0 || owner_find(r.user, &r.next.owner, &e) != 0)
        return cli_fail_json(r.json, CLI_USAGE, &e);
    if (log_rotate_look(&r, argv[0], &e) != 0) {
        rc = CLI_CONFIG;
    } else {
        rc = log_rotate_plan(&r, &e) != 0 ? CLI_CONFIG : run(&r, &e) != 0 ? CLI_FAILED : CLI_OK;
    }
    if (rc == CLI_OK) {
        note(&r);
        print_done(&r);
    }
    if (r.file != NULL)
        ca_config_free(&r.config);
    free(r.file);
    return rc == CLI_OK ? CLI_OK : cli_fail_json(r.json, rc, &e);
}
