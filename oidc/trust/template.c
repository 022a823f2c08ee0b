#include "oidc/trust/template.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define NODES_MAX 128
#define NESTING_MAX 4

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

struct template {
    size_t count;
    struct node node[NODES_MAX];
};

struct parser {
    const char *p;
    const char *end;
    struct template *t;
    struct {
        size_t branch; /* the node whose jump is still open */
        bool in_else;
    } open[NESTING_MAX];
    size_t depth;
};

static struct node *add(struct parser *s, enum op op, const char *arg, size_t len, struct err *e)
{
    if (s->t->count == NODES_MAX) {
        err_set(e, "template has more than %d parts", NODES_MAX);
        return NULL;
    }
    struct node *n = &s->t->node[s->t->count];
    *n = (struct node){.op = op, .strict = true};
    n->arg = arg != NULL ? strndup(arg, len) : NULL;
    if (arg != NULL && n->arg == NULL) {
        err_set(e, "out of memory");
        return NULL;
    }
    s->t->count++;
    return n;
}

static void skip_space(struct parser *s)
{
    while (s->p < s->end && isspace((unsigned char)*s->p))
        s->p++;
}

static bool take_word(struct parser *s, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return false;
    char next = (size_t)(s->end - s->p) > n ? s->p[n] : '\0';
    if (isalnum((unsigned char)word[n - 1]) && (isalnum((unsigned char)next) || next == '_'))
        return false;
    s->p += n;
    skip_space(s);
    return true;
}

/* A double-quoted string without escapes. */
static bool take_literal(struct parser *s, const char **text, size_t *len)
{
    if (s->p == s->end || *s->p != '"')
        return false;
    const char *close = memchr(s->p + 1, '"', (size_t)(s->end - s->p - 1));
    if (close == NULL || memchr(s->p, '\\', (size_t)(close - s->p)) != NULL)
        return false;
    *text = s->p + 1;
    *len = (size_t)(close - s->p - 1);
    s->p = close + 1;
    skip_space(s);
    return true;
}

/* `.name`, `index . "name"`, or either in parentheses. */
static bool take_value(struct parser *s, const char **name, size_t *len, bool *strict)
{
    bool paren = take_word(s, "(");
    *strict = true;
    if (take_word(s, "index")) {
        *strict = false;
        if (!take_word(s, ".") || !take_literal(s, name, len))
            return false;
    } else {
        if (s->p == s->end || *s->p != '.')
            return false;
        *name = ++s->p;
        while (s->p < s->end && (isalnum((unsigned char)*s->p) || *s->p == '_'))
            s->p++;
        *len = (size_t)(s->p - *name);
        skip_space(s);
    }
    return *len > 0 && (!paren || take_word(s, ")"));
}

static int open_if(struct parser *s, struct err *e)
{
    const char *name;
    const char *literal;
    size_t name_len;
    size_t literal_len;
    bool strict;
    if (!take_word(s, "eq") || !take_value(s, &name, &name_len, &strict) ||
        !take_literal(s, &literal, &literal_len))
        return err_set(e, "only `if eq CLAIM \"text\"` is supported");
    if (s->depth == NESTING_MAX)
        return err_set(e, "`if` is nested deeper than %d", NESTING_MAX);
    struct node *n = add(s, OP_IF_EQ, name, name_len, e);
    if (n == NULL)
        return -1;
    n->strict = strict;
    n->other = strndup(literal, literal_len);
    s->open[s->depth].branch = s->t->count - 1;
    s->open[s->depth++].in_else = false;
    return n->other != NULL ? 0 : err_set(e, "out of memory");
}

static int take_else(struct parser *s, struct err *e)
{
    if (s->depth == 0 || s->open[s->depth - 1].in_else)
        return err_set(e, "`else` without `if`");
    if (add(s, OP_JUMP, NULL, 0, e) == NULL)
        return -1;
    s->t->node[s->open[s->depth - 1].branch].jump = s->t->count;
    s->open[s->depth - 1].branch = s->t->count - 1;
    s->open[s->depth - 1].in_else = true;
    return 0;
}

