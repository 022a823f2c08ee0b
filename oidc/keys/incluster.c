#include "oidc/keys/incluster.h"

#include <string.h>
#include <unistd.h>

#include "common/fetch/fetch.h"
#include "common/file.h"

#define FILE_MAX ((size_t)64 * 1024)

static bool is_api_server(const char *url)
{
    static const char name[] = "https://kubernetes.default.svc";
    size_t len = sizeof(name) - 1;
    return strncmp(url, name, len) == 0 && (url[len] == '\0' || strchr("./:", url[len]) != NULL);
}

bool oidc_incluster_is(const struct oidc_issuer *issuer)
{
    return !issuer->wildcard && strcmp(issuer->type_name, "kubernetes") == 0 &&
           (is_api_server(issuer->url) || tm_fetch_is_loopback(issuer->url));
}

int oidc_incluster_ca(const char *path, struct tm_buf *out, struct tm_err *e)
{
    if (path == NULL || access(path, F_OK) != 0)
        return 0;
    return tm_file_read_text(path, FILE_MAX, out, e) == 0 ? 0 : tm_err_wrap(e, "the cluster's CA");
}

int oidc_incluster_token(const char *path, struct tm_buf *out, struct tm_err *e)
{
    if (path == NULL || access(path, F_OK) != 0)
        return 0;
    if (tm_file_read_text(path, FILE_MAX, out, e) != 0)
        return tm_err_wrap(e, "the service account's token");
    while (out->len > 0 && (out->data[out->len - 1] == '\n' || out->data[out->len - 1] == '\r'))
        out->len--;
    for (size_t i = 0; i < out->len; i++) {
        if (out->data[i] <= 0x20 || out->data[i] >= 0x7f)
            return tm_err_set(e, "the service account's token '%s' is not one line of text", path);
    }
    return 0;
}
