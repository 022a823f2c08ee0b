/*
 * Keys of key services: AWS KMS, Google Cloud KMS, Azure Key Vault, HashiCorp Vault's and OpenBao's
 * Transit. Whoever uses this holds the credential and a network, so a server does it in a process
 * of its own (common/kms/lane.h); a person's command does it itself.
 *
 *     k = tm_kms_new(&uri, e);          the URI and the environment, no network yet
 *     pub = tm_kms_public(k, e);        logs in and asks
 *     tm_kms_sign(k, &ask, done, arg);  any number at once, each answered once
 *
 * What is busy (429, 5xx) or lost is asked again with growing pauses until the deadline. A service
 * that stays down is "away": signatures then fail at once, and one a second looks whether it is
 * back. Credentials are renewed before they end, and when the service says they have ended;
 * they are in no error and no log, and wiped.
 */
#pragma once

#include "common/key/key.h"

#define KMS_PARALLEL 64      /* requests under way at once, of one key */
#define KMS_DEADLINE_MS 8000 /* of one signature, all tries together */
#define KMS_TRY_MS 3000      /* of one try */
#define KMS_OPEN_MS 25000    /* of one opening, or one renewal of a credential, likewise */

struct tm_kms; /* any thread */

/* NULL with `e` set: the URI, or what the environment must add to it, is wrong. */
struct tm_kms *tm_kms_new(const struct tm_key_uri *u, struct tm_err *e);
/* Ends what is under way (each is answered). NULL is fine. */
void tm_kms_free(struct tm_kms *k);

/* The public half, owned by the caller; before the first signature, since it also settles which
 * version of the key signs; once. Waits for the service, KMS_OPEN_MS at most. */
EVP_PKEY *tm_kms_public(struct tm_kms *k, struct tm_err *e);

/* On -1, `e` says why, and ERR_UNAVAILABLE that it may pass. On a thread of the key's, or before
 * the return. */
typedef void tm_kms_done_fn(void *arg, int rc, const struct tm_buf *sig, const struct tm_err *e);
/* `ask` is copied. The signature is one by the public half; who is another process verifies it
 * again (tm_key_elsewhere). */
void tm_kms_sign(struct tm_kms *k, const struct tm_key_ask *ask, tm_kms_done_fn *done, void *arg);

/* Has `changed` called when the service stops making signatures, with the reason, and when it makes
 * them again. On a thread of the key's; once, before the first signature. */
void tm_kms_watch(struct tm_kms *k, void (*changed)(void *ctx, bool away, const struct tm_err *why),
                  void *ctx);

/* Signs in this process. Its keys are opened and closed by tm_key_open and tm_key_free. */
const struct tm_key_far *tm_kms_here(void);

/* Calls `each` with every file that the credential of such a key may be read from, by the
 * environment of now: what a process that gives up its files has to keep. */
void tm_kms_files(const struct tm_key_uri *u, void (*each)(void *ctx, const char *path), void *ctx);

/* The variables of the environment that hold a secret; ends with NULL. */
extern const char *const tm_kms_secret_variables[];
