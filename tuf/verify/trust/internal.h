/*
 * What the parts of trusted_root*.c share, and those of signing_config*.c.
 */
#pragma once

#include <stdbool.h>

#include "tuf/verify/trust/signing_config.h"
#include "tuf/verify/trust/trusted_root.h"

enum tuf_trusted_root_version { TRUSTED_ROOT_V01, TRUSTED_ROOT_V02 };

struct tuf_trusted_root {
    const char *media_type; /* static */
    enum tuf_trusted_root_version version;
    struct tuf_trust_entry *entry[TRUST_LIST_COUNT][TRUSTED_ROOT_ENTRIES_MAX]; /* owned, in order */
    size_t count[TRUST_LIST_COUNT];
    struct tuf_trust_left_out *left_out; /* owned, as its texts */
    size_t left_out_count;
};

struct tuf_trust_list_row {
    const char *name; /* for messages */
    const char *key;  /* JSON member */
    bool log;         /* else an authority */
};
extern const struct tuf_trust_list_row tuf_trust_lists[TRUST_LIST_COUNT];

struct tuf_trust_media_row {
    const char *text;
    enum tuf_trusted_root_version version;
};
extern const struct tuf_trust_media_row tuf_trust_media_types[3];

struct tuf_trust_entry *tuf_trust_entry_new(struct tm_err *e); /* all texts "" */
void tuf_trust_entry_free(struct tuf_trust_entry *entry);

/* Takes ownership of `entry` when it returns 0; keeps the list in order of start. */
int tuf_trusted_root_insert(struct tuf_trusted_root *r, enum tuf_trust_list list,
                            struct tuf_trust_entry *entry, struct tm_err *e);

/* Order, signatures, CA:TRUE above the first, usage; *inside is when all of it is valid. */
int tuf_authority_check_chain(enum tuf_trust_list list, STACK_OF(X509) * chain,
                              struct tuf_validity *inside, struct tm_err *e);

/* An entry that verifies the same things: same chain or same key. */
bool tuf_trust_entry_same(enum tuf_trust_list list, const struct tuf_trust_entry *a,
                          const struct tuf_trust_entry *b);

/* The same authority, if perhaps under another root; never of logs. */
bool tuf_trust_entry_same_first(enum tuf_trust_list list, const struct tuf_trust_entry *a,
                                const struct tuf_trust_entry *b);

struct tuf_service_choice {
    bool given;
    int selector; /* enum tuf_service_selector */
    int64_t count;
};

/* What is said of an entry that counts for nothing: "WHERE (URL) counts for nothing: WHY", owned;
 * `url` may be NULL. NULL: out of memory. */
char *tuf_left_out_note(const char *where, const char *url, const char *why);

struct tuf_signing_config {
    struct tuf_service service[SERVICE_KIND_COUNT][SIGNING_CONFIG_SERVICES_MAX]; /* newest first */
    size_t count[SERVICE_KIND_COUNT];
    struct tuf_service_choice choice[SERVICE_KIND_COUNT];
    char *left_out[SERVICE_KIND_COUNT * SIGNING_CONFIG_SERVICES_MAX]; /* owned */
    size_t left_out_count;
};

struct tuf_service_row {
    const char *name;
    const char *key; /* JSON member */
    bool chosen;     /* by a selector; else exactly one is used */
};
extern const struct tuf_service_row tuf_service_rows[SERVICE_KIND_COUNT];

/* Keeps the order: newest start first. Takes over the texts of `s` when it returns 0. */
int tuf_service_insert(struct tuf_signing_config *c, enum tuf_service_kind kind,
                       const struct tuf_service *s, struct tm_err *e);
