/* What several commands share: the workspace, a holder's private key, the terminal. */
#pragma once

#include "common/buf.h"
#include "common/key/key.h"
#include "tools/shared/cli.h"
#include "tools/shared/terminal.h"
#include "tuf/manager/event/event.h"
#include "tuf/manager/draft/draft.h"
#include "tuf/manager/state/workspace.h"

#define LOCK_WAIT_MS 60000

/* Rows of an option table for a private key; `k` is a struct tm_key_source. */
#define KEY_OPTIONS(k) \
    {"key", CLI_TEXT, "FILE", "PEM private key, encrypted, mode 0600", &(k).file}, \
        {"key-env", CLI_TEXT, "NAME", "environment variable with such a PEM", &(k).env}, \
        {"password-file", CLI_TEXT, "FILE", "the key's password (asked for on a terminal)", \
         &(k).password_file}, \
        {"password-env", CLI_TEXT, "NAME", "environment variable with the password", \
         &(k).password_env}, \
        {"pkcs11-module", CLI_TEXT, "FILE", "a token's PKCS#11 module (YubiKey, SoftHSM, HSM)", \
         &(k).pkcs11_module}, \
        {"pkcs11-token", CLI_TEXT, "LABEL", "the token", &(k).pkcs11_token}, \
        {"pkcs11-key", CLI_TEXT, "LABEL", "the key in the token", &(k).pkcs11_key}, \
        {"key-uri", CLI_TEXT, "URI", "a key service's or a token's (tenmint-keys(7))", &(k).uri}, \
        {"pin-file", CLI_TEXT, "FILE", "the token's PIN (asked for on a terminal)", \
         &(k).pin_file}, \
    { \
        "pin-env", CLI_TEXT, "NAME", "environment variable with the PIN", &(k).pin_env \
    }

#define DIR_OPTION(dest) \
    { \
        "dir", CLI_TEXT, "DIR", \
            "the folder to work in: a workspace with policy.yaml (the current directory)", &(dest) \
    }

int64_t session_now(void); /* Unix seconds */
/* A sentence as a line on standard output; `arg` is not used. */
void session_tell(void *arg, const char *text);

/* Progress on the line `arg`, a struct cli_progress that begins as zeros; each `what` is work of
 * its own. cli_progress_end() before anything is printed. For struct tuf_progress. */
void session_progress(void *arg, const char *what, uint64_t done);

/* ---- terminal ---- */

bool terminal_here(void); /* standard input and error are terminals */

/* Asks on the terminal; without echo for a secret. -1: no terminal, or end of input. */
int terminal_ask(const char *question, bool secret, struct tm_buf *out, struct tm_err *e);

/* A new secret, twice. */
int terminal_new_secret(const char *what, struct tm_buf *out, struct tm_err *e);

/* ---- keys ---- */

/* As tm_key_open; asks for a password or PIN that was not given, three times, when there is a
 * terminal. NULL with `e` set. */
struct tm_key *session_key(struct tm_key_source *source, struct tm_err *e);

/* ---- events ---- */

/* tuf_event_read() with its progress. */
int session_event(const char *path, struct tuf_event *out, struct tm_err *e);

/* Makes an event from the workspace's policy and writes it: events/NAME.json unless `out` says
 * where. Prints what to do next. The exit code. */
int session_propose(struct tuf_workspace *w, const char *name, const char *reason,
                    const struct cli_list *renew, const char *out);
