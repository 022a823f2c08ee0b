/*
 * What the parts of trusted_root_*.c share.
 */
#ifndef TENMINT_TUF_SIGSTORE_INTERNAL_H
#define TENMINT_TUF_SIGSTORE_INTERNAL_H

#include <stdbool.h>

#include "tuf/verify/trust/trusted_root.h"

enum trusted_root_version { TRUSTED_ROOT_V01, TRUSTED_ROOT_V02 };

struct trusted_root {
    const char *media_type; /* static */
    enum trusted_root_version version;
    struct trust_entry *entry[TRUST_LIST_COUNT][TRUSTED_ROOT_ENTRIES_MAX]; /* owned, in order */
    size_t count[TRUST_LIST_COUNT];
};

struct trust_list_row {
    const char *name; /* for messages */
    const char *key;  /* JSON member */
    bool log;         /* else an authority */
};
extern const struct trust_list_row trust_lists[TRUST_LIST_COUNT];

struct trust_media_row {
    const char *text;
    enum trusted_root_version version;
};
extern const struct trust_media_row trust_media_types[3];

struct trust_entry *trust_entry_new(struct err *e); /* all texts "" */
void trust_entry_free(struct trust_entry *entry);

/* Takes ownership of `entry` when it returns 0; keeps the list in order of start. */
int trusted_root_insert(struct trusted_root *r, enum trust_list list, struct trust_entry *entry,
                        struct err *e);
/* Puts an entry whose window changed where it belongs. */
void trusted_root_reorder(struct trusted_root *r, enum trust_list list);

/* Order, signatures, CA:TRUE above the first, usage; *inside is when all of it is valid. */
int authority_check_chain(enum trust_list list, STACK_OF(X509) * chain, struct validity *inside,
                          struct err *e);

/* An entry that verifies the same things: same chain or same key. */
bool trust_entry_same(enum trust_list list, const struct trust_entry *a,
                      const struct trust_entry *b);

#endif
