/* Shared by the metadata's own files. */
#pragma once

#include "tuf/metadata/entries.h"
#include "tuf/metadata/metadata.h"
#include "tuf/metadata/typesjson.h"

struct tuf_good_signatures; /* remembered, so that no signature is checked twice */

struct tuf_metadata {
    unsigned refs;
    struct tuf_document file; /* all that was read, entries apart */
    /* canonical(signed), as it was read and with the entries of `map`. */
    struct tuf_entry_list entries;
    const char *map; /* "targets", "meta"; or NULL */
    enum tuf_role role;
    struct tuf_good_signatures *good;
};

/* ---- good.c ---- */

struct tuf_good_signatures *tuf_good_signatures_new(void);
void tuf_good_signatures_free(struct tuf_good_signatures *all); /* NULL is fine */

/* `text` is keytype, scheme, public key and signature, each with its NUL. The fingerprint of the
 * key if this was found good before, else NULL. */
const unsigned char *tuf_good_signatures_find(const struct tuf_good_signatures *all,
                                              const struct tm_buf *text);
/* Forgetting is no harm: out of memory only costs another check. */
void tuf_good_signatures_add(struct tuf_good_signatures *all, const struct tm_buf *text,
                             const unsigned char fingerprint[32]);

struct tuf_entries { /* on their way into metadata */
    struct tuf_entry_list list;
    enum tuf_role role;
};
