/*
 * Whom a certificate names, and whom the caller accepts. Source: Fulcio docs/oid-info.md.
 */
#pragma once

#include <openssl/x509.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/identity.h"
#include "common/pattern.h"
#include "tuf/verify/bundle/report.h"

#define IDENTITY_RULES_MAX 64

/* The name by which a policy calls an extension: "source-repository-uri", "token-subject";
 * the issuer's has its own option. NULL: the field has none. */
const char *tuf_identity_policy_name(enum tm_identity_field f);

/* The field of that name. -1 with the nearest name in `e`. */
int tuf_identity_field_by_name(const char *name, enum tm_identity_field *out, struct tm_err *e);

/* The certificate's one subject alternative name (URI, email or Fulcio's otherName) into `out`.
 * -1: there is none, there are several, or it is of another kind. */
int tuf_identity_san(X509 *cert, struct tm_buf *out, enum tm_identity_san_kind *kind,
                     struct tm_err *e);

/* The field's text, appended to `out`. 1: found, 0: absent, -1: damaged or there twice. */
int tuf_identity_extension(X509 *cert, enum tm_identity_field f, struct tm_buf *out,
                           struct tm_err *e);

/* The issuer, from arc 8 or, on old certificates, arc 1. 1, 0, -1 as above; both must agree. */
int tuf_identity_issuer(X509 *cert, struct tm_buf *out, struct tm_err *e);

enum tuf_identity_subject { IDENTITY_RULE_ISSUER, IDENTITY_RULE_SAN, IDENTITY_RULE_EXTENSION };

struct tuf_identity_rule {
    enum tuf_identity_subject subject;
    enum tm_identity_field field; /* IDENTITY_RULE_EXTENSION */
    const char *exact;            /* borrowed; NULL: by pattern */
    struct tm_pattern *pattern;   /* borrowed */
    const char *source;           /* the pattern's text, for messages */
};

struct tuf_identity_policy { /* every rule must hold */
    struct tuf_identity_rule rule[IDENTITY_RULES_MAX];
    size_t count;
};

/* One line per rule. Only of a certificate that a CA vouches for it says how to expect its name. */
void tuf_identity_check(const struct tuf_identity_policy *p, X509 *cert, bool vouched,
                        struct tuf_report *r);
