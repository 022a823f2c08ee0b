#include "tools/tenmint-tuf/issuers.h"

#include "oidc/trust/diff.h"

struct listener {
    tuf_explain_tell tell;
    void *arg;
};

static void put_change(void *arg, const struct oidc_trust_change *c)
{
    const struct listener *l = arg;
    struct tm_buf line = {0};
    tm_buf_printf(&line, "%s %s: %s%s%s", oidc_effect_word(c->effect), c->issuer->url,
                  c->change == ISSUER_ALTERED ? "" : oidc_change_word(c->change),
                  c->change == ISSUER_ALTERED ? "" : ", ", c->words);
    const char *text = tm_buf_str(&line);
    l->tell(l->arg, text != NULL ? text : "out of memory", text == NULL);
    tm_buf_free(&line);
}

/* NULL: it is none. */
static struct oidc_trust *read_list(const struct tm_buf *data, struct tm_err *e)
{
    struct oidc_trust *t = NULL;
    bool good = data->len > 0 &&
                oidc_trust_parse("the list", (const char *)data->data, data->len, &t, e) == 0;
    return good ? t : NULL;
}

void issuers_explain(const struct tm_buf *before, const struct tm_buf *after, tuf_explain_tell tell,
                     void *arg)
{
    struct tm_err e = {0};
    struct listener l = {tell, arg};
    struct oidc_trust *was = read_list(before, &e);
    struct oidc_trust *is = read_list(after, &e);
    if (is == NULL && was != NULL) {
        tm_err_wrap(&e, "no server can read the new list of issuers");
        tell(arg, e.text, true);
    } else if (is != NULL && oidc_trust_diff(was, is, put_change, &l) < 0) {
        tell(arg, "out of memory", true);
    }
    oidc_trust_unref(was);
    oidc_trust_unref(is);
}
