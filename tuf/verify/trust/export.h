/*
 * Whom to trust, in the forms that verifiers in clusters take. Each form is a row of one table:
 * what it needs and the function that writes it. Forms without validity get what is in force only,
 * and a note names what was left out.
 */
#pragma once

#include "tuf/verify/trust/trusted_root.h"

struct tuf_export_file { /* of the mirror; borrowed */
    const char *name;    /* "7.targets.json", "targets/<hash>.trusted_root.json" */
    const void *data;
    size_t len;
};

struct tuf_export { /* all borrowed */
    const struct tuf_trusted_root *trust;
    int64_t now_ms;
    const char *name;             /* of the manifest or validator */
    const char *issuer, *subject; /* whom the snippet accepts */
    const char *mirror;           /* http(s) address of the metadata; or NULL */
    const void *root;             /* root.json */
    size_t root_len;
    const struct tuf_export_file *file; /* the mirror's files */
    size_t count;
    const struct tm_buf *client_config; /* trusted root and signing configuration as one */
    void (*note)(void *arg, const char *text);
    void *arg;
};

enum { TUF_EXPORT_MIRROR = 1, TUF_EXPORT_FILES = 2, TUF_EXPORT_CONFIG = 4 }; /* what it needs */

struct tuf_export_form {
    const char *name;
    unsigned needs; /* of the above, beside the trusted root and root.json */
    int (*write)(const struct tuf_export *x, struct tm_buf *out, struct tm_err *e);
};

extern const struct tuf_export_form tuf_export_forms[];
extern const size_t tuf_export_form_count;
