#include "tuf/manager/review/textdiff.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

#define TABLE_MAX ((size_t)4 << 20) /* cells; texts of more lines are shown as replaced whole */

bool tuf_textdiff_is_text(const struct tm_buf *data)
{
    for (size_t i = 0; i < data->len;) {
        size_t n = tm_utf8_sequence(data->data + i, data->len - i);
        unsigned char c = data->data[i];
        if (n == 0 && (c > 0x7e || (c < 0x20 && strchr("\n\r\t", c) == NULL) || c == '\0'))
            return false;
        i += n > 0 ? n : 1;
    }
    return true;
}

struct line {
    const unsigned char *text;
    size_t len; /* with its line feed */
};

struct lines {
    struct line *line;
    size_t count;
};

static bool split(const struct tm_buf *data, struct lines *out)
{
    size_t count = 0;
    for (size_t i = 0; i < data->len; i++)
        count += data->data[i] == '\n' || i + 1 == data->len;
    *out = (struct lines){.line = calloc(count + 1, sizeof(struct line))};
    for (size_t i = 0; out->line != NULL && i < data->len;) {
        const unsigned char *end = memchr(data->data + i, '\n', data->len - i);
        size_t len = end != NULL ? (size_t)(end - data->data) + 1 - i : data->len - i;
        out->line[out->count++] = (struct line){data->data + i, len};
        i += len;
    }
    return out->line != NULL;
}

static bool same(const struct line *a, const struct line *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

struct writing {
    const char *indent;
    struct tm_buf *out;
    size_t max, shown, hidden;
};

static void put(struct writing *w, const char *sign, const struct line *l)
{
    size_t len = l->len;
    bool ended = l->text[len - 1] == '\n';
    if (w->shown == w->max) {
        w->hidden++;
        return;
    }
    w->shown++;
    tm_buf_puts(w->out, w->indent);
    tm_buf_puts(w->out, sign);
    tm_utf8_put(w->out, l->text, len - ended);
    tm_buf_puts(w->out, ended ? "\n" : " (no line feed)\n");
}

/* common[i * (m + 1) + j]: the longest run that a from i and b from j share. */
static uint16_t *table_of(const struct line *a, size_t n, const struct line *b, size_t m)
{
    uint16_t *common = n < UINT16_MAX && (n + 1) * (m + 1) <= TABLE_MAX
                           ? calloc((n + 1) * (m + 1), sizeof(*common))
                           : NULL;
    for (size_t i = n; common != NULL && i-- > 0;) {
        for (size_t j = m; j-- > 0;) {
            uint16_t *at = &common[i * (m + 1) + j];
            uint16_t down = at[m + 1];
            uint16_t right = at[1];
            *at = same(&a[i], &b[j]) ? (uint16_t)(at[m + 2] + 1) : down > right ? down : right;
        }
    }
    return common;
}

static void walk(struct writing *w, const struct line *a, size_t n, const struct line *b, size_t m)
{
    uint16_t *common = table_of(a, n, b, m);
    size_t i = 0;
    size_t j = 0;
    while (i < n || j < m) {
        const uint16_t *at = common != NULL && i < n && j < m ? &common[i * (m + 1) + j] : NULL;
        if (at != NULL && same(&a[i], &b[j])) {
            i++;
            j++;
        } else if (i < n && (at == NULL || at[m + 1] >= at[1])) {
            put(w, "- ", &a[i++]);
        } else {
            put(w, "+ ", &b[j++]);
        }
    }
    free(common);
}

bool tuf_textdiff_write(const struct tm_buf *before, const struct tm_buf *after, size_t max,
                        const char *indent, struct tm_buf *out)
{
    struct writing w = {.indent = indent, .out = out, .max = max};
    struct lines a = {0};
    struct lines b = {0};
    size_t first = 0;
    size_t last = 0;
    if (!split(before, &a) || !split(after, &b)) {
        out->failed = true;
    } else {
        while (first < a.count && first < b.count && same(&a.line[first], &b.line[first]))
            first++;
        while (last < a.count - first && last < b.count - first &&
               same(&a.line[a.count - 1 - last], &b.line[b.count - 1 - last]))
            last++;
        walk(&w, a.line + first, a.count - first - last, b.line + first, b.count - first - last);
    }
    if (w.hidden > 0) {
        tm_buf_puts(out, indent);
        tm_buf_printf(out, "... and %zu more lines\n", w.hidden);
    }
    free(a.line);
    free(b.line);
    return w.hidden == 0;
}
