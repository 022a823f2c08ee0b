/* trusted_root.json, for the commands that verify. */
#include "tools/tenmint/trust.h"

#define TARGET "trusted_root.json"

static struct tuf_trusted_root *fetch(struct tuf_client *c, struct tm_err *e)
{
    struct tm_buf json = {0};
    struct tuf_trusted_root *r = NULL;
    if (tuf_client_read(c, TARGET, TRUSTED_ROOT_BYTES_MAX, &json, e) == 0) {
        r = tuf_trusted_root_parse(json.data != NULL ? (const char *)json.data : "", json.len, e);
        if (r == NULL)
            tm_err_wrap(e, "the TUF target '" TARGET "'");
    }
    tm_buf_free(&json);
    return r;
}

struct tuf_trusted_root *trust_read_root(const struct trust_source *source, const char *file,
                                         struct tm_err *e)
{
    if (file != NULL)
        return tuf_trusted_root_load(file, e);
    struct tuf_client *c = trust_refreshed(source, e);
    struct tuf_trusted_root *r = c != NULL ? fetch(c, e) : NULL;
    tuf_client_close(c);
    return r;
}
