#include "tuf/manager/pages/pages.h"

#include "common/clock.h"
#include "common/file.h"
#include "tuf/manager/pages/internal.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct page {
    struct tm_html_nav nav;
    const char *title, *lead;
    int (*write)(const struct tuf_pages_facts *f, struct tm_html *h, struct tm_err *e);
} pages[] = {
    {{"index.html", "Now"},
     "How the root of trust stands",
     "What clients trust begins here: who may change it, and until when it holds.",
     tuf_pages_index},
    {{"roles.html", "Roles"},
     "Roles, keys and holders",
     "Each role is metadata that clients check; only these keys can sign it.",
     tuf_pages_roles},
    {{"events.html", "Events"},
     "Open signing events",
     "Changes that were proposed and wait for signatures or for publication.",
     tuf_pages_events},
    {{"roots.html", "Roots"},
     "The history of the roots",
     "Each root was signed by a threshold of the one before it; a client follows them all.",
     tuf_pages_roots},
    {{"trust.html", "Trust"},
     "Whom clients trust",
     "The authorities and logs of trusted_root.json: what they signed while valid verifies.",
     tuf_pages_trust},
};

const char *tuf_pages_name(size_t i)
{
    return i < COUNT(pages) ? pages[i].nav.page : NULL;
}

static void footer(const struct tuf_pages *p, struct tm_buf *out)
{
    char when[21];
    tm_clock_format(p->now, when);
    tm_buf_printf(out,
                  "As of %.10s %.5s UTC, made by %s of root %lld. Times in words count from then.",
                  when, when + 11, p->made_by, (long long)tuf_published_root_version(p->live));
}

static int write_page(const struct tuf_pages_facts *f, size_t which, const char *dir,
                      struct tm_err *e)
{
    struct tm_html_nav nav[COUNT(pages)];
    struct tm_html h = {0};
    struct tm_buf foot = {0};
    char path[PATH_MAX];
    for (size_t i = 0; i < COUNT(pages); i++)
        nav[i] = pages[i].nav;
    const struct tm_html_page page = {.site = f->in->site,
                                      .title = pages[which].title,
                                      .lead = pages[which].lead,
                                      .nav = nav,
                                      .nav_count = COUNT(pages),
                                      .here = which};
    tm_html_page_begin(&h, &page);
    int rc = pages[which].write(f, &h, e);
    footer(f->in, &foot);
    tm_html_page_end(&h, tm_buf_str(&foot));
    if (rc == 0 && tm_html_str(&h) == NULL)
        rc = tm_err_set(e, "out of memory");
    if (rc == 0)
        rc = tm_file_join(dir, pages[which].nav.page, path, sizeof(path), e);
    if (rc == 0)
        rc = tm_file_write_atomic(path, 0644, h.out.data, h.out.len, e);
    tm_buf_free(&foot);
    tm_html_free(&h);
    return rc;
}

int tuf_pages_write(const struct tuf_pages *p, const char *dir, struct tm_err *e)
{
    struct tuf_pages_facts f = {.in = p};
    if (p->transcript != NULL)
        (void)tuf_ceremonies_read(p->transcript, p->live, &f.ceremonies, &f.evidence,
                                  &f.evidence_fault); /* the page says what is wrong with it */
    int rc = tm_file_mkdirs(dir, 0755, e);
    for (size_t i = COUNT(pages); i > 0 && rc == 0; i--)
        rc = write_page(&f, i - 1, dir, e);
    tuf_ceremonies_free(&f.ceremonies);
    return rc;
}
