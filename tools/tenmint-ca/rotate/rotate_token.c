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
#include "common/yamlmap.h"
#include "tools/tenmint-ca/owner.h"

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
    return ok ? 0 : tm_yamledit_refused(path, e);
}

/* With the file's lock. */
static int set_label(const char *path, const struct ca_config *c, const char *label,
                     struct tm_err *e)
{
    struct tm_buf text = {0};
    struct tm_buf next = {0};
    static const char *const key[] = {"ca", "pkcs11-key", NULL};
    int rc = tm_file_read_text(path, YAMLMAP_FILE_MAX, &text, e);
    if (rc == 0)
        rc = tm_yamledit_set(path, tm_buf_str(&text), text.len, key, label, &next, e);
    if (rc == 0)
        rc = check_edit(path, &next, c, label, e);
    if (rc == 0)
        rc = owner_replace(path, &next, e);
    tm_buf_free(&text);
    tm_buf_free(&next);
    return rc;
}

int rotate_set_label(const char *path, const struct ca_config *c, const char *label,
                     struct tm_err *e)
{
    if (strcmp(c->ca.key.label, label) == 0)
        return 0; /* a move that was cut off has come so far */
    int lock = owner_lock(path, e);
    int rc = lock >= 0 ? set_label(path, c, label, e) : -1;
    if (lock >= 0)
        close(lock);
    return rc == 0 ? 0 : tm_err_wrap(e, "put 'pkcs11-key: %s' into the section 'ca'", label);
}
