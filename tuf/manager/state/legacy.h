/*
 * `targets-for`: what other readers need beside trusted_root.json follows it, the PEM targets of
 * older clients (legacy-pem) and second trusted roots (tuf/verify/trust/second_root.h); and what is
 * published of them, made by us or by hand, says the same as it does.
 */
#pragma once

#include "tuf/manager/state/workspace.h"

/* One sentence for each file that was written or taken away. */
typedef void (*tuf_legacy_tell)(void *arg, const char *text);

/*
 * Writes the files that the policy asks for into the targets folder, as its trusted_root.json has
 * them at `now` (Unix seconds), takes PEM files of other such names away, and adds their custom
 * metadata to w->policy. Nothing happens when the policy asks for none, or there is no trusted
 * root.
 */
int tuf_legacy_sync(struct tuf_workspace *w, int64_t now, tuf_legacy_tell tell, void *arg,
                    struct tm_err *e);

/*
 * Whether the PEM targets of `m`, whose files are in `directory`, agree with the trusted_root.json
 * of `targets`, at a time between `from` and `to` (Unix seconds), and second trusted roots with it,
 * byte by byte, when `m` is `targets`. -1 with the difference in `e`.
 */
int tuf_legacy_check(const struct tuf_workspace *w, const struct tuf_metadata *targets,
                     const struct tuf_metadata *m, const char *directory, int64_t from, int64_t to,
                     struct tm_err *e);
