/* What the pages have in common, and the rows of lists. */
#include <inttypes.h>

#include "ca/log/monitor/signed.h"
#include "ca/pages/pages.h"
#include "ca/pages/words.h"
#include "common/clock.h"
#include "common/hex.h"

void ca_page_begin(struct tm_html *h, const struct ca_page_site *site, enum ca_page_kind kind,
                   const char *title, const char *lead)
{
    static const struct tm_html_nav live[] = {{"/", "State"}, {"/search", "Search"}};
    static const struct tm_html_nav folder[] = {{"index.html", "Log"}};
    const struct tm_html_page page = {.site = site->title,
                                      .title = title,
                                      .lead = lead,
                                      .nav = site->live ? live : folder,
                                      .nav_count = site->live ? 2 : 1,
                                      .here = kind == CA_PAGE_ENTRY ? SIZE_MAX : (size_t)kind,
                                      .forms = site->live};
    tm_html_page_begin(h, &page);
}

void ca_page_end(struct tm_html *h, int64_t now, const char *version)
{
    char when[21];
    struct tm_buf text = {0};
    tm_clock_format(now, when);
    tm_buf_printf(&text, "%.10s %.8s UTC, tenmint %s", when, when + 11, version);
    tm_html_page_end(h, tm_buf_str(&text));
    h->out.failed |= buf_failed(&text);
    tm_buf_free(&text);
}

void ca_page_search_form(struct tm_html *h, const char *asked)
{
    const struct tm_html_search form = {.address = "/search",
                                        .field = "q",
                                        .label = "Identity, repository, serial number or digest",
                                        .hint = "acme/widget, user@example.com, 4f1a09…, sha256:…",
                                        .button = "Find",
                                        .value = asked};
    tm_html_search(h, &form);
}

void ca_page_entry_address(const struct ca_page_site *site, const char *log, uint64_t index,
                           struct tm_buf *out)
{
    if (site->live)
        tm_buf_printf(out, "/entry/%s/%" PRIu64, log, index);
    else
        tm_buf_printf(out, "entry-%" PRIu64 ".html", index);
}

/* ---- rows ---- */

const char *const ca_page_columns[CA_PAGE_COLUMNS] = {"Entry", "Time", "Identity", "Repository"};

/* `claimed`: by a certificate that a signer brought along, which nobody has verified. Whose entry
 * it is leads to it at `address`. */
static void cells(struct tm_html_table *t, const char *address, int64_t when,
                  const struct ca_certificate *c, bool claimed)
{
    tm_html_cell(t);
    tm_html_time(t->h, when);
    tm_html_cell(t);
    if (claimed) {
        tm_html_badge(t->h, TM_HTML_WARN, "claimed");
        tm_html_text(t->h, " ");
    }
    tm_html_open_link(t->h, address);
    ca_words_names(t->h, c);
    tm_html_close(t->h);
    tm_html_cell(t);
    ca_words_repository(t->h, c);
}

static void damaged(struct tm_html_table *t, const char *address, const struct tm_err *why)
{
    tm_html_cell_text(t, "");
    tm_html_cell(t);
    tm_html_badge(t->h, TM_HTML_BAD, "damaged");
    tm_html_text(t->h, " ");
    tm_html_link_to(t->h, address, why->text);
    tm_html_cell_text(t, "");
}

static void signed_cells(struct tm_html_table *t, const char *address, const struct tm_entry *n)
{
    struct ca_signed_entry s = {0};
    struct ca_certificate c;
    struct tm_err why = {0};
    unsigned char hash[32];
    char hex[65] = "";
    if (ca_signed_entry_read(n->text, n->text_len, &s, &why) != 0) {
        damaged(t, address, &why);
    } else if (s.by.count > 0 && ca_signed_certificate(&s.by.item[0], &c, NULL) == 0) {
        cells(t, address, c.not_before, &c, true);
    } else {
        if (s.by.count > 0 && ca_signed_key_hash(&s.by.item[0], hash) == 0)
            tm_hex_encode(hash, sizeof(hash), hex);
        tm_html_cell_text(t, "");
        tm_html_cell(t);
        tm_html_open_link(t->h, address);
        tm_html_printf(t->h, "key %.16s…", hex);
        tm_html_close(t->h);
        tm_html_cell_text(t, "");
    }
    ca_signed_entry_free(&s);
}

void ca_page_row(struct tm_html_table *t, const struct ca_page_site *site,
                 const struct ca_page_row *row)
{
    struct tm_buf to = {0};
    struct ca_certificate c;
    struct tm_err why = {0};
    ca_page_entry_address(site, row->log, row->index, &to);
    const char *address = tm_buf_str(&to) != NULL ? tm_buf_str(&to) : "";
    tm_html_row(t);
    tm_html_cell(t);
    tm_html_printf(t->h, "%" PRIu64, row->index);
    if (row->entry->text != NULL)
        signed_cells(t, address, row->entry);
    else if (ca_certificate_read(&row->entry->logged, &c, &why) != 0)
        damaged(t, address, &why);
    else
        cells(t, address, (int64_t)(row->entry->timestamp_ms / 1000), &c, false);
    t->h->out.failed |= buf_failed(&to);
    tm_buf_free(&to);
}
