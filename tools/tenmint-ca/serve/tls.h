/*
 * The server's TLS files, judged before the HTTP library gets them: it would only say "no".
 */
#pragma once

#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

struct tls_pair {
    struct tm_buf certificate, key; /* PEM text */
    int64_t not_after;              /* of the first certificate, Unix seconds */
};

/* Reads both files; the key (0600, not encrypted) must be that of the first certificate. Free in
 * either case. */
int tls_read(const char *certificate, const char *key, struct tls_pair *out, struct tm_err *e);

struct tls_files { /* opened by another process; the paths are for messages */
    const char *certificate, *key;
    int certificate_fd, key_fd; /* the caller's */
};
int tls_read_open(const struct tls_files *f, struct tls_pair *out, struct tm_err *e);

void tls_free(struct tls_pair *p);
