/*
 * Whether the transcript is whole, judged by the tree that it is about: every version that was
 * published has its line, every root and targets version the statements of those who signed it,
 * and the lines that signed metadata names stand where it says: each root and the targets, by the
 * holders, the last one before they were drafted; the timestamp, by the online key, the last of its
 * publication. So lines that were cut off, taken out or written anew are missed by whoever trusts
 * the root, also when the online key is somebody else's.
 */
#pragma once

#include "tuf/manager/evidence/transcript.h"
#include "tuf/manager/state/published.h"

struct tuf_evidence {
    int64_t lines;
    bool headed;  /* the timestamp names the head; those made by versions before 1.0 do not */
    int64_t held; /* the last line that root or targets name: what holders signed; 0: none */
};

/* The line that `head` names stands there. */
int tuf_evidence_holds(const char *path, const struct tuf_transcript_head *head, struct tm_err *e);

/* tuf_transcript_verify() with `each`, and all that the header of this file says. -1 with the first
 * line or version that is missing. */
int tuf_evidence_check(const char *path, const struct tuf_published *p, tuf_line_fn each, void *arg,
                       struct tuf_evidence *out, struct tm_err *e);
