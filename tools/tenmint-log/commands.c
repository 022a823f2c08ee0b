#include "tools/tenmint-log/commands.h"

const struct cli_command log_commands[LOG_COMMANDS] = {
    {.name = "status",
     .args = "DIR|URL [OPTION]...",
     .summary = "origin, size, root hash, age and signatures of a log's checkpoint",
     .examples = "  tenmint-log status /var/lib/tenmint-ca/log --key log.pub\n",
     .run = command_log_status},
    {.name = "verify",
     .args = "DIR|URL [OPTION]...",
     .summary = "recompute the tree from the entries; say which file and entry is damaged",
     .examples = "  tenmint-log verify /var/lib/tenmint-ca/log --key log.pub\n"
                 "  tenmint-log verify https://log.example.com/2026 --key log.pub "
                 "--checkpoint old\n",
     .run = command_log_verify},
    {.name = "find",
     .args = "DIR|URL [OPTION]...",
     .summary = "certificates by identity, repository, issuer, serial number or time",
     .examples = "  tenmint-log find DIR --key log.pub --repository acme/widget --after 24h\n"
                 "  tenmint-log find DIR --identity-regexp '@example\\.com$' --json\n",
     .exits = {[CLI_FAILED] = "nothing was found, or the work could not be done",
               [CLI_UNKNOWN] = "cannot know: an entry or the log cannot be read"},
     .run = command_log_find},
    {.name = "watch",
     .args = "DIR|URL --state FILE --once | --interval DURATION [OPTION]...",
     .summary = "monitor any log: no fork, no rollback, and who got certificates in your name",
     .examples = "  tenmint-log watch https://log.example.com --key log.pub --state log.json "
                 "--once\n"
                 "  tenmint-log watch URL --key log.pub --state log.json --interval 1m "
                 "--identities mine.yaml\n"
                 "  with mine.yaml:  repository: [https://github.com/acme/widget, acme/widget]\n",
     .exits = {[CLI_DANGER] = "danger: the log forked or rolled back",
               [CLI_FOUND] = "found: a certificate matched (with --fail-on-match)"},
     .run = command_log_watch},
    {.name = "export",
     .args = "DIR|URL [OPTION]...",
     .summary = "entries as JSON lines, PEM or DER",
     .examples = "  tenmint-log export DIR --key log.pub --first 100 --last 199 >entries.json\n"
                 "  tenmint-log export DIR --key log.pub --format pem --out certificates/\n",
     .run = command_log_export},
    {.name = "report",
     .args = "DIR|URL --html DIR [OPTION]...",
     .summary = "a log's state and entries as pages, each entry with its proof",
     .examples = "  tenmint-log report https://log.example.com/2026 --key log.pub --html pages\n"
                 "  tenmint-log report DIR --key log.pub --html pages --repository acme/widget "
                 "--after 2026-11-01\n",
     .run = command_log_report},
    {.name = "witness",
     .args = "--name NAME --key FILE [--log ORIGIN=KEY --dir DIR --listen HOST:PORT]",
     .summary = "cosign the checkpoints of other logs (C2SP tlog-witness); print the verifier key",
     .examples = "  tenmint-log witness --name w.example.com --key w.key --new-key\n"
                 "  tenmint-log witness --name w.example.com --key w.key --dir witness "
                 "--listen :5556 \\\n"
                 "      --log log.example.com/2026=log.pub\n",
     .run = command_log_witness},
};
