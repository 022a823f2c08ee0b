/* tenmint sign: artifact + key and certificate of `tenmint cert` -> signature, timestamp -> bundle.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/certs.h"
#include "common/clock.h"
#include "common/fetch/again.h"
#include "common/file.h"
#include "common/key/key.h"
#include "tools/tenmint/commands.h"
#include "tuf/verify/bundle/artifact_signature.h"
#include "tuf/verify/bundle/bundle.h"
#include "tuf/verify/bundle/path.h"
#include "tuf/verify/bundle/timestamp.h"

#define TIMESTAMP_MAX 65536
#define TLS_CA_MAX ((size_t)1 << 20)

struct line {
    const char *dir;
    const char *bundle;
    struct cli_list tsa;
    const char *tls_ca;
    bool allow_http;
    bool force;
    const char *artifact;
};

struct work {
    struct tm_key *key;
    struct tuf_artifact artifact;
    struct tuf_bundle *bundle;
    struct tm_buf tls_ca; /* PEM */
};

static int read_certificate(const struct line *l, struct work *w, struct tm_err *e)
{
    char path[PATH_MAX];
    char ended[21];
    if (tm_file_join(l->dir, "leaf.pem", path, sizeof(path), e) != 0)
        return -1;
    STACK_OF(X509) *certs = tm_certs_load(path, e);
    if (certs == NULL)
        return -1;
    w->bundle->leaf = sk_X509_shift(certs);
    sk_X509_pop_free(certs, X509_free);
    int64_t end = tuf_path_not_after_ms(w->bundle->leaf);
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
    w->key = tm_key_open(&source, "signing key", e);
    if (w->key == NULL)
        return -1;
    return EVP_PKEY_eq(tm_key_pkey(w->key), X509_get0_pubkey(w->bundle->leaf)) == 1
               ? 0
               : tm_err_set(e, "'%s' is not the key of '%s/leaf.pem'", path, l->dir);
}

