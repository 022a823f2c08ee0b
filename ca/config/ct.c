/* The section 'ct'. */
#include <stdio.h>
#include <string.h>

#include "ca/config/internal.h"
#include "common/clock.h"
#include "common/fetch/fetch.h"

static const struct tm_yamlmap_key log_keys[] = {
    TEXT(ct_log, "url", url),
    PATH(ct_log, "public-key", public_key),
    TEXT(ct_log, "operator", operator_name),
    TEXT(ct_log, "host", host),
    PATH(ct_log, "tls-ca", tls_ca),
    TEXT(ct_log, "not-after-start", not_after_start),
    TEXT(ct_log, "not-after-limit", not_after_limit),
    TIME(ct_log, "timeout", timeout, 100, MINUTE),
    BOOL(ct_log, "allow-http", allow_http),
    YAMLMAP_END,
};

static const struct tm_yamlmap_key embedded_keys[] = {
    PATH(embedded, "directory", directory),
    TEXT(embedded, "origin", origin),
    TEXT(embedded, "prefix", prefix),
    KEY_ROWS(embedded),
    PATH(embedded, "anchor", anchor),
    TIME(embedded, "checkpoint-interval", checkpoint_interval, 100, MINUTE),
    WITNESS_ROWS(embedded),
    YAMLMAP_END,
};

const struct tm_yamlmap_key ca_config_ct_keys[] = {
    NUMBER(ct, "scts-required", scts_required, 1, CT_LOGS_MAX),
    NUMBER(ct, "operators-required", operators_required, 1, CT_LOGS_MAX),
    TIME(ct, "deadline", deadline, 100, 10 * MINUTE),
    BOOL(ct, "detached", detached),
    YAMLMAP_SECTION_ROW(struct ca_config_ct, "embedded", embedded, embedded_keys),
    YAMLMAP_ENTRIES_ROW(struct ca_config_ct, "retired", retired, struct ca_config_retired,
                        ca_config_retired_keys),
    YAMLMAP_ENTRIES_ROW(struct ca_config_ct, "logs", logs, struct ca_config_ct_log, log_keys),
    YAMLMAP_END,
};

static const struct ca_config_ct_log *log_at(const struct ca_config_ct *c, size_t i)
{
    return &((const struct ca_config_ct_log *)c->logs.item)[i];
}

static int check_time(const char *name, const struct ca_config_ct_log *l, const char *key,
                      const char *value, struct tm_err *e)
{
    int64_t ignored;
    if (value == NULL || tm_clock_parse(value, &ignored) == 0)
        return 0;
    return tm_err_set(e, "%s: log '%.64s': '%s' must be a time such as 2026-01-01T00:00:00Z", name,
                      l->name, key);
}

static int check_log(const char *name, const struct ca_config_ct_log *l, struct tm_err *e)
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

static int check_embedded(const char *name, const struct ca_config_embedded *c, struct tm_err *e)
{
    char where[256];
    if (c->directory == NULL)
        return c->origin != NULL || ca_config_key_is_given(&c->key)
                   ? tm_err_set(e, "%s: ct 'embedded' needs 'directory'", name)
                   : 0;
    if (c->origin == NULL)
        return tm_err_set(e, "%s: ct 'embedded' needs 'origin', such as ca.example.com/log", name);
    if (ca_log_origin_check(c->origin, e) != 0 ||
        (c->prefix != NULL && tm_http_prefix_check("prefix", c->prefix, e) != 0) ||
        ca_config_check_witnesses(&c->witness, e) != 0)
        return tm_err_wrap(e, "%s: ct 'embedded'", name);
    snprintf(where, sizeof(where), "%.200s: ct 'embedded'", name);
    return ca_config_check_key(where, &c->key, e);
}

int ca_config_check_ct(const char *name, const struct ca_config *config, struct tm_err *e)
{
    const struct ca_config_ct *c = &config->ct;
    char where[256];
    if (c->logs.count > CT_LOGS_MAX)
        return tm_err_set(e, "%s: ct: %zu logs, but at most %d", name, c->logs.count, CT_LOGS_MAX);
    for (size_t i = 0; i < c->logs.count; i++) {
        if (check_log(name, log_at(c, i), e) != 0)
            return -1;
    }
    if (c->logs.count > 0 && c->deadline >= config->timeouts.wait)
        return tm_err_set(e, "%s: ct 'deadline' must be shorter than timeouts 'wait'", name);
    if (c->detached && c->scts_required > 1)
        return tm_err_set(e,
                          "%s: ct: a reply has room for one detached SCT, 'scts-required' is %lld",
                          name, (long long)c->scts_required);
    snprintf(where, sizeof(where), "%.200s: ct", name);
    return check_embedded(name, &c->embedded, e) == 0 &&
                   ca_config_check_retired(where, &c->retired, e) == 0
               ? 0
               : -1;
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
    const struct ca_config_ct *ct = &c->ct;
    *o = (struct ca_ct_options){.members = members,
                                .count = ct->logs.count,
                                .scts_required = (unsigned)ct->scts_required,
                                .operators_required = (unsigned)ct->operators_required,
                                .deadline_ms = ct->deadline,
                                .detached = ct->detached};
    for (size_t i = 0; i < ct->logs.count; i++) {
        const struct ca_config_ct_log *l = log_at(ct, i);
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

const char *ca_config_embedded_prefix(const struct ca_config *c)
{
    return c->ct.embedded.prefix != NULL ? c->ct.embedded.prefix : "/log";
}

void ca_config_embedded(const struct ca_config *config, struct ca_kept_options *o)
{
    const struct ca_config_embedded *c = &config->ct.embedded;
    *o = (struct ca_kept_options){.directory = c->directory,
                                  .origin = c->origin,
                                  .key = ca_config_key_source(&c->key),
                                  .checkpoint_interval_ms = c->checkpoint_interval,
                                  .anchor = c->anchor};
    ca_config_witness(&c->witness, o);
}
