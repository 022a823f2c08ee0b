/* tenmint-log-witness: `tenmint-log witness`, with the libraries that serving needs. */
#include "tools/tenmint-log/commands.h"

int main(int argc, char **argv)
{
    static const struct cli_command commands[] = {
        {.name = "witness",
         .args = "OPTION...",
         .summary = "see tenmint-log witness --help",
         .run = command_log_witness},
    };
    static const struct cli_program program = {
        .name = "tenmint-log",
        .summary = "cosigns the checkpoints of other logs; started by tenmint-log witness",
        .commands = commands,
        .count = 1,
    };
    return cli_main(&program, argc, argv);
}
