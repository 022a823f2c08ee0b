/* What each process tells the audit trail by itself. */
#include <string.h>

#include "tools/tenmint-ca/serve/roles.h"

int roles_open_trail(struct roles *r, enum role_name role, struct ca_audit_far **out,
                     struct tm_err *e)
{
    *out = NULL;
    if (r->trail_of[role] < 0)
        return 0;
    *out = ca_audit_far_new(tm_process_take(r->group, r->trail_of[role]), e);
    return *out != NULL ? 0 : tm_err_wrap(e, "audit trail");
}

void roles_say_login(struct ca_audit_far *trail, const struct ca_config_key *key)
{
    struct tm_buf what = {0};
    if (key == NULL || (key->module == NULL && key->uri == NULL))
        return;
    if (key->uri != NULL) /* a URI may hold a PIN: only where it leads is told */
        tm_buf_printf(&what, "a key by URI: %.*s", (int)strcspn(key->uri, ":"), key->uri);
    else
        tm_buf_printf(&what, "token '%s', key '%s', module '%s'", key->token, key->label,
                      key->module);
    (void)ca_audit_event(trail, &(struct ca_audit_event){.kind = AUDIT_LOGIN,
                                                         .reason = "key opened",
                                                         .detail = tm_buf_str(&what)});
    tm_buf_free(&what);
}

void roles_say_reload(struct ca_audit_far *trail, const char *what, const struct tm_err *why)
{
    (void)ca_audit_event(
        trail, &(struct ca_audit_event){.kind = AUDIT_RELOAD,
                                        .reason = what,
                                        .detail = why != NULL ? why->text : NULL,
                                        .after = why != NULL ? "refused, the old stays" : NULL});
}
