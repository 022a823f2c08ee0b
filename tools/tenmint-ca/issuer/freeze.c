/* freeze, thaw: the emergency stop, as a file that the server looks at by itself. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "ca/api/freeze.h"
#include "common/clock.h"
#include "common/utf8.h"
#include "tools/tenmint-ca/serve/approved.h"
#include "tools/tenmint-ca/audit/audit.h"
#include "tools/tenmint-ca/audit/audit_note.h"
#include "tools/tenmint-ca/commands.h"

struct stop {
    const char *config_file, *issuer, *reason;
    bool json, thaw;
    struct ca_config config;
    struct ca_freeze_list list;
    int lock; /* the folder of the file: one at a time changes it */
};

static int check_reason(const char *reason, struct tm_err *e)
{
    size_t len = reason != NULL ? strlen(reason) : 0;
    if (len > 0 && len <= CA_FREEZE_REASON_MAX && tm_utf8_is_clean(reason, len))
        return 0;
    return tm_err_set(e, "--reason TEXT is needed, one line of up to %d bytes: clients see it",
                      CA_FREEZE_REASON_MAX);
}

/* As the server has accepted it; nobody is asked. */
static int load_approved(const struct ca_config_approved *c, struct oidc_trust **out,
                         struct tm_err *e)
{
    struct approved_list l;
    int rc = approved_read(c, NULL, true, &l, e);
    if (rc == 0)
        rc = oidc_trust_parse(l.name, tm_buf_str(&l.text), l.text.len, out, e);
    approved_free(&l);
    return rc;
}

/* Whoever mistypes it must hear of it: nothing would be stopped. */
static int check_issuer(const struct stop *s, struct tm_err *e)
{
    const struct ca_config *c = &s->config;
    const char *from = c->issuers_file != NULL ? c->issuers_file : c->approved.target;
    struct oidc_trust *trust = NULL;
    struct tm_err why = {0};
    if (s->issuer == NULL || s->thaw)
        return 0;
    if (c->issuers_file != NULL) {
        if (oidc_trust_load(c->issuers_file, &trust, e) != 0)
            return -1;
    } else if (load_approved(&c->approved, &trust, &why) != 0) {
        /* A stop does not wait for what is wrong with a cache. */
        fprintf(stderr, "tenmint-ca: warning: not checked that this issuer is trusted: %s\n",
                why.text);
        return 0;
    }
    bool known = oidc_trust_find(trust, s->issuer, strlen(s->issuer)) != NULL;
    for (size_t i = 0; i < oidc_trust_count(trust) && !known; i++)
        known = strcmp(oidc_trust_at(trust, i)->url, s->issuer) == 0;
    oidc_trust_unref(trust);
    return known ? 0
                 : tm_err_set(e, "no issuer '%s' is trusted (%s): tenmint-ca issuer list",
                              s->issuer, from);
}

static int lock_folder(struct stop *s, struct tm_err *e)
{
    char dir[PATH_MAX];
    const char *file = s->config.freeze_file;
    const char *slash = strrchr(file, '/');
    snprintf(dir, sizeof(dir), "%.*s", slash != NULL ? (int)(slash - file) + 1 : 1,
             slash != NULL ? file : ".");
    s->lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->lock < 0 || flock(s->lock, LOCK_EX) != 0)
        return tm_err_errno(e, "lock '%s'", dir);
    return 0;
}

static void forget(struct ca_freeze_entry *x)
{
    free(x->issuer);
    free(x->reason);
    free(x->by);
    *x = (struct ca_freeze_entry){0};
}

static int add(struct stop *s, struct tm_err *e)
{
    size_t at = ca_freeze_at(&s->list, s->issuer);
    if (at == CA_FREEZE_ENTRIES_MAX)
        return tm_err_set(e, "more than %d issuers are stopped", CA_FREEZE_ENTRIES_MAX);
    if (at == s->list.count) {
        struct ca_freeze_entry *more = realloc(s->list.entry, (at + 1) * sizeof(*more));
        if (more == NULL)
            return tm_err_set(e, "out of memory");
        s->list.entry = more;
        s->list.entry[s->list.count++] = (struct ca_freeze_entry){0};
    }
    struct ca_freeze_entry *x = &s->list.entry[at];
    forget(x);
    x->issuer = s->issuer != NULL ? strdup(s->issuer) : NULL;
    x->reason = strdup(s->reason);
    x->by = audit_user();
    x->since = tm_clock_wall_ms() / 1000;
    return x->reason != NULL && x->by != NULL && (s->issuer == NULL || x->issuer != NULL)
               ? 0
               : tm_err_set(e, "out of memory");
}

