/*
 * Under which terms an entry of a log is found again, and what a question asks for. A term is a
 * number: of a serial number its first 60 bits, so that a beginning is a range; of all else 63 bits
 * of a SHA-256, which tells where to look and proves nothing. What is found is judged by the entry
 * itself.
 */
#pragma once

#include "ca/log/monitor/filter.h"
#include "common/transparency/entry.h"

enum ca_term_kind {
    CA_TERM_IDENTITY,   /* a subject alternative name, without regard to case and slashes at the end
                         */
    CA_TERM_REPOSITORY, /* as ca_filter has it: with and without its host */
    CA_TERM_SERIAL,
    CA_TERM_DIGEST, /* of the artifact or payload; the leaf hash; the signer's key */
};

/* Calls `add` for each term of the entry. -1: it cannot be read, `why` says why. */
int ca_terms_of_entry(const struct tm_entry *n,
                      void (*add)(void *ctx, enum ca_term_kind kind, int64_t value), void *ctx,
                      struct tm_err *why);

#define CA_QUESTION_BYTES 512
#define CA_QUESTION_TERMS 4

struct ca_question_term {
    enum ca_term_kind kind;
    int64_t from, to; /* both included */
};

struct ca_question { /* no pointers into it: it may be copied */
    char text[CA_QUESTION_BYTES + 1];
    struct ca_question_term term[CA_QUESTION_TERMS];
    size_t terms;
    unsigned char digest[64];
    size_t digest_len; /* 0: it is none */
    bool serial;
};

/* One word of a person: an identity, a repository (URL or OWNER/NAME), a serial number or how it
 * begins (six digits and more), a digest ("sha256:" or not). -1: nothing can be found by it. */
int ca_question_read(const char *text, struct ca_question *out, struct tm_err *e);

/* Whether the entry is what was asked for. */
bool ca_question_fits(const struct ca_question *q, const struct tm_entry *n);
