#include "ca/config/config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/api/api.h"
#include "ca/config/internal.h"
#include "common/file.h"
#include "oidc/keys/incluster.h"

#define OFF(member) offsetof(struct ca_config, member)
#define TEXT(name, member) \
    { \
        name, YAMLMAP_TEXT, OFF(member), 0, 0, NULL \
    }
#define PATH(name, member) \
    { \
        name, YAMLMAP_PATH, OFF(member), 0, 0, NULL \
    }
#define BOOL(name, member) \
    { \
        name, YAMLMAP_BOOL, OFF(member), 0, 0, NULL \
    }
#define NUMBER(name, member, lo, hi) \
    { \
        name, YAMLMAP_NUMBER, OFF(member), lo, hi, NULL \
    }
#define TIME(name, member, lo, hi) \
    { \
        name, YAMLMAP_DURATION, OFF(member), lo, hi, NULL \
    }
#define SECTION(name, keys) \
    { \
        name, YAMLMAP_SECTION, 0, 0, 0, keys \
    }
#define END \
    { \
        NULL, YAMLMAP_TEXT, 0, 0, 0, NULL \
    }

#define KIB ((int64_t)1024)
#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

static const struct tm_yamlmap_key timeout_keys[] = {
    TIME("header", header_timeout, 100, HOUR), TIME("request", request_timeout, 100, HOUR),
    TIME("idle", idle_timeout, 1000, HOUR),    TIME("wait", wait_timeout, 100, HOUR),
    TIME("drain", drain_timeout, 0, HOUR),     END,
};

static const struct tm_yamlmap_key tls_keys[] = {
    PATH("certificate", tls_certificate),
    PATH("key", tls_key),
    END,
};

static const struct tm_yamlmap_key proxy_keys[] = {
    {"addresses", YAMLMAP_TEXTS, OFF(proxies), 0, 0, NULL},
    TEXT("client-address", proxy_way),
    END,
};

static const struct tm_yamlmap_key ca_keys[] = {
    TEXT("backend", backend),
    PATH("chain", chain),
    PATH("key", key),
    PATH("password-file", password_file),
    TEXT("password-env", password_env),
    PATH("pkcs11-module", pkcs11_module),
    TEXT("pkcs11-token", pkcs11_token),
    TEXT("pkcs11-key", pkcs11_key),
    PATH("pkcs11-pin-file", pkcs11_pin_file),
    TEXT("pkcs11-pin-env", pkcs11_pin_env),
    TEXT("ephemeral-type", ephemeral_type),
    TIME("lifetime", lifetime, 1000, API_LIFETIME_MAX *SECOND),
    BOOL("subject-key-id", subject_key_id),
    {"client-signing-algorithms", YAMLMAP_TEXTS, OFF(algorithms), 0, 0, NULL},
    END,
};

static const struct tm_yamlmap_key oidc_keys[] = {
    TIME("skew", skew, 0, 10 * MINUTE),
    TIME("max-token-age", max_token_age, 0, 24 * HOUR),
    TIME("jwks-refresh", jwks_refresh, 10 * SECOND, 24 * HOUR),
    TIME("jwks-min-interval", jwks_min_interval, 1000, HOUR),
    TIME("jwks-max-age", jwks_max_age, 0, 365 * 24 * HOUR),
    TIME("fetch-timeout", fetch_timeout, 100, 5 * MINUTE),
    BOOL("allow-http", allow_http),
    PATH("ca-file", oidc_ca_file),
    PATH("kubernetes-ca-file", kubernetes_ca_file),
    PATH("kubernetes-token-file", kubernetes_token_file),
    TEXT("engine", engine),
    END,
};

#undef OFF
#define OFF(member) offsetof(struct ca_config_log, member)

static const struct tm_yamlmap_key ct_log_keys[] = {
    TEXT("url", url),
    PATH("public-key", public_key),
    TEXT("operator", operator_name),
    TEXT("host", host),
    PATH("tls-ca", tls_ca),
    TEXT("not-after-start", not_after_start),
    TEXT("not-after-limit", not_after_limit),
    TIME("timeout", timeout, 100, MINUTE),
    BOOL("allow-http", allow_http),
    END,
};

