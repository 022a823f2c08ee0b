/*
 * Whom a certificate names, and whom the caller accepts. Source: Fulcio docs/oid-info.md.
 */
#ifndef TENMINT_TUF_VERIFY_IDENTITY_H
#define TENMINT_TUF_VERIFY_IDENTITY_H

#include <openssl/x509.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/identity.h"
#include "common/pattern.h"
#include "tuf/verify/bundle/report.h"

#define IDENTITY_RULES_MAX 64

/* The name by which a policy calls an extension: "source-repository-uri", "token-subject";
 * the issuer's has its own option. NULL: the field has none. */
const char *identity_policy_name(enum identity_field f);

/* The field of that name. -1 with the nearest name in `e`. */
int identity_field_by_name(const char *name, enum identity_field *out, struct err *e);

/* The certificate's one subject alternative name (URI, email or Fulcio's otherName) into `out`.
 * -1: there is none, there are several, or it is of another kind. */
int identity_san(X509 *cert, struct buf *out, enum identity_san_kind *kind, struct err *e);

/* The field's text, appended to `out`. 1: found, 0: absent, -1: damaged or there twice. */
int identity_extension(X509 *cert, enum identity_field f, struct buf *out, struct err *e);

/* The issuer, from arc 8 or, on old certificates, arc 1. 1, 0, -1 as above; both must agree. */
int identity_issuer(X509 *cert, struct buf *out, struct err *e);

enum identity_subject { IDENTITY_RULE_ISSUER, IDENTITY_RULE_SAN, IDENTITY_RULE_EXTENSION };

struct identity_rule {
    enum identity_subject subject;
    enum identity_field field; /* IDENTITY_RULE_EXTENSION */
    const char *exact;         /* borrowed; NULL: by pattern */
    struct pattern *pattern;   /* borrowed */
    const char *source;        /* the pattern's text, for messages */
};

struct identity_policy { /* every rule must hold */
    struct identity_rule rule[IDENTITY_RULES_MAX];
    size_t count;
};

/* One line per rule. */
void identity_check(const struct identity_policy *p, X509 *cert, struct report *r);

#endif
