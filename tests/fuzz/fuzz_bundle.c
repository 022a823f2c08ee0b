/* Any bytes as a bundle, verified under an empty trusted root: nothing may verify. */
#include <stdint.h>
#include <stdlib.h>

#include "tuf/verify/bundle/tlog.h"
#include "tuf/verify/bundle/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tuf_report report;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_err e = {0};
    struct tuf_artifact artifact;
    struct tuf_bundle *b = tuf_bundle_parse(data, size, &e);
    if (b == NULL) {
        if (e.text[0] == '\0')
            abort();
        return 0;
    }
    struct tuf_trusted_root *root = tuf_trusted_root_new(&e);
    if (tuf_artifact_from_bytes("x", 1, &artifact, &e) != 0)
        abort();
    struct tuf_verify_job job = {
        .root = root, .bundle = b, .artifact = &artifact, .tlogs = 1, .scts = 1, .now_ms = 1};
    report = (struct tuf_report){0};
    if (tuf_verify_run(&job, &report) == 0)
        abort();
    for (size_t i = 0; i < b->entries.count; i++) {
        if (b->leaf != NULL)
            tuf_tlog_check_body(&b->entries.item[i], b, NULL, &artifact, &e);
    }
    tuf_artifact_free(&artifact);
    tuf_trusted_root_free(root);
    tuf_bundle_free(b);
    return 0;
}
