/* Discovery documents: what is taken is the named issuer's, and an https issuer's keys come by
 * https. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oidc/keys/discovery.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_issuer(const uint8_t *data, size_t size, const char *iss)
{
    struct tm_err e = {0};
    char *uri = oidc_discovery_parse((const char *)data, size, iss, &e);
    if (uri == NULL ? e.text[0] == '\0'
                    : strncmp(iss, "https:", 6) == 0 && strncmp(uri, "https://", 8) != 0)
        abort();
    if (uri != NULL && memmem(data, size, "issuer", 6) == NULL && memchr(data, '\\', size) == NULL)
        abort();
    free(uri);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_issuer(data, size, "https://a.b");
    try_issuer(data, size, "http://[::1]:1");
    return 0;
}
