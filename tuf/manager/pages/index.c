/* The first page: is all well, and until when? */
#include <openssl/sha.h>
#include <stdio.h>

#include "common/file.h"
#include "common/hex.h"
#include "tuf/manager/pages/internal.h"
#include "tuf/manager/state/names.h"

/* What comes first, in words. */
static void next_duty(const struct tuf_status *s, int64_t now, struct tm_buf *out)
{
    const struct tuf_status_role *first = NULL;
    char when[64];
    for (size_t i = 0; i < s->count; i++) {
        if (first == NULL || s->role[i].signing < first->signing)
            first = &s->role[i];
    }
    if (first == NULL)
        return;
    tuf_pages_when(first->signing, now, when);
    tm_buf_printf(out, "The next to be signed is %s, %s.", first->name, when);
}

static void verdict(const struct tuf_pages_facts *f, struct tm_html *h)
{
    static const char *const words[] = {[STATUS_FINE] = "All is well",
                                        [STATUS_DUE] = "Somebody must act",
                                        [STATUS_EXPIRED] = "Expired"};
    const struct tuf_pages *p = f->in;
    size_t waiting = p->open != NULL ? tuf_open_events_waiting(p->open) : 0;
    enum tuf_status_level level = p->status->level;
    struct tm_buf duty = {0};
    if (level == STATUS_FINE && (waiting > 0 || f->evidence_fault.text[0] != '\0'))
        level = STATUS_DUE;
    tm_html_open(h, "p");
    tm_html_class(h, "verdict");
    tm_html_badge(h, tuf_pages_tone(level), words[level]);
    tm_html_close(h);
    tm_html_open(h, "p");
    next_duty(p->status, p->now, &duty);
    tm_html_bytes(h, duty.data, duty.len);
    if (waiting > 0) {
        tm_html_printf(h, " %zu signing event%s open: ", waiting, waiting == 1 ? " is" : "s are");
        tm_html_link(h, "events.html", NULL, "see who must sign");
        tm_html_text(h, ".");
    }
    tm_html_close(h);
    tm_buf_free(&duty);
}

/* As sha256sum prints it, for those who compare what they have. */
static void root_hash(const struct tuf_pages *p, struct tm_html *h)
{
    char name[NAMES_MAX];
    char path[PATH_MAX];
    char hex[2 * SHA256_DIGEST_LENGTH + 1];
    unsigned char hash[SHA256_DIGEST_LENGTH];
    struct tm_buf bytes = {0};
    int64_t version = tuf_published_root_version(p->live);
    if (tuf_names_metadata(version, "root", name, sizeof(name), NULL) == 0 &&
        tm_file_join(p->live->dir, name, path, sizeof(path), NULL) == 0 &&
        tm_file_read(path, TUF_METADATA_MAX, &bytes, NULL) == 0) {
        SHA256(bytes.data, bytes.len, hash);
        tm_hex_encode(hash, sizeof(hash), hex);
        tm_html_fact_code(h, "SHA-256 of that file", hex);
    }
    tm_buf_free(&bytes);
}

static void facts(const struct tuf_pages_facts *f, struct tm_html *h)
{
    char text[160];
    const struct tuf_pages *p = f->in;
    tm_html_facts(h);
    snprintf(text, sizeof(text), "%lld.root.json", (long long)tuf_published_root_version(p->live));
    tm_html_fact_code(h, "Newest root", text);
    root_hash(p, h);
    if (p->transcript != NULL && f->evidence_fault.text[0] == '\0') {
        snprintf(text, sizeof(text), "%lld lines, unbroken, %s", (long long)f->evidence.lines,
                 f->evidence.headed ? "and the signed metadata names its end"
                                    : "no signed metadata names its end yet");
        tm_html_fact(h, "Transcript", text);
    } else if (p->transcript != NULL) {
        tm_html_fact_begin(h, "Transcript");
        tm_html_badge(h, TM_HTML_BAD, "broken");
        tm_html_text(h, " ");
        tm_html_text(h, f->evidence_fault.text);
        tm_html_fact_end(h);
    }
    tm_html_close(h);
}

static void timeline(const struct tuf_pages *p, struct tm_html *h)
{
    struct tm_html_axis axis = {.from = p->now, .to = p->now + 1, .growing = true, .now = -1};
    for (size_t i = 0; i < p->status->count; i++) {
        if (p->status->role[i].expires > axis.to)
            axis.to = p->status->role[i].expires;
    }
    tm_html_timeline_begin(h);
    for (size_t i = 0; i < p->status->count; i++) {
        const struct tuf_status_role *r = &p->status->role[i];
        char when[64];
        tuf_pages_when(r->expires, p->now, when);
        const struct tm_html_bar bar = {.name = r->name,
                                        .note = when,
                                        .from = p->now,
                                        .to = r->expires,
                                        .mark = r->signing > p->now ? r->signing : 0,
                                        .tone = tuf_pages_tone(r->level)};
        tm_html_timeline_bar(h, &axis, &bar);
    }
    tm_html_timeline_end(h, &axis);
}

int tuf_pages_index(const struct tuf_pages_facts *f, struct tm_html *h, struct tm_err *e)
{
    (void)e;
    tm_html_open(h, "section");
    verdict(f, h);
    facts(f, h);
    tm_html_close(h);
    tm_html_section(h, "expiry", "How long each role lasts");
    timeline(f->in, h);
    tm_html_element_class(h, "p", "quiet",
                          "From now on; each step of the scale is as wide as the one before. The "
                          "notch in a bar is when the next version is to be signed.");
    tm_html_close(h);
    return 0;
}
