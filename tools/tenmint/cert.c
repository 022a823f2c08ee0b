/* tenmint cert: token -> ephemeral key -> proof -> certificate, written as files. */
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/signer/algorithm.h"
#include "common/b64.h"
#include "common/certs.h"
#include "common/clock.h"
#include "common/fetch/again.h"
#include "common/file.h"
#include "common/json/strictjson.h"
#include "common/transparency/sct.h"
#include "oidc/token/token.h"
#include "tools/tenmint/commands.h"
#include "tools/tenmint/leaf.h"
#include "tools/tenmint/scts.h"
#include "tools/tenmint/token_source.h"

#define ANSWER_MAX ((size_t)256 * 1024)

struct job {
    const char *ca;
    const char *out;
    struct cli_choice key_type;
    const char *ca_cert;
    bool force;
    struct token_source source;
    struct tm_buf token;
    EVP_PKEY *key;
    struct tm_buf chain; /* PEM, leaf first */
    STACK_OF(X509) * certs;
    struct tm_buf sct_json; /* the SCT beside the certificate; empty: there is none */
    struct tm_buf scts;     /* the same, as an SCT list */
    struct cli_list log_keys;
    struct scts_logs logs; /* theirs */
    json_t *log_entries;   /* scts_describe */
};

/* What the CA wants signed: the email of an email token, else the subject. The CA's rule goes by
 * its issuer type, which a client cannot see; a token that carries `email` is of such a type. */
static int challenge(const struct job *j, struct tm_buf *out, struct tm_err *e)
{
    struct oidc_token t;
    enum oidc_reason reason;
    if (oidc_token_parse((const char *)j->token.data, j->token.len, &t, &reason, e) != 0)
        return -1;
    const char *email = tm_strictjson_str(t.claims, "email");
    const char *sub = tm_strictjson_str(t.claims, "sub");
    const char *text = email != NULL ? email : sub;
    if (text != NULL)
        tm_buf_puts(out, text);
    oidc_token_free(&t);
    return text != NULL ? 0 : tm_err_set(e, "the token has neither email nor sub");
}

static int prove(const struct job *j, struct tm_buf *proof, struct tm_err *e)
{
    struct tm_buf text = {0};
    const struct ca_signer_algorithm_row *row = ca_signer_algorithm_for(j->key, e);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len = (size_t)EVP_PKEY_get_size(j->key);
    unsigned char *to = tm_buf_reserve(proof, len);
    int rc = -1;
    if (row != NULL && challenge(j, &text, e) == 0) {
        if (ctx != NULL && to != NULL &&
            EVP_DigestSignInit_ex(ctx, NULL, row->digest, NULL, NULL, j->key, NULL) == 1 &&
            EVP_DigestSign(ctx, to, &len, text.data, text.len) == 1) {
            proof->len += len;
            rc = 0;
        } else {
            tm_err_openssl(e, "sign the proof of possession");
        }
    }
    EVP_MD_CTX_free(ctx);
    tm_buf_free(&text);
    return rc;
}

static char *public_pem(EVP_PKEY *key, struct tm_buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    if (bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1) {
        long len = BIO_get_mem_data(bio, &data);
        tm_buf_append(out, data, (size_t)len);
    }
    BIO_free(bio);
    return (char *)tm_buf_str(out);
}

static char *request_body(const struct job *j, struct tm_err *e)
{
    struct tm_buf proof = {0};
    struct tm_buf proof64 = {0};
    struct tm_buf pem = {0};
    char *text = NULL;
    if (prove(j, &proof, e) == 0) {
        tm_b64_encode(B64_STD, proof.data, proof.len, &proof64);
        json_t *body =
            json_pack("{s:{s:s%},s:{s:{s:s},s:s}}", "credentials", "oidcIdentityToken",
                      j->token.data, j->token.len, "publicKeyRequest", "publicKey", "content",
                      public_pem(j->key, &pem), "proofOfPossession", tm_buf_str(&proof64));
        text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
        json_decref(body);
        if (text == NULL)
            tm_err_set(e, "the request cannot be made");
    }
    tm_buf_free(&proof);
    tm_buf_free(&proof64);
    tm_buf_free(&pem);
    return text;
}

