#include <openssl/sha.h>
#include <string.h>

#include "common/b64.h"
#include "common/clock.h"
#include "common/html/html.h"
#include "common/html/style.css.h" /* made of style.css: static const char style[] */

/* Only this style, by its hash (CSP Level 3 §8.3); no script, no resource, no <base>, and no form
 * but to this site. */
static void policy(struct tm_buf *out, bool forms)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)style, sizeof(style) - 1, hash);
    tm_buf_puts(out, "default-src 'none'; style-src 'sha256-");
    tm_b64_encode(B64_STD, hash, sizeof(hash), out);
    tm_buf_puts(out, "'; base-uri 'none'; form-action ");
    tm_buf_puts(out, forms ? "'self'" : "'none'");
}

static void meta(struct tm_html *h, const char *key, const char *name, const char *content)
{
    tm_html_put_open(h, "meta");
    tm_html_put_attr(h, key, name);
    tm_html_attr(h, "content", content);
    tm_buf_puts(&h->out, " />"); /* a void element has no end tag */
    h->in_tag = false;
    h->depth--;
}

static void head(struct tm_html *h, const struct tm_html_page *page)
{
    struct tm_buf csp = {0};
    policy(&csp, page->forms);
    tm_html_open(h, "head");
    tm_html_text(h, "");
    tm_buf_puts(&h->out, "<meta charset=\"utf-8\" />");
    meta(h, "http-equiv", "Content-Security-Policy",
         tm_buf_str(&csp) != NULL ? tm_buf_str(&csp) : "");
    meta(h, "name", "viewport", "width=device-width, initial-scale=1");
    meta(h, "name", "referrer", "no-referrer");
    meta(h, "name", "color-scheme", "light dark");
    tm_html_open(h, "title");
    tm_html_text(h, page->title);
    tm_html_text(h, " - ");
    tm_html_text(h, page->site);
    tm_html_close(h);
    tm_html_open(h, "style");
    tm_html_text(h, "");
    tm_buf_append(&h->out, style, sizeof(style) - 1);
    tm_html_close(h);
    tm_html_close(h);
    h->out.failed |= buf_failed(&csp);
    tm_buf_free(&csp);
}

static void navigation(struct tm_html *h, const struct tm_html_page *page)
{
    tm_html_open(h, "nav");
    tm_html_attr(h, "aria-label", "Pages");
    for (size_t i = 0; i < page->nav_count; i++) {
        if (i == page->here) {
            tm_html_open(h, "strong");
            tm_html_attr(h, "aria-current", "page");
            tm_html_text(h, page->nav[i].text);
            tm_html_close(h);
        } else {
            tm_html_put_link(h, page->nav[i].page, NULL, page->nav[i].text);
        }
    }
    tm_html_close(h);
}

void tm_html_page_begin(struct tm_html *h, const struct tm_html_page *page)
{
    tm_buf_puts(&h->out, "<!DOCTYPE html>\n");
    tm_html_open(h, "html");
    tm_html_attr(h, "lang", "en");
    head(h, page);
    tm_html_open(h, "body");
    tm_html_open(h, "header");
    tm_html_element_class(h, "p", "site", page->site);
    if (page->nav_count > 0)
        navigation(h, page);
    tm_html_close(h);
    tm_html_open(h, "main");
    tm_html_element(h, "h1", page->title);
    if (page->lead != NULL)
        tm_html_element_class(h, "p", "lead", page->lead);
}

void tm_html_page_end(struct tm_html *h, const char *footer)
{
    tm_html_close(h); /* main */
    tm_html_element(h, "footer", footer);
    tm_html_close(h); /* body */
    tm_html_close(h); /* html */
    buf_putc(&h->out, '\n');
}

/* ---- parts ---- */

void tm_html_badge(struct tm_html *h, enum tm_html_tone tone, const char *text)
{
    static const char *const classes[] = {
        [TM_HTML_PLAIN] = "badge",
        [TM_HTML_GOOD] = "badge good",
        [TM_HTML_WARN] = "badge warn",
        [TM_HTML_BAD] = "badge bad",
    };
    tm_html_put_element(h, "span", classes[tone], text);
}

void tm_html_section_badge(struct tm_html *h, const char *id, const char *heading,
                           enum tm_html_tone tone, const char *badge)
{
    tm_html_open(h, "section");
    if (id != NULL)
        tm_html_attr(h, "id", id);
    tm_html_open(h, "h2");
    tm_html_text(h, heading);
    if (badge != NULL) {
        tm_html_text(h, " ");
        tm_html_badge(h, tone, badge);
    }
    tm_html_close(h);
}

