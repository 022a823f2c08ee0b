#include "common/http/head.h"

#include <string.h>
#include <strings.h>

#define LENGTH_DIGITS_MAX 18

/* RFC 9110 §5.6.2 */
static bool is_tchar(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!is_tchar(text[i]))
            return false;
    }
    return len > 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

enum tm_http_head_end tm_http_head_find(const char *data, size_t len, size_t *scanned, size_t *end)
{
    if (len > 0 && !is_tchar(data[0]))
        return HEAD_BAD;
    while (*scanned < len) {
        const char *nl = memchr(data + *scanned, '\n', len - *scanned);
        if (nl == NULL) {
            *scanned = len;
            break;
        }
        size_t at = (size_t)(nl - data);
        if (data[at - 1] != '\r') /* at > 0: the first byte is a letter */
            return HEAD_BAD;
        *scanned = at + 1;
        if (data[at - 2] == '\n') {
            *end = at + 1;
            return *end <= HTTP_HEAD_MAX ? HEAD_WHOLE : HEAD_BAD;
        }
    }
    return len <= HTTP_HEAD_MAX ? HEAD_MORE : HEAD_BAD;
}

/* The next line without its CRLF, NUL-terminated in place; NULL: a bare CR or a NUL in it. */
static char *take_line(char **at, const char *end, size_t *len)
{
    char *line = *at;
    char *nl = memchr(line, '\n', (size_t)(end - line));
    if (nl == NULL || nl == line || nl[-1] != '\r')
        return NULL;
    *len = (size_t)(nl - line) - 1;
    line[*len] = '\0';
    *at = nl + 1;
    return strlen(line) == *len && memchr(line, '\r', *len) == NULL ? line : NULL;
}

static bool too_many_arguments(const char *query)
{
    size_t n = 1;
    for (const char *p = query; p != NULL && (p = strchr(p, '&')) != NULL; p++)
        n++;
    return n > HTTP_ARGUMENTS_MAX;
}

/* "http://host/path" is what a forward proxy is sent (RFC 9112 §3.2.2): its host must be the one of
 * the Host field, which is looked at later. */
static int check_target(char *target, const char **authority, struct tm_http_head *h)
{
    size_t scheme = strncasecmp(target, "http://", 7) == 0    ? 7
                    : strncasecmp(target, "https://", 8) == 0 ? 8
                                                              : 0;
    const char *path = target;
    for (const char *p = target; *p != '\0'; p++) {
        if (*p <= ' ' || *p > '~' || *p == '#' || *p == '\\')
            return -1;
    }
    if (scheme > 0) {
        char *slash = strchr(target + scheme, '/');
        if (slash == NULL)
            return -1;
        *slash = '\0';
        *authority = target + scheme;
        h->origin_len = (size_t)(slash - target);
        path = slash + 1;
    } else if (target[0] != '/' && strcmp(target, "*") != 0) {
        return -1;
    }
    return too_many_arguments(strchr(path, '?')) ? -1 : 0;
}

static int parse_request_line(char *line, struct tm_http_head *h, const char **authority)
{
    char *target = strchr(line, ' ');
    char *version = target != NULL ? strchr(target + 1, ' ') : NULL;
    if (version == NULL)
        return -1;
    *target++ = '\0';
    *version++ = '\0';
    if (strcmp(version, "HTTP/1.1") == 0)
        h->minor = 1;
    else if (strcmp(version, "HTTP/1.0") != 0)
        return -1;
    h->method = line;
    h->origin = (size_t)(target - line);
    return is_token(line, strlen(line)) ? check_target(target, authority, h) : -1;
}

/* Digits only, and no zero before them: some read that as octal. */
static int parse_length(const char *text, uint64_t *out)
{
    size_t n = strspn(text, "0123456789");
    if (n == 0 || n > LENGTH_DIGITS_MAX || text[n] != '\0' || (n > 1 && text[0] == '0'))
        return -1;
    *out = 0;
    for (size_t i = 0; i < n; i++)
        *out = *out * 10 + (uint64_t)(text[i] - '0');
    return 0;
}

/* Whether the comma-separated list has this word. */
static bool lists(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list; *p != '\0';) {
        p += strspn(p, ", \t");
        size_t len = strcspn(p, ", \t");
        if (len == n && strncasecmp(p, word, n) == 0)
            return true;
        p += len;
    }
    return false;
}

/* What decides about the body and the connection. */
struct framing {
    unsigned lengths, encodings, hosts, expects;
    bool close, keep; /* the connection, after the reply */
    const char *host;
};

