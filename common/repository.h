/*
 * The name of a source repository without what may be written in several ways: scheme, "git@",
 * ".git" and slashes at the end.
 */
#pragma once

#include <stddef.h>

#include "common/buf.h"

struct tm_repository { /* points into the text that it was taken from */
    const char *p;
    size_t len;
};

struct tm_repository tm_repository_bare(const char *text, size_t len);

/* Behind the first slash: its path on any host; empty when there is none. */
struct tm_repository tm_repository_path(struct tm_repository r);

/* Appends it in lower case, "host:path" as "host/path": two that name one repository are equal. */
void tm_repository_put(struct tm_repository r, struct tm_buf *out);
