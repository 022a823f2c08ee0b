#include "ca/api/request.h"

#include <string.h>
#include <strings.h>

#include "common/b64.h"
#include "common/json/strictjson.h"

/* Go's base64 decoders skip line ends inside the text, so wrapped base64 works with Fulcio. */
static int decode_wrapped(const char *text, size_t len, struct tm_buf *out)
{
    struct tm_buf joined = {0};
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\n' && text[i] != '\r')
            buf_putc(&joined, (unsigned char)text[i]);
    }
    int rc = -1;
    if (!buf_failed(&joined))
        rc = tm_b64_decode(B64_ANY, (const char *)joined.data, joined.len, out);
    tm_buf_free(&joined);
    return rc;
}

/* The member under either name; NULL when absent or null. -1: both are there. */
static int member(const json_t *obj, const char *camel, const char *snake, json_t **out,
                  struct tm_err *e)
{
    json_t *a = json_object_get(obj, camel);
    json_t *b = snake != NULL ? json_object_get(obj, snake) : NULL;
    if (a != NULL && b != NULL)
        return tm_err_set(e, "duplicate field \"%s\"", camel);
    *out = a != NULL ? a : b;
    if (json_is_null(*out))
        *out = NULL;
    return 0;
}

static int member_object(const json_t *obj, const char *camel, const char *snake, json_t **out,
                         struct tm_err *e)
{
    if (member(obj, camel, snake, out, e) != 0)
        return -1;
    if (*out != NULL && !json_is_object(*out))
        return tm_err_set(e, "invalid value for field %s: not an object", camel);
    return 0;
}

static int member_string(const json_t *obj, const char *camel, const char *snake, json_t **out,
                         struct tm_err *e)
{
    if (member(obj, camel, snake, out, e) != 0)
        return -1;
    if (*out != NULL && !json_is_string(*out))
        return tm_err_set(e, "invalid value for field %s: not a string", camel);
    return 0;
}

static int member_bytes(const json_t *obj, const char *camel, const char *snake, struct tm_buf *out,
                        bool *present, struct tm_err *e)
{
    json_t *v = NULL;
    if (member_string(obj, camel, snake, &v, e) != 0)
        return -1;
    *present = v != NULL;
    if (v == NULL)
        return 0;
    const char *text = json_string_value(v);
    size_t len = json_string_length(v);
    int rc = memchr(text, '\n', len) != NULL || memchr(text, '\r', len) != NULL
                 ? decode_wrapped(text, len, out)
                 : tm_b64_decode(B64_ANY, text, len, out);
    return rc == 0 ? 0 : tm_err_set(e, "invalid value for field %s: not base64", camel);
}

static int parse_root(const void *body, size_t len, json_t **root, struct tm_err *e)
{
    const char *text = body;
    size_t skip = 0;
    while (skip < len && strchr(" \t\r\n", text[skip]) != NULL && text[skip] != '\0')
        skip++;
    *root = skip == len ? json_object() : tm_strictjson_parse_first(text, len, len, e);
    if (*root == NULL)
        return skip == len ? tm_err_set(e, "out of memory") : -1;
    return json_is_object(*root) ? 0 : tm_err_set(e, "the request is not a JSON object");
}

/* An enum is a name (unknown ones are ignored) or an integer; its value has no effect. */
static int check_enum(const json_t *obj, const char *key, struct tm_err *e)
{
    json_t *v = NULL;
    if (member(obj, key, NULL, &v, e) != 0)
        return -1;
    if (v == NULL || json_is_string(v) || json_is_integer(v))
        return 0;
    return tm_err_set(e, "invalid value for field %s: not an enum", key);
}

static int take_key_request(const json_t *req, struct ca_api_request *out, struct tm_err *e)
{
    json_t *key = NULL;
    json_t *content = NULL;
    bool present = false;
    if (member_object(req, "publicKey", "public_key", &key, e) != 0 ||
        member_bytes(req, "proofOfPossession", "proof_of_possession", &out->proof, &present, e) !=
            0)
        return -1;
    if (key == NULL)
        return 0;
    out->has_key = true;
    if (check_enum(key, "algorithm", e) != 0 ||
        member_string(key, "content", NULL, &content, e) != 0)
        return -1;
    if (content != NULL)
        tm_buf_append(&out->key, json_string_value(content), json_string_length(content));
    return 0;
}

static int done(const struct ca_api_request *r, struct tm_err *e)
{
    if (buf_failed(&r->csr) || buf_failed(&r->key) || buf_failed(&r->proof))
        return tm_err_set(e, "out of memory");
    return 0;
}

int ca_api_request_parse_v2(const void *body, size_t len, struct ca_api_request *out,
                            struct tm_err *e)
{
    *out = (struct ca_api_request){0};
    json_t *credentials = NULL;
    json_t *token = NULL;
    json_t *key_request = NULL;
    bool has_csr = false;
    if (parse_root(body, len, &out->root, e) != 0 ||
        member_object(out->root, "credentials", NULL, &credentials, e) != 0 ||
        member_object(out->root, "publicKeyRequest", "public_key_request", &key_request, e) != 0 ||
        member_bytes(out->root, "certificateSigningRequest", "certificate_signing_request",
                     &out->csr, &has_csr, e) != 0)
        return -1;
    if (key_request != NULL && has_csr)
        return tm_err_set(
            e, "error parsing \"certificateSigningRequest\", oneof "
               "dev.sigstore.fulcio.v2.CreateSigningCertificateRequest.key is already set");
    if (credentials != NULL &&
        member_string(credentials, "oidcIdentityToken", "oidc_identity_token", &token, e) != 0)
        return -1;
    if (token != NULL && json_string_length(token) > 0) {
        out->token = json_string_value(token);
        out->token_len = json_string_length(token);
    }
    if (key_request != NULL && take_key_request(key_request, out, e) != 0)
        return -1;
    out->has_csr = out->csr.len > 0;
    return done(out, e);
}

int ca_api_request_parse_v1(const void *body, size_t len, struct ca_api_request *out,
                            struct tm_err *e)
{
    *out = (struct ca_api_request){0};
    json_t *key = NULL;
    json_t *algorithm = NULL;
    bool present = false;
    if (parse_root(body, len, &out->root, e) != 0 ||
        member_object(out->root, "publicKey", "public_key", &key, e) != 0 ||
        member_bytes(out->root, "signedEmailAddress", "signed_email_address", &out->proof, &present,
                     e) != 0 ||
        member_bytes(out->root, "certificateSigningRequest", "certificate_signing_request",
                     &out->csr, &present, e) != 0)
        return -1;
    if (key != NULL) {
        out->has_key = true;
        if (member_bytes(key, "content", NULL, &out->key, &present, e) != 0 ||
            member_string(key, "algorithm", NULL, &algorithm, e) != 0)
            return -1;
    }
    out->has_csr = out->csr.len > 0;
    return done(out, e);
}

void ca_api_request_free(struct ca_api_request *r)
{
    json_decref(r->root);
    tm_buf_free_secret(&r->text);
    tm_buf_free(&r->csr);
    tm_buf_free(&r->key);
    tm_buf_free(&r->proof);
    *r = (struct ca_api_request){0};
}

const char *ca_api_bearer(const char *authorization)
{
    if (authorization == NULL)
        return NULL;
    /* A scheme's name has no case (RFC 9110 §11.1). */
    return strncasecmp(authorization, "Bearer ", 7) == 0 ? authorization + 7 : authorization;
}
