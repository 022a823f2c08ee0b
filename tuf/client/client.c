#include "tuf/client/client.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/fetch/again.h"
#include "tuf/client/internal.h"

#define TIMEOUT_MS 30000L
#define LOCK_MS 60000L

int tuf_client_init(const char *dir, const void *root, size_t len, struct tm_err *e)
{
    struct tuf_store store = {.lock_fd = -1};
    struct tuf_metadata *m = tuf_roots_parse(root, len, e); /* before there is a directory */
    if (m == NULL)
        return -1;
    tuf_metadata_free(m);
    if (tuf_store_open(&store, dir, LOCK_MS, e) != 0)
        return -1;
    int rc = tuf_roots_begin(&store, root, len, e);
    tuf_store_close(&store);
    return rc;
}

static int add_mirrors(struct tuf_mirrors *m, const char *const *urls, size_t count,
                       const char *suffix, struct tm_err *e)
{
    for (size_t i = 0; i < count; i++) {
        if (tuf_mirrors_add(m, urls[i], suffix, e) != 0)
            return -1;
    }
    return 0;
}

static int set_mirrors(struct tuf_client *c, const struct tuf_client_options *o, struct tm_err *e)
{
    if (add_mirrors(&c->metadata, o->metadata_urls, o->metadata_url_count, NULL, e) != 0)
        return -1;
    return o->target_url_count > 0
               ? add_mirrors(&c->targets, o->target_urls, o->target_url_count, NULL, e)
               : add_mirrors(&c->targets, o->metadata_urls, o->metadata_url_count, "targets", e);
}

static void set_transport(struct tuf_client *c, struct tuf_mirrors *m,
                          const struct tuf_client_options *o)
{
    m->session = c->session;
    m->fetch = o->fetch;
    m->fetch_ctx = o->fetch_ctx;
    m->ca_pem = c->ca_pem;
    m->allow_http = o->allow_http;
    m->tries = !o->patient ? 1 : o->tries > 0 ? o->tries : TM_FETCH_TRIES;
    m->timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : TIMEOUT_MS;
}

struct tuf_client *tuf_client_open(const struct tuf_client_options *o, struct tm_err *e)
{
    struct tuf_client *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return tm_err_null(e, "out of memory");
    c->store.lock_fd = -1;
    c->now = o->now != 0 ? o->now : tm_clock_wall_ms() / 1000;
    c->offline = o->offline;
    c->store.passing = o->passing;
    c->session = tm_fetch_session_new();
    c->ca_pem = o->ca_pem != NULL ? strdup(o->ca_pem) : NULL;
    set_transport(c, &c->metadata, o);
    set_transport(c, &c->targets, o);
    int rc = c->session != NULL && (o->ca_pem == NULL || c->ca_pem != NULL)
                 ? 0
                 : tm_err_set(e, "out of memory");
    if (rc == 0 && set_mirrors(c, o, e) == 0 &&
        tuf_store_open(&c->store, o->dir, o->lock_ms > 0 ? o->lock_ms : LOCK_MS, e) == 0 &&
        tuf_roots_load(c, o->root, o->root_len, e) == 0)
        return c;
    tuf_client_close(c);
    return NULL;
}

/* What a run has loaded below the root. */
static void forget_roles(struct tuf_client *c)
{
    for (size_t i = 0; i < c->role_count; i++) {
        if (c->roles[i].m != c->top[TUF_TARGETS])
            tuf_metadata_free(c->roles[i].m);
        free(c->roles[i].name);
    }
    free(c->roles);
    c->roles = NULL;
    c->role_count = 0;
    for (int i = TUF_TIMESTAMP; i < TUF_ROLE_COUNT; i++) {
        tuf_metadata_free(c->top[i]);
        c->top[i] = NULL;
    }
}

void tuf_client_close(struct tuf_client *c)
{
    if (c == NULL)
        return;
    forget_roles(c);
    tuf_metadata_free(c->top[TUF_ROOT]);
    tuf_metadata_free(c->beaten);
    tm_buf_free(&c->root_bytes);
    tuf_mirrors_free(&c->metadata);
    tuf_mirrors_free(&c->targets);
    tm_fetch_session_free(c->session);
    tuf_store_close(&c->store);
    free(c->ca_pem);
    free(c);
}

int tuf_client_refresh(struct tuf_client *c, struct tm_err *e)
{
    struct tuf_signers by;
    forget_roles(c);
    if (tuf_roots_update(c, e) != 0 || tuf_roles_update_timestamp(c, e) != 0 ||
        tuf_roles_update_snapshot(c, e) != 0)
        return -1;
    tuf_root_signers(c->top[TUF_ROOT], TUF_TARGETS, &by);
    return tuf_roles_load_targets(c, "targets", &by, &c->top[TUF_TARGETS], e);
}

const struct tuf_metadata *tuf_client_role(const struct tuf_client *c, enum tuf_role role)
{
    return c->top[role];
}

int64_t tuf_client_now(const struct tuf_client *c)
{
    return c->now;
}
