/*
 * signing_config.v0.2.json: where a signer goes. Source: sigstore/protobuf-specs
 * sigstore_trustroot.proto (SigningConfig, Service, ServiceConfiguration).
 */
#ifndef TENMINT_TUF_SIGSTORE_SIGNING_CONFIG_H
#define TENMINT_TUF_SIGSTORE_SIGNING_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "tuf/verify/trust/validity.h"

#define SIGNING_CONFIG_BYTES_MAX ((size_t)256 * 1024)
#define SIGNING_CONFIG_SERVICES_MAX 64 /* in each list */

enum service_kind { SERVICE_CA, SERVICE_OIDC, SERVICE_TLOG, SERVICE_TSA, SERVICE_KIND_COUNT };
enum service_selector { SELECT_UNDEFINED, SELECT_ALL, SELECT_ANY, SELECT_EXACT };

/* "CA", "OIDC provider", "transparency log", "timestamp authority". */
const char *service_kind_name(enum service_kind kind);

struct service {            /* text is owned and never NULL */
    char *url;              /* base URL; a TSA's is the full URL */
    uint32_t major_version; /* majorApiVersion; 0: not released */
    struct validity valid;
    char *operator_name; /* scheme-less, such as "example.com" */
};

struct signing_config; /* opaque */

struct signing_config *signing_config_new(struct err *e); /* empty; selectors ANY */
struct signing_config *signing_config_parse(const void *json, size_t len, struct err *e);
struct signing_config *signing_config_load(const char *path, struct err *e);
void signing_config_free(struct signing_config *c); /* NULL is fine */
int signing_config_write(const struct signing_config *c, struct buf *out, struct err *e);

size_t signing_config_count(const struct signing_config *c, enum service_kind kind);
/* Borrowed; newest start first. NULL past the end. */
const struct service *signing_config_service(const struct signing_config *c, enum service_kind kind,
                                             size_t i);

/* How signers choose among logs or TSAs (the other kinds have no selector). `count` > 0 goes
 * with SELECT_EXACT only. */
int signing_config_set_selector(struct signing_config *c, enum service_kind kind,
                                enum service_selector selector, uint32_t count, struct err *e);

/* CA and OIDC: SELECT_ANY. *count (may be NULL) is 0 unless EXACT. */
enum service_selector signing_config_selector(const struct signing_config *c,
                                              enum service_kind kind, uint32_t *count);

/* Adds a copy. https:// (or loopback http://) URL, start required; not twice the same URL with
 * overlapping windows. */
int signing_config_add(struct signing_config *c, enum service_kind kind, const struct service *s,
                       struct err *e);

/* By URL: the entry whose window is open, else the newest. 0, or -1 with what there is in `e`. */
int signing_config_find(const struct signing_config *c, enum service_kind kind, const char *url,
                        size_t *index, struct err *e);

int signing_config_retire(struct signing_config *c, enum service_kind kind, size_t index,
                          int64_t end_ms, struct err *e);
int signing_config_remove(struct signing_config *c, enum service_kind kind, size_t index,
                          struct err *e);

/*
 * The services that a signer uses at now_ms, by the proto's rules: inside the window, highest
 * major version up to max_version, newest start, for logs and TSAs one per operator and as many
 * as the selector says. Writes up to `max` borrowed pointers; *count may be 0 for kinds that
 * the configuration does not list. -1: the selector cannot be satisfied.
 */
int signing_config_select(const struct signing_config *c, enum service_kind kind, int64_t now_ms,
                          uint32_t max_version, const struct service **out, size_t max,
                          size_t *count, struct err *e);

#endif
