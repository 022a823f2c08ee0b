/* add-checkpoint bodies: what parses, written again, is the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "ca/log/witness/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ca_witness_request r;
    struct tm_err e;
    struct tm_buf again = {0};
    if (ca_witness_request_parse(data, size, &r, &e) == 0) {
        ca_witness_request_put(&r, &again);
        if (again.len != size || memcmp(again.data, data, size) != 0)
            abort();
    }
    tm_buf_free(&again);
    return 0;
}
