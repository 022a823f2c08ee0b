/* What the environment and files say of services and credentials. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/kms/internal.h"

#define SECRET_FILE_MAX ((size_t)32 << 10) /* a service account's key, a long token */

const char *const tm_kms_secret_variables[] = {"AWS_ACCESS_KEY_ID",
                                               "AWS_SECRET_ACCESS_KEY",
                                               "AWS_SESSION_TOKEN",
                                               "AZURE_CLIENT_SECRET",
                                               "VAULT_TOKEN",
                                               "BAO_TOKEN",
                                               "VAULT_SECRET_ID",
                                               "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                                               NULL};

const char *tm_kms_env(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

int tm_kms_home(const char *file, char *out, size_t size)
{
    const char *home = tm_kms_env("HOME");
    int n = home != NULL ? snprintf(out, size, "%s/%s", home, file) : -1;
    return n > 0 && (size_t)n < size ? 0 : -1;
}

int tm_kms_read_file(const char *path, struct tm_buf *out, struct tm_err *e)
{
    if (tm_file_read(path, SECRET_FILE_MAX, out, e) != 0)
        return -1;
    while (out->len > 0 && strchr(" \t\r\n", out->data[out->len - 1]) != NULL)
        out->len--;
    if (out->len == 0 || memchr(out->data, '\0', out->len) != NULL)
        return tm_err_set(e, "'%s' is empty, or holds a NUL", path);
    return tm_buf_str(out) != NULL ? 0 : tm_err_set(e, "out of memory");
}

int tm_kms_check_name(const char *name, struct tm_err *e)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/:";
    bool ok = name[0] != '\0' && strspn(name, letters) == strlen(name);
    for (const char *at = name; ok && at != NULL; at = strchr(at, '/')) {
        at += *at == '/';
        size_t len = strcspn(at, "/");
        ok = len > 0 && strspn(at, ".") != len;
    }
    return ok ? 0
              : tm_err_set(e,
                           "'%.200s' is no name: letters, digits and _ . - / : without empty "
                           "parts",
                           name);
}

char *tm_kms_base(const char *url, struct tm_err *e)
{
    if (tm_fetch_check_url(url, false, e) != 0)
        return NULL;
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/')
        len--;
    char *copy = strpbrk(url, "?# \r\n") == NULL ? strndup(url, len) : NULL;
    if (copy == NULL)
        tm_err_set(e, "'%.200s' is no address of a service", url);
    return copy;
}

void tm_kms_put_escaped(struct tm_buf *out, const void *text, size_t len)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    const unsigned char *t = text;
    for (size_t i = 0; i < len; i++) {
        if (t[i] != '\0' && strchr(plain, t[i]) != NULL)
            buf_putc(out, t[i]);
        else
            tm_buf_printf(out, "%%%02X", t[i]);
    }
}
