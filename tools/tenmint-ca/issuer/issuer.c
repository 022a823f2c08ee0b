/* issuer list, show, diff: what a list says, in words. */
#include "tools/shared/printed.h"
#include "tools/tenmint-ca/issuer/issuer.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"
#include "oidc/trust/rules.h"
#include "tools/tenmint-ca/commands.h"

#define FILE_MAX (YAMLMAP_FILE_MAX * 16) /* bytes: a list, or a configuration */

/* What the server has last accepted; nobody is asked. */
static int take_approved(struct issuer_list *l, struct tm_err *e)
{
    int rc = approved_read(&l->config.approved, NULL, true, &l->approved, e);
    if (rc == 0) {
        snprintf(l->path, sizeof(l->path), "%s", l->approved.name);
        tm_buf_reset(&l->text);
        tm_buf_append(&l->text, l->approved.text.data, l->approved.text.len);
    }
    return rc;
}

static int follow_config(const char *file, struct issuer_list *l, struct tm_err *e)
{
    ca_config_free(&l->config);
    l->config = (struct ca_config){0};
    if (ca_config_load(file, &l->config, e) != 0)
        return -1;
    l->of_server = true;
    if (l->config.approved.mirror != NULL)
        return take_approved(l, e);
    if (l->config.issuers_file == NULL)
        return tm_err_set(e, "%s: this server has no issuers-file", file);
    snprintf(l->path, sizeof(l->path), "%s", l->config.issuers_file);
    tm_buf_reset(&l->text);
    return tm_file_read_text(l->path, FILE_MAX, &l->text, e);
}

int issuer_list_open(const char *file, struct issuer_list *l, struct tm_err *e)
{
    *l = (struct issuer_list){0};
    snprintf(l->path, sizeof(l->path), "%s", file);
    if (ca_config_default(&l->config, e) != 0 ||
        tm_file_read_text(file, FILE_MAX, &l->text, e) != 0)
        return -1;
    if (ca_config_is_server(tm_buf_str(&l->text), l->text.len) && follow_config(file, l, e) != 0)
        return -1;
    return oidc_trust_parse(l->path, tm_buf_str(&l->text), l->text.len, &l->trust, e);
}

void issuer_list_close(struct issuer_list *l)
{
    ca_config_free(&l->config);
    tm_buf_free(&l->text);
    approved_free(&l->approved);
    oidc_trust_unref(l->trust);
}

const struct oidc_issuer *issuer_list_entry(const struct issuer_list *l, const char *url,
                                            struct tm_err *e)
{
    for (size_t i = 0; i < oidc_trust_count(l->trust); i++) {
        const struct oidc_issuer *is = oidc_trust_at(l->trust, i);
        if (strcmp(is->url, url) == 0)
            return is;
    }
    return tm_err_null(e, "%s: there is no issuer '%.200s' in the list", l->path, url);
}

/* ---- as JSON ---- */

static void set_text(json_t *o, const char *key, const char *value)
{
    if (value != NULL)
        json_object_set_new(o, key, json_string(value));
}

static void set_time(json_t *o, const char *key, int64_t s)
{
    char text[21];
    if (s == 0)
        return;
    tm_clock_format(s, text);
    set_text(o, key, text);
}

static json_t *rules_json(const struct oidc_rules *rules)
{
    json_t *list = json_array();
    for (size_t i = 0; i < oidc_rules_count(rules); i++) {
        struct tm_buf words = {0};
        oidc_rules_put(rules, i, &words);
        json_array_append_new(list, json_string(tm_buf_str(&words)));
        tm_buf_free(&words);
    }
    return list;
}

static const char *state_word(const struct oidc_issuer *is)
{
    static const char *const words[] = {[ISSUER_IN_FORCE] = "in force",
                                        [ISSUER_DISABLED] = "disabled",
                                        [ISSUER_NOT_YET] = "not yet in force",
                                        [ISSUER_OVER] = "no longer in force"};
    enum oidc_issuer_state state = oidc_issuer_state(is, tm_clock_wall_ms() / 1000);
    return state == ISSUER_IN_FORCE && is->trial ? "on trial" : words[state];
}

static json_t *issuer_json(const struct oidc_issuer *is)
{
    json_t *o = json_object();
    set_text(o, "url", is->url);
    json_object_set_new(o, "wildcard", json_boolean(is->wildcard));
    set_text(o, "state", state_word(is));
    set_text(o, "type", is->type_name);
    set_text(o, "client_id", is->client_id);
    set_text(o, "subject_domain", is->subject_domain);
    set_text(o, "spiffe_trust_domain", is->spiffe_trust_domain);
    set_text(o, "issuer_claim", is->issuer_claim);
    set_text(o, "challenge_claim", is->challenge_claim);
    set_text(o, "jwks_file", is->jwks_file);
    set_time(o, "not_before", is->not_before_s);
    set_time(o, "not_after", is->not_after_s);
    if (is->lifetime_s != 0)
        json_object_set_new(o, "lifetime_seconds", json_integer(is->lifetime_s));
    json_object_set_new(o, "allow", rules_json(is->allow));
    json_object_set_new(o, "ca_cert", json_boolean(is->ca_cert != NULL));
    json_object_set_new(o, "allow_http", json_boolean(is->allow_http));
    json_object_set_new(o, "skip_email_verification", json_boolean(is->skip_email_verification));
    return o;
}

/* ---- list, show ---- */

