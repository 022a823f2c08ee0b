/* RFC 3161 responses, under a trusted root: the input is the root as JSON, a NUL, and the response.
 * What verifies was granted, over these bytes, by an authority of that root. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tuf/verify/bundle/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIGNED "a signature"

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void try_root(const struct tuf_trusted_root *root, const struct tm_buf *response)
{
    struct tm_err e = {0};
    const struct tuf_trust_entry *tsa = NULL;
    const struct tuf_trust_entry *other = NULL;
    int64_t at = 0;
    bool granted = tuf_timestamp_check_granted(response, SIGNED, strlen(SIGNED), &e) == 0;
    must(granted || e.text[0] != '\0');
    e.text[0] = '\0';
    if (tuf_timestamp_verify(root, response, SIGNED, strlen(SIGNED), &tsa, &at, &e) != 0) {
        must(tsa == NULL && e.text[0] != '\0');
        return;
    }
    must(tsa != NULL && tuf_validity_at(&tsa->valid, at) == VALIDITY_INSIDE);
    must(tuf_timestamp_verify(root, response, "another", 7, &other, &at, &e) != 0 && other == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_err e = {0};
    struct tm_buf response = {0};
    const uint8_t *nul = memchr(data, '\0', size);
    size_t head = nul != NULL ? (size_t)(nul - data) : size;
    struct tuf_trusted_root *root = tuf_trusted_root_parse(data, head, &e);
    if (root == NULL)
        root = tuf_trusted_root_new(&e);
    if (nul != NULL)
        tm_buf_append(&response, nul + 1, size - head - 1);
    if (root != NULL)
        try_root(root, &response);
    tuf_trusted_root_free(root);
    tm_buf_free(&response);
    return 0;
}
