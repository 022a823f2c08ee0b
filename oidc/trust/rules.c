#include "oidc/trust/rules.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "oidc/token/claim.h"
#include "oidc/trust/rules_internal.h"

const char *const oidc_rule_ways[RULE_WAYS] = {
    [RULE_IS] = "is", [RULE_GLOB] = "glob", [RULE_MATCH] = "match"};

static void list_free(struct oidc_rule_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        struct oidc_rule *r = &l->item[i];
        for (size_t k = 0; k < r->text_count; k++) {
            free(r->text[k]);
            if (r->pattern != NULL)
                tm_pattern_free(r->pattern[k]);
        }
        free((void *)r->text);
        free((void *)r->pattern);
        free(r->claim);
        list_free(&r->part);
    }
    free(l->item);
    *l = (struct oidc_rule_list){0};
}

void oidc_rules_free(struct oidc_rules *r)
{
    if (r == NULL)
        return;
    list_free(&r->all);
    free(r);
}

/* ---- words ---- */

static void put_quoted(struct tm_buf *out, const char *text)
{
    buf_putc(out, '\'');
    for (; *text != '\0'; text++)
        tm_buf_puts(out, *text == '\'' ? "''" : (const char[]){*text, '\0'});
    buf_putc(out, '\'');
}

static void put_rule(const struct oidc_rule *r, struct tm_buf *out)
{
    static const char *const words[RULE_WAYS] = {
        [RULE_IS] = " is ", [RULE_GLOB] = " is like ", [RULE_MATCH] = " matches "};
    if (r->claim != NULL) {
        tm_buf_puts(out, r->claim);
        tm_buf_puts(out, words[r->way]);
        for (size_t i = 0; i < r->text_count; i++) {
            tm_buf_puts(out, i > 0 ? " or " : "");
            put_quoted(out, r->text[i]);
        }
        return;
    }
    for (size_t i = 0; i < r->part.count; i++) {
        tm_buf_puts(out, i == 0 ? "(" : r->any ? ") or (" : ") and (");
        put_rule(&r->part.item[i], out);
    }
    buf_putc(out, ')');
}

size_t oidc_rules_count(const struct oidc_rules *r)
{
    return r != NULL ? r->all.count : 0;
}

void oidc_rules_put(const struct oidc_rules *r, size_t i, struct tm_buf *out)
{
    put_rule(&r->all.item[i], out);
}

bool oidc_rules_have(const struct oidc_rules *r, const char *words)
{
    struct tm_buf own = {0};
    bool found = false;
    for (size_t i = 0; i < oidc_rules_count(r) && !found; i++) {
        tm_buf_reset(&own);
        oidc_rules_put(r, i, &own);
        const char *text = tm_buf_str(&own);
        found = text != NULL && strcmp(text, words) == 0;
    }
    tm_buf_free(&own);
    return found;
}

/* ---- what they are worth ---- */

static bool takes_anything(const struct tm_pattern *p)
{
    static const char *const probes[] = {"", "~", "~/~"};
    for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
        if (tm_pattern_match(p, probes[i], strlen(probes[i]), NULL) == 1)
            return true;
    }
    return false;
}

static bool can_refuse(const struct oidc_rule *r)
{
    if (r->claim != NULL && strcmp(r->claim, "iss") == 0)
        return false;
    for (size_t i = 0; r->pattern != NULL && i < r->text_count; i++) {
        if (takes_anything(r->pattern[i]))
            return false;
    }
    for (size_t i = 0; i < r->part.count; i++) {
        if (can_refuse(&r->part.item[i]) != r->any)
            return !r->any;
    }
    return r->claim != NULL || r->any;
}

bool oidc_rules_can_refuse(const struct oidc_rules *r)
{
    for (size_t i = 0; i < oidc_rules_count(r); i++) {
        if (can_refuse(&r->all.item[i]))
            return true;
    }
    return false;
}

