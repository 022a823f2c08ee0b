/* issuer test: what the server would trust, and what it would issue, tried without it. The keys are
 * fetched by the server's own code, under its limits; nothing is signed. */
#include <jansson.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/json/jsonstr.h"
#include "oidc/keys/keystore.h"
#include "oidc/verifier.h"
#include "tools/shared/printed.h"
#include "tools/tenmint-ca/commands.h"
#include "tools/tenmint-ca/issuer/issuer.h"

static void wake(void *sem)
{
    sem_post(sem);
}

/* Fetches end by their own time-outs. */
static void wait_for(sem_t *sem)
{
    while (sem_wait(sem) != 0)
        continue;
}

static struct oidc_options options_of(const struct ca_config *c)
{
    struct oidc_options o;
    ca_config_oidc(c, &o);
    o.on_demand = true;
    return o;
}

/* ---- the keys of an issuer ---- */

struct key_row { /* a key, and what it may verify */
    const struct oidc_jwk *key;
    bool alg[ALG_COUNT];
};

static size_t list_keys(const struct oidc_jwks *keys, struct key_row row[JWKS_KEYS_MAX])
{
    size_t count = 0;
    for (int alg = 0; alg < ALG_COUNT; alg++) {
        const struct oidc_jwk *k;
        size_t at = 0;
        while ((k = oidc_jwks_next(keys, NULL, alg, &at)) != NULL) {
            size_t i = 0;
            while (i < count && row[i].key != k)
                i++;
            if (i == JWKS_KEYS_MAX)
                continue;
            if (i == count)
                row[count++] = (struct key_row){.key = k};
            row[i].alg[alg] = true;
        }
    }
    return count;
}

static void put_algs(const struct key_row *r, struct tm_buf *out)
{
    for (int i = 0; i < ALG_COUNT; i++) {
        if (r->alg[i])
            tm_buf_printf(out, "%s%s", out->len > 0 ? " " : "", oidc_alg_table[i].name);
    }
}

static json_t *key_json(const struct key_row *r, const char *algs)
{
    return json_pack("{s:s*, s:s, s:i, s:s}", "kid", r->key->kid, "type",
                     EVP_PKEY_get0_type_name(r->key->key), "bits", EVP_PKEY_get_bits(r->key->key),
                     "algorithms", algs);
}

static void print_key(const struct oidc_jwk *k, const char *algs)
{
    const char *id = k->kid != NULL ? k->kid : "(without an id)";
    printf("  ");
    cli_print_text(stdout, id, strlen(id));
    printf("  %s, %d bits: %s\n", EVP_PKEY_get0_type_name(k->key), EVP_PKEY_get_bits(k->key), algs);
}

static int print_keys(const char *url, const struct oidc_jwks *keys, bool json, struct tm_err *e)
{
    struct key_row *row = calloc(JWKS_KEYS_MAX, sizeof(*row));
    json_t *list = json_array();
    if (row == NULL || list == NULL)
        return tm_err_set(e, "out of memory");
    size_t n = list_keys(keys, row);
    if (!json)
        printf("%s: %zu key%s would be trusted\n", url, n, n == 1 ? "" : "s");
    for (size_t i = 0; i < n; i++) {
        struct tm_buf algs = {0};
        put_algs(&row[i], &algs);
        const struct oidc_jwk *k = row[i].key;
        if (json)
            json_array_append_new(list, key_json(&row[i], tm_buf_str(&algs)));
        else
            print_key(k, tm_buf_str(&algs));
        tm_buf_free(&algs);
    }
    free(row);
    if (json)
        return cli_print_json(json_pack("{s:s, s:o}", "issuer", url, "keys", list), e);
    json_decref(list);
    return 0;
}

/* The keys in force after one fetch, or NULL with `e` set. */
static struct oidc_jwks *fetch_keys(struct oidc_keystore *store, const char *url, struct tm_err *e)
{
    sem_t sem;
    int64_t again = 0;
    const struct oidc_waiter waiter = {wake, &sem};
    struct oidc_issuer_keys *p = oidc_keystore_issuer(store, url);
    if (p == NULL)
        return tm_err_null(e, "the issuer is disabled, or out of memory");
    sem_init(&sem, 0, 0);
    if (oidc_issuer_keys_want(p, NULL, &waiter, &again) == ISSUER_KEYS_WAIT)
        wait_for(&sem);
    struct oidc_jwks *keys = oidc_issuer_keys_get(p);
    if (keys == NULL)
        oidc_issuer_keys_why(p, e);
    sem_destroy(&sem);
    oidc_issuer_keys_unref(p);
    return keys;
}

