#include "ca/ct/ct.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "ca/ct/internal.h"

/* More than requests can wait for, so that a log that hangs never keeps others from being asked. */
#define CT_TRANSFERS_MAX 4096

/* Logs of one operator share the index of the first of them. */
static unsigned operator_id(const struct ca_ct_options *o, size_t i)
{
    const char *mine = o->members[i].operator_name;
    for (size_t j = 0; mine != NULL && j < i; j++) {
        if (o->members[j].operator_name != NULL && strcmp(o->members[j].operator_name, mine) == 0)
            return (unsigned)j;
    }
    return (unsigned)i;
}

static int add_members(struct ca_ct *ct, const struct ca_ct_options *o, struct tm_err *e)
{
    if (o->count > CT_LOGS_MAX)
        return tm_err_set(e, "%zu logs, but at most %d", o->count, CT_LOGS_MAX);
    if (o->count > 0 && (ct->pool = tm_fetch_pool_open(o->fetch_hub, CT_TRANSFERS_MAX, e)) == NULL)
        return -1;
    for (size_t i = 0; i < o->count; i++) {
        struct ca_ct_source *s = &ct->source[ct->count];
        s->external = ca_ct_log_new(&o->members[i].log, ct->pool, o->jlog, e);
        if (s->external == NULL)
            return -1;
        s->operator_id = operator_id(o, i);
        ct->count++;
        if (o->embedded_id != NULL && ca_ct_log_has_id(s->external, o->embedded_id))
            return tm_err_set(
                e,
                "log '%s' is the embedded one, which would count twice: take it out of "
                "'logs'",
                o->members[i].log.name);
        for (size_t j = 0; j + 1 < ct->count; j++) {
            if (ct->source[j].external != NULL &&
                ca_ct_log_same_key(ct->source[j].external, s->external))
                return tm_err_set(e, "logs '%s' and '%s' have the same key", o->members[i].log.name,
                                  ca_ct_log_name(ct->source[j].external));
        }
    }
    return 0;
}

static int check_policy(const struct ca_ct *ct, struct tm_err *e)
{
    unsigned long long operators = 0;
    unsigned distinct = 0;
    for (size_t i = 0; i < ct->count; i++)
        operators |= 1ULL << ct->source[i].operator_id;
    for (; operators != 0; operators &= operators - 1)
        distinct++;
    if (ct->scts_required < 1 || ct->operators_required < 1)
        return tm_err_set(e, "at least one SCT, of one operator, must be required");
    if (ct->scts_required > ct->count)
        return tm_err_set(e, "%u SCTs are required, but there %s %zu log%s", ct->scts_required,
                          ct->count == 1 ? "is" : "are", ct->count, ct->count == 1 ? "" : "s");
    if (ct->operators_required > distinct)
        return tm_err_set(e, "SCTs of %u operators are required, but the logs have %u",
                          ct->operators_required, distinct);
    return 0;
}

struct ca_ct *ca_ct_new(const struct ca_ct_options *o, struct tm_err *e)
{
    struct ca_ct *ct = calloc(1, sizeof(*ct));
    if (ct == NULL)
        return tm_err_null(e, "out of memory");
    ct->scts_required = o->scts_required;
    ct->operators_required = o->operators_required;
    ct->deadline_ms = o->deadline_ms;
    ct->as_log = (struct ca_issue_log){.ctx = ct,
                                       .needs_precert = !o->detached,
                                       .detached = o->detached,
                                       .submit = ca_ct_submit,
                                       .collect = ca_ct_collect,
                                       .cancel = ca_ct_cancel,
                                       .ready = ca_ct_ready,
                                       .metrics = ca_ct_metrics};
    ct->chosen = &ct->as_log;
    if (o->embedded != NULL)
        ct->source[ct->count++] =
            (struct ca_ct_source){.embedded = o->embedded, .operator_id = CT_LOGS_MAX};
    if (add_members(ct, o, e) != 0 || check_policy(ct, e) != 0) {
        ca_ct_free(ct);
        return NULL;
    }
    if (o->count == 0 && o->embedded != NULL && o->embedded->detached == o->detached)
        ct->chosen = o->embedded; /* nothing to put together */
    return ct;
}

void ca_ct_free(struct ca_ct *ct)
{
    if (ct == NULL)
        return;
    tm_fetch_pool_free(ct->pool);
    for (size_t i = 0; i < ct->count; i++)
        ca_ct_log_free(ct->source[i].external);
    free(ct);
}

const struct ca_issue_log *ca_ct_issue_log(const struct ca_ct *ct)
{
    return ct->chosen;
}
