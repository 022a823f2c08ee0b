/*
 * Files from the first mirror that has an acceptable one. A mirror is an http(s) URL or a local
 * directory, which may be written as file:///path. The mirror that answered last is asked first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fetch/fetch.h"

struct tuf_mirrors {
    char **base; /* owned, without trailing slash */
    size_t count;
    size_t preferred;              /* index of the one that answered last */
    struct fetch_session *session; /* borrowed */
    int (*fetch)(void *ctx, const struct tm_fetch_request *req, struct tm_fetch_response *resp,
                 struct tm_err *e); /* NULL: tm_fetch_run */
    void *fetch_ctx;
    const char *ca_pem; /* borrowed */
    bool allow_http;
    unsigned tries; /* asks all so often when one of them is busy or lost, and none has an answer */
    long timeout_ms;
};

/* Where a file's bytes go. Each mirror that is tried begins anew. */
struct tuf_mirror_sink {
    int (*begin)(void *arg, struct tm_err *e);
    int (*add)(void *arg, const void *data, size_t len, struct tm_err *e);
    int (*accept)(void *arg, struct tm_err *e); /* all is there: is it good? */
    void *arg;
};

enum tuf_mirror_result {
    MIRROR_OK,
    MIRROR_ABSENT, /* no mirror has an acceptable one, and one says that there is none */
    MIRROR_FAILED, /* `e` says why, for each mirror */
};

/* Adds a mirror; -1: too many, no address, or out of memory. `suffix` ("targets") may be NULL. */
int tuf_mirrors_add(struct tuf_mirrors *m, const char *base, const char *suffix, struct tm_err *e);
void tuf_mirrors_free(struct tuf_mirrors *m);

/*
 * `file` is a relative path: of metadata, of characters that need no escape in a URL; of a target
 * (is_target), whatever its name is, which a URL gets escaped and whose download may take as long
 * as it moves. max: bytes.
 */
enum tuf_mirror_result tuf_mirrors_get(struct tuf_mirrors *m, const char *file, bool is_target,
                                       size_t max, const struct tuf_mirror_sink *sink,
                                       struct tm_err *e);
