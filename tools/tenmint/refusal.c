#include "tools/tenmint/refusal.h"

#include "common/fetch/again.h"
#include "common/json/jsonmap.h"

#define REFUSAL_MAX ((size_t)64 * 1024)

struct refusal {
    char *message;
};

static const struct tm_jsonmap_member members[] = {
    JSONMAP_ROW(struct refusal, "message", message, TEXT), {0}};
static const struct tm_jsonmap map = {
    .members = members, .size = sizeof(struct refusal), .unknown = JSONMAP_IGNORE};

char *refusal_message(const struct tm_fetch_response *r)
{
    struct refusal out = {0};
    struct tm_err ignored = {0};
    const char *text = r->body.data != NULL ? (const char *)r->body.data : "";
    if (tm_jsonmap_parse(text, r->body.len, REFUSAL_MAX, &map, NULL, &out, &ignored) != 0)
        tm_jsonmap_free(&map, &out);
    return out.message;
}

int refusal_mark(const struct tm_fetch_response *r, struct tm_err *e)
{
    return tm_err_mark(e, tm_fetch_may_pass(0, r) ? ERR_UNAVAILABLE : ERR_BAD);
}
