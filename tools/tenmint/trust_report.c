/* The state of a TUF cache, for a person or as JSON. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/utf8.h"
#include "tools/shared/printed.h"
#include "tools/tenmint/trust.h"
#include "tuf/metadata/build.h"
#include "tuf/metadata/verify.h"

#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)

/* When a role is so near to its end, its renewal is late: a timestamp is re-signed each day or
 * week, a root twice a year. */
static const int64_t warn_before[TUF_ROLE_COUNT] = {[TUF_ROOT] = 30 * DAY,
                                                    [TUF_TIMESTAMP] = 6 * HOUR,
                                                    [TUF_SNAPSHOT] = 2 * DAY,
                                                    [TUF_TARGETS] = 7 * DAY};

static void span(int64_t seconds, char out[32])
{
    if (seconds >= 2 * DAY)
        snprintf(out, 32, "%" PRId64 " days", seconds / DAY);
    else if (seconds >= 2 * HOUR)
        snprintf(out, 32, "%" PRId64 " hours", seconds / HOUR);
    else
        snprintf(out, 32, "%" PRId64 " minutes", seconds / 60);
}

static void warning(enum tuf_role role, const struct tuf_metadata *m, int64_t left, char out[160])
{
    char when[21];
    char in[32];
    tm_clock_format(tuf_metadata_expires(m), when);
    span(left, in);
    snprintf(out, 160, "%s expires in %s (%s): its renewal is late", tuf_role_name(role), in, when);
}

static void print_role(const struct tuf_client *c, enum tuf_role role)
{
    const struct tuf_metadata *m = tuf_client_role(c, role);
    struct tuf_signers by;
    char when[21];
    char in[32];
    char text[160];
    int64_t left = tuf_metadata_expires(m) - tuf_client_now(c);
    tm_clock_format(tuf_metadata_expires(m), when);
    span(left, in);
    tuf_root_signers(tuf_client_role(c, TUF_ROOT), role, &by);
    printf("%-10s version %-6" PRId64 " expires in %-12s %s  signed by %" PRId64 " of %zu keys "
           "(%" PRId64 " needed)\n",
           tuf_role_name(role), tuf_metadata_version(m), in, when,
           tuf_verify_each(m, &by, NULL, NULL), by.role->keyids.count, by.threshold);
    if (left < warn_before[role]) {
        warning(role, m, left, text);
        fprintf(stderr, "tenmint: warning: %s\n", text);
    }
}

static json_t *role_json(const struct tuf_client *c, enum tuf_role role, json_t *warnings)
{
    const struct tuf_metadata *m = tuf_client_role(c, role);
    struct tuf_signers by;
    char when[21];
    char text[160];
    int64_t left = tuf_metadata_expires(m) - tuf_client_now(c);
    tm_clock_format(tuf_metadata_expires(m), when);
    tuf_root_signers(tuf_client_role(c, TUF_ROOT), role, &by);
    if (left < warn_before[role]) {
        warning(role, m, left, text);
        json_array_append_new(warnings, json_string(text));
    }
    return json_pack("{s:I, s:s, s:I, s:I, s:I, s:I}", "version",
                     (json_int_t)tuf_metadata_version(m), "expires", when, "expires_in_seconds",
                     (json_int_t)left, "signatures",
                     (json_int_t)tuf_verify_each(m, &by, NULL, NULL), "keys",
                     (json_int_t)by.role->keyids.count, "threshold", (json_int_t)by.threshold);
}

static int print_target(void *arg, const char *name, const struct tuf_file_info *info,
                        struct tm_err *e)
{
    (void)arg;
    (void)e;
    char shown[TUF_TARGET_PATH_MAX + 1];
    snprintf(shown, sizeof(shown), "%s", name);
    tm_utf8_clean(shown);
    printf("  %10" PRId64 "  %s\n", info->length, shown);
    return 0;
}

static void print_targets(const struct tuf_client *c)
{
    const struct tuf_metadata *m = tuf_client_role(c, TUF_TARGETS);
    if (tuf_entries_count(m) > 0)
        printf("targets:\n");
    (void)tuf_entries_each(m, print_target, NULL, NULL);
}

void trust_report(const struct tuf_client *c, const char *dir, bool json)
{
    if (!json) {
        for (int i = 0; i < TUF_ROLE_COUNT; i++)
            print_role(c, (enum tuf_role)i);
        print_targets(c);
        printf("in %s\n", dir);
        return;
    }
    json_t *roles = json_object();
    json_t *warnings = json_array();
    for (int i = 0; i < TUF_ROLE_COUNT; i++) {
        enum tuf_role role = (enum tuf_role)i;
        json_object_set_new(roles, tuf_role_name(role), role_json(c, role, warnings));
    }
    json_t *all = json_pack("{s:o, s:o, s:o, s:o}", "dir", cli_json_text(dir, strlen(dir)), "roles",
                            roles, "targets", tuf_entries_tree(tuf_client_role(c, TUF_TARGETS)),
                            "warnings", warnings);
    (void)cli_print_json_indented(all, NULL);
}
