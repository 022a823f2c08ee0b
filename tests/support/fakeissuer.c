#include "tests/support/fakeissuer.h"

#include <openssl/core_names.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/b64.h"
#include "common/clock.h"
#include "tests/support/world.h"

#define need(cond) need_at((cond), #cond, __LINE__)

static void need_at(bool ok, const char *what, int line)
{
    if (!ok) {
        fprintf(stderr, "fakeissuer.c:%d: %s\n", line, what);
        abort();
    }
}

static bool refuse(struct fake_issuer *f, struct tm_http_exchange *x)
{
    const char *given = tm_http_header(x, "Authorization");
    struct tm_buf none = {0};
    pthread_mutex_lock(&f->lock);
    snprintf(f->seen_bearer, sizeof(f->seen_bearer), "%s", given != NULL ? given : "");
    bool right = f->bearer[0] == '\0' || (given != NULL && strncmp(given, "Bearer ", 7) == 0 &&
                                          strcmp(given + 7, f->bearer) == 0);
    pthread_mutex_unlock(&f->lock);
    if (!right)
        tm_http_reply(x, 401, "application/json", &none);
    else if (atomic_load(&f->mode) == FAKE_DOWN)
        tm_http_reply(x, 503, "application/json", &none);
    else
        return false;
    return true;
}

static void pad(struct tm_buf *b, size_t len)
{
    unsigned char *to = tm_buf_reserve(b, len);
    need(to != NULL);
    memset(to, ' ', len);
    b->len += len;
}

static enum tm_http_result discovery(void *ctx, struct tm_http_exchange *x)
{
    struct fake_issuer *f = ctx;
    int mode = atomic_load(&f->mode);
    struct tm_buf b = {0};
    char here[128];
    atomic_fetch_add(&f->discoveries, 1);
    if (refuse(f, x))
        return HTTP_DONE;
    if (mode == FAKE_SLOW)
        usleep((useconds_t)atomic_load(&f->delay_ms) * 1000);
    if (mode == FAKE_REDIRECT_HERE || mode == FAKE_REDIRECT_AWAY) {
        snprintf(here, sizeof(here), "%s/moved", f->url);
        tm_http_reply(x, 302, "text/plain", &b);
        tm_http_reply_header(x, "Location", mode == FAKE_REDIRECT_HERE ? here : f->elsewhere);
        return HTTP_DONE;
    }
    if (mode == FAKE_NOT_JSON)
        tm_buf_puts(&b, "<html>hello</html>");
    else
        tm_buf_printf(&b, "{\"issuer\":\"%s%s\",\"jwks_uri\":\"%s/keys\"}", f->url,
                      mode == FAKE_OTHER_ISSUER ? "/other" : "", f->url);
    if (mode == FAKE_BIG_DISCOVERY)
        pad(&b, 100 << 10);
    tm_http_reply(x, 200, "application/json", &b);
    return HTTP_DONE;
}

static enum tm_http_result moved(void *ctx, struct tm_http_exchange *x)
{
    struct fake_issuer *f = ctx;
    struct tm_buf b = {0};
    tm_buf_printf(&b, "{\"issuer\":\"%s\",\"jwks_uri\":\"%s/keys\"}", f->url, f->url);
    tm_http_reply(x, 200, "application/json", &b);
    return HTTP_DONE;
}

/* Another issuer on the same server, for wildcards. */
static enum tm_http_result tenant(void *ctx, struct tm_http_exchange *x)
{
    struct fake_issuer *f = ctx;
    struct tm_buf b = {0};
    tm_buf_printf(&b, "{\"issuer\":\"%s/tenant\",\"jwks_uri\":\"%s/keys\"}", f->url, f->url);
    tm_http_reply(x, 200, "application/json", &b);
    return HTTP_DONE;
}

static void put_coordinate(const EVP_PKEY *key, const char *name, struct tm_buf *out)
{
    BIGNUM *n = NULL;
    unsigned char bytes[32];
    need(EVP_PKEY_get_bn_param(key, name, &n) == 1);
    need(BN_bn2binpad(n, bytes, sizeof(bytes)) == 32);
    tm_b64_encode(B64_URL_BARE, bytes, sizeof(bytes), out);
    BN_free(n);
}

void fake_issuer_jwk(const EVP_PKEY *key, const char *kid, const char *members, struct tm_buf *out)
{
    tm_buf_printf(out,
                  "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"%s\",%s\"use\":\"sig\",\"x\":\"",
                  kid, members);
    put_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X, out);
    tm_buf_puts(out, "\",\"y\":\"");
    put_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y, out);
    tm_buf_puts(out, "\"}");
}

static void put_key(const EVP_PKEY *key, int number, struct tm_buf *out)
{
    char kid[16];
    snprintf(kid, sizeof(kid), "k%d", number);
    fake_issuer_jwk(key, kid, "", out);
}

