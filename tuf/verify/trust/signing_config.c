#include "tuf/verify/trust/signing_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fetch/fetch.h"
#include "tuf/verify/trust/internal.h"

const struct tuf_service_row tuf_service_rows[SERVICE_KIND_COUNT] = {
    [SERVICE_CA] = {"CA", "caUrls", false},
    [SERVICE_OIDC] = {"OIDC provider", "oidcUrls", false},
    [SERVICE_TLOG] = {"transparency log", "rekorTlogUrls", true},
    [SERVICE_TSA] = {"timestamp authority", "tsaUrls", true},
};

const char *tuf_service_kind_name(enum tuf_service_kind kind)
{
    return tuf_service_rows[kind].name;
}

struct tuf_signing_config *tuf_signing_config_new(struct tm_err *e)
{
    struct tuf_signing_config *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return tm_err_null(e, "out of memory");
    for (size_t k = 0; k < SERVICE_KIND_COUNT; k++)
        c->choice[k].selector = SELECT_ANY;
    return c;
}

static void clear_service(struct tuf_service *s)
{
    free(s->url);
    free(s->operator_name);
    *s = (struct tuf_service){0};
}

void tuf_signing_config_free(struct tuf_signing_config *c)
{
    if (c == NULL)
        return;
    for (size_t k = 0; k < SERVICE_KIND_COUNT; k++) {
        for (size_t i = 0; i < c->count[k]; i++)
            clear_service(&c->service[k][i]);
    }
    for (size_t i = 0; i < c->left_out_count; i++)
        free(c->left_out[i]);
    free(c);
}

const char *tuf_signing_config_left_out(const struct tuf_signing_config *c, size_t i)
{
    return i < c->left_out_count ? c->left_out[i] : NULL;
}

/* Equal starts stay as they came. */
int tuf_service_insert(struct tuf_signing_config *c, enum tuf_service_kind kind,
                       const struct tuf_service *s, struct tm_err *e)
{
    struct tuf_service *v = c->service[kind];
    size_t at = c->count[kind];
    if (at == SIGNING_CONFIG_SERVICES_MAX)
        return tm_err_set(e, "more than %d services", SIGNING_CONFIG_SERVICES_MAX);
    for (; at > 0 && s->valid.start_ms > v[at - 1].valid.start_ms; at--)
        v[at] = v[at - 1];
    v[at] = *s;
    c->count[kind]++;
    return 0;
}

static int check_url(const char *url, struct tm_err *e)
{
    const char *host = strstr(url, "://");
    if (host != NULL && host[3] != '\0' && host[3] != '/' &&
        (strncmp(url, "https://", 8) == 0 ||
         (strncmp(url, "http://", 7) == 0 && tm_fetch_is_loopback(url))))
        return 0;
    return tm_err_set(e, "'%.100s' is not an https:// URL (http:// serves for loopback alone)",
                      url);
}

/* --- looking and editing --- */

size_t tuf_signing_config_count(const struct tuf_signing_config *c, enum tuf_service_kind kind)
{
    return c->count[kind];
}

const struct tuf_service *tuf_signing_config_service(const struct tuf_signing_config *c,
                                                     enum tuf_service_kind kind, size_t i)
{
    return i < c->count[kind] ? &c->service[kind][i] : NULL;
}

int tuf_signing_config_set_selector(struct tuf_signing_config *c, enum tuf_service_kind kind,
                                    enum tuf_service_selector selector, uint32_t count,
                                    struct tm_err *e)
{
    if (!tuf_service_rows[kind].chosen)
        return tm_err_set(e, "signers choose exactly one %s: there is no selector",
                          tuf_service_rows[kind].name);
    if (selector == SELECT_UNDEFINED || (selector == SELECT_EXACT) != (count > 0))
        return tm_err_set(e, "the selector is ANY, ALL, or EXACT with a count above 0");
    c->choice[kind] = (struct tuf_service_choice){true, (int)selector, count};
    return 0;
}

enum tuf_service_selector tuf_signing_config_selector(const struct tuf_signing_config *c,
                                                      enum tuf_service_kind kind, uint32_t *count)
{
    if (count != NULL)
        *count = (uint32_t)c->choice[kind].count;
    return (enum tuf_service_selector)c->choice[kind].selector;
}

