/*
 * A CA's list of trusted issuers, where it is a target: a review says who is let in and shut out.
 */
#pragma once

#include "tuf/manager/review/content.h"

/* For struct tuf_review. A danger is a list that no server could read, where there was one that
 * servers read, and what lets in whoever can have a token: a pattern of issuers without rules that
 * could refuse, and an issuer whose rules went and were not followed by an exact one ('is'). */
void issuers_explain(const struct tm_buf *before, const struct tm_buf *after, tuf_explain_tell tell,
                     void *arg);
