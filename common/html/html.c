#include "common/html/html.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* ---- text ---- */

static const char *escape_of(unsigned char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\n':
        return "\n";
    default:
        return c < 0x20 || c == 0x7f ? REPLACEMENT : NULL;
    }
}

/* U+FFFE, U+FFFF and their like: no characters, and no XML. */
static bool is_character(const unsigned char *p, size_t n)
{
    return (tm_utf8_code_point(p, n) & 0xfffeU) != 0xfffeU;
}

static void put_escaped(struct tm_buf *out, const unsigned char *p, size_t left)
{
    while (left > 0) {
        size_t n = *p >= 0x80 ? tm_utf8_sequence(p, left) : 1;
        const char *instead = *p < 0x80 ? escape_of(*p) : NULL;
        if (n == 0 || (n > 1 && (!tm_utf8_plain(p, n) || !is_character(p, n)))) {
            instead = REPLACEMENT;
            n = n > 0 ? n : 1;
        }
        tm_buf_append(out, instead != NULL ? instead : (const char *)p,
                      instead != NULL ? strlen(instead) : n);
        p += n;
        left -= n;
    }
}

#define COLUMN 24 /* bytes of a word that a column has room for */
#define PART 16   /* bytes of one without marks that stay together */

/* Bytes up to the next space. */
static size_t word_length(const unsigned char *p, size_t left)
{
    size_t n = 0;
    while (n < left && p[n] > ' ')
        n++;
    return n;
}

static bool is_one_of(const char *marks, unsigned char c)
{
    return c != '\0' && strchr(marks, c) != NULL;
}

/* Bytes of `p` that stay together: up to the first marks between the parts of an address, or else
 * the last ones of those within a name, or PART. */
static size_t part_length(const unsigned char *p, size_t left)
{
    static const char between[] = "/@:,;=?&%#+";
    size_t room = left < COLUMN ? left : COLUMN;
    size_t n = 0, within = 0;
    for (; n < room && !is_one_of(between, p[n]); n++)
        within = is_one_of(".-_", p[n]) ? n + 1 : within;
    if (n == room)
        n = within > 0 ? within : PART;
    while (n < left && is_one_of(between, p[n]))
        n++;
    while (n < left && (p[n] & 0xc0) == 0x80) /* within a character */
        n++;
    return n;
}

/* Letters and digits alone, as a digest is. */
static bool is_plain(const unsigned char *p, size_t len)
{
    size_t n = 0;
    while (n < len && isalnum(p[n]))
        n++;
    return n == len;
}

/* Addresses are broken behind their marks, digests after some characters. Left to itself, a browser
 * breaks them anywhere. */
static void put_word(struct tm_buf *out, const unsigned char *p, size_t left)
{
    size_t whole = left > COLUMN && is_plain(p, left) ? PART : COLUMN;
    while (left > whole) {
        size_t n = part_length(p, left);
        put_escaped(out, p, n);
        if (n < left)
            tm_buf_puts(out, "<wbr />");
        p += n;
        left -= n;
    }
    put_escaped(out, p, left);
}

static void put_breaking(struct tm_buf *out, const unsigned char *p, size_t left)
{
    while (left > 0) {
        size_t word = word_length(p, left);
        put_word(out, p, word);
        if (word < left)
            put_escaped(out, p + word++, 1);
        p += word;
        left -= word;
    }
}

static void end_tag(struct tm_html *h)
{
    if (h->in_tag)
        buf_putc(&h->out, '>');
    h->in_tag = false;
}

void tm_html_bytes(struct tm_html *h, const void *text, size_t len)
{
    end_tag(h);
    if (h->breaks)
        put_breaking(&h->out, text, len);
    else
        put_escaped(&h->out, text, len);
}

void tm_html_text(struct tm_html *h, const char *text)
{
    if (text != NULL)
        tm_html_bytes(h, text, strlen(text));
}

void tm_html_printf(struct tm_html *h, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int len = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (len < 0) {
        h->out.failed = true;
        return;
    }
    tm_html_bytes(h, text, (size_t)len);
    free(text);
}

/* ---- elements ---- */

void tm_html_put_open(struct tm_html *h, const char *tag)
{
    end_tag(h);
    if (h->depth == TM_HTML_DEPTH) {
        h->wrong = true;
        return;
    }
    h->open[h->depth++] = tag;
    buf_putc(&h->out, '<');
    tm_buf_puts(&h->out, tag);
    h->in_tag = true;
}

