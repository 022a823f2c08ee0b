/* What must work for a certificate to be issued, one check each; and what else is served. */
#include <string.h>

#include "ca/api/internal.h"
#include "common/clock.h"

/* Within this many milliseconds the CA key has made a signature that was checked. */
#define SIGNATURE_MS 10000

static int signature(void *ctx, struct tm_err *e)
{
    struct ca_api_view *v = ca_api_view_get(ctx);
    int rc = ca_signer_check(v->ca, e);
    if (rc == 0 && tm_clock_wall_ms() / 1000 >= ca_signer_chain(v->ca)->not_after)
        rc = tm_err_set(e, "the CA certificate has expired: tenmint-ca rotate makes another");
    ca_api_view_unref(v);
    return rc;
}

static int transparency_log(void *ctx, struct tm_err *e)
{
    const struct ca_issue_log *log = ((struct ca_api *)ctx)->o.log;
    return log != NULL && log->ready != NULL ? log->ready(log->ctx, e) : 0;
}

static int dated(void *ctx, struct tm_err *e)
{
    return ca_api_clock_ready(ctx, e);
}

static int recorded(void *ctx, struct tm_err *e)
{
    const struct ca_api *api = ctx;
    return api->o.audit_best_effort ? 0 : ca_api_audit_look(api, e);
}

static int trusted(void *ctx, struct tm_err *e)
{
    const struct ca_api *api = ctx;
    struct oidc_trust *trust = oidc_verifier_trust(api->o.verifier);
    int rc = oidc_trust_count(trust) > 0 ? 0 : tm_err_set(e, "the issuer list is empty");
    oidc_trust_unref(trust);
    return rc;
}

struct ca_ready *ca_api_ready_new(struct ca_api *api, struct tm_err *e)
{
    const struct ca_ready_check own[] = {
        {"signature", signature, SIGNATURE_MS, api},
        {"log", transparency_log, 0, api},
        {"clock", dated, 0, api},
        {"audit", recorded, 0, api},
        {"issuers", trusted, 0, api},
    };
    struct ca_ready_check all[CA_READY_CHECKS_MAX];
    size_t count = 0;
    if ((api->o.absent & CA_API_CERTIFICATES) == 0) {
        count = sizeof(own) / sizeof(own[0]);
        memcpy(all, own, sizeof(own));
    }
    _Static_assert(sizeof(own) / sizeof(own[0]) + CA_API_CHECKS_MAX <= CA_READY_CHECKS_MAX,
                   "a server that does everything has room for all of them");
    if (api->o.check_count > CA_API_CHECKS_MAX)
        return tm_err_null(e, "too many checks of readiness");
    for (size_t i = 0; i < api->o.check_count; i++)
        all[count++] = api->o.checks[i];
    return ca_ready_new(all, count, api->o.jlog, e);
}
