/* Shared by the draft's files. */
#pragma once

#include "tuf/manager/draft/draft.h"

/* Sets keyids and threshold of a role, which has the published keyids (if any), to the policy's
 * live holders, and adds their keys to `keys`. A key that is published, in `before`, keeps its KEY
 * and keyid, whoever wrote them, unless it names another holder as its owner. Two holders of one
 * role with one key are refused: they would count once. */
int tuf_draft_signers(const struct tuf_workspace *w, const struct tuf_policy_role *r,
                      const struct tuf_keys *before, struct tuf_keys *keys,
                      struct tuf_role_keys *role, struct tm_err *e);

/* Adds the keyids of a published role to `used`. */
int tuf_draft_note_used(const struct tuf_role_keys *role, struct tuf_texts *used);
/* Published keys that no role uses stay in `keys`: nobody asked for them to go. */
int tuf_draft_keep_unused(const struct tuf_keys *before, const struct tuf_texts *used,
                          struct tuf_keys *keys, struct tm_err *e);

/* Sets `delegations` of the role called `delegator` as the policy has it, or removes it; members
 * that we do not know stay. */
int tuf_draft_delegations(const struct tuf_workspace *w, const char *delegator,
                          struct tuf_targets *targets, struct tm_err *e);
