/*
 * tenmint sign: files -> signatures, log entries, timestamps -> bundles. Key and certificate are
 * those of `tenmint cert`, or made for this run by one command from the token on.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/signer/algorithm.h"
#include "common/certs.h"
#include "common/clock.h"
#include "common/fetch/again.h"
#include "common/file.h"
#include "common/key/key.h"
#include "tools/tenmint/attest.h"
#include "tools/tenmint/commands.h"
#include "tools/tenmint/detached.h"
#include "tools/tenmint/issue.h"
#include "tools/tenmint/services.h"
#include "tools/tenmint/submit.h"
#include "tools/tenmint/token_source.h"
#include "tuf/verify/bundle/artifact_signature.h"
#include "tuf/verify/bundle/bundle.h"
#include "tuf/verify/bundle/dsse.h"
#include "tuf/verify/bundle/path.h"
#include "tuf/verify/bundle/scts.h"
#include "tuf/verify/bundle/timestamp.h"

#define TIMESTAMP_MAX 65536
#define STATEMENT_MAX ((size_t)16 << 20)
#define TLS_CA_MAX ((size_t)1 << 20)

struct line {
    const char *dir;    /* of key.pem and leaf.pem; NULL: made here */
    const char *bundle; /* NULL: beside each artifact */
    const char *ca;     /* over signing_config's */
    struct token_source token;
    struct services_source services;
    struct cli_list tsa; /* over signing_config's */
    bool allow_http;
    bool force;
    bool statement; /* the artifact is an in-toto statement */
    bool detached;  /* signature and certificate also in files of their own */
    /* The artifact is the predicate of a statement of this type about these files; NULL: none. */
    const char *predicate;
    char **subject;
    size_t subjects;
};

struct work {
    struct tm_key *file_key; /* of `dir` */
    EVP_PKEY *own_key;
    X509 *leaf;
    struct services services;
    struct tm_buf tls_ca; /* PEM */
};

struct one { /* artifact */
    const char *artifact, *path;
    struct tuf_artifact signed_bytes;
    struct tuf_bundle *bundle;
};

static EVP_PKEY *key_of(const struct work *w)
{
    return w->own_key != NULL ? w->own_key : tm_key_pkey(w->file_key);
}

static const char *tls_ca(const struct line *l, struct work *w)
{
    return l->services.trust.ca_cert != NULL ? tm_buf_str(&w->tls_ca) : NULL;
}

/* --- key and certificate --- */

static int read_certificate(const struct line *l, struct work *w, struct tm_err *e)
{
    char path[PATH_MAX];
    char ended[21];
    if (tm_file_join(l->dir, "leaf.pem", path, sizeof(path), e) != 0)
        return -1;
    STACK_OF(X509) *certs = tm_certs_load_given(path, e);
    if (certs == NULL)
        return -1;
    w->leaf = sk_X509_shift(certs);
    sk_X509_pop_free(certs, X509_free);
    int64_t end = tuf_path_not_after_ms(w->leaf);
    tm_clock_format(end / 1000, ended);
    return tm_clock_wall_ms() < end ? 0
                                    : tm_err_set(e,
                                                 "certificate '%s' expired at %s: get another by "
                                                 "tenmint cert",
                                                 path, ended);
}

static int open_key(const struct line *l, struct work *w, struct tm_err *e)
{
    char path[PATH_MAX];
    const struct tm_key_source source = {.file = path};
    if (tm_file_join(l->dir, "key.pem", path, sizeof(path), e) != 0)
        return -1;
    w->file_key = tm_key_open(&source, "signing key", e);
    if (w->file_key == NULL)
        return -1;
    return EVP_PKEY_eq(tm_key_pkey(w->file_key), X509_get0_pubkey(w->leaf)) == 1
               ? 0
               : tm_err_set(e, "'%s' is not the key of '%s/leaf.pem'", path, l->dir);
}

