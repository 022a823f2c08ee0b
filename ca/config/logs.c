/* The part of the configuration that is about logs: what a sound one says, and how ca/ct and
 * ca/log want it. */
#include <string.h>

#include "ca/config/config.h"
#include "ca/config/internal.h"
#include "ca/log/ct/serve.h"
#include "common/clock.h"
#include "common/fetch/fetch.h"

static const struct ca_config_log *log_at(const struct ca_config *c, size_t i)
{
    return &((const struct ca_config_log *)c->ct_logs.item)[i];
}

static int check_time(const char *name, const struct ca_config_log *l, const char *key,
                      const char *value, struct tm_err *e)
{
    int64_t ignored;
    if (value == NULL || tm_clock_parse(value, &ignored) == 0)
        return 0;
    return tm_err_set(e, "%s: log '%.64s': '%s' must be a time such as 2026-01-01T00:00:00Z", name,
                      l->name, key);
}

static int check_log(const char *name, const struct ca_config_log *l, struct tm_err *e)
{
    if (l->url == NULL || l->public_key == NULL)
        return tm_err_set(e, "%s: log '%.64s' needs '%s'", name, l->name,
                          l->url == NULL ? "url" : "public-key");
    if (tm_fetch_check_url(l->url, l->allow_http, e) != 0)
        return tm_err_wrap(e, "%s: log '%.64s'", name, l->name);
    if (l->host != NULL && strpbrk(l->host, "\r\n \t/") != NULL)
        return tm_err_set(e, "%s: log '%.64s': 'host' is a name with or without a port", name,
                          l->name);
    if (check_time(name, l, "not-after-start", l->not_after_start, e) != 0 ||
        check_time(name, l, "not-after-limit", l->not_after_limit, e) != 0)
        return -1;
    /* The format sorts as its times do. */
    if (l->not_after_start != NULL && l->not_after_limit != NULL &&
        strcmp(l->not_after_start, l->not_after_limit) >= 0)
        return tm_err_set(e, "%s: log '%.64s': 'not-after-start' is not before 'not-after-limit'",
                          name, l->name);
    return 0;
}

static int check_witnesses(const struct ca_config *c, struct tm_err *e)
{
    const struct ca_witness_peer *w = c->witnesses.item;
    for (size_t i = 0; i < c->witnesses.count; i++) {
        if (w[i].url == NULL || w[i].vkey == NULL)
            return tm_err_set(e, "witness '%s' needs 'url' and 'key' (its verifier key)",
                              w[i].name);
    }
    if ((size_t)c->witness_quorum > c->witnesses.count)
        return tm_err_set(e, "'witness-quorum' is more than there are witnesses");
    return 0;
}

const struct ca_config_retired *ca_config_retired_at(const struct ca_config *c, size_t i)
{
    return &((const struct ca_config_retired *)c->retired_logs.item)[i];
}

static int check_embedded(const char *name, const struct ca_config *c, struct tm_err *e)
{
    bool device = c->embedded_module != NULL;
    bool any = c->embedded_origin != NULL || c->embedded_key != NULL || device;
    if (c->embedded_directory == NULL)
        return any ? tm_err_set(e, "%s: ct 'embedded' needs 'directory'", name) : 0;
    if (c->embedded_origin == NULL)
        return tm_err_set(e, "%s: ct 'embedded' needs 'origin', such as ca.example.com/log", name);
    if (ca_log_origin_check(c->embedded_origin, e) != 0 ||
        (c->embedded_prefix != NULL && tm_http_prefix_check("prefix", c->embedded_prefix, e) != 0))
        return tm_err_wrap(e, "%s: ct 'embedded'", name);
    if (device == (c->embedded_key != NULL))
        return tm_err_set(e, "%s: ct 'embedded' needs either 'key' or 'pkcs11-module'", name);
    if (device && (c->embedded_token == NULL || c->embedded_label == NULL))
        return tm_err_set(e, "%s: ct 'embedded' needs 'pkcs11-token' and 'pkcs11-key'", name);
    if (check_witnesses(c, e) != 0)
        return tm_err_wrap(e, "%s: ct 'embedded'", name);
    if ((c->embedded_password_file != NULL && c->embedded_password_env != NULL) ||
        (c->embedded_pin_file != NULL && c->embedded_pin_env != NULL))
        return tm_err_set(e, "%s: ct 'embedded': the password by file or by environment, not both",
                          name);
    return 0;
}

static int check_retired(const char *name, const struct ca_config *c, struct tm_err *e)
{
    if (c->retired_logs.count > CA_CONFIG_RETIRED_MAX)
        return tm_err_set(e, "%s: ct: %zu retired logs, but at most %d are served", name,
                          c->retired_logs.count, CA_CONFIG_RETIRED_MAX);
    for (size_t i = 0; i < c->retired_logs.count; i++) {
        const struct ca_config_retired *r = ca_config_retired_at(c, i);
        const char *missing = r->directory == NULL    ? "directory"
                              : r->public_key == NULL ? "public-key"
                              : r->prefix == NULL     ? "prefix"
                                                      : NULL;
        if (missing != NULL)
            return tm_err_set(e, "%s: retired log '%.64s' needs '%s'", name, r->name, missing);
        if (tm_http_prefix_check("prefix", r->prefix, e) != 0)
            return tm_err_wrap(e, "%s: retired log '%.64s'", name, r->name);
    }
    return 0;
}

