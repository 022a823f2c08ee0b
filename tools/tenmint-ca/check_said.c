#include "tools/tenmint-ca/check_said.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/shared/printed.h"

struct check_said {
    enum check_form form;
    json_t *says, *warnings, *pending, *not_used; /* lists */
};

struct check_said *check_said_new(enum check_form form)
{
    struct check_said *k = calloc(1, sizeof(*k));
    if (k == NULL)
        return NULL;
    *k = (struct check_said){form, json_array(), json_array(), json_array(), json_array()};
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

static void say(struct check_said *k, json_t *list, const char *before, const char *fmt, va_list ap)
{
    char *text = NULL;
    if (vasprintf(&text, fmt, ap) < 0)
        return;
    if (k->form == CHECK_LINES)
        printf("%s%s\n", before, text);
    else if (k->form == CHECK_JSON)
        json_array_append_new(list, json_string(text + strspn(text, " ")));
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
    json_array_append_new(k->pending, json_pack("{s:s, s:s}", "key", key, "change", change));
}

void check_unused(struct check_said *k, const char *key, const char *by)
{
    if (k->form == CHECK_LINES)
        printf("  not used: %s, %s stands in its place\n", key, by);
    json_array_append_new(k->not_used, json_pack("{s:s, s:s}", "key", key, "by", by));
}

int check_said_end(struct check_said *k, const char *file, struct tm_err *e)
{
    if (k->form == CHECK_LINES)
        printf("ok\n");
    if (k->form != CHECK_JSON)
        return 0;
    return cli_print_json_indented(json_pack("{s:s, s:O, s:O, s:O, s:O}", "file", file, "says",
                                             k->says, "warnings", k->warnings, "pending",
                                             k->pending, "not_used", k->not_used),
                                   e);
}
