/*
 * signing_config.v0.2.json: where a signer goes. Source: sigstore/protobuf-specs
 * sigstore_trustroot.proto (SigningConfig, Service, ServiceConfiguration).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "tuf/verify/trust/validity.h"

#define SIGNING_CONFIG_BYTES_MAX ((size_t)256 * 1024)
#define SIGNING_CONFIG_SERVICES_MAX 64 /* in each list */

enum tuf_service_kind { SERVICE_CA, SERVICE_OIDC, SERVICE_TLOG, SERVICE_TSA, SERVICE_KIND_COUNT };
enum tuf_service_selector { SELECT_UNDEFINED, SELECT_ALL, SELECT_ANY, SELECT_EXACT };

/* "CA", "OIDC provider", "transparency log", "timestamp authority". */
const char *tuf_service_kind_name(enum tuf_service_kind kind);

struct tuf_service {       /* text is owned and never NULL */
    char *url;             /* base URL; a TSA's is the full URL */
    int64_t major_version; /* majorApiVersion, of 32 bits; 0: not released */
    struct tuf_validity valid;
    char *operator_name; /* scheme-less, such as "example.com" */
};

struct tuf_signing_config; /* opaque */

struct tuf_signing_config *tuf_signing_config_new(struct tm_err *e); /* empty; selectors ANY */

/* As a signer reads what others publish: unknown members are ignored, a service that says nothing
 * of when it is valid, or that cannot be read, is left out, an unknown selector is
 * SELECT_UNDEFINED. */
struct tuf_signing_config *tuf_signing_config_parse(const void *json, size_t len, struct tm_err *e);
struct tuf_signing_config *tuf_signing_config_load(const char *path, struct tm_err *e);

/* Which service was left out when it was read, and why; borrowed, NULL past the end. */
const char *tuf_signing_config_left_out(const struct tuf_signing_config *c, size_t i);

/* As a person edits it: all of that is refused. */
struct tuf_signing_config *tuf_signing_config_parse_strict(const void *json, size_t len,
                                                           struct tm_err *e);
struct tuf_signing_config *tuf_signing_config_load_strict(const char *path, struct tm_err *e);

void tuf_signing_config_free(struct tuf_signing_config *c); /* NULL is fine */
int tuf_signing_config_write(const struct tuf_signing_config *c, struct tm_buf *out,
                             struct tm_err *e);

size_t tuf_signing_config_count(const struct tuf_signing_config *c, enum tuf_service_kind kind);
/* Borrowed; newest start first. NULL past the end. */
const struct tuf_service *tuf_signing_config_service(const struct tuf_signing_config *c,
                                                     enum tuf_service_kind kind, size_t i);

/* How signers choose among logs or TSAs (the other kinds have no selector). `count` > 0 goes
 * with SELECT_EXACT only. */
int tuf_signing_config_set_selector(struct tuf_signing_config *c, enum tuf_service_kind kind,
                                    enum tuf_service_selector selector, uint32_t count,
                                    struct tm_err *e);

/* CA and OIDC: SELECT_ANY. *count (may be NULL) is 0 unless EXACT. */
enum tuf_service_selector tuf_signing_config_selector(const struct tuf_signing_config *c,
                                                      enum tuf_service_kind kind, uint32_t *count);

/* What signers post to: the address as it is, but of a timestamp authority's without a path with
 * the path that all use. `out` is truncated when it is too small: an address then is none. */
#define SIGNING_CONFIG_URL_MAX 1024
const char *tuf_signing_config_url(enum tuf_service_kind kind, const char *url,
                                   char out[SIGNING_CONFIG_URL_MAX]);

/* Adds a copy. https:// (or loopback http://) URL, start required; not twice the same URL with
 * overlapping windows. */
int tuf_signing_config_add(struct tuf_signing_config *c, enum tuf_service_kind kind,
                           const struct tuf_service *s, struct tm_err *e);

/* By URL: the entry whose window is open, else the newest. 0, or -1 with what there is in `e`. */
int tuf_signing_config_find(const struct tuf_signing_config *c, enum tuf_service_kind kind,
                            const char *url, size_t *index, struct tm_err *e);

int tuf_signing_config_retire(struct tuf_signing_config *c, enum tuf_service_kind kind,
                              size_t index, int64_t end_ms, struct tm_err *e);
int tuf_signing_config_remove(struct tuf_signing_config *c, enum tuf_service_kind kind,
                              size_t index, struct tm_err *e);

/*
 * The services that a signer uses at now_ms, by the proto's rules: inside the window, highest
 * major version up to max_version, newest start, for logs and TSAs one per operator and as many
 * as the selector says. Writes up to `max` borrowed pointers; *count may be 0 for kinds that
 * the configuration does not list. -1: the selector cannot be satisfied.
 */
int tuf_signing_config_select(const struct tuf_signing_config *c, enum tuf_service_kind kind,
                              int64_t now_ms, uint32_t max_version, const struct tuf_service **out,
                              size_t max, size_t *count, struct tm_err *e);
