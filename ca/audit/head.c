#include "ca/audit/head.h"

#include <inttypes.h>
#include <string.h>

#include "common/json/jsonmap.h"
#include "common/json/jsonstr.h"
#include "common/utf8.h"

#define HEAD_MAX 4096 /* bytes */

struct owned { /* as jsonmap fills it */
    char *type, *node;
    int64_t seq, time_ms;
    bool dated;
    struct tm_buf hash;
};

#define ROW(text, member, of, lo, hi) \
    { \
        .name = text, JSONMAP_AT(struct owned, member), .kind = of, .flags = JSONMAP_REQUIRED, \
        .min = lo, .max = hi \
    }
static const struct tm_jsonmap_member members[] = {
    ROW("type", type, JSONMAP_TEXT, 1, 64),
    ROW("node", node, JSONMAP_TEXT, 1, 255),
    ROW("seq", seq, JSONMAP_INTEGER, 0, INT64_MAX),
    ROW("hash", hash, JSONMAP_HEX, AUDIT_HASH, AUDIT_HASH),
    JSONMAP_ROW(struct owned, "time_ms", time_ms, INTEGER, .max = INT64_MAX, .flags = JSONMAP_NOTED,
                .has = offsetof(struct owned, dated)),
    {0}};
static const struct tm_jsonmap map = {
    .members = members, .size = sizeof(struct owned), .unknown = JSONMAP_REFUSE};

void ca_audit_head_write(const char *type, const struct ca_audit_head *head, struct tm_buf *out)
{
    char hash[AUDIT_HASH_TEXT];
    ca_audit_hash_text(&head->hash, hash);
    tm_buf_printf(out, "{\"type\":\"%s\",\"node\":", type);
    tm_jsonstr_put(out, head->node, strlen(head->node));
    tm_buf_printf(out, ",\"seq\":%" PRIu64 ",\"hash\":\"%s\"", head->seq, hash);
    if (head->time_ms >= 0)
        tm_buf_printf(out, ",\"time_ms\":%" PRId64, head->time_ms);
    tm_buf_puts(out, "}");
}

int ca_audit_head_parse(const void *text, size_t len, const char *type, bool dated,
                        struct ca_audit_head *out, struct tm_err *e)
{
    struct owned o = {0};
    int rc = tm_jsonmap_parse(text, len, HEAD_MAX, &map, NULL, &o, e);
    if (rc == 0 && strcmp(o.type, type) != 0)
        rc = tm_err_set(e, "'type' is not '%s'", type);
    else if (rc == 0 && o.dated != dated)
        rc = tm_err_set(e, dated ? "'time_ms' is missing" : "unknown member 'time_ms'");
    if (rc == 0 && !tm_utf8_is_clean(o.node, strlen(o.node)))
        rc = tm_err_set(e, "'node' holds a control or an invisible character");
    if (rc == 0) {
        *out = (struct ca_audit_head){.seq = (uint64_t)o.seq, .time_ms = o.dated ? o.time_ms : -1};
        memcpy(out->node, o.node, strlen(o.node) + 1);
        memcpy(out->hash.b, o.hash.data, AUDIT_HASH);
    }
    tm_jsonmap_free(&map, &o);
    return rc;
}
