#include "tools/shared/printed.h"
#include "tools/tenmint/verify_output.h"

#include <stdio.h>
#include <jansson.h>
#include <stdlib.h>

static const char *const words[] = {
    [REPORT_PASSED] = "ok",
    [REPORT_FAILED] = "FAILED",
    [REPORT_NOTED] = "note",
};

void verify_output_text(const struct tuf_verify_job *job, const struct tuf_report *r)
{
    (void)job;
    for (size_t i = 0; i < r->count; i++) {
        const struct tuf_report_check *c = &r->check[i];
        printf("%-6s  %-12s %s\n", words[c->outcome], c->name, c->detail);
        if (c->remedy[0] != '\0')
            printf("        %-12s would pass: %s\n", "", c->remedy);
    }
    printf("%s\n", tuf_report_ok(r) ? "verified" : "NOT VERIFIED");
    const struct tuf_report_check *bad = tuf_report_first_failure(r);
    fflush(stdout);
    if (bad != NULL)
        fprintf(stderr, "tenmint: not verified: %s: %s\n", bad->name, bad->detail);
}

/* Absent, damaged or doubled: null. */
static json_t *text_or_null(int found, struct tm_buf *b)
{
    json_t *v = found == 1 ? json_stringn((const char *)b->data, b->len) : NULL;
    tm_buf_free(b);
    return v != NULL ? v : json_null();
}

/* What the certificate says; true only as far as the checks passed. */
static json_t *certificate(X509 *leaf)
{
    json_t *v = json_object();
    json_t *extensions = json_object();
    struct tm_buf text = {0};
    struct tm_err e = {0};
    enum tm_identity_san_kind kind;
    int found = tuf_identity_issuer(leaf, &text, &e);
    json_object_set_new(v, "issuer", text_or_null(found, &text));
    found = tuf_identity_san(leaf, &text, &kind, &e) == 0 ? 1 : 0;
    json_object_set_new(v, "identity", text_or_null(found, &text));
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT; i++) {
        const char *name = tuf_identity_policy_name((enum tm_identity_field)i);
        if (name == NULL)
            continue;
        found = tuf_identity_extension(leaf, (enum tm_identity_field)i, &text, &e);
        json_t *value = text_or_null(found, &text);
        if (found == 1)
            json_object_set(extensions, name, value);
        json_decref(value);
    }
    json_object_set_new(v, "extensions", extensions);
    return v;
}

void verify_output_json(const struct tuf_verify_job *job, const struct tuf_report *r)
{
    static const char *const outcomes[] = {
        [REPORT_PASSED] = "passed", [REPORT_FAILED] = "failed", [REPORT_NOTED] = "note"};
    json_t *checks = json_array();
    json_t *v = json_pack("{s:b}", "verified", tuf_report_ok(r));
    for (size_t i = 0; i < r->count; i++) {
        const struct tuf_report_check *c = &r->check[i];
        json_t *one = json_pack("{s:s,s:s,s:s}", "check", c->name, "outcome", outcomes[c->outcome],
                                "detail", c->detail);
        if (c->remedy[0] != '\0')
            json_object_set_new(one, "would_pass", json_string(c->remedy));
        json_array_append_new(checks, one);
    }
    json_object_set_new(v, "checks", checks);
    if (job->bundle->leaf != NULL)
        json_object_set_new(v, "certificate", certificate(job->bundle->leaf));
    (void)cli_print_json_indented(v, NULL);
}
