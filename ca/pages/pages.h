/*
 * What people see of a service and its logs: its state, entries that were looked for, one entry
 * with its proof. Typed facts go in, HTML comes out; nothing is read or judged here. The same pages
 * are served and written into folders.
 */
#pragma once

#include "ca/pages/shelf.h"
#include "common/html/html.h"

struct ca_page_site {
    const char *title;
    bool live; /* served, with a search; else a folder of files */
};

/* ---- state ---- */

struct ca_page_certificate {
    const char *role; /* "issues certificates", … */
    char subject[256];
    int64_t to;           /* its end, Unix seconds */
    char fingerprint[65]; /* SHA-256, hexadecimal */
};

struct ca_page_issuer {
    char url[256];
    uint64_t keys, failures;
    int64_t age_s; /* of the keys; -1: none were fetched yet */
};

struct ca_page_log {
    const char *name, *address; /* address: NULL or where it is read */
    const struct ca_head *head; /* NULL: nothing that is believed */
    const char *trouble;        /* why; NULL: none */
    bool signatures;
    bool indexed; /* the rest counts */
    uint64_t in_index, damaged;
};

struct ca_page_role { /* of a TUF repository */
    const char *name;
    int64_t version, expires;
    uint64_t signatures, threshold;
};

enum ca_page_ready { CA_PAGE_READY_UNKNOWN, CA_PAGE_READY, CA_PAGE_NOT_READY };

struct ca_page_state {
    int64_t now; /* Unix seconds */
    const char *version;
    enum ca_page_ready ready;
    const struct ca_page_certificate *certificate;
    size_t certificates;
    const struct ca_page_issuer *issuer;
    size_t issuers;
    bool issues; /* it is a CA: that there is no issuer is worth a word */
    const struct ca_page_log *log;
    size_t logs;
    const struct ca_page_role *role;
    size_t roles;
};

void ca_page_state(struct tm_html *h, const struct ca_page_site *site,
                   const struct ca_page_state *s);

/* A section of one log's head: origin, size, root, who signed it and when. */
void ca_page_head(struct tm_html *h, const struct ca_head *head, int64_t now);

/* ---- a list of entries ---- */

struct ca_page_row {
    const char *log; /* its name */
    uint64_t index;
    const struct tm_entry *entry;
};

/* One table's row by tm_html_*; the columns are these. */
#define CA_PAGE_COLUMNS 4
extern const char *const ca_page_columns[CA_PAGE_COLUMNS];
void ca_page_row(struct tm_html_table *t, const struct ca_page_site *site,
                 const struct ca_page_row *row);

/* The frame of a page of this site: which of its pages it is, a title, a lead (or NULL). */
enum ca_page_kind { CA_PAGE_STATE, CA_PAGE_SEARCH, CA_PAGE_ENTRY };
void ca_page_begin(struct tm_html *h, const struct ca_page_site *site, enum ca_page_kind kind,
                   const char *title, const char *lead);
void ca_page_end(struct tm_html *h, int64_t now, const char *version);
/* The form that finds entries, with what was asked (or NULL). */
void ca_page_search_form(struct tm_html *h, const char *asked);

/* ---- one entry ---- */

struct ca_page_entry {
    const struct ca_shelf_options *log;
    const struct ca_head *head;
    const struct ca_shelf_entry *at;
    int64_t now;
    const char *version;
};
void ca_page_entry(struct tm_html *h, const struct ca_page_site *site,
                   const struct ca_page_entry *p);

/* "/entry/NAME/7" or "entry-7.html". */
void ca_page_entry_address(const struct ca_page_site *site, const char *log, uint64_t index,
                           struct tm_buf *out);
