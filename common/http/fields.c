#include "common/http/fields.h"

#include <microhttpd.h>
#include <string.h>
#include <strings.h>

void tm_http_fields_add(struct tm_http_fields *f, const void *name, size_t name_len,
                        const void *value, size_t value_len)
{
    if (f->too_many)
        return;
    if (f->count == HTTP_FIELDS_MAX || name_len + value_len + 2 > HTTP_HEAD_MAX - f->text.len ||
        memchr(name, '\0', name_len) != NULL || memchr(value, '\0', value_len) != NULL) {
        f->too_many = true;
        return;
    }
    f->at[f->count].name = f->text.len;
    tm_buf_append(&f->text, name, name_len);
    buf_putc(&f->text, '\0');
    f->at[f->count].value = f->text.len;
    tm_buf_append(&f->text, value, value_len);
    buf_putc(&f->text, '\0');
    f->count++;
}

static char *text_at(const struct tm_http_fields *f, size_t at)
{
    return (char *)f->text.data + at;
}

static char *find(const struct tm_http_fields *f, const char *name)
{
    for (size_t i = 0; i < f->count; i++) {
        if (strcasecmp(text_at(f, f->at[i].name), name) == 0)
            return text_at(f, f->at[i].value);
    }
    return NULL;
}

const char *tm_http_fields_get(const struct tm_http_fields *f, const char *name)
{
    return find(f, name);
}

void tm_http_fields_join(const struct tm_http_fields *f, const char *name, struct tm_buf *out)
{
    for (size_t i = 0; i < f->count; i++) {
        if (strcasecmp(text_at(f, f->at[i].name), name) != 0)
            continue;
        tm_buf_puts(out, out->len > 0 ? "," : "");
        tm_buf_puts(out, text_at(f, f->at[i].value));
    }
}

const char *tm_http_fields_argument(const struct tm_http_fields *f, const char *name)
{
    for (size_t i = 0; i < f->arguments; i++) {
        if (strcmp(f->argument[i].name, name) == 0)
            return f->argument[i].value;
    }
    return NULL;
}

/* A NUL would end the text: such an escape stays as it is, and names nothing. */
static void unescape(char *text)
{
    if (strstr(text, "%00") == NULL)
        (void)MHD_http_unescape(text);
}

static int split_query(struct tm_http_fields *f, char *query)
{
    char *rest = NULL;
    for (char *a = strtok_r(query, "&", &rest); a != NULL; a = strtok_r(NULL, "&", &rest)) {
        if (f->arguments == HTTP_ARGUMENTS_MAX)
            return -1;
        for (char *p = a; *p != '\0'; p++)
            *p = *p == '+' ? ' ' : *p;
        char *value = strchr(a, '=');
        if (value != NULL)
            *value++ = '\0';
        unescape(a);
        if (value != NULL)
            unescape(value);
        f->argument[f->arguments].name = a;
        f->argument[f->arguments++].value = value;
    }
    return 0;
}

static int check_path(struct tm_http_fields *f, char *path)
{
    if (path[0] != '/' && strcmp(path, "*") != 0)
        return -1;
    for (const char *p = path; *p != '\0'; p++) {
        if (*p <= ' ' || *p > '~' || *p == '#' || *p == '\\')
            return -1;
    }
    char *query = strchr(path, '?');
    if (query != NULL)
        *query++ = '\0';
    unescape(path);
    f->path = path;
    return query != NULL ? split_query(f, query) : 0;
}

static bool is_host(const char *text)
{
    return text == NULL || (text[0] != '\0' && strpbrk(text, " \t/\\@?#,\"<>") == NULL);
}

int tm_http_fields_check(struct tm_http_fields *f, bool ended)
{
    const char *authority = find(f, ":authority");
    const char *host = find(f, "host");
    char *path = find(f, ":path");
    const char *expect = find(f, "expect");
    f->method = find(f, ":method");
    if (f->too_many || buf_failed(&f->text) || f->method == NULL || path == NULL)
        return -1;
    bool bodiless = strcmp(f->method, "GET") == 0 || strcmp(f->method, "HEAD") == 0;
    if (bodiless && !ended) /* as in HTTP/1: some would read it, some not */
        return -1;
    if ((authority == NULL && host == NULL) || !is_host(authority) || !is_host(host))
        return -1;
    if (authority != NULL && host != NULL && strcasecmp(authority, host) != 0)
        return -1;
    f->expects = !ended && expect != NULL && strcasecmp(expect, "100-continue") == 0;
    return check_path(f, path);
}

void tm_http_fields_free(struct tm_http_fields *f)
{
    tm_buf_free_secret(&f->text); /* a token may be there */
    *f = (struct tm_http_fields){0};
}
