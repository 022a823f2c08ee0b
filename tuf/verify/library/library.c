#include "tuf/verify/library/tenmint-verify.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"
#include "tuf/client/client.h"
#include "tuf/verify/bundle/artifact_signature.h"
#include "tuf/verify/bundle/verify.h"

struct tenmint_verifier {
    struct tuf_trusted_root *root; /* NULL: nobody is trusted yet */
    char *expected[IDENTITY_RULES_MAX];
    struct tuf_identity_policy policy;
    bool any_issuer, any_identity;
    bool required;
    unsigned scts, tlogs, timestamps;
    struct tuf_report report;
    struct tm_err e;
};

tenmint_verifier *tenmint_verifier_new(void)
{
    tenmint_verifier *v = calloc(1, sizeof(*v));
    if (v != NULL)
        v->scts = 1;
    return v;
}

void tenmint_verifier_free(tenmint_verifier *v)
{
    if (v == NULL)
        return;
    tuf_trusted_root_free(v->root);
    for (size_t i = 0; i < v->policy.count; i++)
        free(v->expected[i]);
    free(v);
}

const char *tenmint_message(const tenmint_verifier *v)
{
    return v->e.text;
}

static enum tenmint_outcome usage(tenmint_verifier *v, const char *what)
{
    tm_err_set(&v->e, "%s", what);
    return TENMINT_USAGE;
}

/* ---- whom to trust ---- */

static enum tenmint_outcome take_root(tenmint_verifier *v, struct tuf_trusted_root *root)
{
    if (root == NULL)
        return TENMINT_UNKNOWN;
    tuf_trusted_root_free(v->root);
    v->root = root;
    return TENMINT_OK;
}

enum tenmint_outcome tenmint_trust_file(tenmint_verifier *v, const char *trusted_root_path)
{
    return take_root(v, tuf_trusted_root_load(trusted_root_path, &v->e));
}

enum tenmint_outcome tenmint_trust_json(tenmint_verifier *v, const void *json, size_t len)
{
    return take_root(v, tuf_trusted_root_parse(json, len, &v->e));
}

static struct tuf_trusted_root *fetch(struct tuf_client *c, struct tm_err *e)
{
    struct tm_buf json = {0};
    struct tuf_trusted_root *r = NULL;
    if (tuf_client_refresh(c, e) == 0 &&
        tuf_client_read(c, "trusted_root.json", TRUSTED_ROOT_BYTES_MAX, &json, e) == 0)
        r = tuf_trusted_root_parse(json.data, json.len, e);
    tm_buf_free(&json);
    return r;
}

enum tenmint_outcome tenmint_trust_tuf(tenmint_verifier *v, const char *cache_dir,
                                       const char *root_path, const char *url)
{
    struct tm_buf root = {0};
    struct tuf_client_options o = {.dir = cache_dir,
                                   .metadata_urls = &url,
                                   .metadata_url_count = url != NULL ? 1 : 0,
                                   .offline = url == NULL};
    struct tuf_client *c = NULL;
    struct tuf_trusted_root *r = NULL;
    if (root_path == NULL || tm_file_read_text(root_path, TUF_ROOT_BYTES_MAX, &root, &v->e) == 0) {
        o.root = root.data;
        o.root_len = root.len;
        c = tuf_client_open(&o, &v->e);
    }
    if (c != NULL)
        r = fetch(c, &v->e);
    tuf_client_close(c);
    tm_buf_free(&root);
    return take_root(v, r);
}

/* ---- whom to expect ---- */

static enum tenmint_outcome expect(tenmint_verifier *v, enum tuf_identity_subject subject,
                                   const char *text, bool *any)
{
    struct tuf_identity_policy *p = &v->policy;
    if (text == NULL) {
        *any = true;
        return TENMINT_OK;
    }
    if (p->count == IDENTITY_RULES_MAX)
        return usage(v, "more rules than a verifier takes");
    char *copy = strdup(text);
    if (copy == NULL)
        return usage(v, "out of memory");
    v->expected[p->count] = copy;
    p->rule[p->count++] = (struct tuf_identity_rule){.subject = subject, .exact = copy};
    return TENMINT_OK;
}

enum tenmint_outcome tenmint_expect_issuer(tenmint_verifier *v, const char *url)
{
    return expect(v, IDENTITY_RULE_ISSUER, url, &v->any_issuer);
}

