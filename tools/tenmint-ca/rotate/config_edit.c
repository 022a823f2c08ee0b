#include "tools/tenmint-ca/rotate/config_edit.h"

#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/yamledit.h"
#include "common/yamlmap.h"
#include "tools/tenmint-ca/owner.h"

struct seen {
    const char *const *may;
    bool other; /* something else changed */
};

static void on_change(void *arg, const char *key, enum tm_yamlmap_change change)
{
    struct seen *s = arg;
    bool may = false;
    (void)change;
    for (const char *const *m = s->may; *m != NULL && !may; m++) {
        size_t len = strlen(*m);
        may = (*m)[len - 1] == '.' ? strncmp(key, *m, len) == 0 : strcmp(key, *m) == 0;
    }
    s->other |= !may;
}

static int check(const struct config_edit *d, const struct tm_buf *text, struct tm_err *e)
{
    struct ca_config after;
    struct seen s = {.may = d->may};
    if (ca_config_parse(d->file, (const char *)text->data, text->len, &after, e) != 0)
        return tm_err_wrap(e, "the configuration would not load after that");
    ca_config_diff(d->before, &after, on_change, &s);
    int rc = s.other ? tm_yamledit_refused(d->file, e) : d->check(d->ctx, &after, e);
    ca_config_free(&after);
    return rc;
}

int config_edit(const struct config_edit *d, struct tm_err *e)
{
    struct tm_buf text = {0}, next = {0};
    int lock = owner_lock(d->file, e);
    int rc = lock >= 0 ? tm_file_read_text(d->file, YAMLMAP_FILE_MAX, &text, e) : -1;
    if (rc == 0)
        rc = d->make(d->ctx, &text, &next, e);
    if (rc == 0)
        rc = check(d, &next, e);
    if (rc == 0)
        rc = owner_replace(d->file, &next, e);
    if (lock >= 0)
        close(lock);
    tm_buf_free(&text);
    tm_buf_free(&next);
    return rc;
}
