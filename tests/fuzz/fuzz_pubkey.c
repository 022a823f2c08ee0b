#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ca/proof/spki.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    struct proof_key k = {0};
    spki_parse(data, size, &k, &e);
    proof_key_free(&k);
    return 0;
}
