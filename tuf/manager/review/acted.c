#include "tuf/manager/review/acted.h"

#include <string.h>

#include "tuf/metadata/typesjson.h"
#include "tuf/verify/trust/legacy_pem.h"
#include "tuf/verify/trust/second_root.h"

static bool is_signing_config(const char *name)
{
    static const char start[] = "signing_config";
    static const char end[] = ".json";
    size_t len = strlen(name);
    return strncmp(name, start, strlen(start)) == 0 && len > strlen(end) &&
           strcmp(name + len - strlen(end), end) == 0 && strchr(name, '/') == NULL;
}

bool tuf_acted_on_is_root(const char *name)
{
    bool is = strcmp(name, TRUSTED_ROOT_TARGET) == 0;
    for (const struct tuf_second_root *s = tuf_second_roots; s->word != NULL && !is; s++)
        is = strcmp(name, s->target) == 0;
    return is;
}

bool tuf_acted_on_always(const char *name)
{
    return tuf_acted_on_is_root(name) || is_signing_config(name);
}

/* The list in one version of targets (or NULL). */
static const struct tuf_texts *named(const struct tuf_metadata *targets)
{
    static const struct tuf_texts none;
    return targets != NULL ? &tuf_metadata_signed(targets)->targets.acted_on : &none;
}

struct tuf_acted_names tuf_acted_names_of(const struct tuf_event *ev)
{
    const struct tuf_event_role *t = tuf_event_find(ev, "targets");
    return t != NULL ? (struct tuf_acted_names){{named(t->base), named(t->proposed)}}
                     : (struct tuf_acted_names){0};
}

static bool is_one(const struct tuf_acted_names *names, const char *name)
{
    bool is = tuf_acted_on_always(name);
    for (size_t i = 0; i < 2 && !is; i++)
        is = names->list[i] != NULL && tuf_texts_have(names->list[i], name);
    return is;
}

static bool has_usage(const struct tuf_entry *entry)
{
    return entry != NULL &&
           (entry->custom.sigstore.usage != NULL || tuf_custom_is_ambiguous(entry));
}

bool tuf_acted_on(const struct tuf_event *ev, const char *name, const struct tuf_entry *was,
                  const struct tuf_entry *is)
{
    const struct tuf_acted_names names = tuf_acted_names_of(ev);
    return has_usage(was) || has_usage(is) || is_one(&names, name);
}

static int each_named(const struct tuf_texts *names, int (*each)(void *arg, const char *name),
                      void *arg)
{
    int rc = 0;
    for (size_t i = 0; names != NULL && i < names->count && rc == 0; i++) {
        const char *name = names->item[i];
        if (name[0] != '\0' && !tuf_acted_on_always(name))
            rc = each(arg, name);
    }
    return rc;
}

int tuf_acted_on_each(const struct tuf_acted_names *names, int (*each)(void *arg, const char *name),
                      void *arg)
{
    static const char *const always[] = {TRUSTED_ROOT_TARGET, SIGNING_CONFIG_TARGET,
                                         "signing_config.json"};
    int rc = 0;
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]) && rc == 0; i++)
        rc = each(arg, always[i]);
    for (const struct tuf_second_root *s = tuf_second_roots; s->word != NULL && rc == 0; s++)
        rc = each(arg, s->target);
    for (size_t i = 0; i < 2 && rc == 0; i++)
        rc = each_named(names->list[i], each, arg);
    return rc;
}

/* ---- names that resemble them ---- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, lower(c)) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* The next character of a name, its percent escape taken off; '\0': the end. */
static char next_plain(const char **name)
{
    const char *p = *name;
    int high = p[0] == '%' ? hex_digit(p[1]) : -1;
    int low = high >= 0 ? hex_digit(p[2]) : -1;
    *name += low >= 0 ? 3 : p[0] != '\0';
    return low > 0 || high > 0 ? (char)(high * 16 + low) : p[0];
}