/* A name that a hop must drop (RFC 9110 §7.6.1), which none that frames a request may be. */
static int look_at_connection(const char *value, struct framing *f)
{
    static const char *const never[] = {"content-length", "transfer-encoding", "host"};
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        if (lists(value, never[i]))
            return -1;
    }
    f->close = f->close || lists(value, "close");
    f->keep = f->keep || lists(value, "keep-alive");
    return 0;
}

struct field {
    const char *name, *value;
    bool blanks; /* behind the value: some readers take them for a part of it */
};

static int look_at_field(const struct field *a, struct tm_http_head *h, struct framing *f)
{
    if (strcasecmp(a->name, "Content-Length") == 0) {
        f->lengths++;
        return a->blanks ? -1 : parse_length(a->value, &h->length);
    }
    if (strcasecmp(a->name, "Transfer-Encoding") == 0) {
        f->encodings++;
        h->chunked = true;
        return !a->blanks && strcasecmp(a->value, "chunked") == 0 ? 0 : -1;
    }
    if (strcasecmp(a->name, "Host") == 0) {
        f->hosts++;
        f->host = a->value;
        return strpbrk(a->value, " \t/\\@?#,\"<>") == NULL ? 0 : -1;
    }
    if (strcasecmp(a->name, "Connection") == 0)
        return look_at_connection(a->value, f);
    if (strcasecmp(a->name, "Expect") == 0) { /* RFC 9110 §10.1.1 knows no other */
        f->expects++;
        h->expects = true;
        return strcasecmp(a->value, "100-continue") == 0 ? 0 : -1;
    }
    return 0;
}

/* "name: value"; a blank before the colon or at the line's start is in no name. */
static int parse_field(char *line, size_t len, struct field *out)
{
    char *colon = memchr(line, ':', len);
    if (colon == NULL || !is_token(line, (size_t)(colon - line)))
        return -1;
    char *value = colon + 1;
    char *end = line + len;
    *colon = '\0';
    while (is_blank(*value))
        value++;
    while (end > value && is_blank(end[-1]))
        end--;
    *end = '\0';
    for (const char *p = value; p < end; p++) {
        if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
            return -1;
    }
    *out = (struct field){line, value, end < line + len};
    return 0;
}

static int judge(struct tm_http_head *h, const struct framing *f, const char *authority)
{
    bool bodiless = strcmp(h->method, "GET") == 0 || strcmp(h->method, "HEAD") == 0;
    if (f->lengths + f->encodings > 1 || f->expects > 1)
        return -1;
    if (f->hosts > 1 || (f->hosts == 0 && h->minor == 1))
        return -1;
    if (f->encodings > 0 && h->minor == 0)
        return -1;
    if (bodiless && (h->chunked || h->length > 0)) /* some read such a body, some do not */
        return -1;
    if (authority != NULL && (f->host == NULL || strcasecmp(authority, f->host) != 0))
        return -1;
    h->last = f->close || (h->minor == 0 && !f->keep);
    h->expects = h->expects && h->minor == 1 && (h->chunked || h->length > 0);
    return 0;
}

int tm_http_head_check(char *text, size_t len, struct tm_http_head *out)
{
    struct framing f = {0};
    const char *authority = NULL;
    char *at = text;
    size_t n = 0;
    size_t fields = 0;
    *out = (struct tm_http_head){0};
    char *line = take_line(&at, text + len, &n);
    if (line == NULL || parse_request_line(line, out, &authority) != 0)
        return -1;
    while ((line = take_line(&at, text + len, &n)) != NULL && n > 0) {
        struct field a;
        if (++fields > HTTP_FIELDS_MAX || parse_field(line, n, &a) != 0 ||
            look_at_field(&a, out, &f) != 0)
            return -1;
    }
    return line != NULL && at == text + len ? judge(out, &f, authority) : -1;
}

/* What the server answers itself, or nothing depends on. */
static bool goes_no_further(const char *line, size_t len)
{
    static const char *const names[] = {"Cookie:", "Expect:"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t n = strlen(names[i]);
        if (len >= n && strncasecmp(line, names[i], n) == 0)
            return true;
    }
    return false;
}

size_t tm_http_head_plain(char *text, size_t len, const struct tm_http_head *h)
{
    const char *end = text + len - h->origin_len;
    char *to = text;
    memmove(text + h->origin, text + h->origin + h->origin_len, len - h->origin - h->origin_len);
    for (const char *line = text; line < end;) {
        const char *nl = memchr(line, '\n', (size_t)(end - line));
        size_t n = (size_t)(nl - line) - 1; /* without CRLF */
        bool gone = goes_no_further(line, n);
        while (n > 0 && is_blank(line[n - 1]))
            n--;
        if (!gone) {
            memmove(to, line, n);
            memcpy(to + n, "\r\n", 2);
            to += n + 2;
        }
        line = nl + 1;
    }
    return (size_t)(to - text);
}
