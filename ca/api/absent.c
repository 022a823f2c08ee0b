/* What this server does not serve: 404, with a word about it. */
#include <string.h>

#include "ca/api/grpc.h"
#include "ca/api/internal.h"

static const struct {
    unsigned what;
    const char *path; /* and what is below it, when it ends in a slash */
    const char *word;
} rows[] = {
    {CA_API_CERTIFICATES, "/api/v2/signingCert", "this server issues no certificates"},
    {CA_API_CERTIFICATES, "/api/v1/signingCert", "this server issues no certificates"},
    {CA_API_CERTIFICATES, "/api/v2/trustBundle", "this server issues no certificates"},
    {CA_API_CERTIFICATES, "/api/v2/configuration", "this server issues no certificates"},
    {CA_API_CERTIFICATES, "/api/v1/rootCert", "this server issues no certificates"},
    {CA_API_CERTIFICATES, CA_GRPC_SERVICE, "this server issues no certificates"},
    {CA_API_SIGNATURE_LOG, "/api/v2/log/entries", "this server has no signature log"},
    {CA_API_SIGNATURE_LOG, "/api/v2/checkpoint", "this server has no signature log"},
    {CA_API_SIGNATURE_LOG, "/api/v2/tile/", "this server has no signature log"},
    {CA_API_TIMESTAMPS, "/api/v1/timestamp", "this server makes no timestamps"},
    {CA_API_TIMESTAMPS, "/api/v1/timestamp/", "this server makes no timestamps"},
    {CA_API_CT_LOG, "/log/", "this server has no log of certificates"},
    {CA_API_TUF, "/tuf/", "this server has no TUF repository"},
};

static bool fits(const char *row, const char *path)
{
    size_t len = strlen(row);
    return row[len - 1] == '/' ? strncmp(path, row, len) == 0 : strcmp(path, row) == 0;
}

void ca_api_refuse_path(struct ca_api *api, struct tm_http_exchange *x)
{
    struct ca_api_failure f = {.fault = API_FAULT_NOT_FOUND};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if ((api->o.absent & rows[i].what) != 0 && fits(rows[i].path, tm_http_path(x))) {
            f.fault = API_FAULT_NOT_SERVED;
            tm_err_set(&f.detail, "Not Found: %s", rows[i].word);
        }
    }
    ca_api_refuse(api, x, &f, NULL);
}

enum tm_http_result ca_api_not_served(void *ctx, struct tm_http_exchange *x)
{
    ca_api_refuse_path(ctx, x);
    return HTTP_DONE;
}
