/*
 * Making an in-toto statement (attestation spec v1) around a predicate.
 */
#pragma once

#include "common/buf.h"
#include "common/err.h"
#include "tuf/verify/bundle/artifact.h"

struct tuf_subject {
    const char *name; /* of a file, without its folder */
    const struct tuf_artifact *artifact;
};

/*
 * Appends the statement: the subjects with their SHA-256, the predicate's type (a URI) and the
 * predicate, a JSON object, byte for byte as it was given.
 */
int tuf_statement_make(const char *predicate_type, const void *predicate, size_t len,
                       const struct tuf_subject *subjects, size_t count, struct tm_buf *out,
                       struct tm_err *e);
