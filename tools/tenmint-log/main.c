/* tenmint-log: reads logs that are not trusted, ours or another's, for auditors and monitors. */
#include "tools/tenmint-log/commands.h"

int main(int argc, char **argv)
{
    static const struct cli_program program = {
        .name = "tenmint-log",
        .summary = "checks transparency logs and finds what they hold",
        .commands = log_commands,
        .count = LOG_COMMANDS,
    };
    return cli_main(&program, argc, argv);
}
