/* rotate, where the CA's key is in a token: the label is what changes in the configuration. */
#include "tools/tenmint-ca/rotate/rotate.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/yamledit.h"
#include "tools/tenmint-ca/rotate/config_edit.h"

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

int rotate_write_label(const char *dir, const char *label, struct tm_err *e)
{
    char path[PATH_MAX];
    return tm_file_join(dir, ROTATE_LABEL_FILE, path, sizeof(path), e) == 0
               ? tm_file_create(path, 0644, label, strlen(label), e)
               : -1;
}

int rotate_read_label(const char *dir, char label[ROTATE_LABEL_MAX], struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf text = {0};
    if (tm_file_join(dir, ROTATE_LABEL_FILE, path, sizeof(path), e) != 0)
        return -1;
    if (access(path, F_OK) != 0)
        return tm_err_errno(e, "nothing to put in service: '%s'", path);
    int rc = tm_file_read(path, ROTATE_LABEL_MAX - 1, &text, e);
    if (rc == 0)
        snprintf(label, ROTATE_LABEL_MAX, "%.*s", (int)text.len, (const char *)text.data);
    tm_buf_free(&text);
    return rc;
}

struct labelled {
    const char *file, *label;
};

static int set_label(void *ctx, struct tm_buf *text, struct tm_buf *next, struct tm_err *e)
{
    static const char *const key[] = {"ca", "pkcs11-key", NULL};
    const struct labelled *l = ctx;
    return tm_yamledit_set(l->file, tm_buf_str(text), text->len, key, l->label, next, e);
}

static int check_label(void *ctx, const struct ca_config *after, struct tm_err *e)
{
    const struct labelled *l = ctx;
    const char *label = after->ca.key.label;
    return label != NULL && strcmp(label, l->label) == 0 ? 0 : tm_yamledit_refused(l->file, e);
}

int rotate_set_label(const char *path, const struct ca_config *c, const char *label,
                     struct tm_err *e)
{
    static const char *const may[] = {"ca.pkcs11-key", NULL};
    struct labelled l = {path, label};
    const struct config_edit d = {path, c, may, set_label, check_label, &l};
    if (strcmp(c->ca.key.label, label) == 0)
        return 0; /* a move that was cut off has come so far */
    return config_edit(&d, e) == 0
               ? 0
               : tm_err_wrap(e, "put 'pkcs11-key: %s' into the section 'ca'", label);
}