/* Base64 of the JSON that a log answers with (RFC 6962 §4.1). */
static int collect_sct(struct job *j, const json_t *with, struct tm_err *e)
{
    const char *text = tm_strictjson_str(with, "signedCertificateTimestamp");
    if (text == NULL || text[0] == '\0')
        return 0;
    int rc = tm_b64_decode(B64_STD, text, strlen(text), &j->sct_json) == 0
                 ? scts_parse_detached(j->sct_json.data, j->sct_json.len, &j->scts, e)
                 : tm_err_set(e, "not base64");
    return rc == 0 ? 0 : tm_err_wrap(e, "the SCT in the CA's answer");
}

/* Before anything is written: a certificate in no log that we know is of no use. */
static int check_logs(struct job *j, struct tm_err *e)
{
    X509 *leaf = sk_X509_value(j->certs, 0);
    X509 *issuer = sk_X509_value(j->certs, 1); /* NULL when there is none */
    int rc = 0;
    if (j->logs.count > 0)
        rc = issuer != NULL ? scts_verify(leaf, issuer, &j->scts, &j->logs, e)
                            : tm_err_set(e, "the CA's answer holds no issuing certificate");
    if (rc == 0 && (j->log_entries = scts_describe(leaf, &j->scts, e)) == NULL)
        rc = -1;
    return rc == 0 ? 0 : tm_err_wrap(e, "certificate refused");
}

static int collect_chain(struct job *j, const json_t *answer, struct tm_err *e)
{
    const json_t *with = json_object_get(answer, "signedCertificateEmbeddedSct");
    if (with == NULL)
        with = json_object_get(answer, "signedCertificateDetachedSct");
    const json_t *list = json_object_get(json_object_get(with, "chain"), "certificates");
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one)
    {
        if (!json_is_string(one))
            return tm_err_set(e, "the CA's answer holds no chain");
        tm_buf_puts(&j->chain, json_string_value(one));
        buf_putc(&j->chain, '\n');
    }
    if (tm_buf_str(&j->chain) == NULL || j->chain.len == 0)
        return tm_err_set(e, "the CA's answer holds no chain");
    j->certs = tm_certs_parse(j->chain.data, j->chain.len, e);
    if (j->certs == NULL)
        return tm_err_wrap(e, "the CA's chain");
    struct oidc_token t;
    enum oidc_reason reason;
    if (oidc_token_parse((const char *)j->token.data, j->token.len, &t, &reason, e) != 0)
        return -1;
    int rc = leaf_check(j->certs, j->key, &t, tm_clock_wall_ms() / 1000, e);
    oidc_token_free(&t);
    return rc == 0 ? collect_sct(j, with, e) : rc;
}

static int read_answer(struct job *j, const struct tm_fetch_response *r, struct tm_err *e)
{
    const char *text = r->body.data != NULL ? (const char *)r->body.data : "";
    json_t *answer = tm_strictjson_parse(text, r->body.len, ANSWER_MAX, e);
    const char *message = tm_strictjson_str(answer, "message");
    int rc;
    if (r->status != 200 && message != NULL)
        rc = tm_err_set(e, "the CA refused (HTTP %ld): %.200s", r->status, message);
    else if (r->status != 200)
        rc = tm_err_set(e, "the CA answered HTTP %ld", r->status);
    else
        rc = answer != NULL ? collect_chain(j, answer, e) : tm_err_wrap(e, "the CA's answer");
    if (tm_fetch_may_pass(0, r))
        tm_err_mark(e, ERR_UNAVAILABLE);
    json_decref(answer);
    return rc;
}

