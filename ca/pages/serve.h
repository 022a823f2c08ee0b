/*
 * The pages over HTTP: "/" is the state of the service, "/search?q=" finds entries, "/entry/LOG/N"
 * shows one. One thread asks; the book is kept by another.
 */
#pragma once

#include "ca/pages/pages.h"
#include "common/http/http.h"
#include "common/jlog.h"

#define CA_PAGES_LOGS_MAX 40

struct ca_pages_options {  /* borrowed; it outlives the pages */
    const char *title;     /* of the site */
    const char *directory; /* of the book */
    const struct ca_shelf_options *log;
    size_t logs; /* at most CA_PAGES_LOGS_MAX */
    const char *version;
    struct tm_jlog *jlog; /* or NULL */
    /* Fills all of the state but the logs; what it points to lasts until the next call. */
    void (*state)(void *ctx, struct ca_page_state *out);
    void *ctx;
};

struct ca_pages;

/* NULL with `e` set: the book or a log's key cannot be read. */
struct ca_pages *ca_pages_new(const struct ca_pages_options *o, struct tm_err *e);
int ca_pages_start(struct ca_pages *p, struct tm_err *e); /* the keeper's thread */
void ca_pages_free(struct ca_pages *p);                   /* NULL is fine */

/* Handlers; `pages` is a struct ca_pages. The mount's names are "LOG/N". */
enum tm_http_result ca_pages_home(void *pages, struct tm_http_exchange *x);
enum tm_http_result ca_pages_search(void *pages, struct tm_http_exchange *x);
enum tm_http_result ca_pages_entry(void *pages, struct tm_http_exchange *x);

/* Prometheus text: how far the book is. */
void ca_pages_metrics(struct ca_pages *p, struct tm_buf *out);
