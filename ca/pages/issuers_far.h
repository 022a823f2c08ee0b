/*
 * What the pages say of token issuers, which another process knows. The pages' process asks each
 * time somebody looks, waits a moment for the answer, and else shows the one before.
 */
#pragma once

#include "ca/pages/pages.h"

#define CA_ISSUERS_TOLD_MAX 256 /* more are not shown */

struct ca_issuers_asker;

/* Takes `fd`. One thread of its own. NULL with `e` set. */
struct ca_issuers_asker *ca_issuers_asker_new(int fd, struct tm_err *e);
void ca_issuers_asker_free(struct ca_issuers_asker *a); /* NULL is fine */

/* Asks anew, and copies the last whole answer to out[CA_ISSUERS_TOLD_MAX]; returns how many. */
size_t ca_issuers_asker_look(struct ca_issuers_asker *a, struct ca_page_issuer *out);

struct ca_issuers_teller;

/* Takes `fd`. `each` calls `row` for each issuer, on the teller's thread. NULL with `e` set. */
typedef void ca_issuers_row(void *arg, const struct ca_page_issuer *issuer);
struct ca_issuers_teller *
ca_issuers_teller_new(int fd, void (*each)(void *ctx, ca_issuers_row *row, void *arg), void *ctx,
                      struct tm_err *e);
int ca_issuers_teller_start(struct ca_issuers_teller *t, struct tm_err *e);
void ca_issuers_teller_free(struct ca_issuers_teller *t); /* NULL is fine */
