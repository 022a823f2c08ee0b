/*
 * The subset of Go's text/template that Fulcio's CI providers use: `{{ .claim }}`,
 * `{{ index . "claim" }}`, `{{ if eq A "text" }}…{{ else }}…{{ end }}`, parentheses around any of
 * these; a string without `{{` is the name of a claim. Anything more is refused when the
 * configuration loads.
 */
#pragma once

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"

#define TEMPLATE_MAX 4096        /* bytes of source */
#define TEMPLATE_OUTPUT_MAX 4096 /* bytes of one result */

struct oidc_template; /* compiled; immutable */

/* `source` is UTF-8; it must not be blank. NULL with `e` set when it is not in the subset. */
struct oidc_template *oidc_template_compile(const char *source, struct tm_err *e);
void oidc_template_free(struct oidc_template *t);

/* Whether both, of which any may be NULL, always give the same. */
bool oidc_template_same(const struct oidc_template *a, const struct oidc_template *b);

/* Some literal text of the template is under this URL. */
bool oidc_template_names(const struct oidc_template *t, const char *url);
/* `text` holds `url`, and then ends or goes on with a path. */
bool oidc_template_is_under(const char *text, const char *url);

/* Appends the value of claim `key` as text. 0, 1: no such claim, -1: not usable, `e` says why. */
typedef int (*template_lookup_fn)(void *arg, const char *key, struct tm_buf *out, struct tm_err *e);

/* Appends the result to an empty `out`. A missing claim fails, except through `index`, which
 * yields "". */
int oidc_template_eval(const struct oidc_template *t, template_lookup_fn lookup, void *arg,
                       struct tm_buf *out, struct tm_err *e);
