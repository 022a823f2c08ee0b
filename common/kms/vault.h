/* What vault.c and vault_login.c share. */
#pragma once

#include "common/kms/internal.h"

/* Begins a request: its address up to /v1/, and the namespace. */
void tm_kms_vault_begin(const struct tm_kms *k, struct tm_kms_request *r);

int tm_kms_vault_check(const struct tm_key_uri *u, struct tm_err *e); /* the options of a login */
int tm_kms_vault_login(struct tm_kms *k, struct tm_kms_login *out, struct tm_err *e);
void tm_kms_vault_files(const struct tm_key_uri *u, void (*each)(void *ctx, const char *path),
                        void *ctx);
