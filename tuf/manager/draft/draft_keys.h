/* Shared by the draft's files. */
#ifndef TENMINT_TUF_DRAFT_KEYS_H
#define TENMINT_TUF_DRAFT_KEYS_H

#include "tuf/manager/draft/draft.h"

/* Sets `keyids` and `threshold` of a role object, which has the published keyids (if any), to the
 * policy's live holders, and adds their keys to `keys`. A key that is published, in `before`
 * ({keyid: KEY} or NULL), keeps its KEY and keyid, whoever wrote them, unless it names another
 * holder as its owner. Two holders of one role with one key are refused: they would count once. */
int tuf_draft_signers(const struct tuf_workspace *w, const struct tuf_policy_role *r,
                      const json_t *before, json_t *keys, json_t *role, struct tm_err *e);

/* Adds the keyids of a published role object to `used`, as members. */
int tuf_draft_note_used(const json_t *role, json_t *used);
/* Published keys that no role uses stay in `keys`: nobody asked for them to go. */
int tuf_draft_keep_unused(const json_t *before, const json_t *used, json_t *keys, struct tm_err *e);

#endif
