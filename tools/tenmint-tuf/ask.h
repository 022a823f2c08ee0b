/*
 * A service is asked before it is trusted: whether it is what clients take it for, with the key or
 * chain that is to be trusted. What was left out is completed by what it says of itself, which is
 * no more than its address is worth: the holders of the root compare it before they sign.
 */
#pragma once

#include "tools/tenmint-tuf/talk.h"
#include "tuf/verify/trust/signing_config.h"
#include "tuf/verify/trust/trusted_root.h"

struct ask {
    const char *url;         /* what verifiers know it by */
    const char *signing_url; /* what signers use; the same unless a person said otherwise */
    bool for_signers;        /* it goes into the signing configuration */
    const char *ca_pem;      /* https: further trusted CAs; or NULL */
    int64_t timeout_ms;      /* of one answer */
    int64_t now_ms;
    const struct tuf_trusted_root *known; /* whom is trusted already */
    struct talk *talk;
    /* Completed: */
    int64_t version;        /* of its API; 0: not said */
    struct tm_buf material; /* chain (PEM) or key (PEM or DER); empty: not said */
    const char *file;       /* where that is from; NULL: from the service */
    bool reached;           /* something answers, if only with TLS that is not trusted */
};

/* Each tells what it asked and what came back. -1: clients could not use it so, or it cannot be
 * known (ERR_UNAVAILABLE). */
int ask_ca(struct ask *a, struct tm_err *e);
int ask_tsa(struct ask *a, struct tm_err *e);
int ask_log(struct ask *a, struct tm_err *e);
int ask_ctlog(struct ask *a, struct tm_err *e);

/* ---- for these ---- */

#define ASK_URL_MAX SIGNING_CONFIG_URL_MAX

struct answer {
    char request[ASK_URL_MAX + 8]; /* "GET https://…" */
    long status;
    struct tm_buf body; /* owned */
};
void answer_free(struct answer *r);

/* GETs or POSTs (`body` not NULL) BASE/path. 1: the service answers with 200 or 201; 0: it refuses,
 * which is told; -1: nothing that can be taken for an answer. */
int ask_one(struct ask *a, const char *base, const char *path, const char *type,
            const struct tm_buf *body, struct answer *r, struct tm_err *e);

/* What came back, in the words of `fmt`. */
void ask_found(const struct ask *a, const struct answer *r, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void ask_note(const struct ask *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A trusted root of the one entry that would be added, for as long as its certificates hold. */
struct tuf_trusted_root *ask_probe(const struct ask *a, enum tuf_trust_list list, struct tm_err *e);
