/* rehearse: a rotation on a copy, before it is needed. */
#include "tools/shared/rehearsed.h"
#include "tools/tenmint-tuf/commands.h"
#include "tools/tenmint-tuf/session.h"
#include "tuf/manager/rehearse/rehearse.h"

int command_rehearse(const struct cli_command *self, int argc, char **argv)
{
    bool json = false;
    const char *dir = NULL;
    const struct cli_option options[] = {CLI_JSON(&json), DIR_OPTION(dir), {0}};
    struct tm_rehearsal r = {0};
    struct tm_err e = {0};
    enum tuf_rehearsal_kind kind;
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    if (tuf_rehearsal_from_name(argv[0], &kind) != 0) {
        tm_err_set(&e,
                   "'%.40s' is no kind of rehearsal: want scheduled, emergency, holder or online",
                   argv[0]);
        return cli_fail_json(json, CLI_USAGE, &e);
    }
    dir = dir != NULL ? dir : ".";
    rc = tuf_rehearse(dir, kind, session_now(), &r, &e);
    if (rc == 0)
        rc = tuf_rehearsal_record(dir, &r, cli_version, &e);
    if (rc == 0)
        cli_print_rehearsal(&r, json);
    rc = rc != 0 ? cli_fail_json(json, CLI_FAILED, &e) : r.passed ? CLI_OK : CLI_FAILED;
    tm_rehearsal_free(&r);
    return rc;
}
