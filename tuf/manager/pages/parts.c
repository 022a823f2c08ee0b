#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"
#include "tuf/manager/pages/internal.h"
#include "tuf/manager/policy/words.h"
#include "tuf/manager/state/names.h"
#include "tuf/metadata/key.h"
#include "tuf/metadata/verify.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum tm_html_tone tuf_pages_tone(enum tuf_status_level level)
{
    static const enum tm_html_tone tones[] = {
        [STATUS_FINE] = TM_HTML_GOOD, [STATUS_DUE] = TM_HTML_WARN, [STATUS_EXPIRED] = TM_HTML_BAD};
    return tones[level];
}

void tuf_pages_section(struct tm_html *h, const struct tuf_status_role *r)
{
    static const char *const words[] = {
        [STATUS_FINE] = "valid", [STATUS_DUE] = "to be signed now", [STATUS_EXPIRED] = "expired"};
    tm_html_section_badge(h, NULL, r->name, tuf_pages_tone(r->level), words[r->level]);
}

void tuf_pages_when(int64_t when, int64_t now, char out[64])
{
    char date[21];
    char words[40];
    tm_clock_format(when, date);
    tuf_words_relative(when, now, words);
    snprintf(out, 64, "%s (%.10s)", words, date);
}

size_t tuf_pages_lines(struct tm_html *h, const struct tm_buf *lines)
{
    const char *p = (const char *)lines->data;
    size_t left = lines->len;
    size_t n = 0;
    tm_html_open(h, "ul");
    while (left > 0) {
        const char *end = memchr(p, '\n', left);
        size_t line = end != NULL ? (size_t)(end - p) : left;
        size_t blank = 0;
        while (blank < line && p[blank] == ' ')
            blank++;
        if (blank < line) {
            tm_html_open(h, "li");
            tm_html_bytes(h, p + blank, line - blank);
            tm_html_close(h);
            n++;
        }
        line += end != NULL;
        p += line;
        left -= line;
    }
    tm_html_close(h);
    return n;
}

void tuf_pages_threshold(int64_t threshold, size_t keys, char out[64])
{
    snprintf(out, 64, "%" PRId64 " of %zu keys must sign", threshold, keys);
}

struct key_rows {
    struct tm_html_table t;
    const struct tuf_signers *by;
};

static void key_row(void *arg, const char *keyid, enum tuf_verdict v)
{
    static const struct {
        enum tm_html_tone tone;
        const char *text;
    } verdicts[] = {
        [TUF_SIGNED] = {TM_HTML_GOOD, "signed"},
        [TUF_NOT_SIGNED] = {TM_HTML_PLAIN, "not signed"},
        [TUF_BAD] = {TM_HTML_BAD, "bad signature"},
        [TUF_UNUSABLE_KEY] = {TM_HTML_BAD, "unusable key"},
        [TUF_SAME_KEY] = {TM_HTML_WARN, "the same key again"},
    };
    struct key_rows *rows = arg;
    struct tm_html *h = rows->t.h;
    const struct tuf_public_key *key = tuf_keys_find(rows->by->known, keyid);
    const char *owner = key != NULL ? tuf_key_owner(key) : "";
    char hex[65] = "";
    if (key == NULL || tuf_key_fingerprint(key, hex, NULL) != 0)
        hex[0] = '\0';
    tm_html_row(&rows->t);
    tm_html_cell(&rows->t);
    tm_html_element_class(h, "span", "name", owner[0] != '\0' ? owner : "no name");
    tm_html_cell(&rows->t);
    tm_html_element(h, "code", hex[0] != '\0' ? hex : keyid);
    tm_html_cell_text(&rows->t, key != NULL && key->scheme != NULL ? key->scheme : "unknown");
    tm_html_cell(&rows->t);
    tm_html_badge(h, verdicts[v].tone, verdicts[v].text);
}

void tuf_pages_keys(struct tm_html *h, const struct tuf_metadata *m, const struct tuf_signers *by,
                    const char *caption)
{
    static const char *const columns[] = {"Holder", "Fingerprint of the key", "Kind",
                                          "This version"};
    struct key_rows rows = {.by = by};
    tm_html_table_begin(&rows.t, h, caption, columns, COUNT(columns));
    (void)tuf_verify_each(m, by, key_row, &rows);
    tm_html_table_end(&rows.t);
}

int tuf_pages_content(const struct tuf_published *live, const char *path,
                      const struct tuf_file_info *info, size_t max, struct tm_buf *out,
                      struct tm_err *e)
{
    struct tm_buf name = {0};
    char file[PATH_MAX];
    const char *hash = tuf_names_hash(info);
    if (hash == NULL)
        return tm_err_set(e, "the metadata has no hash of '%.200s'", path);
    tuf_names_target(path, hash, &name);
    int rc = tm_buf_str(&name) == NULL ? tm_err_set(e, "out of memory")
             : tm_file_join(live->dir, tm_buf_str(&name), file, sizeof(file), e) == 0 &&
                     tm_file_read(file, max, out, e) == 0 &&
                     tuf_file_check(info, out->data, out->len, e) == 0
                 ? 0
                 : -1;
    tm_buf_free(&name);
    return rc;
}
