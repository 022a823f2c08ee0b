/* Data tiles: what parses, written again, is the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "common/transparency/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes tile = bytes_of(data, size);
    struct entry n;
    struct err e;
    struct buf again = {0};
    int rc;
    while ((rc = entry_take_tile_leaf(&tile, &n, &e)) > 0) {
        struct merkle_hash h;
        entry_leaf_hash(&n, &h);
        if (entry_put_tile_leaf(&n, &again, &e) != 0)
            abort();
    }
    if (rc == 0 && (again.len != size || (size > 0 && memcmp(again.data, data, size) != 0)))
        abort();
    buf_free(&again);
    return 0;
}
