/* The commands of `tenmint`, the client. */
#pragma once

#include "tools/shared/cli.h"

int command_cert(const struct cli_command *self, int argc, char **argv);
int command_show(const struct cli_command *self, int argc, char **argv);
int command_sign(const struct cli_command *self, int argc, char **argv);
int command_verify(const struct cli_command *self, int argc, char **argv);
int command_trust_init(const struct cli_command *self, int argc, char **argv);
int command_trust_refresh(const struct cli_command *self, int argc, char **argv);
int command_trust_show(const struct cli_command *self, int argc, char **argv);
int command_trust_export(const struct cli_command *self, int argc, char **argv);
int command_trust_get(const struct cli_command *self, int argc, char **argv);
