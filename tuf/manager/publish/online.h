/*
 * What the online keys sign: snapshot, timestamp and delegated roles that are theirs by the
 * policy. Their private keys are opened when first needed and kept for the run.
 */
#ifndef TENMINT_TUF_ONLINE_H
#define TENMINT_TUF_ONLINE_H

#include "common/key/key.h"
#include "tuf/metadata/build.h"
#include "tuf/manager/state/workspace.h"

#define ONLINE_KEYS_MAX 16

struct online {
    const struct workspace *w;
    struct {
        char holder[POLICY_NAME_MAX + 1];
        struct key *key;
    } open[ONLINE_KEYS_MAX];
    size_t count;
};

void online_close(struct online *o);

/* Signs by every online key among `by`, at least threshold of them. */
int online_sign(struct online *o, struct tuf_metadata *m, const struct tuf_signers *by,
                const char *role, struct err *e);

struct online_period { /* seconds */
    int64_t expiry, signing;
};

/* The role's periods as the root says, signed by its holders; the policy's where it does not. */
void online_period_of(const struct tuf_metadata *root, const struct policy *p, enum tuf_role role,
                      struct online_period *out);

/* A version of timestamp or snapshot, signed, or NULL. `meta` is borrowed. */
struct tuf_metadata *online_next(struct online *o, enum tuf_role role,
                                 const struct tuf_metadata *root, int64_t version, json_t *meta,
                                 int64_t now, struct err *e);

#endif
