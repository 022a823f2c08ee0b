/*
 * The commands `tenmint-ca audit …`: what they have in common.
 */
#pragma once

#include "ca/audit/walk.h"
#include "ca/config/config.h"
#include "tools/shared/cli.h"
#include "tools/tenmint-log/target.h"

#define AUDIT_CONFIG_DEFAULT "/etc/tenmint-ca/tenmint-ca.yaml"

/* Row of a command's options; `config` NULL, when it is not given, is AUDIT_CONFIG_DEFAULT. */
#define AUDIT_CONFIG_OPTION(config) \
    { \
        "config", CLI_TEXT, "FILE", "server configuration (" AUDIT_CONFIG_DEFAULT ")", &(config) \
    }

struct audit_trail { /* a configuration's trail, open for reading */
    struct ca_config config;
    struct ca_config_audit_places places;
    struct ca_audit_keeper_options options;
    struct ca_kept_options heads;
    struct ca_audit_store *store;
    bool loaded;
};

/* `config` may be NULL. CLI_OK, or the code to exit with and `e` set. Call audit_close in either
 * case. */
int audit_open(struct audit_trail *t, const char *config, struct tm_err *e);
void audit_close(struct audit_trail *t);

/* Records of a node behind `floor`, for progress; 0: the database does not say. */
uint64_t audit_expected(struct ca_audit_store *s, const char *node,
                        const struct ca_audit_tip *floor);

/* The heads out of their log, each proven to be in it. `location` NULL: the trail's own. CLI_OK, or
 * the code to exit with, and then it was said why. */
int audit_read_heads(const char *location, const struct log_flags *f, bool json,
                     struct ca_audit_head_list *out);

/* As tenmint-log's --key and the others; the log of heads has no other API. */
#define AUDIT_HEADS_OPTIONS(location, f) \
    {"heads", CLI_TEXT, "DIR|URL", "the log of heads (the configuration's)", &(location)}, \
        {"key", CLI_TEXT, "FILE", "its public key; without it no head is authentic", &(f).key}, \
        {"witness-key", CLI_LIST, "VKEY|FILE", "a witness's verifier key, or a file of them", \
         &(f).witness}, \
    { \
        "witness-quorum", CLI_NUMBER, "N", "witnesses that must have cosigned (all given)", \
            &(f).quorum \
    }

int command_audit_query(const struct cli_command *self, int argc, char **argv);
int command_audit_verify(const struct cli_command *self, int argc, char **argv);
int command_audit_export(const struct cli_command *self, int argc, char **argv);
int command_audit_init(const struct cli_command *self, int argc, char **argv);