/* Drops the last segment of out[0..len) where it is empty, "." or, with the one before, "..". */
static size_t drop_dots(const char *out, size_t len)
{
    size_t start = len;
    while (start > 0 && out[start - 1] != '/')
        start--;
    size_t n = len - start;
    if (n == 0 || (n == 1 && out[start] == '.'))
        return start;
    if (n != 2 || strncmp(out + start, "..", 2) != 0)
        return len;
    while (start > 0 && out[start - 1] == '/')
        start--;
    while (start > 0 && out[start - 1] != '/')
        start--;
    return start;
}

#define GLYPH '\x7f' /* in a plain form: any one character beyond ASCII */
#define GLYPH_SPAN 3 /* ASCII characters that one may look like: ligatures; 0: of no width */

static bool is_beyond_ascii(char c)
{
    return ((unsigned char)c & 0xc0) ==
           0xc0; /* the first byte of one; the others are passed over */
}

/* What is left of a name where all that is easily overlooked is taken away. */
static void plain_form(const char *name, char out[TUF_TARGET_PATH_MAX + 1])
{
    size_t len = 0;
    for (char c = next_plain(&name); c != '\0' && len < TUF_TARGET_PATH_MAX;
         c = next_plain(&name)) {
        if (is_beyond_ascii(c))
            out[len++] = GLYPH;
        if (c <= ' ' || c > '~') /* char may be signed: what is not ASCII is either */
            continue;
        if (c == '/' || c == '\\')
            len = drop_dots(out, len);
        if (c != '/' && c != '\\')
            out[len++] = lower(c);
        else if (len > 0 && out[len - 1] != '/')
            out[len++] = '/';
    }
    len = drop_dots(out, len);
    while (len > 0 && (out[len - 1] == '/' || out[len - 1] == '.'))
        len--;
    out[len] = '\0';
}

/* Whether a plain form could be read as `real`; not `whole`: as something that begins with it. */
static bool reads_as(const char *plain, const char *real, bool whole)
{
    bool reach[TUF_TARGET_PATH_MAX + 1]; /* [n]: what is behind us reads as n of real */
    const size_t len = strlen(real);
    memset(reach, 0, len + 1);
    reach[0] = true;
    for (; *plain != '\0' && (whole || !reach[len]); plain++) {
        for (size_t n = len + 1; n-- > 0;) {
            bool now = *plain == GLYPH ? reach[n] : n > 0 && reach[n - 1] && real[n - 1] == *plain;
            for (size_t k = 1; *plain == GLYPH && k <= GLYPH_SPAN && k <= n; k++)
                now |= reach[n - k];
            reach[n] = now;
        }
    }
    return reach[len];
}

static int same_form(void *plain, const char *name)
{
    char other[TUF_TARGET_PATH_MAX + 1];
    plain_form(name, other);
    return reads_as(plain, other, true);
}

/* Any of the many names of signing configurations: what ends it is not looked at, where it may look
 * like anything. */
static bool reads_as_signing_config(const char *plain)
{
    bool beyond = strchr(plain, GLYPH) != NULL;
    return reads_as(plain, "signing_config", !beyond);
}

bool tuf_acted_on_resembles(const struct tuf_acted_names *names, const char *name)
{
    char plain[TUF_TARGET_PATH_MAX + 1];
    if (is_one(names, name))
        return false;
    plain_form(name, plain);
    return tuf_acted_on_always(plain) || reads_as_signing_config(plain) ||
           tuf_acted_on_each(names, same_form, plain) != 0;
}

static bool is_legacy(const char *name)
{
    char plain[TUF_TARGET_PATH_MAX + 1];
    plain_form(name, plain);
    return tuf_legacy_pem_usage(plain) != NULL;
}

const char *tuf_acted_on_why(const struct tuf_acted_names *names, const char *name)
{
    if (is_one(names, name))
        return "on which clients act";
    if (is_legacy(name))
        return "by whose name older clients trust";
    return tuf_acted_on_resembles(names, name) ? "which could be taken for what clients act on"
                                               : NULL;
}

bool tuf_role_resembles(const char *name)
{
    char plain[TUF_TARGET_PATH_MAX + 1];
    enum tuf_role top;
    if (tuf_role_from_name(name, &top) == 0)
        return false;
    plain_form(name, plain);
    return strchr(plain, GLYPH) != NULL || tuf_role_from_name(plain, &top) == 0;
}