void fake_issuer_keys(struct fake_issuer *f, struct tm_buf *out)
{
    tm_buf_puts(out, "{\"keys\":[");
    for (int i = 0; i < atomic_load(&f->strangers); i++) {
        EVP_PKEY *stranger = EVP_EC_gen("P-256");
        put_key(stranger, 1000 + i, out);
        tm_buf_puts(out, ",");
        EVP_PKEY_free(stranger);
    }
    if (atomic_load(&f->mode) != FAKE_NO_KEYS)
        put_key(f->key, atomic_load(&f->key_number), out);
    tm_buf_puts(out, "]}");
}

static enum tm_http_result keys(void *ctx, struct tm_http_exchange *x)
{
    struct fake_issuer *f = ctx;
    struct tm_buf b = {0};
    char age[48];
    atomic_fetch_add(&f->key_fetches, 1);
    if (refuse(f, x))
        return HTTP_DONE;
    fake_issuer_keys(f, &b);
    if (atomic_load(&f->mode) == FAKE_BIG_KEYS)
        pad(&b, 2 << 20);
    tm_http_reply(x, 200, "application/json", &b);
    if (atomic_load(&f->max_age_s) > 0) {
        snprintf(age, sizeof(age), "public, max-age=%d", atomic_load(&f->max_age_s));
        tm_http_reply_header(x, "Cache-Control", age);
    }
    return HTTP_DONE;
}

static const struct tm_http_route routes[] = {
    {"/.well-known/openid-configuration", HTTP_GET, discovery},
    {"/moved", HTTP_GET, moved},
    {"/tenant/.well-known/openid-configuration", HTTP_GET, tenant},
    {"/keys", HTTP_GET, keys},
};

static void no_page(void *ctx, struct tm_http_exchange *x, enum tm_http_fault fault)
{
    (void)ctx;
    (void)fault;
    struct tm_buf b = {0};
    tm_http_reply(x, 404, "application/json", &b);
}

void fake_issuer_start(struct fake_issuer *f, const char *tls_certificate, const char *tls_key)
{
    struct tm_http_options o;
    struct tm_err e = {0};
    memset(f, 0, sizeof(*f));
    pthread_mutex_init(&f->lock, NULL);
    f->key = EVP_EC_gen("P-256");
    tm_http_options_default(&o);
    o.listen = "127.0.0.1:0";
    o.workers = 4;
    o.routes = routes;
    o.route_count = sizeof(routes) / sizeof(routes[0]);
    o.ctx = f;
    o.fault = no_page;
    o.tls_certificate = tls_certificate;
    o.tls_key = tls_key;
    f->server = tm_http_server_start(&o, &e);
    need(f->server != NULL && f->key != NULL);
    snprintf(f->url, sizeof(f->url), "%s://%s", tls_key != NULL ? "https" : "http",
             tm_http_server_address(f->server));
}

void fake_issuer_stop(struct fake_issuer *f)
{
    tm_http_server_stop(f->server, 1000);
    tm_http_server_free(f->server);
    EVP_PKEY_free(f->key);
    pthread_mutex_destroy(&f->lock);
}

void fake_issuer_sign(const struct fake_issuer *f, const char *kid, const char *claims_json,
                      struct tm_buf *out)
{
    struct tm_buf header = {0};
    struct tm_buf sig = {0};
    size_t start = out->len;
    tm_buf_puts(&header, "{\"alg\":\"ES256\"");
    if (kid != NULL)
        tm_buf_printf(&header, ",\"kid\":\"%s\"", kid);
    tm_buf_puts(&header, "}");
    tm_b64_encode(B64_URL_BARE, header.data, header.len, out);
    buf_putc(out, '.');
    tm_b64_encode(B64_URL_BARE, claims_json, strlen(claims_json), out);
    world_sign(f->key, out->data + start, out->len - start, true, &sig);
    buf_putc(out, '.');
    tm_b64_encode(B64_URL_BARE, sig.data, sig.len, out);
    tm_buf_free(&header);
    tm_buf_free(&sig);
}

void fake_issuer_token(struct fake_issuer *f, const char *iss, struct tm_buf *out)
{
    struct tm_buf claims = {0};
    char kid[16];
    int64_t now = tm_clock_wall_ms() / 1000;
    snprintf(kid, sizeof(kid), "k%d", atomic_load(&f->key_number));
    tm_buf_printf(&claims,
                  "{\"iss\":\"%s\",\"aud\":\"sigstore\",\"sub\":\"subject\",\"iat\":%lld,"
                  "\"exp\":%lld,\"email\":\"dev@example.com\",\"email_verified\":true}",
                  iss != NULL ? iss : f->url, (long long)now - 5, (long long)now + 300);
    fake_issuer_sign(f, kid, tm_buf_str(&claims), out);
    tm_buf_free(&claims);
}