static int request(struct job *j, struct tm_err *e)
{
    static const char *const headers[] = {"Content-Type: application/json",
                                          "Accept: application/json", NULL};
    struct tm_buf url = {0};
    struct tm_buf ca = {0};
    struct tm_fetch_response r = {0};
    char *body = request_body(j, e);
    int rc = body != NULL ? 0 : -1;
    size_t len = strlen(j->ca);
    tm_buf_printf(&url, "%.*s/api/v2/signingCert", (int)(j->ca[len - 1] == '/' ? len - 1 : len),
                  j->ca);
    if (rc == 0 && j->ca_cert != NULL)
        rc = tm_file_read_text(j->ca_cert, ANSWER_MAX, &ca, e);
    if (rc == 0) {
        struct tm_fetch_request req = {.url = tm_buf_str(&url),
                                       .post_body = body,
                                       .post_len = strlen(body),
                                       .headers = headers,
                                       .timeout_ms = 30000,
                                       .max_bytes = ANSWER_MAX,
                                       .ca_pem = j->ca_cert != NULL ? tm_buf_str(&ca) : NULL};
        rc = tm_fetch_run_again(&req, &r, e);
    }
    if (rc == 0)
        rc = read_answer(j, &r, e);
    if (body != NULL)
        OPENSSL_cleanse(body, strlen(body));
    free(body);
    tm_fetch_response_free(&r);
    tm_buf_free(&url);
    tm_buf_free(&ca);
    return rc;
}

/* DIR, or where it will be made: nothing is left behind when there is no certificate. */
static int check_writable(const char *dir, struct tm_err *e)
{
    char path[PATH_MAX];
    if (strlen(dir) >= sizeof(path))
        return tm_err_set(e, "the path of --out is too long");
    snprintf(path, sizeof(path), "%s", dir);
    while (access(path, F_OK) != 0 && errno == ENOENT) {
        char *slash = strrchr(path, '/');
        if (slash == NULL)
            snprintf(path, sizeof(path), ".");
        else
            slash[slash == path ? 1 : 0] = '\0';
    }
    return access(path, W_OK | X_OK) == 0 ? 0 : tm_err_errno(e, "write to directory '%s'", path);
}

/* A key that is overwritten is lost. */
static int check_out(const struct job *j, struct tm_err *e)
{
    static const char *const names[] = {"key.pem", "leaf.pem", "chain.pem", "sct.json"};
    char path[PATH_MAX];
    if (check_writable(j->out, e) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (tm_file_join(j->out, names[i], path, sizeof(path), e) != 0)
            return -1;
        if (!j->force && tm_file_stamp(path).ino != 0)
            return tm_err_set(e, "'%s' exists: use --force to write over it, or another --out",
                              path);
    }
    return 0;
}

static int write_one(const struct job *j, const char *name, mode_t mode, BIO *bio, struct tm_err *e)
{
    char path[PATH_MAX];
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    if (tm_file_join(j->out, name, path, sizeof(path), e) != 0)
        return -1;
    return tm_file_write_atomic(path, mode, data, (size_t)len, e);
}

static int write_sct(const struct job *j, struct tm_err *e)
{
    char path[PATH_MAX];
    if (tm_file_join(j->out, "sct.json", path, sizeof(path), e) != 0)
        return -1;
    return tm_file_write_atomic(path, 0644, j->sct_json.data, j->sct_json.len, e);
}

static int write_files(const struct job *j, struct tm_err *e)
{
    BIO *key = BIO_new(BIO_s_secmem());
    BIO *leaf = BIO_new(BIO_s_mem());
    BIO *chain = BIO_new(BIO_s_mem());
    int rc = key != NULL && leaf != NULL && chain != NULL &&
                     PEM_write_bio_PKCS8PrivateKey(key, j->key, NULL, NULL, 0, NULL, NULL) == 1 &&
                     PEM_write_bio_X509(leaf, sk_X509_value(j->certs, 0)) == 1
                 ? 0
                 : tm_err_openssl(e, "encode the files");
    for (int i = 0; rc == 0 && i < sk_X509_num(j->certs); i++) {
        if (PEM_write_bio_X509(chain, sk_X509_value(j->certs, i)) != 1)
            rc = tm_err_openssl(e, "encode the chain");
    }
    if (rc == 0)
        rc = tm_file_mkdirs(j->out, 0700, e);
    if (rc == 0)
        rc = write_one(j, "key.pem", 0600, key, e);
    if (rc == 0)
        rc = write_one(j, "leaf.pem", 0644, leaf, e);
    if (rc == 0)
        rc = write_one(j, "chain.pem", 0644, chain, e);
    if (rc == 0 && j->sct_json.len > 0)
        rc = write_sct(j, e);
    BIO_free(key);
    BIO_free(leaf);
    BIO_free(chain);
    return rc;
}

