/* What is read must write, and what was written must read as the same bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tuf/sigstore/trusted_root.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *arg, const char *text)
{
    (void)arg;
    if (text[0] == '\0')
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    struct buf first = {0};
    struct buf second = {0};
    struct trusted_root *r = trusted_root_parse(data, size, &e);
    if (r == NULL) {
        if (e.text[0] == '\0')
            abort();
        return 0;
    }
    trusted_root_lint(r, 1767225600000, ignore, NULL);
    if (trusted_root_write(r, &first, &e) != 0)
        abort();
    struct trusted_root *again = trusted_root_parse(first.data, first.len, &e);
    if (again == NULL || trusted_root_write(again, &second, &e) != 0 || first.len != second.len ||
        memcmp(first.data, second.data, first.len) != 0)
        abort();
    trusted_root_free(r);
    trusted_root_free(again);
    buf_free(&first);
    buf_free(&second);
    return 0;
}
