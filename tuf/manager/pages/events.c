/* What waits, and for whom. */
#include "tuf/manager/pages/internal.h"
#include "tuf/manager/review/review.h"

static const struct {
    enum tm_html_tone tone;
    const char *text;
} states[] = {
    [TUF_OPEN_WAITS] = {TM_HTML_WARN, "waits for signatures"},
    [TUF_OPEN_COMPLETE] = {TM_HTML_GOOD, "complete: to be published"},
    [TUF_OPEN_AWAY] = {TM_HTML_WARN, "on its way among the holders"},
    [TUF_OPEN_OUTDATED] = {TM_HTML_BAD, "outdated: to be proposed again"},
};

/* What a holder's review says, without a root of the holder's own. */
static int review(const struct tuf_open_event *x, const struct tuf_pages *in, struct tm_html *h,
                  struct tm_err *e)
{
    struct tuf_event ev;
    struct tm_buf text = {0};
    struct tuf_review_result result;
    const struct tuf_review r = {.now = in->now, .explain = in->explain};
    if (!tuf_event_is_there(x->path))
        return 0;
    if (tuf_event_read(x->path, NULL, &ev, e) != 0)
        return -1;
    int rc = tuf_review_write(&ev, &r, &text, &result, e);
    if (rc == 0) {
        tm_html_element(h, "h3", "What a holder is shown");
        tm_html_open(h, "pre");
        tm_html_bytes(h, text.data, text.len);
        tm_html_close(h);
    }
    tm_buf_free(&text);
    tuf_event_free(&ev);
    return rc;
}

static int event(const struct tuf_open_event *x, const struct tuf_pages *in, struct tm_html *h,
                 struct tm_err *e)
{
    tm_html_section_badge(h, NULL, x->name, states[x->state].tone, states[x->state].text);
    tm_html_facts(h);
    tm_html_fact_bytes(h, "New versions", x->roles.data, x->roles.len);
    if (x->signers.len > 0)
        tm_html_fact_bytes(h, "Signed by", x->signers.data, x->signers.len);
    else
        tm_html_fact(h, "Signed by", "nobody yet");
    tm_html_fact_code(h, "Digest", x->digest);
    tm_html_close(h);
    int rc = review(x, in, h, e);
    tm_html_close(h);
    return rc;
}

static int waiting(const struct tuf_pages_facts *f, struct tm_html *h, struct tm_err *e)
{
    const struct tuf_open_events *open = f->in->open;
    int rc = 0;
    if (open == NULL || open->count == 0) {
        tm_html_open(h, "section");
        tm_html_element(h, "p",
                        open == NULL ? "Open events are known where the workspace is: this report "
                                       "was made of published metadata only."
                                     : "None: everything that was proposed is published.");
        tm_html_close(h);
        return 0;
    }
    for (size_t i = 0; i < open->count && rc == 0; i++)
        rc = event(&open->item[i], f->in, h, e);
    return rc;
}

int tuf_pages_events(const struct tuf_pages_facts *f, struct tm_html *h, struct tm_err *e)
{
    return waiting(f, h, e) == 0 ? tuf_pages_past(f, h, e) : -1;
}
