/* tenmint verify: a certificate, a signature or a bundle against the trusted root. */
#include <ctype.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/certs.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/pem.h"
#include "tools/tenmint/commands.h"
#include "tools/tenmint/scts.h"
#include "tools/tenmint/trust.h"
#include "tools/tenmint/verify_output.h"
#include "tuf/verify/bundle/artifact_signature.h"

#define SIGNATURE_FILE_MAX 16384
#define TIMESTAMP_FILE_MAX 65536
#define KEY_FILE_MAX 16384
#define THRESHOLD_MAX 16

struct line { /* the command line */
    struct trust_source trust;
    const char *trusted_root;
    const char *bundle;
    const char *certificate;
    const char *signature;
    struct cli_list timestamp_files;
    const char *key;
    struct cli_digest digest;
    bool no_artifact;
    const char *predicate_type;
    const char *issuer, *issuer_regexp;
    const char *identity, *identity_regexp;
    bool any_issuer, any_identity;
    struct cli_pairs extensions, extension_regexps;
    const char *sct; /* came beside the certificate */
    struct cli_amount scts, tlogs, timestamps;
    struct cli_time at;
    bool json;
    const char *artifact; /* positional; NULL: none */
};

struct work { /* what the command line led to; owned */
    struct tuf_trusted_root *root;
    struct tuf_bundle *bundle;
    EVP_PKEY *key;
    struct tuf_artifact artifact;
    struct tm_buf detached; /* SCT list */
    struct tm_pattern *pattern[IDENTITY_RULES_MAX];
    size_t patterns;
    char *name[IDENTITY_RULES_MAX]; /* extension names, cut from "NAME=VALUE" */
    size_t names;
    struct tuf_verify_job job;
};

static void work_free(struct work *w)
{
    tuf_trusted_root_free(w->root);
    tuf_bundle_free(w->bundle);
    EVP_PKEY_free(w->key);
    tuf_artifact_free(&w->artifact);
    tm_buf_free(&w->detached);
    for (size_t i = 0; i < w->patterns; i++)
        tm_pattern_free(w->pattern[i]);
    for (size_t i = 0; i < w->names; i++)
        free(w->name[i]);
}

/* --- the command line's sense (usage errors) --- */

static int check_inputs(const struct line *l, struct tm_err *e)
{
    if ((l->bundle != NULL) == (l->certificate != NULL))
        return tm_err_set(
            e, "give either --bundle FILE or --certificate FILE (with --signature FILE)");
    if (l->bundle != NULL && (l->signature != NULL || l->timestamp_files.count > 0))
        return tm_err_set(
            e, "--signature and --timestamp go with --certificate: a bundle holds its own");
    if (l->trusted_root != NULL &&
        (l->trust.dir != NULL || l->trust.root != NULL || l->trust.metadata_urls.count > 0))
        return tm_err_set(e,
                          "--trusted-root FILE stands alone: --dir, --root and --metadata-url are "
                          "about the TUF repository that holds another one");
    if (l->key != NULL && l->sct != NULL)
        return tm_err_set(e, "--sct is about a certificate, --key about a signature without one");
    if (l->key != NULL && l->bundle == NULL)
        return tm_err_set(e, "--key goes with --bundle: a certificate holds its key");
    if (l->artifact != NULL && l->digest.len > 0)
        return tm_err_set(e, "give the artifact or its --digest, not both");
    if (l->no_artifact && (l->artifact != NULL || l->digest.len > 0))
        return tm_err_set(e, "--no-artifact contradicts the artifact given");
    if (l->certificate != NULL && l->signature == NULL &&
        (l->artifact != NULL || l->digest.len > 0))
        return tm_err_set(e, "an artifact needs --signature FILE (or --bundle FILE)");
    return 0;
}

