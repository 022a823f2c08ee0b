/* rotate, where the CA's key is in a token: the label is what changes in the configuration. */
#include "tools/tenmint-ca/rotate.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/file.h"
#include "common/yamlmap.h"
#include "tools/tenmint-ca/owner.h"
#include "tools/tenmint-ca/setup.h"

#define STAMP_LEN 15 /* "-20270131235959" */

void rotate_next_label(const char *label, int64_t now_s, char out[ROTATE_LABEL_MAX])
{
    const time_t t = (time_t)now_s;
    struct tm tm;
    char stamp[STAMP_LEN + 1] = "";
    size_t len = strlen(label);
    size_t digits = 0;
    while (digits < len && isdigit((unsigned char)label[len - digits - 1]))
        digits++;
    if (digits == STAMP_LEN - 1 && len > STAMP_LEN && label[len - STAMP_LEN] == '-')
        len -= STAMP_LEN;
    if (gmtime_r(&t, &tm) != NULL)
        (void)strftime(stamp, sizeof(stamp), "-%Y%m%d%H%M%S", &tm);
    snprintf(out, ROTATE_LABEL_MAX, "%.*s%s", (int)len, label, stamp);
}

/* ---- the configuration's text ---- */

struct line {
    const char *at;
    size_t len; /* without its end */
};

static bool next_line(const char **p, const char *end, struct line *out)
{
    if (*p >= end)
        return false;
    const char *stop = memchr(*p, '\n', (size_t)(end - *p));
    *out = (struct line){*p, (size_t)((stop != NULL ? stop : end) - *p)};
    *p = stop != NULL ? stop + 1 : end;
    return true;
}

static bool begins(const struct line *l, size_t skip, const char *word)
{
    size_t n = strlen(word);
    return l->len >= skip + n && memcmp(l->at + skip, word, n) == 0;
}

/* The line "pkcs11-key: …" of the section "ca:", as `init` writes it. */
static bool find_label(const struct tm_buf *text, struct line *out, size_t *indent)
{
    const char *p = (const char *)text->data;
    const char *end = p + text->len;
    bool inside = false;
    while (next_line(&p, end, out)) {
        size_t blank = 0;
        while (blank < out->len && out->at[blank] == ' ')
            blank++;
        if (blank == out->len || out->at[blank] == '#')
            continue;
        if (blank == 0)
            inside = begins(out, 0, "ca:");
        else if (inside && begins(out, blank, "pkcs11-key:")) {
            *indent = blank;
            return true;
        }
    }
    return false;
}

static void count_change(void *arg, const char *key, enum tm_yamlmap_change change)
{
    size_t *others = arg;
    (void)change;
    *others += strcmp(key, "ca.pkcs11-key") != 0;
}

/* It must mean the same but for the label. */
static int check_edit(const char *path, const struct tm_buf *text, const struct ca_config *before,
                      const char *label, struct tm_err *e)
{
    struct ca_config after;
    size_t others = 0;
    if (ca_config_parse(path, (const char *)text->data, text->len, &after, e) != 0)
        return -1;
    ca_config_diff(before, &after, count_change, &others);
    bool ok = others == 0 && after.ca.key.label != NULL && strcmp(after.ca.key.label, label) == 0;
    ca_config_free(&after);
    return ok ? 0 : tm_err_set(e, "'%s' is written in a way that is not edited here", path);
}

/* Owner and mode stay, or the server could not read it any more. */
static int write_like(const char *path, const struct tm_buf *text, struct tm_err *e)
{
    struct stat st;
    struct tm_file_stream f;
    if (stat(path, &st) != 0)
        return tm_err_errno(e, "look at '%s'", path);
    if (tm_file_stream_open(&f, path, st.st_mode & 07777, e) != 0)
        return -1;
    int rc = owner_take(f.tmp, path, e);
    if (rc == 0)
        rc = tm_file_stream_write(&f, text->data, text->len, e);
    if (rc == 0)
        rc = tm_file_stream_commit(&f, e);
    tm_file_stream_abort(&f);
    return rc;
}

static int edit(const char *path, const struct tm_buf *text, const struct ca_config *c,
                const char *label, struct tm_buf *out, struct tm_err *e)
{
    struct line l;
    size_t indent = 0;
    if (!find_label(text, &l, &indent))
        return tm_err_set(e, "'%s' has no line 'pkcs11-key:' below 'ca:'", path);
    size_t before = (size_t)(l.at - (const char *)text->data);
    size_t after = before + l.len + (before + l.len < text->len ? 1 : 0);
    char blanks[64];
    snprintf(blanks, sizeof(blanks), "%*s", (int)(indent < sizeof(blanks) ? indent : 1), "");
    tm_buf_append(out, text->data, before);
    setup_put_yaml(out, blanks, "pkcs11-key", label);
    tm_buf_append(out, text->data + after, text->len - after);
    return buf_failed(out) ? tm_err_set(e, "out of memory") : check_edit(path, out, c, label, e);
}

int rotate_set_label(const char *path, const struct ca_config *c, const char *label,
                     struct tm_err *e)
{
    struct tm_buf text = {0};
    struct tm_buf next = {0};
    if (strcmp(c->ca.key.label, label) == 0)
        return 0; /* a move that was cut off has come so far */
    int rc = tm_file_read(path, YAMLMAP_FILE_MAX * 16, &text, e);
    if (rc == 0)
        rc = edit(path, &text, c, label, &next, e);
    if (rc == 0)
        rc = write_like(path, &next, e);
    tm_buf_free(&text);
    tm_buf_free(&next);
    return rc == 0 ? 0 : tm_err_wrap(e, "put 'pkcs11-key: %s' into the section 'ca'", label);
}
