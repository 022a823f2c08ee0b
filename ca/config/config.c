/* The configuration file: what stands beside its sections, and the whole. */
#include <string.h>

#include "ca/api/api.h"
#include "ca/config/internal.h"
#include "common/file.h"
#include "common/rehearsal.h"
#include "common/yamldoc.h"

static const struct tm_yamlmap_key lines_keys[] = {TEXT(lines, "level", level), YAMLMAP_END};

static const struct tm_yamlmap_key user_keys[] = {TEXT(users, "front", front),
                                                  TEXT(users, "issuer", issuer),
                                                  TEXT(users, "log", log),
                                                  TEXT(users, "signatures", signatures),
                                                  TEXT(users, "timestamps", timestamps),
                                                  TEXT(users, "tuf", tuf),
                                                  TEXT(users, "pages", pages),
                                                  TEXT(users, "fetch", fetch),
                                                  TEXT(users, "keys", keys),
                                                  TEXT(users, "audit", audit),
                                                  YAMLMAP_END};

#define YEAR (365 * 24 * HOUR)
static const struct tm_yamlmap_key rehearsal_keys[] = {
    PATH(rehearsals, "file", file), TIME(rehearsals, "rotate", rotate, HOUR, 10 * YEAR),
    TIME(rehearsals, "log", log, HOUR, 10 * YEAR),
    TIME(rehearsals, "issuer", issuer, HOUR, 10 * YEAR), YAMLMAP_END};

#define FILE_ROW(text, kind, member, lo, hi) \
    YAMLMAP_ROW(struct ca_config, text, kind, member, lo, hi)
#define SECTION(text, member, table) YAMLMAP_SECTION_ROW(struct ca_config, text, member, table)

static const struct tm_yamlmap_key keys[] = {
    FILE_ROW("listen", YAMLMAP_TEXT, listen, 0, 0),
    FILE_ROW("metrics-listen", YAMLMAP_TEXT, metrics_listen, 0, 0),
    FILE_ROW("workers", YAMLMAP_NUMBER, workers, 0, 256),
    FILE_ROW("max-request-size", YAMLMAP_SIZE, max_request_size, 1024, 4096 * KIB),
    SECTION("timeouts", timeouts, ca_config_timeout_keys),
    FILE_ROW("connection-limit", YAMLMAP_NUMBER, connection_limit, 1, 100000),
    FILE_ROW("per-address-limit", YAMLMAP_NUMBER, per_address_limit, 0, 100000),
    SECTION("tls", tls, ca_config_tls_keys),
    SECTION("proxies", proxies, ca_config_proxy_keys),
    SECTION("ca", ca, ca_config_ca_keys),
    FILE_ROW("issuers-file", YAMLMAP_PATH, issuers_file, 0, 0),
    SECTION("issuers-from-tuf", approved, ca_config_approved_keys),
    FILE_ROW("freeze-file", YAMLMAP_PATH, freeze_file, 0, 0),
    SECTION("oidc", oidc, ca_config_oidc_keys),
    SECTION("limits", limits, ca_config_limit_keys),
    SECTION("ct", ct, ca_config_ct_keys),
    SECTION("signature-log", signatures, ca_config_signature_keys),
    SECTION("timestamp-authority", tsa, ca_config_tsa_keys),
    SECTION("tuf", tuf, ca_config_tuf_keys),
    SECTION("pages", pages, ca_config_pages_keys),
    FILE_ROW("reload-interval", YAMLMAP_DURATION, reload_interval, 0, 24 * HOUR),
    SECTION("log", log, lines_keys),
    FILE_ROW("user", YAMLMAP_TEXT, user, 0, 0),
    SECTION("users", users, user_keys),
    FILE_ROW("audit", YAMLMAP_TEXT, audit, 0, 0),
    FILE_ROW("audit-file", YAMLMAP_PATH, audit_file, 0, 0),
    SECTION("audit-store", audit_store, ca_config_audit_keys),
    SECTION("rehearsals", rehearsals, rehearsal_keys),
    YAMLMAP_END,
};

