/*
 * Which certificates are looked for: `log find`'s options, and the identities that a watcher owns.
 */
#ifndef TENMINT_CA_MONITOR_FILTER_H
#define TENMINT_CA_MONITOR_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "ca/log/monitor/certificate.h"
#include "common/pattern.h"

struct filter {              /* every criterion that is set must hold; text is borrowed */
    const char *identity;    /* a subject alternative name is exactly this */
    const char *repository;  /* Source Repository URI, or GitHub's OWNER/NAME */
    const char *issuer;      /* of the token: OIDC issuer, either version of the extension */
    struct pattern *pattern; /* owned: part of a subject alternative name matches */
    unsigned char serial[32];
    size_t serial_len;            /* 0: any */
    uint64_t after_ms, before_ms; /* of logging: after <= t < before; 0: open */
};

/* -1: not a regular expression. */
int filter_set_pattern(struct filter *f, const char *text, struct err *e);
/* Hexadecimal, with or without colons between bytes. */
int filter_set_serial(struct filter *f, const char *text, struct err *e);
/* "2026-11-24T12:00:00Z", "2026-11-24", or how long ago: "90s", "15m", "24h", "7d". */
int filter_parse_time(const char *text, int64_t now_ms, uint64_t *out_ms, struct err *e);
void filter_free(struct filter *f);

bool filter_matches(const struct filter *f, uint64_t timestamp_ms, const struct certificate *c);

/* The identities that somebody owns: a certificate that matches one of them is theirs. */
struct identities {
    struct filter *filter; /* owned */
    size_t count;
    void *text; /* owned: what the filters borrow */
};

/* A YAML file with lists of strings under identity, identity-regexp, repository and issuer. */
int identities_load(const char *path, struct identities *out, struct err *e);
int identities_parse(const char *name, const char *text, size_t len, struct identities *out,
                     struct err *e);
void identities_free(struct identities *i);
bool identities_match(const struct identities *i, uint64_t timestamp_ms,
                      const struct certificate *c);

#endif
