#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "common/pem.h"
#include "oidc/token/claim.h"
#include "oidc/token/types.h"
#include "oidc/principal/types.h"
#include "oidc/trust/internal.h"

/* Every block must be readable: a CA that is dropped in silence would be missed much later. */
static int check_ca_cert(const struct oidc_issuer *i, struct tm_err *e)
{
    size_t certs = 0;
    X509 *cert;
    if (i->ca_cert == NULL)
        return 0;
    BIO *in = BIO_new_mem_buf(i->ca_cert, -1);
    while (in != NULL && (cert = PEM_read_bio_X509(in, NULL, tm_pem_no_password, NULL)) != NULL) {
        X509_free(cert);
        certs++;
    }
    bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    BIO_free(in);
    ERR_clear_error();
    return certs > 0 && at_end ? 0
                               : tm_err_set(e, "failed to parse CA certificate for %sissuer %.200s",
                                            i->wildcard ? "meta " : "", i->url);
}

static struct oidc_provider *find_provider(const struct oidc_trust *t, const char *name,
                                           const struct oidc_builtin *builtin)
{
    for (struct oidc_provider *p = t->providers; p != NULL; p = p->next) {
        if (p->builtin == builtin && strcmp(p->name, name) == 0)
            return p;
    }
    return NULL;
}

static int unknown_type(const struct oidc_issuer *i, struct tm_err *e)
{
    const char *near = oidc_type_near(i->type_name);
    return tm_err_set(e, "unknown type '%.60s'%s%s%s%s", i->type_name,
                      i->challenge_claim == NULL ? ": issuer missing challenge claim" : "",
                      near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                      near != NULL ? "'?" : "");
}

static int link_provider(struct oidc_trust *t, struct oidc_entry *entry, struct tm_err *e)
{
    struct oidc_issuer *i = &entry->public;
    const struct oidc_builtin *b = i->type->builtin;
    if (b != NULL) {
        struct oidc_provider *p = find_provider(t, b->name, b);
        if (p == NULL) {
            p = oidc_provider_new_builtin(b, e);
            if (p == NULL)
                return -1;
            p->next = t->providers;
            t->providers = p;
        }
        i->provider = p;
        return 0;
    }
    if ((i->type->takes & TAKES_CI_PROVIDER) == 0)
        return 0;
    if (entry->ci_provider == NULL)
        return tm_err_set(e, "type ci-provider needs the key ci-provider: a name in "
                             "ci-issuer-metadata");
    i->provider = find_provider(t, entry->ci_provider, NULL);
    return i->provider != NULL ? 0
                               : tm_err_set(e, "ci-provider '%.60s' is not in ci-issuer-metadata",
                                            entry->ci_provider);
}

static int check_url(const struct oidc_entry *entry, struct tm_err *e)
{
    const struct oidc_issuer *i = &entry->public;
    struct oidc_url u;
    if (i->url == NULL || strcmp(i->url, entry->map_key) != 0)
        return tm_err_set(e, "issuer-url must equal the key it stands under");
    if (strlen(i->url) > OIDC_ISSUER_MAX)
        return tm_err_set(e, "an issuer URL has at most %d bytes", OIDC_ISSUER_MAX);
    if (!i->wildcard && strchr(i->url, '*') != NULL)
        return tm_err_set(e, "'*' belongs under meta-issuers");
    if (strncmp(i->url, "https://", 8) != 0 && strncmp(i->url, "http://", 7) != 0)
        return tm_err_set(e, "the issuer must be an https URL");
    for (const char *s = i->url; *s != '\0'; s++) {
        if (*s <= ' ' || *s > '~' || *s == '?' || *s == '#')
            return tm_err_set(e, "an issuer URL has no blanks, query or fragment and is ASCII");
    }
    if (!oidc_url_split(i->url, i->wildcard, &u))
        return tm_err_set(e, "the issuer URL has a bad host");
    const char *dot = memrchr(u.host, '.', u.host_len);
    const char *last = dot != NULL ? dot : u.host;
    if (memchr(last, '*', (size_t)(u.host + u.host_len - last)) != NULL)
        return tm_err_set(e, "a '*' in the last label of the host would trust anybody's domain");
    return 0;
}

/* A key that the type never reads would be ignored in silence. */
static int check_keys(const struct oidc_entry *entry, struct tm_err *e)
{
    const struct oidc_issuer *i = &entry->public;
    const struct {
        bool set;
        unsigned takes;
        const char *key;
    } rows[] = {
        {i->subject_domain != NULL, TAKES_SUBJECT_DOMAIN, "subject-domain"},
        {i->spiffe_trust_domain != NULL, TAKES_TRUST_DOMAIN, "spiffe-trust-domain"},
        {i->skip_email_verification, TAKES_SKIP_EMAIL, "skip-email-verification"},
        {entry->ci_provider != NULL, TAKES_CI_PROVIDER, "ci-provider"},
    };
    if (i->issuer_claim != NULL && (i->type->takes & TAKES_ISSUER_CLAIM) == 0)
        return tm_err_set(e, "only email issuers can use issuer claim mapping");
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        if (rows[k].set && (i->type->takes & rows[k].takes) == 0)
            return tm_err_set(e, "'%s' means nothing for type %s: remove it", rows[k].key,
                              i->type->name);
    }
    if (i->issuer_claim != NULL && !oidc_claim_path_ok(i->issuer_claim))
        return tm_err_set(e, "issuer-claim must be a path such as $.federated_claims.connector_id");
    return 0;
}

/* tenmint's own keys, with each other. */
static int check_terms(const struct oidc_issuer *i, struct tm_err *e)
{
    if (i->not_after_s != 0 && i->not_after_s <= i->not_before_s)
        return tm_err_set(e, "not-after is not later than not-before: nobody would be let in");
    return i->wildcard && i->jwks_file != NULL
               ? tm_err_set(e, "jwks-file is for one issuer: not under meta-issuers")
               : 0;
}

int oidc_validate_entry(struct oidc_trust *t, struct oidc_entry *entry, struct tm_err *e)
{
    struct oidc_issuer *i = &entry->public;
    if (i->url == NULL && i->wildcard && (i->url = strdup(entry->map_key)) == NULL)
        return tm_err_set(e, "out of memory");
    if (check_url(entry, e) != 0)
        return -1;
    if (i->client_id == NULL)
        return tm_err_set(e, "client-id (the audience) is missing");
    if (i->type_name == NULL)
        return tm_err_set(e, "type is missing");
    i->type = oidc_type_find(i->type_name);
    if (i->type == NULL)
        return unknown_type(i, e);
    if (i->challenge_claim == NULL && (i->challenge_claim = strdup(i->type->challenge)) == NULL)
        return tm_err_set(e, "out of memory");
    if (check_ca_cert(i, e) != 0 || check_keys(entry, e) != 0 || check_terms(i, e) != 0)
        return -1;
    if (i->type->check != NULL && i->type->check(i, e) != 0)
        return -1;
    return link_provider(t, entry, e);
}
