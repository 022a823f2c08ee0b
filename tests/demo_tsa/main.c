/*
 * demo_tsa CHAIN-FILE: a test timestamp authority on loopback. Writes its certificates (PEM,
 * signing certificate first) and prints its URL. For tests and demonstrations only.
 */
#include <stdio.h>
#include <time.h>

#include "common/file.h"
#include "tests/support/demohttp.h"
#include "tests/support/pki.h"
#include "tests/support/signed.h"

#define DAY ((int64_t)86400)

struct tsa {
    EVP_PKEY *root_key, *key;
    X509 *root, *cert;
};

static int make(struct tsa *t, const char *chain_file)
{
    static const struct pki_extension leaf[] = {{"keyUsage", "critical,digitalSignature"},
                                                {"extendedKeyUsage", "critical,timeStamping"},
                                                {NULL, NULL}};
    int64_t now = time(NULL);
    struct tm_buf pem = {0};
    struct tm_err e = {0};
    t->root_key = pki_key("P-256");
    t->key = pki_key("P-256");
    t->root = pki_ca("Demo TSA root", t->root_key, NULL, NULL, now - DAY, now + 365 * DAY);
    const struct pki_spec spec = {"Demo TSA", t->key,          t->root, t->root_key,
                                  now - DAY,  now + 365 * DAY, leaf};
    t->cert = pki_cert(&spec);
    pki_pem(t->cert, &pem);
    pki_pem(t->root, &pem);
    int rc = tm_file_write_atomic(chain_file, 0644, pem.data, pem.len, &e);
    if (rc != 0)
        fprintf(stderr, "demo_tsa: %s\n", e.text);
    tm_buf_free(&pem);
    return rc;
}

static void stamp(void *ctx, const char *method, const char *path, const char *body, size_t len,
                  struct demo_reply *out)
{
    const struct tsa *t = ctx;
    (void)method;
    (void)path;
    out->type = "application/timestamp-reply";
    signed_reply(t->cert, t->key, time(NULL), body, len, &out->body);
}

int main(int argc, char **argv)
{
    struct tsa t = {0};
    struct demo_http http = {.handle = stamp, .ctx = &t};
    int rc = 1;
    if (argc == 2 && make(&t, argv[1]) == 0)
        rc = demo_http_run(&http);
    EVP_PKEY_free(t.root_key);
    EVP_PKEY_free(t.key);
    X509_free(t.root);
    X509_free(t.cert);
    return rc;
}
