/* Data tiles: what parses, written again, is the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "common/transparency/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_bytes tile = bytes_of(data, size);
    struct tm_entry n;
    struct tm_err e;
    struct tm_buf again = {0};
    int rc;
    while ((rc = tm_entry_take_tile_leaf(&tile, &n, &e)) > 0) {
        struct tm_merkle_hash h;
        tm_entry_leaf_hash(&n, &h);
        if (tm_entry_put_tile_leaf(&n, &again, &e) != 0)
            abort();
    }
    if (rc == 0 && (again.len != size || (size > 0 && memcmp(again.data, data, size) != 0)))
        abort();
    tm_buf_free(&again);
    return 0;
}
