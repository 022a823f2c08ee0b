#include "tuf/verify/trust/signing_config.h"

#include <stdlib.h>
#include <string.h>

#include "common/fetch/fetch.h"
#include "common/file.h"
#include "common/json/strictjson.h"
#include "tuf/verify/trust/protojson.h"

#define MEDIA_TYPE "application/vnd.dev.sigstore.signingconfig.v0.2+json"

struct choice {
    enum tuf_service_selector selector;
    uint32_t count;
};

struct tuf_signing_config {
    struct tuf_service service[SERVICE_KIND_COUNT][SIGNING_CONFIG_SERVICES_MAX]; /* newest first */
    size_t count[SERVICE_KIND_COUNT];
    struct choice choice[SERVICE_KIND_COUNT];
};

static const struct {
    const char *name;
    const char *key;    /* JSON member */
    const char *config; /* member of the selector; NULL: exactly one is chosen */
} kinds[SERVICE_KIND_COUNT] = {
    [SERVICE_CA] = {"CA", "caUrls", NULL},
    [SERVICE_OIDC] = {"OIDC provider", "oidcUrls", NULL},
    [SERVICE_TLOG] = {"transparency log", "rekorTlogUrls", "rekorTlogConfig"},
    [SERVICE_TSA] = {"timestamp authority", "tsaUrls", "tsaConfig"},
};

static const char *const selectors[] = {
    [SELECT_UNDEFINED] = "SERVICE_SELECTOR_UNDEFINED",
    [SELECT_ALL] = "ALL",
    [SELECT_ANY] = "ANY",
    [SELECT_EXACT] = "EXACT",
};

const char *tuf_service_kind_name(enum tuf_service_kind kind)
{
    return kinds[kind].name;
}

struct tuf_signing_config *tuf_signing_config_new(struct tm_err *e)
{
    struct tuf_signing_config *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        tm_err_set(e, "out of memory");
        return NULL;
    }
    for (size_t k = 0; k < SERVICE_KIND_COUNT; k++)
        c->choice[k].selector = SELECT_ANY;
    return c;
}

static void service_clear(struct tuf_service *s)
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
            service_clear(&c->service[k][i]);
    }
    free(c);
}

/* --- reading --- */

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

