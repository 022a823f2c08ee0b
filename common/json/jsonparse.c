#include "common/json/jsonparse.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/buf.h"
#include "common/json/jsonnumber.h"
#include "common/json/jsonstr.h"
#include "common/utf8.h"

struct place { /* from 0 */
    unsigned lines, columns;
};

struct parser {
    const unsigned char *start, *p, *end;
    unsigned depth_left;
    size_t values_left;
    const char *reason; /* of the first fault; p is where */
    bool raw_controls;
    enum tm_jsonnumber_beyond beyond;                /* integers of 64 bits */
    const struct tm_jsonparse_aside *aside;          /* or NULL */
    unsigned level;                                  /* open containers */
    unsigned on_path;                                /* how many of them are aside->path's */
    struct tm_jsonparse_key key[JSONPARSE_PATH_MAX]; /* of those */
    struct tm_err *e;                                /* for aside->each */
    bool refused;                                    /* by aside->each, which has set `e` */
    size_t forgotten;                                /* bytes of aside->spent */
    struct place here;                               /* where those end */
};

#define FORGET_STEP ((size_t)1 << 20) /* bytes */

static const char syntax[] = "syntax error";
static const char too_early[] = "ends too early";

static void move_on(struct place *p, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        p->lines += text[i] == '\n';
        p->columns = text[i] == '\n' ? 0 : p->columns + 1;
    }
}

static int say_fault(const struct place *p, const char *reason, struct tm_err *e)
{
    return tm_err_set(e, "JSON line %u, column %u: %s", p->lines + 1, p->columns + 1, reason);
}

int tm_jsonparse_fault(const char *text, size_t at, const char *reason, struct tm_err *e)
{
    struct place p = {0};
    move_on(&p, text, at);
    return say_fault(&p, reason, e);
}

static int fault(struct parser *s, const char *reason)
{
    if (s->reason == NULL)
        s->reason = reason;
    return -1;
}

static void skip_space(struct parser *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
        s->p++;
}

static int hex4(struct parser *s, unsigned *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++, s->p++) {
        if (s->p == s->end)
            return fault(s, too_early);
        unsigned c = *s->p;
        unsigned digit = c >= '0' && c <= '9'   ? c - '0'
                         : c >= 'a' && c <= 'f' ? c - 'a' + 10
                         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                : 16;
        if (digit == 16)
            return fault(s, syntax);
        *out = *out << 4 | digit;
    }
    return 0;
}

