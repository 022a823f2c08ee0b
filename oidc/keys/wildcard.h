/*
 * Inside oidc/keys only: what the issuers of one wildcard may cost together. Anybody can make up an
 * issuer that a wildcard admits; until one has shown keys it is on trial, and trials are few.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#define WILDCARD_TRIALS_MAX 64   /* issuers of one wildcard on trial */
#define WILDCARD_FETCHES_MAX 16  /* of those, being fetched */
#define WILDCARD_WAITERS_MAX 256 /* requests that wait for those fetches */
#define WILDCARDS_TRIALS_MAX 512 /* issuers of all wildcards on trial */
#define WILDCARDS_FETCHES_MAX 64 /* of those, being fetched */

struct oidc_wildcard {
    struct oidc_wildcard *next;
    char *pattern; /* owned */
    atomic_uint fetches;
    atomic_uint waiters;
};

/* Every wildcard that there was since the start: as many as operators write down. One thread at a
 * time, but for the counters. */
struct oidc_wildcards {
    struct oidc_wildcard *first;
    atomic_uint fetches;
};

/* The one of this pattern, made at first use. NULL: out of memory. */
struct oidc_wildcard *oidc_wildcards_at(struct oidc_wildcards *all, const char *pattern);
void oidc_wildcards_free(struct oidc_wildcards *all);

/* A place among the fetches; false: all are taken. */
bool oidc_wildcard_enter(struct oidc_wildcards *all, struct oidc_wildcard *w);
void oidc_wildcard_leave(struct oidc_wildcards *all, struct oidc_wildcard *w);

/* A place among those who wait. */
bool oidc_wildcard_wait(struct oidc_wildcard *w);
void oidc_wildcard_woken(struct oidc_wildcard *w, unsigned count);