/* Keeps the order: newest start first, equal starts as they came. Takes over the texts of `s`. */
static int insert(struct tuf_signing_config *c, enum tuf_service_kind kind,
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

static int read_service(const json_t *v, struct tuf_service *s, struct tm_err *e)
{
    static const char *const known[] = {"url", "majorApiVersion", "validFor", "operator", NULL};
    if (tuf_protojson_known(v, known, e) != 0 ||
        tuf_protojson_text_copy(v, "url", &s->url, e) != 0 ||
        tuf_protojson_text_copy(v, "operator", &s->operator_name, e) != 0 ||
        tuf_protojson_uint32(v, "majorApiVersion", &s->major_version, e) != 0 ||
        tuf_protojson_validity(v, "validFor", &s->valid, e) != 0)
        return -1;
    if (!s->valid.has_start)
        return tm_err_set(e, "'validFor' has no 'start'");
    return s->url[0] != '\0' ? 0 : tm_err_set(e, "'url' is missing");
}

static int read_list(const json_t *root, enum tuf_service_kind kind, struct tuf_signing_config *c,
                     struct tm_err *e)
{
    json_t *items;
    size_t i;
    const json_t *one;
    if (tuf_protojson_array(root, kinds[kind].key, SIGNING_CONFIG_SERVICES_MAX, &items, e) != 0)
        return -1;
    json_array_foreach(items, i, one)
    {
        struct tuf_service s = {0};
        if (read_service(one, &s, e) != 0 || insert(c, kind, &s, e) != 0) {
            service_clear(&s);
            return tm_err_wrap(e, "%s[%zu]", kinds[kind].key, i);
        }
    }
    return 0;
}

static int read_choice(const json_t *root, enum tuf_service_kind kind, struct tuf_signing_config *c,
                       struct tm_err *e)
{
    static const char *const known[] = {"selector", "count", NULL};
    const char *name = kinds[kind].config;
    json_t *v;
    const char *text;
    struct choice *to = &c->choice[kind];
    if (name == NULL)
        return 0;
    *to = (struct choice){SELECT_UNDEFINED, 0};
    if (tuf_protojson_object(root, name, &v, e) != 0)
        return -1;
    if (v == NULL)
        return 0;
    if (tuf_protojson_known(v, known, e) != 0 || tuf_protojson_text(v, "selector", &text, e) != 0 ||
        tuf_protojson_uint32(v, "count", &to->count, e) != 0)
        return tm_err_wrap(e, "'%s'", name);
    for (size_t i = 0; i < sizeof(selectors) / sizeof(selectors[0]); i++) {
        if (strcmp(text, selectors[i]) == 0)
            to->selector = (enum tuf_service_selector)i;
    }
    if (text[0] != '\0' && strcmp(text, selectors[to->selector]) != 0)
        return tm_err_set(e, "'%s': 'selector' is '%.40s', not ANY, ALL or EXACT", name, text);
    if ((to->selector == SELECT_EXACT) != (to->count > 0))
        return tm_err_set(e, "'%s': 'count' above 0 goes with EXACT, and only with it", name);
    return 0;
}

static int read_config(const json_t *v, struct tuf_signing_config *c, struct tm_err *e)
{
    static const char *const known[] = {"mediaType",       "caUrls",  "oidcUrls",
                                        "rekorTlogUrls",   "tsaUrls", "tsaConfig",
                                        "rekorTlogConfig", NULL};
    const char *media;
    if (tuf_protojson_known(v, known, e) != 0 || tuf_protojson_text(v, "mediaType", &media, e) != 0)
        return -1;
    if (strcmp(media, MEDIA_TYPE) != 0)
        return tm_err_set(e, "'mediaType' is '%.80s', not " MEDIA_TYPE, media);
    for (size_t k = 0; k < SERVICE_KIND_COUNT; k++) {
        if (read_list(v, (enum tuf_service_kind)k, c, e) != 0 ||
            read_choice(v, (enum tuf_service_kind)k, c, e) != 0)
            return -1;
    }
    return 0;
}

struct tuf_signing_config *tuf_signing_config_parse(const void *json, size_t len, struct tm_err *e)
{
    json_t *v = tm_strictjson_parse(json, len, SIGNING_CONFIG_BYTES_MAX, e);
    struct tuf_signing_config *c = v != NULL ? tuf_signing_config_new(e) : NULL;
    if (c != NULL && read_config(v, c, e) != 0) {
        tuf_signing_config_free(c);
        c = NULL;
    }
    json_decref(v);
    return c;
}

struct tuf_signing_config *tuf_signing_config_load(const char *path, struct tm_err *e)
{
    struct tm_buf json = {0};
    struct tuf_signing_config *c = NULL;
    if (tm_file_read(path, SIGNING_CONFIG_BYTES_MAX, &json, e) == 0) {
        c = tuf_signing_config_parse(json.data != NULL ? (const char *)json.data : "", json.len, e);
        if (c == NULL)
            tm_err_wrap(e, "signing config '%s'", path);
    }
    tm_buf_free(&json);
    return c;
}

/* --- writing --- */

static int put_service(json_t *list, const struct tuf_service *s)
{
    json_t *v =
        json_pack("{s:s,s:I}", "url", s->url, "majorApiVersion", (json_int_t)s->major_version);
    if (json_array_append_new(list, v) != 0 ||
        tuf_protojson_put_validity(v, "validFor", &s->valid) != 0)
        return -1;
    return s->operator_name[0] == '\0' ? 0
                                       : tuf_protojson_put_text(v, "operator", s->operator_name);
}

static int put_choice(json_t *root, const char *name, const struct choice *c)
{
    json_t *v = json_object();
    if (json_object_set_new(root, name, v) != 0 ||
        tuf_protojson_put_text(v, "selector", selectors[c->selector]) != 0)
        return -1;
    return c->count == 0 ? 0 : json_object_set_new(v, "count", json_integer(c->count));
}

static int put_config(json_t *v, const struct tuf_signing_config *c)
{
    if (tuf_protojson_put_text(v, "mediaType", MEDIA_TYPE) != 0)
        return -1;
    for (size_t k = 0; k < SERVICE_KIND_COUNT; k++) {
        json_t *list = json_array();
        if (json_object_set_new(v, kinds[k].key, list) != 0)
            return -1;
        for (size_t i = 0; i < c->count[k]; i++) {
            if (put_service(list, &c->service[k][i]) != 0)
                return -1;
        }
    }
    for (size_t k = 0; k < SERVICE_KIND_COUNT; k++) {
        if (kinds[k].config != NULL && c->choice[k].selector != SELECT_UNDEFINED &&
            put_choice(v, kinds[k].config, &c->choice[k]) != 0)
            return -1;
    }
    return 0;
}

int tuf_signing_config_write(const struct tuf_signing_config *c, struct tm_buf *out,
                             struct tm_err *e)
{
    json_t *v = json_object();
    char *text = put_config(v, c) == 0 ? json_dumps(v, JSON_INDENT(2)) : NULL;
    if (text != NULL) {
        tm_buf_puts(out, text);
        buf_putc(out, '\n');
    }
    free(text);
    json_decref(v);
    return text != NULL && !buf_failed(out) ? 0
                                            : tm_err_set(e, "the signing config cannot be written");
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
    if (kinds[kind].config == NULL)
        return tm_err_set(e, "signers choose exactly one %s: there is no selector",
                          kinds[kind].name);
    if (selector == SELECT_UNDEFINED || (selector == SELECT_EXACT) != (count > 0))
        return tm_err_set(e, "the selector is ANY, ALL, or EXACT with a count above 0");
    c->choice[kind] = (struct choice){selector, count};
    return 0;
}

enum tuf_service_selector tuf_signing_config_selector(const struct tuf_signing_config *c,
                                                      enum tuf_service_kind kind, uint32_t *count)
{
    if (count != NULL)
        *count = c->choice[kind].count;
    return c->choice[kind].selector;
}

int tuf_signing_config_add(struct tuf_signing_config *c, enum tuf_service_kind kind,
                           const struct tuf_service *s, struct tm_err *e)
{
    char when[VALIDITY_TEXT_MAX];
    if (check_url(s->url, e) != 0)
        return tm_err_wrap(e, "add %s", kinds[kind].name);
    if (!s->valid.has_start || (s->valid.has_end && s->valid.end_ms < s->valid.start_ms))
        return tm_err_set(e, "add %s: the window needs a start, before its end", kinds[kind].name);
    for (size_t i = 0; i < c->count[kind]; i++) {
        const struct tuf_service *old = &c->service[kind][i];
        if (strcmp(old->url, s->url) == 0 && old->major_version == s->major_version &&
            tuf_validity_overlap(&old->valid, &s->valid))
            return tm_err_set(e, "the signing config has this %s already, valid %s",
                              kinds[kind].name, tuf_validity_text(&old->valid, when));
    }
    struct tuf_service copy = *s;
    copy.url = strdup(s->url);
    copy.operator_name = strdup(s->operator_name != NULL ? s->operator_name : "");
    if (copy.url != NULL && copy.operator_name != NULL && insert(c, kind, &copy, e) == 0)
        return 0;
    service_clear(&copy);
    return tm_err_wrap(e, "add %s", kinds[kind].name);
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
        tm_err_set(e, "the signing config has no %s '%.100s'; it has:%s", kinds[kind].name, url,
                   text != NULL && text[0] != '\0' ? text : " none");
    tm_buf_free(&have);
    return found ? 0 : -1;
}

int tuf_signing_config_retire(struct tuf_signing_config *c, enum tuf_service_kind kind,
                              size_t index, int64_t end_ms, struct tm_err *e)
{
    char when[VALIDITY_TEXT_MAX];
    if (index >= c->count[kind])
        return tm_err_set(e, "the signing config has no %s %zu", kinds[kind].name, index);
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
        return tm_err_set(e, "the signing config has no %s %zu", kinds[kind].name, index);
    struct tuf_service *v = c->service[kind];
    service_clear(&v[index]);
    memmove(v + index, v + index + 1, (c->count[kind] - index - 1) * sizeof(*v));
    c->count[kind]--;
    return 0;
}
