/* tenmint: what a CI job runs. */
#include "tools/tenmint/commands.h"

static const struct cli_command commands[] = {
    {"cert", "--ca URL [OPTION]...", "get a ten-minute signing certificate for this CI job",
     "  tenmint cert --ca https://ca.example.com --out signing/\n"
     "  tenmint cert --ca http://127.0.0.1:5555 --token-file token.jwt --json\n",
     cert_command},
    {"show", "FILE", "print a certificate with its identity extensions named",
     "  tenmint show signing/leaf.pem\n", show_command},
};

int main(int argc, char **argv)
{
    static const struct cli_program program = {
        "tenmint", "keyless signing for CI jobs", TENMINT_VERSION, commands,
        sizeof(commands) / sizeof(commands[0])};
    return cli_main(&program, argc, argv);
}
