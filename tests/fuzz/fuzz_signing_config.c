/* What is read must write, and what was written must read as the same bytes; selection is safe. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tuf/verify/trust/signing_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void choose(const struct tuf_signing_config *c)
{
    const struct tuf_service *out[4];
    size_t count;
    struct tm_err e = {0};
    for (size_t k = 0; k < SERVICE_KIND_COUNT; k++) {
        if (tuf_signing_config_select(c, (enum tuf_service_kind)k, 1767225600000, 1, out, 4, &count,
                                      &e) == 0 &&
            count > 4)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_err ignored = {0};
    struct tuf_signing_config *tolerant = tuf_signing_config_parse(data, size, &ignored);
    struct tm_err e = {0};
    struct tm_buf first = {0};
    struct tm_buf second = {0};
    struct tuf_signing_config *c = tuf_signing_config_parse_strict(data, size, &e);
    if (c != NULL && tolerant == NULL)
        abort();
    tuf_signing_config_free(tolerant);
    if (c == NULL) {
        if (e.text[0] == '\0')
            abort();
        return 0;
    }
    choose(c);
    if (tuf_signing_config_write(c, &first, &e) != 0)
        abort();
    struct tuf_signing_config *again = tuf_signing_config_parse(first.data, first.len, &e);
    if (again == NULL || tuf_signing_config_write(again, &second, &e) != 0 ||
        first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
        abort();
    tuf_signing_config_free(c);
    tuf_signing_config_free(again);
    tm_buf_free(&first);
    tm_buf_free(&second);
    return 0;
}