static int sign(const struct line *l, struct work *w, struct tm_err *e)
{
    struct tuf_bundle *b = w->bundle;
    EVP_PKEY *key = tm_key_pkey(w->key);
    if (tuf_artifact_open(l->artifact, tuf_artifact_signature_needs_content(key), &w->artifact,
                          e) != 0 ||
        tuf_artifact_signature_make(key, &w->artifact, &b->digest_algorithm, &b->signature, e) != 0)
        return -1;
    b->content = BUNDLE_MESSAGE;
    b->has_digest = true;
    tm_buf_append(&b->digest, w->artifact.digest[b->digest_algorithm],
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
static int stamp(const struct line *l, struct work *w, const char *url, struct tm_err *e)
{
    static const char *const headers[] = {"Content-Type: application/timestamp-query",
                                          "Accept: application/timestamp-reply", NULL};
    struct tuf_bundle *b = w->bundle;
    struct tm_buf query = {0};
    struct tm_fetch_response r = {0};
    int rc = tuf_timestamp_request(b->signature.data, b->signature.len, &query, e);
    if (rc == 0) {
        const struct tm_fetch_request req = {.url = url,
                                             .post_body = (const char *)query.data,
                                             .post_len = query.len,
                                             .headers = headers,
                                             .allow_http = l->allow_http,
                                             .ca_pem =
                                                 l->tls_ca != NULL ? tm_buf_str(&w->tls_ca) : NULL,
                                             .max_bytes = TIMESTAMP_MAX};
        rc = tm_fetch_run_again(&req, &r, e);
    }
    if (rc == 0)
        rc = take_timestamp(b, &r, e);
    tm_fetch_response_free(&r);
    tm_buf_free(&query);
    return rc == 0 ? 0 : tm_err_wrap(e, "timestamp by '%s'", url);
}

static int stamp_all(const struct line *l, struct work *w, struct tm_err *e)
{
    if (l->tsa.count > BUNDLE_TIMESTAMPS_MAX)
        return tm_err_set(e, "more than %d timestamp authorities", BUNDLE_TIMESTAMPS_MAX);
    if (l->tls_ca != NULL && tm_file_read_text(l->tls_ca, TLS_CA_MAX, &w->tls_ca, e) != 0)
        return -1;
    for (size_t i = 0; i < l->tsa.count; i++) {
        if (stamp(l, w, l->tsa.item[i], e) != 0)
            return -1;
    }
    return 0;
}

static int write_bundle(const struct line *l, const struct work *w, struct tm_err *e)
{
    struct tm_buf text = {0};
    int rc = tuf_bundle_write(w->bundle, &text, e);
    if (rc == 0)
        rc = l->force ? tm_file_write_atomic(l->bundle, 0644, text.data, text.len, e)
                      : tm_file_create(l->bundle, 0644, text.data, text.len, e);
    tm_buf_free(&text);
    return rc;
}

static int run(const struct line *l, struct work *w, struct tm_err *e)
{
    if (!l->force && tm_file_stamp(l->bundle).ino != 0)
        return tm_err_set(e, "'%s' exists: use --force to write over it, or another --bundle",
                          l->bundle);
    w->bundle = tuf_bundle_new(e);
    if (w->bundle == NULL || read_certificate(l, w, e) != 0 || open_key(l, w, e) != 0 ||
        sign(l, w, e) != 0 || stamp_all(l, w, e) != 0)
        return -1;
    return write_bundle(l, w, e);
}

static void report(const struct line *l, const struct work *w)
{
    char ends[21];
    tm_clock_format(tuf_path_not_after_ms(w->bundle->leaf) / 1000, ends);
    printf("bundle       %s\n", l->bundle);
    if (w->bundle->timestamp_count > 0)
        printf("timestamps   %zu\n", w->bundle->timestamp_count);
    else
        printf("timestamps   none: it verifies until %s; --tsa URL makes it last\n", ends);
    struct tm_buf sct = {0};
    tm_buf_printf(&sct, "%s/sct.json", l->dir);
    if (tm_buf_str(&sct) != NULL && tm_file_stamp(tm_buf_str(&sct)).ino != 0)
        printf("SCT          %s has no place in a bundle: send it along, for verify --sct\n",
               tm_buf_str(&sct));
    tm_buf_free(&sct);
}

int sign_command(const struct cli_command *self, int argc, char **argv)
{
    struct line l = {0};
    struct work w = {0};
    struct tm_err e = {0};
    int count = 0;
    const struct cli_option options[] = {
        {"dir", CLI_TEXT, "DIR", "key.pem and leaf.pem of tenmint cert (.)", &l.dir},
        {"bundle", CLI_TEXT, "FILE", "where the bundle goes (ARTIFACT.sigstore.json)", &l.bundle},
        {"tsa", CLI_LIST, "URL", "have the time signed by this authority (RFC 3161); repeatable",
         &l.tsa},
        {"tls-ca", CLI_TEXT, "FILE", "extra CA certificates for the authority's TLS", &l.tls_ca},
        {"allow-http", CLI_FLAG, NULL, "plain http beyond loopback", &l.allow_http},
        {"force", CLI_FLAG, NULL, "write over an earlier bundle", &l.force},
        {0}};
    int code = cli_parse(self, options, argc, argv, 1, 1, &count);
    if (code != CLI_GO_ON)
        return code;
    struct tm_buf name = {0};
    l.artifact = argv[0];
    l.dir = l.dir != NULL ? l.dir : ".";
    if (l.bundle == NULL && strcmp(l.artifact, "-") == 0) {
        tm_err_set(&e, "--bundle FILE is needed: standard input has no name");
        return cli_fail(CLI_USAGE, &e);
    }
    if (l.bundle == NULL) {
        tm_buf_printf(&name, "%s.sigstore.json", l.artifact);
        l.bundle = tm_buf_str(&name);
    }
    int rc = l.bundle != NULL ? run(&l, &w, &e) : tm_err_set(&e, "out of memory");
    if (rc == 0 && w.bundle != NULL)
        report(&l, &w);
    tm_key_free(w.key);
    tuf_artifact_free(&w.artifact);
    tuf_bundle_free(w.bundle);
    tm_buf_free(&w.tls_ca);
    tm_buf_free(&name);
    return rc == 0 ? CLI_OK : cli_fail(CLI_FAILED, &e);
}
