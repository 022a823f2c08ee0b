#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oidc/trust/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    struct oidc_trust *t = NULL;
    if (oidc_trust_parse("fuzz", (const char *)data, size, &t, &e) == 0)
        oidc_trust_unref(t);
    return 0;
}
