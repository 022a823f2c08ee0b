/*
 * What services say of themselves, read: a CA's chains and issuers (Fulcio's API), what a Rekor v1
 * says of its tree, a CT log of its key and of whom it accepts. They are a stranger's words:
 * unknown members are ignored, nothing here is verified by being read.
 */
#pragma once

#include <openssl/x509.h>

#include "common/buf.h"
#include "common/err.h"

#define TUF_ANSWER_MAX ((size_t)1 << 20) /* bytes of an answer; real ones have a few KiB */
#define TUF_CHAINS_MAX 16

struct tuf_chains {                         /* begins as zeros */
    STACK_OF(X509) * chain[TUF_CHAINS_MAX]; /* owned; who issues or signs first, the root last */
    size_t count;
};
void tuf_chains_free(struct tuf_chains *c);

/* GET /api/v2/trustBundle: {"chains": [{"certificates": ["PEM", …]}]}, at least one. */
int tuf_answer_trust_bundle(const char *json, size_t len, struct tuf_chains *out, struct tm_err *e);

/* GET /api/v1/rootCert, or a timestamp authority's certchain: PEM, one chain. */
int tuf_answer_pem(const char *pem, size_t len, struct tuf_chains *out, struct tm_err *e);

/* GET /api/v2/configuration: of how many issuers the CA takes tokens. */
int tuf_answer_issuers(const char *json, size_t len, size_t *count, struct tm_err *e);

/* GET /api/v1/log of a Rekor v1: appends its signed tree head, a note. */
int tuf_answer_tree_head(const char *json, size_t len, struct tm_buf *note, struct tm_err *e);

/* GET log.v3.json of a CT log, as lists of logs have it: appends its key (DER). */
int tuf_answer_log_key(const char *json, size_t len, struct tm_buf *der, struct tm_err *e);

/* GET ct/v1/get-roots: the certificates that the log accepts chains of; what is none is left out.
 * The caller frees them with sk_X509_pop_free. */
int tuf_answer_roots(const char *json, size_t len, STACK_OF(X509) * *out, struct tm_err *e);

/* How a chain that a person gave stands to those that a service names. */
enum tuf_chain_fit {
    TUF_CHAIN_OTHER,   /* the service names no chain that begins with its first certificate */
    TUF_CHAIN_NAMED,   /* it names one: this, or one that goes on otherwise */
    TUF_CHAIN_UNENDED, /* the named one begins with it, and goes on */
};
/* *index: the named one. */
enum tuf_chain_fit tuf_chains_fit(const struct tuf_chains *named, const STACK_OF(X509) * given,
                                  size_t *index);
