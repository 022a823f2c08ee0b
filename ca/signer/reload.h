/*
 * Hot reload: the signer in force, swapped when its files change.
 */
#ifndef TENMINT_CA_SIGNER_RELOAD_H
#define TENMINT_CA_SIGNER_RELOAD_H

#include "ca/signer/signer.h"

struct signer_holder; /* safe to use from several threads */

/* Opens the signer; the strings of `o` are copied. NULL with `e` set. */
struct signer_holder *signer_holder_new(const struct signer_options *o, int64_t now_s,
                                        struct err *e);
void signer_holder_free(struct signer_holder *h);

/* A new reference to the signer in force; signer_unref() it. */
struct signer *signer_holder_get(struct signer_holder *h);

/* Looks at the files; when they changed, opens the new pair. 0: unchanged, 1: swapped,
 * -1: the new pair is bad, `e` says why, the old pair stays (reported once per change). */
int signer_holder_poll(struct signer_holder *h, int64_t now_s, struct err *e);

/* As poll, but opens anew even if nothing seems changed (SIGHUP). */
int signer_holder_reload(struct signer_holder *h, int64_t now_s, struct err *e);

#endif
