/* issuer add, remove, disable, enable: the list's file is replaced as a whole, and keeps its
 * comments, its order, its mode and its owner. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "oidc/principal/types.h"
#include "tools/tenmint-ca/audit/audit_note.h"
#include "tools/tenmint-ca/commands.h"
#include "tools/tenmint-ca/issuer/issuer.h"
#include "tools/tenmint-ca/owner.h"

struct change { /* what is asked for */
    int (*make)(const struct oidc_list_text *list, const void *what, struct tm_buf *out,
                struct tm_err *e);
    const void *what;
    bool dry;
    const char *word; /* in the audit trail */
    const char *url;
};

static void print_warning(void *path, const char *text)
{
    fprintf(stderr, "warning: %s: %s\n", (const char *)path, text);
}

/* Says what changes, and what of it is surprising, as far as the list was not so before. */
static int explain(const struct issuer_list *l, const struct tm_buf *text, bool dry,
                   struct tm_err *e)
{
    struct oidc_trust *after = NULL;
    if (oidc_trust_parse(l->path, (const char *)text->data, text->len, &after, e) != 0)
        return -1;
    int rc = oidc_trust_check_http(after, l->config.oidc.allow_http || !l->of_server, e);
    if (rc == 0) {
        if (dry)
            printf("%s: it would be, and nothing was written:\n", l->path);
        (void)oidc_trust_diff(l->trust, after, issuer_print_change, NULL);
        oidc_trust_warn(after, print_warning, (void *)(uintptr_t)l->path);
    }
    oidc_trust_unref(after);
    return rc;
}

/* What the server tells when it reads the list again names the list's owner; this, who changed it.
 */
static void note(const struct issuer_list *l, const struct change *c)
{
    struct tm_err e = {0};
    struct oidc_trust *after = NULL;
    const struct ca_audit_event ev = {
        .kind = AUDIT_COMMAND,
        .issuer = c->url,
        .reason = c->word,
        .detail = l->path,
        .before = oidc_trust_digest(l->trust),
        .after = oidc_trust_load(l->path, &after, &e) == 0 ? oidc_trust_digest(after) : NULL};
    if (l->of_server)
        audit_note_done(&l->config, &ev);
    oidc_trust_unref(after);
}

static int edit(const char *file, const struct change *c)
{
    struct issuer_list l;
    struct tm_err e = {0};
    struct tm_buf out = {0};
    int lock = -1;
    int rc = issuer_list_open(file, &l, &e); /* to know the list's path */
    if (rc == 0 && l.approved.version > 0)
        rc = tm_err_set(&e,
                        "%s: this server's list is approved by signature: change the target, "
                        "and propose it (tenmint-tuf propose)",
                        file);
    char *path = rc == 0 ? realpath(l.path, NULL) : NULL; /* a link stays a link */
    if (rc == 0 && (path == NULL || (lock = owner_lock(path, &e)) < 0))
        rc = e.text[0] != '\0' ? -1 : tm_err_errno(&e, "find '%s'", l.path);
    if (rc == 0) {
        issuer_list_close(&l);
        rc = issuer_list_open(file, &l, &e);
    }
    int code = rc == 0 ? CLI_FAILED : CLI_CONFIG;
    const struct oidc_list_text text = {l.path, rc == 0 ? tm_buf_str(&l.text) : "", l.text.len};
    if (rc == 0)
        rc = c->make(&text, c->what, &out, &e);
    if (rc == 0)
        rc = explain(&l, &out, c->dry, &e);
    if (rc == 0 && !c->dry)
        rc = owner_replace(path, &out, &e);
    if (rc == 0 && !c->dry)
        note(&l, c);
    if (lock >= 0)
        close(lock);
    free(path);
    tm_buf_free(&out);
    issuer_list_close(&l);
    return rc == 0 ? CLI_OK : cli_fail(code, &e);
}

/* ---- remove, disable, enable ---- */

