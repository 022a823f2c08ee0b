/* SCTs, SCT lists and their extensions: what parses is written back byte for byte. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/transparency/sct.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_again(const struct sct *s, const uint8_t *data, size_t size)
{
    struct err e = {0};
    struct buf out = {0};
    uint64_t index = 0;
    sct_put(s, &out);
    if (data != NULL && (out.len != size || memcmp(out.data, data, size) != 0))
        abort();
    (void)sct_leaf_index_get(s, &index, &e);
    if (index >> 40 != 0)
        abort();
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    struct sct s;
    size_t at = 0;
    if (sct_parse(data, size, &s, &e) == 0)
        same_again(&s, data, size);
    while (sct_list_next(data, size, &at, &s, &e) == 1)
        same_again(&s, NULL, 0);
    return 0;
}
