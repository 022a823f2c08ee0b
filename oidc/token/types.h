/*
 * What all rooms of oidc have words for: under which conditions a token is taken, why one is not,
 * who waits, and how an issuer's keys are.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tm_fetch_hub;

#define OIDC_TOKEN_MAX ((size_t)32 * 1024) /* bytes of a compact token */
#define OIDC_ISSUER_MAX 255 /* bytes of an issuer's URL: what is compared is never cut */

enum oidc_engine {
    OIDC_ENGINE_CACHED_KEY, /* keys decoded once, OpenSSL EVP; every algorithm */
    OIDC_ENGINE_LIBJWT,     /* libjwt for RS and ES algorithms, the cached key for the rest */
};

struct oidc_options {
    int64_t skew_s;              /* leeway for exp, nbf, iat; default 60 */
    int64_t max_age_s;           /* refuse a token whose iat is older; 0: no check */
    int64_t jwks_refresh_s;      /* background refresh period; default 3600 */
    int64_t jwks_min_interval_s; /* between fetches for unknown kids; default 30 */
    int64_t jwks_max_age_s;   /* keys that no fetch has confirmed for longer are dropped; 0: kept */
    int64_t fetch_timeout_ms; /* default 10 000 */
    bool allow_http;          /* issuers over http:// outside loopback; default false */
    enum oidc_engine engine;
    const char *ca_file;               /* PEM file with extra CAs for every issuer; or NULL */
    const char *kubernetes_ca_file;    /* for the cluster this process runs in, if the file is */
    const char *kubernetes_token_file; /* there; read at each fetch; NULL: not looked for */
    bool single_use;                   /* results name the token, for who lets each be used once */
    bool on_demand; /* an issuer is asked for its keys by its first token, not before */
    struct tm_fetch_hub *fetch_hub; /* whose process fetches, outlives the verifier; NULL: ours */
};

void oidc_options_default(struct oidc_options *o);

/* The stable reasons of a refusal: metric label and log field. */
enum oidc_reason {
    OIDC_REASON_NONE,
    OIDC_REASON_MISSING,   /* no token */
    OIDC_REASON_MALFORMED, /* not a compact JWT, bad base64 or JSON, too long */
    OIDC_REASON_ALGORITHM, /* not on the allow-list, or wrong for the key */
    OIDC_REASON_HEADER,    /* crit, jwk, jku, x5u … */
    OIDC_REASON_ISSUER,    /* not trusted */
    OIDC_REASON_KEYS,      /* issuer's keys cannot be had, or not yet the one of this kid */
    OIDC_REASON_SIGNATURE,
    OIDC_REASON_EXPIRED,
    OIDC_REASON_NOT_YET, /* nbf or iat in the future */
    OIDC_REASON_AUDIENCE,
    OIDC_REASON_CLAIMS,   /* the principal cannot be made */
    OIDC_REASON_DISABLED, /* the issuer, in the list */
    OIDC_REASON_TERM,     /* the issuer is not yet in force, or not any more */
    OIDC_REASON_RULES,    /* the issuer's rules do not allow this token */
    OIDC_REASON_TRIAL,    /* it would have been taken; the issuer is on trial */
    OIDC_REASON_USED,     /* the token, for another certificate */
    OIDC_REASON_OUTDATED, /* the issuer list itself: nobody vouches for it any more */
    OIDC_REASON_COUNT
};
const char *oidc_reason_name(enum oidc_reason r); /* "expired" … */

/* `wake` runs on another thread and must only schedule; it is called exactly once per OIDC_WAIT. */
struct oidc_waiter {
    void (*wake)(void *arg);
    void *arg;
};

#define OIDC_TOKEN_USE_ID 16 /* bytes */

/* What tells a token from all others: its issuer with its `jti`, or what its signature covers. */
struct oidc_token_use {
    unsigned char id[OIDC_TOKEN_USE_ID];
    int64_t from_s;  /* it cannot have been taken before: its iat less the skew; 0: it has none */
    int64_t until_s; /* Unix seconds: from then on it is refused in any case */
};

/* One issuer, for metrics. */
struct oidc_issuer_stats {
    const char *issuer;
    const char *entry;  /* of the list, that admits it: a pattern, or the issuer itself */
    int64_t jwks_age_s; /* -1: never fetched */
    uint64_t failures;  /* discovery or JWKS fetches failed */
    unsigned keys;      /* usable keys held */
};