/* All that can be wrong here, before a certificate is asked for. */
static int prepare(struct job *j, struct tm_err *e)
{
    if (check_out(j, e) != 0 || token_source_read(&j->source, &j->token, e) != 0 ||
        scts_logs_load(&j->log_keys, &j->logs, e) != 0)
        return -1;
    j->key = ca_signer_algorithm_generate(j->key_type.value, e);
    return j->key != NULL ? 0 : -1;
}

static void report(const struct job *j, bool json)
{
    bool verified = j->logs.count > 0; /* else we would not be here */
    if (json) {
        json_t *v =
            json_pack("{s:s,s:s,s:s,s:i,s:O,s:b}", "directory", j->out, "certificate",
                      tm_buf_str((struct tm_buf *)&j->chain), "ca", j->ca, "certificates",
                      sk_X509_num(j->certs), "scts", j->log_entries, "scts_verified", verified);
        json_dumpf(v, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(v);
        return;
    }
    printf("certificate  %s/leaf.pem\nchain        %s/chain.pem\nprivate key  %s/key.pem (0600)\n",
           j->out, j->out, j->out);
    if (j->sct_json.len > 0)
        printf("SCT          %s/sct.json\n", j->out);
    size_t n = json_array_size(j->log_entries);
    if (n == 0)
        printf("logged       nowhere: the certificate has no SCT\n");
    else
        printf("logged       %zu SCT%s%s\n", n, n == 1 ? "" : "s",
               verified ? ", verified" : "; --log-key FILE would verify");
}

int cert_command(const struct cli_command *self, int argc, char **argv)
{
    struct job j = {.key_type = {.value = cli_key_types[0], .of = cli_key_types}};
    bool json = false;
    int count = 0;
    struct tm_err e = {0};
    const struct cli_option options[] = {
        {"ca", CLI_TEXT, "URL", "the CA, e.g. https://ca.example.com", &j.ca},
        {"token-file", CLI_TEXT, "FILE", "read the OIDC token from a file", &j.source.file},
        {"token-env", CLI_TEXT, "NAME", "read it from an environment variable", &j.source.env},
        {"audience", CLI_TEXT, "AUD", "audience asked of GitHub Actions (sigstore)",
         &j.source.audience},
        {"key-type", CLI_CHOICE, "TYPE", "p256 (default), p384, p521, rsa or ed25519", &j.key_type},
        {"out", CLI_TEXT, "DIR", "where key.pem, leaf.pem, chain.pem (and sct.json) go (.)",
         &j.out},
        {"log-key", CLI_LIST, "FILE",
         "public key of a transparency log: an SCT of it must verify; repeatable", &j.log_keys},
        {"tls-ca", CLI_TEXT, "FILE", "extra CA certificates for the CA's own TLS", &j.ca_cert},
        {"force", CLI_FLAG, NULL, "write over files of an earlier run", &j.force},
        {"json", CLI_FLAG, NULL, "print the result as JSON", &json},
        {0},
    };
    int code = cli_parse(self, options, argc, argv, 0, 0, &count);
    if (code != CLI_GO_ON)
        return code;
    if (j.ca == NULL || j.ca[0] == '\0') {
        tm_err_set(&e, "--ca URL is needed");
        return cli_fail_json(json, CLI_USAGE, &e);
    }
    j.out = j.out != NULL ? j.out : ".";
    j.source.audience = j.source.audience != NULL ? j.source.audience : "sigstore";
    if (tm_fetch_check_url(j.ca, false, &e) != 0) {
        tm_err_wrap(&e, "--ca");
        return cli_fail_json(json, CLI_USAGE, &e);
    }
    int rc = prepare(&j, &e);
    if (rc == 0)
        rc = request(&j, &e);
    if (rc == 0)
        rc = check_logs(&j, &e);
    if (rc == 0)
        rc = write_files(&j, &e);
    if (rc == 0)
        report(&j, json);
    tm_buf_free_secret(&j.token);
    tm_buf_free(&j.chain);
    tm_buf_free(&j.sct_json);
    tm_buf_free(&j.scts);
    json_decref(j.log_entries);
    scts_logs_free(&j.logs);
    sk_X509_pop_free(j.certs, X509_free);
    EVP_PKEY_free(j.key);
    return rc == 0 ? CLI_OK : cli_fail_json(json, CLI_FAILED, &e);
}
