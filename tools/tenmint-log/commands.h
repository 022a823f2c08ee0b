/*
 * The auditors' commands. They are a program of their own, and `tenmint-ca log` has them too.
 */
#pragma once

#include "tools/shared/cli.h"

#define LOG_COMMANDS 7
extern const struct cli_command log_commands[LOG_COMMANDS];

int command_log_status(const struct cli_command *self, int argc, char **argv);
int command_log_verify(const struct cli_command *self, int argc, char **argv);
int command_log_find(const struct cli_command *self, int argc, char **argv);
int command_log_watch(const struct cli_command *self, int argc, char **argv);
int command_log_export(const struct cli_command *self, int argc, char **argv);
int command_log_report(const struct cli_command *self, int argc, char **argv);
int command_log_witness(const struct cli_command *self, int argc, char **argv);