int ca_config_default(struct ca_config *c, struct tm_err *e)
{
    *c = (struct ca_config){
        .max_request_size = 256 * KIB,
        .timeouts = {.header = 10 * SECOND,
                     .request = 30 * SECOND,
                     .idle = 30 * SECOND,
                     .wait = 20 * SECOND,
                     .drain = 25 * SECOND,
                     .start = 120 * SECOND},
        .connection_limit = 1024,
        .per_address_limit = 256,
        .ca = {.lifetime = API_LIFETIME_DEFAULT * SECOND},
        .approved = {.refresh = 10 * MINUTE},
        .limits = {.store_timeout = SECOND},
        .oidc = {.skew = 60 * SECOND,
                 .jwks_refresh = HOUR,
                 .jwks_min_interval = 30 * SECOND,
                 .fetch_timeout = 10 * SECOND},
        .ct = {.scts_required = 1,
               .operators_required = 1,
               .deadline = CT_DEADLINE_MS,
               .embedded = {.checkpoint_interval = SECOND}},
        .reload_interval = 10 * SECOND,
        .audit_store = {.head_interval = HOUR},
    };
    c->listen = strdup("127.0.0.1:5555");
    c->log.level = strdup("info");
    c->oidc.engine = strdup("cached-key");
    c->audit = strdup("required");
    c->limits.when_unknown = strdup("refuse");
    return c->audit != NULL && c->limits.when_unknown != NULL && c->listen != NULL &&
                   c->log.level != NULL && c->oidc.engine != NULL
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

/* A server without a CA has something else. */
static int check_parts(const char *name, const struct ca_config *c, struct tm_err *e)
{
    if (c->ct.embedded.directory != NULL || c->ct.retired.count > 0 ||
        c->signatures.directory != NULL || c->signatures.retired.count > 0 ||
        c->tsa.chain != NULL || c->tuf.directory != NULL || c->pages.directory != NULL)
        return 0;
    return tm_err_set(e,
                      "%s: nothing to serve: it needs 'ca' with 'issuers-file', or 'ct', "
                      "'signature-log', 'timestamp-authority', 'tuf' or 'pages'",
                      name);
}

static int validate(const char *name, const struct ca_config *c, struct tm_err *e)
{
    if (ca_config_check_listeners(name, c, e) != 0 ||
        ca_config_check_signatures(name, &c->signatures, e) != 0 ||
        ca_config_check_tsa(name, &c->tsa, e) != 0 || ca_config_check_ct(name, c, e) != 0 ||
        ca_config_check_tuf(name, &c->tuf, e) != 0 ||
        ca_config_check_pages(name, &c->pages, e) != 0 ||
        ca_config_check_prefixes(name, c, e) != 0 || ca_config_check_oidc(name, &c->oidc, e) != 0 ||
        ca_config_check_limits(name, &c->limits, e) != 0)
        return -1;
    if (ca_config_word(levels, c->log.level) < 0)
        return tm_err_set(e, "%s: log level '%.64s' is not one of debug, info, warn, error", name,
                          c->log.level);
    if (ca_config_check_audit(name, &c->audit_store, e) != 0)
        return -1;
    if (ca_config_word(audits, c->audit) < 0)
        return tm_err_set(e, "%s: audit '%.64s' is not one of required, best-effort", name,
                          c->audit);
    return ca_config_has_ca(c) ? ca_config_check_ca(name, c, e) : check_parts(name, c, e);
}

static int name_beside(const char *beside, const char *name, char **out, struct tm_err *e)
{
    char path[PATH_MAX];
    const char *slash = strrchr(beside, '/');
    int dir = slash != NULL ? (int)(slash - beside) + 1 : 0;
    if (snprintf(path, sizeof(path), "%.*s%s", dir, beside, name) >= (int)sizeof(path))
        return tm_err_set(e, "the path '%.100s' is too long", beside);
    *out = strdup(path);
    return *out != NULL ? 0 : tm_err_set(e, "out of memory");
}

static int name_freeze_file(struct ca_config *c, struct tm_err *e)
{
    const char *beside = c->issuers_file != NULL ? c->issuers_file
                         : c->ca.chain != NULL   ? c->ca.chain
                                                 : c->approved.root;
    return c->freeze_file != NULL || beside == NULL
               ? 0
               : name_beside(beside, "frozen.json", &c->freeze_file, e);
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
    if (rc == 0)
        rc = name_freeze_file(c, e);
    if (rc == 0 && c->rehearsals.file == NULL)
        rc = name_beside(name, REHEARSALS_FILE, &c->rehearsals.file, e);
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

bool ca_config_audit_best_effort(const struct ca_config *c)
{
    return ca_config_word(audits, c->audit) == 1;
}

enum tm_jlog_level ca_config_log_level(const struct ca_config *c)
{
    int i = ca_config_word(levels, c->log.level);
    return i < 0 ? JLOG_INFO : (enum tm_jlog_level)i;
}

static int look_for_key(struct tm_yamldoc *d, yaml_node_t *key, const char *name,
                        yaml_node_t *value, void *found)
{
    (void)d;
    (void)key;
    (void)value;
    const struct tm_yamlmap_key *k = keys;
    while (k->name != NULL && strcmp(k->name, name) != 0)
        k++;
    *(bool *)found |= k->name != NULL;
    return 0;
}

bool ca_config_is_server(const char *text, size_t len)
{
    struct tm_err ignored;
    struct tm_yamldoc d = {.name = "", .max = SIZE_MAX, .e = &ignored};
    yaml_node_t *root;
    bool found = false;
    if (tm_yamldoc_open(&d, text, len, &root) == 0)
        (void)tm_yamldoc_each(&d, root, "it", SIZE_MAX, look_for_key, &found);
    tm_yamldoc_close(&d);
    return found;
}