/* Fails closed: whoever does not say whom to expect must say so. */
static int check_policy(const struct line *l, struct tm_err *e)
{
    bool issuer = l->issuer != NULL || l->issuer_regexp != NULL;
    bool identity = l->identity != NULL || l->identity_regexp != NULL;
    bool extension = l->extensions.count + l->extension_regexps.count > 0;
    if (l->key != NULL)
        return issuer || identity || extension || l->any_issuer || l->any_identity
                   ? tm_err_set(
                         e, "a key has no identity: --key goes without --issuer, --identity and "
                            "--extension")
                   : 0;
    if (issuer && l->any_issuer)
        return tm_err_set(e, "--any-issuer contradicts --issuer");
    if (identity && l->any_identity)
        return tm_err_set(e, "--any-identity contradicts --identity");
    if (!issuer && !l->any_issuer)
        return tm_err_set(e,
                          "whom do you trust to say who signed? --issuer URL (or --issuer-regexp, "
                          "or --any-issuer to accept every issuer of this CA)");
    if (!identity && !extension && !l->any_identity)
        return tm_err_set(e, "whose signature do you expect? --identity NAME, --identity-regexp or "
                             "--extension NAME=VALUE (or --any-identity to accept everyone)");
    return 0;
}

/* --- the policy --- */

static int add_rule(struct work *w, struct tuf_identity_rule rule, const char *regexp,
                    struct tm_err *e)
{
    struct tuf_identity_policy *p = &w->job.policy;
    if (p->count == IDENTITY_RULES_MAX)
        return tm_err_set(e, "more than %d rules", IDENTITY_RULES_MAX);
    if (regexp != NULL) {
        rule.pattern = tm_pattern_new(regexp, PATTERN_WHOLE, e);
        rule.source = regexp;
        if (rule.pattern == NULL)
            return -1;
        w->pattern[w->patterns++] = rule.pattern;
    }
    p->rule[p->count++] = rule;
    return 0;
}

static int add_extension(struct work *w, const struct cli_pair *x, bool regexp, struct tm_err *e)
{
    struct tuf_identity_rule rule = {.subject = IDENTITY_RULE_EXTENSION};
    if (w->names == IDENTITY_RULES_MAX)
        return tm_err_set(e, "more than %d rules", IDENTITY_RULES_MAX);
    char *name = strndup(x->name, x->name_len);
    if (name == NULL)
        return tm_err_set(e, "out of memory");
    w->name[w->names++] = name;
    if (tuf_identity_field_by_name(name, &rule.field, e) != 0)
        return -1;
    rule.exact = regexp ? NULL : x->value;
    return add_rule(w, rule, regexp ? x->value : NULL, e);
}

static int build_policy(const struct line *l, struct work *w, struct tm_err *e)
{
    const struct {
        enum tuf_identity_subject subject;
        const char *exact, *regexp;
    } plain[] = {{IDENTITY_RULE_ISSUER, l->issuer, NULL},
                 {IDENTITY_RULE_ISSUER, NULL, l->issuer_regexp},
                 {IDENTITY_RULE_SAN, l->identity, NULL},
                 {IDENTITY_RULE_SAN, NULL, l->identity_regexp}};
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        const struct tuf_identity_rule rule = {.subject = plain[i].subject,
                                               .exact = plain[i].exact};
        if ((plain[i].exact != NULL || plain[i].regexp != NULL) &&
            add_rule(w, rule, plain[i].regexp, e) != 0)
            return -1;
    }
    for (size_t i = 0; i < l->extensions.count; i++) {
        if (add_extension(w, &l->extensions.item[i], false, e) != 0)
            return -1;
    }
    for (size_t i = 0; i < l->extension_regexps.count; i++) {
        if (add_extension(w, &l->extension_regexps.item[i], true, e) != 0)
            return -1;
    }
    return 0;
}

static int build_job(const struct line *l, struct work *w, struct tm_err *e)
{
    struct tuf_verify_job *j = &w->job;
    j->predicate_type = l->predicate_type;
    j->artifact_waived = l->no_artifact;
    j->now_ms = tm_clock_wall_ms();
    j->has_at = l->at.given;
    j->at_ms = l->at.ms;
    j->scts = (size_t)l->scts.value;
    j->tlogs = (size_t)l->tlogs.value;
    j->timestamps = (size_t)l->timestamps.value;
    return build_policy(l, w, e);
}

/* --- files --- */

