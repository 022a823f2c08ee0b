#include "tuf/metadata/entries.h"

#include <stdlib.h>
#include <string.h>

#include "common/json/jsonparse.h"
#include "common/json/strictjson.h"
#include "tuf/metadata/build.h"
#include "tuf/metadata/canonical.h"
#include "tuf/metadata/internal.h"

/* The next byte of a string in canonical form; -1 at its closing quote. */
static int next_byte(const unsigned char **p)
{
    if (**p == '"')
        return -1;
    if (**p == '\\')
        (*p)++;
    return *(*p)++;
}

/* Byte order of the names, which is how canonical JSON sorts. Both begin at the quote. */
static int compare_names(const unsigned char *x, const unsigned char *y)
{
    int c;
    int d;
    x++;
    y++;
    do {
        c = next_byte(&x);
        d = next_byte(&y);
    } while (c == d && c >= 0);
    return c - d;
}

static int by_name(const void *a, const void *b, void *text)
{
    const unsigned char *t = text;
    return compare_names(t + ((const struct tuf_entry_span *)a)->at,
                         t + ((const struct tuf_entry_span *)b)->at);
}

static int make_room(struct tuf_entry_list *t)
{
    size_t cap = t->cap > 0 ? 2 * t->cap : 16;
    void *grown = realloc(t->entry, cap * sizeof(*t->entry));
    if (grown == NULL)
        return -1;
    t->entry = grown;
    t->cap = cap;
    return 0;
}

/* Before sealing; in any order. `len` bytes without NUL. */
static int list_add(struct tuf_entry_list *t, const char *name, size_t len, const json_t *value,
                    struct tm_err *e)
{
    if (t->count == t->cap && make_room(t) != 0)
        return tm_err_set(e, "out of memory");
    if (t->count > 0)
        buf_putc(&t->text, ',');
    size_t at = t->text.len;
    tuf_canonical_string(name, len, &t->text);
    buf_putc(&t->text, ':');
    if (tuf_canonical_write(value, &t->text, e) != 0)
        return -1;
    t->entry[t->count] = (struct tuf_entry_span){(uint32_t)at, (uint32_t)(t->text.len - at)};
    if (t->count > 0 && by_name(&t->entry[t->count - 1], &t->entry[t->count], t->text.data) >= 0)
        t->unsorted = true;
    t->count++;
    return 0;
}

/* Most files come sorted. One that does not is copied once. */
static int sort(struct tuf_entry_list *t, struct tm_err *e)
{
    struct tm_buf sorted = {0};
    qsort_r(t->entry, t->count, sizeof(*t->entry), by_name, t->text.data);
    for (size_t i = 1; i < t->count; i++) {
        const char *again = (const char *)t->text.data + t->entry[i].at;
        if (by_name(&t->entry[i - 1], &t->entry[i], t->text.data) == 0)
            return tm_err_set(e, "%.*s is listed twice",
                              t->entry[i].len < 200 ? (int)t->entry[i].len : 200, again);
    }
    (void)tm_buf_reserve(&sorted, t->text.len);
    for (size_t i = 0; i < t->count; i++) {
        if (i > 0)
            buf_putc(&sorted, ',');
        size_t at = sorted.len;
        tm_buf_append(&sorted, t->text.data + t->entry[i].at, t->entry[i].len);
        t->entry[i].at = (uint32_t)at;
    }
    tm_buf_free(&t->text);
    t->text = sorted;
    return buf_failed(&sorted) ? tm_err_set(e, "out of memory") : 0;
}