static int make_removal(const struct oidc_list_text *list, const void *url, struct tm_buf *out,
                        struct tm_err *e)
{
    return oidc_edit_remove(list, url, out, e);
}

static int make_disabled(const struct oidc_list_text *list, const void *url, struct tm_buf *out,
                         struct tm_err *e)
{
    return oidc_edit_disable(list, url, true, out, e);
}

static int make_enabled(const struct oidc_list_text *list, const void *url, struct tm_buf *out,
                        struct tm_err *e)
{
    return oidc_edit_disable(list, url, false, out, e);
}

#define DRY_RUN(dest) \
    { \
        "dry-run", CLI_FLAG, NULL, "say what would change, write nothing", dest \
    }

static int edit_by_url(const struct cli_command *self, int argc, char **argv, struct change c)
{
    const struct cli_option options[] = {DRY_RUN(&c.dry), {0}};
    int rc = cli_parse(self, options, argc, argv, 2);
    if (rc != CLI_GO_ON)
        return rc;
    c.what = c.url = argv[1];
    return edit(argv[0], &c);
}

int command_issuer_remove(const struct cli_command *self, int argc, char **argv)
{
    return edit_by_url(self, argc, argv,
                       (struct change){.make = make_removal, .word = "issuer remove"});
}

int command_issuer_disable(const struct cli_command *self, int argc, char **argv)
{
    return edit_by_url(self, argc, argv,
                       (struct change){.make = make_disabled, .word = "issuer disable"});
}

int command_issuer_enable(const struct cli_command *self, int argc, char **argv)
{
    return edit_by_url(self, argc, argv,
                       (struct change){.make = make_enabled, .word = "issuer enable"});
}

/* ---- add ---- */

/* The list's reader says what is wrong with a text. */
static const struct {
    const char *key;
    enum cli_kind kind; /* CLI_FLAG: true when given */
    const char *value, *help;
} keys[] = {
    {"client-id", CLI_TEXT, "AUDIENCE", "audience that its tokens must name (sigstore)"},
    {"type", CLI_CHOICE, "TYPE", "what an identity is: github-workflow, gitlab-pipeline, email, …"},
    {"ci-provider", CLI_TEXT, "NAME", "type ci-provider: a section of ci-issuer-metadata"},
    {"subject-domain", CLI_TEXT, "DOMAIN",
     "types uri and username: what identities must belong to"},
    {"spiffe-trust-domain", CLI_TEXT, "DOMAIN", "type spiffe: what identities must belong to"},
    {"issuer-claim", CLI_TEXT, "PATH",
     "type email: where the issuer in the certificate comes from"},
    {"challenge-claim", CLI_TEXT, "CLAIM", "the claim that clients sign"},
    {"not-before", CLI_TIME, "TIME", "in force from then on, such as 2026-12-01T08:00:00Z"},
    {"not-after", CLI_TIME, "TIME", "in force until then"},
    {"lifetime", CLI_DURATION, "DURATION",
     "of its certificates, such as 5m, where the server's is longer"},
    {"jwks-file", CLI_TEXT, "FILE",
     "its keys, in the folder jwks beside the list: it is not asked"},
    {"description", CLI_TEXT, "TEXT", "for people"},
    {"contact", CLI_TEXT, "TEXT", "for people"},
    {"trial", CLI_FLAG, NULL, "judge its tokens to the end, log, and refuse them"},
    {"disabled", CLI_FLAG, NULL, "list it, and let nobody in yet"},
    {"skip-email-verification", CLI_FLAG, NULL, "type email: take addresses that are not verified"},
    {"allow-http", CLI_FLAG, NULL, "its keys may come over plain http"},
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))
#define SHOWN_MAX 24
_Static_assert(KEYS <= OIDC_EDIT_KEYS_MAX && CLI_LIST_MAX <= OIDC_EDIT_RULES_MAX,
               "room for every option");

