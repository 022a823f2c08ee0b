/* Content of targets that travels with an event, so that a review on another machine can say what
 * is in them: {path: {"before": null | base64 | [base64], "after": likewise}}. Whatever an event
 * says, a content counts only for the hash that the metadata pin. */
#include <string.h>

#include "common/b64.h"
#include "common/hex.h"
#include "tuf/manager/event/internal.h"

#include <openssl/evp.h>

#define SIDE_MAX 16 /* contents of one path on one side */

static const char *const sides[] = {"before", "after"};

static const json_t *files_of(const struct tuf_event *ev)
{
    return json_object_get(ev->tree, "files");
}

/* The i-th text of a side; NULL after the last. */
static const json_t *text_at(const json_t *side, size_t i)
{
    if (json_is_array(side))
        return json_array_get(side, i);
    return i == 0 && json_is_string(side) ? side : NULL;
}

static int decode(const json_t *text, struct tm_buf *out)
{
    return tm_b64_decode(B64_STD, json_string_value(text), json_string_length(text), out);
}

/* ---- adding ---- */

static json_t *encode(const struct tm_buf *data)
{
    struct tm_buf text = {0};
    tm_b64_encode(B64_STD, data->data, data->len, &text);
    const char *s = tm_buf_str(&text);
    json_t *v = s != NULL ? json_stringn(s, text.len) : NULL;
    tm_buf_free(&text);
    return v;
}

/* Puts a text to those of a side; takes over the reference. */
static int put(json_t *entry, const char *side, json_t *text)
{
    json_t *old = json_object_get(entry, side);
    if (!json_is_string(old) && !json_is_array(old))
        return json_object_set_new(entry, side, text);
    for (size_t i = 0; text_at(old, i) != NULL; i++) {
        if (json_equal(text_at(old, i), text) == 1) {
            json_decref(text);
            return 0;
        }
    }
    if (json_is_array(old))
        return json_array_append_new(old, text);
    return json_object_set_new(entry, side, json_pack("[O, o]", old, text));
}

int tuf_event_add_content(struct tuf_event *ev, const char *path, bool after,
                          const struct tm_buf *data, struct tm_err *e)
{
    json_t *files = json_object_get(ev->tree, "files");
    json_t *entry = json_object_get(files, path);
    if (entry == NULL) {
        json_object_set_new(files, path, json_pack("{s:n, s:n}", sides[0], sides[1]));
        entry = json_object_get(files, path);
    }
    json_t *text = entry != NULL ? encode(data) : NULL;
    return text != NULL && put(entry, sides[after], text) == 0 ? 0 : tm_err_set(e, "out of memory");
}

/* ---- reading ---- */

enum tuf_content tuf_event_content(const struct tuf_event *ev, const char *path, bool after,
                                   const struct tuf_file_info *pin, struct tm_buf *out)
{
    const json_t *side = json_object_get(json_object_get(files_of(ev), path), sides[after]);
    const json_t *text;
    size_t i = 0;
    for (; (text = text_at(side, i)) != NULL; i++) {
        struct tm_buf data = {0};
        bool good = pin->hash_count > 0 && decode(text, &data) == 0 &&
                    tuf_file_check(pin, data.data, data.len, NULL) == 0;
        if (good)
            tm_buf_append(out, data.data, data.len);
        tm_buf_free(&data);
        if (good)
            return TUF_CONTENT_THERE;
    }
    return i > 0 ? TUF_CONTENT_WRONG : TUF_CONTENT_MISSING;
}

/* [sha256] of a side, or NULL with `e` set. */
static json_t *hashes_of(const json_t *side, const char *path, struct tm_err *e)
{
    json_t *out = json_array();
    const json_t *text;
    for (size_t i = 0; (text = text_at(side, i)) != NULL; i++) {
        unsigned char digest[32];
        char hex[65] = "";
        struct tm_buf data = {0};
        bool good =
            decode(text, &data) == 0 && EVP_Digest(data.len > 0 ? data.data : digest, data.len,
                                                   digest, NULL, EVP_sha256(), NULL) == 1;
        tm_buf_free(&data);
        if (good)
            tm_hex_encode(digest, sizeof(digest), hex);
        if (!good || json_array_append_new(out, json_string(hex)) != 0) {
            json_decref(out);
            tm_err_set(e, "the copy of target '%.200s' is not base64", path);
            return NULL;
        }
    }
    return out;
}

json_t *tuf_event_content_summary(const struct tuf_event *ev, struct tm_err *e)
{
    json_t *out = json_object();
    const char *path;
    json_t *entry;
    json_object_foreach((json_t *)files_of(ev), path, entry)
    {
        json_t *before = hashes_of(json_object_get(entry, sides[0]), path, e);
        json_t *after =
            before != NULL ? hashes_of(json_object_get(entry, sides[1]), path, e) : NULL;
        if (after == NULL ||
            json_object_set_new(out, path,
                                json_pack("{s:O, s:O}", sides[0], before, sides[1], after)) != 0) {
            json_decref(out);
            out = NULL;
        }
        json_decref(before);
        json_decref(after);
        if (out == NULL)
            break;
    }
    return out;
}

static bool is_side(const json_t *side)
{
    size_t count = json_is_array(side) ? json_array_size(side) : 0;
    for (size_t i = 0; i < count; i++) {
        if (!json_is_string(json_array_get(side, i)))
            return false;
    }
    return json_is_null(side) || json_is_string(side) || (count > 0 && count <= SIDE_MAX);
}

int tuf_event_content_check(const struct tuf_event *ev, struct tm_err *e)
{
    const char *path;
    json_t *entry;
    json_object_foreach((json_t *)files_of(ev), path, entry)
    {
        if (json_object_size(entry) != 2 || !is_side(json_object_get(entry, sides[0])) ||
            !is_side(json_object_get(entry, sides[1])))
            return tm_err_set(e, "the copy of target '%.200s' is not its content before and after",
                              path);
    }
    json_t *hashes = tuf_event_content_summary(ev, e);
    json_decref(hashes);
    return hashes != NULL ? 0 : -1;
}