#undef OFF
#define OFF(member) offsetof(struct ca_witness_peer, member)

static const struct tm_yamlmap_key witness_keys[] = {
    TEXT("url", url),
    TEXT("key", vkey),
    TEXT("monitoring-url", monitoring),
    END,
};

#undef OFF
#define OFF(member) offsetof(struct ca_config, member)

static const struct tm_yamlmap_key embedded_keys[] = {
    PATH("directory", embedded_directory),
    TEXT("origin", embedded_origin),
    TEXT("prefix", embedded_prefix),
    PATH("key", embedded_key),
    PATH("password-file", embedded_password_file),
    TEXT("password-env", embedded_password_env),
    PATH("pkcs11-module", embedded_module),
    TEXT("pkcs11-token", embedded_token),
    TEXT("pkcs11-key", embedded_label),
    PATH("pkcs11-pin-file", embedded_pin_file),
    TEXT("pkcs11-pin-env", embedded_pin_env),
    PATH("anchor", embedded_anchor),
    TIME("checkpoint-interval", checkpoint_interval, 100, MINUTE),
    {"witnesses", YAMLMAP_ENTRIES, OFF(witnesses), 0, sizeof(struct ca_witness_peer), witness_keys},
    NUMBER("witness-quorum", witness_quorum, 0, 64),
    TIME("witness-timeout", witness_timeout, 100, MINUTE),
    BOOL("witness-allow-http", witness_allow_http),
    END,
};

#undef OFF
#define OFF(member) offsetof(struct ca_config_retired, member)

static const struct tm_yamlmap_key retired_keys[] = {
    PATH("directory", directory),
    PATH("public-key", public_key),
    TEXT("prefix", prefix),
    END,
};

#undef OFF
#define OFF(member) offsetof(struct ca_config, member)

static const struct tm_yamlmap_key ct_keys[] = {
    NUMBER("scts-required", scts_required, 1, CT_LOGS_MAX),
    NUMBER("operators-required", operators_required, 1, CT_LOGS_MAX),
    TIME("deadline", ct_deadline, 100, 10 * MINUTE),
    BOOL("detached", detached_sct),
    SECTION("embedded", embedded_keys),
    {"retired", YAMLMAP_ENTRIES, OFF(retired_logs), 0, sizeof(struct ca_config_retired),
     retired_keys},
    {"logs", YAMLMAP_ENTRIES, OFF(ct_logs), 0, sizeof(struct ca_config_log), ct_log_keys},
    END,
};

static const struct tm_yamlmap_key tuf_keys[] = {
    PATH("directory", tuf_directory),
    TEXT("prefix", tuf_prefix),
    END,
};

static const struct tm_yamlmap_key log_keys[] = {TEXT("level", log_level), END};

static const struct tm_yamlmap_key keys[] = {
    TEXT("listen", listen),
    TEXT("metrics-listen", metrics_listen),
    NUMBER("workers", workers, 0, 256),
    {"max-request-size", YAMLMAP_SIZE, OFF(max_request_size), 1024, 4096 * KIB, NULL},
    SECTION("timeouts", timeout_keys),
    NUMBER("connection-limit", connection_limit, 1, 100000),
    NUMBER("per-address-limit", per_address_limit, 0, 100000),
    SECTION("tls", tls_keys),
    SECTION("proxies", proxy_keys),
    SECTION("ca", ca_keys),
    PATH("issuers-file", issuers_file),
    SECTION("oidc", oidc_keys),
    SECTION("ct", ct_keys),
    SECTION("signature-log", ca_config_signature_keys),
    SECTION("timestamp-authority", ca_config_tsa_keys),
    SECTION("tuf", tuf_keys),
    TIME("reload-interval", reload_interval, 0, 24 * HOUR),
    SECTION("log", log_keys),
    TEXT("audit", audit),
    PATH("audit-file", audit_file),
    END,
};

