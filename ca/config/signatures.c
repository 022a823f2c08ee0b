/* The section 'signature-log'. */
#include <stdio.h>
#include <string.h>

#include "ca/config/internal.h"

#define OFF(member) offsetof(struct ca_config, signatures.member)
#define SHARD(member) offsetof(struct ca_config_retired, member)

static const struct tm_yamlmap_key shard_keys[] = {
    {"directory", YAMLMAP_PATH, SHARD(directory), 0, 0, NULL},
    {"public-key", YAMLMAP_PATH, SHARD(public_key), 0, 0, NULL},
    {"prefix", YAMLMAP_TEXT, SHARD(prefix), 0, 0, NULL},
    {NULL, YAMLMAP_TEXT, 0, 0, 0, NULL},
};

const struct tm_yamlmap_key ca_config_signature_keys[] = {
    {"directory", YAMLMAP_PATH, OFF(directory), 0, 0, NULL},
    {"origin", YAMLMAP_TEXT, OFF(origin), 0, 0, NULL},
    {"prefix", YAMLMAP_TEXT, OFF(prefix), 0, 0, NULL},
    CA_CONFIG_KEY_ROWS(signatures.key),
    {"anchor", YAMLMAP_PATH, OFF(anchor), 0, 0, NULL},
    {"checkpoint-interval", YAMLMAP_DURATION, OFF(checkpoint_interval), 100, 60000, NULL},
    {"retired", YAMLMAP_ENTRIES, OFF(retired), 0, sizeof(struct ca_config_retired), shard_keys},
    {NULL, YAMLMAP_TEXT, 0, 0, 0, NULL},
};

static int check_shards(const char *name, const struct ca_config_signatures *s, struct tm_err *e)
{
    const struct ca_config_retired *r = s->retired.item;
    if (s->retired.count > CA_CONFIG_RETIRED_MAX)
        return tm_err_set(e, "%s: signature-log: %zu retired logs, but at most %d are served", name,
                          s->retired.count, CA_CONFIG_RETIRED_MAX);
    for (size_t i = 0; i < s->retired.count; i++) {
        const char *missing = r[i].directory == NULL    ? "directory"
                              : r[i].public_key == NULL ? "public-key"
                              : r[i].prefix == NULL     ? "prefix"
                                                        : NULL;
        if (missing != NULL)
            return tm_err_set(e, "%s: signature-log: retired log '%.64s' needs '%s'", name,
                              r[i].name, missing);
        if (tm_http_prefix_check("prefix", r[i].prefix, e) != 0)
            return tm_err_wrap(e, "%s: signature-log: retired log '%.64s'", name, r[i].name);
    }
    return 0;
}

int ca_config_check_signatures(const char *name, const struct ca_config *c, struct tm_err *e)
{
    const struct ca_config_signatures *s = &c->signatures;
    char where[256];
    if (check_shards(name, s, e) != 0)
        return -1;
    if (s->directory == NULL)
        return s->origin != NULL || s->key.file != NULL || s->key.module != NULL
                   ? tm_err_set(e, "%s: 'signature-log' needs 'directory'", name)
                   : 0;
    if (s->origin == NULL || strchr(s->origin, '/') != NULL || strchr(s->origin, ':') != NULL ||
        ca_log_origin_check(s->origin, NULL) != 0)
        return tm_err_set(e,
                          "%s: 'signature-log' needs 'origin': the bare host name of its address, "
                          "such as rekor.example.com; clients look for that",
                          name);
    if (s->prefix != NULL && tm_http_prefix_check("prefix", s->prefix, e) != 0)
        return tm_err_wrap(e, "%s: 'signature-log'", name);
    snprintf(where, sizeof(where), "%.200s: 'signature-log'", name);
    return ca_config_check_key(where, &s->key, e);
}

const char *ca_config_siglog_prefix(const struct ca_config *c)
{
    return c->signatures.prefix != NULL ? c->signatures.prefix : "/api/v2";
}

void ca_config_siglog(const struct ca_config *c, struct ca_log_options *o)
{
    ca_log_options_default(o);
    o->directory = c->signatures.directory;
    o->origin = c->signatures.origin;
    o->anchor = c->signatures.anchor;
    if (c->signatures.checkpoint_interval > 0)
        o->checkpoint_interval_ms = c->signatures.checkpoint_interval;
}
