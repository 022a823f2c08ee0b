#include "tools/tenmint-ca/roles.h"

const struct tm_process_role roles_table[ROLE_COUNT] = {
    [ROLE_FETCH] = {"fetch", role_fetch_start, NULL, NULL, role_fetch_stop},
    [ROLE_ISSUER] = {"issuer", role_issuer_start, role_issuer_reload, NULL, role_issuer_stop},
    [ROLE_FRONT] = {"front", role_front_start, role_front_reload, role_front_given,
                    role_front_stop},
};

int roles_link(struct roles *r, struct tm_err *e)
{
    ca_config_http(r->config, &r->http); /* it counts processors, which needs a file */
    unsigned workers = r->http.workers;
    r->lanes = workers < HTTP_FAR_CHANNELS_MAX ? workers : HTTP_FAR_CHANNELS_MAX;
    r->issuer_to_fetch = tm_process_link(r->group, ROLE_ISSUER, ROLE_FETCH, e);
    if (r->issuer_to_fetch < 0)
        return -1;
    for (size_t i = 0; i < r->lanes; i++) {
        r->front_to_issuer[i] = tm_process_link(r->group, ROLE_FRONT, ROLE_ISSUER, e);
        if (r->front_to_issuer[i] < 0)
            return -1;
    }
    return 0;
}
