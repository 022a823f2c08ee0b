/*
 * `log witness` is the one auditors' command that serves, so it alone needs HTTP's libraries.
 * tenmint-log, which auditors install without them, hands it to a program of its own,
 * tenmint-log-witness; in tenmint-ca and in that program the witness itself is linked.
 */
#pragma once

#include <stdbool.h>

#include "tools/shared/cli.h"

/* The command's options, looked over: name and key are there; with logs also dir and listen. */
struct log_witness_words {
    const char *name, *key, *password_file, *dir, *listen;
    struct cli_pairs logs; /* ORIGIN=KEY: origins have no '=', keys in base64 may end with it */
    bool new_key;
};

/*
 * Makes the key if that is asked for, prints the verifier key and, with logs, serves until SIGTERM
 * or SIGINT. words[0..count-1]: the command's own as they were given, for the program that starts
 * another in its place. The code to exit with; what failed is said.
 */
int log_witness_run(const struct log_witness_words *w, char **words, size_t count);
