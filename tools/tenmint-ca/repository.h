/*
 * A published TUF tree, served as files beside the API, and its state for the metrics.
 */
#ifndef TENMINT_TOOLS_TENMINT_CA_REPOSITORY_H
#define TENMINT_TOOLS_TENMINT_CA_REPOSITORY_H

#include "common/http/http.h"

struct repository;

/* `prefix`: "/tuf". Both are borrowed for the repository's life. Refuses a directory that holds no
 * tree, or a broken one. NULL with `e` set. */
struct repository *repository_new(const char *directory, const char *prefix, struct tm_err *e);
void repository_free(struct repository *r); /* NULL is fine */

struct tm_http_mount repository_mount(struct repository *r);

/* Prometheus text: whether the tree is whole, and each role's version and dates; read anew after a
 * publication and once a minute. `r` is a struct repository; one thread at a time. */
void repository_metrics(void *r, struct tm_buf *out);

#endif
