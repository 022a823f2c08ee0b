/* log witness: a small witness, so that two teams can witness each other's logs. Its words. */
#include "tools/tenmint-log/witness/witness.h"
#include "tools/tenmint-log/commands.h"

int command_log_witness(const struct cli_command *self, int argc, char **argv)
{
    struct log_witness_words w = {.logs = {.like = "log.example.com/2026=log.pub"}};
    const struct cli_option options[] = {
        {"name", CLI_TEXT, "NAME", "the witness's, such as witness.example.com/1", &w.name},
        {"key", CLI_TEXT, "FILE", "its Ed25519 private key, PEM", &w.key},
        {"new-key", CLI_FLAG, NULL, "make that key first", &w.new_key},
        {"password-file", CLI_TEXT, "FILE", "the password of the key's file", &w.password_file},
        {"log", CLI_PAIRS, "ORIGIN=KEY", "a log to witness and its public key (file or base64)",
         &w.logs},
        {"dir", CLI_TEXT, "DIR", "the folder to work in: the cosigned checkpoints are kept there",
         &w.dir},
        {"listen", CLI_TEXT, "HOST:PORT", "plain HTTP; put TLS before it", &w.listen},
        {0},
    };
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 0);
    if (rc != CLI_GO_ON)
        return rc;
    if (w.name == NULL || w.key == NULL) {
        tm_err_set(&e, "--name NAME and --key FILE are needed");
        return cli_fail(CLI_USAGE, &e);
    }
    if (w.logs.count > 0 && (w.dir == NULL || w.listen == NULL)) {
        tm_err_set(&e, "--log needs --dir DIR and --listen HOST:PORT");
        return cli_fail(CLI_USAGE, &e);
    }
    return log_witness_run(&w, argv, (size_t)argc);
}
