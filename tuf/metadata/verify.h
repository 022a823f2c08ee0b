/*
 * Signature thresholds (spec §5.3.4 and alike): how many distinct keys of a role have signed.
 */
#pragma once

#include "tuf/metadata/metadata.h"

/* One key of the role, as tuf_verify_each reports it, in the role's order. */
enum tuf_verdict {
    TUF_SIGNED,       /* a good signature */
    TUF_NOT_SIGNED,   /* no entry, or an empty one (tuf-on-ci's placeholder) */
    TUF_BAD,          /* an entry that does not verify */
    TUF_UNUSABLE_KEY, /* the keyid has no KEY, or one of an unknown or broken kind */
    TUF_SAME_KEY,     /* a good signature of a public key counted already under another keyid */
};

/* `what` names the role in messages ("targets", "root (by the previous root's keys)").
 * 0: at least threshold distinct keys, by keyid and by public key, have signed; stops there.
 * -1: "WHAT: signed by 1 of the 2 keys needed" with each fault's reason. */
int tuf_verify(const struct tuf_metadata *m, const struct tuf_signers *by, const char *what,
               struct tm_err *e);

/* Checks every key of the role and tells; returns how many count. `tell` may be NULL. */
int64_t tuf_verify_each(const struct tuf_metadata *m, const struct tuf_signers *by,
                        void (*tell)(void *arg, const char *keyid, enum tuf_verdict v), void *arg);
