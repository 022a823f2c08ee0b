/* What gcp.c and gcp_login.c share. */
#pragma once

#include "common/kms/internal.h"

int tm_kms_gcp_login(struct tm_kms *k, struct tm_kms_login *out, struct tm_err *e);
void tm_kms_gcp_files(const struct tm_key_uri *u, void (*each)(void *ctx, const char *path),
                      void *ctx);