int ca_config_default(struct ca_config *c, struct tm_err *e)
{
    *c = (struct ca_config){.max_request_size = 256 * KIB,
                            .header_timeout = 10 * SECOND,
                            .request_timeout = 30 * SECOND,
                            .idle_timeout = 30 * SECOND,
                            .wait_timeout = 20 * SECOND,
                            .drain_timeout = 25 * SECOND,
                            .connection_limit = 1024,
                            .per_address_limit = 256,
                            .lifetime = API_LIFETIME_DEFAULT * SECOND,
                            .skew = 60 * SECOND,
                            .jwks_refresh = HOUR,
                            .jwks_min_interval = 30 * SECOND,
                            .fetch_timeout = 10 * SECOND,
                            .scts_required = 1,
                            .operators_required = 1,
                            .ct_deadline = CT_DEADLINE_MS,
                            .checkpoint_interval = SECOND,
                            .reload_interval = 10 * SECOND};
    c->listen = strdup("127.0.0.1:5555");
    c->log_level = strdup("info");
    c->engine = strdup("cached-key");
    c->audit = strdup("required");
    return c->audit != NULL && c->listen != NULL && c->log_level != NULL && c->engine != NULL
               ? 0
               : tm_err_set(e, "out of memory");
}

void ca_config_diff(const struct ca_config *before, const struct ca_config *after,
                    tm_yamlmap_diff_fn say, void *arg)
{
    tm_yamlmap_diff(keys, before, after, say, arg);
}

void ca_config_free(struct ca_config *c)
{
    tm_yamlmap_free(keys, c);
}

static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const audits[] = {"required", "best-effort", NULL};
static const char *const engines[] = {"cached-key", "libjwt", NULL};
static const char *const backends[] = {"file", "ephemeral", "pkcs11", NULL};

static int word_index(const char *const *words, const char *w)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], w) == 0)
            return i;
    }
    return -1;
}

/* A backend's keys; those of another backend are a mistake worth hearing of. */
static int check_backend(const char *name, const struct ca_config *c, struct tm_err *e)
{
    const struct {
        const char *backend, *key, *value;
        bool required;
    } rules[] = {
        {"file", "key", c->key, true},
        {"file", "password-file", c->password_file, false},
        {"file", "password-env", c->password_env, false},
        {"pkcs11", "pkcs11-module", c->pkcs11_module, true},
        {"pkcs11", "pkcs11-token", c->pkcs11_token, true},
        {"pkcs11", "pkcs11-key", c->pkcs11_key, true},
        {"pkcs11", "pkcs11-pin-file", c->pkcs11_pin_file, false},
        {"pkcs11", "pkcs11-pin-env", c->pkcs11_pin_env, false},
        {"ephemeral", "ephemeral-type", c->ephemeral_type, false},
    };
    if (c->backend == NULL)
        return tm_err_set(e, "%s: 'ca' needs 'backend': file, pkcs11 or ephemeral", name);
    if (word_index(backends, c->backend) < 0)
        return tm_err_set(e, "%s: ca backend '%.64s' is not one of file, pkcs11, ephemeral", name,
                          c->backend);
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        bool mine = strcmp(rules[i].backend, c->backend) == 0;
        if (mine && rules[i].required && rules[i].value == NULL)
            return tm_err_set(e, "%s: ca backend %s needs '%s'", name, c->backend, rules[i].key);
        if (!mine && rules[i].value != NULL)
            return tm_err_set(e, "%s: '%s' belongs to ca backend %s, but the backend is %s", name,
                              rules[i].key, rules[i].backend, c->backend);
    }
    bool ephemeral = strcmp(c->backend, "ephemeral") == 0;
    if (ephemeral != (c->chain == NULL))
        return tm_err_set(e,
                          ephemeral ? "%s: ca backend %s makes its own chain: remove 'chain'"
                                    : "%s: ca backend %s needs 'chain'",
                          name, c->backend);
    if ((c->password_file != NULL && c->password_env != NULL) ||
        (c->pkcs11_pin_file != NULL && c->pkcs11_pin_env != NULL))
        return tm_err_set(e, "%s: give the password by file or by environment, not both", name);
    return 0;
}

static int check_tuf(const char *name, const struct ca_config *c, struct tm_err *e)
{
    if (c->tuf_directory == NULL)
        return c->tuf_prefix == NULL ? 0 : tm_err_set(e, "%s: 'tuf' needs 'directory'", name);
    if (c->tuf_prefix != NULL && tm_http_prefix_check("prefix", c->tuf_prefix, e) != 0)
        return tm_err_wrap(e, "%s: 'tuf'", name);
    return 0;
}

