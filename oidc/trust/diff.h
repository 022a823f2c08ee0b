/*
 * Two issuer lists, in words: who is let in by the second that the first kept out, who is shut out,
 * and for whom something else changes. One vocabulary for the command line, the server's log and
 * the review of a list that is a target of a TUF repository.
 */
#pragma once

#include "common/buf.h"
#include "oidc/trust/trust.h"

enum oidc_change { ISSUER_ADDED, ISSUER_REMOVED, ISSUER_ALTERED };

enum oidc_effect {
    EFFECT_LETS_IN,   /* tokens that got nothing get certificates */
    EFFECT_SHUTS_OUT, /* tokens that got certificates get none */
    EFFECT_BOTH,      /* one and the other */
    EFFECT_OTHER,     /* the same tokens: their certificates change */
};
const char *oidc_change_word(enum oidc_change c); /* "added" … */
const char *oidc_effect_word(enum oidc_effect f); /* "lets in" … */

struct oidc_trust_change {
    enum oidc_change change;
    enum oidc_effect effect;
    const struct oidc_issuer *issuer; /* as it is after, or was before it was removed */
    const char *words;                /* what changed: one line, valid during the call */
};

/* `before` NULL: there was no list. One call for each fact, all of an issuer one after the other:
 * removed ones first, in the order of `before`, then the others in that of `after`. Returns how
 * many; -1: out of memory. */
typedef void (*oidc_trust_diff_fn)(void *arg, const struct oidc_trust_change *c);
int oidc_trust_diff(const struct oidc_trust *before, const struct oidc_trust *after,
                    oidc_trust_diff_fn say, void *arg);

/* "type github-workflow, audience 'sigstore', only if repository is 'a/b', until …": all that
 * decides who gets a certificate. */
void oidc_issuer_describe(const struct oidc_issuer *issuer, struct tm_buf *out);
