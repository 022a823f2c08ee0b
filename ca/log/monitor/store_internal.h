/* What a store is made of. Internal to store*.c. */
#ifndef TENMINT_CA_MONITOR_STORE_INTERNAL_H
#define TENMINT_CA_MONITOR_STORE_INTERNAL_H

#include "ca/log/monitor/store.h"

struct store {
    char *prefix; /* owned, without a slash at the end */
    int (*get)(struct store *s, const char *path, size_t max, struct buf *out, struct err *e);
    void (*want)(struct store *s, const char *path, size_t max);
    void (*close)(struct store *s); /* frees what the kind of store adds */
};

/* NULL with `e` set; takes `prefix`. */
struct store *store_http_open(const struct store_options *o, char *prefix, struct err *e);

#endif
