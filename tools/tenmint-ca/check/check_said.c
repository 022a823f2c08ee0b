#include "tools/tenmint-ca/check/check_said.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "tools/shared/printed.h"

struct check_said {
    enum check_form form;
    bool lost;                                    /* memory ran out: not all of it is there */
    json_t *says, *warnings, *pending, *not_used; /* lists */
};

struct check_said *check_said_new(enum check_form form)
{
    struct check_said *k = calloc(1, sizeof(*k));
    if (k == NULL)
        return NULL;
    *k = (struct check_said){form, false, json_array(), json_array(), json_array(), json_array()};
    return k;
}

void check_said_free(struct check_said *k)
{
    if (k == NULL)
        return;
    json_decref(k->says);
    json_decref(k->warnings);
    json_decref(k->pending);
    json_decref(k->not_used);
    free(k);
}

static void keep(struct check_said *k, json_t *list, json_t *one)
{
    k->lost |= json_array_append_new(list, one) != 0;
}

__attribute__((format(printf, 4, 0))) static void
say(struct check_said *k, json_t *list, const char *before, const char *fmt, va_list ap)
{
    char *text = NULL;
    if (vasprintf(&text, fmt, ap) < 0) {
        k->lost = true;
        return;
    }
    tm_utf8_clean(text); /* names of files may be anything */
    if (k->form == CHECK_LINES)
        printf("%s%s\n", before, text);
    else if (k->form == CHECK_JSON)
        keep(k, list, json_string(text + strspn(text, " ")));
    free(text);
}

void check_say(struct check_said *k, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(k, k->says, "", fmt, ap);
    va_end(ap);
}

void check_warn(struct check_said *k, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(k, k->warnings, "warning: ", fmt, ap);
    va_end(ap);
}

void check_pending(struct check_said *k, const char *key, const char *change)
{
    if (k->form == CHECK_LINES)
        printf("  pending: %s (%s) takes effect with a reload (SIGHUP)\n", key, change);
    keep(k, k->pending, json_pack("{s:s, s:s}", "key", key, "change", change));
}

void check_unused(struct check_said *k, const char *key, const char *by)
{
    if (k->form == CHECK_LINES)
        printf("  not used: %s, %s stands in its place\n", key, by);
    keep(k, k->not_used, json_pack("{s:s, s:s}", "key", key, "by", by));
}

void check_detector(struct check_said *k, const struct ca_kept_options *o)
{
    const char *warning = ca_kept_undetected(o);
    if (warning != NULL)
        check_warn(k, "%s: %s", o->origin, warning);
}

int check_said_end(struct check_said *k, const char *file, struct tm_err *e)
{
    if (k->lost)
        return tm_err_set(e, "out of memory");
    if (k->form == CHECK_LINES)
        printf("ok\n");
    if (k->form != CHECK_JSON)
        return 0;
    return cli_print_json_indented(
        json_pack("{s:o, s:O, s:O, s:O, s:O}", "file", cli_json_text(file, strlen(file)), "says",
                  k->says, "warnings", k->warnings, "pending", k->pending, "not_used", k->not_used),
        e);
}
