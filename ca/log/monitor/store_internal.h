/* What a store is made of. Internal to store*.c. */
#pragma once

#include "ca/log/monitor/store.h"

struct ca_store {
    char *prefix; /* owned, without a slash at the end */
    int (*get)(struct ca_store *s, const char *path, size_t max, struct tm_buf *out,
               struct tm_err *e);
    void (*want)(struct ca_store *s, const char *path, size_t max);
    void (*close)(struct ca_store *s); /* frees what the kind of store adds */
};

/* NULL with `e` set; takes `prefix`. */
struct ca_store *ca_store_http_open(const struct ca_store_options *o, char *prefix,
                                    struct tm_err *e);
