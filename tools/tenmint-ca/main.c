/* tenmint-ca: the certificate authority's command line. */
#include <string.h>

#include "common/secret.h"
#include "tools/tenmint-ca/audit/audit.h"
#include "tools/tenmint-ca/commands.h"
#include "tools/tenmint-ca/evidence/evidence.h"
#include "tools/tenmint-log/commands.h"

#define OWN (sizeof(own_log_commands) / sizeof(own_log_commands[0]))

static const struct cli_command own_log_commands[] = {
    {.name = "create",
     .group = "log",
     .args = "DIR --origin NAME --password-file FILE | TOKEN OPTIONS",
     .summary = "make a new log with a new key, to take over from the present one",
     .examples =
         "  tenmint-ca log create /etc/tenmint-ca/log-2027 \\\n"
         "      --origin ca.example.com/log/2027 --password-file /etc/tenmint-ca/password\n",
     .run = command_log_create},
    {.name = "rotate",
     .group = "log",
     .args = "FILE NAME [--signatures] [--activate] [OPTION]...",
     .summary = "make the next log, of the period NAME; later put it into the configuration",
     .examples =
         "  tenmint-ca log rotate /etc/tenmint-ca/tenmint-ca.yaml 2027 --signatures\n"
         "  tenmint-ca log rotate /etc/tenmint-ca/tenmint-ca.yaml 2027 --signatures --activate\n",
     .run = command_log_rotate},
    {.name = "redate",
     .group = "log",
     .args = "DIR",
     .summary = "let a log that a wrong clock dated into the future be dated by the clock again",
     .examples = "  tenmint-ca log redate /var/lib/tenmint-ca/log\n",
     .run = command_log_redate},
};

static const struct cli_command tsa_commands[] = {
    {.name = "rotate",
     .group = "tsa",
     .args = "FILE NAME [--activate] [OPTION]...",
     .summary =
         "make the timestamp authority's next key and certificate; later put them in service",
     .examples = "  tenmint-ca tsa rotate /etc/tenmint-ca/tenmint-ca.yaml 2029 \\\n"
                 "      --intermediate-key /media/usb/tsa-intermediate.key\n"
                 "  tenmint-ca tsa rotate /etc/tenmint-ca/tenmint-ca.yaml 2029 --activate\n",
     .run = command_tsa_rotate},
};

static const struct cli_command key_commands[] = {
    {.name = "show",
     .group = "key",
     .args = "URI",
     .summary = "the public half of a key at a service or in a token, and whether it signs",
     .examples = "  tenmint-ca key show awskms:alias/tenmint-ca?region=eu-west-1\n"
                 "  tenmint-ca key show vault:tenmint-ca --json\n",
     .run = command_key_show},
};

#define IN_LIST "  tenmint-ca issuer "
static const struct cli_command issuer_commands[] = {
    {.name = "list",
     .group = "issuer",
     .args = "FILE",
     .summary = "whose tokens are taken, under which terms; FILE: a list or a configuration",
     .examples =
         IN_LIST "list /etc/tenmint-ca/tenmint-ca.yaml\n" IN_LIST "list issuers.yaml --json\n",
     .run = command_issuer_list},
    {.name = "show",
     .group = "issuer",
     .args = "FILE URL",
     .summary = "all that the list says of one issuer",
     .examples = IN_LIST "show issuers.yaml https://gitlab.example.com\n",
     .run = command_issuer_show},
    {.name = "add",
     .group = "issuer",
     .args = "FILE URL --type TYPE [OPTION]...",
     .summary = "add an issuer, or with '*' in its URL a pattern, to the end of its section",
     .examples = IN_LIST "add issuers.yaml https://token.actions.githubusercontent.com \\\n"
                         "      --type github-workflow --allow 'repository=example/*' --trial\n",
     .run = command_issuer_add},
    {.name = "remove",
     .group = "issuer",
     .args = "FILE URL",
     .summary = "take an issuer out of the list; comments around it stay",
     .examples = IN_LIST "remove issuers.yaml https://gitlab.example.com --dry-run\n",
     .run = command_issuer_remove},
    {.name = "disable",
     .group = "issuer",
     .args = "FILE URL",
     .summary = "keep an issuer in the list and take none of its tokens",
     .examples = IN_LIST "disable issuers.yaml https://gitlab.example.com\n",
     .run = command_issuer_disable},
    {.name = "enable",
     .group = "issuer",
     .args = "FILE URL",
     .summary = "take a disabled issuer's tokens again",
     .examples = IN_LIST "enable issuers.yaml https://gitlab.example.com\n",
     .run = command_issuer_enable},
    {.name = "test",
     .group = "issuer",
     .args = "FILE URL | FILE --token FILE",
     .summary = "try an issuer's keys, or what a token would get; nothing is issued",
     .examples = IN_LIST "test tenmint-ca.yaml https://gitlab.example.com\n" IN_LIST
                         "test tenmint-ca.yaml --token token.jwt\n",
     .run = command_issuer_test},
    {.name = "diff",
     .group = "issuer",
     .args = "OLD NEW",
     .summary = "who is let in and who is shut out by NEW in the place of OLD",
     .examples = IN_LIST "diff issuers.yaml issuers.new.yaml\n",
     .exits = {[CLI_FOUND] = "found: the lists differ"},
     .run = command_issuer_diff},
};