static void put_utf8(struct tm_buf *out, unsigned c)
{
    if (c < 0x80) {
        buf_putc(out, (unsigned char)c);
    } else if (c < 0x800) {
        buf_putc(out, (unsigned char)(0xc0 | c >> 6));
        buf_putc(out, (unsigned char)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        buf_putc(out, (unsigned char)(0xe0 | c >> 12));
        buf_putc(out, (unsigned char)(0x80 | (c >> 6 & 0x3f)));
        buf_putc(out, (unsigned char)(0x80 | (c & 0x3f)));
    } else {
        buf_putc(out, (unsigned char)(0xf0 | c >> 18));
        buf_putc(out, (unsigned char)(0x80 | (c >> 12 & 0x3f)));
        buf_putc(out, (unsigned char)(0x80 | (c >> 6 & 0x3f)));
        buf_putc(out, (unsigned char)(0x80 | (c & 0x3f)));
    }
}

/* After "\u". */
static int unicode_escape(struct parser *s, struct tm_buf *out)
{
    unsigned c = 0;
    unsigned low = 0;
    if (hex4(s, &c) != 0)
        return -1;
    if (c == 0)
        return fault(s, "NUL in a string");
    if (c >= 0xdc00 && c <= 0xdfff)
        return fault(s, syntax);
    if (c >= 0xd800 && c <= 0xdbff) {
        if (s->end - s->p < 2 || s->p[0] != '\\' || s->p[1] != 'u')
            return fault(s, syntax);
        s->p += 2;
        if (hex4(s, &low) != 0)
            return -1;
        if (low < 0xdc00 || low > 0xdfff)
            return fault(s, syntax);
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    put_utf8(out, c);
    return 0;
}

/* After the backslash. */
static int escape(struct parser *s, struct tm_buf *out)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    if (s->p == s->end)
        return fault(s, too_early);
    unsigned char c = *s->p;
    if (c == 'u') {
        s->p++;
        return unicode_escape(s, out);
    }
    const char *at = c != '\0' ? strchr(from, c) : NULL;
    if (at == NULL)
        return fault(s, syntax);
    s->p++;
    buf_putc(out, (unsigned char)to[at - from]);
    return 0;
}

/* Moves over bytes that stand for themselves; a quote, a backslash or a fault stops it. */
static int plain_run(struct parser *s)
{
    for (;;) {
        s->p += tm_jsonstr_plain(s->p, (size_t)(s->end - s->p));
        if (s->p == s->end)
            return fault(s, too_early);
        unsigned char c = *s->p;
        if (c == '"' || c == '\\')
            return 0;
        if (c < 0x20 && (c == 0 || !s->raw_controls))
            return fault(s, c == 0 ? "NUL in a string" : syntax);
        if (c < 0x80) {
            s->p++;
        } else {
            size_t n = tm_utf8_sequence(s->p, (size_t)(s->end - s->p));
            if (n == 0)
                return fault(s, "not UTF-8");
            s->p += n;
        }
    }
}

struct text { /* of a string: in the input, or in `own` when it had escapes */
    const char *at;
    size_t len;
    struct tm_buf own;
};

/* At the opening quote. tm_buf_free(&out->own) in any case. */
static int read_string(struct parser *s, struct text *out)
{
    *out = (struct text){0};
    const unsigned char *run = ++s->p;
    bool escapes = false;
    for (;;) {
        if (plain_run(s) != 0)
            return -1;
        size_t n = (size_t)(s->p - run);
        bool ends = *s->p++ == '"';
        if (ends && !escapes) {
            out->at = (const char *)run;
            out->len = n;
            return 0;
        }
        tm_buf_append(&out->own, run, n);
        if (ends)
            break;
        escapes = true;
        if (escape(s, &out->own) != 0)
            return -1;
        run = s->p;
    }
    out->at = tm_buf_str(&out->own);
    out->len = out->own.len;
    return out->at != NULL ? 0 : fault(s, "out of memory");
}

static json_t *read_number(struct parser *s)
{
    const char *reason = NULL;
    json_t *v = tm_jsonnumber(&s->p, s->end, s->beyond, &reason);
    if (reason != NULL)
        fault(s, reason);
    return v;
}

static json_t *read_word(struct parser *s)
{
    const unsigned char *from = s->p;
    while (s->p < s->end && ((*s->p >= 'a' && *s->p <= 'z') || (*s->p >= 'A' && *s->p <= 'Z')))
        s->p++;
    size_t n = (size_t)(s->p - from);
    if (n == 4 && memcmp(from, "null", 4) == 0)
        return json_null();
    if (n == 4 && memcmp(from, "true", 4) == 0)
        return json_true();
    if (n == 5 && memcmp(from, "false", 5) == 0)
        return json_false();
    s->p = from;
    fault(s, syntax);
    return NULL;
}

static json_t *read_value(struct parser *s);

/* A key and the colon. tm_buf_free(&key->own) in any case. */
static int read_key(struct parser *s, struct text *key)
{
    *key = (struct text){0};
    if (s->p == s->end)
        return fault(s, too_early);
    if (*s->p != '"')
        return fault(s, syntax);
    return read_string(s, key);
}

static int read_colon(struct parser *s)
{
    skip_space(s);
    if (s->p == s->end)
        return fault(s, too_early);
    return *s->p++ == ':' ? 0 : fault(s, syntax);
}

static json_t *read_aside(struct parser *s);

static bool key_is(const struct text *key, const char *wanted)
{
    return wanted == NULL || (strlen(wanted) == key->len && memcmp(wanted, key->at, key->len) == 0);
}

/* Moved out of a text that is forgotten before the key is used. */
static int keep_key(struct text *key)
{
    if (key->at == (const char *)key->own.data)
        return 0;
    tm_buf_append(&key->own, key->at, key->len);
    key->at = tm_buf_str(&key->own);
    return key->at != NULL ? 0 : -1;
}

static json_t *read_member_value(struct parser *s, struct text *key)
{
    if (s->aside == NULL || s->on_path + 1 != s->level || s->on_path >= s->aside->depth ||
        !key_is(key, s->aside->path[s->on_path]))
        return read_value(s);
    if (s->aside->spent != NULL && keep_key(key) != 0) {
        fault(s, "out of memory");
        return NULL;
    }
    s->key[s->on_path++] = (struct tm_jsonparse_key){key->at, key->len};
    json_t *v = s->on_path == s->aside->depth ? read_aside(s) : read_value(s);
    s->on_path--;
    return v;
}

/* One "key": value. */
static int read_member(struct parser *s, json_t *obj)
{
    struct text key;
    int rc = read_key(s, &key);
    if (rc == 0 && json_object_getn(obj, key.at, key.len) != NULL)
        rc = fault(s, "duplicate key");
    if (rc == 0)
        rc = read_colon(s);
    json_t *v = rc == 0 ? read_member_value(s, &key) : NULL;
    if (v == NULL)
        rc = -1;
    else if (json_object_setn_new_nocheck(obj, key.at, key.len, v) != 0)
        rc = fault(s, "out of memory");
    tm_buf_free(&key.own);
    return rc;
}

static int read_element(struct parser *s, json_t *array)
{
    json_t *v = read_value(s);
    if (v == NULL)
        return -1;
    return json_array_append_new(array, v) == 0 ? 0 : fault(s, "out of memory");
}

/* Nothing of what has been read is looked at again, but by a fault that tells where it is. */
static void forget(struct parser *s)
{
    size_t done = (size_t)(s->p - s->start);
    if (s->aside->spent == NULL || done - s->forgotten < FORGET_STEP)
        return;
    move_on(&s->here, (const char *)s->start + s->forgotten, done - s->forgotten);
    tm_buf_forget(s->aside->spent, s->forgotten, done);
    s->forgotten = done;
}

/* As read_member, but the value goes to aside->each and not into the object. */
static int read_entry(struct parser *s, json_t *obj)
{
    struct text key;
    (void)obj;
    int rc = read_key(s, &key);
    if (rc == 0)
        rc = read_colon(s);
    json_t *v = rc == 0 ? read_value(s) : NULL;
    if (v == NULL)
        rc = -1;
    else if (s->aside->each(s->aside->arg, key.at, key.len, v, s->e) != 0)
        s->refused = true;
    json_decref(v);
    tm_buf_free(&key.own);
    forget(s);
    return s->refused ? -1 : rc;
}

/* At the opening bracket; one loop for all kinds. Takes over `c`. */
static json_t *read_items(struct parser *s, json_t *c, unsigned char close,
                          int (*item)(struct parser *, json_t *))
{
    s->p++;
    if (s->depth_left == 0 || c == NULL) {
        fault(s, c == NULL ? "out of memory" : "nested deeper than allowed");
        json_decref(c);
        return NULL;
    }
    s->depth_left--;
    s->level++;
    skip_space(s);
    bool more = !(s->p < s->end && *s->p == close);
    if (!more)
        s->p++;
    while (more) {
        skip_space(s);
        if (item(s, c) != 0)
            goto bad;
        skip_space(s);
        if (s->p == s->end) {
            fault(s, too_early);
            goto bad;
        }
        more = *s->p == ',';
        if (!more && *s->p != close) {
            fault(s, syntax);
            goto bad;
        }
        s->p++;
    }
    s->depth_left++;
    s->level--;
    return c;
bad:
    json_decref(c);
    return NULL;
}

/* An object of which only an empty one stays; any other value is read as always. */
static json_t *read_aside(struct parser *s)
{
    skip_space(s);
    bool object = s->p < s->end && *s->p == '{';
    if (object && s->aside->begin != NULL) {
        int wanted = s->aside->begin(s->aside->arg, s->key, s->e);
        s->refused = wanted < 0;
        if (s->refused)
            return NULL;
        object = wanted > 0;
    }
    return object ? read_items(s, json_object(), '}', read_entry) : read_value(s);
}

static json_t *read_value(struct parser *s)
{
    skip_space(s);
    if (s->p == s->end) {
        fault(s, too_early);
        return NULL;
    }
    if (s->values_left == 0) {
        fault(s, "more values than allowed");
        return NULL;
    }
    s->values_left--;
    if (*s->p == '"') {
        struct text t;
        json_t *v = read_string(s, &t) == 0 ? json_stringn_nocheck(t.at, t.len) : NULL;
        tm_buf_free(&t.own);
        return v;
    }
    if (*s->p == '{')
        return read_items(s, json_object(), '}', read_member);
    if (*s->p == '[')
        return read_items(s, json_array(), ']', read_element);
    if (*s->p == '-' || (*s->p >= '0' && *s->p <= '9'))
        return read_number(s);
    return read_word(s);
}

/* Returns NULL. */
static json_t *refuse(struct parser *s, const char *reason, struct tm_err *e)
{
    const unsigned char *rest = s->start + s->forgotten;
    move_on(&s->here, (const char *)rest, (size_t)(s->p - rest));
    say_fault(&s->here, reason, e);
    return NULL;
}

static json_t *run(struct parser *s, size_t *used, struct tm_err *e)
{
    json_t *v = read_value(s);
    if (v == NULL)
        return s->refused ? NULL : refuse(s, s->reason != NULL ? s->reason : "out of memory", e);
    skip_space(s);
    *used = (size_t)(s->p - s->start);
    return v;
}

/* The same of a text that holds nothing else. */
static json_t *run_whole(struct parser *s, struct tm_err *e)
{
    size_t used = 0;
    json_t *v = run(s, &used, e);
    if (v == NULL || s->p == s->end)
        return v;
    json_decref(v);
    return refuse(s, "something follows the value", e);
}

static struct parser parser_of(const char *text, size_t len, unsigned max_depth, size_t max_values)
{
    const unsigned char *p = (const unsigned char *)(text != NULL ? text : "");
    return (struct parser){
        .start = p, .p = p, .end = p + len, .depth_left = max_depth, .values_left = max_values};
}

json_t *tm_jsonparse(const char *text, size_t len, unsigned max_depth, size_t max_values,
                     size_t *used, struct tm_err *e)
{
    struct parser s = parser_of(text, len, max_depth, max_values);
    return run(&s, used, e);
}

json_t *tm_jsonparse_wide(const char *text, size_t len, unsigned max_depth, size_t *used,
                          struct tm_err *e)
{
    struct parser s = parser_of(text, len, max_depth, SIZE_MAX);
    s.beyond = JSONNUMBER_REAL;
    return run(&s, used, e);
}

json_t *tm_jsonparse_aside(const char *text, size_t len, unsigned max_depth,
                           const struct tm_jsonparse_aside *aside, struct tm_err *e)
{
    struct parser s = parser_of(text, len, max_depth, SIZE_MAX);
    s.aside = aside;
    s.beyond = JSONNUMBER_DIGITS;
    s.e = e;
    return run_whole(&s, e);
}

json_t *tm_jsonparse_canonical(const char *text, size_t len, unsigned max_depth, struct tm_err *e)
{
    struct parser s = parser_of(text, len, max_depth, SIZE_MAX);
    s.raw_controls = true;
    s.beyond = JSONNUMBER_DIGITS;
    return run_whole(&s, e);
}
