/*
 * What a holder's machine remembers, so that nobody gets two truths signed: the newest root it has
 * seen of each repository, and the content of each version that its key has signed.
 */
#pragma once

#include <openssl/evp.h>

#include "common/json/jsonmap.h"
#include "tuf/manager/event/event.h"

struct tuf_record {
    struct tm_jsonmap_list repositories;
};

/* A missing file is an empty record; a damaged one is refused. */
int tuf_record_read(const char *path, struct tuf_record *out, struct tm_err *e);
/* Mode 0600, atomically. */
int tuf_record_write(const char *path, const struct tuf_record *r, struct tm_err *e);
void tuf_record_free(struct tuf_record *r);

/* -1: the event follows an older root than was seen of its repository. */
int tuf_record_fresh(const struct tuf_record *r, const struct tuf_event *ev, struct tm_err *e);
/* The event's chain begins after root 1, at one that this record does not know: it could hide that
 * the repository is known. Only a root that the holder kept tells. */
bool tuf_record_late(const struct tuf_record *r, const struct tuf_event *ev);
/* The event's newest published root is seen; only after its chain was checked. 1: that is news. */
int tuf_record_see(struct tuf_record *r, const struct tuf_event *ev, struct tm_err *e);

/* -1: `pkey` would sign other content of a version that it has signed already; `again` names
 * ("root:2") what is meant all the same. */
int tuf_record_check(const struct tuf_record *r, const struct tuf_event *ev, EVP_PKEY *pkey,
                     const char *const *again, size_t count, struct tm_err *e);
/* The event is a first root, and the record knows another, published or not: of another
 * repository, or a second truth for those who have no root yet. */
bool tuf_record_rival(const struct tuf_record *r, const struct tuf_event *ev);
/* What `pkey` signs in the event. */
int tuf_record_sign(struct tuf_record *r, const struct tuf_event *ev, EVP_PKEY *pkey,
                    struct tm_err *e);
