#include "ca/api/request.h"

#include <string.h>
#include <strings.h>

#include "common/b64.h"
#include "common/json/jsonmap.h"
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

/* Bytes in base64, after those that stand there. */
static int read_bytes(const json_t *v, void *place, const struct tm_jsonmap_how *how,
                      struct tm_err *e)
{
    (void)how;
    const char *text = json_string_value(v);
    size_t len = json_string_length(v);
    if (text == NULL)
        return tm_err_set(e, "is not a string");
    int rc = memchr(text, '\n', len) != NULL || memchr(text, '\r', len) != NULL
                 ? decode_wrapped(text, len, place)
                 : tm_b64_decode(B64_ANY, text, len, place);
    return rc == 0 ? 0 : tm_err_set(e, "is not base64");
}

static int read_text(const json_t *v, void *place, const struct tm_jsonmap_how *how,
                     struct tm_err *e)
{
    (void)how;
    if (!json_is_string(v))
        return tm_err_set(e, "is not a string");
    tm_buf_append(place, json_string_value(v), json_string_length(v));
    return 0;
}

/* Its value has no effect. */
static int read_any_text(const json_t *v, void *place, const struct tm_jsonmap_how *how,
                         struct tm_err *e)
{
    (void)place;
    (void)how;
    return json_is_string(v) ? 0 : tm_err_set(e, "is not a string");
}

/* A name (unknown ones are ignored) or an integer; its value has no effect. */
static int read_enum(const json_t *v, void *place, const struct tm_jsonmap_how *how,
                     struct tm_err *e)
{
    (void)place;
    (void)how;
    return json_is_string(v) || json_is_integer(v) ? 0 : tm_err_set(e, "is not an enum");
}

static const struct tm_jsonmap_type bytes = {.read = read_bytes};
static const struct tm_jsonmap_type text = {.read = read_text};
static const struct tm_jsonmap_type enum_name = {.read = read_enum};
static const struct tm_jsonmap_type any_text = {.read = read_any_text};

/* Every object of a request puts its members into this one struct. */
struct wire {
    struct ca_api_request r;
    bool has_key_request;
    bool has_csr; /* be it empty */
};

#define OWN(name_, at_, type_) \
    { \
        .name = (name_), JSONMAP_AT(struct wire, r.at_), .kind = JSONMAP_OWN, .type = &(type_) \
    }
#define OBJECT(name_, map_) .name = (name_), .kind = JSONMAP_OBJECT, .map = &(map_)
#define NOTED(has_) .flags = JSONMAP_NOTED, .has = offsetof(struct wire, has_)
#define MAP(name_, members_, check_) \
    static const struct tm_jsonmap name_ = {.members = (members_), \
                                            .size = sizeof(struct wire), \
                                            .unknown = JSONMAP_IGNORE, \
                                            .proto = true, \
                                            .check = (check_)}
#define CSR \
    { \
        .name = "certificateSigningRequest", JSONMAP_AT(struct wire, r.csr), .kind = JSONMAP_OWN, \
        .type = &bytes, NOTED(has_csr) \
    }

static const struct tm_jsonmap_member credentials_members[] = {OWN("oidcIdentityToken", text, text),
                                                               {0}};
MAP(credentials_map, credentials_members, NULL);

static const struct tm_jsonmap_member key_members[] = {
    OWN("algorithm", key, enum_name), OWN("content", key, text), {0}};
MAP(key_map, key_members, NULL);

static const struct tm_jsonmap_member key_request_members[] = {
    {OBJECT("publicKey", key_map), NOTED(r.has_key)}, OWN("proofOfPossession", proof, bytes), {0}};
MAP(key_request_map, key_request_members, NULL);

static int check_oneof(const void *it, const struct tm_jsonmap_how *how, struct tm_err *e)
{
    const struct wire *w = it;
    (void)how;
    return w->has_key_request && w->has_csr
               ? tm_err_set(
                     e, "error parsing \"certificateSigningRequest\", oneof "
                        "dev.sigstore.fulcio.v2.CreateSigningCertificateRequest.key is already set")
               : 0;
}

static const struct tm_jsonmap_member v2_members[] = {
    {OBJECT("credentials", credentials_map)},
    {OBJECT("publicKeyRequest", key_request_map), NOTED(has_key_request)},
    CSR,
    {0},
};
MAP(v2_map, v2_members, check_oneof);

static const struct tm_jsonmap_member v1_key_members[] = {
    OWN("content", key, bytes), OWN("algorithm", key, any_text), {0}};
MAP(v1_key_map, v1_key_members, NULL);

static const struct tm_jsonmap_member v1_members[] = {
    {OBJECT("publicKey", v1_key_map), NOTED(r.has_key)},
    OWN("signedEmailAddress", proof, bytes),
    CSR,
    {0},
};
MAP(v1_map, v1_members, NULL);

static int parse(const void *body, size_t len, const struct tm_jsonmap *map,
                 struct ca_api_request *out, struct tm_err *e)
{
    const char *json = body;
    struct wire w = {0};
    size_t skip = 0;
    while (skip < len && strchr(" \t\r\n", json[skip]) != NULL && json[skip] != '\0')
        skip++;
    json_t *root = skip < len ? tm_strictjson_parse_first(json, len, len, e) : NULL;
    int rc = skip == len ? 0 : -1;
    if (root != NULL && !json_is_object(root))
        tm_err_set(e, "the request is not a JSON object");
    else if (root != NULL)
        rc = tm_jsonmap_read(root, map, NULL, &w, e);
    json_decref(root);
    *out = w.r;
    out->token = out->text.len > 0 ? tm_buf_str(&out->text) : NULL;
    out->token_len = out->text.len;
    out->has_csr = out->csr.len > 0;
    if (rc == 0 && (buf_failed(&out->text) || buf_failed(&out->csr) || buf_failed(&out->key) ||
                    buf_failed(&out->proof)))
        rc = tm_err_set(e, "out of memory");
    return rc;
}

int ca_api_request_parse_v2(const void *body, size_t len, struct ca_api_request *out,
                            struct tm_err *e)
{
    return parse(body, len, &v2_map, out, e);
}

int ca_api_request_parse_v1(const void *body, size_t len, struct ca_api_request *out,
                            struct tm_err *e)
{
    return parse(body, len, &v1_map, out, e);
}

void ca_api_request_free(struct ca_api_request *r)
{
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
    size_t blanks = strlen(authorization) > 6 ? strspn(authorization + 6, " \t") : 0;
    /* A scheme's name has no case, and any number of blanks behind it (RFC 9110 §11). */
    return blanks > 0 && strncasecmp(authorization, "Bearer", 6) == 0 ? authorization + 6 + blanks
                                                                      : authorization;
}