/* As a verifier of this trusted root will ask of it. */
static int check_scts(const struct work *w, const struct issued *i, struct tm_err *e)
{
    const struct tuf_scts_of what = {w->leaf, sk_X509_value(i->certs, 1), NULL};
    if (w->services.root == NULL || tuf_trusted_root_count(w->services.root, TRUST_CTLOG) == 0)
        return 0;
    struct tuf_report *r = calloc(1, sizeof(*r)); /* too large for the stack */
    if (r == NULL)
        return tm_err_set(e, "out of memory");
    tuf_scts_check(w->services.root, &what, 1, tm_clock_wall_ms(), r);
    bool ok = tuf_report_ok(r);
    free(r);
    return ok ? 0
              : tm_err_set(e, "certificate refused: it holds no SCT of a CT log that the trusted "
                              "root names");
}

static int make_certificate(const struct line *l, struct work *w, struct tm_err *e)
{
    const char *ca = l->ca;
    struct tm_buf token = {0};
    struct issued issued = {0};
    if (ca == NULL && w->services.ca != NULL)
        ca = w->services.ca->url;
    if (ca == NULL)
        return tm_err_set(e, "which CA? Trust a TUF root (tenmint trust init) whose signing_config "
                             "names one, or give --ca URL, or --cert-dir DIR of tenmint cert");
    w->own_key = ca_signer_algorithm_generate("p256", e);
    int rc = w->own_key != NULL ? token_source_read(&l->token, &token, e) : -1;
    if (rc == 0) {
        const struct issue_order order = {.ca = ca,
                                          .tls_ca = tls_ca(l, w),
                                          .allow_http = l->allow_http,
                                          .tries = l->token.tries,
                                          .token = &token,
                                          .key = w->own_key};
        rc = issue_certificate(&order, &issued, e);
    }
    if (rc == 0) {
        w->leaf = sk_X509_value(issued.certs, 0);
        X509_up_ref(w->leaf);
        rc = check_scts(w, &issued, e);
    }
    issued_free(&issued);
    tm_buf_free_secret(&token);
    return rc;
}

/* --- one artifact --- */

static int read_statement(const struct line *l, const struct one *o, struct tm_err *e)
{
    struct tuf_bundle *b = o->bundle;
    if (l->predicate != NULL)
        return attest_statement(l->predicate, o->artifact, l->subject, l->subjects, &b->payload, e);
    if (tm_file_read(o->artifact, STATEMENT_MAX, &b->payload, e) != 0 ||
        tuf_dsse_check_statement(b->payload.data, b->payload.len, e) != 0)
        return tm_err_wrap(e, "statement '%s'", o->artifact);
    return 0;
}

/* The statement goes into the envelope as it is; the signature is over its encoding. */
static int open_statement(const struct line *l, struct one *o, struct tm_err *e)
{
    struct tuf_bundle *b = o->bundle;
    struct tm_buf pae = {0};
    b->content = BUNDLE_DSSE;
    b->payload_type = strdup(DSSE_IN_TOTO);
    if (b->payload_type == NULL)
        return tm_err_set(e, "out of memory");
    if (read_statement(l, o, e) != 0)
        return -1;
    tuf_dsse_pae(b->payload_type, b->payload.data, b->payload.len, &pae);
    int rc = tuf_artifact_from_bytes(pae.data, pae.len, &o->signed_bytes, e);
    tm_buf_free(&pae);
    return rc;
}

static int sign(const struct line *l, const struct work *w, struct one *o, struct tm_err *e)
{
    struct tuf_bundle *b = o->bundle;
    EVP_PKEY *key = key_of(w);
    int rc = l->statement
                 ? open_statement(l, o, e)
                 : tuf_artifact_open(o->artifact, tuf_artifact_signature_needs_content(key),
                                     &o->signed_bytes, e);
    if (rc != 0 || tuf_artifact_signature_make(key, &o->signed_bytes, &b->digest_algorithm,
                                               &b->signature, e) != 0)
        return -1;
    if (l->statement)
        return 0;
    b->content = BUNDLE_MESSAGE;
    b->has_digest = true;
    tm_buf_append(&b->digest, o->signed_bytes.digest[b->digest_algorithm],
                  tuf_digest_table[b->digest_algorithm].len);
    return buf_failed(&b->digest) ? tm_err_set(e, "out of memory") : 0;
}

