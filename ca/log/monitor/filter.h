/*
 * Which certificates are looked for: `log find`'s options, and the identities that a watcher owns.
 */
#ifndef TENMINT_CA_MONITOR_FILTER_H
#define TENMINT_CA_MONITOR_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "ca/log/monitor/certificate.h"
#include "common/pattern.h"

struct ca_filter {              /* every criterion that is set must hold; text is borrowed */
    const char *identity;       /* a subject alternative name is exactly this */
    const char *repository;     /* Source Repository URI, or GitHub's OWNER/NAME */
    const char *issuer;         /* of the token: OIDC issuer, either version of the extension */
    struct tm_pattern *pattern; /* owned: part of a subject alternative name matches */
    unsigned char serial[32];
    size_t serial_len;            /* 0: any */
    uint64_t after_ms, before_ms; /* of logging: after <= t < before; 0: open */
};

/* -1: not a regular expression. */
int ca_filter_set_pattern(struct ca_filter *f, const char *text, struct tm_err *e);
/* Hexadecimal, with or without colons between bytes. */
int ca_filter_set_serial(struct ca_filter *f, const char *text, struct tm_err *e);
void ca_filter_free(struct ca_filter *f);

bool ca_filter_matches(const struct ca_filter *f, uint64_t timestamp_ms,
                       const struct ca_certificate *c);

/* The identities that somebody owns: a certificate that matches one of them is theirs. */
struct ca_identities {
    struct ca_filter *filter; /* owned */
    size_t count;
    void *text; /* owned: what the filters borrow */
};

/* A YAML file with lists of strings under identity, identity-regexp, repository and issuer. */
int ca_identities_load(const char *path, struct ca_identities *out, struct tm_err *e);
int ca_identities_parse(const char *name, const char *text, size_t len, struct ca_identities *out,
                        struct tm_err *e);
void ca_identities_free(struct ca_identities *i);
bool ca_identities_match(const struct ca_identities *i, uint64_t timestamp_ms,
                         const struct ca_certificate *c);

#endif
