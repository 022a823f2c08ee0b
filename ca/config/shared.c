/* What several sections have: a private key, retired logs, words to choose from. */
#include <string.h>

#include "ca/config/internal.h"

bool ca_config_key_is_given(const struct ca_config_key *k)
{
    return k->file != NULL || k->module != NULL || k->uri != NULL || k->uri_file != NULL;
}

int ca_config_key_uri(const struct ca_config_key *k, struct tm_key_uri *out, struct tm_err *e)
{
    return k->uri_file != NULL ? tm_key_uri_load(k->uri_file, out, e)
                               : tm_key_uri_parse(k->uri, strlen(k->uri), out, e);
}

int ca_config_key_find(const struct ca_config_key *k, enum ca_config_key_place *out,
                       struct tm_err *e)
{
    struct tm_key_uri u = {0};
    *out = k->module != NULL ? CA_KEY_IN_TOKEN : CA_KEY_IN_FILE;
    if (k->uri == NULL && k->uri_file == NULL)
        return 0;
    int rc = ca_config_key_uri(k, &u, e);
    *out = tm_key_uri_is_remote(&u) ? CA_KEY_AT_SERVICE : CA_KEY_IN_TOKEN;
    tm_key_uri_free(&u);
    return rc;
}

int ca_config_check_key(const char *where, const struct ca_config_key *k, struct tm_err *e)
{
    struct tm_key_uri u = {0};
    int ways = (k->file != NULL) + (k->module != NULL) + (k->uri != NULL) + (k->uri_file != NULL);
    if (ways != 1)
        return tm_err_set(e,
                          "%s needs one of 'key', 'pkcs11-module', 'key-uri' and "
                          "'key-uri-file'",
                          where);
    if (k->module != NULL && (k->token == NULL || k->label == NULL))
        return tm_err_set(e, "%s needs 'pkcs11-token' and 'pkcs11-key'", where);
    if ((k->password_file != NULL && k->password_env != NULL) ||
        (k->pin_file != NULL && k->pin_env != NULL))
        return tm_err_set(e, "%s: the password by file or by environment, not both", where);
    if (k->uri != NULL && ca_config_key_uri(k, &u, e) != 0)
        return tm_err_wrap(e, "%s: key-uri", where);
    tm_key_uri_free(&u);
    return 0;
}

struct tm_key_source ca_config_key_source(const struct ca_config_key *k)
{
    return (struct tm_key_source){.file = k->file,
                                  .password_file = k->password_file,
                                  .password_env = k->password_env,
                                  .pkcs11_module = k->module,
                                  .pkcs11_token = k->token,
                                  .pkcs11_key = k->label,
                                  .pin_file = k->pin_file,
                                  .pin_env = k->pin_env,
                                  .uri = k->uri,
                                  .uri_file = k->uri_file};
}

void ca_config_keys(const struct ca_config *c, const struct ca_config_key *keys[CA_CONFIG_KEYS])
{
    keys[0] = &c->ca.key;
    keys[1] = &c->ct.embedded.key;
    keys[2] = &c->signatures.key;
    keys[3] = &c->tsa.key;
    keys[4] = &c->audit_store.key;
}

const struct tm_yamlmap_key ca_config_witness_keys[] = {
    YAMLMAP_ROW(struct ca_witness_peer, "url", YAMLMAP_TEXT, url, 0, 0),
    YAMLMAP_ROW(struct ca_witness_peer, "key", YAMLMAP_TEXT, vkey, 0, 0),
    YAMLMAP_ROW(struct ca_witness_peer, "monitoring-url", YAMLMAP_TEXT, monitoring, 0, 0),
    YAMLMAP_END,
};

int ca_config_check_witnesses(const struct ca_config_witnesses *w, struct tm_err *e)
{
    const struct ca_witness_peer *peer = w->list.item;
    for (size_t i = 0; i < w->list.count; i++) {
        if (peer[i].url == NULL || peer[i].vkey == NULL)
            return tm_err_set(e, "witness '%s' needs 'url' and 'key' (its verifier key)",
                              peer[i].name);
    }
    if ((size_t)w->quorum > w->list.count)
        return tm_err_set(e, "'witness-quorum' is more than there are witnesses");
    return 0;
}

void ca_config_witness(const struct ca_config_witnesses *w, struct ca_kept_options *o)
{
    o->witness = w->list.item;
    o->witness_count = w->list.count;
    o->witness_quorum = (size_t)w->quorum;
    o->witness_timeout_ms = w->timeout;
    o->witness_allow_http = w->allow_http;
}

const struct tm_yamlmap_key ca_config_retired_keys[] = {
    PATH(retired, "directory", directory),
    PATH(retired, "public-key", public_key),
    TEXT(retired, "prefix", prefix),
    YAMLMAP_END,
};

const struct ca_config_retired *ca_config_retired_at(const struct tm_yamlmap_entries *retired,
                                                     size_t i)
{
    return &((const struct ca_config_retired *)retired->item)[i];
}

int ca_config_check_retired(const char *where, const struct tm_yamlmap_entries *retired,
                            struct tm_err *e)
{
    if (retired->count > CA_CONFIG_RETIRED_MAX)
        return tm_err_set(e, "%s: %zu retired logs, but at most %d are served", where,
                          retired->count, CA_CONFIG_RETIRED_MAX);
    for (size_t i = 0; i < retired->count; i++) {
        const struct ca_config_retired *r = ca_config_retired_at(retired, i);
        const char *missing = r->directory == NULL    ? "directory"
                              : r->public_key == NULL ? "public-key"
                              : r->prefix == NULL     ? "prefix"
                                                      : NULL;
        if (missing != NULL)
            return tm_err_set(e, "%s: retired log '%.64s' needs '%s'", where, r->name, missing);
        if (tm_http_prefix_check("prefix", r->prefix, e) != 0)
            return tm_err_wrap(e, "%s: retired log '%.64s'", where, r->name);
    }
    return 0;
}

int ca_config_word(const char *const *words, const char *word)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], word) == 0)
            return i;
    }
    return -1;
}
