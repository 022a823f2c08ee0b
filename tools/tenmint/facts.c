#include "tools/shared/printed.h"
#include "tools/tenmint/facts.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/hex.h"
#include "tools/shared/cli.h"

#define LABEL_WIDTH 34

void facts_begin(struct facts *f, bool json)
{
    *f = (struct facts){.json = json, .indent = ""};
    f->all = json ? json_object() : NULL;
    f->part = f->all;
}

int facts_end(struct facts *f, struct tm_err *e)
{
    json_t *all = f->all;
    f->all = NULL;
    return f->json ? cli_print_json_indented(all, e) : 0;
}

static void key_of(const char *label, char key[64])
{
    size_t n = 0;
    for (const char *p = label; *p != '\0' && n < 63; p++) {
        if (*p == ' ' || *p == '-')
            key[n++] = '_';
        else if (isalnum((unsigned char)*p))
            key[n++] = (char)tolower((unsigned char)*p);
    }
    key[n] = '\0';
}

/* Takes `value`; the second of a key makes a list. */
static void put(struct facts *f, const char *label, json_t *value)
{
    char key[64];
    key_of(label, key);
    json_t *before = json_object_get(f->part, key);
    if (before == NULL) {
        json_object_set_new(f->part, key, value);
    } else if (json_is_array(before)) {
        json_array_append_new(before, value);
    } else {
        json_t *list = json_array();
        json_array_append(list, before);
        json_array_append_new(list, value);
        json_object_set_new(f->part, key, list);
    }
}

void facts_part(struct facts *f, const char *label)
{
    f->indent = "  ";
    if (!f->json) {
        printf("%s\n", label);
        return;
    }
    char key[64];
    json_t *part = json_object();
    key_of(label, key);
    json_t *list = json_object_get(f->all, key);
    if (list == NULL) {
        list = json_array();
        json_object_set_new(f->all, key, list);
    }
    json_array_append_new(list, part);
    f->part = part;
}

void facts_whole(struct facts *f)
{
    f->indent = "";
    f->part = f->all;
}

void facts_text(struct facts *f, const char *label, const void *text, size_t len)
{
    if (f->json) {
        json_t *v = json_stringn(text, len);
        if (v == NULL)
            facts_hex(f, label, text, len); /* no UTF-8 */
        else
            put(f, label, v);
        return;
    }
    printf("%s%-*s ", f->indent, LABEL_WIDTH - (int)strlen(f->indent), label);
    cli_print_text(stdout, text, len);
    putchar('\n');
}

void facts_string(struct facts *f, const char *label, const char *text)
{
    if (text != NULL && text[0] != '\0')
        facts_text(f, label, text, strlen(text));
}

void facts_number(struct facts *f, const char *label, int64_t v)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, v);
    if (f->json)
        put(f, label, json_integer(v));
    else
        facts_string(f, label, text);
}

void facts_hex(struct facts *f, const char *label, const void *p, size_t len)
{
    struct tm_buf b = {0};
    char *hex = (char *)tm_buf_reserve(&b, 2 * len + 1);
    if (hex != NULL) {
        tm_hex_encode(p, len, hex);
        facts_string(f, label, hex);
    }
    tm_buf_free(&b);
}

void facts_time(struct facts *f, const char *label, int64_t seconds)
{
    char when[21];
    tm_clock_format(seconds, when);
    facts_string(f, label, when);
}
