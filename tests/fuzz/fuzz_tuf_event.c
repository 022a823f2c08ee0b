/* A signing event from outside: whatever loads can be judged, reviewed, checked and written; what a
 * review prints cannot move a cursor, nor show another digest; the same bytes have the same digest.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "tuf/manager/review/review.h"

#define NOW INT64_C(1800000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const struct tm_buf *text)
{
    static const char digest[] = "\nDigest  ";
    const char *last = memmem(text->data, text->len, digest, strlen(digest));
    if (last == NULL ||
        (const char *)text->data + text->len - last != (ptrdiff_t)strlen(digest) + 65)
        abort();
    for (size_t i = 0; i < text->len;) {
        const unsigned char *p = text->data + i;
        size_t n = tm_utf8_sequence(p, text->len - i);
        if (n == 0 ? *p != '\n' && (*p < 0x20 || *p > 0x7e) : !tm_utf8_plain(p, n))
            abort();
        i += n > 0 ? n : 1;
    }
}

static void review(const struct tuf_event *ev)
{
    struct tm_buf text = {0};
    struct tm_err e = {0};
    struct tuf_findings f;
    struct tuf_review_result result;
    const struct tuf_metadata *kept = ev->root_count > 0 ? ev->roots[0] : NULL;
    const struct tuf_review r = {.now = NOW, .all = true, .trusted = kept};
    tuf_rules_judge(ev, NULL, NOW, &f);
    if (tuf_review_write(ev, &r, &text, &result, &e) != 0 || result.errors < f.error_count)
        abort();
    size_t errors = result.errors;
    check_text(&text);
    /* What a review finds fault with is never complete without that fault. */
    if (tuf_event_check_signatures(ev, &e) != 0 && errors == 0)
        abort();
    if (kept != NULL && tuf_rules_trusted(ev, kept, &e) != 0 && errors == 0)
        abort();
    tuf_findings_free(&f);
    tm_buf_free(&text);
    e.text[0] = '\0';
    if (tuf_rules_thresholds(ev, &e) != 0 && e.text[0] == '\0')
        abort();
}

static void again(const struct tuf_event *ev)
{
    struct tuf_event other;
    struct tm_err e = {0};
    char first[65];
    char second[65];
    struct tm_buf text = {0};
    struct tm_buf same = {0};
    if (tuf_event_dump(ev, false, tm_jsondump_to_buf, &text, &e) != 0 ||
        tuf_event_digest(ev, first, &e) != 0 ||
        tuf_event_parse((const char *)text.data, text.len, NULL, NULL, &other, &e) != 0 ||
        tuf_event_digest(&other, second, &e) != 0 || strcmp(first, second) != 0)
        abort();
    /* The text is that of jansson, and stays. */
    json_t *tree = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    char *plain = json_dumps(tree, JSON_INDENT(1) | JSON_SORT_KEYS);
    if (plain == NULL || strcmp(plain, tm_buf_str(&text)) != 0 ||
        tuf_event_dump(&other, false, tm_jsondump_to_buf, &same, &e) != 0 ||
        strcmp(plain, tm_buf_str(&same)) != 0)
        abort();
    json_decref(tree);
    free(plain);
    tm_buf_free(&same);
    tm_buf_free(&text);
    int added = tuf_event_merge(&other, ev, &e); /* with itself: nothing new */
    if (added > 0)
        abort();
    tuf_event_free(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tuf_event ev;
    struct tm_err e = {0};
    if (tuf_event_parse((const char *)data, size, NULL, NULL, &ev, &e) != 0) {
        if (e.text[0] == '\0')
            abort();
        return 0;
    }
    review(&ev);
    again(&ev);
    tuf_event_free(&ev);
    return 0;
}
