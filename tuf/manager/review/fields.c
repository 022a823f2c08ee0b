#include "tuf/manager/review/fields.h"

#include <string.h>

#include "tuf/manager/policy/words.h"

static void one(const char *indent, const struct tuf_field *f, const char *sign, struct tm_buf *out)
{
    tm_buf_puts(out, indent);
    tm_buf_puts(out, sign);
    tuf_words_safe(f->where, out);
    tm_buf_puts(out, ": ");
    tuf_words_safe(f->what, out);
    buf_putc(out, '\n');
}

/* Whether the line `label` (without its line feed) is one of `labels`. */
static bool has_label(const char *labels, const char *label, size_t len)
{
    for (const char *p = labels; *p != '\0'; p = strchr(p, '\n') + 1) {
        if (strncmp(p, label, len) == 0 && p[len] == '\n')
            return true;
    }
    return false;
}

/* The next label of `from` that `other` has too; moves *at behind it. */
static bool next_common(const char **at, const char *other, const char **label, size_t *len)
{
    while (**at != '\0') {
        *label = *at;
        *len = strcspn(*at, "\n");
        *at += *len + 1;
        if (has_label(other, *label, *len))
            return true;
    }
    return false;
}

/* What both have stands in the same order. */
static bool same_order(const char *before, const char *after)
{
    const char *a = before;
    const char *b = after;
    const char *x = NULL;
    const char *y = NULL;
    size_t n = 0;
    size_t m = 0;
    for (;;) {
        bool more = next_common(&a, after, &x, &n);
        if (more != next_common(&b, before, &y, &m))
            return false;
        if (!more)
            return true;
        if (n != m || memcmp(x, y, n) != 0)
            return false;
    }
}

static size_t changed(const struct tuf_field *was, const struct tuf_field *is, const char *indent,
                      struct tm_buf *out)
{
    if (strcmp(was->what, is->what) == 0 || (was->order && same_order(was->what, is->what)))
        return 0;
    tm_buf_puts(out, indent);
    tuf_words_safe(is->where, out);
    if (is->order) {
        tm_buf_puts(out, " changes\n");
        return 1;
    }
    tm_buf_puts(out, ": ");
    tuf_words_safe(was->what, out);
    tm_buf_puts(out, " -> ");
    tuf_words_safe(is->what, out);
    buf_putc(out, '\n');
    return 1;
}

size_t tuf_fields_difference(const struct tuf_fields *before, const struct tuf_fields *after,
                             const char *indent, struct tm_buf *out)
{
    size_t lines = 0;
    size_t i = 0;
    size_t j = 0;
    const bool all_new = before->count == 0;
    while (i < before->count || j < after->count) {
        const struct tuf_field *was = i < before->count ? &before->item[i] : NULL;
        const struct tuf_field *is = j < after->count ? &after->item[j] : NULL;
        int order = was == NULL ? 1 : is == NULL ? -1 : strcmp(was->where, is->where);
        i += order <= 0;
        j += order >= 0;
        if (order == 0) {
            lines += changed(was, is, indent, out);
        } else if (!(order < 0 ? was : is)->order) {
            one(indent, order < 0 ? was : is,
                order < 0 ? "no more: "
                : all_new ? ""
                          : "new: ",
                out);
            lines++;
        }
    }
    return lines;
}