/* Raw bytes, or base64 text as cosign writes it. */
static int read_signature(const char *path, struct tm_buf *out, struct tm_err *e)
{
    struct tm_buf file = {0};
    if (tm_file_read(path, SIGNATURE_FILE_MAX, &file, e) != 0) {
        tm_buf_free(&file);
        return -1;
    }
    size_t len = file.len;
    while (len > 0 && isspace(file.data[len - 1]))
        len--;
    if (len == 0 || tm_b64_decode(B64_STD, (const char *)file.data, len, out) != 0)
        tm_buf_append(out, file.data, file.len);
    tm_buf_free(&file);
    if (buf_failed(out))
        return tm_err_set(e, "out of memory");
    return out->len > 0 ? 0 : tm_err_set(e, "signature '%s' is empty", path);
}

/* A certificate with what lies beside it, in a bundle's shape. */
static struct tuf_bundle *gather(const struct line *l, struct tm_err *e)
{
    struct tuf_bundle *b = tuf_bundle_new(e);
    STACK_OF(X509) *certs = b != NULL ? tm_certs_load_given(l->certificate, e) : NULL;
    int rc = certs != NULL ? 0 : -1;
    if (rc == 0)
        b->leaf = sk_X509_shift(certs);
    if (rc == 0 && l->signature != NULL) {
        b->content = BUNDLE_MESSAGE;
        rc = read_signature(l->signature, &b->signature, e);
    }
    if (rc == 0 && l->timestamp_files.count > BUNDLE_TIMESTAMPS_MAX)
        rc = tm_err_set(e, "more than %d timestamps", BUNDLE_TIMESTAMPS_MAX);
    for (size_t i = 0; rc == 0 && i < l->timestamp_files.count; i++) {
        rc = tm_file_read(l->timestamp_files.item[i], TIMESTAMP_FILE_MAX, &b->timestamp[i], e);
        b->timestamp_count = i + 1;
    }
    sk_X509_pop_free(certs, X509_free);
    if (rc != 0) {
        tuf_bundle_free(b);
        return NULL;
    }
    return b;
}

static EVP_PKEY *read_key(const char *path, struct tm_err *e)
{
    struct tm_buf pem = {0};
    EVP_PKEY *key = NULL;
    if (tm_file_read_text(path, KEY_FILE_MAX, &pem, e) == 0) {
        BIO *in = BIO_new_mem_buf(pem.data, (int)pem.len);
        key = in != NULL ? PEM_read_bio_PUBKEY(in, NULL, tm_pem_no_password, NULL) : NULL;
        BIO_free(in);
        if (key == NULL) {
            tm_err_openssl(e, "'%s' holds no PEM public key", path);
            tm_err_mark(e, ERR_REFUSED);
        }
    }
    tm_buf_free(&pem);
    return key;
}

static int read_artifact(const struct line *l, struct work *w, struct tm_err *e)
{
    const X509 *leaf = w->bundle->leaf;
    const EVP_PKEY *key = leaf != NULL ? X509_get0_pubkey(leaf) : w->key;
    bool keep = key != NULL && w->bundle->content == BUNDLE_MESSAGE &&
                tuf_artifact_signature_needs_content(key);
    if (l->artifact == NULL && l->digest.len == 0)
        return 0;
    w->job.artifact = &w->artifact;
    if (l->artifact != NULL)
        return tuf_artifact_open(l->artifact, keep, &w->artifact, e);
    tuf_artifact_from_digest(l->digest.bytes, l->digest.len, &w->artifact);
    return 0;
}

static int load(const struct line *l, struct work *w, struct tm_err *e)
{
    w->root = trust_read_root(&l->trust, l->trusted_root, e);
    if (w->root == NULL) /* then nothing is known of the signature */
        return e->kind == ERR_BAD
                   ? tm_err_mark(e, l->trusted_root != NULL ? ERR_REFUSED : ERR_UNAVAILABLE)
                   : -1;
    w->bundle = l->bundle != NULL ? tuf_bundle_load(l->bundle, e) : gather(l, e);
    if (w->bundle == NULL)
        return -1;
    if (l->key != NULL && (w->key = read_key(l->key, e)) == NULL)
        return -1;
    if (l->sct != NULL && scts_read_detached(l->sct, &w->detached, e) != 0)
        return -1;
    w->job.detached_scts = &w->detached;
    w->job.root = w->root;
    w->job.bundle = w->bundle;
    w->job.key = w->key;
    w->job.tlogs_by_time = !l->tlogs.given && l->bundle != NULL;
    return read_artifact(l, w, e);
}

