/* tenmint-ca: the certificate authority's command line. */
#include "tools/tenmint-ca/commands.h"

static const struct cli_command commands[] = {
    {.name = "serve",
     .args = "--config FILE | --ephemeral --issuer URL [OPTION]...",
     .summary = "run the CA until SIGTERM; SIGHUP reloads issuers and CA key",
     .examples =
         "  tenmint-ca serve --config /etc/tenmint-ca/tenmint-ca.yaml\n"
         "  tenmint-ca serve --ephemeral --issuer http://127.0.0.1:8080 --listen 127.0.0.1:0\n",
     .run = command_serve},
    {.name = "check-config",
     .args = "FILE",
     .summary = "check a server configuration or an issuer list, and say what it holds",
     .examples = "  tenmint-ca check-config /etc/tenmint-ca/tenmint-ca.yaml\n"
                 "  tenmint-ca check-config issuers.yaml\n",
     .run = command_check_config},
    {.name = "init",
     .args = "DIR [OPTION]...",
     .summary = "make a root, an intermediate and a configuration in a new directory",
     .examples = "  tenmint-ca init ./ca --organization 'Example Ltd'\n"
                 "  tenmint-ca init ./ca --pkcs11-module /usr/lib/softhsm/libsofthsm2.so \\\n"
                 "      --pkcs11-token tenmint --pkcs11-key ca-2026 --pkcs11-pin-file pin\n",
     .run = command_init},
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
