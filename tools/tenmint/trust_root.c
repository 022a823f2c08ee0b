/* trusted_root.json, for the commands that verify. */
#include "tools/tenmint/trust.h"

#define TARGET "trusted_root.json"

static struct trusted_root *fetch(struct tuf_client *c, struct err *e)
{
    struct buf json = {0};
    struct trusted_root *r = NULL;
    if (tuf_client_read(c, TARGET, TRUSTED_ROOT_BYTES_MAX, &json, e) == 0) {
        r = trusted_root_parse(json.data != NULL ? (const char *)json.data : "", json.len, e);
        if (r == NULL)
            err_wrap(e, "the TUF target '" TARGET "'");
    }
    buf_free(&json);
    return r;
}

struct trusted_root *trust_read_root(const struct trust_source *source, const char *file,
                                     struct err *e)
{
    if (file != NULL)
        return trusted_root_load(file, e);
    struct tuf_client *c = trust_refreshed(source, e);
    struct trusted_root *r = c != NULL ? fetch(c, e) : NULL;
    tuf_client_close(c);
    return r;
}
