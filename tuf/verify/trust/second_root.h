/*
 * A second trusted root, for readers that refuse the first: the same without what they stumble
 * over, as a target of its own that such a reader is pointed to (policy-controller's
 * `trustedRootTarget`). It trusts nothing that trusted_root.json does not.
 */
#pragma once

#include "tuf/verify/trust/trusted_root.h"

struct tuf_second_root {
    const char *word;   /* in the policy's `targets-for` */
    const char *target; /* its name */
    /* Whether the reader takes the entry. */
    bool (*takes)(enum tuf_trust_list list, const struct tuf_trust_entry *entry);
};

/* Ended by a NULL word. "ecdsa-logs": policy-controller takes the keys of transparency logs for
 * ECDSA, and refuses all of a trusted root with another. */
extern const struct tuf_second_root tuf_second_roots[];

/* NULL: there is none of that word. */
const struct tuf_second_root *tuf_second_root_named(const char *word);

/* Appends the file's text, from that of trusted_root.json, which is read strictly. */
int tuf_second_root_make(const struct tuf_second_root *s, const void *json, size_t len,
                         struct tm_buf *out, struct tm_err *e);
