/* audit: the audit trail's database and its log of heads. The others send it events; nobody but it
 * writes them, and it answers nobody who asks from outside. */
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "ca/audit/keeper.h"
#include "common/fetch/far.h"
#include "tools/shared/cli.h"
#include "tools/tenmint-ca/serve/server.h"

struct audit_server {
    struct ca_config_audit_places places;
    struct tm_fetch_hub *hub; /* asks witnesses for us */
    struct ca_kept_options heads_options;
    struct ca_audit_heads *heads; /* NULL: nobody vouches for the trail */
    struct ca_audit_keeper *keeper;
};

/* What each process may say. */
static const unsigned may_say[ROLE_COUNT] = {
    [ROLE_ISSUER] = AUDIT_MAY(AUDIT_ISSUED) | AUDIT_MAY(AUDIT_REFUSED) | AUDIT_MAY(AUDIT_RELOAD) |
                    AUDIT_MAY(AUDIT_TRUST) | AUDIT_MAY(AUDIT_ROTATION) | AUDIT_MAY(AUDIT_FREEZE) |
                    AUDIT_MAY(AUDIT_THAW) | AUDIT_MAY(AUDIT_LOGIN),
    [ROLE_LOG] = AUDIT_MAY(AUDIT_RELOAD) | AUDIT_MAY(AUDIT_LOGIN) | AUDIT_MAY(AUDIT_ROTATION),
    [ROLE_SIGNATURES] =
        AUDIT_MAY(AUDIT_RELOAD) | AUDIT_MAY(AUDIT_LOGIN) | AUDIT_MAY(AUDIT_ROTATION),
    [ROLE_TIMESTAMPS] =
        AUDIT_MAY(AUDIT_RELOAD) | AUDIT_MAY(AUDIT_LOGIN) | AUDIT_MAY(AUDIT_ROTATION),
    [ROLE_FRONT] = AUDIT_MAY(AUDIT_RELOAD),
};

static const char *const names[ROLE_COUNT] = {[ROLE_ISSUER] = "issuer",
                                              [ROLE_LOG] = "log",
                                              [ROLE_SIGNATURES] = "signatures",
                                              [ROLE_TIMESTAMPS] = "timestamps",
                                              [ROLE_FRONT] = "front"};

static int open_heads(struct server *s, struct audit_server *a, struct tm_err *e)
{
    if (s->config->audit_store.origin == NULL) {
        jlog(s->log, JLOG_WARN,
             "the audit trail has no log of heads: who rules this host could write it anew",
             JLOG_END);
        return 0;
    }
    a->hub = tm_fetch_hub_new(tm_process_take(s->roles->group, s->roles->audit_to_fetch), e);
    a->heads_options.jlog = s->log;
    a->heads_options.key.far = server_far(s);
    a->heads_options.fetch_hub = a->hub;
    a->heads = a->hub != NULL ? ca_audit_heads_open(&a->heads_options, e) : NULL;
    return a->heads != NULL ? 0 : tm_err_wrap(e, "log of heads");
}

static int serve_others(struct server *s, struct audit_server *a, struct tm_err *e)
{
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        int link = s->roles->trail_of[i];
        if (link >= 0 && ca_audit_keeper_serve(a->keeper, tm_process_take(s->roles->group, link),
                                               names[i], may_say[i], e) != 0)
            return -1;
    }
    return 0;
}

static int open_keeper(struct server *s, struct audit_server *a, struct ca_audit_keeper_options *o,
                       struct tm_err *e)
{
    char who[64];
    struct tm_buf detail = {0};
    snprintf(who, sizeof(who), "uid %lu", (unsigned long)getuid());
    tm_buf_printf(&detail, "version %s", cli_version);
    const struct ca_audit_event start = {
        .kind = AUDIT_START, .actor = who, .detail = tm_buf_str(&detail)};
    o->heads = a->heads;
    o->jlog = s->log;
    a->keeper = ca_audit_keeper_open(o, &start, e);
    tm_buf_free(&detail);
    return a->keeper != NULL ? serve_others(s, a, e) : -1;
}

static int open_audit(struct server *s, struct tm_err *e)
{
    struct ca_audit_keeper_options o;
    struct audit_server *a = calloc(1, sizeof(*a));
    s->own = a;
    if (a == NULL)
        return tm_err_set(e, "out of memory");
    int rc = ca_config_audit(s->config, &a->places, &o, &a->heads_options, e);
    if (rc == 0)
        rc = open_heads(s, a, e);
    if (rc == 0)
        rc = open_keeper(s, a, &o, e);
    return rc == 0 ? 0 : tm_err_wrap(e, "audit-store");
}

static int begin(struct server *s, struct tm_err *e)
{
    const struct audit_server *a = s->own;
    return ca_audit_keeper_start(a->keeper, e);
}

static void metrics(void *own, struct tm_buf *out)
{
    const struct audit_server *a = own;
    ca_audit_keeper_metrics(a->keeper, out);
}

static void close_audit(struct server *s)
{
    struct audit_server *a = s->own;
    ca_audit_keeper_close(a->keeper, &(struct ca_audit_event){.kind = AUDIT_STOP});
    ca_audit_heads_close(a->heads);
    tm_fetch_hub_free(a->hub);
    ca_config_audit_free(&a->places);
    free(a);
}

/* PostgreSQL is somewhere else, and names are looked up by modules of the C library. */
static unsigned more_rights(const struct ca_config *c)
{
    return c->audit_store.dsn_file != NULL ? SANDBOX_CONNECT | SANDBOX_LOAD : 0;
}

const struct server_kind server_audit = {.open = open_audit,
                                         .begin = begin,
                                         .metrics = metrics,
                                         .key_name = "audit",
                                         .close = close_audit,
                                         .rights = SANDBOX_READ | SANDBOX_WRITE | SANDBOX_CLOCK,
                                         .more_rights = more_rights};
