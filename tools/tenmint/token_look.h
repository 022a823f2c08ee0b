/*
 * What a token shows of why it may have been refused, for the person whose job holds it.
 */
#pragma once

#include <stdint.h>

#include "common/buf.h"
#include "oidc/token/token.h"

/* Appends one sentence: issuer, audience, and how its times stand to now_s. Nothing secret. */
void token_look(const struct oidc_token *t, int64_t now_s, struct tm_buf *out);