static const struct cli_command audit_commands[] = {
    {.name = "query",
     .group = "audit",
     .args = "[OPTION]...",
     .summary = "what was issued, refused, trusted, reloaded, rotated, stopped; by whom and when",
     .examples = "  tenmint-ca audit query --repository acme/widget --since 2026-01-01 \\\n"
                 "      --until 2026-04-01 --kind issued --csv\n"
                 "  tenmint-ca audit query --kind trust --issuer "
                 "https://token.actions.githubusercontent.com\n"
                 "  tenmint-ca audit query --kind refused --since 24h\n",
     .exits = {[CLI_FAILED] = "no record matches",
               [CLI_UNKNOWN] = "the database, or a record in it, cannot be read"},
     .run = command_audit_query},
    {.name = "verify",
     .group = "audit",
     .args = "[--key FILE] [OPTION]... [EXPORT]...",
     .summary =
         "check the records' chain (of the database, or of exports) against the log of heads",
     .examples = "  tenmint-ca audit verify --key /media/auditor/heads.pem\n"
                 "  tenmint-ca audit verify --heads heads/ --key heads.pem ca-1-2026.jsonl\n",
     .exits = {[CLI_DANGER] = "a record was altered, taken out or cut off",
               [CLI_UNKNOWN] = "the database or the log of heads cannot be read"},
     .run = command_audit_verify},
    {.name = "export",
     .group = "audit",
     .args = "--out FILE [OPTION]...",
     .summary = "write the records to a file that can be checked without the database",
     .examples = "  tenmint-ca audit export --out ca-1-2026.jsonl\n",
     .exits = {[CLI_UNKNOWN] = "the database cannot be read"},
     .run = command_audit_export},
    {.name = "init",
     .group = "audit",
     .args = "[--config FILE]",
     .summary = "make the folder, the log of heads and its key that audit-store names",
     .examples = "  tenmint-ca audit init --config /etc/tenmint-ca/tenmint-ca.yaml\n",
     .run = command_audit_init},
};

