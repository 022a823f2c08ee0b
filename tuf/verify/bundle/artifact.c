#include "tuf/verify/bundle/artifact.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK ((size_t)256 * 1024)

const struct tuf_digest_row tuf_digest_table[DIGEST_COUNT] = {
    [DIGEST_SHA256] = {"sha256", "SHA2_256", "SHA256", 32},
    [DIGEST_SHA384] = {"sha384", "SHA2_384", "SHA384", 48},
    [DIGEST_SHA512] = {"sha512", "SHA2_512", "SHA512", 64},
};

int tuf_digest_by_name(const char *name, enum tuf_digest_algorithm *out, struct tm_err *e)
{
    for (size_t i = 0; i < DIGEST_COUNT; i++) {
        if (strcmp(tuf_digest_table[i].name, name) == 0 ||
            strcmp(tuf_digest_table[i].proto_name, name) == 0) {
            *out = (enum tuf_digest_algorithm)i;
            return 0;
        }
    }
    return tm_err_set(e, "the digest '%.40s' is none of sha256, sha384 and sha512", name);
}

struct digesting {
    EVP_MD_CTX *ctx[DIGEST_COUNT];
};

static void digesting_free(struct digesting *d)
{
    for (size_t i = 0; i < DIGEST_COUNT; i++)
        EVP_MD_CTX_free(d->ctx[i]);
}

static int digesting_start(struct digesting *d)
{
    *d = (struct digesting){0};
    for (size_t i = 0; i < DIGEST_COUNT; i++) {
        d->ctx[i] = EVP_MD_CTX_new();
        if (d->ctx[i] == NULL ||
            EVP_DigestInit_ex(d->ctx[i], EVP_get_digestbyname(tuf_digest_table[i].openssl), NULL) !=
                1)
            return -1;
    }
    return 0;
}

static int digesting_add(struct digesting *d, const void *data, size_t len)
{
    for (size_t i = 0; i < DIGEST_COUNT; i++) {
        if (EVP_DigestUpdate(d->ctx[i], data, len) != 1)
            return -1;
    }
    return 0;
}

static int digesting_end(struct digesting *d, struct tuf_artifact *out)
{
    for (size_t i = 0; i < DIGEST_COUNT; i++) {
        if (EVP_DigestFinal_ex(d->ctx[i], out->digest[i], NULL) != 1)
            return -1;
        out->has[i] = true;
    }
    return 0;
}

static int read_all(int fd, const char *name, struct digesting *d, struct tuf_artifact *out,
                    struct tm_err *e)
{
    unsigned char *block = malloc(BLOCK);
    ssize_t n = 0;
    int rc = block != NULL ? 0 : tm_err_set(e, "out of memory");
    while (rc == 0 && (n = read(fd, block, BLOCK)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            tm_err_errno(e, "read '%s'", name);
            rc = tm_err_mark(e, ERR_UNAVAILABLE);
        } else if (digesting_add(d, block, (size_t)n) != 0)
            rc = tm_err_openssl(e, "digest '%s'", name);
        else if (out->whole && out->content.len + (size_t)n > ARTIFACT_WHOLE_MAX)
            rc = tm_err_set(e,
                            "'%s' is larger than 1 GiB, the most that can be checked for a key "
                            "that signs the content itself",
                            name);
        else if (out->whole)
            tm_buf_append(&out->content, block, (size_t)n);
    }
    free(block);
    return rc == 0 && buf_failed(&out->content) ? tm_err_set(e, "out of memory") : rc;
}

/* Reads to the end of `fd`, digesting by every algorithm; keeps the content if asked to. */
static int read_artifact(int fd, const char *name, bool keep, struct tuf_artifact *out,
                         struct tm_err *e)
{
    struct digesting d;
    *out = (struct tuf_artifact){.whole = keep};
    int rc = digesting_start(&d) == 0 ? read_all(fd, name, &d, out, e)
                                      : tm_err_openssl(e, "digest '%s'", name);
    if (rc == 0 && digesting_end(&d, out) != 0)
        rc = tm_err_openssl(e, "digest '%s'", name);
    digesting_free(&d);
    if (rc != 0)
        tuf_artifact_free(out);
    return rc;
}

int tuf_artifact_open(const char *path, bool keep, struct tuf_artifact *out, struct tm_err *e)
{
    if (strcmp(path, "-") == 0)
        return read_artifact(STDIN_FILENO, "standard input", keep, out, e);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *out = (struct tuf_artifact){0};
    if (fd < 0) {
        tm_err_errno(e, "open '%s'", path);
        return tm_err_mark(e, ERR_UNAVAILABLE);
    }
    int rc = read_artifact(fd, path, keep, out, e);
    close(fd);
    return rc;
}

int tuf_artifact_from_bytes(const void *data, size_t len, struct tuf_artifact *out,
                            struct tm_err *e)
{
    struct digesting d;
    *out = (struct tuf_artifact){.whole = true};
    tm_buf_append(&out->content, data, len);
    int rc = !buf_failed(&out->content) && digesting_start(&d) == 0 ? 0 : -1;
    if (rc == 0) {
        if (digesting_add(&d, data, len) != 0 || digesting_end(&d, out) != 0)
            rc = -1;
        digesting_free(&d);
    }
    if (rc != 0) {
        tuf_artifact_free(out);
        tm_err_openssl(e, "digest");
    }
    return rc;
}

void tuf_artifact_from_digest(const unsigned char *digest, size_t len, struct tuf_artifact *out)
{
    *out = (struct tuf_artifact){0};
    for (size_t a = 0; a < DIGEST_COUNT; a++) {
        out->has[a] = tuf_digest_table[a].len == len;
        if (out->has[a])
            memcpy(out->digest[a], digest, len);
    }
}

void tuf_artifact_free(struct tuf_artifact *a)
{
    tm_buf_free(&a->content);
    *a = (struct tuf_artifact){0};
}
