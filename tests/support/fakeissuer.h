/*
 * A token issuer that misbehaves on demand: discovery and one ES256 key over HTTP or HTTPS on a
 * free loopback port. URL/tenant is a second issuer with the same keys.
 */
#pragma once

#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "common/http/http.h"
#include "common/buf.h"

enum fake_mode {
    FAKE_WELL,
    FAKE_DOWN,          /* 503 */
    FAKE_NOT_JSON,      /* discovery is a page */
    FAKE_OTHER_ISSUER,  /* discovery names another issuer */
    FAKE_BIG_DISCOVERY, /* 100 KiB */
    FAKE_BIG_KEYS,      /* 2 MiB */
    FAKE_NO_KEYS,       /* an empty key set */
    FAKE_REDIRECT_HERE, /* discovery redirects to itself under another path */
    FAKE_REDIRECT_AWAY, /* … to fake_issuer.elsewhere */
    FAKE_SLOW,          /* discovery answers after fake_issuer.delay_ms */
};

struct fake_issuer {
    struct tm_http_server *server;
    char url[64];
    char elsewhere[128];
    EVP_PKEY *key;
    atomic_int mode;
    atomic_int delay_ms;
    atomic_int max_age_s;  /* of the key set's Cache-Control; 0: none */
    atomic_int key_number; /* the key's kid is "k<number>" */
    atomic_int strangers;  /* keys of nobody's that stand before it in the set */
    atomic_int discoveries;
    atomic_int key_fetches;
    pthread_mutex_t lock;  /* guards the two below */
    char bearer[256];      /* demanded as Authorization: Bearer; "": nothing is demanded */
    char seen_bearer[256]; /* of the latest request */
};

/* `tls_certificate`, `tls_key`: PEM text, or NULL for plain HTTP. A fault ends the program. */
void fake_issuer_start(struct fake_issuer *f, const char *tls_certificate, const char *tls_key);
void fake_issuer_stop(struct fake_issuer *f);

/* Appends a P-256 key as a JWK; `members`: further ones, each with a comma behind it, or "". */
void fake_issuer_jwk(const EVP_PKEY *key, const char *kid, const char *members, struct tm_buf *out);

/* Appends the key set that it publishes now. */
void fake_issuer_keys(struct fake_issuer *f, struct tm_buf *out);

/* Appends a token: claims_json is its payload, kid NULL leaves the header without. */
void fake_issuer_sign(const struct fake_issuer *f, const char *kid, const char *claims_json,
                      struct tm_buf *out);

/* Appends a good token of type email for iss (NULL: the issuer's URL), with the current kid. */
void fake_issuer_token(struct fake_issuer *f, const char *iss, struct tm_buf *out);
