#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oidc/keys/jwks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    jwks_unref(jwks_parse((const char *)data, size, &e));
    return 0;
}
