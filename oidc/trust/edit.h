/*
 * Changes of an issuer list's text that keep all else in it: comments, order, quoting. One span of
 * bytes is cut or put in, where the YAML reader's marks say that the entry stands; the result is
 * read again, and is refused if it differs from the list before by anything but what was asked for.
 */
#pragma once

#include "common/buf.h"
#include "oidc/trust/trust.h"

#define OIDC_EDIT_KEYS_MAX 24
#define OIDC_EDIT_RULES_MAX 64

struct oidc_list_text { /* a list that loads; `name` is for messages and paths */
    const char *name, *text;
    size_t len;
};

struct oidc_edit_key {
    const char *name; /* as YAML has it */
    const char *value;
    bool is_word; /* true or false: never quoted */
};

struct oidc_edit_rule { /* a row of `allow`: a glob where the text holds '*' or '?' */
    const char *claim, *text;
};

struct oidc_new_issuer { /* all borrowed */
    const char *url;     /* or pattern */
    bool wildcard;
    struct oidc_edit_key key[OIDC_EDIT_KEYS_MAX];
    size_t key_count;
    struct oidc_edit_rule rule[OIDC_EDIT_RULES_MAX];
    size_t rule_count;
};

/* Each appends the new text to an empty `out`. -1: nothing of the kind can be done, or not without
 * a hand at it; `e` says why. `exact`: of the key, patterns of meta-issuers included. */
int oidc_edit_add(const struct oidc_list_text *list, const struct oidc_new_issuer *issuer,
                  struct tm_buf *out, struct tm_err *e);
int oidc_edit_remove(const struct oidc_list_text *list, const char *url, struct tm_buf *out,
                     struct tm_err *e);
int oidc_edit_disable(const struct oidc_list_text *list, const char *url, bool disabled,
                      struct tm_buf *out, struct tm_err *e);
