/* The text form of signed notes and checkpoints; signatures are in tm_note_sign.c. */
#include "common/transparency/note.h"

#include <inttypes.h>
#include <string.h>

#include "common/b64.h"
#include "common/transparency/note_internal.h"
#include "common/utf8.h"

#define KEY_ID 4
#define DASH "\xe2\x80\x94 " /* em dash, space */
#define DASH_LEN (sizeof(DASH) - 1)
#define B64_HASH 44 /* 32 bytes */

/* The code point at p, and its length; -1: not UTF-8. */
static long code_point(const unsigned char *p, size_t left, size_t *n)
{
    static const unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    *n = p[0] < 0x80 ? 1 : tm_utf8_sequence(p, left);
    if (*n == 0)
        return -1;
    long c = p[0] & first_bits[*n];
    for (size_t i = 1; i < *n; i++)
        c = (c << 6) | (p[i] & 0x3f);
    return c;
}

/* Unicode's White_Space property. */
static bool is_space(long c)
{
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

bool tm_note_name_ok(const char *name, size_t len)
{
    const unsigned char *p = (const unsigned char *)name;
    if (len == 0 || len >= NOTE_NAME_SIZE)
        return false;
    for (size_t i = 0, n = 0; i < len; i += n) {
        long c = code_point(p + i, len - i, &n);
        if (c < 0x20 || c == '+' || is_space(c))
            return false;
    }
    return true;
}

static int check_characters(const unsigned char *p, size_t len, struct tm_err *e)
{
    for (size_t i = 0, n = 0; i < len; i += n) {
        long c = code_point(p + i, len - i, &n);
        if (c < 0)
            return tm_err_set(e, "note: not UTF-8 at byte %zu", i);
        if (c < 0x20 && c != '\n')
            return tm_err_set(e, "note: control character at byte %zu", i);
    }
    return 0;
}

/* One line without its newline: dash, name, space, base64. */
static int parse_signature(const char *line, size_t len, struct tm_note *n, struct tm_err *e)
{
    if (len < DASH_LEN || memcmp(line, DASH, DASH_LEN) != 0)
        return tm_err_set(e, "note: a signature line does not begin with a dash and a space");
    if (n->count == NOTE_SIGNATURES_MAX)
        return tm_err_set(e, "note: more than %d signatures", NOTE_SIGNATURES_MAX);
    const char *name = line + DASH_LEN;
    size_t left = len - DASH_LEN;
    const char *space = memchr(name, ' ', left);
    if (space == NULL || !tm_note_name_ok(name, (size_t)(space - name)))
        return tm_err_set(e, "note: a signature line has no good key name");
    size_t name_len = (size_t)(space - name);
    size_t at = n->decoded.len;
    if (tm_b64_decode(B64_STD, space + 1, left - name_len - 1, &n->decoded) != 0)
        return tm_err_set(e, "note: signature of '%.*s' is not base64", (int)name_len, name);
    if (n->decoded.len - at <= KEY_ID)
        return tm_err_set(e, "note: signature of '%.*s' is too short", (int)name_len, name);
    struct tm_note_signature *s = &n->signature[n->count++];
    s->name = name;
    s->name_len = name_len;
    memcpy(s->id, n->decoded.data + at, KEY_ID);
    s->sig = n->decoded.data + at + KEY_ID;
    s->sig_len = n->decoded.len - at - KEY_ID;
    return 0;
}

/* The last empty line parts text and signatures. NULL: there is none. */
static const char *find_signatures(const char *p, size_t len)
{
    for (size_t i = len; i >= 2; i--) {
        if (p[i - 1] == '\n' && p[i - 2] == '\n')
            return p + i;
    }
    return NULL;
}

static int parse(const char *p, size_t len, struct tm_note *out, struct tm_err *e)
{
    if (len > NOTE_BYTES_MAX)
        return tm_err_set(e, "note: longer than %zu bytes", NOTE_BYTES_MAX);
    if (check_characters((const unsigned char *)p, len, e) != 0)
        return -1;
    const char *at = find_signatures(p, len);
    const char *end = p + len;
    if (at == NULL || at == end || end[-1] != '\n')
        return tm_err_set(e, "note: no text, empty line and signature lines");
    out->text = p;
    out->text_len = (size_t)(at - p) - 1;
    if (tm_buf_reserve(&out->decoded, len) == NULL) /* pointers into it must stay */
        return tm_err_set(e, "out of memory");
    for (const char *next = NULL; at < end; at = next + 1) {
        next = memchr(at, '\n', (size_t)(end - at));
        if (parse_signature(at, (size_t)(next - at), out, e) != 0)
            return -1;
    }
    return 0;
}

int tm_note_parse(const void *data, size_t len, struct tm_note *out, struct tm_err *e)
{
    memset(out, 0, sizeof(*out));
    int rc = parse(data, len, out, e);
    if (rc != 0)
        tm_note_free(out);
    return rc;
}

void tm_note_free(struct tm_note *n)
{
    tm_buf_free(&n->decoded);
    n->count = 0;
}

/* Takes one line off the text; false at its end. */
static bool next_line(const char **at, const char *end, const char **line, size_t *len)
{
    if (*at == end)
        return false;
    const char *nl = memchr(*at, '\n', (size_t)(end - *at));
    if (nl == NULL)
        return false;
    *line = *at;
    *len = (size_t)(nl - *at);
    *at = nl + 1;
    return true;
}

static int parse_size(const char *text, size_t len, uint64_t *out)
{
    uint64_t v = 0;
    if (len == 0 || len > 19 || (text[0] == '0' && len > 1))
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        v = v * 10 + (uint64_t)(text[i] - '0'); /* 19 digits fit */
    }
    *out = v;
    return v <= INT64_MAX ? 0 : -1;
}