static int take_timestamp(struct tuf_bundle *b, const struct tm_fetch_response *r, struct tm_err *e)
{
    struct tm_buf *to = &b->timestamp[b->timestamp_count];
    if (r->status != 200 && r->status != 201) {
        tm_err_set(e, "it answered HTTP %ld", r->status);
        return tm_err_mark(e, tm_fetch_may_pass(0, r) ? ERR_UNAVAILABLE : ERR_BAD);
    }
    tm_buf_append(to, r->body.data, r->body.len);
    b->timestamp_count++;
    return buf_failed(to) ? tm_err_set(e, "out of memory")
                          : tuf_timestamp_check_granted(to, b->signature.data, b->signature.len, e);
}

/* RFC 3161 §3.4. */
static int stamp(const struct line *l, struct work *w, struct tuf_bundle *b, const char *url,
                 struct tm_err *e)
{
    static const char *const headers[] = {"Content-Type: application/timestamp-query",
                                          "Accept: application/timestamp-reply", NULL};
    struct tm_buf query = {0};
    struct tm_fetch_response r = {0};
    int rc = tuf_timestamp_request(b->signature.data, b->signature.len, &query, e);
    if (rc == 0) {
        const struct tm_fetch_request req = {.url = url,
                                             .post_body = (const char *)query.data,
                                             .post_len = query.len,
                                             .headers = headers,
                                             .allow_http = l->allow_http,
                                             .tries = l->token.tries,
                                             .ca_pem = tls_ca(l, w),
                                             .max_bytes = TIMESTAMP_MAX};
        rc = tm_fetch_run_again(&req, &r, e);
    }
    if (rc == 0)
        rc = take_timestamp(b, &r, e);
    tm_fetch_response_free(&r);
    tm_buf_free(&query);
    return rc == 0 ? 0 : tm_err_wrap(e, "timestamp by '%s'", url);
}

static int stamp_all(const struct line *l, struct work *w, struct tuf_bundle *b, struct tm_err *e)
{
    char url[SIGNING_CONFIG_URL_MAX];
    for (size_t i = 0; i < l->tsa.count; i++) {
        if (stamp(l, w, b, l->tsa.item[i], e) != 0)
            return -1;
    }
    for (size_t i = 0; l->tsa.count == 0 && i < w->services.tsa_count; i++) {
        if (stamp(l, w, b, tuf_signing_config_url(SERVICE_TSA, w->services.tsa[i]->url, url), e) !=
            0)
            return -1;
    }
    return 0;
}

static int log_all(const struct line *l, struct work *w, struct one *o, struct tm_err *e)
{
    for (size_t i = 0; i < w->services.log_count; i++) {
        const struct submit_order order = {.url = w->services.log[i]->url,
                                           .tls_ca = tls_ca(l, w),
                                           .allow_http = l->allow_http,
                                           .tries = l->token.tries,
                                           .root = w->services.root,
                                           .signed_bytes = &o->signed_bytes,
                                           .digest = o->bundle->digest_algorithm};
        if (submit_entry(&order, o->bundle, e) != 0)
            return -1;
    }
    return 0;
}

static int write_bundle(const struct line *l, const struct one *o, struct tm_err *e)
{
    struct tm_buf text = {0};
    int rc = tuf_bundle_write(o->bundle, &text, e);
    if (rc == 0)
        rc = l->force ? tm_file_write_atomic(o->path, 0644, text.data, text.len, e)
                      : tm_file_create(o->path, 0644, text.data, text.len, e);
    tm_buf_free(&text);
    return rc;
}

static void report(const struct line *l, const struct work *w, const struct one *o)
{
    char ends[21];
    tm_clock_format(tuf_path_not_after_ms(w->leaf) / 1000, ends);
    printf("bundle       %s\n", o->path);
    if (o->bundle->entries.count > 0)
        printf("log entries  %zu\n", o->bundle->entries.count);
    if (o->bundle->timestamp_count > 0)
        printf("timestamps   %zu\n", o->bundle->timestamp_count);
    else
        printf("timestamps   none: it verifies until %s; --tsa URL makes it last\n", ends);
    struct tm_buf sct = {0};
    if (l->dir != NULL)
        tm_buf_printf(&sct, "%s/sct.json", l->dir);
    if (sct.len > 0 && tm_buf_str(&sct) != NULL && tm_file_stamp(tm_buf_str(&sct)).ino != 0)
        printf("SCT          %s has no place in a bundle: send it along, for verify --sct\n",
               tm_buf_str(&sct));
    tm_buf_free(&sct);
}

