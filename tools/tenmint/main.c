/* tenmint: what a CI job runs. */
#include "tools/tenmint/commands.h"

static const struct cli_command commands[] = {
    {.name = "cert",
     .args = "--ca URL [OPTION]...",
     .summary = "get a ten-minute signing certificate for this CI job",
     .examples = "  tenmint cert --ca https://ca.example.com --out signing/\n"
                 "  tenmint cert --ca http://127.0.0.1:5555 --token-file token.jwt --json\n",
     .run = cert_command},
    {.name = "show",
     .args = "FILE",
     .summary = "print a certificate with its identity extensions named",
     .examples = "  tenmint show signing/leaf.pem\n",
     .run = show_command},
    {.name = "verify",
     .args = "(--bundle FILE | --certificate FILE [--signature FILE]) [OPTION]... [ARTIFACT]",
     .summary = "check who signed a file, against the trusted root",
     .examples = "  tenmint verify --bundle app.sigstore.json --issuer https://idp.example.com \\\n"
                 "      --identity dev@example.com app.tar.gz\n"
                 "  tenmint verify --certificate leaf.pem --signature app.sig --issuer "
                 "https://token.actions.githubusercontent.com \\\n"
                 "      --extension source-repository-uri=https://github.com/org/app app.tar.gz\n",
     .run = verify_command},
};

int main(int argc, char **argv)
{
    static const struct cli_program program = {"tenmint", "keyless signing for CI jobs",
                                               TENMINT_VERSION, commands,
                                               sizeof(commands) / sizeof(commands[0])};
    return cli_main(&program, argc, argv);
}
