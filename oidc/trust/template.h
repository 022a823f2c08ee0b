/*
 * The subset of Go's text/template that Fulcio's CI providers use: `{{ .claim }}`,
 * `{{ index . "claim" }}`, `{{ if eq A "text" }}…{{ else }}…{{ end }}`, parentheses around any of
 * these; a string without `{{` is the name of a claim. Anything more is refused when the
 * configuration loads.
 */
#ifndef TENMINT_OIDC_TEMPLATE_H
#define TENMINT_OIDC_TEMPLATE_H

#include "common/buf.h"
#include "common/err.h"

#define TEMPLATE_MAX 4096        /* bytes of source */
#define TEMPLATE_OUTPUT_MAX 4096 /* bytes of one result */

struct template; /* compiled; immutable */

/* `source` is UTF-8; it must not be blank. NULL with `e` set when it is not in the subset. */
struct template *template_compile(const char *source, struct err *e);
void template_free(struct template *t);

/* Appends the value of claim `key` as text. 0, 1: no such claim, -1: not usable, `e` says why. */
typedef int (*template_lookup_fn)(void *arg, const char *key, struct buf *out, struct err *e);

/* Appends the result to an empty `out`. A missing claim fails, except through `index`, which
 * yields "". */
int template_eval(const struct template *t, template_lookup_fn lookup, void *arg, struct buf *out,
                  struct err *e);

#endif
