/*
 * Rehearsals: a rotation done whole before it is needed. On a copy of the workspace, with throwaway
 * keys in the holders' places, the change is proposed, signed, published and followed by our own
 * client; a damaged signature, a retired key and an unsigned target must be refused. Nothing of the
 * workspace changes but its record, rehearsals.jsonl, a JSON object a line:
 *
 *   {"time", "kind", "by", "version", "result": "passed" | "failed", "steps": [{"step", "ok",
 * "says"}]}
 */
#ifndef TENMINT_TUF_REHEARSE_H
#define TENMINT_TUF_REHEARSE_H

#include "tuf/manager/state/workspace.h"

enum tuf_rehearsal_kind {
    TUF_REHEARSE_SCHEDULED, /* every holder of root has a new key */
    TUF_REHEARSE_EMERGENCY, /* a holder's key is stolen: revoked, without the holder's signature */
    TUF_REHEARSE_HOLDER,    /* a holder leaves, and another comes */
    TUF_REHEARSE_ONLINE,    /* the key of timestamp is replaced */
    TUF_REHEARSAL_KINDS,
};

const char *tuf_rehearsal_name(enum tuf_rehearsal_kind kind);
/* -1: there is no such kind. */
int tuf_rehearsal_from_name(const char *name, enum tuf_rehearsal_kind *out);

struct tuf_rehearsal_step {
    char *what;
    bool ok;
    char *says; /* what was told: why it failed, or how a client refused */
};

struct tuf_rehearsal { /* what it points to is its own */
    enum tuf_rehearsal_kind kind;
    int64_t time; /* Unix seconds */
    char *by;     /* "user@host" */
    struct tuf_rehearsal_step *step;
    size_t count;
    bool passed; /* every step was as it should be; it ends with the first that is not */
};

/* -1: the copy could not be made; a step that fails is a result. */
int tuf_rehearse(const char *workspace, enum tuf_rehearsal_kind kind, int64_t now,
                 struct tuf_rehearsal *out, struct tm_err *e);
void tuf_rehearsal_free(struct tuf_rehearsal *r);

/* ---- the record ---- */

/* Appends it, synced; `version`: of the program. */
int tuf_rehearsal_record(const char *workspace, const struct tuf_rehearsal *r, const char *version,
                         struct tm_err *e);

struct tuf_rehearsed { /* the last of a kind */
    int64_t time;      /* 0: never */
    bool passed;
};
/* Of each kind. A record that is not there has none; a line that cannot be read: -1. */
int tuf_rehearsals_last(const char *workspace, struct tuf_rehearsed out[TUF_REHEARSAL_KINDS],
                        struct tm_err *e);

#endif
