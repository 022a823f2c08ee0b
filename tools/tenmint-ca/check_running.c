/* check-config: what a file would change in the server that runs with it. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tenmint-ca/check.h"
#include "tools/tenmint-ca/in_force.h"

struct pending {
    unsigned count;
};

static void print_pending(void *arg, const char *key, const char *change, const char *unused)
{
    struct pending *p = arg;
    if (unused != NULL)
        return; /* said by print_unused */
    p->count++;
    printf("  pending: %s (%s) takes effect with a reload (SIGHUP)\n", key, change);
}

static void print_unused(const struct changes_unused_list *unused)
{
    for (size_t i = 0; i < unused->count; i++)
        printf("  not used: %s, %s stands in its place\n", unused->item[i].key, unused->item[i].by);
}

static int compare(const struct in_force *f, const struct ca_config *file, struct tm_err *e)
{
    struct pending p = {0};
    struct ca_config now;
    if (ca_config_parse(f->config_file, f->text, strlen(f->text), &now, e) != 0)
        return tm_err_wrap(e, "what is in force");
    printf("a server runs with it, as it was read at %s\n", f->since);
    changes_each_key(&now, file, &f->unused, print_pending, &p);
    print_unused(&f->unused);
    if (p.count == 0)
        printf("  nothing is pending\n");
    ca_config_free(&now);
    return 0;
}

static int compare_file(const struct in_force *f, const char *path, struct tm_err *e)
{
    struct ca_config c;
    if (ca_config_load(path, &c, e) != 0)
        return -1;
    int rc = compare(f, &c, e);
    ca_config_free(&c);
    return rc;
}

static int check_in(const char *path, const char *dir, bool asked, struct tm_err *e)
{
    struct in_force f;
    bool runs = false;
    int rc = 0;
    if (in_force_get(dir, &runs, &f, e) != 0)
        return -1;
    if (runs && strcmp(f.config_file, path) == 0)
        rc = compare_file(&f, path, e);
    else if (asked && runs)
        rc = tm_err_set(e, "its server runs with '%s'", f.config_file);
    else if (asked)
        rc = tm_err_set(e, "no server runs with it");
    if (runs)
        in_force_free(&f);
    return rc;
}

int check_running(const char *path, const char *dir, struct tm_err *e)
{
    char whole[PATH_MAX];
    if (realpath(path, whole) == NULL)
        return tm_err_errno(e, "%s", path);
    if (dir != NULL)
        return check_in(whole, dir, true, e) == 0 ? 0 : tm_err_wrap(e, "--running '%s'", dir);
    if (check_in(whole, IN_FORCE_DIRECTORY, false, e) != 0)
        printf("warning: what a running server has in force cannot be known: %s\n", e->text);
    return 0;
}
