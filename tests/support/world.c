#include "tests/support/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>

#include "common/b64.h"
#include "common/clock.h"
#include "tests/support/fakeissuer.h"

/* Linked into programs without cmocka as well, so it ends the program. */
#define need(cond) need_at((cond), #cond, __LINE__)

static void need_at(bool ok, const char *what, int line)
{
    if (!ok) {
        fprintf(stderr, "world.c:%d: %s\n", line, what);
        abort();
    }
}

/* ---- the issuer: discovery and one ES256 key ---- */

static enum tm_http_result discovery(void *ctx, struct tm_http_exchange *x)
{
    const struct issuer *is = ctx;
    struct tm_buf b = {0};
    tm_buf_printf(&b,
                  "{\"issuer\":\"%s\",\"jwks_uri\":\"%s/keys\","
                  "\"id_token_signing_alg_values_supported\":[\"ES256\"]}",
                  is->url, is->url);
    tm_http_reply(x, 200, "application/json", &b);
    return HTTP_DONE;
}

static enum tm_http_result jwks(void *ctx, struct tm_http_exchange *x)
{
    const struct issuer *is = ctx;
    struct tm_buf b = {0};
    tm_buf_puts(&b, "{\"keys\":[");
    fake_issuer_jwk(is->key, "k1", "\"alg\":\"ES256\",", &b);
    tm_buf_puts(&b, "]}");
    tm_http_reply(x, 200, "application/json", &b);
    return HTTP_DONE;
}

static const struct tm_http_route issuer_routes[] = {
    {"/.well-known/openid-configuration", HTTP_GET, discovery},
    {"/keys", HTTP_GET, jwks},
};

static void no_page(void *ctx, struct tm_http_exchange *x, enum tm_http_fault f)
{
    (void)ctx;
    (void)f;
    struct tm_buf b = {0};
    tm_buf_puts(&b, "{}");
    tm_http_reply(x, 404, "application/json", &b);
}

void world_sign(EVP_PKEY *key, const void *data, size_t len, bool raw, struct tm_buf *out)
{
    unsigned char der[128];
    size_t der_len = sizeof(der);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    need(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1);
    need(EVP_DigestSign(ctx, der, &der_len, data, len) == 1);
    EVP_MD_CTX_free(ctx);
    if (!raw) {
        tm_buf_append(out, der, der_len);
        return;
    }
    const unsigned char *p = der;
    unsigned char rs[64];
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der_len);
    need(sig != NULL);
    need(BN_bn2binpad(ECDSA_SIG_get0_r(sig), rs, 32) == 32);
    need(BN_bn2binpad(ECDSA_SIG_get0_s(sig), rs + 32, 32) == 32);
    ECDSA_SIG_free(sig);
    tm_buf_append(out, rs, sizeof(rs));
}

void world_token(const struct issuer *is, int64_t expires_in, struct tm_buf *out)
{
    static const char header[] = "{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"JWT\"}";
    int64_t now = tm_clock_wall_ms() / 1000;
    struct tm_buf claims = {0};
    struct tm_buf sig = {0};
    tm_buf_printf(
        &claims,
        "{\"iss\":\"%s\",\"aud\":\"sigstore\",\"sub\":\"subject\",\"iat\":%lld,\"exp\":%lld,"
        "\"email\":\"dev@example.com\",\"email_verified\":true}",
        is->url, (long long)(now - 5), (long long)(now + expires_in));
    tm_b64_encode(B64_URL_BARE, header, sizeof(header) - 1, out);
    buf_putc(out, '.');
    tm_b64_encode(B64_URL_BARE, claims.data, claims.len, out);
    world_sign(is->key, out->data, out->len, true, &sig);
    buf_putc(out, '.');
    tm_b64_encode(B64_URL_BARE, sig.data, sig.len, out);
    tm_buf_free(&claims);
    tm_buf_free(&sig);
}

/* ---- the CA ---- */

static void make_client(struct world *w)
{
    char *data = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    w->client = EVP_EC_gen("P-256");
    need(PEM_write_bio_PUBKEY(bio, w->client) == 1);
    long len = BIO_get_mem_data(bio, &data);
    for (long i = 0; i < len; i++) {
        if (data[i] == '\n')
            tm_buf_puts(&w->client_pem, "\\n");
        else
            buf_putc(&w->client_pem, (unsigned char)data[i]);
    }
    BIO_free(bio);
}

void world_build(struct world *w, const struct ca_issue_log *log, int64_t wait_ms)
{
    world_build_limited(w, log, wait_ms, &(struct ca_limits_options){0}, NULL);
}

void world_build_limited(struct world *w, const struct ca_issue_log *log, int64_t wait_ms,
                         const struct ca_limits_options *limits, const struct ca_once *once)
{
    struct tm_err e = {0};
    struct tm_buf trust_text = {0};
    struct oidc_trust *trust = NULL;
    struct oidc_options oo;
    struct tm_http_options ho;
    struct ca_signer_options so = {.backend = "ephemeral"};
    *w = (struct world){0};
    w->issuer.key = EVP_EC_gen("P-256");
    tm_http_options_default(&ho);
    ho.listen = "127.0.0.1:0";
    ho.routes = issuer_routes;
    ho.route_count = 2;
    ho.ctx = &w->issuer;
    ho.fault = no_page;
    w->issuer.server = tm_http_server_start(&ho, &e);
    need(w->issuer.server != NULL);
    snprintf(w->issuer.url, sizeof(w->issuer.url), "http://%s",
             tm_http_server_address(w->issuer.server));
    tm_buf_printf(&trust_text,
                  "oidc-issuers:\n  \"%s\":\n    issuer-url: \"%s\"\n    client-id: sigstore\n"
                  "    type: email\n",
                  w->issuer.url, w->issuer.url);
    need(oidc_trust_parse("t", tm_buf_str(&trust_text), trust_text.len, &trust, &e) == 0);
    tm_buf_free(&trust_text);
    oidc_options_default(&oo);
    oo.single_use = once != NULL;
    w->verifier = oidc_verifier_new(trust, &oo, NULL, &e);
    oidc_trust_unref(trust);
    w->policy = ca_proof_policy_new(NULL, 0, &e);
    w->metrics = ca_metrics_new();
    w->ca = ca_signer_open(&so, tm_clock_wall_ms() / 1000, &e);
    need(w->verifier != NULL && w->policy != NULL && w->ca != NULL);
    struct ca_api_options ao = {.verifier = w->verifier,
                                .policy = w->policy,
                                .log = log,
                                .metrics = w->metrics,
                                .lifetime_s = 600,
                                .limits = *limits,
                                .once = once,
                                .version = "test"};
    w->api = ca_api_new(&ao, w->ca, &e);
    need(w->api != NULL);
    tm_http_options_default(&ho);
    ho.listen = "127.0.0.1:0";
    ho.workers = 2;
    ho.wait_timeout_ms = wait_ms;
    ca_api_serve(w->api, &ho);
    w->server = tm_http_server_start(&ho, &e);
    need(w->server != NULL);
    w->address = tm_http_server_address(w->server);
    make_client(w);
}

void world_free(struct world *w)
{
    tm_http_server_stop(w->server, 1000);
    oidc_verifier_free(w->verifier);
    tm_http_server_free(w->server);
    tm_http_server_free(w->issuer.server);
    ca_api_free(w->api);
    ca_signer_unref(w->ca);
    ca_metrics_free(w->metrics);
    ca_proof_policy_free(w->policy);
    EVP_PKEY_free(w->issuer.key);
    EVP_PKEY_free(w->client);
    tm_buf_free(&w->client_pem);
}
