#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/key/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What parses holds printable ASCII, and what its kind needs. */
static void check(const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        if (*text < ' ' || *text > '~')
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_key_uri u;
    struct tm_err e = {0};
    if (tm_key_uri_parse((const char *)data, size, &u, &e) != 0) {
        if (e.text[0] == '\0')
            abort();
        return 0;
    }
    check(u.path);
    for (size_t i = 0; i < KEY_URI_OPTIONS; i++)
        check(u.option[i]);
    if (tm_key_uri_is_remote(&u) ? u.path == NULL : u.option[KEY_URI_MODULE] == NULL)
        abort();
    tm_key_uri_free(&u);
    return 0;
}
