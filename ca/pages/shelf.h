/*
 * One log as the pages show it: its directory and public key, the newest checkpoint that was
 * believed, and its entries, each with its proof. Nothing is shown that the signed tree does not
 * have.
 */
#pragma once

#include "ca/log/monitor/head.h"
#include "ca/log/monitor/source.h"

struct ca_shelf; /* one thread */

struct ca_shelf_options {   /* borrowed; they outlive it */
    const char *name;       /* in addresses: letters, digits, '-' */
    const char *location;   /* a directory or a URL */
    const char *public_key; /* a file, PEM or DER */
    const char *address;    /* where others read the log, or NULL */
};

struct ca_shelf *ca_shelf_open(const struct ca_shelf_options *o, struct tm_err *e);
/* Of a source and a trust that are open already, and stay the caller's. */
struct ca_shelf *ca_shelf_of(const struct ca_shelf_options *o, struct ca_log_source *source,
                             const struct ca_head_trust *trust, struct tm_err *e);
void ca_shelf_free(struct ca_shelf *s); /* NULL is fine */

const struct ca_shelf_options *ca_shelf_options_of(const struct ca_shelf *s);
struct ca_log_source *ca_shelf_source(const struct ca_shelf *s); /* borrowed */

/* Reads the newest checkpoint. -1: there is none that is believed; the one before stays. */
int ca_shelf_look(struct ca_shelf *s, struct tm_err *e);
/* The last that was believed; NULL: none yet. Until the next look. */
const struct ca_head *ca_shelf_head(const struct ca_shelf *s);
bool ca_shelf_signatures(const struct ca_shelf *s); /* a log of signatures */

struct ca_shelf_entry {
    uint64_t index;
    const struct tm_entry *entry; /* into batch */
    struct tm_merkle_hash leaf;
    struct tm_merkle_hash proof[MERKLE_PROOF_MAX]; /* to the head's root */
    size_t proof_count;
    struct ca_log_batch batch; /* owned */
};

/* The entry, proven to be in the head's tree. 1: there it is, 0: the tree does not reach so far,
 * -1: it cannot be read or proven. Free it also then. */
int ca_shelf_entry(struct ca_shelf *s, uint64_t index, struct ca_shelf_entry *out,
                   struct tm_err *e);
void ca_shelf_entry_free(struct ca_shelf_entry *n);