/* What the list says of the issuer, or, of one that is not in it, what it would say at least. */
static struct oidc_trust *trust_for(const struct issuer_list *l, const char *url, struct tm_err *e)
{
    struct oidc_trust *t = NULL;
    struct tm_buf text = {0};
    const struct oidc_issuer *is = oidc_trust_find(l->trust, url, strlen(url));
    if (is != NULL && !is->disabled)
        return oidc_trust_ref(l->trust);
    fprintf(stderr, "note: '%s' is %s in %s; its keys are fetched all the same\n", url,
            is != NULL ? "disabled" : "not", l->path);
    tm_buf_puts(&text, "{\"OIDCIssuers\": {");
    for (int i = 0; i < 2; i++) {
        tm_jsonstr_put(&text, url, strlen(url));
        tm_buf_puts(&text, i == 0 ? ": {\"IssuerURL\": "
                                  : ", \"ClientID\": \"sigstore\", \"Type\": \"email\"}}}");
    }
    const char *list = tm_buf_str(&text);
    if (list == NULL || oidc_trust_parse("the URL", list, text.len, &t, e) != 0)
        t = NULL;
    tm_buf_free(&text);
    return t;
}

int issuer_try_url(const struct issuer_list *l, const char *url, bool json, struct tm_err *e)
{
    const struct oidc_options o = options_of(&l->config);
    struct oidc_trust *trust = trust_for(l, url, e);
    if (trust == NULL)
        return CLI_FAILED;
    struct tm_jlog *log = tm_jlog_new(STDERR_FILENO, JLOG_WARN);
    struct oidc_keystore *store = oidc_keystore_new(&o, log, e);
    struct oidc_jwks *keys = NULL;
    if (store != NULL) {
        oidc_keystore_set_trust(store, trust);
        keys = fetch_keys(store, url, e);
    }
    int rc = keys == NULL ? CLI_UNKNOWN : CLI_FAILED;
    if (keys != NULL && print_keys(url, keys, json, e) == 0)
        rc = CLI_OK;
    oidc_jwks_unref(keys);
    oidc_keystore_free(store);
    tm_jlog_free(log);
    oidc_trust_unref(trust);
    return rc;
}

void issuer_warn_unreachable(struct check_said *k, const char *path, const struct oidc_trust *trust,
                             const struct ca_config *c)
{
    const struct oidc_options o = options_of(c);
    struct tm_err e = {0};
    struct oidc_keystore *store = oidc_keystore_new(&o, NULL, &e);
    if (store == NULL) {
        check_warn(k, "%s: %s", path, e.text);
        return;
    }
    oidc_keystore_set_trust(store, (struct oidc_trust *)(uintptr_t)trust);
    for (size_t i = 0; i < oidc_trust_count(trust); i++) {
        const struct oidc_issuer *is = oidc_trust_at(trust, i);
        if (is->wildcard || is->disabled)
            continue;
        struct oidc_jwks *keys = fetch_keys(store, is->url, &e);
        if (keys == NULL)
            check_warn(k, "%s: issuer '%s' gives no keys: %s", path, is->url, e.text);
        oidc_jwks_unref(keys);
    }
    oidc_keystore_free(store);
}

/* ---- the certificate of a token ---- */

static const char *const san_kinds[] = {[IDENTITY_SAN_EMAIL] = "email",
                                        [IDENTITY_SAN_URI] = "URI",
                                        [IDENTITY_SAN_OTHER] = "other name"};

static json_t *certificate_json(const struct oidc_result *r, int64_t lifetime_s)
{
    json_t *fields = json_object();
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT; i++) {
        if (r->principal.field[i] != NULL)
            json_object_set_new(fields, tm_identity_table[i].label,
                                json_string(r->principal.field[i]));
    }
    return json_pack("{s:b, s:s, s:s, s:s, s:s, s:s, s:I, s:o}", "would_issue", 1, "issuer",
                     r->issuer, "entry", r->entry, "san", r->principal.san, "san_type",
                     san_kinds[r->principal.san_kind], "challenge", r->principal.challenge,
                     "lifetime_seconds", (json_int_t)lifetime_s, "extensions", fields);
}

