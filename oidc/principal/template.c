#include "oidc/principal/template.h"

#include <stdlib.h>
#include <string.h>

#define NODES_MAX 128
#define NESTING_MAX 8

enum op {
    OP_TEXT,  /* arg: the text */
    OP_VALUE, /* arg: the claim */
    OP_IF_EQ, /* arg: the claim, other: the literal; `jump`: first node of else, or after end */
    OP_JUMP,  /* jump: after end */
};

struct node {
    enum op op;
    bool strict; /* a missing claim is an error */
    char *arg;
    char *other;
    size_t jump;
};

struct oidc_template {
    size_t count;
    struct node *node;
};

struct parser {
    const char *p;
    const char *end; /* of the action at hand */
    struct oidc_template *t;
    struct {
        size_t branch; /* the node whose jump is still open */
        bool in_else;
    } open[NESTING_MAX];
    size_t depth;
};

/* A piece of the source. */
struct piece {
    const char *s;
    size_t len;
};

/* `.name` or `index . "name"`. */
struct operand {
    struct piece name;
    bool strict;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_word(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9');
}

static struct node *add(struct parser *s, enum op op, struct piece arg, struct tm_err *e)
{
    struct oidc_template *t = s->t;
    if (t->count == NODES_MAX)
        return tm_err_null(e, "template has more than %d parts", NODES_MAX);
    struct node *grown = realloc(t->node, (t->count + 1) * sizeof(*grown));
    char *copy = grown != NULL ? strndup(arg.s, arg.len) : NULL;
    if (grown != NULL)
        t->node = grown;
    if (copy == NULL)
        return tm_err_null(e, "out of memory");
    struct node *n = &t->node[t->count++];
    *n = (struct node){.op = op, .strict = true, .arg = copy};
    return n;
}

static void skip_space(struct parser *s)
{
    while (s->p < s->end && is_space(*s->p))
        s->p++;
}

/* As Go's lexer has it: a word ends at a blank, the end, or a parenthesis. */
static bool at_word_end(const struct parser *s, const char *p)
{
    return p == s->end || is_space(*p) || *p == '(' || *p == ')';
}

static bool take_word(struct parser *s, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0 || !at_word_end(s, s->p + n))
        return false;
    s->p += n;
    skip_space(s);
    return true;
}

static bool take_char(struct parser *s, char c)
{
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    skip_space(s);
    return true;
}

/* `(` as often as it stands there, up to the nesting limit. */
static size_t take_parens(struct parser *s)
{
    size_t n = 0;
    while (n < NESTING_MAX && take_char(s, '('))
        n++;
    return n;
}

static bool close_parens(struct parser *s, size_t n)
{
    while (n > 0 && take_char(s, ')'))
        n--;
    return n == 0;
}

