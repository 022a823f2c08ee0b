#include "tools/tenmint-ca/serve/roles.h"

#define FEW_LANES 2 /* to who only reads files, or signs seldom */

static const struct tm_process_role table[ROLE_COUNT] = {
    [ROLE_FETCH] = {"fetch", role_fetch_start, NULL, NULL, role_fetch_stop},
    [ROLE_KEYS] = {"keys", role_keys_start, NULL, NULL, role_keys_stop},
    [ROLE_AUDIT] = {"audit", role_server_start, NULL, NULL, role_server_stop},
    [ROLE_LOG] = {"log", role_server_start, NULL, NULL, role_server_stop},
    [ROLE_SIGNATURES] = {"signatures", role_server_start, role_server_reload, NULL,
                         role_server_stop},
    [ROLE_TIMESTAMPS] = {"timestamps", role_server_start, role_server_reload, NULL,
                         role_server_stop},
    [ROLE_TUF] = {"tuf", role_server_start, NULL, NULL, role_server_stop},
    [ROLE_PAGES] = {"pages", role_server_start, NULL, NULL, role_server_stop},
    [ROLE_ISSUER] = {"issuer", role_issuer_start, role_issuer_reload, NULL, role_issuer_stop},
    [ROLE_FRONT] = {"front", role_front_start, role_front_reload, role_front_given,
                    role_front_stop},
};

/* How many channels the front has to each; a channel is served by one thread. */
static void count_lanes(struct roles *r)
{
    struct tm_http_mount mounts[ROLES_MOUNTS_MAX];
    size_t most = r->http.workers < HTTP_FAR_CHANNELS_MAX ? r->http.workers : HTTP_FAR_CHANNELS_MAX;
    size_t few = most < FEW_LANES ? most : FEW_LANES;
    const size_t lanes[ROLE_COUNT] = {[ROLE_LOG] = few,
                                      [ROLE_SIGNATURES] = most,
                                      [ROLE_TIMESTAMPS] = few,
                                      [ROLE_TUF] = 1,
                                      [ROLE_PAGES] = 1};
    for (unsigned i = 0; i < ROLE_COUNT; i++)
        r->lanes[i] = roles_mounts(r->config, i, mounts) > 0 ? lanes[i] : 0;
    r->lanes[ROLE_AUDIT] = r->config->audit_store.store != NULL ? 1 : 0; /* its metrics */
    r->lanes[ROLE_ISSUER] = most;
}

static int link_pair(const struct roles *r, bool wanted, enum role_name a, enum role_name b,
                     int *out, struct tm_err *e)
{
    *out = wanted ? tm_process_link(r->group, a, b, e) : -1;
    return wanted && *out < 0 ? -1 : 0;
}

/* Who sends events to the audit trail. */
static int link_trail(struct roles *r, struct tm_err *e)
{
    static const enum role_name senders[] = {ROLE_LOG, ROLE_SIGNATURES, ROLE_TIMESTAMPS,
                                             ROLE_ISSUER, ROLE_FRONT};
    bool heads = r->config->audit_store.origin != NULL;
    if (link_pair(r, heads, ROLE_AUDIT, ROLE_FETCH, &r->audit_to_fetch, e) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
        enum role_name role = senders[i];
        bool wanted = r->lanes[ROLE_AUDIT] > 0 && r->started[role].start != NULL;
        if (link_pair(r, wanted, ROLE_AUDIT, role, &r->trail_of[role], e) != 0)
            return -1;
    }
    return 0;
}

/* Where each role's key is; *any: one is at a service. */
static int find_keys(struct roles *r, bool *any, struct tm_err *e)
{
    *any = false;
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        const struct ca_config_key *key = roles_key(r->config, i);
        r->keys_of[i] = -1;
        if (key == NULL || !ca_config_key_is_given(key) || r->started[i].start == NULL)
            continue;
        if (ca_config_key_find(key, &r->place[i], e) != 0)
            return -1;
        *any = *any || r->place[i] == CA_KEY_AT_SERVICE;
    }
    return 0;
}

static int link_keys(struct roles *r, struct tm_err *e)
{
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        if (r->place[i] == CA_KEY_AT_SERVICE &&
            link_pair(r, true, i, ROLE_KEYS, &r->keys_of[i], e) != 0)
            return -1;
    }
    return 0;
}

int roles_link(struct roles *r, struct tm_err *e)
{
    bool keys;
    bool log = r->config->ct.embedded.directory != NULL;
    bool signatures = r->config->signatures.directory != NULL;
    bool timestamps = r->config->tsa.chain != NULL;
    ca_config_http(r->config, &r->http); /* it counts processors, which needs a file */
    count_lanes(r);
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        r->started[i] = table[i];
        r->ready_of[i] = -1;
        r->trail_of[i] = -1;
        if (r->lanes[i] == 0 && i != ROLE_FETCH && i != ROLE_KEYS && i != ROLE_FRONT)
            r->started[i].start = NULL;
    }
    if (find_keys(r, &keys, e) != 0)
        return -1;
    if (!keys)
        r->started[ROLE_KEYS].start = NULL;
    r->group = tm_process_group_new(r->started, ROLE_COUNT, r, e);
    if (r->group != NULL)
        tm_process_opens(r->group, roles_open_for);
    if (r->group == NULL ||
        link_pair(r, true, ROLE_ISSUER, ROLE_FETCH, &r->issuer_to_fetch, e) != 0 ||
        link_pair(r, log, ROLE_LOG, ROLE_FETCH, &r->log_to_fetch, e) != 0 ||
        link_pair(r, signatures, ROLE_SIGNATURES, ROLE_FETCH, &r->signatures_to_fetch, e) != 0 ||
        link_pair(r, log, ROLE_ISSUER, ROLE_LOG, &r->issuer_to_log, e) != 0 ||
        link_pair(r, r->config->pages.directory != NULL, ROLE_ISSUER, ROLE_PAGES,
                  &r->issuer_to_pages, e) != 0 ||
        link_pair(r, r->config->limits.store != NULL, ROLE_ISSUER, ROLE_FETCH, &r->issuer_to_store,
                  e) != 0 ||
        link_pair(r, signatures, ROLE_ISSUER, ROLE_SIGNATURES, &r->ready_of[ROLE_SIGNATURES], e) !=
            0 ||
        link_pair(r, timestamps, ROLE_ISSUER, ROLE_TIMESTAMPS, &r->ready_of[ROLE_TIMESTAMPS], e) !=
            0 ||
        link_keys(r, e) != 0 || link_trail(r, e) != 0)
        return -1;
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        for (size_t lane = 0; lane < r->lanes[i]; lane++) {
            if (link_pair(r, true, ROLE_FRONT, i, &r->front_to[i][lane], e) != 0)
                return -1;
        }
    }
    return 0;
}
