/* Any bytes as what a transparency log stores, for each kind of entry. */
#include <openssl/ec.h>
#include <stdint.h>
#include <stdlib.h>

#include "tuf/verify/bundle/tlog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    const char *kind, *version;
    enum tuf_bundle_content content;
} kinds[] = {
    {"hashedrekord", "0.0.1", BUNDLE_MESSAGE},
    {"hashedrekord", "0.0.2", BUNDLE_MESSAGE},
    {"hashedrekord", "0.0.2", BUNDLE_DSSE},
    {"dsse", "0.0.1", BUNDLE_DSSE},
    {"dsse", "0.0.2", BUNDLE_DSSE},
    {"intoto", "0.0.2", BUNDLE_DSSE},
};

static EVP_PKEY *key;
static struct tuf_artifact artifact;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_err e = {0};
    if (key == NULL) {
        key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
        if (tuf_artifact_from_bytes("what was built\n", 15, &artifact, &e) != 0)
            abort();
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct tuf_bundle b = {.content = kinds[i].content, .payload_type = (char *)"text/plain"};
        struct tuf_log_entry entry = {.kind = (char *)kinds[i].kind,
                                      .version = (char *)kinds[i].version};
        tm_buf_puts(&b.signature, "0");
        tm_buf_append(&entry.body, data, size);
        /* The key is new in every run, so no entry can be about it. */
        if (tuf_tlog_check_body(&entry, &b, key, &artifact, &e) == 0)
            abort();
        tm_buf_free(&b.signature);
        tm_buf_free(&entry.body);
    }
    return 0;
}
