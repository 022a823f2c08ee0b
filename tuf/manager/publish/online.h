/*
 * What the online keys sign: snapshot, timestamp and delegated roles that are theirs by the
 * policy. Their private keys are opened when first needed and kept for the run.
 */
#pragma once

#include "common/key/key.h"
#include "tuf/metadata/build.h"
#include "tuf/manager/state/workspace.h"

#define ONLINE_KEYS_MAX 16

struct tuf_online {
    const struct tuf_workspace *w;
    struct {
        char holder[POLICY_NAME_MAX + 1];
        struct tm_key *key;
    } open[ONLINE_KEYS_MAX];
    size_t count;
};

void tuf_online_close(struct tuf_online *o);

/* Signs by every online key among `by`, at least threshold of them. */
int tuf_online_sign(struct tuf_online *o, struct tuf_metadata *m, const struct tuf_signers *by,
                    const char *role, struct tm_err *e);

struct tuf_online_period { /* seconds */
    int64_t expiry, signing;
};

/* The role's periods as the root says, signed by its holders; the policy's where it does not. */
void tuf_online_period_of(const struct tuf_metadata *root, const struct tuf_policy *p,
                          enum tuf_role role, struct tuf_online_period *out);

/* The version of timestamp or snapshot after `live` (NULL: the first), dated, with what `live` says
 * beside it, for the caller to complete and to free by tuf_free_signed(). `now`: Unix seconds. */
int tuf_online_next(const struct tuf_online *o, enum tuf_role role, const struct tuf_metadata *root,
                    const struct tuf_metadata *live, int64_t now, struct tuf_signed *out,
                    struct tm_err *e);
