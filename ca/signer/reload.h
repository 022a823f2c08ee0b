/*
 * Hot reload: the signer in force, swapped when its files change.
 */
#pragma once

#include "ca/signer/signer.h"

struct ca_signer_holder; /* safe to use from several threads */

/* Opens the signer; the strings of `o` are copied. NULL with `e` set. */
struct ca_signer_holder *ca_signer_holder_new(const struct ca_signer_options *o, int64_t now_s,
                                              struct tm_err *e);
void ca_signer_holder_free(struct ca_signer_holder *h);

/* A new reference to the signer in force; ca_signer_unref() it. */
struct ca_signer *ca_signer_holder_get(struct ca_signer_holder *h);

/* Looks at the files; when they changed, opens the new pair. 0: unchanged, 1: swapped,
 * -1: the new pair is bad, `e` says why, the old pair stays (reported once per change). */
int ca_signer_holder_poll(struct ca_signer_holder *h, int64_t now_s, struct tm_err *e);

/* As poll, but opens anew even if nothing seems changed (SIGHUP). */
int ca_signer_holder_reload(struct ca_signer_holder *h, int64_t now_s, struct tm_err *e);
