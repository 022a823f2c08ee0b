/* SCTs, SCT lists and their extensions: what parses is written back byte for byte. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/transparency/sct.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_again(const struct tm_sct *s, const uint8_t *data, size_t size)
{
    struct tm_err e = {0};
    struct tm_buf out = {0};
    uint64_t index = 0;
    tm_sct_put(s, &out);
    if (data != NULL && (out.len != size || memcmp(out.data, data, size) != 0))
        abort();
    (void)tm_sct_leaf_index_get(s, &index, &e);
    if (index >> 40 != 0)
        abort();
    tm_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_err e = {0};
    struct tm_sct s;
    size_t at = 0;
    if (tm_sct_parse(data, size, &s, &e) == 0)
        same_again(&s, data, size);
    while (tm_sct_list_next(data, size, &at, &s, &e) == 1)
        same_again(&s, NULL, 0);
    return 0;
}
