/* Any bytes as a bundle, verified under an empty trusted root: nothing may verify. */
#include <stdint.h>
#include <stdlib.h>

#include "tuf/verify/bundle/tlog.h"
#include "tuf/verify/bundle/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct report report;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    struct artifact artifact;
    struct bundle *b = bundle_parse(data, size, &e);
    if (b == NULL) {
        if (e.text[0] == '\0')
            abort();
        return 0;
    }
    struct trusted_root *root = trusted_root_new(&e);
    if (artifact_from_bytes("x", 1, &artifact, &e) != 0)
        abort();
    struct verify_job job = {
        .root = root, .bundle = b, .artifact = &artifact, .tlogs = 1, .scts = 1, .now_ms = 1};
    report = (struct report){0};
    if (verify_run(&job, &report) == 0)
        abort();
    for (size_t i = 0; i < b->entry_count; i++) {
        if (b->leaf != NULL)
            tlog_check_body(b->entry[i], b, NULL, &artifact, &e);
    }
    artifact_free(&artifact);
    trusted_root_free(root);
    bundle_free(b);
    return 0;
}
