/* add-checkpoint bodies: what parses, written again, is the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "ca/log/witness/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct witness_request r;
    struct err e;
    struct buf again = {0};
    if (witness_request_parse(data, size, &r, &e) == 0) {
        witness_request_put(&r, &again);
        if (again.len != size || memcmp(again.data, data, size) != 0)
            abort();
    }
    buf_free(&again);
    return 0;
}
