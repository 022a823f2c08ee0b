/* in-toto statements: one that names the artifact holds one of its digests. */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "tuf/verify/bundle/dsse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool holds_digest(const uint8_t *data, size_t size, const struct tuf_artifact *a)
{
    char hex[129];
    bool found = memchr(data, '\\', size) != NULL; /* it may be escaped */
    char *lower = malloc(size + 1);
    for (size_t i = 0; lower != NULL && i < size; i++)
        lower[i] = (char)tolower(data[i]);
    for (size_t i = 0; lower != NULL && i < DIGEST_COUNT; i++) {
        tm_hex_encode(a->digest[i], tuf_digest_table[i].len, hex);
        found |= memmem(lower, size, hex, strlen(hex)) != NULL;
    }
    free(lower);
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_err e = {0};
    struct tuf_artifact a;
    if (tuf_artifact_from_bytes("x", 1, &a, &e) != 0)
        abort();
    if (tuf_dsse_check_subject(data, size, &a, &e) == 0 ? !holds_digest(data, size, &a)
                                                        : e.text[0] == '\0')
        abort();
    e.text[0] = '\0';
    if (tuf_dsse_check_predicate(data, size, "https://slsa.dev/provenance/v1", &e) != 0 &&
        e.text[0] == '\0')
        abort();
    tuf_artifact_free(&a);
    return 0;
}