static int do_one(const struct line *l, struct work *w, const char *artifact, struct tm_err *e)
{
    struct one o = {.artifact = artifact, .path = l->bundle};
    struct tm_buf name = {0};
    if (o.path == NULL) {
        tm_buf_printf(&name, "%s.sigstore.json", artifact);
        o.path = tm_buf_str(&name);
    }
    o.bundle = o.path != NULL ? tuf_bundle_new(e) : NULL;
    int rc = o.bundle != NULL ? 0 : -1;
    if (rc == 0) {
        o.bundle->leaf = w->leaf;
        X509_up_ref(w->leaf);
        rc = sign(l, w, &o, e);
    }
    if (rc == 0)
        rc = log_all(l, w, &o, e);
    if (rc == 0)
        rc = stamp_all(l, w, o.bundle, e);
    if (rc == 0)
        rc = write_bundle(l, &o, e);
    if (rc == 0 && l->detached)
        rc = detached_write(o.bundle, artifact, l->force, e);
    if (rc == 0)
        report(l, w, &o);
    tuf_artifact_free(&o.signed_bytes);
    tuf_bundle_free(o.bundle);
    tm_buf_free(&name);
    return rc;
}

/* --- the command --- */

static int check_output(const struct line *l, const char *file, const char *end, struct tm_err *e)
{
    struct tm_buf name = {0};
    tm_buf_printf(&name, "%s%s", file, end);
    const char *path = tm_buf_str(&name);
    int rc = path != NULL ? 0 : tm_err_set(e, "out of memory");
    if (rc == 0 && !l->force && tm_file_stamp(path).ino != 0)
        rc = tm_err_set(e, "'%s' exists: use --force to write over it, or another --bundle", path);
    tm_buf_free(&name);
    return rc;
}

/* Before a certificate is asked for, and before the first of many files is signed. */
static int check_outputs(const struct line *l, int count, char **files, struct tm_err *e)
{
    for (int i = 0; i < count; i++) {
        if (check_output(l, l->bundle != NULL ? l->bundle : files[i],
                         l->bundle != NULL ? "" : ".sigstore.json", e) != 0)
            return -1;
        for (size_t k = 0; k < DETACHED_FILES && l->detached; k++) {
            if (check_output(l, files[i], detached_ends[k], e) != 0)
                return -1;
        }
    }
    return 0;
}

static int run(const struct line *l, struct work *w, int count, char **files, struct tm_err *e)
{
    const char *ca_file = l->services.trust.ca_cert;
    if (check_outputs(l, count, files, e) != 0 ||
        (ca_file != NULL && tm_file_read_text(ca_file, TLS_CA_MAX, &w->tls_ca, e) != 0) ||
        (services_are_known(&l->services) && services_open(&l->services, &w->services, e) != 0))
        return -1;
    if (l->dir != NULL ? read_certificate(l, w, e) != 0 || open_key(l, w, e) != 0
                       : make_certificate(l, w, e) != 0)
        return -1;
    for (int i = 0; i < count; i++) {
        if (do_one(l, w, files[i], e) != 0)
            return count > 1 ? tm_err_wrap(e, "'%s'", files[i]) : -1;
    }
    return 0;
}

static int check_line(const struct line *l, int count, char **files, struct tm_err *e)
{
    if (l->bundle != NULL && count > 1)
        return tm_err_set(e, "--bundle takes one artifact: without, each has its own beside it");
    if (l->bundle == NULL && strcmp(files[0], "-") == 0)
        return tm_err_set(e, "--bundle FILE is needed: standard input has no name");
    if ((l->services.signing_config != NULL) != (l->services.trusted_root != NULL))
        return tm_err_set(e, "--signing-config and --trusted-root belong together");
    if (l->dir != NULL && (l->ca != NULL || l->token.file != NULL || l->token.env != NULL))
        return tm_err_set(e, "--cert-dir holds the certificate: --ca and tokens get another");
    if (l->predicate != NULL && (l->statement || l->subjects == 0))
        return tm_err_set(e, l->statement
                                 ? "--predicate and --statement exclude each other"
                                 : "--predicate TYPE wants the predicate's file and then the files "
                                   "that it is about");
    if (l->detached && (l->statement || l->predicate != NULL || strcmp(files[0], "-") == 0))
        return tm_err_set(e, "--detached is for files, and not for attestations: an envelope "
                             "holds its signature");
    if (l->tsa.count > BUNDLE_TIMESTAMPS_MAX)
        return tm_err_set(e, "more than %d timestamp authorities", BUNDLE_TIMESTAMPS_MAX);
    return 0;
}

