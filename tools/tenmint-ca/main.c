/* tenmint-ca: the certificate authority's command line. */
#include "tools/tenmint-ca/commands.h"

static const struct cli_command log_commands[] = {
    {.name = "create",
     .group = "log",
     .args = "DIR --origin NAME --password-file FILE | TOKEN OPTIONS",
     .summary = "make a new log with a new key, to take over from the present one",
     .examples =
         "  tenmint-ca log create /etc/tenmint-ca/log-2027 \\\n"
         "      --origin ca.example.com/log/2027 --password-file /etc/tenmint-ca/password\n",
     .run = command_log_create},
    {.name = "redate",
     .group = "log",
     .args = "DIR",
     .summary = "let a log that a wrong clock dated into the future be dated by the clock again",
     .examples = "  tenmint-ca log redate /var/lib/tenmint-ca/log\n",
     .run = command_log_redate},
    {.name = "status",
     .group = "log",
     .args = "DIR|URL [OPTION]...",
     .summary = "origin, size, root hash, age and signatures of a log's checkpoint",
     .examples = "  tenmint-ca log status /var/lib/tenmint-ca/log --key log.pub\n",
     .run = command_log_status},
    {.name = "verify",
     .group = "log",
     .args = "DIR|URL [OPTION]...",
     .summary = "recompute the tree from the entries; say which file and entry is damaged",
     .examples = "  tenmint-ca log verify /var/lib/tenmint-ca/log --key log.pub\n"
                 "  tenmint-ca log verify https://log.example.com/2026 --key log.pub "
                 "--checkpoint old\n",
     .run = command_log_verify},
    {.name = "find",
     .group = "log",
     .args = "DIR|URL [OPTION]...",
     .summary = "certificates by identity, repository, issuer, serial number or time",
     .examples = "  tenmint-ca log find DIR --key log.pub --repository acme/widget --after 24h\n"
                 "  tenmint-ca log find DIR --identity-regexp '@example\\.com$' --json\n",
     .run = command_log_find},
    {.name = "watch",
     .group = "log",
     .args = "DIR|URL --state FILE --once | --interval DURATION [OPTION]...",
     .summary = "monitor any log: no fork, no rollback, and who got certificates in your name",
     .examples = "  tenmint-ca log watch https://log.example.com --key log.pub --state log.json "
                 "--once\n"
                 "  tenmint-ca log watch URL --key log.pub --state log.json --interval 1m "
                 "--identities mine.yaml\n"
                 "  with mine.yaml:  repository: [https://github.com/acme/widget, acme/widget]\n",
     .exits = "4 the log forked or rolled back, 5 a certificate matched (with --fail-on-match)",
     .run = command_log_watch},
    {.name = "export",
     .group = "log",
     .args = "DIR|URL [OPTION]...",
     .summary = "entries as JSON lines, PEM or DER",
     .examples = "  tenmint-ca log export DIR --key log.pub --first 100 --last 199 >entries.json\n"
                 "  tenmint-ca log export DIR --key log.pub --format pem --out certificates/\n",
     .run = command_log_export},
    {.name = "witness",
     .group = "log",
     .args = "--name NAME --key FILE [--log ORIGIN=KEY --dir DIR --listen HOST:PORT]",
     .summary = "cosign the checkpoints of other logs (C2SP tlog-witness); print the verifier key",
     .examples = "  tenmint-ca log witness --name w.example.com --key w.key --new-key\n"
                 "  tenmint-ca log witness --name w.example.com --key w.key --dir witness "
                 "--listen :5556 \\\n"
                 "      --log log.example.com/2026=log.pub\n",
     .run = command_log_witness},
};

static const struct cli_command commands[] = {
    {.name = "serve",
     .args = "--config FILE | --ephemeral --issuer URL [OPTION]...",
     .summary = "run the CA until SIGTERM; SIGHUP reloads issuers, keys and TLS files",
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
                 "      --pkcs11-token tenmint --pkcs11-key ca-2026 --pkcs11-log-key log-2026 "
                 "--pkcs11-pin-file pin\n",
     .run = command_init},
    {.name = "rotate",
     .args = "DIR [--activate] [OPTION]...",
     .summary = "make the CA's next key and chain in DIR/next; later put them in service",
     .examples =
         "  tenmint-ca rotate ./ca --root-key /media/usb/root.key\n"
         "  tenmint-tuf trust add-ca --chain ./ca/next/chain.pem --url https://ca.example.com\n"
         "  tenmint-ca rotate ./ca --activate\n",
     .run = command_rotate},
    {.name = "log",
     .summary = "transparency logs: create, redate, status, verify, find, watch, export, witness",
     .commands = log_commands,
     .count = sizeof(log_commands) / sizeof(log_commands[0])},
};

int main(int argc, char **argv)
{
    static const struct cli_program program = {
        .name = "tenmint-ca",
        .summary = "short-lived code-signing certificates for CI jobs",
        .commands = commands,
        .count = sizeof(commands) / sizeof(commands[0]),
    };
    return cli_main(&program, argc, argv);
}
