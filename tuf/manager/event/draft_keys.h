/* Shared by the draft's files. */
#ifndef TENMINT_TUF_DRAFT_KEYS_H
#define TENMINT_TUF_DRAFT_KEYS_H

#include "tuf/manager/event/draft.h"

/* Sets `keyids` and `threshold` of a role object to the policy's live holders, and adds their
 * keys to `keys`. Two holders of one role with one key are refused: they would count once. */
int tuf_draft_signers(const struct tuf_workspace *w, const struct tuf_policy_role *r, json_t *keys,
                      json_t *role, struct tm_err *e);

#endif