void tm_html_section(struct tm_html *h, const char *id, const char *heading)
{
    tm_html_section_badge(h, id, heading, TM_HTML_PLAIN, NULL);
}

void tm_html_facts(struct tm_html *h)
{
    tm_html_open(h, "dl");
}

void tm_html_fact_begin(struct tm_html *h, const char *term)
{
    tm_html_element(h, "dt", term);
    tm_html_open(h, "dd");
    h->breaks = true;
}

void tm_html_fact_end(struct tm_html *h)
{
    tm_html_close(h);
    h->breaks = false;
}

void tm_html_fact(struct tm_html *h, const char *term, const char *text)
{
    tm_html_fact_bytes(h, term, text, text != NULL ? strlen(text) : 0);
}

void tm_html_fact_bytes(struct tm_html *h, const char *term, const void *text, size_t len)
{
    tm_html_fact_begin(h, term);
    tm_html_bytes(h, text, len);
    tm_html_fact_end(h);
}

void tm_html_fact_time(struct tm_html *h, const char *term, int64_t seconds)
{
    tm_html_fact_begin(h, term);
    tm_html_time(h, seconds);
    tm_html_fact_end(h);
}

void tm_html_fact_code(struct tm_html *h, const char *term, const char *text)
{
    tm_html_fact_begin(h, term);
    h->breaks = false; /* a digest fills its lines */
    tm_html_element(h, "code", text);
    tm_html_fact_end(h);
}

void tm_html_time(struct tm_html *h, int64_t seconds)
{
    char when[21]; /* "2027-01-02T03:04:05Z" */
    tm_clock_format(seconds, when);
    tm_html_open(h, "time");
    tm_html_attr(h, "datetime", when);
    tm_html_printf(h, "%.10s %.5s UTC", when, when + 11);
    tm_html_close(h);
}

/* ---- tables ---- */

void tm_html_table_begin(struct tm_html_table *t, struct tm_html *h, const char *caption,
                         const char *const *columns, size_t count)
{
    *t = (struct tm_html_table){.h = h, .columns = columns, .count = count};
    /* Roles, since a table that is shown as blocks is none to assistive programs otherwise. */
    tm_html_open(h, "table");
    tm_html_attr(h, "role", "table");
    tm_html_element(h, "caption", caption);
    tm_html_open(h, "thead");
    tm_html_attr(h, "role", "rowgroup");
    tm_html_open(h, "tr");
    tm_html_attr(h, "role", "row");
    for (size_t i = 0; i < count; i++) {
        tm_html_open(h, "th");
        tm_html_attr(h, "role", "columnheader");
        tm_html_attr(h, "scope", "col");
        tm_html_text(h, columns[i]);
        tm_html_close(h);
    }
    tm_html_close(h);
    tm_html_close(h);
    tm_html_open(h, "tbody");
    tm_html_attr(h, "role", "rowgroup");
}

static void end_cell(struct tm_html_table *t)
{
    if (!t->in_cell)
        return;
    tm_html_close(t->h); /* div */
    tm_html_close(t->h);
    t->in_cell = t->h->breaks = false;
}

static void end_row(struct tm_html_table *t)
{
    end_cell(t);
    if (t->in_row)
        tm_html_close(t->h);
    t->h->wrong |= t->in_row && t->next != t->count;
    t->in_row = false;
    t->next = 0;
}

void tm_html_row(struct tm_html_table *t)
{
    end_row(t);
    tm_html_open(t->h, "tr");
    tm_html_attr(t->h, "role", "row");
    t->in_row = true;
}

void tm_html_cell(struct tm_html_table *t)
{
    end_cell(t);
    if (!t->in_row || t->next == t->count) {
        t->h->wrong = true;
        return;
    }
    tm_html_open(t->h, "td");
    tm_html_attr(t->h, "role", "cell");
    tm_html_attr(t->h, "data-label", t->columns[t->next++]);
    tm_html_open(t->h, "div");
    t->in_cell = t->h->breaks = true;
}

void tm_html_cell_text(struct tm_html_table *t, const char *text)
{
    tm_html_cell(t);
    tm_html_text(t->h, text);
}

void tm_html_table_end(struct tm_html_table *t)
{
    end_row(t);
    tm_html_close(t->h);
    tm_html_close(t->h);
}
