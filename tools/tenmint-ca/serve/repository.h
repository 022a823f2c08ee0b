/*
 * A published TUF tree, served as files beside the API (server.h), and its state for the metrics.
 */
#pragma once

#include "common/err.h"

struct repository;

/* `prefix`: "/tuf". Both are borrowed for the repository's life. Refuses a directory that holds no
 * tree, or a broken one. NULL with `e` set. */
struct repository *repository_new(const char *directory, const char *prefix, struct tm_err *e);
void repository_free(struct repository *r); /* NULL is fine */
