/* The commands of tenmint-tuf. Each parses its own words and returns an exit code. */
#pragma once

#include "tools/shared/cli.h"

int command_init(const struct cli_command *self, int argc, char **argv);

int command_key_new(const struct cli_command *self, int argc, char **argv);
int command_key_import(const struct cli_command *self, int argc, char **argv);
int command_key_show(const struct cli_command *self, int argc, char **argv);

int command_holder_add(const struct cli_command *self, int argc, char **argv);
int command_holder_remove(const struct cli_command *self, int argc, char **argv);
int command_holder_replace(const struct cli_command *self, int argc, char **argv);
int command_revoke(const struct cli_command *self, int argc, char **argv);

int command_propose(const struct cli_command *self, int argc, char **argv);
int command_review(const struct cli_command *self, int argc, char **argv);
int command_sign(const struct cli_command *self, int argc, char **argv);
int command_hold(const struct cli_command *self, int argc, char **argv);
int command_merge(const struct cli_command *self, int argc, char **argv);
int command_publish(const struct cli_command *self, int argc, char **argv);
int command_refresh(const struct cli_command *self, int argc, char **argv);

int command_trust_add(const struct cli_command *self, int argc, char **argv);
int command_trust_retire(const struct cli_command *self, int argc, char **argv);
int command_trust_remove(const struct cli_command *self, int argc, char **argv);
int command_trust_show(const struct cli_command *self, int argc, char **argv);

int command_status(const struct cli_command *self, int argc, char **argv);
int command_verify(const struct cli_command *self, int argc, char **argv);
int command_diff(const struct cli_command *self, int argc, char **argv);
int command_rehearse(const struct cli_command *self, int argc, char **argv);
int command_report(const struct cli_command *self, int argc, char **argv);
int command_history(const struct cli_command *self, int argc, char **argv);