static int check_listen(const char *name, const char *key, const char *address, struct tm_err *e)
{
    if (address == NULL || tm_http_listen_check(address, e) == 0)
        return 0;
    return tm_err_wrap(e, "%s: '%s'", name, key);
}

static int check_listeners(const char *name, const struct ca_config *c, struct tm_err *e)
{
    if (check_listen(name, "listen", c->listen, e) != 0 ||
        check_listen(name, "metrics-listen", c->metrics_listen, e) != 0)
        return -1;
    const char *port = strrchr(c->listen, ':');
    if (c->metrics_listen == NULL || strcmp(c->listen, c->metrics_listen) != 0 ||
        strcmp(port, ":0") == 0)
        return 0;
    return tm_err_set(e, "%s: 'metrics-listen' needs another port than 'listen': both are '%.64s'",
                      name, c->listen);
}

bool ca_config_has_ca(const struct ca_config *c)
{
    const void *const given[] = {
        c->backend,        c->chain,        c->key,         c->password_file,   c->password_env,
        c->pkcs11_module,  c->pkcs11_token, c->pkcs11_key,  c->pkcs11_pin_file, c->pkcs11_pin_env,
        c->ephemeral_type, c->issuers_file, c->ct_logs.item};
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        if (given[i] != NULL)
            return true;
    }
    return false;
}

/* A server without a CA has something else. */
static int check_parts(const char *name, const struct ca_config *c, struct tm_err *e)
{
    if (c->embedded_directory != NULL || c->retired_logs.count > 0 ||
        c->signatures.directory != NULL || c->signatures.retired.count > 0 ||
        c->tsa.chain != NULL || c->tuf_directory != NULL)
        return 0;
    return tm_err_set(e,
                      "%s: nothing to serve: it needs 'ca' with 'issuers-file', or 'ct', "
                      "'signature-log', 'timestamp-authority' or 'tuf'",
                      name);
}

static int check_ca(const char *name, const struct ca_config *c, struct tm_err *e)
{
    if (c->issuers_file == NULL)
        return tm_err_set(e, "%s: 'issuers-file' is missing: no token would be trusted", name);
    return check_backend(name, c, e);
}

static int validate(const char *name, const struct ca_config *c, struct tm_err *e)
{
    if (check_listeners(name, c, e) != 0)
        return -1;
    if (ca_config_check_signatures(name, c, e) != 0 || ca_config_check_tsa(name, c, e) != 0 ||
        ca_config_check_logs(name, c, e) != 0 || check_tuf(name, c, e) != 0)
        return -1;
    if ((c->tls_certificate == NULL) != (c->tls_key == NULL))
        return tm_err_set(e, "%s: 'tls' needs both 'certificate' and 'key'", name);
    if (word_index(levels, c->log_level) < 0)
        return tm_err_set(e, "%s: log level '%.64s' is not one of debug, info, warn, error", name,
                          c->log_level);
    if (word_index(audits, c->audit) < 0)
        return tm_err_set(e, "%s: audit '%.64s' is not one of required, best-effort", name,
                          c->audit);
    if (word_index(engines, c->engine) < 0)
        return tm_err_set(e, "%s: oidc engine '%.64s' is not one of cached-key, libjwt", name,
                          c->engine);
    if (c->jwks_refresh < c->jwks_min_interval)
        return tm_err_set(e, "%s: oidc 'jwks-refresh' is shorter than 'jwks-min-interval'", name);
    if (c->jwks_max_age != 0 && c->jwks_max_age <= c->jwks_refresh)
        return tm_err_set(e,
                          "%s: oidc 'jwks-max-age' must be longer than 'jwks-refresh', or keys "
                          "would go while their issuer is well",
                          name);
    return ca_config_has_ca(c) ? check_ca(name, c, e) : check_parts(name, c, e);
}

