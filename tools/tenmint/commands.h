/* The commands of `tenmint`, the client. */
#pragma once

#include "tools/shared/cli.h"

int cert_command(const struct cli_command *self, int argc, char **argv);
int show_command(const struct cli_command *self, int argc, char **argv);
int sign_command(const struct cli_command *self, int argc, char **argv);
int verify_command(const struct cli_command *self, int argc, char **argv);
int trust_init_command(const struct cli_command *self, int argc, char **argv);
int trust_refresh_command(const struct cli_command *self, int argc, char **argv);
int trust_show_command(const struct cli_command *self, int argc, char **argv);
int trust_export_command(const struct cli_command *self, int argc, char **argv);
int trust_get_command(const struct cli_command *self, int argc, char **argv);
