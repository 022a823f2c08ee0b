/*
 * Which certificates are looked for: `log find`'s options, and the identities that a watcher owns.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ca/log/monitor/certificate.h"
#include "common/buf.h"
#include "common/pattern.h"

#define FILTER_SERIAL_MAX 32 /* bytes */
#define FILTER_SERIAL_MIN 6  /* digits */

struct ca_filter {              /* every criterion that is set must hold; text is borrowed */
    const char *identity;       /* a subject alternative name is exactly this */
    const char *repository;     /* Source Repository URI or OWNER/NAME: without regard to case,
                                   scheme, '.git' and slashes at the end */
    const char *issuer;         /* of the token: OIDC issuer, either version of the extension */
    struct tm_pattern *pattern; /* owned: part of a subject alternative name matches */
    unsigned char serial[2 * FILTER_SERIAL_MAX]; /* hexadecimal digits' values */
    const unsigned char *digest; /* of the artifact or payload: logs of signatures */
    size_t digest_len;           /* 0: any */
    bool has_key;
    unsigned char key_hash[32];   /* SHA-256 of the signer's SubjectPublicKeyInfo; likewise */
    size_t serial_digits;         /* 0: any; from FILTER_SERIAL_MIN on: how it begins is enough */
    uint64_t after_ms, before_ms; /* of logging: after <= t < before; 0: open */
};

/* -1: not a regular expression. */
int ca_filter_set_pattern(struct ca_filter *f, const char *text, struct tm_err *e);
/* Hexadecimal, with or without colons between bytes; ".." at its end, as in the table, is passed
 * over. */
int ca_filter_set_serial(struct ca_filter *f, const char *text, struct tm_err *e);
void ca_filter_free(struct ca_filter *f);

/* -1: no certificate can match it: an empty word, blanks around it, a '*' that is no wildcard, a
 * repository or an issuer that can be none. */
int ca_filter_check(const struct ca_filter *f, struct tm_err *e);

enum ca_filter_result {
    FILTER_MISS,
    FILTER_NEAR, /* but for letters' case, or a slash at the end, of an identity or issuer */
    FILTER_MATCH,
};
enum ca_filter_result ca_filter_judge(const struct ca_filter *f, uint64_t timestamp_ms,
                                      const struct ca_certificate *c);

/* The identities that somebody owns: a certificate that matches one of them is theirs. */
struct ca_identities {
    struct ca_filter *filter; /* owned */
    size_t count;
    void *text; /* owned: what the filters borrow */
};

/* A YAML file with lists of strings under identity, identity-regexp, repository and issuer. Refused
 * when one of them can match nothing. */
int ca_identities_load(const char *path, struct ca_identities *out, struct tm_err *e);
int ca_identities_parse(const char *name, const char *text, size_t len, struct ca_identities *out,
                        struct tm_err *e);
void ca_identities_free(struct ca_identities *i);
