/*
 * DSSE envelopes and in-toto statements. Source: secure-systems-lab/dsse protocol.md; in-toto
 * attestation spec v1, Statement.
 */
#pragma once

#include "common/buf.h"
#include "common/err.h"
#include "tuf/verify/bundle/artifact.h"

#define DSSE_IN_TOTO "application/vnd.in-toto+json"

/* Appends the pre-authentication encoding: what the signature is over. */
void tuf_dsse_pae(const char *payload_type, const void *payload, size_t len, struct tm_buf *out);

/* 0: it is an in-toto statement. */
int tuf_dsse_check_statement(const void *statement, size_t len, struct tm_err *e);

/* 0: the statement has a subject with the artifact's digest. */
int tuf_dsse_check_subject(const void *statement, size_t len, const struct tuf_artifact *artifact,
                           struct tm_err *e);

/* 0: the statement's predicateType is `want`. */
int tuf_dsse_check_predicate(const void *statement, size_t len, const char *want, struct tm_err *e);
