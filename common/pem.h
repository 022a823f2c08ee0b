/*
 * One PEM block (RFC 7468), read strictly and written. OpenSSL's reader skips what stands before
 * the block and ignores what follows, so it cannot serve where the input is untrusted.
 */
#pragma once

#include "common/buf.h"

/* One block with this label and nothing but white space around it; appends its DER. */
int tm_pem_body(const char *label, const void *data, size_t len, struct tm_buf *der);

enum tm_pem_style {
    PEM_STYLE_FILE,
    PEM_STYLE_TRIMMED, /* no newline after the last line */
    PEM_STYLE_JSON,    /* the same as the inside of a JSON string: newlines are \\n */
};

/* Appends the block. */
void tm_pem_put(const char *label, const void *der, size_t len, enum tm_pem_style style,
                struct tm_buf *out);

/* For OpenSSL's readers of what is never encrypted: without it, an encrypted block makes them ask
 * for a password on the terminal, or on standard input. */
int tm_pem_no_password(char *to, int size, int rwflag, void *arg);