static int parse_root(const char *text, size_t len, struct tm_merkle_hash *out)
{
    struct tm_buf b = {0};
    int rc = len == B64_HASH ? tm_b64_decode(B64_STD, text, len, &b) : -1;
    if (rc == 0 && b.len == MERKLE_HASH)
        memcpy(out->b, b.data, MERKLE_HASH);
    else
        rc = -1;
    tm_buf_free(&b);
    return rc;
}

int tm_checkpoint_parse_text(const char *text, size_t len, struct tm_checkpoint *out,
                             struct tm_err *e)
{
    const char *at = text;
    const char *end = text + len;
    const char *line[3];
    size_t n[3];
    *out = (struct tm_checkpoint){0};
    for (size_t i = 0; i < 3; i++) {
        if (!next_line(&at, end, &line[i], &n[i]) || n[i] == 0)
            return tm_err_set(e, "checkpoint: not an origin, a size and a root hash, a line each");
    }
    if (n[0] >= sizeof(out->origin))
        return tm_err_set(e, "checkpoint: the origin is longer than %zu bytes",
                          sizeof(out->origin) - 1);
    if (memchr(line[0], '\0', n[0]) != NULL)
        return tm_err_set(e, "checkpoint: the origin holds a NUL");
    memcpy(out->origin, line[0], n[0]);
    if (parse_size(line[1], n[1], &out->size) != 0)
        return tm_err_set(e, "checkpoint: '%.*s' is no tree size", n[1] < 32 ? (int)n[1] : 32,
                          line[1]);
    if (parse_root(line[2], n[2], &out->root) != 0)
        return tm_err_set(e, "checkpoint: the root hash is not 32 bytes in base64");
    const char *extension = NULL;
    size_t extension_len = 0;
    while (next_line(&at, end, &extension, &extension_len)) {
        out->extended = true;
        if (extension_len == 0)
            return tm_err_set(e, "checkpoint: an empty extension line");
    }
    return at == end ? 0 : tm_err_set(e, "checkpoint: it does not end with a newline");
}

int tm_checkpoint_parse(const struct tm_note *n, struct tm_checkpoint *out, struct tm_err *e)
{
    return tm_checkpoint_parse_text(n->text, n->text_len, out, e);
}

void tm_checkpoint_text(const struct tm_checkpoint *c, struct tm_buf *out)
{
    tm_buf_printf(out, "%s\n%" PRIu64 "\n", c->origin, c->size);
    tm_b64_encode(B64_STD, c->root.b, MERKLE_HASH, out);
    buf_putc(out, '\n');
}