struct word { /* as given; which it is says the kind */
    const char *text;
    bool flag;
    struct cli_time time;
    struct cli_amount length;
    struct cli_choice type;
    char shown[SHOWN_MAX]; /* a time or a length, as the list has it */
};

struct words {
    struct word key[KEYS];
    struct cli_pairs allow;
};

static void *place_of(struct word *w, enum cli_kind kind)
{
    w->length = (struct cli_amount){.min = 1000, .max = INT64_MAX};
    w->type = (struct cli_choice){.nth = oidc_type_name};
    return kind == CLI_FLAG     ? (void *)&w->flag
           : kind == CLI_TIME   ? (void *)&w->time
           : kind == CLI_TEXT   ? (void *)&w->text
           : kind == CLI_CHOICE ? (void *)&w->type
                                : (void *)&w->length;
}

/* The value for the list, or NULL: it was not given. */
static const char *value_of(struct word *w, enum cli_kind kind)
{
    if (kind == CLI_FLAG)
        return w->flag ? "true" : NULL;
    if (kind == CLI_TEXT)
        return w->text;
    if (kind == CLI_CHOICE)
        return w->type.value;
    if (kind == CLI_TIME && w->time.given)
        tm_clock_format(w->time.ms / 1000, w->shown);
    else if (kind == CLI_DURATION && w->length.given)
        snprintf(w->shown, sizeof(w->shown),
                 w->length.value % 1000 == 0 ? "%" PRId64 "s" : "%" PRId64 "ms",
                 w->length.value % 1000 == 0 ? w->length.value / 1000 : w->length.value);
    return w->shown[0] != '\0' ? w->shown : NULL;
}

static void take_rules(const struct cli_pairs *given, struct oidc_new_issuer *n)
{
    for (size_t i = 0; i < given->count; i++) {
        const struct cli_pair *p = &given->item[i];
        p->name[p->name_len] = '\0';
        n->rule[n->rule_count++] = (struct oidc_edit_rule){p->name, p->value};
    }
}

static void take_words(const char *url, struct words *w, struct oidc_new_issuer *n)
{
    *n = (struct oidc_new_issuer){.url = url, .wildcard = strchr(url, '*') != NULL};
    for (size_t i = 0; i < KEYS; i++) {
        const char *value = value_of(&w->key[i], keys[i].kind);
        if (i == 0 && value == NULL)
            value = "sigstore";
        if (value != NULL)
            n->key[n->key_count++] =
                (struct oidc_edit_key){keys[i].key, value, keys[i].kind == CLI_FLAG};
    }
    take_rules(&w->allow, n);
}

static int make_addition(const struct oidc_list_text *list, const void *issuer, struct tm_buf *out,
                         struct tm_err *e)
{
    return oidc_edit_add(list, issuer, out, e);
}

int command_issuer_add(const struct cli_command *self, int argc, char **argv)
{
    struct words w = {.allow = {.like = "repository_owner=example"}};
    struct oidc_new_issuer issuer;
    struct change c = {.make = make_addition, .what = &issuer, .word = "issuer add"};
    struct cli_option options[KEYS + 3] = {{0}};
    for (size_t i = 0; i < KEYS; i++)
        options[i] = (struct cli_option){keys[i].key, keys[i].kind, keys[i].value, keys[i].help,
                                         place_of(&w.key[i], keys[i].kind)};
    options[KEYS] =
        (struct cli_option){"allow", CLI_PAIRS, "CLAIM=TEXT",
                            "only tokens with this claim; * and ? stand for others", &w.allow};
    options[KEYS + 1] = (struct cli_option)DRY_RUN(&c.dry);
    int rc = cli_parse(self, options, argc, argv, 2);
    if (rc != CLI_GO_ON)
        return rc;
    take_words(argv[1], &w, &issuer);
    c.url = argv[1];
    return edit(argv[0], &c);
}
