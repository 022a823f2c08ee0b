/*
 * The commands `issuer …`: a list of trusted issuers, named by its own file or by the configuration
 * of the server that uses it.
 */
#pragma once

#include <jansson.h>
#include <limits.h>

#include "tools/tenmint-ca/check/check_said.h"
#include "ca/config/config.h"
#include "oidc/trust/diff.h"
#include "oidc/trust/edit.h"
#include "tools/tenmint-ca/serve/approved.h"

struct issuer_list {
    char path[PATH_MAX];     /* of the list */
    bool of_server;          /* `config` was read */
    struct ca_config config; /* the server's, or defaults */
    struct tm_buf text;
    struct approved_list approved; /* of issuers-from-tuf; version 0: a file */
    struct oidc_trust *trust;
};

/* Reads what `file` is: a list, or a configuration and the list that it names. -1: `e` says why.
 * Close it in either case. */
int issuer_list_open(const char *file, struct issuer_list *l, struct tm_err *e);
void issuer_list_close(struct issuer_list *l);

/* The entry with this URL or pattern; NULL: none, with `e` set. */
const struct oidc_issuer *issuer_list_entry(const struct issuer_list *l, const char *url,
                                            struct tm_err *e);

/* oidc_trust_diff_fn: "lets in    https://…: words", a line. */
void issuer_print_change(void *arg, const struct oidc_trust_change *c);

/* Asks an issuer for its keys as the server would, and says what would be trusted, or why nothing.
 * Returns an exit code. */
int issuer_try_url(const struct issuer_list *l, const char *url, bool json, struct tm_err *e);

/* Whether each issuer without a pattern can be asked: a line of warning where not. */
void issuer_warn_unreachable(struct check_said *k, const char *path, const struct oidc_trust *trust,
                             const struct ca_config *c);
