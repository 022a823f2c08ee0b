/*
 * The two files that `tenmint-tuf trust` edits, trusted_root.json and signing_config.v0.2.json of
 * a workspace's targets folder: opened together, and saved with a word about what changes.
 */
#pragma once

#include <limits.h>

#include "tools/tenmint-tuf/session.h"
#include "tools/tenmint-tuf/talk.h"
#include "tuf/verify/trust/signing_config.h"
#include "tuf/verify/trust/trusted_root.h"

#define TRUST_MATERIAL_MAX ((size_t)256 * 1024) /* bytes of a PEM file of chains or keys */

/* Rows of a command's table of options. */
#define TRUST_FOLDER_OPTIONS(folder_, dir_) \
    {"folder", CLI_TEXT, "DIR", "where the two files are (targets/ of the workspace)", \
     &(folder_)}, \
        DIR_OPTION(dir_)

struct trust_kind { /* by the last part of the command's name */
    const char *suffix;
    enum tuf_trust_list list;
    enum tuf_service_kind service; /* SERVICE_KIND_COUNT: signers do not choose it */
    bool trusted;                  /* it has an entry in the trusted root */
};
const struct trust_kind *trust_kind_of(const struct cli_command *self);

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

/* Says what changes, writes it, and says what clients will stumble over; what breaks old
 * signatures, or trusts the past, is refused unless `confirmed`. */
int trust_files_save(struct trust_files *f, bool confirmed, struct talk *t, struct tm_err *e);
