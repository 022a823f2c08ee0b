/* Tokens: the bytes as they are, and, since no mutation finds its way through base64, header,
 * payload and signature as three lines. What is taken has an algorithm of the table and an issuer;
 * what passes the claims' check has not expired and is for us. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "oidc/token/alg.h"
#include "oidc/token/claims.h"
#include "oidc/token/token.h"

#define NOW INT64_C(1800000000)
#define CLIENT "sigstore"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_claims(const struct oidc_token *t)
{
    struct oidc_options o;
    enum oidc_reason reason;
    struct tm_err e = {0};
    oidc_options_default(&o);
    if (oidc_claims_check(t->claims, CLIENT, &o, NOW, &reason, &e) != 0) {
        must(reason != OIDC_REASON_NONE && e.text[0] != '\0');
        return;
    }
    const json_t *aud = json_object_get(t->claims, "aud");
    const json_t *exp = json_object_get(t->claims, "exp");
    bool ours = json_is_string(aud) && strcmp(json_string_value(aud), CLIENT) == 0;
    for (size_t i = 0; i < json_array_size(aud); i++)
        ours |= strcmp(json_string_value(json_array_get(aud, i)), CLIENT) == 0;
    must(ours && json_number_value(exp) + (double)o.skew_s > (double)NOW);
}

/* What lets a token choose its key or how it is read is refused, whatever parser looks at it. */
static void check_header(const struct oidc_token *t)
{
    struct tm_buf bytes = {0};
    size_t len = (size_t)((const char *)memchr(t->text, '.', t->len) - t->text);
    must(tm_b64_decode(B64_URL_BARE, t->text, len, &bytes) == 0);
    json_t *header = json_loadb((const char *)bytes.data, bytes.len, 0, NULL);
    must(json_object_get(header, "crit") == NULL && json_object_get(header, "jwk") == NULL);
    const char *kid = json_string_value(json_object_get(header, "kid"));
    must(header == NULL || (kid == NULL) == (t->kid == NULL));
    must(kid == NULL || strcmp(kid, t->kid) == 0);
    json_decref(header);
    tm_buf_free(&bytes);
}

static void try_token(const char *text, size_t len)
{
    struct oidc_token t;
    enum oidc_reason reason;
    struct tm_err e = {0};
    if (oidc_token_parse(text, len, &t, &reason, &e) != 0) {
        must(reason != OIDC_REASON_NONE && e.text[0] != '\0');
        return;
    }
    must(t.alg >= 0 && t.alg < ALG_COUNT && t.iss[0] != '\0' && t.signature.len > 0);
    must(t.signed_len < len && text[t.signed_len] == '.');
    check_header(&t);
    check_claims(&t);
    oidc_token_free(&t);
}

static void try_lines(const uint8_t *data, size_t size)
{
    struct tm_buf text = {0};
    for (int part = 0; part < 3; part++) {
        const uint8_t *end = part < 2 ? memchr(data, '\n', size) : NULL;
        size_t len = end != NULL ? (size_t)(end - data) : size;
        if (part > 0)
            buf_putc(&text, '.');
        tm_b64_encode(B64_URL_BARE, data, len, &text);
        data += len + (end != NULL);
        size -= len + (end != NULL);
    }
    try_token((const char *)text.data, text.len);
    tm_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_token((const char *)data, size);
    try_lines(data, size);
    return 0;
}
