/* check-config: what a file would change in the server that runs with it. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tenmint-ca/check/check.h"
#include "tools/tenmint-ca/serve/in_force.h"

struct pending {
    struct check_said *k;
    unsigned count;
};

static void tell_pending(void *arg, const char *key, const char *change, const char *unused)
{
    struct pending *p = arg;
    if (unused != NULL)
        return; /* said by tell_unused */
    p->count++;
    check_pending(p->k, key, change);
}

static void tell_unused(struct check_said *k, const struct changes_unused_list *unused)
{
    for (size_t i = 0; i < unused->count; i++)
        check_unused(k, unused->item[i].key, unused->item[i].by);
}

static int compare(struct check_said *k, const struct in_force *f, const struct ca_config *file,
                   struct tm_err *e)
{
    struct pending p = {.k = k};
    struct ca_config now;
    if (ca_config_parse(f->config_file, f->text, strlen(f->text), &now, e) != 0)
        return tm_err_wrap(e, "what is in force");
    check_say(k, "a server runs with it, as it was read at %s", f->since);
    changes_each_key(&now, file, &f->unused, tell_pending, &p);
    tell_unused(k, &f->unused);
    if (p.count == 0)
        check_say(k, "  nothing is pending");
    ca_config_free(&now);
    return 0;
}

static int compare_file(struct check_said *k, const struct in_force *f, const char *path,
                        struct tm_err *e)
{
    struct ca_config c;
    if (ca_config_load(path, &c, e) != 0)
        return -1;
    int rc = compare(k, f, &c, e);
    ca_config_free(&c);
    return rc;
}

static int check_in(struct check_said *k, const char *path, const char *dir, bool asked,
                    struct tm_err *e)
{
    struct in_force f;
    bool runs = false;
    int rc = 0;
    if (in_force_get(dir, &runs, &f, e) != 0)
        return -1;
    if (runs && strcmp(f.config_file, path) == 0)
        rc = compare_file(k, &f, path, e);
    else if (asked && runs)
        rc = tm_err_set(e, "its server runs with '%s'", f.config_file);
    else if (asked)
        rc = tm_err_set(e, "no server runs with it");
    if (runs)
        in_force_free(&f);
    return rc;
}

int check_running(struct check_said *k, const char *path, const char *dir, struct tm_err *e)
{
    char whole[PATH_MAX];
    if (realpath(path, whole) == NULL)
        return tm_err_errno(e, "%s", path);
    if (dir != NULL)
        return check_in(k, whole, dir, true, e) == 0 ? 0 : tm_err_wrap(e, "--running '%s'", dir);
    if (check_in(k, whole, IN_FORCE_DIRECTORY, false, e) != 0)
        check_warn(k, "what a running server has in force cannot be known: %s", e->text);
    return 0;
}
