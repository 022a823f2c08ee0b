/*
 * What a private Sigstore has beside the CA: a log of signatures and a timestamp authority, as the
 * configuration names them. A process that calls this needs their keys and the log's directory, and
 * no network.
 */
#ifndef TENMINT_TOOLS_TENMINT_CA_SIGSTORE_H
#define TENMINT_TOOLS_TENMINT_CA_SIGSTORE_H

#include "ca/api/ready.h"
#include "ca/config/config.h"
#include "common/http/http.h"

struct sigstore;

/* Opens what is configured; *out stays NULL when that is nothing. `c` and `jlog` are borrowed. 0,
 * or -1 with `e` set. It has threads: after a fork. */
int sigstore_open(const struct ca_config *c, struct tm_jlog *jlog, struct sigstore **out,
                  struct tm_err *e);
void sigstore_close(struct sigstore *s); /* after the HTTP server has stopped; NULL is fine */

#define SIGSTORE_MOUNTS_MAX (CA_CONFIG_RETIRED_MAX + 2)
/* Fills `out` and returns how many; of NULL: none. */
size_t sigstore_mounts(struct sigstore *s, struct tm_http_mount *out);

/* The same prefixes and bounds of bodies, for a process that passes requests on: by the
 * configuration alone. Fills prefix, body_name and max_body; returns how many. */
size_t sigstore_prefixes(const struct ca_config *c, struct tm_http_mount *out);

/* What must work for them to answer. Fills `out` and returns how many; of NULL: none. */
#define SIGSTORE_CHECKS_MAX 2
size_t sigstore_checks(struct sigstore *s, struct ca_ready_check *out);

/* Prometheus text; of NULL: nothing. Any thread. */
void sigstore_metrics(struct sigstore *s, struct tm_buf *out);

/* check-config: says what there is, on standard output. Nothing is opened for writing. */
int sigstore_check(const struct ca_config *c, struct tm_err *e);

#endif
