#include "ca/api/view.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ca/api/grpc.h"
#include "ca/api/message.h"
#include "common/clock.h"
#include "common/json/jsonstr.h"

struct counted {
    struct ca_api_view view; /* first: the public pointer is this one */
    atomic_uint refs;
};

static size_t trimmed(const char *pem)
{
    size_t n = strlen(pem);
    while (n > 0 && (pem[n - 1] == '\n' || pem[n - 1] == '\r'))
        n--;
    return n;
}

void ca_api_trust_bundle_json(const struct ca_signer_chain *chain, struct tm_buf *out)
{
    tm_buf_puts(out, "{\"chains\":[{\"certificates\":[");
    for (size_t i = 0; i < chain->count; i++) {
        if (i > 0)
            buf_putc(out, ',');
        tm_jsonstr_put(out, chain->pem[i], strlen(chain->pem[i]));
    }
    tm_buf_puts(out, "]}]}");
}

void ca_api_root_cert_pem(const struct ca_signer_chain *chain, struct tm_buf *out)
{
    for (size_t i = 0; i < chain->count; i++) {
        if (i > 0)
            tm_buf_puts(out, "\n\n");
        tm_buf_append(out, chain->pem[i], trimmed(chain->pem[i]));
    }
}

static void put_member(struct tm_buf *out, const char *key, const char *value)
{
    tm_buf_printf(out, ",\"%s\":", key);
    tm_jsonstr_put(out, value != NULL ? value : "", value != NULL ? strlen(value) : 0);
}

int ca_api_configuration_json(const struct oidc_trust *trust, struct tm_buf *out, struct tm_err *e)
{
    int64_t now_s = tm_clock_wall_ms() / 1000;
    bool first = true;
    tm_buf_puts(out, "{\"issuers\":[");
    for (size_t i = 0; i < oidc_trust_count(trust); i++) {
        const struct oidc_issuer *is = oidc_trust_at(trust, i);
        if (!oidc_issuer_is_open(is, now_s))
            continue;
        tm_buf_puts(out, first ? "{" : ",{");
        first = false;
        tm_buf_puts(out, is->wildcard ? "\"wildcardIssuerUrl\":" : "\"issuerUrl\":");
        tm_jsonstr_put(out, is->url, strlen(is->url));
        put_member(out, "audience", is->client_id);
        put_member(out, "challengeClaim", is->challenge_claim);
        put_member(out, "spiffeTrustDomain", is->spiffe_trust_domain);
        put_member(out, "issuerType", is->type_name);
        put_member(out, "subjectDomain", is->subject_domain);
        tm_buf_printf(out, ",\"skipEmailVerification\":%s}",
                      is->skip_email_verification ? "true" : "false");
    }
    tm_buf_puts(out, "]}");
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}

static int put_chain(struct ca_api_view *v)
{
    const struct ca_signer_chain *chain = ca_signer_chain(v->ca);
    v->chain_text = calloc(chain->count + 1, sizeof(*v->chain_text));
    if (v->chain_text == NULL)
        return -1;
    for (size_t i = 0; i < chain->count; i++) {
        size_t n = trimmed(chain->pem[i]);
        buf_putc(&v->chain_json, ',');
        tm_jsonstr_put(&v->chain_json, chain->pem[i], n);
        buf_putc(&v->chain_pem, '\n');
        tm_buf_append(&v->chain_pem, chain->pem[i], n);
        v->chain_text[i] = strndup(chain->pem[i], n);
        if (v->chain_text[i] == NULL)
            return -1;
        v->chain_count++;
    }
    return 0;
}

static int can_messages(struct ca_api_view *v, const struct oidc_trust *trust)
{
    const struct ca_signer_chain *chain = ca_signer_chain(v->ca);
    struct tm_buf bundle = {0};
    struct tm_buf config = {0};
    ca_api_message_trust_bundle((const char *const *)chain->pem, chain->count, &bundle);
    ca_api_message_configuration(trust, &config);
    v->trust_bundle_message = tm_http_canned_new(CA_GRPC_TYPE, &bundle);
    v->configuration_message = tm_http_canned_new(CA_GRPC_TYPE, &config);
    tm_buf_free(&bundle);
    tm_buf_free(&config);
    return v->trust_bundle_message != NULL && v->configuration_message != NULL ? 0 : -1;
}

static int can_replies(struct ca_api_view *v, const struct oidc_trust *trust, struct tm_err *e)
{
    struct tm_buf bundle = {0};
    struct tm_buf root = {0};
    struct tm_buf config = {0};
    int rc = ca_api_configuration_json(trust, &config, e);
    ca_api_trust_bundle_json(ca_signer_chain(v->ca), &bundle);
    ca_api_root_cert_pem(ca_signer_chain(v->ca), &root);
    if (rc == 0) {
        v->trust_bundle = tm_http_canned_new("application/json", &bundle);
        v->root_cert = tm_http_canned_new("application/pem-certificate-chain", &root);
        v->configuration = tm_http_canned_new("application/json", &config);
        if (v->trust_bundle == NULL || v->root_cert == NULL || v->configuration == NULL ||
            buf_failed(&v->chain_json) || buf_failed(&v->chain_pem) || can_messages(v, trust) != 0)
            rc = tm_err_set(e, "out of memory");
    }
    tm_buf_free(&bundle);
    tm_buf_free(&root);
    tm_buf_free(&config);
    return rc;
}

struct ca_api_view *ca_api_view_new(struct ca_signer *ca, const struct oidc_trust *trust,
                                    struct tm_err *e)
{
    struct counted *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return tm_err_null(e, "out of memory");
    atomic_init(&c->refs, 1);
    c->view.ca = ca_signer_ref(ca);
    if (put_chain(&c->view) != 0)
        tm_err_set(e, "out of memory");
    else if (can_replies(&c->view, trust, e) == 0)
        return &c->view;
    ca_api_view_unref(&c->view);
    return NULL;
}

struct ca_api_view *ca_api_view_ref(struct ca_api_view *v)
{
    atomic_fetch_add_explicit(&((struct counted *)v)->refs, 1, memory_order_relaxed);
    return v;
}

void ca_api_view_unref(struct ca_api_view *v)
{
    struct counted *c = (struct counted *)v;
    if (c == NULL || atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    tm_http_canned_free(v->trust_bundle);
    tm_http_canned_free(v->root_cert);
    tm_http_canned_free(v->configuration);
    tm_http_canned_free(v->trust_bundle_message);
    tm_http_canned_free(v->configuration_message);
    for (size_t i = 0; i < v->chain_count; i++)
        free(v->chain_text[i]);
    free((void *)v->chain_text);
    tm_buf_free(&v->chain_json);
    tm_buf_free(&v->chain_pem);
    ca_signer_unref(v->ca);
    free(c);
}
