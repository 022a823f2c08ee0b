#include "tuf/manager/evidence/line.h"

#include <stdlib.h>
#include <string.h>

#include "common/json/strictjson.h"
#include "tuf/metadata/canonical.h"
#include "tuf/metadata/typesjson.h"

#define LINE_MAX_BYTES ((size_t)16 << 20)

#define TEXT(member, bits) \
    { \
        .name = #member, JSONMAP_AT(struct tuf_line, member), .kind = JSONMAP_TEXT, .flags = bits \
    }
#define VERSION(text, role) \
    { \
        .name = text, JSONMAP_AT(struct tuf_line, version[role]), .kind = JSONMAP_INTEGER, \
        .flags = JSONMAP_OMIT, .max = INT64_MAX \
    }

/* Members of other versions are under the hash, and of no matter here. */
static const struct tm_jsonmap_member line_members[] = {
    JSONMAP_NEED(struct tuf_line, "n", n, INTEGER),
    TEXT(time, 0),
    TEXT(prev, 0),
    TEXT(hash, 0),
    TEXT(what, JSONMAP_REQUIRED),
    TEXT(event, 0),
    TEXT(reason, 0),
    TEXT(digest, 0),
    VERSION("root", TUF_ROOT),
    VERSION("timestamp", TUF_TIMESTAMP),
    VERSION("snapshot", TUF_SNAPSHOT),
    VERSION("targets", TUF_TARGETS),
    TEXT(root_sha256, 0),
    TEXT(snapshot_sha256, 0),
    TEXT(holder, 0),
    TEXT(fingerprint, 0),
    JSONMAP_ROW(struct tuf_line, "key", key, OBJECT, .map = &tuf_key_map, .flags = JSONMAP_NOTED,
                .has = offsetof(struct tuf_line, has_key)),
    JSONMAP_ROW(struct tuf_line, "statement", statement, OWN, .type = &tuf_statement_type,
                .flags = JSONMAP_NOTED, .has = offsetof(struct tuf_line, states)),
    {0}};
static const struct tm_jsonmap line_map = {
    .members = line_members, .size = sizeof(struct tuf_line), .unknown = JSONMAP_IGNORE};

/* Over all but "hash". */
static int hash_of(json_t *v, char hex[65], struct tm_err *e)
{
    json_object_del(v, "hash");
    return tuf_canonical_sha256(v, hex, e);
}

int tuf_line_parse(const char *text, size_t len, struct tuf_line *out, char computed[65],
                   struct tm_err *e)
{
    *out = (struct tuf_line){0};
    json_t *v = tm_strictjson_parse(text, len, LINE_MAX_BYTES, e);
    int rc = v != NULL ? tm_jsonmap_read(v, &line_map, NULL, out, e) : -1;
    if (rc == 0)
        rc = hash_of(v, computed, e);
    json_decref(v);
    return rc;
}

int tuf_line_write(struct tuf_line *line, struct tm_buf *out, struct tm_err *e)
{
    char hex[65];
    json_t *v = tm_jsonmap_write(&line_map, line, e);
    int rc = v != NULL && hash_of(v, hex, e) == 0 ? tuf_line_set(&line->hash, hex, e) : -1;
    if (rc == 0 && json_object_set_new(v, "hash", json_string(hex)) != 0)
        rc = tm_err_set(e, "out of memory");
    char *text = rc == 0 ? json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (text != NULL) {
        tm_buf_puts(out, text);
        buf_putc(out, '\n');
    }
    if (rc == 0 && (text == NULL || buf_failed(out)))
        rc = tm_err_set(e, "out of memory");
    free(text);
    json_decref(v);
    return rc;
}

void tuf_line_free(struct tuf_line *line)
{
    tm_jsonmap_free(&line_map, line);
    *line = (struct tuf_line){0};
}

int tuf_line_set(char **place, const char *text, struct tm_err *e)
{
    char *copy = strdup(text);
    free(*place);
    *place = copy;
    return copy != NULL ? 0 : tm_err_set(e, "out of memory");
}

bool tuf_line_is(const struct tuf_line *line, const char *what)
{
    return line->what != NULL && strcmp(line->what, what) == 0;
}

bool tuf_line_is_publication(const struct tuf_line *line)
{
    return tuf_line_is(line, "published") || tuf_line_is(line, "refreshed");
}
