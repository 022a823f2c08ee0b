/* tenmint cert: token -> ephemeral key -> certificate, written as files. */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/signer/algorithm.h"
#include "common/fetch/fetch.h"
#include "common/fetch/again.h"
#include "common/file.h"
#include "tools/shared/printed.h"
#include "tools/tenmint/commands.h"
#include "tools/tenmint/issue.h"
#include "tools/tenmint/scts.h"
#include "tools/tenmint/token_source.h"

#define TLS_CA_MAX ((size_t)1 << 20)

struct job {
    const char *ca;
    const char *out;
    struct cli_choice key_type;
    const char *ca_cert;
    bool force;
    struct token_source source;
    struct tm_buf token;
    EVP_PKEY *key;
    struct issued issued;
    struct cli_list log_keys;
    struct scts_logs logs; /* theirs */
    struct scts_told_list log_entries;
};

/* Before anything is written: a certificate in no log that we know is of no use. */
static int check_logs(struct job *j, struct tm_err *e)
{
    X509 *leaf = sk_X509_value(j->issued.certs, 0);
    X509 *issuer = sk_X509_value(j->issued.certs, 1); /* NULL when there is none */
    int rc = 0;
    if (j->logs.count > 0)
        rc = issuer != NULL ? scts_verify(leaf, issuer, &j->issued.scts, &j->logs, e)
                            : tm_err_set(e, "the CA's answer holds no issuing certificate");
    if (rc == 0)
        rc = scts_describe(leaf, &j->issued.scts, &j->log_entries, e);
    return rc == 0 ? 0 : tm_err_wrap(e, "certificate refused");
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
    return tm_file_write_atomic(path, 0644, j->issued.sct_json.data, j->issued.sct_json.len, e);
}

static int write_files(const struct job *j, struct tm_err *e)
{
    BIO *key = BIO_new(BIO_s_secmem());
    BIO *leaf = BIO_new(BIO_s_mem());
    BIO *chain = BIO_new(BIO_s_mem());
    int rc = key != NULL && leaf != NULL && chain != NULL &&
                     PEM_write_bio_PKCS8PrivateKey(key, j->key, NULL, NULL, 0, NULL, NULL) == 1 &&
                     PEM_write_bio_X509(leaf, sk_X509_value(j->issued.certs, 0)) == 1
                 ? 0
                 : tm_err_openssl(e, "encode the files");
    for (int i = 0; rc == 0 && i < sk_X509_num(j->issued.certs); i++) {
        if (PEM_write_bio_X509(chain, sk_X509_value(j->issued.certs, i)) != 1)
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
    if (rc == 0 && j->issued.sct_json.len > 0)
        rc = write_sct(j, e);
    BIO_free(key);
    BIO_free(leaf);
    BIO_free(chain);
    return rc;
}

static int request(struct job *j, struct tm_err *e)
{
    struct tm_buf ca = {0};
    if (j->ca_cert != NULL && tm_file_read_text(j->ca_cert, TLS_CA_MAX, &ca, e) != 0)
        return -1;
    const struct issue_order order = {.ca = j->ca,
                                      .tls_ca = j->ca_cert != NULL ? tm_buf_str(&ca) : NULL,
                                      .tries = j->source.tries,
                                      .token = &j->token,
                                      .key = j->key};
    int rc = issue_certificate(&order, &j->issued, e);
    tm_buf_free(&ca);
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

static json_t *scts_json(const struct scts_told_list *list)
{
    json_t *all = json_array();
    for (size_t i = 0; i < list->count; i++) {
        const struct scts_told *sct = &list->item[i];
        json_t *one = json_pack("{s:s,s:I}", "log_id", sct->log_id, "timestamp_ms",
                                (json_int_t)sct->timestamp_ms);
        if (sct->has_index)
            json_object_set_new(one, "leaf_index", json_integer((json_int_t)sct->leaf_index));
        json_array_append_new(all, one);
    }
    return all;
}

static void report(const struct job *j, bool json)
{
    bool verified = j->logs.count > 0; /* else we would not be here */
    if (json) {
        json_t *v = json_pack("{s:o,s:s,s:s,s:i,s:o,s:b}", "directory",
                              cli_json_text(j->out, strlen(j->out)), "certificate",
                              tm_buf_str((struct tm_buf *)&j->issued.chain), "ca", j->ca,
                              "certificates", sk_X509_num(j->issued.certs), "scts",
                              scts_json(&j->log_entries), "scts_verified", verified);
        (void)cli_print_json(v, NULL);
        return;
    }
    printf("certificate  %s/leaf.pem\nchain        %s/chain.pem\nprivate key  %s/key.pem (0600)\n",
           j->out, j->out, j->out);
    if (j->issued.sct_json.len > 0)
        printf("SCT          %s/sct.json\n", j->out);
    size_t n = j->log_entries.count;
    if (n == 0)
        printf("logged       nowhere: the certificate has no SCT\n");
    else
        printf("logged       %zu SCT%s%s\n", n, n == 1 ? "" : "s",
               verified ? ", verified" : "; --log-key FILE would verify");
}

int command_cert(const struct cli_command *self, int argc, char **argv)
{
    struct job j = {.key_type = {.value = cli_key_types[0], .of = cli_key_types}};
    bool json = false;
    struct cli_amount tries = {.value = TM_FETCH_TRIES, .min = 1, .max = TM_FETCH_TRIES_MAX};
    struct tm_err e = {0};
    const struct cli_option options[] = {
        {"ca", CLI_TEXT, "URL", "the CA, e.g. https://ca.example.com", &j.ca},
        {"token-file", CLI_TEXT, "FILE", "read the OIDC token from a file", &j.source.file},
        {"token-env", CLI_TEXT, "NAME", "read it from an environment variable", &j.source.env},
        {"audience", CLI_TEXT, "AUD", "audience asked of GitHub Actions (sigstore)",
         &j.source.audience},
        {"tries", CLI_NUMBER, "N", "how often a service that is busy or lost is asked (4)", &tries},
        {"key-type", CLI_CHOICE, "TYPE", "p256 (default), p384, p521, rsa or ed25519", &j.key_type},
        {"out", CLI_TEXT, "DIR", "where key.pem, leaf.pem, chain.pem (and sct.json) go (.)",
         &j.out},
        {"log-key", CLI_LIST, "FILE",
         "public key of a transparency log: an SCT of it must verify; repeatable", &j.log_keys},
        {"tls-ca", CLI_TEXT, "FILE", "extra CA certificates for the CA's own TLS", &j.ca_cert},
        {"force", CLI_FLAG, NULL, "write over files of an earlier run", &j.force},
        CLI_JSON(&json),
        {0},
    };
    int code = cli_parse(self, options, argc, argv, 0);
    if (code != CLI_GO_ON)
        return code;
    if (j.ca == NULL || j.ca[0] == '\0') {
        tm_err_set(&e, "--ca URL is needed");
        return cli_fail_json(json, CLI_USAGE, &e);
    }
    j.out = j.out != NULL ? j.out : ".";
    j.source.tries = (unsigned)tries.value;
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
    issued_free(&j.issued);
    free(j.log_entries.item);
    scts_logs_free(&j.logs);
    EVP_PKEY_free(j.key);
    return rc == 0 ? CLI_OK : cli_fail_json(json, CLI_FAILED, &e);
}