static int run(const struct line *l, struct work *w, struct tm_err *e)
{
    struct tuf_report report = {0};
    if (check_inputs(l, e) != 0 || check_policy(l, e) != 0 || build_job(l, w, e) != 0)
        return cli_fail_json(l->json, CLI_USAGE, e);
    if (load(l, w, e) != 0)
        return cli_fail_json(l->json, CLI_FAILED, e);
    int rc = tuf_verify_run(&w->job, &report);
    if (l->json)
        verify_output_json(&w->job, &report);
    else
        verify_output_text(&w->job, &report);
    return rc == 0 ? CLI_OK : CLI_FAILED;
}

int command_verify(const struct cli_command *self, int argc, char **argv)
{
    struct line l = {.scts = {.value = 1, .max = THRESHOLD_MAX},
                     .tlogs = {.max = THRESHOLD_MAX},
                     .timestamps = {.max = THRESHOLD_MAX}};
    struct work w = {0};
    struct tm_err e = {0};
    const struct cli_option options[] = {
        {"bundle", CLI_TEXT, "FILE", "Sigstore bundle: signature with certificate and evidence",
         &l.bundle},
        {"certificate", CLI_TEXT, "FILE", "PEM certificate, leaf first", &l.certificate},
        {"signature", CLI_TEXT, "FILE", "signature over the artifact, raw or base64", &l.signature},
        {"timestamp", CLI_LIST, "FILE", "RFC 3161 response over the signature; repeatable",
         &l.timestamp_files},
        {"digest", CLI_DIGEST, "HEX", "the artifact's digest, in place of the artifact", &l.digest},
        {"issuer", CLI_TEXT, "URL", "OIDC issuer that vouched for the signer", &l.issuer},
        {"issuer-regexp", CLI_TEXT, "RE", "the same, matching as a whole", &l.issuer_regexp},
        {"identity", CLI_TEXT, "NAME", "the signer: URI, email or other name", &l.identity},
        {"identity-regexp", CLI_TEXT, "RE", "the same, matching as a whole", &l.identity_regexp},
        {"extension", CLI_PAIRS, "NAME=VALUE", "such as source-repository-uri=URL; repeatable",
         &l.extensions},
        {"extension-regexp", CLI_PAIRS, "NAME=RE", "the same, matching as a whole; repeatable",
         &l.extension_regexps},
        {"any-issuer", CLI_FLAG, NULL, "accept every issuer", &l.any_issuer},
        {"any-identity", CLI_FLAG, NULL, "accept every signer", &l.any_identity},
        {"key", CLI_TEXT, "FILE", "PEM public key that signed the bundle", &l.key},
        {"predicate-type", CLI_TEXT, "URI",
         "of the attestation in the bundle; anything else than one fails", &l.predicate_type},
        {"no-artifact", CLI_FLAG, NULL, "check an attestation without its artifact",
         &l.no_artifact},
        {"scts", CLI_NUMBER, "N", "CT logs that must vouch for the certificate (default 1)",
         &l.scts},
        {"sct", CLI_TEXT, "FILE", "SCT that came beside the certificate (sct.json)", &l.sct},
        {"tlogs", CLI_NUMBER, "N",
         "transparency logs that must hold a bundle's signature "
         "(default 1 if the trusted root has one from when it was signed)",
         &l.tlogs},
        {"timestamps", CLI_NUMBER, "N", "timestamp authorities that must vouch (default 0)",
         &l.timestamps},
        {"at", CLI_TIME, "TIME", "signing time that you vouch for yourself", &l.at},
        {"trusted-root", CLI_TEXT, "FILE",
         "trusted_root.json; without, the one that `tenmint trust` keeps is refreshed",
         &l.trusted_root},
        TRUST_OPTIONS(&l.trust),
        CLI_JSON(&l.json),
        {0}};
    int count = 0;
    int code = cli_parse_some(self, options, argc, argv, 0, 1, &count);
    if (code != CLI_GO_ON)
        return code;
    l.artifact = count == 1 ? argv[0] : NULL;
    code = run(&l, &w, &e);
    work_free(&w);
    return code;
}
