#include "tools/tenmint-ca/init_found.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "ca/config/config.h"
#include "common/file.h"
#include "tools/tenmint-ca/check.h"

/* A key of the configuration, and what it has to say. */
struct row {
    const char *key;
    const char *found;  /* NULL: it is not given */
    const char *wanted; /* NULL: anything */
};

static int compare(const struct init_wanted *w, const struct ca_config *c, struct tm_err *e)
{
    const struct row rows[] = {
        {"ct: embedded: origin", c->ct.embedded.origin, w->log_origin},
        {"signature-log: origin", c->signatures.origin, w->signature_origin},
        {"timestamp-authority: chain", c->tsa.chain, NULL},
        {"tuf: directory", c->tuf.directory, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];
        if (r->found == NULL && (w->all || r->wanted != NULL))
            return tm_err_set(e,
                              "it has no '%s', which is asked for: what an earlier init made is "
                              "not added to. Leave --if-missing away, or name another directory",
                              r->key);
        if (r->wanted != NULL && strcmp(r->found, r->wanted) != 0)
            return tm_err_set(e,
                              "its '%s' is '%s', not '%s': a log keeps its name. Ask for the "
                              "address that it was made for, or name another directory",
                              r->key, r->found, r->wanted);
    }
    return 0;
}

int init_found_check(const struct init_wanted *w, struct tm_err *e)
{
    char path[PATH_MAX];
    struct ca_config c;
    if (tm_file_join(w->dir, "tenmint-ca.yaml", path, sizeof(path), e) != 0)
        return -1;
    if (check_server_config(path, false, e) != 0)
        return tm_err_wrap(
            e,
            "'%s' has files and is not whole; nothing was changed. Restore it from a "
            "backup, or move it away to begin anew",
            w->dir);
    if (ca_config_load(path, &c, e) != 0)
        return -1;
    int rc = compare(w, &c, e);
    ca_config_free(&c);
    return rc == 0 ? 0 : tm_err_wrap(e, "'%s'", w->dir);
}
