#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oidc/token/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct token t;
    enum oidc_reason reason;
    struct err e = {0};
    if (token_parse((const char *)data, size, &t, &reason, &e) == 0)
        token_free(&t);
    return 0;
}
