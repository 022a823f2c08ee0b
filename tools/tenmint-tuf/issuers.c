#include "tools/tenmint-tuf/issuers.h"

#include <string.h>

#include "oidc/trust/diff.h"
#include "oidc/trust/rules.h"

struct listener {
    const struct oidc_trust *was;
    tuf_explain_tell tell;
    void *arg;
};

/* Whoever can have a token there is let in, of a pattern of issuers, or a rule is gone that kept
 * some out. */
static bool opens(const struct oidc_trust *was, const struct oidc_trust_change *c)
{
    const struct oidc_issuer *old = NULL;
    if (c->effect != EFFECT_LETS_IN && c->effect != EFFECT_BOTH)
        return false;
    if (c->issuer->wildcard && !oidc_rules_can_refuse(c->issuer->allow))
        return true;
    for (size_t i = 0; was != NULL && i < oidc_trust_count(was) && old == NULL; i++) {
        if (strcmp(oidc_trust_at(was, i)->url, c->issuer->url) == 0)
            old = oidc_trust_at(was, i);
    }
    return old != NULL && oidc_rules_loosened(old->allow, c->issuer->allow);
}

static void put_change(void *arg, const struct oidc_trust_change *c)
{
    const struct listener *l = arg;
    struct tm_buf line = {0};
    tm_buf_printf(&line, "%s %s: %s%s%s", oidc_effect_word(c->effect), c->issuer->url,
                  c->change == ISSUER_ALTERED ? "" : oidc_change_word(c->change),
                  c->change == ISSUER_ALTERED ? "" : ", ", c->words);
    const char *text = tm_buf_str(&line);
    l->tell(l->arg, text != NULL ? text : "out of memory", text == NULL || opens(l->was, c));
    tm_buf_free(&line);
}

static void put_warning(void *arg, const char *text)
{
    const struct listener *l = arg;
    l->tell(l->arg, text, false);
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
    struct oidc_trust *was = read_list(before, &e);
    struct listener l = {was, tell, arg};
    struct oidc_trust *is = read_list(after, &e);
    if (is == NULL && was != NULL) {
        tm_err_wrap(&e, "no server can read the new list of issuers");
        tell(arg, e.text, true);
    } else if (is != NULL && oidc_trust_diff(was, is, put_change, &l) < 0) {
        tell(arg, "out of memory", true);
    }
    if (is != NULL)
        oidc_trust_warn(is, put_warning, &l);
    oidc_trust_unref(was);
    oidc_trust_unref(is);
}