static void print_said(const char *before, const char *text)
{
    printf("%s", before);
    cli_print_text(stdout, text, strlen(text));
}

static void print_certificate(const struct oidc_result *r, int64_t lifetime_s)
{
    printf("would be issued:\n  subject alternative name  %s", san_kinds[r->principal.san_kind]);
    print_said(": ", r->principal.san);
    printf("\n  lifetime  %lld s\n", (long long)lifetime_s);
    print_said("  issuer  ", r->issuer);
    if (strcmp(r->issuer, r->entry) != 0)
        print_said(", by the entry ", r->entry);
    print_said("\n  the client signs  ", r->principal.challenge);
    printf("\n");
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT; i++) {
        if (r->principal.field[i] == NULL)
            continue;
        printf("  1.3.6.1.4.1.57264.1.%u  %s", tm_identity_table[i].arc,
               tm_identity_table[i].label);
        print_said(": ", r->principal.field[i]);
        printf("\n");
    }
}

static enum oidc_status verify(struct oidc_verifier *v, const struct tm_buf *token,
                               struct oidc_result *r, struct tm_err *e)
{
    sem_t sem;
    const struct oidc_waiter waiter = {wake, &sem};
    enum oidc_status st;
    sem_init(&sem, 0, 0);
    while ((st = oidc_verify(v, (const char *)token->data, token->len, tm_clock_wall_ms() / 1000,
                             &waiter, r, e)) == OIDC_WAIT)
        wait_for(&sem);
    sem_destroy(&sem);
    return st;
}

static int judge(const struct issuer_list *l, const struct tm_buf *token, bool json,
                 struct tm_err *e)
{
    const struct oidc_options o = options_of(&l->config);
    struct oidc_result r = {0};
    struct oidc_verifier *v = oidc_verifier_new(l->trust, &o, NULL, e);
    if (v == NULL)
        return CLI_FAILED;
    int rc = CLI_OK;
    if (verify(v, token, &r, e) != OIDC_OK) {
        rc = r.reason == OIDC_REASON_KEYS ? CLI_UNKNOWN : CLI_FAILED;
        tm_err_wrap(e, "refused (%s)", oidc_reason_name(r.reason));
    } else {
        int64_t most = l->config.ca.lifetime / 1000;
        int64_t lifetime_s = r.lifetime_s != 0 && r.lifetime_s < most ? r.lifetime_s : most;
        if (!json)
            print_certificate(&r, lifetime_s);
        else if (cli_print_json(certificate_json(&r, lifetime_s), e) != 0)
            rc = CLI_FAILED;
        oidc_principal_free(&r.principal);
    }
    oidc_verifier_free(v);
    return rc;
}

static int try_token(const struct issuer_list *l, const char *file, bool json, struct tm_err *e)
{
    struct tm_buf token = {0};
    int rc = CLI_UNKNOWN;
    if (tm_file_read(file, OIDC_TOKEN_MAX + 2, &token, e) == 0) {
        while (token.len > 0 && strchr("\r\n", token.data[token.len - 1]) != NULL)
            token.len--;
        rc = judge(l, &token, json, e);
    }
    tm_buf_free_secret(&token);
    return rc;
}

int command_issuer_test(const struct cli_command *self, int argc, char **argv)
{
    bool json = false;
    const char *token = NULL;
    const struct cli_option options[] = {
        {"token", CLI_TEXT, "FILE", "say what certificate the token in FILE would get", &token},
        CLI_JSON(&json),
        {0}};
    struct issuer_list l;
    struct tm_err e = {0};
    int count = 0;
    int rc = cli_parse_some(self, options, argc, argv, 1, 2, &count);
    if (rc != CLI_GO_ON)
        return rc;
    if ((count == 2) == (token != NULL)) {
        tm_err_set(&e, "give an issuer's URL, or --token FILE");
        return cli_fail_json(json, CLI_USAGE, &e);
    }
    rc = issuer_list_open(argv[0], &l, &e) != 0 ? CLI_CONFIG
         : token != NULL                        ? try_token(&l, token, json, &e)
                                                : issuer_try_url(&l, argv[1], json, &e);
    issuer_list_close(&l);
    return rc == CLI_OK ? rc : cli_fail_json(json, rc, &e);
}
