/* Templates, and the URL forms on what they yield. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oidc/token/claim.h"
#include "oidc/principal/url.h"
#include "oidc/principal/template.h"

/* Claims whose name begins with z are missing, with y unusable; others are their name. */
static int look(void *arg, const char *key, struct tm_buf *out, struct tm_err *e)
{
    (void)arg;
    if (key[0] == 'y')
        return tm_err_set(e, "not usable");
    if (key[0] == 'z')
        return 1;
    tm_buf_puts(out, key);
    return 0;
}

/* Both forms are ASCII without blanks. What is parsed stays as it is when parsed again; Go's
 * JoinPath is not so: it cleans first and decodes then. */
static void check_url(const char *text, enum oidc_url_form form)
{
    struct tm_buf once = {0};
    struct tm_buf twice = {0};
    struct tm_err e = {0};
    if (oidc_url_write(text, form, &once, &e) == 0) {
        for (size_t i = 0; i < once.len; i++) {
            if (once.data[i] <= 0x20 || once.data[i] >= 0x7f)
                abort();
        }
        if (form == URL_PARSED &&
            (oidc_url_write(tm_buf_str(&once), form, &twice, &e) != 0 || twice.len != once.len ||
             memcmp(twice.data, once.data, once.len) != 0))
            abort();
    }
    tm_buf_free(&once);
    tm_buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_err e = {0};
    struct tm_buf out = {0};
    char *text = strndup((const char *)data, size);
    struct oidc_template *t = text != NULL ? oidc_template_compile(text, &e) : NULL;
    if (t != NULL && oidc_template_eval(t, look, NULL, &out, &e) == 0) {
        if (out.len > TEMPLATE_OUTPUT_MAX)
            abort();
        check_url(tm_buf_str(&out), URL_PARSED);
        check_url(tm_buf_str(&out), URL_JOINED);
    }
    if (text != NULL) {
        check_url(text, URL_PARSED);
        check_url(text, URL_JOINED);
        oidc_claim_path_ok(text);
        oidc_claim_is_email(text);
    }
    oidc_template_free(t);
    tm_buf_free(&out);
    free(text);
    return 0;
}
