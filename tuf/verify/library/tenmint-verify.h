/*
 * libtenmint-verify: is this artifact signed by whom I expect, as Sigstore means it? TUF client,
 * trusted root, certificates and bundles; no server. Four situations:
 *
 * 1. A bundle, and a trusted_root.json that came with this machine:
 *
 *     tenmint_verifier *v = tenmint_verifier_new();
 *     if (tenmint_trust_file(v, "trusted_root.json") == TENMINT_OK &&
 *         tenmint_expect_issuer(v, "https://issuer.example.com") == TENMINT_OK &&
 *         tenmint_expect_identity(v, "dev@example.com") == TENMINT_OK &&
 *         tenmint_verify_file(v, "app.tar.sigstore.json", "app.tar") == TENMINT_OK)
 *         puts("signed by dev@example.com");
 *     else
 *         fprintf(stderr, "%s\n", tenmint_message(v));
 *     tenmint_verifier_free(v);
 *
 * 2. The same with a TUF repository that keeps the trusted root fresh: in place of
 *    tenmint_trust_file(),
 *
 *     tenmint_trust_tuf(v, "/var/cache/app", "root.json", "https://tuf.example.com")
 *
 * 3. Without a network, by what that cache holds and has not expired: the last argument is NULL.
 *
 * 4. Bytes in memory: tenmint_verify(v, bundle, bundle_len, artifact, artifact_len).
 *
 * Link with `pkg-config --libs libtenmint-verify` (add --static for the archive).
 *
 * Threads: a verifier is used by one thread at a time; the library keeps nothing else, so that
 * threads with a verifier each need no lock. A verifier verifies as many bundles as you like.
 * Ownership: what you pass in is copied or read before the call returns; what is returned belongs
 * to the verifier. Errors: every call returns an enum tenmint_outcome, and tenmint_message() says
 * why in words. Nothing is expected by default: a verification without an issuer and an identity is
 * TENMINT_USAGE, and a verifier that expected somebody once is not told otherwise: make another.
 *
 * `tenmint verify` does not stand on these names but on the same function below them
 * (tuf_verify_run): it has what few programs need, and this header would have to keep for ever:
 * patterns, extensions by name, keys without certificates, signatures and timestamps in files.
 */
#ifndef TENMINT_VERIFY_H
#define TENMINT_VERIFY_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum tenmint_outcome {
    TENMINT_OK = 0,
    TENMINT_BAD = 1,    /* a check failed: do not use the artifact */
    TENMINT_USAGE = 2,  /* something was not said that must be, or makes no sense */
    TENMINT_UNKNOWN = 6 /* cannot know: a file is unreadable, a mirror is down */
};

typedef struct tenmint_verifier tenmint_verifier;

tenmint_verifier *tenmint_verifier_new(void);    /* NULL: out of memory */
void tenmint_verifier_free(tenmint_verifier *v); /* NULL is fine */

/* Why the last call did not return TENMINT_OK: one printable line, borrowed until the next. */
const char *tenmint_message(const tenmint_verifier *v);

/* Whom to trust. The last that succeeds counts; another leaves what was trusted before. What cannot
 * be read, or is no trusted root, is TENMINT_UNKNOWN: nothing is known of any signature then. */
enum tenmint_outcome tenmint_trust_file(tenmint_verifier *v, const char *trusted_root_path);
enum tenmint_outcome tenmint_trust_json(tenmint_verifier *v, const void *json, size_t len);

/* `cache_dir` is made when missing; one process at a time refreshes it, others wait. `root_path`:
 * the root file that trust begins with; NULL: the cache's own. `url`: of the repository; NULL: no
 * request is sent. */
enum tenmint_outcome tenmint_trust_tuf(tenmint_verifier *v, const char *cache_dir,
                                       const char *root_path, const char *url);

/* Whom to expect: exactly this text; NULL: anybody. Several identities must all hold. */
enum tenmint_outcome tenmint_expect_issuer(tenmint_verifier *v, const char *url);
enum tenmint_outcome tenmint_expect_identity(tenmint_verifier *v, const char *name);

/* How many CT logs must vouch for the certificate (1), transparency logs hold the signature (1 if
 * the trusted root has one from when it was signed), timestamp authorities state the time (0). */
enum tenmint_outcome tenmint_require(tenmint_verifier *v, unsigned scts, unsigned tlogs,
                                     unsigned timestamps);

/* Verifies a Sigstore bundle over an artifact (NULL path or bytes: none, which only an attestation
 * that names it by digest elsewhere can do without: TENMINT_BAD). */
enum tenmint_outcome tenmint_verify(tenmint_verifier *v, const void *bundle, size_t bundle_len,
                                    const void *artifact, size_t artifact_len);
enum tenmint_outcome tenmint_verify_file(tenmint_verifier *v, const char *bundle_path,
                                         const char *artifact_path);

/* What the last verification did, check by check: *name as "certificate", *detail one line, both
 * borrowed until the next. 1: passed, 0: noted, counts for nothing, -1: failed, -2: past the end.
 */
int tenmint_check(const tenmint_verifier *v, size_t i, const char **name, const char **detail);

#ifdef __cplusplus
}
#endif

#endif
