/* trust get --client-trust-config: trusted root and signing configuration in one file. */
#include <jansson.h>
#include <stdlib.h>

#include "common/file.h"
#include "common/json/strictjson.h"
#include "tools/tenmint/trust.h"
#include "tuf/verify/trust/signing_config.h"

static json_t *read_target(struct tuf_client *c, const char *name, size_t max, struct tm_err *e)
{
    struct tm_buf text = {0};
    json_t *v = NULL;
    if (tuf_client_read(c, name, max, &text, e) == 0) {
        v = tm_strictjson_parse(text.data != NULL ? (const char *)text.data : "", text.len, max, e);
        if (v == NULL)
            tm_err_wrap(e, "the TUF target '%s'", name);
    }
    tm_buf_free(&text);
    return v;
}

int trust_client_config(struct tuf_client *c, struct tm_buf *out, struct tm_err *e)
{
    json_t *root = read_target(c, "trusted_root.json", TRUSTED_ROOT_BYTES_MAX, e);
    json_t *config = root != NULL
                         ? read_target(c, "signing_config.v0.2.json", SIGNING_CONFIG_BYTES_MAX, e)
                         : NULL;
    if (config == NULL) {
        json_decref(root);
        return -1;
    }
    json_t *v = json_pack("{s:s,s:o,s:o}", "mediaType",
                          "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json", "trustedRoot",
                          root, "signingConfig", config);
    char *text = v != NULL ? json_dumps(v, JSON_INDENT(2)) : NULL;
    int rc = text != NULL ? 0 : tm_err_set(e, "out of memory");
    if (rc == 0) {
        tm_buf_printf(out, "%s\n", text);
        rc = buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
    }
    free(text);
    json_decref(v);
    return rc;
}

int trust_write_client_config(struct tuf_client *c, const char *path, struct tm_err *e)
{
    struct tm_buf text = {0};
    int rc = trust_client_config(c, &text, e);
    if (rc == 0 && path != NULL)
        rc = tm_file_write_atomic(path, 0644, text.data, text.len, e);
    else if (rc == 0 && (fwrite(text.data, 1, text.len, stdout) != text.len || fflush(stdout) != 0))
        rc = tm_err_errno(e, "write to standard output");
    tm_buf_free(&text);
    return rc;
}
