/*
 * HTML pages for people: no script, nothing from elsewhere, readable narrow and wide, in light and
 * dark and on paper. What others wrote cannot become markup: names of elements, attributes and
 * classes are literals (the macros take nothing else), and all other text goes through one
 * function, which escapes it and shows what is invisible, or turns the direction of writing, as
 * U+FFFD.
 *
 *     struct tm_html h = {0};
 *     tm_html_page_begin(&h, &page);
 *     tm_html_open(&h, "p");
 *     tm_html_text(&h, name);
 *     tm_html_close(&h);
 *     tm_html_page_end(&h, "made by …");
 *     text = tm_html_str(&h);         NULL: out of memory, or it is not well formed
 *     tm_html_free(&h);
 *
 * What is written is well-formed XML, too (HTML Living Standard §13.1.2; polyglot), so that a
 * strict reader can check it. Errors are sticky, as those of a buffer.
 */
#pragma once

#include "common/buf.h"

#define TM_HTML_DEPTH 32 /* elements within each other */

struct tm_html {
    struct tm_buf out;
    const char *open[TM_HTML_DEPTH];
    size_t depth;
    bool in_tag; /* attributes of the element that was opened last may follow */
    bool breaks; /* long words may be broken where they have parts, as in a narrow column */
    bool wrong;  /* an attribute outside a tag, too deep, closed too often, a name that acts */
};

/* ---- elements ---- */

#define tm_html_open(h, tag) tm_html_put_open((h), "" tag)
/* Of the element just opened. Not for `style`, `on…`, `src` and `href`: see tm_html_link(). */
#define tm_html_attr(h, name, value) tm_html_put_attr((h), "" name, (value))
#define tm_html_class(h, name) tm_html_put_attr((h), "class", "" name)
void tm_html_close(struct tm_html *h);

/* NULL is no text. Line feeds stay. */
void tm_html_text(struct tm_html *h, const char *text);
void tm_html_bytes(struct tm_html *h, const void *text, size_t len);
void tm_html_printf(struct tm_html *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* An element that holds only text. */
#define tm_html_element(h, tag, text) tm_html_put_element((h), "" tag, NULL, (text))
#define tm_html_element_class(h, tag, name, text) tm_html_put_element((h), "" tag, "" name, (text))

/* To a page of the same folder, and in it to the element with this id (NULL: its top). */
#define tm_html_link(h, page, id, text) tm_html_put_link((h), "" page, (id), (text))

/* To another page of this site, "/entry/log/7" or "entry-7.html": letters, digits and "/._~?&=%+-",
 * no "//". Another address is no well-formed text. */
void tm_html_link_to(struct tm_html *h, const char *address, const char *text);
/* The same around what is written until tm_html_close(). */
void tm_html_open_link(struct tm_html *h, const char *address);
/* A query's value for such an address, as forms send it: "a%20b". */
void tm_html_query(struct tm_buf *out, const char *value);

/* A form of one field that asks `address` of this site by GET; `value` stands in it already. */
struct tm_html_search {
    const char *address, *field; /* "/search", "q" */
    const char *label, *hint, *button, *value;
};
void tm_html_search(struct tm_html *h, const struct tm_html_search *f);

/* ---- pages ---- */

struct tm_html_nav {
    const char *page; /* "index.html" */
    const char *text;
};

struct tm_html_page {
    const char *site;              /* stands at the top of each page */
    const char *title;             /* of this one, and its heading */
    const char *lead;              /* a sentence below it; NULL: none */
    const struct tm_html_nav *nav; /* the pages of the set */
    size_t nav_count;
    size_t here; /* which of them it is */
    bool forms;  /* it has a form of this site */
};

/* Up to the heading, inside <main>. The style stands in the page; its hash is the only thing that
 * the page's Content-Security-Policy lets pass. */
void tm_html_page_begin(struct tm_html *h, const struct tm_html_page *page);
/* Closes what tm_html_page_begin() opened. */
void tm_html_page_end(struct tm_html *h, const char *footer);

/* The text, or NULL: it failed, or elements stand open. Valid until the next change. */
const char *tm_html_str(struct tm_html *h);
void tm_html_free(struct tm_html *h);

/* ---- parts of a page ---- */

enum tm_html_tone { TM_HTML_PLAIN, TM_HTML_GOOD, TM_HTML_WARN, TM_HTML_BAD };

/* A word or two in a coloured frame. */
void tm_html_badge(struct tm_html *h, enum tm_html_tone tone, const char *text);

/* A framed part with a heading; closed by tm_html_close(). `id` may be NULL. */
void tm_html_section(struct tm_html *h, const char *id, const char *heading);
/* The same with a badge beside the heading. */
void tm_html_section_badge(struct tm_html *h, const char *id, const char *heading,
                           enum tm_html_tone tone, const char *badge);

/* A term and what it is, inside <dl>, which tm_html_facts() opens and tm_html_close() closes. */
void tm_html_facts(struct tm_html *h);
void tm_html_fact(struct tm_html *h, const char *term, const char *text);
void tm_html_fact_bytes(struct tm_html *h, const char *term, const void *text, size_t len);
void tm_html_fact_code(struct tm_html *h, const char *term, const char *text);
void tm_html_fact_time(struct tm_html *h, const char *term, int64_t seconds);
/* Around what is written as such a text. */
void tm_html_fact_begin(struct tm_html *h, const char *term);
void tm_html_fact_end(struct tm_html *h);

/* A point in time: "2027-01-02 03:04 UTC". */
void tm_html_time(struct tm_html *h, int64_t seconds);

/*
 * A table that becomes a list of cards where the window is narrow: a cell knows its column's name.
 * tm_html_row() ends the row before; cells come in the order of the columns.
 */
struct tm_html_table {
    struct tm_html *h;
    const char *const *columns;
    size_t count;
    size_t next; /* column; 0: no row is open */
    bool in_row, in_cell;
};
void tm_html_table_begin(struct tm_html_table *t, struct tm_html *h, const char *caption,
                         const char *const *columns, size_t count);
void tm_html_row(struct tm_html_table *t);
/* What is written until the next cell or row stands in it. */
void tm_html_cell(struct tm_html_table *t);
void tm_html_cell_text(struct tm_html_table *t, const char *text);
void tm_html_table_end(struct tm_html_table *t);

/* ---- what the macros call ---- */

void tm_html_put_open(struct tm_html *h, const char *tag);
void tm_html_put_attr(struct tm_html *h, const char *name, const char *value);
void tm_html_put_element(struct tm_html *h, const char *tag, const char *class_name,
                         const char *text);
void tm_html_put_link(struct tm_html *h, const char *page, const char *id, const char *text);