static bool pins(const struct oidc_rule_list *l, const char *claim)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct oidc_rule *r = &l->item[i];
        if (can_refuse(r) && (r->claim != NULL ? r->way == RULE_IS && strcmp(r->claim, claim) == 0
                                               : pins(&r->part, claim)))
            return true;
    }
    return false;
}

static bool pins_all(const struct oidc_rule_list *l, const struct oidc_rule *of)
{
    for (size_t i = 0; i < of->part.count; i++) {
        if (!pins_all(l, &of->part.item[i]))
            return false;
    }
    return of->claim == NULL || pins(l, of->claim);
}

bool oidc_rules_loosened(const struct oidc_rules *was, const struct oidc_rules *is)
{
    static const struct oidc_rule_list none = {0};
    bool loose = false;
    for (size_t i = 0; i < oidc_rules_count(was) && !loose; i++) {
        struct tm_buf words = {0};
        oidc_rules_put(was, i, &words);
        const char *text = tm_buf_str(&words);
        loose = can_refuse(&was->all.item[i]) && (text == NULL || !oidc_rules_have(is, text)) &&
                !pins_all(is != NULL ? &is->all : &none, &was->all.item[i]);
        tm_buf_free(&words);
    }
    return loose;
}

/* ---- matching ---- */

void oidc_rules_glob(const char *glob, struct tm_buf *out)
{
    while (*glob != '\0') {
        size_t stars = strspn(glob, "*");
        if (stars > 0) {
            tm_buf_puts(out, stars > 1 ? "(?s:.*)" : "[^/]*");
            glob += stars;
            continue;
        }
        unsigned char c = (unsigned char)*glob++;
        if (c == '?') {
            tm_buf_puts(out, "[^/]");
            continue;
        }
        if (c < 0x80 && !isalnum(c))
            buf_putc(out, '\\');
        buf_putc(out, c);
    }
}

static bool text_matches(const struct oidc_rule *r, const char *text, size_t len)
{
    for (size_t i = 0; i < r->text_count; i++) {
        bool same = r->pattern != NULL
                        ? tm_pattern_match(r->pattern[i], text, len, NULL) == 1
                        : strlen(r->text[i]) == len && memcmp(r->text[i], text, len) == 0;
        if (same)
            return true;
    }
    return false;
}

static bool value_matches(const struct oidc_rule *r, const json_t *value)
{
    struct tm_buf text = {0};
    if (json_is_string(value))
        return text_matches(r, json_string_value(value), json_string_length(value));
    bool same = oidc_claim_text(value, r->claim, &text, NULL) == 0 && tm_buf_str(&text) != NULL &&
                text_matches(r, tm_buf_str(&text), text.len);
    tm_buf_free(&text);
    return same;
}

static bool claim_matches(const struct oidc_rule *r, const json_t *claims)
{
    const json_t *v = r->claim[0] == '$' ? oidc_claim_at_path(claims, r->claim)
                                         : oidc_claim_find(claims, r->claim);
    size_t i;
    const json_t *one;
    if (!json_is_array(v))
        return v != NULL && value_matches(r, v);
    json_array_foreach(v, i, one)
    {
        if (value_matches(r, one))
            return true;
    }
    return false;
}

static bool holds(const struct oidc_rule *r, const json_t *claims)
{
    if (r->claim != NULL)
        return claim_matches(r, claims);
    for (size_t i = 0; i < r->part.count; i++) {
        if (holds(&r->part.item[i], claims) == r->any)
            return r->any;
    }
    return !r->any;
}

bool oidc_rules_allow(const struct oidc_rules *r, const json_t *claims, struct tm_err *e)
{
    for (size_t i = 0; i < oidc_rules_count(r); i++) {
        if (holds(&r->all.item[i], claims))
            continue;
        struct tm_buf words = {0};
        oidc_rules_put(r, i, &words);
        tm_err_set(e, "the issuer's rules do not allow it: %s", tm_buf_str(&words));
        tm_buf_free(&words);
        return false;
    }
    return true;
}
