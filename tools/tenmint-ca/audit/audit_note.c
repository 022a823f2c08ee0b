#include "tools/tenmint-ca/audit/audit_note.h"

#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/audit/spool.h"
#include "common/file.h"

/* What the environment says anybody could say. */
static void name_user(struct tm_buf *out)
{
    const struct passwd *user = getpwuid(getuid());
    const char *sudo = getenv("SUDO_USER");
    tm_buf_puts(out, user != NULL ? user->pw_name : "no name");
    if (sudo != NULL)
        tm_buf_printf(out, ", SUDO_USER %.64s", sudo);
}

char *audit_user(void)
{
    struct tm_buf user = {0};
    name_user(&user);
    char *text = tm_buf_str(&user) != NULL ? strdup(tm_buf_str(&user)) : NULL;
    tm_buf_free(&user);
    return text;
}

int audit_note_in(const struct ca_config *c, const struct ca_audit_event *ev, struct tm_err *e)
{
    char spool[PATH_MAX];
    struct tm_buf user = {0};
    struct ca_audit_event named = *ev;
    if (c->audit_store.store == NULL)
        return 0;
    if (tm_file_join(c->audit_store.directory, CA_CONFIG_AUDIT_SPOOL, spool, sizeof(spool), e) != 0)
        return -1;
    name_user(&user);
    named.actor = tm_buf_str(&user);
    int rc = ca_audit_spool_put(spool, &named, e);
    tm_buf_free(&user);
    return rc;
}

void audit_note_done(const struct ca_config *c, const struct ca_audit_event *ev)
{
    struct tm_err e = {0};
    if (audit_note_in(c, ev, &e) != 0)
        fprintf(stderr, "tenmint-ca: the audit trail does not have it: %s\n", e.text);
}

int audit_note(const char *config_file, const struct ca_audit_event *ev, struct tm_err *e)
{
    struct ca_config c;
    if (config_file == NULL || access(config_file, F_OK) != 0)
        return 0;
    if (ca_config_load(config_file, &c, e) != 0)
        return -1;
    int rc = audit_note_in(&c, ev, e);
    ca_config_free(&c);
    return rc;
}
