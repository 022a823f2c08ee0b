#include "oidc/trust/trust.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/fetch/fetch.h"
#include "common/file.h"
#include "common/hex.h"
#include "oidc/trust/internal.h"
#include "oidc/trust/rules.h"

static void entry_free(struct oidc_entry *entry)
{
    const struct oidc_issuer *i = &entry->public;
    const char *const strings[] = {
        i->url,
        i->client_id,
        i->type_name,
        i->issuer_claim,
        i->subject_domain,
        i->spiffe_trust_domain,
        i->challenge_claim,
        i->ca_cert,
        i->jwks_file,
        entry->map_key,
        entry->ci_provider,
    };
    for (size_t k = 0; k < sizeof(strings) / sizeof(strings[0]); k++)
        free((char *)strings[k]);
    oidc_rules_free((struct oidc_rules *)i->allow);
}

/* "spiffe://domain" and "domain" mean the same; the bare name is kept. */
static void normalise(struct oidc_entry *entry)
{
    static const char scheme[] = "spiffe://";
    char *d = (char *)entry->public.spiffe_trust_domain;
    if (d != NULL && strncmp(d, scheme, sizeof(scheme) - 1) == 0)
        memmove(d, d + sizeof(scheme) - 1, strlen(d) - sizeof(scheme) + 2);
}

/* Exact issuers before wildcards, file order kept within each. */
static int sort_entries(struct oidc_trust *t)
{
    struct oidc_entry *sorted = malloc((t->count + 1) * sizeof(*sorted));
    size_t n = 0;
    if (sorted == NULL)
        return -1;
    for (int wildcard = 0; wildcard <= 1; wildcard++) {
        for (size_t i = 0; i < t->count; i++) {
            if (t->entry[i].public.wildcard == (wildcard == 1))
                sorted[n++] = t->entry[i];
        }
    }
    free(t->entry);
    t->entry = sorted;
    return 0;
}

static int finish(const char *name, struct oidc_trust *t, struct tm_err *e)
{
    if (t->count == 0)
        return tm_err_set(e, "%s: no issuer is configured: add one under oidc-issuers", name);
    if (sort_entries(t) != 0)
        return tm_err_set(e, "out of memory");
    for (size_t i = 0; i < t->count; i++) {
        normalise(&t->entry[i]);
        if (oidc_validate_entry(t, &t->entry[i], e) != 0)
            return tm_err_wrap(e, "%s:%lu: issuer '%.200s'", name, t->entry[i].line,
                               t->entry[i].map_key);
    }
    return 0;
}

static int take_digest(struct oidc_trust *t, const char *text, size_t len, struct tm_err *e)
{
    unsigned char digest[32];
    if (EVP_Digest(text, len, digest, NULL, EVP_sha256(), NULL) != 1)
        return tm_err_openssl(e, "hash the issuer list");
    tm_hex_encode(digest, sizeof(digest), t->digest);
    return 0;
}

const char *oidc_trust_digest(const struct oidc_trust *t)
{
    return t->digest;
}

int oidc_trust_parse(const char *name, const char *text, size_t len, struct oidc_trust **out,
                     struct tm_err *e)
{
    struct oidc_trust *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return tm_err_set(e, "out of memory");
    atomic_init(&t->refs, 1);
    if (oidc_trust_read(name, text, len, t, e) != 0 || finish(name, t, e) != 0 ||
        take_digest(t, text, len, e) != 0) {
        oidc_trust_unref(t);
        return -1;
    }
    *out = t;
    return 0;
}

int oidc_trust_load(const char *path, struct oidc_trust **out, struct tm_err *e)
{
    struct tm_buf text = {0};
    int rc = tm_file_read_text(path, TRUST_FILE_MAX, &text, e);
    if (rc != 0)
        tm_err_wrap(e, "issuer list");
    else
        rc = oidc_trust_parse(path, tm_buf_str(&text), text.len, out, e);
    tm_buf_free(&text);
    return rc;
}

int oidc_trust_check_http(const struct oidc_trust *t, bool allow_http, struct tm_err *e)
{
    for (size_t i = 0; i < t->count && !allow_http; i++) {
        const struct oidc_issuer *is = &t->entry[i].public;
        if (strncmp(is->url, "http://", 7) == 0 && !is->allow_http &&
            !tm_fetch_is_loopback(is->url))
            return tm_err_set(
                e,
                "line %lu: issuer '%.200s' is http, where anybody between could put his "
                "keys: use https, or say 'allow-http: true' in its entry",
                t->entry[i].line, is->url);
    }
    return 0;
}

struct oidc_trust *oidc_trust_ref(struct oidc_trust *t)
{
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void oidc_trust_unref(struct oidc_trust *t)
{
    if (t == NULL || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < t->count; i++)
        entry_free(&t->entry[i]);
    free(t->entry);
    while (t->providers != NULL) {
        struct oidc_provider *p = t->providers;
        t->providers = p->next;
        oidc_provider_free(p);
    }
    free(t);
}

const struct oidc_issuer *oidc_trust_find(const struct oidc_trust *t, const char *iss, size_t len)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct oidc_issuer *issuer = &t->entry[i].public;
        if (issuer->wildcard ? oidc_wildcard_match(issuer->url, iss, len)
                             : strlen(issuer->url) == len && memcmp(issuer->url, iss, len) == 0)
            return issuer;
    }
    return NULL;
}

enum oidc_issuer_state oidc_issuer_state(const struct oidc_issuer *issuer, int64_t now_s)
{
    if (issuer->disabled)
        return ISSUER_DISABLED;
    if (now_s < issuer->not_before_s)
        return ISSUER_NOT_YET;
    return issuer->not_after_s != 0 && now_s >= issuer->not_after_s ? ISSUER_OVER : ISSUER_IN_FORCE;
}

bool oidc_issuer_is_open(const struct oidc_issuer *issuer, int64_t now_s)
{
    return oidc_issuer_state(issuer, now_s) == ISSUER_IN_FORCE && !issuer->trial;
}

size_t oidc_trust_count(const struct oidc_trust *t)
{
    return t->count;
}

const struct oidc_issuer *oidc_trust_at(const struct oidc_trust *t, size_t i)
{
    return &t->entry[i].public;
}
