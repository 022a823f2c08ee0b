/* Which mount a path belongs to. */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "common/http/mount.h"

static const char *const short_names[] = {"checkpoint", "tile", NULL};
static const struct tm_http_mount mounts[] = {
    {.prefix = "/api/v2", .short_end = "/api/v2", .short_names = short_names},
    {.prefix = "/2027/api/v2", .short_end = "/api/v2", .short_names = short_names},
    {.prefix = "/own", .short_end = "/api/v2", .short_names = short_names},
    {.prefix = "/tile/x"},
    {.prefix = "/log"},
    {.prefix = "/log/2"},
};

static void the_longest_prefix_serves_and_its_end_may_be_left_out_before_some_names(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int mount; /* -1: none */
        const char *name;
    } rows[] = {
        {"/api/v2/checkpoint", 0, "checkpoint"},
        {"/api/v2/", 0, ""},
        {"/checkpoint", 0, "checkpoint"},
        {"/checkpoint/x", 0, "checkpoint/x"},
        {"/checkpoints", -1, NULL},
        {"/tile/0/000", 0, "tile/0/000"},
        {"/tile", 0, "tile"},
        {"/tile/x/0", 3, "0"},
        {"/log/entries", 4, "entries"},
        {"/2027/api/v2/log/entries", 1, "log/entries"},
        {"/2027/checkpoint", 1, "checkpoint"},
        {"/2027/log/entries", -1, NULL},
        {"/2027", -1, NULL},
        {"/own/checkpoint", 2, "checkpoint"},
        {"/log/2/tile/0/000", 5, "tile/0/000"},
        {"/log/22", 4, "22"},
        {"/", -1, NULL},
        {"", -1, NULL},
    };
    const struct tm_http_options o = {.mounts = mounts,
                                      .mount_count = sizeof(mounts) / sizeof(mounts[0])};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *name = NULL;
        const struct tm_http_mount *m = tm_http_mount_find(&o, rows[i].path, &name);
        const struct tm_http_mount *want = rows[i].mount >= 0 ? &mounts[rows[i].mount] : NULL;
        if (m != want || (m == NULL) != (name == NULL) ||
            (m != NULL && strcmp(name, rows[i].name) != 0))
            fail_msg("%s: %s, '%s'", rows[i].path, m != NULL ? m->prefix : "none",
                     name != NULL ? name : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_prefix_serves_and_its_end_may_be_left_out_before_some_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
