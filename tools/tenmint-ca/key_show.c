/* key show: what is behind a key's URI, and whether it signs. */
#include <jansson.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/kms/kms.h"
#include "tools/shared/printed.h"
#include "tools/tenmint-ca/commands.h"

struct shown {
    const char *uri;
    struct tm_key *key;
    char algorithm[48];
    char *pem; /* of the public half */
    long pem_len;
    int64_t took_ms; /* one signature */
};

static void name_algorithm(const EVP_PKEY *key, char out[48])
{
    char group[32] = "";
    size_t len = 0;
    (void)EVP_PKEY_get_group_name(key, group, sizeof(group), &len);
    if (EVP_PKEY_is_a(key, "EC") == 1)
        snprintf(out, 48, "ECDSA %s", group);
    else
        snprintf(out, 48, "%s %d", EVP_PKEY_is_a(key, "RSA") == 1 ? "RSA" : "Ed25519",
                 EVP_PKEY_get_bits(key));
}

/* The key is allowed to be asked about, and to sign, by two different permissions. */
static int try_signature(struct shown *s, struct tm_err *e)
{
    unsigned char sig[1024];
    size_t len = sizeof(sig);
    EVP_PKEY *key = tm_key_pkey(s->key);
    const char *hash = EVP_PKEY_is_a(key, "ED25519") == 1 ? NULL
                       : EVP_PKEY_get_bits(key) == 384    ? "SHA384"
                       : EVP_PKEY_get_bits(key) == 521    ? "SHA512"
                                                          : "SHA256";
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int64_t begun = tm_clock_mono_ms();
    int rc = ctx != NULL && EVP_DigestSignInit_ex(ctx, NULL, hash, NULL, NULL, key, NULL) == 1 &&
                     EVP_DigestSign(ctx, sig, &len, (const unsigned char *)"tenmint", 7) == 1
                 ? 0
                 : tm_err_openssl(e, "it made no signature");
    s->took_ms = tm_clock_mono_ms() - begun;
    EVP_MD_CTX_free(ctx);
    return rc;
}

static int print(const struct shown *s, bool json, struct tm_err *e)
{
    if (!json) {
        printf("key        %s\nalgorithm  %s\nsigns      yes, in %lld ms\n%.*s", s->uri,
               s->algorithm, (long long)s->took_ms, (int)s->pem_len, s->pem);
        return 0;
    }
    json_t *o =
        json_pack("{s:o, s:s, s:b, s:I, s:s%}", "key", cli_json_text(s->uri, strlen(s->uri)),
                  "algorithm", s->algorithm, "signs", 1, "milliseconds", (json_int_t)s->took_ms,
                  "public_key", s->pem, (size_t)s->pem_len);
    return cli_print_json(o, e);
}

static int show(struct shown *s, bool json, struct tm_err *e)
{
    const struct tm_key_source source = {.uri = s->uri, .far = tm_kms_here()};
    s->key = tm_key_open(&source, "key", e);
    BIO *bio = s->key != NULL ? BIO_new(BIO_s_mem()) : NULL;
    int rc = bio != NULL && PEM_write_bio_PUBKEY(bio, tm_key_pkey(s->key)) == 1 ? 0 : -1;
    if (rc == 0) {
        s->pem_len = BIO_get_mem_data(bio, &s->pem);
        name_algorithm(tm_key_pkey(s->key), s->algorithm);
        rc = try_signature(s, e);
    }
    if (rc == 0)
        rc = print(s, json, e);
    BIO_free(bio);
    tm_key_free(s->key);
    return rc;
}

int command_key_show(const struct cli_command *self, int argc, char **argv)
{
    bool json = false;
    const struct cli_option options[] = {CLI_JSON(&json), {0}};
    struct tm_err e = {0};
    struct tm_key_uri u;
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    struct shown s = {.uri = argv[0]};
    if (tm_key_uri_parse(s.uri, strlen(s.uri), &u, &e) != 0)
        return cli_fail_json(json, CLI_USAGE, &e);
    tm_key_uri_free(&u);
    return show(&s, json, &e) == 0 ? CLI_OK : cli_fail_json(json, CLI_FAILED, &e);
}