/* A double-quoted string of one line without escapes. */
static bool take_literal(struct parser *s, struct piece *out)
{
    if (s->p == s->end || *s->p != '"')
        return false;
    const char *start = s->p + 1;
    const char *p = start;
    while (p < s->end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
        p++;
    if (p == s->end || *p != '"' || !at_word_end(s, p + 1))
        return false;
    *out = (struct piece){start, (size_t)(p - start)};
    s->p = p + 1;
    skip_space(s);
    return true;
}

/* `.name`, `index . "name"`, or either in parentheses. */
static bool take_operand(struct parser *s, struct operand *out)
{
    size_t parens = take_parens(s);
    if (take_word(s, "index")) {
        out->strict = false;
        if (!take_word(s, ".") || !take_literal(s, &out->name))
            return false;
    } else {
        if (s->p == s->end || *s->p != '.')
            return false;
        const char *start = ++s->p;
        while (s->p < s->end && is_word(*s->p))
            s->p++;
        out->strict = true;
        out->name = (struct piece){start, (size_t)(s->p - start)};
        if (out->name.len == 0 || !is_letter(*start) || !at_word_end(s, s->p))
            return false;
        skip_space(s);
    }
    return out->name.len > 0 && close_parens(s, parens);
}

static int open_if(struct parser *s, struct tm_err *e)
{
    struct operand left;
    struct piece right;
    size_t parens = take_parens(s);
    if (!take_word(s, "eq") || !take_operand(s, &left) || !take_literal(s, &right) ||
        !close_parens(s, parens))
        return tm_err_set(e, "only `if eq CLAIM \"text\"` is supported");
    if (s->depth == NESTING_MAX)
        return tm_err_set(e, "`if` is nested deeper than %d", NESTING_MAX);
    struct node *n = add(s, OP_IF_EQ, left.name, e);
    if (n == NULL)
        return -1;
    n->strict = left.strict;
    n->other = strndup(right.s, right.len);
    s->open[s->depth].branch = s->t->count - 1;
    s->open[s->depth++].in_else = false;
    return n->other != NULL ? 0 : tm_err_set(e, "out of memory");
}

static int take_else(struct parser *s, struct tm_err *e)
{
    if (s->depth == 0 || s->open[s->depth - 1].in_else)
        return tm_err_set(e, "`else` without `if`");
    if (add(s, OP_JUMP, (struct piece){"", 0}, e) == NULL)
        return -1;
    s->t->node[s->open[s->depth - 1].branch].jump = s->t->count;
    s->open[s->depth - 1].branch = s->t->count - 1;
    s->open[s->depth - 1].in_else = true;
    return 0;
}

static int take_end(struct parser *s, struct tm_err *e)
{
    if (s->depth == 0)
        return tm_err_set(e, "`end` without `if`");
    s->t->node[s->open[--s->depth].branch].jump = s->t->count;
    return 0;
}

/* What stands between `{{` and `}}`. */
static int parse_action(struct parser *s, struct tm_err *e)
{
    struct operand value;
    int rc = 0;
    skip_space(s);
    if (take_word(s, "if")) {
        rc = open_if(s, e);
    } else if (take_word(s, "else")) {
        rc = take_else(s, e);
    } else if (take_word(s, "end")) {
        rc = take_end(s, e);
    } else if (take_operand(s, &value)) {
        struct node *n = add(s, OP_VALUE, value.name, e);
        if (n == NULL)
            return -1;
        n->strict = value.strict;
    } else {
        return tm_err_set(e, "unsupported template action: use .claim, index . \"claim\" or if eq");
    }
    if (rc == 0 && s->p != s->end)
        return tm_err_set(e, "unsupported template syntax: no pipes, functions or trim marks here");
    return rc;
}

/* The end of the action that starts at p; quotes may hold braces. NULL: unclosed. */
static const char *find_close(const char *p, const char *end)
{
    bool quoted = false;
    for (; p + 1 < end; p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (!quoted && p[0] == '}' && p[1] == '}')
            return p;
    }
    return NULL;
}

static int parse(struct parser *s, struct tm_err *e)
{
    const char *end = s->end;
    while (s->p < end) {
        const char *brace = strstr(s->p, "{{");
        const char *stop = brace != NULL ? brace : end;
        struct piece text = {s->p, (size_t)(stop - s->p)};
        if (text.len > 0 && add(s, OP_TEXT, text, e) == NULL)
            return -1;
        if (brace == NULL)
            break;
        s->p = brace + 2;
        const char *close = find_close(s->p, end);
        if (close == NULL)
            return tm_err_set(e, "`{{` is never closed");
        s->end = close;
        if (parse_action(s, e) != 0)
            return -1;
        s->p = close + 2;
        s->end = end;
    }
    return s->depth == 0 ? 0 : tm_err_set(e, "`if` without `end`");
}

struct oidc_template *oidc_template_compile(const char *source, struct tm_err *e)
{
    size_t len = strlen(source);
    if (len > TEMPLATE_MAX)
        return tm_err_null(e, "template is longer than %d bytes", TEMPLATE_MAX);
    if (source[strspn(source, " \t\r\n")] == '\0')
        return tm_err_null(e, "template is blank");
    struct oidc_template *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return tm_err_null(e, "out of memory");
    struct parser s = {.p = source, .end = source + len, .t = t};
    int rc;
    if (strstr(source, "{{") == NULL)
        rc = add(&s, OP_VALUE, (struct piece){source, len}, e) != NULL ? 0 : -1;
    else
        rc = parse(&s, e);
    if (rc != 0) {
        oidc_template_free(t);
        return NULL;
    }
    return t;
}

void oidc_template_free(struct oidc_template *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->count; i++) {
        free(t->node[i].arg);
        free(t->node[i].other);
    }
    free(t->node);
    free(t);
}

bool oidc_template_is_under(const char *text, const char *url)
{
    const char *at = strstr(text, url);
    return at != NULL && (at[strlen(url)] == '/' || at[strlen(url)] == '\0');
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool oidc_template_same(const struct oidc_template *a, const struct oidc_template *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    bool same = a->count == b->count;
    for (size_t i = 0; i < a->count && same; i++) {
        const struct node *x = &a->node[i];
        const struct node *y = &b->node[i];
        same = x->op == y->op && x->strict == y->strict && x->jump == y->jump &&
               same_text(x->arg, y->arg) && same_text(x->other, y->other);
    }
    return same;
}

bool oidc_template_names(const struct oidc_template *t, const char *url)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->node[i].op == OP_TEXT && oidc_template_is_under(t->node[i].arg, url))
            return true;
    }
    return false;
}

static int value(const struct node *n, template_lookup_fn lookup, void *arg, struct tm_buf *out,
                 struct tm_err *e)
{
    int rc = lookup(arg, n->arg, out, e);
    if (rc == 1 && n->strict)
        return tm_err_set(e, "claim '%.100s' is in neither the token nor the defaults", n->arg);
    return rc < 0 ? -1 : 0;
}

/* 0: not equal, 1: equal, -1: fault. */
static int equal(const struct node *n, template_lookup_fn lookup, void *arg, struct tm_err *e)
{
    struct tm_buf left = {0};
    int rc = value(n, lookup, arg, &left, e);
    const char *text = rc == 0 ? tm_buf_str(&left) : NULL;
    if (text != NULL)
        rc = strcmp(text, n->other) == 0 ? 1 : 0;
    else if (rc == 0)
        rc = tm_err_set(e, "out of memory");
    tm_buf_free(&left);
    return rc;
}

int oidc_template_eval(const struct oidc_template *t, template_lookup_fn lookup, void *arg,
                       struct tm_buf *out, struct tm_err *e)
{
    for (size_t i = 0; i < t->count;) {
        const struct node *n = &t->node[i++];
        int same = 0;
        if (n->op == OP_TEXT) {
            tm_buf_puts(out, n->arg);
        } else if (n->op == OP_VALUE) {
            if (value(n, lookup, arg, out, e) != 0)
                return -1;
        } else if (n->op == OP_JUMP) {
            i = n->jump;
        } else {
            same = equal(n, lookup, arg, e);
            if (same == 0)
                i = n->jump;
        }
        if (same < 0)
            return -1;
        if (out->len > TEMPLATE_OUTPUT_MAX)
            return tm_err_set(e, "the result is longer than %d bytes", TEMPLATE_OUTPUT_MAX);
    }
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}
