/* log redate: the way out for a log whose clock was wrong. */
#include <stdio.h>

#include "ca/log/ct/format.h"
#include "ca/log/engine/log.h"
#include "common/clock.h"
#include "tools/tenmint-ca/commands.h"

int command_log_redate(const struct cli_command *self, int argc, char **argv)
{
    const struct cli_option options[] = {{0}};
    struct tm_err e = {0};
    uint64_t newest_ms = 0;
    int64_t now_ms = tm_clock_wall_ms();
    char last[21];
    char now[21];
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    if (ca_log_redate(&ca_log_format_ct, argv[0], now_ms, &newest_ms, &e) != 0)
        return cli_fail(CLI_FAILED, &e);
    tm_clock_format((int64_t)(newest_ms / 1000), last);
    tm_clock_format(now_ms / 1000, now);
    printf(
        "the log was dated up to %s; from its next start it is dated by the clock (%s now).\n"
        "Tell those who monitor it: its checkpoints go back in time once. Certificates whose SCTs\n"
        "are dated ahead of the clock do not verify before that date; if there are any, consider\n"
        "a new log.\n",
        last, now);
    return CLI_OK;
}
