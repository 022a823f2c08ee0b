/* A whole verification: the input is a trusted root as JSON, a NUL, and a bundle. What verifies for
 * one artifact and identity verifies for no other, and not without the root. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "tuf/verify/bundle/verify.h"

#define NOW_MS INT64_C(1767225660000) /* a minute after the seeds were signed */
#define ISSUER "https://token.actions.githubusercontent.com"
#define IDENTITY "https://github.com/org/app/.github/workflows/release.yml@refs/heads/main"
#define ARTIFACT "what was built\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool verifies(const struct verify_job *job)
{
    static struct report r;
    char text[REPORT_TEXT_MAX];
    r = (struct report){0};
    bool ok = verify_run(job, &r) == 0;
    must(ok == report_ok(&r) && r.count > 0);
    for (size_t i = 0; i < r.count; i++) {
        memcpy(text, r.check[i].detail, sizeof(text));
        utf8_clean(text);
        must(strcmp(text, r.check[i].detail) == 0);
    }
    return ok;
}

static void must_not_verify_otherwise(const struct verify_job *good)
{
    struct err e = {0};
    struct artifact other;
    struct trusted_root *nothing = trusted_root_new(&e);
    must(nothing != NULL && artifact_from_bytes("another\n", 8, &other, &e) == 0);
    struct verify_job job = *good;
    job.artifact = &other;
    must(!verifies(&job));
    job = *good;
    job.policy.rule[1].exact = IDENTITY "x";
    must(!verifies(&job));
    job = *good;
    job.root = nothing;
    must(!verifies(&job));
    artifact_free(&other);
    trusted_root_free(nothing);
}

static void run(const struct trusted_root *root, const struct bundle *b)
{
    struct err e = {0};
    struct artifact artifact;
    must(artifact_from_bytes(ARTIFACT, strlen(ARTIFACT), &artifact, &e) == 0);
    struct verify_job job = {.root = root,
                             .bundle = b,
                             .artifact = &artifact,
                             .scts = 1,
                             .tlogs = b->entry_count > 0,
                             .timestamps = b->timestamp_count > 0,
                             .now_ms = NOW_MS,
                             .policy = {.count = 2}};
    job.policy.rule[0] = (struct identity_rule){.subject = IDENTITY_RULE_ISSUER, .exact = ISSUER};
    job.policy.rule[1] = (struct identity_rule){.subject = IDENTITY_RULE_SAN, .exact = IDENTITY};
    if (verifies(&job))
        must_not_verify_otherwise(&job);
    artifact_free(&artifact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    const uint8_t *nul = memchr(data, '\0', size);
    if (nul == NULL)
        return 0;
    size_t head = (size_t)(nul - data);
    struct trusted_root *root = trusted_root_parse(data, head, &e);
    struct bundle *b = bundle_parse(nul + 1, size - head - 1, &e);
    if (root != NULL && b != NULL)
        run(root, b);
    trusted_root_free(root);
    bundle_free(b);
    return 0;
}
