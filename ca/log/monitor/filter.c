#include "ca/log/monitor/filter.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/file.h"
#include "common/hex.h"
#include "common/repository.h"
#include "common/yamlmap.h"

int ca_filter_set_pattern(struct ca_filter *f, const char *text, struct tm_err *e)
{
    f->pattern = tm_pattern_new(text, PATTERN_PART, e);
    return f->pattern != NULL ? 0 : -1;
}

int ca_filter_set_serial(struct ca_filter *f, const char *text, struct tm_err *e)
{
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == '.')
        len--;
    size_t from = len > 2 && text[0] == '0' && (text[1] | 0x20) == 'x' ? 2 : 0;
    f->serial_digits = 0;
    bool any = false;
    for (size_t i = from; i < len; i++) {
        int v = tm_hex_digit(text[i]);
        if (text[i] == ':' && any)
            continue;
        if (v < 0 || f->serial_digits == sizeof(f->serial))
            return tm_err_set(e, "'%.80s' is not a serial number in hexadecimal", text);
        any = true;
        f->serial[f->serial_digits] = (unsigned char)v;
        f->serial_digits += v != 0 || f->serial_digits > 0 ? 1 : 0; /* no zeros in front */
    }
    if (!any)
        return tm_err_set(e, "an empty serial number");
    return f->serial_digits > 0 ? 0 : tm_err_set(e, "serial number 0 is no certificate's");
}

void ca_filter_free(struct ca_filter *f)
{
    tm_pattern_free(f->pattern);
    f->pattern = NULL;
}

/* ---- texts ---- */

static enum ca_filter_result compare(const struct ca_cert_text *t, const char *want)
{
    size_t len = strlen(want);
    if (t->p == NULL)
        return FILTER_MISS;
    if (t->len == len && memcmp(t->p, want, len) == 0)
        return FILTER_MATCH;
    size_t have = t->len;
    while (have > 0 && t->p[have - 1] == '/')
        have--;
    while (len > 0 && want[len - 1] == '/')
        len--;
    return have == len && strncasecmp((const char *)t->p, want, len) == 0 ? FILTER_NEAR
                                                                          : FILTER_MISS;
}

/* Case does not count; "host:path" is "host/path". */
static unsigned char plain(char c)
{
    return c == ':' ? '/' : (unsigned char)tolower((unsigned char)c);
}

static bool same(struct tm_repository a, struct tm_repository b)
{
    for (size_t i = 0; a.len == b.len && i < a.len; i++) {
        if (plain(a.p[i]) != plain(b.p[i]))
            return false;
    }
    return a.len == b.len;
}

/* The certificate's as it is, or its path on any host. */
static bool repository_matches(const struct ca_cert_text *t, const char *want)
{
    if (t->p == NULL)
        return false;
    struct tm_repository wanted = tm_repository_bare(want, strlen(want));
    struct tm_repository has = tm_repository_bare((const char *)t->p, t->len);
    return same(has, wanted) || same(tm_repository_path(has), wanted);
}

/* GitHub's OWNER/NAME has no host: one that is asked for with a host may be GitHub's. */
static bool github_matches(const struct ca_cert_text *t, const char *want)
{
    static const char host[] = "github.com";
    struct tm_repository wanted = tm_repository_bare(want, strlen(want));
    if (wanted.len > sizeof(host) && strncasecmp(wanted.p, host, sizeof(host) - 1) == 0) {
        wanted.p += sizeof(host);
        wanted.len -= sizeof(host);
    }
    return t->p != NULL && same(tm_repository_bare((const char *)t->p, t->len), wanted);
}

static bool serial_matches(const struct ca_filter *f, const struct ca_cert_text *serial)
{
    size_t n = 0;
    size_t skip = 0;
    for (size_t i = 0; i < 2 * serial->len; i++) {
        unsigned v = serial->p[i / 2] >> (i % 2 == 0 ? 4 : 0) & 0xf;
        if (v == 0 && n == 0 && skip == i) {
            skip++;
            continue;
        }
        if (n < f->serial_digits && v != f->serial[n])
            return false;
        n++;
    }
    return n == f->serial_digits || (n > f->serial_digits && f->serial_digits >= FILTER_SERIAL_MIN);
}

