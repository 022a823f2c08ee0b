/* The section 'signature-log'. */
#include <stdio.h>
#include <string.h>

#include "ca/config/internal.h"

const struct tm_yamlmap_key ca_config_signature_keys[] = {
    PATH(signatures, "directory", directory),
    TEXT(signatures, "origin", origin),
    TEXT(signatures, "prefix", prefix),
    KEY_ROWS(signatures),
    PATH(signatures, "anchor", anchor),
    TIME(signatures, "checkpoint-interval", checkpoint_interval, 100, MINUTE),
    WITNESS_ROWS(signatures),
    PATH(signatures, "only-from", only_from),
    YAMLMAP_ENTRIES_ROW(struct ca_config_signatures, "retired", retired, struct ca_config_retired,
                        ca_config_retired_keys),
    YAMLMAP_END,
};

int ca_config_check_signatures(const char *name, const struct ca_config_signatures *s,
                               struct tm_err *e)
{
    char where[256];
    snprintf(where, sizeof(where), "%.200s: signature-log", name);
    if (ca_config_check_retired(where, &s->retired, e) != 0)
        return -1;
    if (s->directory == NULL)
        return s->origin != NULL || ca_config_key_is_given(&s->key)
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
    if (ca_config_check_witnesses(&s->witness, e) != 0)
        return tm_err_wrap(e, "%s: 'signature-log'", name);
    snprintf(where, sizeof(where), "%.200s: 'signature-log'", name);
    return ca_config_check_key(where, &s->key, e);
}

const char *ca_config_siglog_prefix(const struct ca_config *c)
{
    return c->signatures.prefix != NULL ? c->signatures.prefix : "/api/v2";
}

void ca_config_siglog(const struct ca_config *c, struct ca_kept_options *o)
{
    const struct ca_config_signatures *s = &c->signatures;
    *o = (struct ca_kept_options){.directory = s->directory,
                                  .origin = s->origin,
                                  .key = ca_config_key_source(&s->key),
                                  .checkpoint_interval_ms = s->checkpoint_interval,
                                  .anchor = s->anchor};
    ca_config_witness(&s->witness, o);
}
