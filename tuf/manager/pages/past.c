/* How targets that can be explained came to be what they are: each change, in the words of a
 * review, as far as the versions that are kept tell it. */
#include <stdio.h>

#include "common/file.h"
#include "tuf/manager/pages/internal.h"
#include "tuf/manager/policy/words.h"
#include "tuf/metadata/build.h"

#define VERSIONS_MAX 50   /* looked at */
#define TARGETS_MAX 10000 /* of a role: each version is read whole */
#define CONTENT_MAX (1024 * 1024)

struct past {
    const struct tuf_pages *in;
    struct tm_html *h;
    int64_t version; /* the later of the two that are compared */
    bool begun;      /* its section is open */
};

static void tell(void *lines, const char *text, bool dangerous)
{
    tm_buf_puts(lines, dangerous ? "DANGER: " : "");
    tuf_words_safe(text, lines);
    buf_putc(lines, '\n');
}

/* Whether it is there; what is not listed is, and empty. */
static bool kept(const struct past *p, const char *path, const struct tuf_entry *entry,
                 struct tm_buf *out)
{
    struct tuf_file_info pin;
    if (entry == NULL)
        return true;
    tuf_entry_info(entry, &pin);
    if (tuf_pages_content(p->in->live, path, &pin, CONTENT_MAX, out, NULL) == 0)
        return true;
    tm_buf_free(out);
    return false;
}

static void put(struct past *p, const char *path, const struct tm_buf *lines)
{
    char text[40];
    snprintf(text, sizeof(text), "Targets %lld", (long long)p->version);
    if (!p->begun)
        tm_html_section(p->h, NULL, text);
    p->begun = true;
    tm_html_element(p->h, "h3", path);
    (void)tuf_pages_lines(p->h, lines);
}

/* Of one that is gone, what it is can be known by the other alone. */
static int change(void *past, const char *path, const struct tuf_entry *was,
                  const struct tuf_entry *is, struct tm_err *e)
{
    static const struct tm_buf nothing = {0};
    struct past *p = past;
    struct tm_buf before = {0};
    struct tm_buf after = {0};
    struct tm_buf lines = {0};
    if (is == NULL)
        return 0;
    bool has_before = kept(p, path, was, &before);
    bool has_after = kept(p, path, is, &after);
    p->in->explain(has_after ? &before : &nothing, has_after ? &after : &before, tell, &lines);
    if (lines.len > 0 && !(has_before && has_after)) {
        tm_buf_reset(&lines);
        tm_buf_printf(&lines, "what %s is no longer kept: the change cannot be told\n",
                      has_after ? "was before" : "came then");
    }
    if (lines.len > 0)
        put(p, path, &lines);
    int rc = buf_failed(&lines) ? tm_err_set(e, "out of memory") : 0;
    tm_buf_free(&before);
    tm_buf_free(&after);
    tm_buf_free(&lines);
    return rc;
}

static void end_section(struct past *p)
{
    if (p->begun)
        tm_html_close(p->h);
    p->begun = false;
}

/* NULL with `why`: not kept, or not what was published. */
static struct tuf_metadata *version(const struct tuf_published *live, int64_t n, struct tm_err *why)
{
    struct tuf_metadata *m = tuf_published_version(live, "targets", n, why);
    if (m != NULL && !tuf_published_is_signed(live, m)) {
        tm_err_set(why, "no root of the chain takes its signatures");
        tuf_metadata_free(m);
        m = NULL;
    }
    return m;
}

static void put_end(struct past *p, int64_t n, const struct tm_err *why)
{
    tm_html_section(p->h, NULL, "Earlier changes of targets");
    tm_html_printf(p->h, "They cannot be told: targets %lld: %s.", (long long)n, why->text);
    tm_html_close(p->h);
}

int tuf_pages_past(const struct tuf_pages_facts *f, struct tm_html *h, struct tm_err *e)
{
    const struct tuf_published *live = f->in->live;
    struct past p = {.in = f->in, .h = h};
    const struct tuf_metadata *after = live->targets;
    struct tuf_metadata *held = NULL;
    struct tm_err why = {0};
    int rc = 0;
    if (f->in->explain == NULL || after == NULL)
        return 0;
    p.version = tuf_metadata_version(after);
    int64_t last = p.version > VERSIONS_MAX ? p.version - VERSIONS_MAX : 1;
    for (; p.version > last && rc == 0 && why.text[0] == '\0'; p.version--) {
        struct tuf_metadata *before = NULL;
        if (tuf_entries_count(after) > TARGETS_MAX)
            tm_err_set(&why, "more than %d targets are not compared here", TARGETS_MAX);
        else
            before = version(live, p.version - 1, &why);
        if (before != NULL)
            rc = tuf_entries_compare(before, after, change, &p, e);
        else
            put_end(&p, p.version - 1, &why);
        end_section(&p);
        tuf_metadata_free(held);
        after = held = before;
    }
    tuf_metadata_free(held);
    return rc;
}