/* The members of `body` whose names come before `member`, or behind it. */
static json_t *part(const json_t *body, const char *member, bool before)
{
    json_t *out = json_object();
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)body, key, value)
    {
        int order = strcmp(key, member);
        if (order != 0 && (order < 0) == before && json_object_set(out, key, value) != 0) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

/* `head` becomes {"_type":...,"targets":{ and `tail` },"version":...} */
static int write_around(const json_t *body, const char *member, struct tm_buf *head,
                        struct tm_buf *tail, struct tm_err *e)
{
    json_t *before = part(body, member, true);
    json_t *behind = part(body, member, false);
    struct tm_buf rest = {0};
    int rc = before != NULL && behind != NULL ? 0 : tm_err_set(e, "out of memory");
    if (rc == 0)
        rc = tuf_canonical_write(before, head, e);
    if (rc == 0)
        rc = tuf_canonical_write(behind, &rest, e);
    if (rc == 0) {
        head->len--; /* the closing bracket */
        tm_buf_puts(head, json_object_size(before) > 0 ? "," : "");
        tuf_canonical_string(member, strlen(member), head);
        tm_buf_puts(head, ":{");
        tm_buf_puts(tail, json_object_size(behind) > 0 ? "}," : "}");
        tm_buf_append(tail, rest.data + 1, rest.len - 1);
    }
    json_decref(before);
    json_decref(behind);
    tm_buf_free(&rest);
    return rc;
}

int tuf_entry_list_seal(struct tuf_entry_list *t, const json_t *body, const char *member,
                        struct tm_err *e)
{
    struct tm_buf head = {0};
    struct tm_buf tail = {0};
    int rc = t->unsorted ? sort(t, e) : 0;
    if (rc == 0)
        rc = write_around(body, member, &head, &tail, e);
    if (rc == 0 && (buf_failed(&head) || buf_failed(&tail) ||
                    tm_buf_reserve(&t->text, head.len + tail.len) == NULL))
        rc = tm_err_set(e, "out of memory");
    if (rc == 0) {
        memmove(t->text.data + head.len, t->text.data, t->text.len);
        memcpy(t->text.data, head.data, head.len);
        t->text.len += head.len;
        tm_buf_append(&t->text, tail.data, tail.len);
        for (size_t i = 0; i < t->count; i++)
            t->entry[i].at += (uint32_t)head.len;
        t->sealed = true;
    }
    tm_buf_free(&head);
    tm_buf_free(&tail);
    return rc;
}

void tuf_entry_list_free(struct tuf_entry_list *t)
{
    tm_buf_free(&t->text);
    free(t->entry);
    *t = (struct tuf_entry_list){0};
}

/* The length of the name, with both quotes. */
static size_t name_len(const unsigned char *quote)
{
    const unsigned char *p = quote + 1;
    while (next_byte(&p) >= 0)
        ;
    return (size_t)(p - quote) + 1;
}

static json_t *value_of(const struct tuf_entry_list *t, const struct tuf_entry_span *s)
{
    const unsigned char *from = t->text.data + s->at;
    size_t skip = name_len(from) + 1;
    return tm_jsonparse_canonical((const char *)from + skip, s->len - skip, STRICTJSON_DEPTH_MAX,
                                  NULL);
}

static json_t *find_value(const struct tuf_entry_list *t, const char *name)
{
    struct tm_buf wanted = {0};
    size_t low = 0;
    size_t high = t->count;
    tuf_canonical_string(name, strlen(name), &wanted);
    if (buf_failed(&wanted))
        high = 0;
    json_t *found = NULL;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_names(wanted.data, t->text.data + t->entry[middle].at);
        if (order == 0) {
            found = value_of(t, &t->entry[middle]);
            break;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    tm_buf_free(&wanted);
    return found;
}

json_t *tuf_entry_list_get(const struct tuf_entry_list *t, size_t i, struct tm_buf *name)
{
    const unsigned char *p = t->text.data + t->entry[i].at + 1;
    for (int c = next_byte(&p); c >= 0; c = next_byte(&p))
        buf_putc(name, (unsigned char)c);
    return buf_failed(name) ? NULL : value_of(t, &t->entry[i]);
}

bool tuf_entry_list_look(const struct tuf_entry_list *t, const char *name, enum tuf_role role,
                         struct tuf_entry *out)
{
    json_t *v = find_value(t, name);
    bool found = v != NULL && tuf_read_entry(v, role, out, NULL) == 0;
    json_decref(v);
    return found;
}

int tuf_entry_list_read(const struct tuf_entry_list *t, size_t i, enum tuf_role role,
                        struct tm_buf *name, struct tuf_entry *out)
{
    json_t *v = tuf_entry_list_get(t, i, name);
    int rc = v != NULL && tm_buf_str(name) != NULL ? tuf_read_entry(v, role, out, NULL) : -1;
    json_decref(v);
    return rc;
}

/* ---- two lists ---- */

/* The entries with their commas: they stand side by side. */
static size_t span_of_all(const struct tuf_entry_list *t, const unsigned char **at)
{
    if (t->count == 0)
        return 0;
    const struct tuf_entry_span *last = &t->entry[t->count - 1];
    *at = t->text.data + t->entry[0].at;
    return last->at + last->len - t->entry[0].at;
}

/* Those of a sealed list into an empty one, not sealed. -1: out of memory. */
static int list_copy(const struct tuf_entry_list *from, struct tuf_entry_list *to)
{
    const unsigned char *at = NULL;
    size_t len = span_of_all(from, &at);
    if (len == 0)
        return 0;
    to->entry = malloc(from->count * sizeof(*to->entry));
    if (to->entry == NULL)
        return -1;
    tm_buf_append(&to->text, at, len);
    to->count = to->cap = from->count;
    for (size_t i = 0; i < to->count; i++) {
        to->entry[i] = from->entry[i];
        to->entry[i].at -= from->entry[0].at;
    }
    return buf_failed(&to->text) ? -1 : 0;
}

int tuf_entry_list_order(const struct tuf_entry_list *a, size_t i, const struct tuf_entry_list *b,
                         size_t j)
{
    return compare_names(a->text.data + a->entry[i].at, b->text.data + b->entry[j].at);
}

bool tuf_entry_list_same(const struct tuf_entry_list *a, size_t i, const struct tuf_entry_list *b,
                         size_t j)
{
    return a->entry[i].len == b->entry[j].len &&
           memcmp(a->text.data + a->entry[i].at, b->text.data + b->entry[j].at, a->entry[i].len) ==
               0;
}

bool tuf_entry_list_equal(const struct tuf_entry_list *a, const struct tuf_entry_list *b)
{
    const unsigned char *x = NULL;
    const unsigned char *y = NULL;
    size_t len = span_of_all(a, &x);
    return a->count == b->count && len == span_of_all(b, &y) &&
           (len == 0 || memcmp(x, y, len) == 0);
}

/* ---- on their way into metadata ---- */

struct tuf_entries *tuf_entries_new(enum tuf_role role, size_t bytes, struct tm_err *e)
{
    struct tuf_entries *t = calloc(1, sizeof(*t));
    if (t == NULL || (bytes > 0 && tm_buf_reserve(&t->list.text, bytes) == NULL)) {
        free(t);
        return tm_err_null(e, "out of memory");
    }
    t->role = role;
    return t;
}

void tuf_entries_free(struct tuf_entries *t)
{
    if (t != NULL)
        tuf_entry_list_free(&t->list);
    free(t);
}

/* The names are hostile until the file is verified: they are cut in messages. */
int tuf_entries_add(void *entries, const char *name, size_t len, json_t *value, struct tm_err *e)
{
    struct tuf_entries *t = entries;
    struct tuf_entry entry = {0};
    int shown = len < 200 ? (int)len : 200;
    if (tuf_read_entry(value, t->role, &entry, e) != 0)
        return tm_err_wrap(e, "%s '%.*s'", t->role == TUF_TARGETS ? "target" : "meta", shown, name);
    tuf_free_entry(&entry);
    return list_add(&t->list, name, len, value, e) == 0
               ? 0
               : tm_err_wrap(e, "%s '%.*s'", tuf_role_map(t->role), shown, name);
}

struct tuf_entries *tuf_entries_copy(const struct tuf_metadata *m, struct tm_err *e)
{
    struct tuf_entries *t = tuf_entries_new(m->role, 0, e);
    if (t == NULL || list_copy(&m->entries, &t->list) == 0)
        return t;
    tuf_entries_free(t);
    return tm_err_null(e, "out of memory");
}

int tuf_entries_put(struct tuf_entries *t, const char *name, const struct tuf_entry *entry,
                    struct tm_err *e)
{
    json_t *v = tuf_write_entry(entry, t->role, e);
    json_t *text = json_string(name); /* only UTF-8 is one */
    int rc = v != NULL && text != NULL
                 ? tuf_entries_add(t, name, strlen(name), v, e)
                 : tm_err_set(e, "%s '%.200s': out of memory, or its name is not UTF-8",
                              t->role == TUF_TARGETS ? "target" : "meta", name);
    json_decref(text);
    json_decref(v);
    return rc;
}
