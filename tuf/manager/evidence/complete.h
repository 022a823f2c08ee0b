/*
 * Whether the transcript is whole, judged by the tree that it is about: every version that was
 * published has its line, every root and targets version the statements of those who signed it,
 * and the line that the signed timestamp names stands where it says. So lines that were cut off,
 * taken out or written anew are missed by whoever trusts the root.
 */
#ifndef TENMINT_TUF_COMPLETE_H
#define TENMINT_TUF_COMPLETE_H

#include "tuf/manager/evidence/transcript.h"
#include "tuf/manager/state/published.h"

/* In a timestamp's `signed`: {"lines": N, "sha256": HEX}, the last line that was written before
 * the timestamp was put in place, and its hash. */
#define EVIDENCE_HEAD "x-tenmint-transcript"

struct tuf_evidence {
    int64_t lines;
    bool headed; /* the timestamp names the head; those made by versions before 1.0 do not */
};

/* A new reference; NULL: out of memory. */
json_t *tuf_evidence_head(int64_t lines, const char *sha256);

/* tuf_transcript_verify() with `each`, and all that the header of this file says. -1 with the first
 * line or version that is missing. */
int tuf_evidence_check(const char *path, const struct tuf_published *p, tuf_line_fn each, void *arg,
                       struct tuf_evidence *out, struct tm_err *e);

#endif
