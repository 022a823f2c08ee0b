#include "ca/pages/serve.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "ca/pages/keeper.h"
#include "ca/pages/search.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/promtext.h"

struct ca_pages {
    const struct ca_pages_options *o;
    struct ca_page_site site;
    struct ca_book *book;
    struct ca_keeper *keeper;
    struct ca_shelf *shelf[CA_PAGES_LOGS_MAX]; /* the handlers' own */
};

/* ---- opening ---- */

struct ca_pages *ca_pages_new(const struct ca_pages_options *o, struct tm_err *e)
{
    char path[PATH_MAX];
    struct ca_pages *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return tm_err_null(e, "out of memory");
    p->o = o;
    p->site = (struct ca_page_site){.title = o->title, .live = true};
    bool open = tm_file_join(o->directory, "entries.sqlite", path, sizeof(path), e) == 0 &&
                (p->book = ca_book_open(path, e)) != NULL &&
                (p->keeper = ca_keeper_new(p->book, o->log, o->logs, o->jlog, e)) != NULL;
    for (size_t i = 0; open && i < o->logs; i++)
        open = (p->shelf[i] = ca_shelf_open(&o->log[i], e)) != NULL;
    if (open)
        return p;
    ca_pages_free(p);
    return NULL;
}

int ca_pages_start(struct ca_pages *p, struct tm_err *e)
{
    return ca_keeper_start(p->keeper, e);
}

void ca_pages_free(struct ca_pages *p)
{
    if (p == NULL)
        return;
    ca_keeper_free(p->keeper);
    for (size_t i = 0; i < p->o->logs; i++)
        ca_shelf_free(p->shelf[i]);
    ca_book_free(p->book);
    free(p);
}

/* ---- answers ---- */

static int64_t now_s(void)
{
    return tm_clock_wall_ms() / 1000;
}

/* The page, or a fault: then the page was not whole. */
static enum tm_http_result answer(struct tm_http_exchange *x, unsigned status, struct tm_html *h)
{
    struct tm_buf fault = {0};
    bool whole = tm_html_str(h) != NULL;
    if (!whole)
        tm_buf_puts(&fault, "out of memory\n");
    tm_http_reply(x, whole ? status : 500, whole ? "text/html; charset=utf-8" : "text/plain",
                  whole ? &h->out : &fault);
    tm_http_reply_header(x, "Cache-Control", "no-store");
    tm_http_reply_header(x, "X-Content-Type-Options", "nosniff");
    tm_http_reply_header(x, "X-Frame-Options", "DENY");
    tm_html_free(h);
    tm_buf_free(&fault);
    return HTTP_DONE;
}

/* What was asked for cannot be shown, and why. */
static enum tm_http_result say(const struct ca_pages *p, struct tm_http_exchange *x,
                               unsigned status, const char *title, const char *why)
{
    struct tm_html h = {0};
    ca_page_begin(&h, &p->site, CA_PAGE_ENTRY, title, NULL);
    tm_html_section(&h, NULL, "Why");
    tm_html_element(&h, "p", why);
    tm_html_close(&h);
    ca_page_search_form(&h, NULL);
    ca_page_end(&h, now_s(), p->o->version);
    return answer(x, status, &h);
}

/* ---- the state ---- */

static void look_at_log(struct ca_pages *p, size_t i, struct ca_page_log *out, struct tm_err *why)
{
    struct ca_keeper_place place = ca_keeper_place(p->keeper, i);
    *out = (struct ca_page_log){.name = p->o->log[i].name,
                                .address = p->o->log[i].address,
                                .indexed = place.id != 0,
                                .in_index = place.size,
                                .damaged = place.damaged};
    if (ca_shelf_look(p->shelf[i], why) != 0)
        out->trouble = why->text;
    else
        out->head = ca_shelf_head(p->shelf[i]);
    out->signatures = ca_shelf_signatures(p->shelf[i]);
}

enum tm_http_result ca_pages_home(void *pages, struct tm_http_exchange *x)
{
    struct ca_pages *p = pages;
    struct tm_html h = {0};
    struct ca_page_log log[CA_PAGES_LOGS_MAX];
    struct tm_err why[CA_PAGES_LOGS_MAX] = {0};
    struct ca_page_state state = {0};
    p->o->state(p->o->ctx, &state);
    for (size_t i = 0; i < p->o->logs; i++)
        look_at_log(p, i, &log[i], &why[i]);
    state.now = now_s();
    state.version = p->o->version;
    state.log = log;
    state.logs = p->o->logs;
    ca_page_state(&h, &p->site, &state);
    return answer(x, 200, &h);
}

/* ---- search ---- */

static void say_older(struct tm_html *h, const struct ca_question *q, const char *log,
                      uint64_t before)
{
    struct tm_buf address = {0};
    tm_buf_puts(&address, "/search?q=");
    tm_html_query(&address, q->text);
    tm_buf_printf(&address, "&log=%s&before=%" PRIu64, log, before);
    tm_html_open(h, "p");
    tm_html_link_to(h, tm_buf_str(&address) != NULL ? tm_buf_str(&address) : "", "older entries");
    tm_html_close(h);
    tm_buf_free(&address);
}

static void say_found(struct tm_html *h, const struct ca_pages *p, size_t log,
                      const struct ca_question *q, const struct ca_search_found *found)
{
    struct tm_html_table t;
    const char *name = p->o->log[log].name;
    if (found->count == 0) {
        tm_html_element(h, "p", "No entry fits.");
    } else {
        tm_html_table_begin(&t, h, "Entries", ca_page_columns, CA_PAGE_COLUMNS);
        for (size_t i = 0; i < found->count; i++) {
            const struct ca_page_row row = {name, found->entry[i].index, found->entry[i].entry};
            ca_page_row(&t, &p->site, &row);
        }
        tm_html_table_end(&t);
    }
    if (found->more)
        say_older(h, q, name, found->next);
}

