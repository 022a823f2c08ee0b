#include "tuf/metadata/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"

static const struct {
    const char *name;
    const EVP_MD *(*md)(void);
} algorithms[] = {{"sha256", EVP_sha256}, {"sha512", EVP_sha512}};
#define ALGORITHMS (sizeof(algorithms) / sizeof(algorithms[0]))

struct tuf_digest {
    EVP_MD_CTX *ctx[ALGORITHMS]; /* NULL: not pinned */
    char want[ALGORITHMS][sizeof(((struct tuf_hash *)0)->hex)];
    int64_t length; /* -1: not pinned */
    int64_t seen;
};

static int add_algorithm(struct tuf_digest *d, const struct tuf_hash *h, struct tm_err *e)
{
    for (size_t i = 0; i < ALGORITHMS; i++) {
        if (strcmp(algorithms[i].name, h->algorithm) != 0)
            continue;
        snprintf(d->want[i], sizeof(d->want[i]), "%s", h->hex);
        d->ctx[i] = EVP_MD_CTX_new();
        if (d->ctx[i] == NULL || EVP_DigestInit_ex(d->ctx[i], algorithms[i].md(), NULL) != 1)
            return tm_err_openssl(e, "start %s", h->algorithm);
        return 0;
    }
    return tm_err_set(e, "hash algorithm '%.40s' is not known (sha256 and sha512 are)",
                      h->algorithm);
}

struct tuf_digest *tuf_digest_new(const struct tuf_file_info *info, struct tm_err *e)
{
    struct tuf_digest *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return tm_err_null(e, "out of memory");
    d->length = info->length;
    for (size_t i = 0; i < info->hash_count; i++) {
        if (add_algorithm(d, &info->hash[i], e) != 0) {
            tuf_digest_free(d);
            return NULL;
        }
    }
    return d;
}

void tuf_digest_free(struct tuf_digest *d)
{
    for (size_t i = 0; d != NULL && i < ALGORITHMS; i++)
        EVP_MD_CTX_free(d->ctx[i]);
    free(d);
}

int tuf_digest_add(struct tuf_digest *d, const void *data, size_t len, struct tm_err *e)
{
    if (d->length >= 0 && (int64_t)len > d->length - d->seen)
        return tm_err_set(e, "longer than the %lld bytes that are signed", (long long)d->length);
    d->seen += (int64_t)len;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        if (d->ctx[i] != NULL && EVP_DigestUpdate(d->ctx[i], data, len) != 1)
            return tm_err_openssl(e, "hash");
    }
    return 0;
}

int tuf_digest_check(struct tuf_digest *d, struct tm_err *e)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    char hex[2 * sizeof(md) + 1];
    unsigned len = 0;
    if (d->length >= 0 && d->seen != d->length)
        return tm_err_set(e, "%lld bytes, but %lld are signed", (long long)d->seen,
                          (long long)d->length);
    for (size_t i = 0; i < ALGORITHMS; i++) {
        if (d->ctx[i] == NULL)
            continue;
        if (EVP_DigestFinal_ex(d->ctx[i], md, &len) != 1)
            return tm_err_openssl(e, "hash");
        tm_hex_encode(md, len, hex);
        if (strcmp(hex, d->want[i]) != 0)
            return tm_err_set(e, "its %s is %.16s…, but %.16s… is signed", algorithms[i].name, hex,
                              d->want[i]);
    }
    return 0;
}

int tuf_file_check(const struct tuf_file_info *info, const void *data, size_t len, struct tm_err *e)
{
    struct tuf_digest *d = tuf_digest_new(info, e);
    int rc =
        d != NULL && tuf_digest_add(d, data, len, e) == 0 && tuf_digest_check(d, e) == 0 ? 0 : -1;
    tuf_digest_free(d);
    return rc;
}
