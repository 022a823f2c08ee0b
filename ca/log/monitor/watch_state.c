/* The monitor's memory: a JSON file, replaced whole. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "ca/log/monitor/watch.h"
#include "common/b64.h"
#include "common/file.h"
#include "common/json/strictjson.h"

#define STATE_MAX ((size_t)256 * 1024)
#define STATE_VERSION 1

static int read_peaks(const json_t *list, struct tm_frontier *f, struct tm_err *e)
{
    struct tm_buf b = {0};
    size_t want = tm_frontier_peaks(f->size);
    bool ok = json_is_array(list) && json_array_size(list) == want;
    for (size_t i = 0; ok && i < want; i++) {
        const json_t *v = json_array_get(list, i);
        tm_buf_reset(&b);
        ok = json_is_string(v) &&
             tm_b64_decode(B64_STD, json_string_value(v), json_string_length(v), &b) == 0 &&
             b.len == MERKLE_HASH;
        if (ok)
            memcpy(f->peak[i].b, b.data, MERKLE_HASH);
    }
    tm_buf_free(&b);
    return ok ? 0 : tm_err_set(e, "\"frontier\" does not suit its size");
}

/* Both parts must be of one tree, as far as that can be told: two roots at one size must agree. */
static int check(const struct ca_watch_state *s, struct tm_err *e)
{
    struct tm_merkle_hash root;
    if (s->at.size > s->tree.size)
        return tm_err_set(e, "it has read more entries than its checkpoint has");
    tm_frontier_root(&s->at, &root);
    if (s->at.size == s->tree.size && !tm_merkle_equal(&root, &s->tree.root))
        return tm_err_set(e, "its frontier is not its checkpoint's");
    return 0;
}

static int read_object(const json_t *o, struct ca_watch_state *out, struct tm_err *e)
{
    const char *note = tm_strictjson_str(o, "checkpoint");
    const json_t *size = json_object_get(o, "read");
    struct tm_note n;
    if (json_integer_value(json_object_get(o, "version")) != STATE_VERSION)
        return tm_err_set(e, "its version is not %d", STATE_VERSION);
    if (note == NULL || !json_is_integer(size) || json_integer_value(size) < 0)
        return tm_err_set(e, "\"checkpoint\" or \"read\" is missing");
    tm_buf_puts(&out->note, note);
    if (buf_failed(&out->note))
        return tm_err_set(e, "out of memory");
    if (tm_note_parse(out->note.data, out->note.len, &n, e) != 0)
        return -1;
    int rc = tm_checkpoint_parse(&n, &out->tree, e);
    tm_note_free(&n);
    out->at.size = (uint64_t)json_integer_value(size);
    if (rc == 0)
        rc = read_peaks(json_object_get(o, "frontier"), &out->at, e);
    if (rc == 0)
        rc = check(out, e);
    out->known = rc == 0;
    return rc;
}

int ca_watch_state_load(const char *path, struct ca_watch_state *out, struct tm_err *e)
{
    struct stat st;
    struct tm_buf text = {0};
    *out = (struct ca_watch_state){0};
    if (stat(path, &st) != 0 && errno == ENOENT)
        return 0;
    int rc = tm_file_read(path, STATE_MAX, &text, e);
    json_t *o = NULL;
    if (rc == 0) {
        o = tm_strictjson_parse((const char *)text.data, text.len, STATE_MAX, e);
        rc = o != NULL ? read_object(o, out, e) : -1;
        if (rc != 0)
            tm_err_wrap(e,
                        "state '%s' (what was seen is lost without it: restore it, or move it "
                        "away to begin anew)",
                        path);
    }
    json_decref(o);
    tm_buf_free(&text);
    if (rc != 0)
        ca_watch_state_free(out);
    return rc;
}

int ca_watch_state_save(const char *path, const struct ca_watch_state *s, struct tm_err *e)
{
    struct tm_buf b64 = {0};
    json_t *peaks = json_array();
    for (size_t i = 0; i < tm_frontier_peaks(s->at.size); i++) {
        tm_buf_reset(&b64);
        tm_b64_encode(B64_STD, s->at.peak[i].b, MERKLE_HASH, &b64);
        json_array_append_new(peaks, json_stringn((const char *)b64.data, b64.len));
    }
    json_t *o = json_pack("{s:i, s:s%, s:I, s:o}", "version", STATE_VERSION, "checkpoint",
                          (const char *)s->note.data, s->note.len, "read", (json_int_t)s->at.size,
                          "frontier", peaks);
    char *text = o != NULL ? json_dumps(o, JSON_INDENT(2)) : NULL;
    int rc = text != NULL ? tm_file_write_atomic(path, 0644, text, strlen(text), e)
                          : tm_err_set(e, "out of memory");
    free(text);
    json_decref(o);
    tm_buf_free(&b64);
    return rc == 0 ? 0 : tm_err_wrap(e, "save the state");
}

void ca_watch_state_free(struct ca_watch_state *s)
{
    tm_buf_free(&s->note);
    *s = (struct ca_watch_state){0};
}