static const struct cli_command evidence_commands[] = {
    {.name = "make",
     .group = "evidence",
     .args = "--out DIR [OPTION]...",
     .summary = "gather what an auditor asks for of a period: pages, tables, proofs",
     .examples = "  tenmint-ca evidence make --out evidence-2026 --since 2026-01-01 \\\n"
                 "      --until 2027-01-01 --tuf /var/lib/tenmint-tuf --controls controls.yaml\n",
     .run = command_evidence_make},
    {.name = "verify",
     .group = "evidence",
     .args = "DIR [--root FILE] [--log-key FILE] [--heads-key FILE]",
     .summary = "check a pack by the root and the logs' keys alone",
     .examples =
         "  tenmint-ca evidence verify evidence-2026 --root 1.root.json --log-key log.pem \\\n"
         "      --heads-key heads.pem\n",
     .exits = {[CLI_FAILED] = "a part was not checked, for want of its key",
               [CLI_DANGER] = "something in the pack was altered, or is not proven",
               [CLI_UNKNOWN] = "the folder holds no pack"},
     .run = command_evidence_verify},
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
     .examples =
         "  tenmint-ca init ./ca --organization 'Example Ltd'\n"
         "  tenmint-ca init ./sigstore --all --url https://sigstore.example.com\n"
         "  tenmint-ca init /data/ca --if-missing --all --url https://sigstore.example.com\n"
         "  tenmint-ca init ./ca --pkcs11-module /usr/lib/softhsm/libsofthsm2.so \\\n"
         "      --pkcs11-token tenmint --pkcs11-key ca-2026 --pkcs11-log-key log-2026 "
         "--pkcs11-pin-file pin\n",
     .exits = {[CLI_CONFIG] = "--if-missing: what is there is not whole, or of other names"},
     .run = command_init},
    {.name = "rotate",
     .args = "DIR [--activate | --csr | --certificate FILE] [OPTION]...",
     .summary = "make the CA's next key and chain in DIR/next; later put them in service",
     .examples =
         "  tenmint-ca rotate ./ca --root-key /media/usb/root.key\n"
         "  tenmint-tuf trust add-ca --chain ./ca/next/chain.pem --url https://ca.example.com\n"
         "  tenmint-ca rotate ./ca --activate\n"
         "  tenmint-ca rotate ./ca --csr\n"
         "  tenmint-ca rotate ./ca --certificate from-the-corporate-ca.pem\n",
     .run = command_rotate},
    {.name = "rehearse",
     .args = "rotate | log | issuer [--config FILE] [OPTION]...",
     .summary = "do a rotation whole on a copy with throwaway keys, and record it",
     .examples = "  tenmint-ca rehearse rotate --config ./ca/tenmint-ca.yaml\n"
                 "  tenmint-ca rehearse issuer --json\n",
     .exits = {[CLI_FAILED] = "a step did not end as it must, or the record cannot be written"},
     .run = command_rehearse},
    {.name = "status",
     .args = "[--config FILE]",
     .summary = "when each kind of rotation was rehearsed last, and which is due",
     .examples = "  tenmint-ca status --config ./ca/tenmint-ca.yaml\n",
     .exits = {[CLI_FOUND] = "a rehearsal failed, or is due by the configuration's 'rehearsals'",
               [CLI_UNKNOWN] = "the record cannot be read"},
     .run = command_status},
    {.name = "freeze",
     .args = "[--issuer URL] --reason TEXT [OPTION]...",
     .summary = "stop issuance at once, in all or for an issuer, until thaw",
     .examples = "  tenmint-ca freeze --reason 'runner image taken over, see INC-17'\n"
                 "  tenmint-ca freeze --issuer https://gitlab.example.com --reason INC-18\n",
     .run = command_freeze},
    {.name = "thaw",
     .args = "[--issuer URL] --reason TEXT [OPTION]...",
     .summary = "let issuance go on that freeze has stopped",
     .examples = "  tenmint-ca thaw --reason 'image replaced'\n",
     .run = command_thaw},
    {.name = "tsa",
     .summary = "the timestamp authority",
     .commands = tsa_commands,
     .count = sizeof(tsa_commands) / sizeof(tsa_commands[0])},
    {.name = "key",
     .summary = "keys at services and in tokens",
     .commands = key_commands,
     .count = sizeof(key_commands) / sizeof(key_commands[0])},
    {.name = "issuer",
     .summary = "trusted issuers",
     .commands = issuer_commands,
     .count = sizeof(issuer_commands) / sizeof(issuer_commands[0])},
    {.name = "audit",
     .summary = "the audit trail",
     .commands = audit_commands,
     .count = sizeof(audit_commands) / sizeof(audit_commands[0])},
    {.name = "evidence",
     .summary = "evidence for auditors",
     .commands = evidence_commands,
     .count = sizeof(evidence_commands) / sizeof(evidence_commands[0])},
    {.name = "log", .summary = "transparency logs"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* The group `log` has the auditors' commands beside the server's own. */
int main(int argc, char **argv)
{
    tm_secret_init();
    struct cli_command all[COMMANDS];
    struct cli_command logs[OWN + LOG_COMMANDS];
    memcpy(all, commands, sizeof(commands));
    memcpy(logs, own_log_commands, sizeof(own_log_commands));
    memcpy(logs + OWN, log_commands, sizeof(log_commands));
    for (size_t i = OWN; i < OWN + LOG_COMMANDS; i++)
        logs[i].group = "log";
    for (size_t i = 0; i < COMMANDS; i++) {
        if (all[i].run == NULL && all[i].commands == NULL) {
            all[i].commands = logs;
            all[i].count = OWN + LOG_COMMANDS;
        }
    }
    const struct cli_program program = {
        .name = "tenmint-ca",
        .summary = "short-lived code-signing certificates for CI jobs",
        .commands = all,
        .count = COMMANDS,
    };
    return cli_main(&program, argc, argv);
}
