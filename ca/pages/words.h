/* A certificate's parts in words. Internal to the pages. */
#pragma once

#include "ca/log/monitor/certificate.h"
#include "common/html/html.h"

/* Its subject alternative names, one after the other. */
void ca_words_names(struct tm_html *h, const struct ca_certificate *c);
/* Its repository, or nothing. */
void ca_words_repository(struct tm_html *h, const struct ca_certificate *c);
/* Facts: names, and every extension that it has, by its label. */
void ca_words_identity(struct tm_html *h, const struct ca_certificate *c);
/* Facts: serial number, validity. */
void ca_words_certificate(struct tm_html *h, const struct ca_certificate *c);
/* A fact of bytes, in hexadecimal. */
void ca_words_hex(struct tm_html *h, const char *term, const void *p, size_t len);
