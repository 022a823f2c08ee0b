/*
 * What changes in the trust in issuers by the passing of time alone: announced ahead, told when it
 * happens, and shown as metrics.
 */
#pragma once

#include "common/buf.h"
#include "common/jlog.h"
#include "oidc/trust/trust.h"

/* Times are Unix seconds. A list that has just been loaded: a line for each change to come. */
void trust_news_ahead(const struct oidc_trust *trust, int64_t now_s, struct tm_jlog *log);

/* A line for each change that came to pass after `since_s` and not after `now_s`, and for each that
 * is a week or a day away since then. Whether any came to pass. */
bool trust_news_since(const struct oidc_trust *trust, int64_t since_s, int64_t now_s,
                      struct tm_jlog *log);

void trust_news_metrics(const struct oidc_trust *trust, int64_t now_s, struct tm_buf *out);
