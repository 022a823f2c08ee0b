/*
 * What the transcript tells of each event that was published: why, by whom it was signed, and when.
 */
#pragma once

#include "tuf/manager/evidence/complete.h"

struct tuf_ceremony_signer {
    char *holder;
    char *fingerprint; /* of the key, hex */
    int64_t time;      /* as the holder's own statement says, Unix seconds */
};

struct tuf_ceremony { /* what it points to is its own */
    char *event, *reason, *digest;
    int64_t published;               /* Unix seconds; 0: the line's time cannot be read */
    int64_t version[TUF_ROLE_COUNT]; /* in force from then on */
    struct tuf_ceremony_signer *signer;
    size_t count;
};

struct tuf_ceremonies {
    struct tuf_ceremony *item; /* oldest first */
    size_t count;
};

/* tuf_evidence_check() with what the lines say. On -1 `out` holds what was read before the fault;
 * free it in any case. */
int tuf_ceremonies_read(const char *path, const struct tuf_published *p, struct tuf_ceremonies *out,
                        struct tuf_evidence *found, struct tm_err *e);
void tuf_ceremonies_free(struct tuf_ceremonies *c);

/* The one that brought a version of root or targets, or NULL: before the transcript began. */
const struct tuf_ceremony *tuf_ceremonies_of(const struct tuf_ceremonies *c, enum tuf_role role,
                                             int64_t version);
