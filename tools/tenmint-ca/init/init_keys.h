/*
 * Where the keys are that `init` works with: each in a file that it makes, made in one token under
 * a label, or there already, named by a URI.
 */
#pragma once

#include <stdbool.h>

#include "common/err.h"
#include "common/key/key.h"
#include "tools/tenmint-ca/setup.h"

enum init_key {
    INIT_KEY_CA,
    INIT_KEY_ROOT,
    INIT_KEY_LOG,
    INIT_KEY_AUDIT,
    INIT_KEY_SIGNATURES,
    INIT_KEY_TIMESTAMPS,
    INIT_KEYS
};

struct init_keys { /* what the options say; texts are borrowed */
    struct tm_key_source token;
    const char *label[INIT_KEYS]; /* in the token; NULL: it is not made there */
    const char *uri[INIT_KEYS];   /* in place of it */
    struct setup_paths room;      /* for init_keys_absolute */
};

/* A command's rows of options that fill `k`, a struct init_keys. */
#define INIT_KEY_OPTIONS(k) \
    SETUP_DEVICE_OPTIONS((k).token), \
        {"pkcs11-key", CLI_TEXT, "LABEL", "the server's new key, a label that is free", \
         &(k).label[INIT_KEY_CA]}, \
        {"pkcs11-root-key", CLI_TEXT, "LABEL", "the root's new key, likewise; else it is a file", \
         &(k).label[INIT_KEY_ROOT]}, \
        {"pkcs11-log-key", CLI_TEXT, "LABEL", "the log's new key, likewise; else it is a file", \
         &(k).label[INIT_KEY_LOG]}, \
        {"pkcs11-audit-key", CLI_TEXT, "LABEL", "that of the log of audit heads, likewise", \
         &(k).label[INIT_KEY_AUDIT]}, \
        {"pkcs11-signature-log-key", CLI_TEXT, "LABEL", "the signature log's, likewise", \
         &(k).label[INIT_KEY_SIGNATURES]}, \
        {"pkcs11-timestamp-key", CLI_TEXT, "LABEL", "the timestamp authority's, likewise", \
         &(k).label[INIT_KEY_TIMESTAMPS]}, \
        {"ca-key", CLI_TEXT, "URI", \
         "the server's key, which exists: awskms:, vault:, gcpkms:, azurekv: or pkcs11:", \
         &(k).uri[INIT_KEY_CA]}, \
        {"root-key", CLI_TEXT, "URI", "the root's, likewise", &(k).uri[INIT_KEY_ROOT]}, \
        {"log-key", CLI_TEXT, "URI", "the log's, likewise", &(k).uri[INIT_KEY_LOG]}, \
        {"audit-key", CLI_TEXT, "URI", "that of the log of audit heads, likewise", \
         &(k).uri[INIT_KEY_AUDIT]}, \
        {"signature-log-key", CLI_TEXT, "URI", "the signature log's, likewise", \
         &(k).uri[INIT_KEY_SIGNATURES]}, \
    { \
        "timestamp-key", CLI_TEXT, "URI", "the timestamp authority's, likewise", \
            &(k).uri[INIT_KEY_TIMESTAMPS] \
    }

/* The name of the option that says where this key is, or NULL: none does, it is a file. */
const char *init_keys_option(const struct init_keys *k, enum init_key key);

/* Sets each of `key` that is not to be a file; what it points to is `k`'s. `all`: of --all. -1: the
 * options do not go together. */
int init_keys_choose(const struct init_keys *k, bool all,
                     struct tm_key_source *const key[INIT_KEYS], struct tm_err *e);

/* Then, since a configuration outlives the working directory: paths from the root, which are `k`'s.
 */
int init_keys_absolute(struct init_keys *k, struct tm_key_source *const key[INIT_KEYS],
                       struct tm_err *e);
