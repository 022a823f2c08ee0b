/*
 * What a signer asks before it hands out a bundle: whether `tenmint verify` would take it.
 */
#pragma once

#include "tuf/verify/bundle/artifact.h"
#include "tuf/verify/bundle/bundle.h"
#include "tuf/verify/trust/trusted_root.h"

/* As a verifier of this trusted root will judge it now, whomever it expects. `artifact`: what was
 * signed; NULL: the statement in the bundle. `sct`: the file of detached SCTs, if it is there; or
 * NULL. -1 with the first failure in `e`. */
int would_verify(const struct tuf_trusted_root *root, const struct tuf_bundle *bundle,
                 const struct tuf_artifact *artifact, const char *sct, struct tm_err *e);
