/*
 * The authority over HTTP, as sigstore's clients know it: POST /api/v1/timestamp (RFC 3161's
 * query, or JSON), GET /api/v1/timestamp/certchain.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "ca/tsa/tsa.h"
#include "common/http/http.h"
#include "common/jlog.h"
#include "common/offload.h"

struct ca_tsa_server { /* all are the caller's, and outlive the server */
    pthread_rwlock_t
        lock; /* the caller's to initialize: read by who uses it, written to replace it */
    struct ca_tsa *tsa;
    struct tm_jlog *jlog;       /* why a request was refused or not answered; or NULL */
    struct tm_offload *threads; /* where a key that takes its time signs; NULL: here */
    atomic_ulong granted, refused, not_now;
};

/* The authority in force, for as long as it is held. */
struct ca_tsa *ca_tsa_server_hold(struct ca_tsa_server *s);
void ca_tsa_server_release(struct ca_tsa_server *s);

/* Puts another authority in force. Returns the one before, once nobody holds it any more. */
struct ca_tsa *ca_tsa_server_replace(struct ca_tsa_server *s, struct ca_tsa *next);

/* The routes, whose context is a struct ca_tsa_server. */
extern const struct tm_http_route ca_tsa_routes[];
extern const size_t ca_tsa_route_count;

/* The same, below "/api/v1", for a server whose routes are another's. */
struct tm_http_mount ca_tsa_mount(struct ca_tsa_server *s);
