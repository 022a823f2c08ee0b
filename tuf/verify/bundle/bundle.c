#include "tuf/verify/bundle/bundle.h"

#include <stdlib.h>

#include "common/file.h"

struct tuf_bundle *tuf_bundle_new(struct tm_err *e)
{
    struct tuf_bundle *b = calloc(1, sizeof(*b));
    if (b == NULL)
        tm_err_set(e, "out of memory");
    return b;
}

struct tuf_bundle *tuf_bundle_load(const char *path, struct tm_err *e)
{
    struct tm_buf json = {0};
    struct tuf_bundle *b = NULL;
    if (tm_file_read(path, BUNDLE_BYTES_MAX, &json, e) == 0) {
        b = tuf_bundle_parse(json.data != NULL ? (const char *)json.data : "", json.len, e);
        if (b == NULL)
            tm_err_wrap(e, "bundle '%s'", path);
    }
    tm_buf_free(&json);
    return b;
}
