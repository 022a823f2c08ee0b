/* What is read must write, and what was written must read as the same bytes. What is told of it
 * cannot move a cursor. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "tuf/verify/trust/trusted_root.h"

#define NOW_MS INT64_C(1767225600000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(void *arg, const char *text, bool danger)
{
    (void)arg;
    (void)text;
    (void)danger;
    abort();
}

static void hear(void *arg, const char *text)
{
    char clean[1024];
    (void)arg;
    snprintf(clean, sizeof(clean), "%s", text);
    tm_utf8_clean(clean);
    if (text[0] == '\0' || strcmp(clean, text) != 0)
        abort();
}

static void hear_change(void *arg, const char *text, bool danger)
{
    (void)danger;
    hear(arg, text);
}

/* All of it comes, and all of it goes; the same is no change. */
static void compare(const struct tuf_trusted_root *r, const struct tuf_trusted_root *same)
{
    struct tuf_trusted_root *none = tuf_trusted_root_new(NULL);
    tuf_trusted_root_diff(none, r, NOW_MS, hear_change, NULL);
    tuf_trusted_root_diff(r, none, NOW_MS, hear_change, NULL);
    tuf_trusted_root_diff(r, same, NOW_MS, fail, NULL);
    tuf_trusted_root_free(none);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_err ignored = {0};
    struct tuf_trusted_root *tolerant = tuf_trusted_root_parse(data, size, &ignored);
    struct tm_err e = {0};
    struct tm_buf first = {0};
    struct tm_buf second = {0};
    struct tuf_trusted_root *r = tuf_trusted_root_parse_strict(data, size, &e);
    if (r != NULL && tolerant == NULL)
        abort();
    tuf_trusted_root_free(tolerant);
    if (r == NULL) {
        if (e.text[0] == '\0')
            abort();
        return 0;
    }
    tuf_trusted_root_lint(r, NOW_MS, hear, NULL);
    if (tuf_trusted_root_write(r, &first, &e) != 0)
        abort();
    struct tuf_trusted_root *again = tuf_trusted_root_parse(first.data, first.len, &e);
    if (again == NULL || tuf_trusted_root_write(again, &second, &e) != 0 ||
        first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
        abort();
    compare(r, again);
    tuf_trusted_root_free(r);
    tuf_trusted_root_free(again);
    tm_buf_free(&first);
    tm_buf_free(&second);
    return 0;
}