static int take_out(struct stop *s, struct tm_err *e)
{
    size_t at = ca_freeze_at(&s->list, s->issuer);
    if (at == s->list.count && s->issuer == NULL && s->list.count > 0)
        return tm_err_set(e, "only issuers are stopped: name one, --issuer %s",
                          s->list.entry[0].issuer);
    if (at == s->list.count)
        return tm_err_set(e, "issuance is not stopped%s%s", s->issuer != NULL ? " for " : "",
                          s->issuer != NULL ? s->issuer : "");
    forget(&s->list.entry[at]);
    s->list.entry[at] = s->list.entry[--s->list.count];
    return 0;
}

static int change(struct stop *s, struct tm_err *e)
{
    if (lock_folder(s, e) != 0 || ca_freeze_read(s->config.freeze_file, &s->list, e) != 0 ||
        (s->thaw ? take_out(s, e) : add(s, e)) != 0 ||
        ca_freeze_write(s->config.freeze_file, &s->list, e) != 0)
        return -1;
    const struct ca_audit_event ev = {
        .kind = s->thaw ? AUDIT_THAW : AUDIT_FREEZE, .issuer = s->issuer, .reason = s->reason};
    audit_note_done(&s->config, &ev);
    return 0;
}

static int print(const struct stop *s, struct tm_err *e)
{
    struct tm_buf out = {0};
    int rc = 0;
    if (s->json)
        rc = ca_freeze_put(&s->list, &out, e);
    else
        tm_buf_printf(&out, "%s%s%s, in the server that has %s within a second\n",
                      s->thaw ? "issuance goes on" : "issuance is stopped",
                      s->issuer != NULL ? " for " : "", s->issuer != NULL ? s->issuer : "",
                      s->config_file);
    if (rc == 0 && tm_buf_str(&out) != NULL)
        fputs(tm_buf_str(&out), stdout);
    tm_buf_free(&out);
    return rc;
}

static int run(struct stop *s, const struct cli_command *self, int argc, char **argv)
{
    const struct cli_option options[] = {
        AUDIT_CONFIG_OPTION(s->config_file),
        {"issuer", CLI_TEXT, "URL", "only tokens of this issuer (all)", &s->issuer},
        {"reason", CLI_TEXT, "TEXT", "why: with each refusal, in log and audit trail", &s->reason},
        CLI_JSON(&s->json),
        {0},
    };
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 0);
    if (rc != CLI_GO_ON)
        return rc;
    if (s->config_file == NULL)
        s->config_file = AUDIT_CONFIG_DEFAULT;
    if (check_reason(s->reason, &e) != 0)
        return cli_fail_json(s->json, CLI_USAGE, &e);
    if (ca_config_load(s->config_file, &s->config, &e) != 0)
        return cli_fail_json(s->json, CLI_CONFIG, &e);
    if (s->config.freeze_file == NULL || !ca_config_has_ca(&s->config))
        tm_err_set(&e, "'%s' has no CA whose issuance could be stopped", s->config_file);
    else if (check_issuer(s, &e) == 0 && change(s, &e) == 0 && print(s, &e) == 0)
        rc = CLI_OK;
    if (s->lock >= 0)
        close(s->lock);
    ca_freeze_free_list(&s->list);
    ca_config_free(&s->config);
    return rc == CLI_OK ? rc : cli_fail_json(s->json, CLI_FAILED, &e);
}

int command_freeze(const struct cli_command *self, int argc, char **argv)
{
    struct stop s = {.lock = -1};
    return run(&s, self, argc, argv);
}

int command_thaw(const struct cli_command *self, int argc, char **argv)
{
    struct stop s = {.lock = -1, .thaw = true};
    return run(&s, self, argc, argv);
}
