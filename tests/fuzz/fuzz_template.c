#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oidc/trust/template.h"

static int look(void *arg, const char *key, struct buf *out, struct err *e)
{
    (void)arg;
    (void)e;
    buf_puts(out, key);
    return key[0] == (char)0x7a ? 1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    struct buf out = {0};
    char *text = strndup((const char *)data, size);
    struct template *t = text != NULL ? template_compile(text, &e) : NULL;
    if (t != NULL)
        template_eval(t, look, NULL, &out, &e);
    template_free(t);
    buf_free(&out);
    free(text);
    return 0;
}
