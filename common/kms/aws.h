/* What aws.c and aws_login.c share. */
#pragma once

#include "common/kms/internal.h"

/* `given`, or what the environment says, or AWS's own; checked, owned. NULL with `e` set. */
char *tm_kms_aws_endpoint(const struct tm_kms *k, const char *given, const char *service,
                          const char *variable, struct tm_err *e);

/* Of a profile in the shared files; owned, NULL: not there. */
char *tm_kms_aws_profile_value(const char *profile, const char *name);

int tm_kms_aws_login(struct tm_kms *k, struct tm_kms_login *out, struct tm_err *e);
void tm_kms_aws_files(const struct tm_key_uri *u, void (*each)(void *ctx, const char *path),
                      void *ctx);
