#include "ca/audit/line.h"

#include <stdlib.h>

#include "common/json/jsonmap.h"

#define LINE_MAX_BYTES ((size_t)1 << 20)

struct owned { /* as jsonmap fills it */
    int64_t seq, time_ms;
    char *node, *process, *kind;
    char *field[AUDIT_FIELD_COUNT];
};

struct ca_audit_line {
    struct owned owned;
    struct ca_audit_record record;
};

#define TEXT_ROW(text, member) \
    { \
        .name = text, JSONMAP_AT(struct owned, member), .kind = JSONMAP_TEXT, \
        .max = AUDIT_TEXT_MAX \
    }
#define FIELD_ROW(text, what) TEXT_ROW(#text, field[AUDIT_FIELD_##text]),

static const struct tm_jsonmap_member members[] = {
    JSONMAP_ROW(struct owned, "seq", seq, INTEGER, .max = INT64_MAX),
    JSONMAP_NEED(struct owned, "time_ms", time_ms, INTEGER, .max = INT64_MAX),
    TEXT_ROW("node", node),
    TEXT_ROW("process", process),
    JSONMAP_NEED(struct owned, "kind", kind, TEXT, .min = 1, .max = 64),
    AUDIT_FIELDS(FIELD_ROW){0}};
static const struct tm_jsonmap map = {
    .members = members, .size = sizeof(struct owned), .unknown = JSONMAP_REFUSE};

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

struct ca_audit_line *ca_audit_line_read(const void *text, size_t len, struct tm_err *e)
{
    struct ca_audit_line *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return tm_err_null(e, "out of memory");
    if (tm_jsonmap_parse(text, len, LINE_MAX_BYTES, &map, NULL, &l->owned, e) != 0) {
        ca_audit_line_free(l);
        return NULL;
    }
    const struct owned *o = &l->owned;
    l->record = (struct ca_audit_record){.seq = (uint64_t)o->seq,
                                         .time_ms = o->time_ms,
                                         .node = or_empty(o->node),
                                         .process = or_empty(o->process),
                                         .kind = o->kind};
    for (size_t i = 0; i < AUDIT_FIELD_COUNT; i++)
        ca_audit_set_text(&l->record.event, i, o->field[i]);
    return l;
}

const struct ca_audit_record *ca_audit_line_record(const struct ca_audit_line *l)
{
    return &l->record;
}

void ca_audit_line_free(struct ca_audit_line *l)
{
    if (l == NULL)
        return;
    tm_jsonmap_free(&map, &l->owned);
    free(l);
}
