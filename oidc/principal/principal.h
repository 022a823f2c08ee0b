/*
 * A principal: who a verified token says the CI job is, in the form a
 * certificate needs. Made from the claims by the issuer's type.
 */
#pragma once

#include <jansson.h>

#include "common/err.h"
#include "common/identity.h"
#include "oidc/principal/issuer.h"

#define OIDC_VALUE_MAX 4096 /* bytes of one SAN, challenge or extension value */

struct oidc_principal {
    enum tm_identity_san_kind san_kind;
    char *san;                         /* owned; never empty */
    char *challenge;                   /* owned; the bytes the client must have signed */
    char *field[IDENTITY_FIELD_COUNT]; /* owned; NULL: the extension is left out */
};

/*
 * Maps verified claims to a principal by `issuer->type`. The caller holds a reference to the
 * trust list that `issuer` is from. `claims` must have
 * passed oidc_verify (signature, iss, aud, times). Every value is valid UTF-8
 * without control bytes and at most OIDC_VALUE_MAX bytes. 0, or -1 with a reason
 * that names the claim but not its value.
 */
int oidc_principal_from_claims(const struct oidc_issuer *issuer, const json_t *claims,
                               struct oidc_principal *out, struct tm_err *e);

void oidc_principal_free(struct oidc_principal *p);
