/*
 * What a log answers to add-chain and add-pre-chain (RFC 6962 §4.1).
 */
#pragma once

#include "common/buf.h"
#include "common/err.h"

#define CT_ANSWER_MAX ((size_t)16 * 1024) /* bytes; a real one is below 1 KiB */

/* Appends the SCT as bytes (RFC 6962 §3.2), well formed but not verified. Refuses what is not one
 * JSON object with sct_version 0 and the four other fields as the RFC types them; members that it
 * does not name are skipped, and base64 may lack its padding. */
int ca_ct_answer_parse(const void *body, size_t len, struct tm_buf *sct, struct tm_err *e);
