/*
 * A process that answers requests which the front relays, below paths of its own: what the logs,
 * the timestamp authority and the TUF tree have in common, and what each fills in.
 */
#pragma once

#include "common/http/far.h"
#include "common/kms/lane.h"
#include "common/sandbox/sandbox.h"
#include "common/sink.h"
#include "tools/tenmint-ca/serve/roles.h"

struct server_route { /* a GET of one path */
    const char *path;
    enum tm_http_result (*handle)(void *ctx, struct tm_http_exchange *x);
    void *ctx; /* its own */
};

#define SERVER_ROUTES_MAX 4

struct server {
    struct roles *roles;
    const struct ca_config *config;
    struct tm_sink *output;
    struct tm_jlog *log;
    struct tm_http_mount mounts[ROLES_MOUNTS_MAX]; /* filled by `open` */
    size_t mount_count;
    struct server_route routes[SERVER_ROUTES_MAX]; /* likewise; as roles_routes() has them */
    size_t route_count;
    struct tm_http_route rows[SERVER_ROUTES_MAX + 1];
    struct tm_http_far_server *far;
    struct ca_ready_teller *ready; /* NULL: nobody asks */
    struct ca_audit_far *trail;    /* NULL: events go nowhere */
    struct tm_kms_asker *keys;     /* NULL: its key is at no service */
    struct tm_key_far key_far;     /* with it, for tm_key_source */
    void *own;                     /* the kind's state */
};

/* For tm_key_source.far. */
static inline const struct tm_key_far *server_far(const struct server *s)
{
    return s->keys != NULL ? &s->key_far : NULL;
}

struct server_kind { /* static */
    /* Opens keys and files. 0, or -1 with `e` set: the configuration is refused. */
    int (*open)(struct server *s, struct tm_err *e);
    int (*begin)(struct server *s, struct tm_err *e); /* its threads, in the sandbox; or NULL */
    /* Looks for changed files; with `force` all are read again. What is bad is logged and leaves
     * the old in force. On a thread of its own; or NULL. */
    void (*reload)(struct server *s, bool force);
    int (*ready)(void *own, struct tm_err *e);          /* or NULL */
    void (*metrics)(void *own, struct tm_buf *out);     /* Prometheus text; or NULL */
    void (*close)(struct server *s);                    /* once nobody asks any more */
    const char *key_name;                               /* in metrics; NULL: it has no key */
    unsigned rights;                                    /* enum tm_sandbox_right */
    unsigned (*more_rights)(const struct ca_config *c); /* beyond these; or NULL */
};

extern const struct server_kind server_audit;      /* role_audit.c */
extern const struct server_kind server_log;        /* server_log.c */
extern const struct server_kind server_signatures; /* sigstore.c */
extern const struct server_kind server_timestamps;
extern const struct server_kind server_tuf;   /* repository.c */
extern const struct server_kind server_pages; /* pages.c */
