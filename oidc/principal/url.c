#include "oidc/principal/url.h"

#include <string.h>

#include "common/hex.h"

enum part { PART_PATH, PART_FRAGMENT };

/* Not the <ctype.h> ones: they follow the locale. */
static bool is_alpha(unsigned char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_alnum(unsigned char c)
{
    return is_alpha(c) || (c >= '0' && c <= '9');
}

static bool one_of(unsigned char c, const char *set)
{
    while (*set != '\0' && (unsigned char)*set != c)
        set++;
    return *set != '\0';
}

/* An IPv6 address in brackets; returns its length with them, or 0. */
static size_t bracketed(const char *s)
{
    size_t n = strspn(s + 1, "0123456789abcdefABCDEF:.");
    return n >= 2 && s[1 + n] == ']' ? n + 2 : 0;
}

bool oidc_url_split(const char *text, bool wildcard, struct oidc_url *u)
{
    size_t n = 0;
    if (!is_alpha((unsigned char)text[0]))
        return false;
    while (is_alnum((unsigned char)text[n]) || one_of((unsigned char)text[n], "+-."))
        n++;
    if (strncmp(text + n, "://", 3) != 0)
        return false;
    u->scheme = text;
    u->scheme_len = n;
    u->host = text + n + 3;
    if (u->host[0] == '[') {
        u->host_len = bracketed(u->host);
    } else {
        u->host_len = 0;
        while (is_alnum((unsigned char)u->host[u->host_len]) ||
               one_of((unsigned char)u->host[u->host_len], wildcard ? "-._~*" : "-._~"))
            u->host_len++;
    }
    u->rest = u->host + u->host_len;
    if (u->host_len > 0 && u->rest[0] == ':') {
        size_t digits = strspn(u->rest + 1, "0123456789");
        if (digits == 0 || digits > 5)
            return false;
        u->rest += 1 + digits;
    }
    return u->host_len > 0 && (u->rest[0] == '\0' || one_of((unsigned char)u->rest[0], "/?#"));
}

/* What Go writes unescaped when it has to escape at all. */
static bool kept(unsigned char c, enum part part)
{
    return is_alnum(c) || one_of(c, "-_.~$&+,/:;=@") ||
           (part == PART_FRAGMENT && one_of(c, "?!()*"));
}

/* Decodes %XX; -1 for a bad escape. */
static int unescape(const unsigned char *s, size_t len, struct tm_buf *out)
{
    for (size_t i = 0; i < len; i++) {
        if (s[i] != '%') {
            buf_putc(out, s[i]);
            continue;
        }
        int hi = i + 2 < len ? tm_hex_digit((char)s[i + 1]) : -1;
        int lo = i + 2 < len ? tm_hex_digit((char)s[i + 2]) : -1;
        if (hi < 0 || lo < 0)
            return -1;
        buf_putc(out, (unsigned char)(hi << 4 | lo));
        i += 2;
    }
    return 0;
}

/* Nearly every part there is: nothing to decode, nothing that could need it. */
static bool is_ordinary(const unsigned char *s, size_t len)
{
    size_t i = 0;
    while (i < len &&
           (is_alpha(s[i]) || (s[i] >= '-' && s[i] <= '9') || s[i] == '_' || s[i] == '@'))
        i++;
    return i == len;
}

/* A part that is well encoded stays as it came; else it is decoded and encoded anew. */
static int write_part(const char *text, size_t len, enum part part, struct tm_buf *out,
                      struct tm_err *e)
{
    const unsigned char *s = (const unsigned char *)text;
    if (is_ordinary(s, len)) {
        tm_buf_append(out, text, len);
        return 0;
    }
    struct tm_buf plain = {0};
    bool valid = true;
    if (unescape(s, len, &plain) != 0) {
        tm_buf_free(&plain);
        return tm_err_set(e, "the URL has a bad percent escape");
    }
    for (size_t i = 0; i < len && valid; i++)
        valid = one_of(s[i], "!$&'()*+,;=:@[]%") || kept(s[i], part);
    if (valid)
        tm_buf_append(out, text, len);
    for (size_t i = 0; i < plain.len && !valid; i++) {
        if (kept(plain.data[i], part))
            buf_putc(out, plain.data[i]);
        else
            tm_buf_printf(out, "%%%02X", plain.data[i]);
    }
    bool failed = buf_failed(&plain);
    tm_buf_free(&plain);
    return failed ? tm_err_set(e, "out of memory") : 0;
}

static int write_parsed(const char *rest, struct tm_buf *out, struct tm_err *e)
{
    const char *hash = strchr(rest, '#');
    size_t len = hash != NULL ? (size_t)(hash - rest) : strlen(rest);
    const char *query = memchr(rest, '?', len);
    size_t path_len = query != NULL ? (size_t)(query - rest) : len;
    if (write_part(rest, path_len, PART_PATH, out, e) != 0)
        return -1;
    for (size_t i = path_len; i < len; i++) {
        /* Go copies a query as it is; only ASCII without blanks can go into a certificate. */
        if ((unsigned char)rest[i] <= 0x20 || (unsigned char)rest[i] >= 0x7f)
            return tm_err_set(e, "the URL's query holds a blank or a non-ASCII character");
        buf_putc(out, (unsigned char)rest[i]);
    }
    if (hash == NULL || hash[1] == '\0')
        return 0;
    buf_putc(out, '#');
    return write_part(hash + 1, strlen(hash + 1), PART_FRAGMENT, out, e);
}

/* Appends `path` without empty, "." and ".." segments; a '/' at the end stays. */
static void clean_path(const char *path, struct tm_buf *out)
{
    size_t base = out->len;
    size_t total = strlen(path);
    while (*path != '\0') {
        size_t len = strcspn(path, "/");
        if (len == 2 && memcmp(path, "..", 2) == 0) {
            while (out->len > base && out->data[--out->len] != '/')
                continue;
        } else if (len > 0 && !(len == 1 && path[0] == '.')) {
            buf_putc(out, '/');
            tm_buf_append(out, path, len);
        }
        path += len + (path[len] == '/');
    }
    if (out->len == base || (total > 0 && path[-1] == '/'))
        buf_putc(out, '/');
}

static bool is_joined(enum oidc_url_form form)
{
    return form == URL_JOINED || form == URL_JOINED_GAPS;
}

static int write_joined(const char *rest, struct tm_buf *out, struct tm_err *e)
{
    struct tm_buf path = {0};
    clean_path(rest, &path);
    int rc = buf_failed(&path) ? tm_err_set(e, "out of memory")
                               : write_part((const char *)path.data, path.len, PART_PATH, out, e);
    tm_buf_free(&path);
    return rc;
}

int oidc_url_write(const char *text, enum oidc_url_form form, struct tm_buf *out, struct tm_err *e)
{
    struct oidc_url u;
    if (form == URL_VERBATIM) {
        tm_buf_puts(out, text);
        return 0;
    }
    for (const unsigned char *s = (const unsigned char *)text; *s != '\0'; s++) {
        if (*s < 0x20 || *s == 0x7f)
            return tm_err_set(e, "the URL holds a control character");
    }
    if (!oidc_url_split(text, false, &u))
        return tm_err_set(e, "not a URL with a scheme and a plain host name");
    for (size_t i = 0; i < u.scheme_len; i++) {
        unsigned char c = (unsigned char)u.scheme[i];
        buf_putc(out, c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    tm_buf_append(out, u.scheme + u.scheme_len, (size_t)(u.rest - u.scheme) - u.scheme_len);
    return is_joined(form) ? write_joined(u.rest, out, e) : write_parsed(u.rest, out, e);
}

/* What may stand in a part without an escape. */
static bool valid_raw(unsigned char c, enum part part)
{
    return one_of(c, "!$&'()*+,;=:@[]") || kept(c, part);
}

static bool part_is_unique(const char *s, size_t len, enum part part, bool sent)
{
    bool encoded = false; /* by write_part, which then decodes all escapes */
    bool escapes = false;
    bool needless = false; /* an escape is there that write_part would write itself */
    if (is_ordinary((const unsigned char *)s, len))
        return true;
    for (size_t i = 0; i < len; i++) {
        if (s[i] != '%') {
            encoded = encoded || !valid_raw((unsigned char)s[i], part);
            continue;
        }
        int hi = i + 2 < len ? tm_hex_digit(s[i + 1]) : -1;
        int lo = i + 2 < len ? tm_hex_digit(s[i + 2]) : -1;
        escapes = true;
        if (hi < 0 || lo < 0)
            return true; /* oidc_url_write refuses it */
        needless = needless || !valid_raw((unsigned char)(hi << 4 | lo), part);
        i += 2;
    }
    return sent ? !encoded : !(escapes && (encoded || needless));
}

static bool has_dot_segment(const char *path)
{
    while (*path != '\0') {
        size_t len = strcspn(path, "/");
        if ((len == 1 && path[0] == '.') || (len == 2 && memcmp(path, "..", 2) == 0))
            return true;
        path += len + (path[len] == '/');
    }
    return false;
}

int oidc_url_write_unique(const char *text, enum oidc_url_form form, struct tm_buf *out,
                          struct tm_err *e)
{
    struct oidc_url u;
    bool unique = true;
    if (form == URL_VERBATIM || !oidc_url_split(text, false, &u))
        return oidc_url_write(text, form, out, e);
    const char *hash = is_joined(form) ? NULL : strchr(u.rest, '#');
    size_t len = hash != NULL ? (size_t)(hash - u.rest) : strlen(u.rest);
    const char *query = is_joined(form) ? NULL : memchr(u.rest, '?', len);
    bool sent = form == URL_SENT;
    if (query != NULL)
        len = (size_t)(query - u.rest);
    unique = part_is_unique(u.rest, len, PART_PATH, sent);
    if (hash != NULL)
        unique = unique && hash[1] != '\0' &&
                 part_is_unique(hash + 1, strlen(hash + 1), PART_FRAGMENT, sent);
    if (is_joined(form))
        unique = unique && !has_dot_segment(u.rest);
    if (form == URL_JOINED)
        unique = unique && strstr(u.rest, "//") == NULL;
    return unique
               ? oidc_url_write(text, form, out, e)
               : tm_err_set(
                     e, "another text gives the same URL (an escape, a dot or empty segment or an "
                        "empty fragment)");
}
