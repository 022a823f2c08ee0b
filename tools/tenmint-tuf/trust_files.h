/*
 * The two files that `tenmint-tuf trust` edits, trusted_root.json and signing_config.v0.2.json of
 * a workspace's targets folder: opened together, and saved with a word about what changes.
 */
#ifndef TENMINT_TOOLS_TENMINT_TUF_TRUST_FILES_H
#define TENMINT_TOOLS_TENMINT_TUF_TRUST_FILES_H

#include <limits.h>
#include <stdbool.h>

#include "tuf/manager/state/workspace.h"
#include "tuf/verify/trust/signing_config.h"
#include "tuf/verify/trust/trusted_root.h"

#define TRUST_MATERIAL_MAX ((size_t)256 * 1024) /* bytes of a PEM file of chains or keys */

struct trust_files {        /* both, in memory, with the trusted root as it was */
    struct tuf_workspace w; /* locked, when the folder is a workspace's */
    bool has_workspace;
    char folder[PATH_MAX];
    char root_path[PATH_MAX], config_path[PATH_MAX];
    struct tuf_trusted_root *root, *before;
    struct tuf_signing_config *config;
    bool root_changed, config_changed;
};

/* Of `folder`, or, if that is NULL, of the targets of the workspace `dir` (NULL: here), which with
 * `edit` is locked until the end. A file that is not there is empty. Close in either case. */
int trust_files_open(const char *dir, const char *folder, bool edit, struct trust_files *f,
                     struct tm_err *e);
void trust_files_close(struct trust_files *f);

/* Says what changes, and writes it; what breaks old signatures, or trusts the past, is refused
 * unless `confirmed`. */
int trust_files_save(struct trust_files *f, bool confirmed, struct tm_err *e);

/* Says on standard error what is odd in the trusted root. */
void trust_files_lint(const struct trust_files *f);

#endif
