/* Entries of a log of signatures, as an auditor reads them: what is read can be judged and told. */
#include <stdlib.h>

#include "ca/log/monitor/match.h"
#include "ca/log/monitor/signed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct tm_entry n = {.text = data, .text_len = size};
    const struct ca_filter wants[] = {{.identity = "x", .repository = "y"},
                                      {.digest = data, .digest_len = 32},
                                      {.has_key = true}};
    struct ca_signed_entry s;
    struct tm_err e = {0};
    bool good = ca_signed_entry_read(data, size, &s, &e) == 0;
    if (good && (s.by.count == 0 || s.digest.len == 0 || s.kind == NULL || s.hash == NULL))
        abort();
    for (size_t i = 0; i < s.by.count; i++) {
        if ((s.by.item[i].certificate.len > 0) == (s.by.item[i].key.len > 0))
            abort();
    }
    for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++) {
        enum ca_filter_result r;
        if ((wants[i].digest_len == 0 || size >= 32) &&
            ca_filter_entry(&wants[i], &n, &r, &e) == 0 && !good)
            abort();
    }
    ca_signed_entry_free(&s);
    return 0;
}