/* What a browser would run, fetch or go to. */
static bool acts(const char *name)
{
    static const char *const names[] = {"href", "src", "style", "action", "formaction", "srcdoc"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return strncmp(name, "on", 2) == 0;
}

static void attr(struct tm_html *h, const char *name, const char *value)
{
    buf_putc(&h->out, ' ');
    tm_buf_puts(&h->out, name);
    tm_buf_puts(&h->out, "=\"");
    put_escaped(&h->out, (const unsigned char *)value, strlen(value));
    buf_putc(&h->out, '"');
}

void tm_html_put_attr(struct tm_html *h, const char *name, const char *value)
{
    if (!h->in_tag || acts(name))
        h->wrong = true;
    else
        attr(h, name, value);
}

void tm_html_close(struct tm_html *h)
{
    end_tag(h);
    if (h->depth == 0) {
        h->wrong = true;
        return;
    }
    tm_buf_puts(&h->out, "</");
    tm_buf_puts(&h->out, h->open[--h->depth]);
    buf_putc(&h->out, '>');
}

void tm_html_put_element(struct tm_html *h, const char *tag, const char *class_name,
                         const char *text)
{
    tm_html_put_open(h, tag);
    if (class_name != NULL)
        tm_html_put_attr(h, "class", class_name);
    tm_html_text(h, text);
    tm_html_close(h);
}

void tm_html_put_link(struct tm_html *h, const char *page, const char *id, const char *text)
{
    struct tm_buf to = {0};
    tm_buf_puts(&to, page);
    if (id != NULL) {
        buf_putc(&to, '#');
        for (const char *p = id; *p != '\0'; p++)
            tm_buf_printf(&to, strchr("%\"<>` \t\n\r", *p) != NULL ? "%%%02X" : "%c",
                          (unsigned char)*p);
    }
    tm_html_put_open(h, "a");
    if (tm_buf_str(&to) != NULL && h->in_tag)
        attr(h, "href", tm_buf_str(&to));
    h->out.failed |= buf_failed(&to);
    tm_html_text(h, text);
    tm_html_close(h);
    tm_buf_free(&to);
}

static bool is_of_site(const char *address)
{
    static const char also[] = "/._~?&=%+-";
    for (const char *p = address; *p != '\0'; p++) {
        if (!isalnum((unsigned char)*p) && strchr(also, *p) == NULL)
            return false;
    }
    return address[0] != '\0' && strstr(address, "//") == NULL;
}

static void go(struct tm_html *h, const char *name, const char *address)
{
    if (h->in_tag && is_of_site(address))
        attr(h, name, address);
    else
        h->wrong = true;
}

void tm_html_open_link(struct tm_html *h, const char *address)
{
    tm_html_put_open(h, "a");
    go(h, "href", address);
}

void tm_html_link_to(struct tm_html *h, const char *address, const char *text)
{
    tm_html_open_link(h, address);
    tm_html_text(h, text);
    tm_html_close(h);
}

void tm_html_query(struct tm_buf *out, const char *value)
{
    for (const char *p = value; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (isalnum(c) || (c != 0 && strchr("._~-", c) != NULL))
            buf_putc(out, c);
        else
            tm_buf_printf(out, "%%%02X", c);
    }
}

void tm_html_search(struct tm_html *h, const struct tm_html_search *f)
{
    tm_html_open(h, "form");
    tm_html_attr(h, "method", "get");
    tm_html_attr(h, "role", "search");
    go(h, "action", f->address);
    tm_html_open(h, "label");
    tm_html_attr(h, "for", f->field);
    tm_html_text(h, f->label);
    tm_html_close(h);
    tm_html_open(h, "input");
    tm_html_attr(h, "type", "search");
    tm_html_attr(h, "id", f->field);
    tm_html_attr(h, "name", f->field);
    tm_html_attr(h, "maxlength", "512");
    tm_html_attr(h, "placeholder", f->hint);
    tm_html_attr(h, "value", f->value != NULL ? f->value : "");
    tm_buf_puts(&h->out, " />"); /* a void element has no end tag */
    h->in_tag = false;
    h->depth--;
    tm_html_element(h, "button", f->button);
    tm_html_close(h);
}

const char *tm_html_str(struct tm_html *h)
{
    return h->wrong || h->depth > 0 || h->in_tag ? NULL : tm_buf_str(&h->out);
}

void tm_html_free(struct tm_html *h)
{
    tm_buf_free(&h->out);
    *h = (struct tm_html){0};
}
