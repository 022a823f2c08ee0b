/*
 * Rehearsals: a rotation done whole before it is needed. On a copy of the workspace, with throwaway
 * keys in the holders' places, the change is proposed, signed, published and followed by our own
 * client; a damaged signature, a retired key and an unsigned target must be refused. Nothing of the
 * workspace changes but its record, rehearsals.jsonl (common/rehearsal.h).
 */
#pragma once

#include "common/rehearsal.h"
#include "tuf/manager/state/workspace.h"

enum tuf_rehearsal_kind {
    TUF_REHEARSE_SCHEDULED, /* every holder of root has a new key */
    TUF_REHEARSE_EMERGENCY, /* a holder's key is stolen: revoked, without the holder's signature */
    TUF_REHEARSE_HOLDER,    /* a holder leaves, and another comes */
    TUF_REHEARSE_ONLINE,    /* the key of timestamp is replaced */
    TUF_REHEARSAL_KINDS,
};

extern const char *const tuf_rehearsal_names[TUF_REHEARSAL_KINDS];
/* -1: there is no such kind. */
int tuf_rehearsal_from_name(const char *name, enum tuf_rehearsal_kind *out);

/* -1: the copy could not be made; a step that fails is a result. Free `out` in either case. */
int tuf_rehearse(const char *workspace, enum tuf_rehearsal_kind kind, int64_t now,
                 struct tm_rehearsal *out, struct tm_err *e);

/* Its record, in the workspace: appends it, synced. `version`: of the program. */
int tuf_rehearsal_record(const char *workspace, const struct tm_rehearsal *r, const char *version,
                         struct tm_err *e);
/* The last of each kind there. A record that is not there has none; a line that cannot be read:
 * -1. */
int tuf_rehearsals_last(const char *workspace, struct tm_rehearsed out[TUF_REHEARSAL_KINDS],
                        struct tm_err *e);