const char *tuf_signing_config_url(enum tuf_service_kind kind, const char *url,
                                   char out[SIGNING_CONFIG_URL_MAX])
{
    const char *host = strstr(url, "://");
    size_t len = strlen(url);
    bool bare = host != NULL && strcspn(host + 3, "/") + 1 >= strlen(host + 3);
    while (bare && len > 0 && url[len - 1] == '/')
        len--;
    snprintf(out, SIGNING_CONFIG_URL_MAX, "%.*s%s", (int)len, url,
             bare && kind == SERVICE_TSA ? "/api/v1/timestamp" : url + len);
    return out;
}

int tuf_signing_config_add(struct tuf_signing_config *c, enum tuf_service_kind kind,
                           const struct tuf_service *s, struct tm_err *e)
{
    char when[VALIDITY_TEXT_MAX];
    if (check_url(s->url, e) != 0)
        return tm_err_wrap(e, "add %s", tuf_service_rows[kind].name);
    if (!s->valid.has_start || (s->valid.has_end && s->valid.end_ms < s->valid.start_ms))
        return tm_err_set(e, "add %s: the window needs a start, before its end",
                          tuf_service_rows[kind].name);
    for (size_t i = 0; i < c->count[kind]; i++) {
        const struct tuf_service *old = &c->service[kind][i];
        if (strcmp(old->url, s->url) == 0 && old->major_version == s->major_version &&
            tuf_validity_overlap(&old->valid, &s->valid))
            return tm_err_set(e, "the signing config has this %s already, valid %s",
                              tuf_service_rows[kind].name, tuf_validity_text(&old->valid, when));
    }
    struct tuf_service copy = *s;
    copy.url = strdup(s->url);
    copy.operator_name = strdup(s->operator_name != NULL ? s->operator_name : "");
    if (copy.url != NULL && copy.operator_name != NULL &&
        tuf_service_insert(c, kind, &copy, e) == 0)
        return 0;
    clear_service(&copy);
    return tm_err_wrap(e, "add %s", tuf_service_rows[kind].name);
}

int tuf_signing_config_find(const struct tuf_signing_config *c, enum tuf_service_kind kind,
                            const char *url, size_t *index, struct tm_err *e)
{
    bool found = false;
    struct tm_buf have = {0};
    for (size_t i = c->count[kind]; i-- > 0;) {
        const struct tuf_service *s = &c->service[kind][i];
        tm_buf_printf(&have, " %.100s", s->url);
        if (strcmp(s->url, url) != 0)
            continue;
        /* Newer ones come later in this walk and win, unless they ended and this one has not. */
        if (!found || !s->valid.has_end || c->service[kind][*index].valid.has_end)
            *index = i;
        found = true;
    }
    const char *text = tm_buf_str(&have);
    if (!found)
        tm_err_set(e, "the signing config has no %s '%.100s'; it has:%s",
                   tuf_service_rows[kind].name, url,
                   text != NULL && text[0] != '\0' ? text : " none");
    tm_buf_free(&have);
    return found ? 0 : -1;
}

int tuf_signing_config_retire(struct tuf_signing_config *c, enum tuf_service_kind kind,
                              size_t index, int64_t end_ms, struct tm_err *e)
{
    char when[VALIDITY_TEXT_MAX];
    if (index >= c->count[kind])
        return tm_err_set(e, "the signing config has no %s %zu", tuf_service_rows[kind].name,
                          index);
    struct tuf_service *s = &c->service[kind][index];
    if (end_ms < s->valid.start_ms)
        return tm_err_set(e, "the end is before the start of '%.100s', which is valid %s", s->url,
                          tuf_validity_text(&s->valid, when));
    s->valid.has_end = true;
    s->valid.end_ms = end_ms;
    return 0;
}

int tuf_signing_config_remove(struct tuf_signing_config *c, enum tuf_service_kind kind,
                              size_t index, struct tm_err *e)
{
    if (index >= c->count[kind])
        return tm_err_set(e, "the signing config has no %s %zu", tuf_service_rows[kind].name,
                          index);
    struct tuf_service *v = c->service[kind];
    clear_service(&v[index]);
    memmove(v + index, v + index + 1, (c->count[kind] - index - 1) * sizeof(*v));
    c->count[kind]--;
    return 0;
}