/* What is served beside the API, each below its own prefix. */
static int check_prefixes(const char *name, const struct ca_config *c, struct tm_err *e)
{
    struct {
        const char *what, *prefix;
    } seen[2 * CA_CONFIG_RETIRED_MAX + 3];
    size_t count = 0;
    for (size_t i = 0; i < c->retired_logs.count; i++, count++) {
        seen[count].what = ca_config_retired_at(c, i)->name;
        seen[count].prefix = ca_config_retired_at(c, i)->prefix;
    }
    const struct ca_config_retired *shard = c->signatures.retired.item;
    for (size_t i = 0; i < c->signatures.retired.count; i++, count++) {
        seen[count].what = shard[i].name;
        seen[count].prefix = shard[i].prefix;
    }
    if (c->signatures.directory != NULL) {
        seen[count].what = "signature-log";
        seen[count++].prefix = ca_config_siglog_prefix(c);
    }
    if (c->embedded_directory != NULL) {
        seen[count].what = "embedded";
        seen[count++].prefix = c->embedded_prefix != NULL ? c->embedded_prefix : "/log";
    }
    if (c->tuf_directory != NULL) {
        seen[count].what = "tuf";
        seen[count++].prefix = c->tuf_prefix != NULL ? c->tuf_prefix : "/tuf";
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(seen[i].prefix, seen[j].prefix) == 0)
                return tm_err_set(e, "%s: '%.64s' and '%.64s' have the same prefix %s", name,
                                  seen[j].what, seen[i].what, seen[i].prefix);
        }
    }
    return 0;
}

int ca_config_check_logs(const char *name, const struct ca_config *c, struct tm_err *e)
{
    if (c->ct_logs.count > CT_LOGS_MAX)
        return tm_err_set(e, "%s: ct: %zu logs, but at most %d", name, c->ct_logs.count,
                          CT_LOGS_MAX);
    for (size_t i = 0; i < c->ct_logs.count; i++) {
        if (check_log(name, log_at(c, i), e) != 0)
            return -1;
    }
    if (c->ct_logs.count > 0 && c->ct_deadline >= c->wait_timeout)
        return tm_err_set(e, "%s: ct 'deadline' must be shorter than timeouts 'wait'", name);
    if (c->detached_sct && c->scts_required > 1)
        return tm_err_set(e,
                          "%s: ct: a reply has room for one detached SCT, 'scts-required' is %lld",
                          name, (long long)c->scts_required);
    if (check_embedded(name, c, e) != 0 || check_retired(name, c, e) != 0)
        return -1;
    return check_prefixes(name, c, e);
}

static int64_t time_of(const char *text)
{
    int64_t t = 0;
    if (text != NULL)
        (void)tm_clock_parse(text, &t); /* checked when it was read */
    return t;
}

void ca_config_ct(const struct ca_config *c, struct ca_ct_member *members, struct ca_ct_options *o)
{
    *o = (struct ca_ct_options){.members = members,
                                .count = c->ct_logs.count,
                                .scts_required = (unsigned)c->scts_required,
                                .operators_required = (unsigned)c->operators_required,
                                .deadline_ms = c->ct_deadline,
                                .detached = c->detached_sct};
    for (size_t i = 0; i < c->ct_logs.count; i++) {
        const struct ca_config_log *l = log_at(c, i);
        members[i] = (struct ca_ct_member){.log = {.name = l->name,
                                                   .url = l->url,
                                                   .public_key_file = l->public_key,
                                                   .host = l->host,
                                                   .tls_ca_file = l->tls_ca,
                                                   .not_after_start = time_of(l->not_after_start),
                                                   .not_after_limit = time_of(l->not_after_limit),
                                                   .timeout_ms = l->timeout,
                                                   .allow_http = l->allow_http},
                                           .operator_name = l->operator_name};
    }
}

void ca_config_embedded(const struct ca_config *c, struct ca_ct_embedded_options *o)
{
    *o = (struct ca_ct_embedded_options){.directory = c->embedded_directory,
                                         .origin = c->embedded_origin,
                                         .key = {.file = c->embedded_key,
                                                 .password_file = c->embedded_password_file,
                                                 .password_env = c->embedded_password_env,
                                                 .pkcs11_module = c->embedded_module,
                                                 .pkcs11_token = c->embedded_token,
                                                 .pkcs11_key = c->embedded_label,
                                                 .pin_file = c->embedded_pin_file,
                                                 .pin_env = c->embedded_pin_env},
                                         .checkpoint_interval_ms = c->checkpoint_interval,
                                         .anchor = c->embedded_anchor,
                                         .witness = c->witnesses.item,
                                         .witness_count = c->witnesses.count,
                                         .witness_quorum = (size_t)c->witness_quorum,
                                         .witness_timeout_ms = c->witness_timeout,
                                         .witness_allow_http = c->witness_allow_http};
}