/* What is not in the book yet is not found: then this is said. */
static void search_log(struct ca_pages *p, size_t log, const struct ca_question *q, uint64_t before,
                       struct tm_html *h)
{
    struct ca_search_found found = {0};
    struct tm_err why = {0};
    struct ca_keeper_place place = ca_keeper_place(p->keeper, log);
    const struct ca_search s = {p->book, place.id, p->shelf[log], q, before};
    bool looked = ca_shelf_look(p->shelf[log], &why) == 0;
    const struct ca_head *head = ca_shelf_head(p->shelf[log]);
    bool signatures = ca_shelf_signatures(p->shelf[log]);
    tm_html_section_badge(h, NULL, head != NULL ? head->tree.origin : p->o->log[log].name,
                          TM_HTML_PLAIN, signatures ? "signatures" : "certificates");
    if (!looked || ca_search_run(&s, &found, &why) != 0) {
        tm_html_badge(h, TM_HTML_BAD, "cannot know");
        tm_html_printf(h, " %s", why.text);
    } else {
        if (signatures && found.count > 0)
            tm_html_element(h, "p",
                            "Claimed: by a certificate that the signer brought along. Whether it "
                            "is of this service, tenmint verify says.");
        say_found(h, p, log, q, &found);
        if (place.size < head->tree.size)
            tm_html_printf(h, "The last %" PRIu64 " entries were not searched yet.",
                           head->tree.size - place.size);
    }
    tm_html_close(h);
    ca_search_free(&found);
}

/* Digits alone; -1: it is no such number. */
static int read_number(const char *text, uint64_t *out)
{
    char *end = NULL;
    size_t len = strlen(text);
    if (len == 0 || len > 18 || strspn(text, "0123456789") != len)
        return -1;
    *out = strtoull(text, &end, 10);
    return 0;
}

/* logs when there is no such log. */
static size_t find_log(const struct ca_pages *p, const char *name, size_t len)
{
    size_t i = 0;
    while (i < p->o->logs &&
           (strlen(p->o->log[i].name) != len || strncmp(p->o->log[i].name, name, len) != 0))
        i++;
    return i;
}

enum tm_http_result ca_pages_search(void *pages, struct tm_http_exchange *x)
{
    struct ca_pages *p = pages;
    struct tm_html h = {0};
    struct ca_question q;
    struct tm_err why = {0};
    uint64_t before = UINT64_MAX;
    const char *asked = tm_http_query(x, "q");
    const char *log = tm_http_query(x, "log");
    const char *from = tm_http_query(x, "before");
    if (from != NULL && read_number(from, &before) != 0)
        return say(p, x, 400, "No such place", "'before' is no number.");
    ca_page_begin(
        &h, &p->site, CA_PAGE_SEARCH, "Search the logs",
        "Who got a certificate, and who claims to have signed what. Each entry is shown with "
        "its proof of being in the log.");
    ca_page_search_form(&h, asked);
    if (asked != NULL && ca_question_read(asked, &q, &why) != 0) {
        tm_html_element(&h, "p", why.text);
    } else if (asked != NULL) {
        for (size_t i = 0; i < p->o->logs; i++) {
            if (log == NULL || strcmp(log, p->o->log[i].name) == 0)
                search_log(p, i, &q, before, &h);
        }
    }
    ca_page_end(&h, now_s(), p->o->version);
    return answer(x, 200, &h);
}

/* ---- one entry ---- */

enum tm_http_result ca_pages_entry(void *pages, struct tm_http_exchange *x)
{
    struct ca_pages *p = pages;
    struct tm_html h = {0};
    struct ca_shelf_entry n = {0};
    struct tm_err why = {0};
    uint64_t index = 0;
    const char *name = tm_http_mount_name(x);
    const char *slash = strchr(name, '/');
    size_t log = slash != NULL ? find_log(p, name, (size_t)(slash - name)) : p->o->logs;
    if (log == p->o->logs || read_number(slash + 1, &index) != 0)
        return say(p, x, 404, "No such entry", "There is no such log here, or that is no number.");
    struct ca_shelf *shelf = p->shelf[log];
    if (ca_shelf_look(shelf, &why) != 0)
        return say(p, x, 503, "Cannot know", why.text);
    int rc = ca_shelf_entry(shelf, index, &n, &why);
    if (rc > 0) {
        const struct ca_page_entry page = {.log = &p->o->log[log],
                                           .head = ca_shelf_head(shelf),
                                           .at = &n,
                                           .now = now_s(),
                                           .version = p->o->version};
        ca_page_entry(&h, &p->site, &page);
    }
    ca_shelf_entry_free(&n);
    if (rc == 0)
        return say(p, x, 404, "No such entry", "The log does not reach so far.");
    return rc > 0 ? answer(x, 200, &h) : say(p, x, 503, "Cannot know", why.text);
}

/* ---- metrics ---- */

void ca_pages_metrics(struct ca_pages *p, struct tm_buf *out)
{
    if (p->o->logs == 0)
        return;
    tm_promtext_head(out, "tenmint_pages_indexed_entries", "gauge",
                     "Entries of a log that the pages' search knows.");
    for (size_t i = 0; i < p->o->logs; i++) {
        tm_buf_puts(out, "tenmint_pages_indexed_entries{log=\"");
        tm_promtext_label(out, p->o->log[i].name);
        tm_buf_printf(out, "\"} %" PRIu64 "\n", ca_keeper_place(p->keeper, i).size);
    }
}