static int take_end(struct parser *s, struct err *e)
{
    if (s->depth == 0)
        return err_set(e, "`end` without `if`");
    s->t->node[s->open[--s->depth].branch].jump = s->t->count;
    return 0;
}

/* What stands between `{{` and `}}`. */
static int parse_action(struct parser *s, struct err *e)
{
    const char *name;
    size_t len;
    bool strict;
    int rc = 0;
    skip_space(s);
    if (take_word(s, "if")) {
        rc = open_if(s, e);
    } else if (take_word(s, "else")) {
        rc = take_else(s, e);
    } else if (take_word(s, "end")) {
        rc = take_end(s, e);
    } else if (take_value(s, &name, &len, &strict)) {
        struct node *n = add(s, OP_VALUE, name, len, e);
        rc = n != NULL ? 0 : -1;
        if (n != NULL)
            n->strict = strict;
    } else {
        rc = err_set(e, "unsupported template action: use .claim, index . \"claim\", or if eq");
    }
    if (rc == 0 && s->p != s->end)
        rc = err_set(e, "unsupported template syntax: pipes, functions and trim marks are not known");
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

static int parse(struct parser *s, struct err *e)
{
    const char *end = s->end;
    while (s->p < end) {
        const char *brace = strstr(s->p, "{{");
        const char *stop = brace != NULL ? brace : end;
        if (stop > s->p && add(s, OP_TEXT, s->p, (size_t)(stop - s->p), e) == NULL)
            return -1;
        if (brace == NULL)
            break;
        s->p = brace + 2;
        const char *close = find_close(s->p, end);
        if (close == NULL)
            return err_set(e, "`{{` is never closed");
        s->end = close;
        if (parse_action(s, e) != 0)
            return -1;
        s->p = close + 2;
        s->end = end;
    }
    return s->depth == 0 ? 0 : err_set(e, "`if` without `end`");
}

struct template *template_compile(const char *source, struct err *e)
{
    size_t len = strlen(source);
    struct template *t = calloc(1, sizeof(*t));
    if (t == NULL || len > TEMPLATE_MAX) {
        free(t);
        err_set(e, "template is longer than %d bytes", TEMPLATE_MAX);
        return NULL;
    }
    struct parser s = {.p = source, .end = source + len, .t = t};
    int rc;
    if (strstr(source, "{{") == NULL)
        rc = len == 0 || add(&s, OP_VALUE, source, len, e) != NULL ? 0 : -1;
    else
        rc = parse(&s, e);
    if (rc != 0) {
        template_free(t);
        return NULL;
    }
    return t;
}

void template_free(struct template *t)
{
    for (size_t i = 0; t != NULL && i < t->count; i++) {
        free(t->node[i].arg);
        free(t->node[i].other);
    }
    free(t);
}

static int value(const struct node *n, template_lookup_fn lookup, void *arg, struct buf *out,
                 struct err *e)
{
    int rc = lookup(arg, n->arg, out, e);
    if (rc == 1 && n->strict)
        return err_set(e, "claim '%.100s' is in neither the token nor the defaults", n->arg);
    return rc < 0 ? -1 : 0;
}

int template_eval(const struct template *t, template_lookup_fn lookup, void *arg, struct buf *out,
                  struct err *e)
{
    struct buf left = {0};
    int rc = 0;
    for (size_t i = 0; i < t->count && rc == 0;) {
        const struct node *n = &t->node[i++];
        if (n->op == OP_TEXT) {
            buf_puts(out, n->arg);
        } else if (n->op == OP_VALUE) {
            rc = value(n, lookup, arg, out, e);
        } else if (n->op == OP_JUMP) {
            i = n->jump;
        } else {
            buf_reset(&left);
            rc = value(n, lookup, arg, &left, e);
            const char *text = buf_str(&left);
            if (text == NULL || strcmp(text, n->other) != 0)
                i = n->jump;
        }
    }
    buf_free(&left);
    return rc == 0 && buf_failed(out) ? err_set(e, "out of memory") : rc;
}