/* ---- judging ---- */

/* A name on which it cannot be tried (no UTF-8, or it would take too long) is shown: somebody who
 * watches for his own names must not be got round by odd ones. */
static bool pattern_matches(const struct ca_filter *f, const struct ca_cert_text *name)
{
    return tm_pattern_match(f->pattern, (const char *)name->p, name->len, NULL) != 0;
}

static enum ca_filter_result judge_names(const struct ca_filter *f, const struct ca_certificate *c)
{
    enum ca_filter_result best = FILTER_MISS;
    size_t at = 0;
    enum ca_certificate_name_kind kind;
    struct ca_cert_text name;
    if (f->identity == NULL && f->pattern == NULL)
        return FILTER_MATCH;
    while (ca_certificate_next_name(c, &at, &kind, &name) > 0) {
        enum ca_filter_result r = f->identity != NULL ? compare(&name, f->identity) : FILTER_MATCH;
        if (r > best && (f->pattern == NULL || pattern_matches(f, &name)))
            best = r;
    }
    return best;
}

static enum ca_filter_result judge_issuer(const struct ca_filter *f, const struct ca_certificate *c)
{
    if (f->issuer == NULL)
        return FILTER_MATCH;
    enum ca_filter_result a = compare(&c->identity[IDENTITY_ISSUER], f->issuer);
    enum ca_filter_result b = compare(&c->identity[IDENTITY_ISSUER_V1], f->issuer);
    return a > b ? a : b;
}

enum ca_filter_result ca_filter_judge(const struct ca_filter *f, uint64_t timestamp_ms,
                                      const struct ca_certificate *c)
{
    if (timestamp_ms < f->after_ms || (f->before_ms > 0 && timestamp_ms >= f->before_ms))
        return FILTER_MISS;
    if (f->serial_digits > 0 && !serial_matches(f, &c->serial))
        return FILTER_MISS;
    if (f->repository != NULL &&
        !repository_matches(&c->identity[IDENTITY_SOURCE_URI], f->repository) &&
        !github_matches(&c->identity[IDENTITY_GITHUB_REPOSITORY], f->repository))
        return FILTER_MISS;
    enum ca_filter_result issuer = judge_issuer(f, c);
    enum ca_filter_result names = issuer != FILTER_MISS ? judge_names(f, c) : FILTER_MISS;
    return names < issuer ? names : issuer;
}

/* ---- what can match nothing ---- */

static int check_word(const char *what, const char *text, struct tm_err *e)
{
    size_t len = strlen(text);
    if (len == 0)
        return tm_err_set(e, "%s '': an empty word is no certificate's", what);
    if (isspace((unsigned char)text[0]) || isspace((unsigned char)text[len - 1]))
        return tm_err_set(e, "%s '%.200s': blanks around it match nothing", what, text);
    if (strchr(text, '*') != NULL)
        return tm_err_set(e, "%s '%.200s': '*' is no wildcard here; identity-regexp takes patterns",
                          what, text);
    return 0;
}

int ca_filter_check(const struct ca_filter *f, struct tm_err *e)
{
    if ((f->identity != NULL && check_word("identity", f->identity, e) != 0) ||
        (f->repository != NULL && check_word("repository", f->repository, e) != 0) ||
        (f->issuer != NULL && check_word("issuer", f->issuer, e) != 0))
        return -1;
    if (f->repository != NULL) {
        struct tm_repository r = tm_repository_bare(f->repository, strlen(f->repository));
        if (memchr(r.p, '/', r.len) == NULL)
            return tm_err_set(e, "repository '%.200s': want OWNER/NAME or a URL", f->repository);
    }
    if (f->before_ms > 0 && f->before_ms <= f->after_ms)
        return tm_err_set(e, "nothing was logged after a time and before an earlier one");
    if (f->issuer != NULL && strstr(f->issuer, "://") == NULL && strchr(f->issuer, '.') == NULL)
        return tm_err_set(e, "issuer '%.200s': want its URL", f->issuer);
    return 0;
}

/* ---- lists ---- */

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
    for (size_t i = 0; i < out->count; i++) {
        if (ca_filter_check(&out->filter[i], e) != 0)
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
