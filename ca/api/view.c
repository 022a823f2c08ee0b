#include "ca/api/view.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ca/api/fault.h"
#include "common/json/jsonstr.h"

struct counted {
    struct api_view view; /* first: the public pointer is this one */
    atomic_uint refs;
};

static size_t trimmed(const char *pem)
{
    size_t n = strlen(pem);
    while (n > 0 && (pem[n - 1] == '\n' || pem[n - 1] == '\r'))
        n--;
    return n;
}

void api_trust_bundle_json(const struct signer_chain *chain, struct buf *out)
{
    buf_puts(out, "{\"chains\":[{\"certificates\":[");
    for (size_t i = 0; i < chain->count; i++) {
        if (i > 0)
            buf_putc(out, ',');
        jsonstr_put(out, chain->pem[i], strlen(chain->pem[i]));
    }
    buf_puts(out, "]}]}");
}

void api_root_cert_pem(const struct signer_chain *chain, struct buf *out)
{
    for (size_t i = 0; i < chain->count; i++) {
        if (i > 0)
            buf_puts(out, "\n\n");
        buf_append(out, chain->pem[i], trimmed(chain->pem[i]));
    }
}

static void put_member(struct buf *out, const char *key, const char *value)
{
    buf_printf(out, ",\"%s\":", key);
    jsonstr_put(out, value != NULL ? value : "", value != NULL ? strlen(value) : 0);
}

int api_configuration_json(const struct oidc_trust *trust, struct buf *out, struct err *e)
{
    buf_puts(out, "{\"issuers\":[");
    for (size_t i = 0; i < oidc_trust_count(trust); i++) {
        const struct oidc_issuer *is = oidc_trust_at(trust, i);
        buf_puts(out, i > 0 ? ",{" : "{");
        buf_puts(out, is->wildcard ? "\"wildcardIssuerUrl\":" : "\"issuerUrl\":");
        jsonstr_put(out, is->url, strlen(is->url));
        put_member(out, "audience", is->client_id);
        put_member(out, "challengeClaim", is->challenge_claim);
        put_member(out, "spiffeTrustDomain", is->spiffe_trust_domain);
        put_member(out, "issuerType", is->type_name);
        put_member(out, "subjectDomain", is->subject_domain);
        buf_printf(out, ",\"skipEmailVerification\":%s}",
                   is->skip_email_verification ? "true" : "false");
    }
    buf_puts(out, "]}");
    return buf_failed(out) ? err_set(e, "out of memory") : 0;
}

static void put_chain(struct api_view *v)
{
    const struct signer_chain *chain = signer_chain(v->ca);
    for (size_t i = 0; i < chain->count; i++) {
        size_t n = trimmed(chain->pem[i]);
        buf_putc(&v->chain_json, ',');
        jsonstr_put(&v->chain_json, chain->pem[i], n);
        buf_putc(&v->chain_pem, '\n');
        buf_append(&v->chain_pem, chain->pem[i], n);
    }
}

static int can_replies(struct api_view *v, const struct oidc_trust *trust, struct err *e)
{
    struct buf bundle = {0};
    struct buf root = {0};
    struct buf config = {0};
    int rc = api_configuration_json(trust, &config, e);
    api_trust_bundle_json(signer_chain(v->ca), &bundle);
    api_root_cert_pem(signer_chain(v->ca), &root);
    if (rc == 0) {
        v->trust_bundle = http_canned_new("application/json", &bundle);
        v->root_cert = http_canned_new("application/pem-certificate-chain", &root);
        v->configuration = http_canned_new("application/json", &config);
        if (v->trust_bundle == NULL || v->root_cert == NULL || v->configuration == NULL ||
            buf_failed(&v->chain_json) || buf_failed(&v->chain_pem))
            rc = err_set(e, "out of memory");
    }
    buf_free(&bundle);
    buf_free(&root);
    buf_free(&config);
    return rc;
}

struct api_view *api_view_new(struct signer *ca, const struct oidc_trust *trust, struct err *e)
{
    struct counted *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        err_set(e, "out of memory");
        return NULL;
    }
    atomic_init(&c->refs, 1);
    c->view.ca = signer_ref(ca);
    put_chain(&c->view);
    if (can_replies(&c->view, trust, e) != 0) {
        api_view_unref(&c->view);
        return NULL;
    }
    return &c->view;
}

struct api_view *api_view_ref(struct api_view *v)
{
    atomic_fetch_add_explicit(&((struct counted *)v)->refs, 1, memory_order_relaxed);
    return v;
}

void api_view_unref(struct api_view *v)
{
    struct counted *c = (struct counted *)v;
    if (c == NULL || atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    http_canned_free(v->trust_bundle);
    http_canned_free(v->root_cert);
    http_canned_free(v->configuration);
    buf_free(&v->chain_json);
    buf_free(&v->chain_pem);
    signer_unref(v->ca);
    free(c);
}
