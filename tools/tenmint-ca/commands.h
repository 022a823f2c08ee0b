/* The commands of tenmint-ca. Each parses its own words and returns an exit code. */
#pragma once

#include "tools/shared/cli.h"

int command_serve(const struct cli_command *self, int argc, char **argv);
int command_check_config(const struct cli_command *self, int argc, char **argv);
int command_init(const struct cli_command *self, int argc, char **argv);
int command_freeze(const struct cli_command *self, int argc, char **argv);
int command_thaw(const struct cli_command *self, int argc, char **argv);
int command_rehearse(const struct cli_command *self, int argc, char **argv);
int command_status(const struct cli_command *self, int argc, char **argv);
int command_rotate(const struct cli_command *self, int argc, char **argv);
int command_issuer_list(const struct cli_command *self, int argc, char **argv);
int command_issuer_show(const struct cli_command *self, int argc, char **argv);
int command_issuer_diff(const struct cli_command *self, int argc, char **argv);
int command_issuer_add(const struct cli_command *self, int argc, char **argv);
int command_issuer_remove(const struct cli_command *self, int argc, char **argv);
int command_issuer_disable(const struct cli_command *self, int argc, char **argv);
int command_issuer_enable(const struct cli_command *self, int argc, char **argv);
int command_issuer_test(const struct cli_command *self, int argc, char **argv);
int command_log_create(const struct cli_command *self, int argc, char **argv);
int command_key_show(const struct cli_command *self, int argc, char **argv);
int command_tsa_rotate(const struct cli_command *self, int argc, char **argv);
int command_log_rotate(const struct cli_command *self, int argc, char **argv);
int command_log_redate(const struct cli_command *self, int argc, char **argv);
