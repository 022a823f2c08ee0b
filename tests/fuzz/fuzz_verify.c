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

static bool verifies(const struct tuf_verify_job *job)
{
    static struct tuf_report r;
    char text[REPORT_TEXT_MAX];
    r = (struct tuf_report){0};
    bool ok = tuf_verify_run(job, &r) == 0;
    must(ok == tuf_report_ok(&r) && r.count > 0);
    for (size_t i = 0; i < r.count; i++) {
        memcpy(text, r.check[i].detail, sizeof(text));
        tm_utf8_clean(text);
        must(strcmp(text, r.check[i].detail) == 0);
    }
    return ok;
}

static void must_not_verify_otherwise(const struct tuf_verify_job *good)
{
    struct tm_err e = {0};
    struct tuf_artifact other;
    struct tuf_trusted_root *nothing = tuf_trusted_root_new(&e);
    must(nothing != NULL && tuf_artifact_from_bytes("another\n", 8, &other, &e) == 0);
    struct tuf_verify_job job = *good;
    job.artifact = &other;
    must(!verifies(&job));
    job = *good;
    job.policy.rule[1].exact = IDENTITY "x";
    must(!verifies(&job));
    job = *good;
    job.root = nothing;
    must(!verifies(&job));
    tuf_artifact_free(&other);
    tuf_trusted_root_free(nothing);
}

static void run(const struct tuf_trusted_root *root, const struct tuf_bundle *b)
{
    struct tm_err e = {0};
    struct tuf_artifact artifact;
    must(tuf_artifact_from_bytes(ARTIFACT, strlen(ARTIFACT), &artifact, &e) == 0);
    struct tuf_verify_job job = {.root = root,
                                 .bundle = b,
                                 .artifact = &artifact,
                                 .scts = 1,
                                 .tlogs = b->entries.count > 0,
                                 .timestamps = b->timestamp_count > 0,
                                 .now_ms = NOW_MS,
                                 .policy = {.count = 2}};
    job.policy.rule[0] =
        (struct tuf_identity_rule){.subject = IDENTITY_RULE_ISSUER, .exact = ISSUER};
    job.policy.rule[1] =
        (struct tuf_identity_rule){.subject = IDENTITY_RULE_SAN, .exact = IDENTITY};
    if (verifies(&job))
        must_not_verify_otherwise(&job);
    tuf_artifact_free(&artifact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_err e = {0};
    const uint8_t *nul = memchr(data, '\0', size);
    if (nul == NULL)
        return 0;
    size_t head = (size_t)(nul - data);
    struct tuf_trusted_root *root = tuf_trusted_root_parse(data, head, &e);
    struct tuf_bundle *b = tuf_bundle_parse(nul + 1, size - head - 1, &e);
    if (root != NULL && b != NULL)
        run(root, b);
    tuf_trusted_root_free(root);
    tuf_bundle_free(b);
    return 0;
}
