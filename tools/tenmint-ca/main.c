/* tenmint-ca: the certificate authority's command line. */
#include "tools/tenmint-ca/commands.h"

static const struct cli_command commands[] = {
    {"serve", "--config FILE | --ephemeral --issuer URL [OPTION]...",
     "run the CA until SIGTERM; SIGHUP reloads issuers and CA key",
     "  tenmint-ca serve --config /etc/tenmint-ca/tenmint-ca.yaml\n"
     "  tenmint-ca serve --ephemeral --issuer http://127.0.0.1:8080 --listen 127.0.0.1:0\n",
     command_serve},
    {"check-config", "FILE",
     "check a server configuration or an issuer list, and say what it holds",
     "  tenmint-ca check-config /etc/tenmint-ca/tenmint-ca.yaml\n"
     "  tenmint-ca check-config issuers.yaml\n",
     command_check_config},
    {"init", "DIR", "make a root, an intermediate and a configuration in a new directory",
     "  tenmint-ca init ./ca --organization 'Example Ltd'\n", command_init},
};

int main(int argc, char **argv)
{
    static const struct cli_program program = {
        .name = "tenmint-ca",
        .summary = "short-lived code-signing certificates for CI jobs",
        .version = TENMINT_VERSION,
        .commands = commands,
        .count = sizeof(commands) / sizeof(commands[0]),
    };
    return cli_main(&program, argc, argv);
}
