/* Whether enough logs answer for a certificate's SCTs. */
#include "ca/ct/internal.h"

static int source_ready(const struct ca_ct_source *s, struct tm_err *e)
{
    if (s->external != NULL)
        return ca_ct_log_ready(s->external, e);
    return s->embedded->ready != NULL ? s->embedded->ready(s->embedded->ctx, e) : 0;
}

int ca_ct_ready(void *ctx, struct tm_err *e)
{
    const struct ca_ct *ct = ctx;
    struct tm_err first = {0}; /* why the first of those that do not answer does not */
    unsigned long long operators = 0;
    unsigned distinct = 0;
    unsigned logs = 0;
    for (size_t i = 0; i < ct->count; i++) {
        struct tm_err why = {0};
        if (source_ready(&ct->source[i], &why) == 0) {
            logs++;
            operators |= 1ULL << ct->source[i].operator_id;
        } else if (first.text[0] == '\0') {
            first = why;
        }
    }
    for (; operators != 0; operators &= operators - 1)
        distinct++;
    if (logs >= ct->scts_required && distinct >= ct->operators_required)
        return 0;
    return tm_err_set(e,
                      "%u logs of %u operators would answer, where SCTs of %u logs of %u operators "
                      "are required: %s",
                      logs, distinct, ct->scts_required, ct->operators_required, first.text);
}
