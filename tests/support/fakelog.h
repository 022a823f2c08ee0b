/*
 * A log in the test's process, for add-chain and add-pre-chain over plain HTTP on loopback: it
 * answers as RFC 6962 wants, or misbehaves in one of many ways.
 */
#pragma once

#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "common/buf.h"

enum fakelog_mode {
    FAKELOG_GOOD,
    FAKELOG_GOOD_INDEXED, /* with a leaf index, as static-ct-api logs have it */
    FAKELOG_WRONG_KEY,    /* its own id, another key's signature */
    FAKELOG_OTHER_LOG,    /* another id and key */
    FAKELOG_OTHER_ENTRY,  /* a signature over something else */
    FAKELOG_FUTURE,
    FAKELOG_TRAILING, /* a byte after the signature */
    FAKELOG_VERSION,  /* sct_version 1 */
    FAKELOG_NOT_JSON,
    FAKELOG_TWICE,   /* a key twice in the object */
    FAKELOG_AFTER,   /* bytes after the object */
    FAKELOG_MISSING, /* no extensions member */
    FAKELOG_HUGE,
    FAKELOG_TRUNCATED, /* closes in the middle of the body */
    FAKELOG_CLOSE,     /* closes instead of answering */
    FAKELOG_SLOW,      /* answers after two seconds */
    FAKELOG_REDIRECT,
    FAKELOG_BUSY,   /* 429, Retry-After: 120 */
    FAKELOG_ERROR,  /* 500 */
    FAKELOG_REFUSE, /* 400 */
    FAKELOG_SHAKY,  /* 503, then good, in turns */
    FAKELOG_MODES
};
extern const char *const fakelog_mode_names[FAKELOG_MODES];

#define FAKELOG_THREADS 4

struct fakelog {
    EVP_PKEY *key;
    EVP_PKEY *other;
    char key_file[64]; /* the public key, PEM */
    char url[64];      /* with a slash at the end, as configurations tend to have it */
    _Atomic(enum fakelog_mode) mode;
    atomic_uint probes;
    atomic_uint requests;
    atomic_uint index, shaky;
    pthread_mutex_t lock; /* guards what follows */
    char path[64], host[64];
    int fd;
    atomic_bool stopping;
    pthread_t thread[FAKELOG_THREADS];
};

/* What the log says to add-chain or add-pre-chain with this body: appends to `out`, returns the
 * status line's end. For servers of other kinds. */
const char *fakelog_add(struct fakelog *l, enum fakelog_mode mode, bool precert, const char *body,
                        size_t len, struct tm_buf *out);

/* Starts on a free port; a fault ends the program. `port` 0: a free one. */
void fakelog_start(struct fakelog *l, unsigned port);
void fakelog_stop(struct fakelog *l);
