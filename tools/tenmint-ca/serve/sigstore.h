/*
 * What a private Sigstore has beside the CA, as the configuration names it: a log of signatures and
 * a timestamp authority, each in a process of its own (server.h) with its own key.
 */
#pragma once

#include "tools/tenmint-ca/check/check_said.h"
#include "ca/config/config.h"
#include "ca/tsa/tsa.h"
#include "common/checked_clock.h"
#include "common/http/http.h"
#include "common/key/key.h"

/* Prefixes and bounds of bodies, for a process that passes requests on: by the configuration alone.
 * They fill prefix, body_name and max_body, and return how many. */
size_t sigstore_log_prefixes(const struct ca_config *c, struct tm_http_mount *out);
size_t sigstore_tsa_prefixes(const struct ca_config *c, struct tm_http_mount *out);

/* The authority of the configuration, with its key, which is opened here: the caller frees both,
 * the key last, also `*key` when NULL comes back. `clock` NULL: to look at, not to sign. `far`: of
 * a key at a service, or NULL. */
struct ca_tsa *sigstore_tsa_new(const struct ca_config *c, struct tm_checked_clock *clock,
                                const struct tm_key_far *far, struct tm_key **key,
                                struct tm_err *e);

/* check-config: says what there is, on standard output. Nothing is opened for writing. */
int sigstore_check(struct check_said *k, const struct ca_config *c, struct tm_err *e);

/* On standard error: which verifiers cannot take a new signature log, by its public key's file. */
void sigstore_warn_key(const char *origin, const char *public_file);
