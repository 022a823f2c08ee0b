/* What a holder's machine remembers between events: beside the key, and of roots in a state
 * folder. */
#pragma once

#include "common/key/key.h"
#include "tools/shared/value.h"
#include "tuf/manager/event/event.h"

struct holder {
    const char *state; /* --state; NULL: $XDG_STATE_HOME or ~/.local/state, in tenmint-tuf/ */
    struct cli_list again;
};

#define STATE_OPTION(h) \
    { \
        "state", CLI_TEXT, "DIR", \
            "where this machine remembers roots that it saw, and what tokens signed " \
            "(~/.local/state/tenmint-tuf)", \
            &(h).state \
    }
#define AGAIN_OPTION(h) \
    { \
        "again", CLI_LIST, "ROLE:VERSION", \
            "yes, sign it although this key signed other content of that version (root:2)", \
            &(h).again \
    }

#define DIGEST_INIT \
    { \
        .sha256_only = true \
    }
#define DIGEST_OPTION(dest) \
    { \
        "digest", CLI_DIGEST, "HEX", "of what you reviewed (asked for on a terminal)", &(dest) \
    }

/* -1: the event is outdated by a root that this machine has seen. */
int holder_fresh(const struct holder *h, const struct tuf_event *ev, struct tm_err *e);
/* Remembers the event's newest root; only after a review without an error. Where nothing can be
 * kept, nothing is. */
void holder_see(const struct holder *h, const struct tuf_event *ev);

/* Refuses what would make a second truth, else writes down what is about to be signed. `compared`:
 * with a root that the holder kept. */
int holder_commit(const struct holder *h, const struct tm_key_source *source, EVP_PKEY *pkey,
                  const struct tuf_event *ev, bool compared, struct tm_err *e);

/* ---- event.c: signing, for `sign` and `hold` ---- */

/* A root that the holder kept; *out stays NULL when `path` is. */
int holder_root(const char *path, struct tuf_metadata **out, struct tm_err *e);

/* Reviews, asks for the digest unless it is given, signs in memory and writes the record. *code:
 * what to exit with when it fails. */
int holder_sign(const struct holder *h, struct tuf_event *ev, struct tm_key_source *source,
                const struct cli_digest *digest, const struct tuf_metadata *root,
                struct tuf_event_signer *who, int *code, struct tm_err *e);
void holder_say_signed(struct tuf_event_signer *who, const char *path, const struct tuf_event *ev);
