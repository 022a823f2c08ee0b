#include "tools/tenmint/detached.h"

#include <limits.h>
#include <stdio.h>

#include "common/b64.h"
#include "common/file.h"
#include "common/pem.h"

const char *const detached_ends[DETACHED_FILES] = {".sig", ".pem"};
static const char *const words[DETACHED_FILES] = {"signature", "certificate"};

static void fill(const struct tuf_bundle *b, struct tm_buf text[DETACHED_FILES])
{
    unsigned char *der = NULL;
    int len = i2d_X509(b->leaf, &der);
    tm_b64_encode(B64_STD, b->signature.data, b->signature.len, &text[0]);
    if (len > 0)
        tm_pem_put("CERTIFICATE", der, (size_t)len, PEM_STYLE_FILE, &text[1]);
    OPENSSL_free(der);
}

int detached_write(const struct tuf_bundle *b, const char *artifact, bool force, struct tm_err *e)
{
    struct tm_buf text[DETACHED_FILES] = {0};
    char path[PATH_MAX];
    int rc = 0;
    fill(b, text);
    for (size_t i = 0; i < DETACHED_FILES && rc == 0; i++) {
        if (buf_failed(&text[i]) || text[i].len == 0)
            rc = tm_err_set(e, "out of memory");
        else if ((size_t)snprintf(path, sizeof(path), "%s%s", artifact, detached_ends[i]) >=
                 sizeof(path))
            rc = tm_err_set(e, "'%.200s': the path is too long", artifact);
        else
            rc = force ? tm_file_write_atomic(path, 0644, text[i].data, text[i].len, e)
                       : tm_file_create(path, 0644, text[i].data, text[i].len, e);
        if (rc == 0)
            printf("%-12s %s\n", words[i], path);
    }
    for (size_t i = 0; i < DETACHED_FILES; i++)
        tm_buf_free(&text[i]);
    return rc;
}
