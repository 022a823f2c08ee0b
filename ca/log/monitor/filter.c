#include "ca/log/monitor/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/yamlmap.h"

int ca_filter_set_pattern(struct ca_filter *f, const char *text, struct tm_err *e)
{
    f->pattern = tm_pattern_new(text, PATTERN_PART, e);
    return f->pattern != NULL ? 0 : -1;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int ca_filter_set_serial(struct ca_filter *f, const char *text, struct tm_err *e)
{
    size_t digits = 0;
    unsigned char nibble[2 * sizeof(f->serial)];
    for (const char *p = text; *p != '\0'; p++) {
        int v = hex_digit(*p);
        if (*p == ':' && digits > 0)
            continue;
        if (v < 0 || digits == sizeof(nibble))
            return tm_err_set(e, "'%.80s' is not a serial number in hexadecimal", text);
        nibble[digits++] = (unsigned char)v;
    }
    if (digits == 0)
        return tm_err_set(e, "an empty serial number");
    f->serial_len = 0;
    for (size_t i = 0; i < digits; i += i == 0 && digits % 2 != 0 ? 1 : 2) {
        bool odd = i == 0 && digits % 2 != 0;
        unsigned char b = odd ? nibble[0] : (unsigned char)(nibble[i] << 4 | nibble[i + 1]);
        if (b != 0 || f->serial_len > 0) /* as in the certificate: no zeros in front */
            f->serial[f->serial_len++] = b;
    }
    return f->serial_len > 0 ? 0 : tm_err_set(e, "serial number 0 is no certificate's");
}

void ca_filter_free(struct ca_filter *f)
{
    tm_pattern_free(f->pattern);
    f->pattern = NULL;
}

static bool equals(const struct ca_cert_text *t, const char *want)
{
    return t->p != NULL && t->len == strlen(want) && memcmp(t->p, want, t->len) == 0;
}

/* A name on which it cannot be tried (no UTF-8, or it would take too long) is shown: somebody who
 * watches for his own names must not be got round by odd ones. */
static bool pattern_matches(const struct ca_filter *f, const struct ca_cert_text *name)
{
    return tm_pattern_match(f->pattern, (const char *)name->p, name->len, NULL) != 0;
}

static bool a_name_matches(const struct ca_filter *f, const struct ca_certificate *c)
{
    size_t at = 0;
    enum ca_certificate_name_kind kind;
    struct ca_cert_text name;
    while (ca_certificate_next_name(c, &at, &kind, &name) > 0) {
        if ((f->identity == NULL || equals(&name, f->identity)) &&
            (f->pattern == NULL || pattern_matches(f, &name)))
            return true;
    }
    return false;
}

bool ca_filter_matches(const struct ca_filter *f, uint64_t timestamp_ms,
                       const struct ca_certificate *c)
{
    const struct ca_cert_text *id = c->identity;
    if (timestamp_ms < f->after_ms || (f->before_ms > 0 && timestamp_ms >= f->before_ms))
        return false;
    if (f->serial_len > 0 &&
        (c->serial.len != f->serial_len || memcmp(c->serial.p, f->serial, f->serial_len) != 0))
        return false;
    if (f->issuer != NULL && !equals(&id[IDENTITY_ISSUER], f->issuer) &&
        !equals(&id[IDENTITY_ISSUER_V1], f->issuer))
        return false;
    if (f->repository != NULL && !equals(&id[IDENTITY_SOURCE_URI], f->repository) &&
        !equals(&id[IDENTITY_GITHUB_REPOSITORY], f->repository))
        return false;
    return (f->identity == NULL && f->pattern == NULL) || a_name_matches(f, c);
}

struct lists {
    struct tm_yamlmap_list identity, pattern, repository, issuer;
};

#define LIST(name, member) \
    { \
        name, YAMLMAP_TEXTS, offsetof(struct lists, member), 0, 0, NULL \
    }
static const struct tm_yamlmap_key keys[] = {LIST("identity", identity),
                                             LIST("identity-regexp", pattern),
                                             LIST("repository", repository),
                                             LIST("issuer", issuer),
                                             {NULL, YAMLMAP_TEXT, 0, 0, 0, NULL}};

static int fill(struct ca_identities *out, const struct lists *l, struct tm_err *e)
{
    for (size_t i = 0; i < l->identity.count; i++)
        out->filter[out->count++].identity = l->identity.item[i];
    for (size_t i = 0; i < l->repository.count; i++)
        out->filter[out->count++].repository = l->repository.item[i];
    for (size_t i = 0; i < l->issuer.count; i++)
        out->filter[out->count++].issuer = l->issuer.item[i];
    for (size_t i = 0; i < l->pattern.count; i++) {
        if (ca_filter_set_pattern(&out->filter[out->count++], l->pattern.item[i], e) != 0)
            return -1;
    }
    return 0;
}

int ca_identities_parse(const char *name, const char *text, size_t len, struct ca_identities *out,
                        struct tm_err *e)
{
    *out = (struct ca_identities){0};
    struct lists *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return tm_err_set(e, "out of memory");
    out->text = l;
    int rc = tm_yamlmap_read(name, text, len, keys, l, e);
    size_t n = l->identity.count + l->pattern.count + l->repository.count + l->issuer.count;
    if (rc == 0 && n == 0)
        rc = tm_err_set(e, "%s: it names no identity", name);
    if (rc == 0) {
        out->filter = calloc(n, sizeof(*out->filter));
        rc = out->filter == NULL ? tm_err_set(e, "out of memory") : fill(out, l, e);
        if (rc != 0)
            tm_err_wrap(e, "%s", name);
    }
    if (rc != 0)
        ca_identities_free(out);
    return rc;
}

int ca_identities_load(const char *path, struct ca_identities *out, struct tm_err *e)
{
    struct tm_buf text = {0};
    *out = (struct ca_identities){0};
    int rc = tm_file_read(path, YAMLMAP_FILE_MAX, &text, e);
    if (rc == 0)
        rc = ca_identities_parse(path, (const char *)text.data, text.len, out, e);
    tm_buf_free(&text);
    return rc;
}

void ca_identities_free(struct ca_identities *i)
{
    for (size_t n = 0; i->filter != NULL && n < i->count; n++)
        ca_filter_free(&i->filter[n]);
    free(i->filter);
    if (i->text != NULL)
        tm_yamlmap_free(keys, i->text);
    free(i->text);
    *i = (struct ca_identities){0};
}

bool ca_identities_match(const struct ca_identities *i, uint64_t timestamp_ms,
                         const struct ca_certificate *c)
{
    for (size_t n = 0; n < i->count; n++) {
        if (ca_filter_matches(&i->filter[n], timestamp_ms, c))
            return true;
    }
    return false;
}
