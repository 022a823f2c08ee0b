#include "common/secret.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* Private numbers and PINs: an RSA key of 4096 bits needs 3 KiB, and while a key is read again
 * there are two of it. */
#define HEAP_BYTES ((size_t)64 * 1024)
#define HEAP_LEAST 32

static _Thread_local unsigned depth;

static void *get(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(n);
}

static void give(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    if (depth > 0 && p != NULL)
        OPENSSL_cleanse(p, malloc_usable_size(p));
    free(p);
}

static void *resize(void *p, size_t n, const char *file, int line)
{
    if (depth == 0 || p == NULL)
        return realloc(p, n);
    size_t had = malloc_usable_size(p);
    void *more = n > 0 ? malloc(n) : NULL;
    if (more == NULL && n > 0)
        return NULL;
    if (more != NULL)
        memcpy(more, p, had < n ? had : n);
    give(p, file, line);
    return more;
}

void tm_secret_init(void)
{
    (void)CRYPTO_set_mem_functions(get, resize, give);
}

int tm_secret_heap(struct tm_err *e)
{
    if (CRYPTO_secure_malloc_initialized() == 1)
        return 0;
    /* 2: it could not be locked (RLIMIT_MEMLOCK), and is used all the same. */
    if (CRYPTO_secure_malloc_init(HEAP_BYTES, HEAP_LEAST) == 0)
        return tm_err_set(e, "no memory for private keys can be set apart");
    return 0;
}

void tm_secret_begin(void)
{
    depth++;
}

void tm_secret_end(void)
{
    depth--;
}
