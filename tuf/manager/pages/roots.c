/* Every root: what it changed, who signed it, which ceremony made it. */
#include <stdio.h>

#include "tuf/manager/pages/internal.h"
#include "tuf/manager/policy/words.h"
#include "tuf/manager/review/difference.h"
#include "tuf/metadata/verify.h"

struct names {
    const struct tuf_signers *by;
    struct tm_buf *out;
};

static void add_name(void *arg, const char *keyid, enum tuf_verdict v)
{
    const struct names *n = arg;
    if (v != TUF_SIGNED)
        return;
    tm_buf_puts(n->out, n->out->len > 0 ? ", " : "");
    tuf_words_key(tuf_keys_find(n->by->known, keyid), keyid, n->out);
}

/* By the keys of `by`, which is this root or the one before it. */
static void signed_by(struct tm_html *h, const char *term, const struct tuf_metadata *by_root,
                      const struct tuf_metadata *m)
{
    struct tuf_signers by;
    struct tm_buf names = {0};
    const struct names n = {&by, &names};
    tuf_root_signers(by_root, TUF_ROOT, &by);
    (void)tuf_verify_each(m, &by, add_name, (void *)&n);
    tm_html_fact_bytes(h, term, names.data, names.len);
    tm_buf_free(&names);
}

static void ceremony(const struct tuf_ceremony *c, struct tm_html *h)
{
    if (c == NULL)
        return;
    tm_html_fact(h, "Event", c->event);
    tm_html_fact(h, "Reason", c->reason);
    tm_html_fact_time(h, "Published", c->published);
    tm_html_fact_begin(h, "Statements");
    for (size_t i = 0; i < c->count; i++) {
        tm_html_printf(h, "%s%s ", i > 0 ? ", " : "", c->signer[i].holder);
        tm_html_time(h, c->signer[i].time);
    }
    tm_html_fact_end(h);
    tm_html_fact_code(h, "Digest that they compared", c->digest);
}

static void root(const struct tuf_pages_facts *f, size_t i, struct tm_html *h)
{
    const struct tuf_published *live = f->in->live;
    const struct tuf_metadata *m = live->roots[i];
    const struct tuf_metadata *before = i > 0 ? live->roots[i - 1] : NULL;
    int64_t version = tuf_metadata_version(m);
    struct tm_buf words = {0};
    char text[64];
    snprintf(text, sizeof(text), "root-%lld", (long long)version);
    tm_html_open(h, "section");
    tm_html_attr(h, "id", text);
    snprintf(text, sizeof(text), "Root %lld", (long long)version);
    tm_html_element(h, "h2", text);
    tm_html_facts(h);
    tm_html_fact_time(h, "Expires", tuf_metadata_expires(m));
    if (before != NULL)
        signed_by(h, "Signed by its forerunner's keys", before, m);
    signed_by(h, before != NULL ? "Signed by its own keys" : "Signed by", m, m);
    ceremony(tuf_ceremonies_of(&f->ceremonies, TUF_ROOT, version), h);
    tm_html_close(h);
    tm_html_element(h, "h3", before != NULL ? "What it changed" : "What it began with");
    tuf_words_difference(before, m, true, &words);
    (void)tuf_pages_lines(h, &words);
    tm_html_close(h);
    tm_buf_free(&words);
}

int tuf_pages_roots(const struct tuf_pages_facts *f, struct tm_html *h, struct tm_err *e)
{
    const struct tuf_published *live = f->in->live;
    (void)e;
    for (size_t i = live->root_count; i > 0; i--)
        root(f, i - 1, h);
    if (live->unread.len > 0) {
        tm_html_section(h, "unread", "Older roots, which nobody trusts");
        (void)tuf_pages_lines(h, &live->unread);
        tm_html_close(h);
    }
    return 0;
}