enum tenmint_outcome tenmint_expect_identity(tenmint_verifier *v, const char *name)
{
    return expect(v, IDENTITY_RULE_SAN, name, &v->any_identity);
}

enum tenmint_outcome tenmint_require(tenmint_verifier *v, unsigned scts, unsigned tlogs,
                                     unsigned timestamps)
{
    v->required = true;
    v->scts = scts;
    v->tlogs = tlogs;
    v->timestamps = timestamps;
    return TENMINT_OK;
}

static bool expects(const tenmint_verifier *v, enum tuf_identity_subject subject)
{
    for (size_t i = 0; i < v->policy.count; i++) {
        if (v->policy.rule[i].subject == subject)
            return true;
    }
    return false;
}

/* ---- verifying ---- */

static enum tenmint_outcome ready(tenmint_verifier *v)
{
    v->report = (struct tuf_report){0};
    if (v->root == NULL)
        return usage(v, "whom to trust was not said: tenmint_trust_file(), tenmint_trust_tuf()");
    if (expects(v, IDENTITY_RULE_ISSUER) == v->any_issuer)
        return usage(v, "say which issuer is expected, or that any is, and not both");
    if (expects(v, IDENTITY_RULE_SAN) == v->any_identity)
        return usage(v, "say which identity is expected, or that any is, and not both");
    return TENMINT_OK;
}

static enum tenmint_outcome run(tenmint_verifier *v, const struct tuf_bundle *b,
                                const struct tuf_artifact *artifact)
{
    const struct tuf_verify_job job = {.root = v->root,
                                       .bundle = b,
                                       .artifact = artifact,
                                       .policy = v->policy,
                                       .scts = v->scts,
                                       .tlogs = v->tlogs,
                                       .tlogs_by_time = !v->required,
                                       .timestamps = v->timestamps,
                                       .now_ms = tm_clock_wall_ms()};
    if (tuf_verify_run(&job, &v->report) == 0)
        return TENMINT_OK;
    const struct tuf_report_check *c = tuf_report_first_failure(&v->report);
    if (c != NULL)
        tm_err_set(&v->e, "%s: %s", c->name, c->detail);
    else
        tm_err_set(&v->e, "nothing was checked");
    return TENMINT_BAD;
}

enum tenmint_outcome tenmint_verify(tenmint_verifier *v, const void *bundle, size_t bundle_len,
                                    const void *artifact, size_t artifact_len)
{
    struct tuf_artifact a = {0};
    enum tenmint_outcome outcome = ready(v);
    if (outcome != TENMINT_OK)
        return outcome;
    struct tuf_bundle *b = tuf_bundle_parse(bundle, bundle_len, &v->e);
    if (b == NULL)
        return TENMINT_BAD;
    outcome = artifact != NULL && tuf_artifact_from_bytes(artifact, artifact_len, &a, &v->e) != 0
                  ? TENMINT_UNKNOWN
                  : run(v, b, artifact != NULL ? &a : NULL);
    tuf_artifact_free(&a);
    tuf_bundle_free(b);
    return outcome;
}

enum tenmint_outcome tenmint_verify_file(tenmint_verifier *v, const char *bundle_path,
                                         const char *artifact_path)
{
    struct tuf_artifact a = {0};
    enum tenmint_outcome outcome = ready(v);
    if (outcome != TENMINT_OK)
        return outcome;
    struct tuf_bundle *b = tuf_bundle_load(bundle_path, &v->e);
    if (b == NULL)
        return v->e.kind == ERR_UNAVAILABLE ? TENMINT_UNKNOWN : TENMINT_BAD;
    bool keep = b->leaf != NULL && b->content == BUNDLE_MESSAGE &&
                tuf_artifact_signature_needs_content(X509_get0_pubkey(b->leaf));
    outcome = artifact_path != NULL && tuf_artifact_open(artifact_path, keep, &a, &v->e) != 0
                  ? TENMINT_UNKNOWN
                  : run(v, b, artifact_path != NULL ? &a : NULL);
    tuf_artifact_free(&a);
    tuf_bundle_free(b);
    return outcome;
}

int tenmint_check(const tenmint_verifier *v, size_t i, const char **name, const char **detail)
{
    static const int outcomes[] = {[REPORT_PASSED] = 1, [REPORT_FAILED] = -1, [REPORT_NOTED] = 0};
    if (i >= v->report.count)
        return -2;
    *name = v->report.check[i].name;
    *detail = v->report.check[i].detail;
    return outcomes[v->report.check[i].outcome];
}