static int print_list(const struct issuer_list *l, bool json, struct tm_err *e)
{
    size_t n = oidc_trust_count(l->trust);
    json_t *all = json_array();
    if (!json)
        printf("%s: %zu issuer%s, sha256 %s\n", l->path, n, n == 1 ? "" : "s",
               oidc_trust_digest(l->trust));
    if (!json && l->approved.version > 0) {
        char until[21];
        tm_clock_format(l->approved.expires_s, until);
        printf("approved: version %lld, signed by %s, valid until %s\n",
               (long long)l->approved.version, l->approved.signers, until);
    }
    for (size_t i = 0; i < n; i++) {
        const struct oidc_issuer *is = oidc_trust_at(l->trust, i);
        struct tm_buf words = {0};
        oidc_issuer_describe(is, &words);
        if (json)
            json_array_append_new(all, issuer_json(is));
        else
            printf("%-18s  %s\n    %s\n", state_word(is), is->url, tm_buf_str(&words));
        tm_buf_free(&words);
    }
    if (!json) {
        json_decref(all);
        return 0;
    }
    return cli_print_json(json_pack("{s:o, s:I, s:s, s:s, s:o}", "file",
                                    cli_json_text(l->path, strlen(l->path)), "approved_version",
                                    (json_int_t)l->approved.version, "signers", l->approved.signers,
                                    "sha256", oidc_trust_digest(l->trust), "issuers", all),
                          e);
}

int command_issuer_list(const struct cli_command *self, int argc, char **argv)
{
    bool json = false;
    const struct cli_option options[] = {CLI_JSON(&json), {0}};
    struct issuer_list l;
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    rc = issuer_list_open(argv[0], &l, &e) != 0 ? CLI_CONFIG
         : print_list(&l, json, &e) != 0        ? CLI_FAILED
                                                : CLI_OK;
    issuer_list_close(&l);
    return rc == CLI_OK ? rc : cli_fail_json(json, rc, &e);
}

static void print_issuer(const struct oidc_issuer *is)
{
    const struct {
        const char *key, *value;
    } rows[] = {
        {"subject-domain", is->subject_domain},
        {"spiffe-trust-domain", is->spiffe_trust_domain},
        {"issuer-claim", is->issuer_claim},
        {"challenge-claim", is->challenge_claim},
        {"ca-cert", is->ca_cert != NULL ? "its own" : NULL},
        {"allow-http", is->allow_http ? "true" : NULL},
        {"skip-email-verification", is->skip_email_verification ? "true" : NULL},
    };
    struct tm_buf words = {0};
    oidc_issuer_describe(is, &words);
    printf("%s\n  %s\n  %s\n", is->url, state_word(is), tm_buf_str(&words));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].value != NULL)
            printf("  %s: %s\n", rows[i].key, rows[i].value);
    }
    tm_buf_free(&words);
}

static int show(const struct issuer_list *l, const char *url, bool json, struct tm_err *e)
{
    const struct oidc_issuer *is = issuer_list_entry(l, url, e);
    if (is == NULL)
        return CLI_FAILED;
    if (json)
        return cli_print_json(issuer_json(is), e) == 0 ? CLI_OK : CLI_FAILED;
    print_issuer(is);
    return CLI_OK;
}

int command_issuer_show(const struct cli_command *self, int argc, char **argv)
{
    bool json = false;
    const struct cli_option options[] = {CLI_JSON(&json), {0}};
    struct issuer_list l;
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 2);
    if (rc != CLI_GO_ON)
        return rc;
    rc = issuer_list_open(argv[0], &l, &e) != 0 ? CLI_CONFIG : show(&l, argv[1], json, &e);
    issuer_list_close(&l);
    return rc == CLI_OK ? rc : cli_fail_json(json, rc, &e);
}

/* ---- diff ---- */

void issuer_print_change(void *arg, const struct oidc_trust_change *c)
{
    (void)arg;
    printf("%-22s  %s\n    %s%s%s\n", oidc_effect_word(c->effect), c->issuer->url,
           c->change == ISSUER_ALTERED ? "" : oidc_change_word(c->change),
           c->change == ISSUER_ALTERED ? "" : ": ", c->words);
}

static void add_change(void *list, const struct oidc_trust_change *c)
{
    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "issuer", c->issuer->url,
                                          "change", oidc_change_word(c->change), "effect",
                                          oidc_effect_word(c->effect), "words", c->words));
}

static int diff(const struct issuer_list *before, const struct issuer_list *after, bool json,
                struct tm_err *e)
{
    json_t *list = json ? json_array() : NULL;
    int n =
        oidc_trust_diff(before->trust, after->trust, json ? add_change : issuer_print_change, list);
    if (n < 0) {
        json_decref(list);
        tm_err_set(e, "out of memory");
        return CLI_FAILED;
    }
    if (json && cli_print_json(json_pack("{s:s, s:s, s:o}", "sha256_before",
                                         oidc_trust_digest(before->trust), "sha256",
                                         oidc_trust_digest(after->trust), "changes", list),
                               e) != 0)
        return CLI_FAILED;
    if (!json && n == 0)
        printf("the same are let in, under the same terms\n");
    return n == 0 ? CLI_OK : CLI_FOUND;
}

int command_issuer_diff(const struct cli_command *self, int argc, char **argv)
{
    bool json = false;
    const struct cli_option options[] = {CLI_JSON(&json), {0}};
    struct issuer_list before;
    struct issuer_list after = {0};
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 2);
    if (rc != CLI_GO_ON)
        return rc;
    rc = issuer_list_open(argv[0], &before, &e);
    if (rc == 0)
        rc = issuer_list_open(argv[1], &after, &e);
    rc = rc != 0 ? CLI_CONFIG : diff(&before, &after, json, &e);
    issuer_list_close(&before);
    issuer_list_close(&after);
    return rc == CLI_OK || rc == CLI_FOUND ? rc : cli_fail_json(json, rc, &e);
}