static void work_free(struct work *w)
{
    services_free(&w->services);
    tm_key_free(w->file_key);
    EVP_PKEY_free(w->own_key);
    X509_free(w->leaf);
    tm_buf_free(&w->tls_ca);
}

int command_sign(const struct cli_command *self, int argc, char **argv)
{
    struct line l = {.token = {.audience = "sigstore"}};
    struct work w = {0};
    struct tm_err e = {0};
    struct cli_amount tries = {.value = TM_FETCH_TRIES, .min = 1, .max = TM_FETCH_TRIES_MAX};
    int count = 0;
    const struct cli_option options[] = {
        {"cert-dir", CLI_TEXT, "DIR", "sign with key.pem and leaf.pem of tenmint cert", &l.dir},
        {"ca", CLI_TEXT, "URL", "the CA, in place of signing_config's", &l.ca},
        {"token-file", CLI_TEXT, "FILE", "read the OIDC token from a file", &l.token.file},
        {"token-env", CLI_TEXT, "NAME", "read it from an environment variable", &l.token.env},
        {"audience", CLI_TEXT, "AUD", "audience asked of GitHub Actions (sigstore)",
         &l.token.audience},
        {"bundle", CLI_TEXT, "FILE", "where the bundle goes (ARTIFACT.sigstore.json)", &l.bundle},
        {"statement", CLI_FLAG, NULL, "the files are in-toto statements: sign them as attestations",
         &l.statement},
        {"predicate", CLI_TEXT, "TYPE",
         "the first file is a predicate of this type (a URI): attest it of all others, in one "
         "statement",
         &l.predicate},
        {"detached", CLI_FLAG, NULL,
         "also write ARTIFACT.sig (base64) and ARTIFACT.pem, the certificate", &l.detached},
        {"tsa", CLI_LIST, "URL",
         "have the time signed by this authority (RFC 3161) and not by signing_config's; "
         "repeatable",
         &l.tsa},
        {"trust-dir", CLI_TEXT, "DIR", "the trust's cache (default ~/.local/share/tenmint/trust)",
         &l.services.trust.dir},
        {"root", CLI_TEXT, "FILE", "begin from this root file, whatever the cache holds",
         &l.services.trust.root},
        {"metadata-url", CLI_LIST, "URL", "mirror of the metadata, or a directory; repeatable",
         &l.services.trust.metadata_urls},
        {"signing-config", CLI_TEXT, "FILE", "this signing_config and no TUF",
         &l.services.signing_config},
        {"trusted-root", CLI_TEXT, "FILE", "with it, this trusted_root.json",
         &l.services.trusted_root},
        {"tls-ca", CLI_TEXT, "FILE", "extra CA certificates for the services' TLS",
         &l.services.trust.ca_cert},
        {"tries", CLI_NUMBER, "N", "how often a service that is busy or lost is asked (4)", &tries},
        {"allow-http", CLI_FLAG, NULL, "plain http beyond loopback", &l.allow_http},
        {"force", CLI_FLAG, NULL, "write over earlier bundles", &l.force},
        {0}};
    int code = cli_parse_some(self, options, argc, argv, 1, INT_MAX, &count);
    if (code != CLI_GO_ON)
        return code;
    l.services.trust.allow_http = l.allow_http;
    l.services.trust.tries = l.token.tries = (unsigned)tries.value;
    if (l.predicate != NULL) {
        l.subject = argv + 1;
        l.subjects = (size_t)count - 1;
        count = 1;
    }
    if (check_line(&l, count, argv, &e) != 0)
        return cli_fail(CLI_USAGE, &e);
    l.statement |= l.predicate != NULL;
    int rc = run(&l, &w, count, argv, &e);
    work_free(&w);
    return rc == 0 ? CLI_OK : cli_fail(CLI_FAILED, &e);
}