int ca_config_parse(const char *name, const char *text, size_t len, struct ca_config *c,
                    struct tm_err *e)
{
    int rc = ca_config_default(c, e);
    if (rc == 0)
        rc = tm_yamlmap_read(name, text, len, keys, c, e);
    if (rc == 0)
        rc = validate(name, c, e);
    if (rc == 0)
        rc = ca_config_read_proxies(name, c, e);
    if (rc != 0)
        ca_config_free(c);
    return rc;
}

int ca_config_load(const char *path, struct ca_config *c, struct tm_err *e)
{
    struct tm_buf text = {0};
    int rc = tm_file_read_text(path, YAMLMAP_FILE_MAX, &text, e);
    if (rc == 0)
        rc = ca_config_parse(path, (const char *)text.data, text.len, c, e);
    tm_buf_free(&text);
    return rc;
}

void ca_config_signer(const struct ca_config *c, struct ca_signer_options *o)
{
    *o = (struct ca_signer_options){.backend = c->backend,
                                    .chain_file = c->chain,
                                    .key_file = c->key,
                                    .password_file = c->password_file,
                                    .password_env = c->password_env,
                                    .pkcs11_module = c->pkcs11_module,
                                    .pkcs11_token = c->pkcs11_token,
                                    .pkcs11_key = c->pkcs11_key,
                                    .pkcs11_pin_file = c->pkcs11_pin_file,
                                    .pkcs11_pin_env = c->pkcs11_pin_env,
                                    .ephemeral_type = c->ephemeral_type};
}

void ca_config_oidc(const struct ca_config *c, struct oidc_options *o)
{
    oidc_options_default(o);
    o->skew_s = c->skew / 1000;
    o->max_age_s = c->max_token_age / 1000;
    o->jwks_refresh_s = c->jwks_refresh / 1000;
    o->jwks_min_interval_s = c->jwks_min_interval / 1000;
    o->jwks_max_age_s = c->jwks_max_age / 1000;
    o->fetch_timeout_ms = c->fetch_timeout;
    o->allow_http = c->allow_http;
    o->ca_file = c->oidc_ca_file;
    o->kubernetes_ca_file =
        c->kubernetes_ca_file != NULL ? c->kubernetes_ca_file : INCLUSTER_CA_FILE;
    o->kubernetes_token_file =
        c->kubernetes_token_file != NULL ? c->kubernetes_token_file : INCLUSTER_TOKEN_FILE;
    o->engine = word_index(engines, c->engine) == 1 ? OIDC_ENGINE_LIBJWT : OIDC_ENGINE_CACHED_KEY;
}

void ca_config_http(const struct ca_config *c, struct tm_http_options *o)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    tm_http_options_default(o);
    o->listen = c->listen;
    o->workers = c->workers > 0 ? (unsigned)c->workers : cpus > 0 ? (unsigned)cpus : 1;
    o->connection_limit = (unsigned)c->connection_limit;
    o->per_address_limit = (unsigned)c->per_address_limit;
    o->max_body = (size_t)c->max_request_size;
    o->header_timeout_ms = c->header_timeout;
    o->request_timeout_ms = c->request_timeout;
    o->idle_timeout_ms = c->idle_timeout;
    o->wait_timeout_ms = c->wait_timeout;
    ca_config_proxies(c, o);
    if (o->workers > o->connection_limit)
        o->workers = o->connection_limit;
}

bool ca_config_audit_best_effort(const struct ca_config *c)
{
    return word_index(audits, c->audit) == 1;
}

enum tm_jlog_level ca_config_log_level(const struct ca_config *c)
{
    int i = word_index(levels, c->log_level);
    return i < 0 ? JLOG_INFO : (enum tm_jlog_level)i;
}

bool ca_config_is_server(const char *text, size_t len)
{
    size_t start = 0;
    while (start < len) {
        const char *line = text + start;
        const char *nl = memchr(line, '\n', len - start);
        size_t n = nl != NULL ? (size_t)(nl - line) : len - start;
        for (const struct tm_yamlmap_key *k = keys; k->name != NULL; k++) {
            size_t kl = strlen(k->name);
            if (n > kl && memcmp(line, k->name, kl) == 0 && line[kl] == ':')
                return true;
        }
        start += n + 1;
    }
    return false;
}
