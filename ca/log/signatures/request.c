#include "ca/log/signatures/request.h"

#define RAW_MAX 32768      /* bytes of a certificate or key */
#define SIGNATURE_MAX 1024 /* bytes */

static const struct tm_jsonmap_member raw_members[] = {{.name = "rawBytes",
                                                        .kind = JSONMAP_BASE64,
                                                        .min = 1,
                                                        .max = RAW_MAX,
                                                        .flags = JSONMAP_REQUIRED},
                                                       {0}};
static const struct tm_jsonmap raw_map = {.members = raw_members,
                                          .size = sizeof(struct tm_buf),
                                          .unknown = JSONMAP_REFUSE,
                                          .proto = true};

static int check_verifier(const void *it, const struct tm_jsonmap_how *how, struct tm_err *e)
{
    const struct ca_sig_verifier *v = it;
    (void)how;
    return (v->certificate.len > 0) != (v->key.len > 0)
               ? 0
               : tm_err_set(e, "needs either 'x509Certificate' or 'publicKey'");
}

static const struct tm_jsonmap_member verifier_members[] = {
    {.name = "x509Certificate",
     JSONMAP_AT(struct ca_sig_verifier, certificate),
     .kind = JSONMAP_OBJECT,
     .map = &raw_map},
    {.name = "publicKey",
     JSONMAP_AT(struct ca_sig_verifier, key),
     .kind = JSONMAP_OBJECT,
     .map = &raw_map},
    {.name = "keyDetails",
     JSONMAP_AT(struct ca_sig_verifier, details),
     .kind = JSONMAP_ENUM,
     .names = ca_sig_details,
     .flags = JSONMAP_REQUIRED},
    {0}};
static const struct tm_jsonmap verifier_map = {.members = verifier_members,
                                               .size = sizeof(struct ca_sig_verifier),
                                               .unknown = JSONMAP_REFUSE,
                                               .proto = true,
                                               .check = check_verifier};

/* hashedrekord's signature: {"content", "verifier"} */
static const struct tm_jsonmap_member signed_members[] = {
    {.name = "content",
     JSONMAP_AT(struct ca_sig_hashed, signature),
     .kind = JSONMAP_BASE64,
     .min = 1,
     .max = SIGNATURE_MAX,
     .flags = JSONMAP_REQUIRED},
    {.name = "verifier",
     JSONMAP_AT(struct ca_sig_hashed, verifier),
     .kind = JSONMAP_OBJECT,
     .map = &verifier_map,
     .flags = JSONMAP_REQUIRED},
    {0}};
static const struct tm_jsonmap signed_map = {.members = signed_members,
                                             .size = sizeof(struct ca_sig_hashed),
                                             .unknown = JSONMAP_REFUSE,
                                             .proto = true};

static const struct tm_jsonmap_member hashed_members[] = {
    {.name = "digest",
     JSONMAP_AT(struct ca_sig_hashed, digest),
     .kind = JSONMAP_BASE64,
     .min = 1,
     .max = 64,
     .flags = JSONMAP_REQUIRED},
    {.name = "signature", .kind = JSONMAP_OBJECT, .map = &signed_map, .flags = JSONMAP_REQUIRED},
    {0}};
static const struct tm_jsonmap hashed_map = {.members = hashed_members,
                                             .size = sizeof(struct ca_sig_hashed),
                                             .unknown = JSONMAP_REFUSE,
                                             .proto = true};

static const struct tm_jsonmap_member signature_members[] = {
    {.name = "sig",
     JSONMAP_AT(struct ca_sig_signature, sig),
     .kind = JSONMAP_BASE64,
     .min = 1,
     .max = SIGNATURE_MAX,
     .flags = JSONMAP_REQUIRED},
    {.name = "keyid",
     JSONMAP_AT(struct ca_sig_signature, keyid),
     .kind = JSONMAP_TEXT,
     .max = 1024},
    {0}};
static const struct tm_jsonmap signature_map = {.members = signature_members,
                                                .size = sizeof(struct ca_sig_signature),
                                                .unknown = JSONMAP_REFUSE,
                                                .proto = true};

static const struct tm_jsonmap_member each_signature = {
    .name = "a signature", .kind = JSONMAP_OBJECT, .map = &signature_map};
static const struct tm_jsonmap_member each_verifier = {
    .name = "a verifier", .kind = JSONMAP_OBJECT, .map = &verifier_map};

static const struct tm_jsonmap_member envelope_members[] = {
    {.name = "payload",
     JSONMAP_AT(struct ca_sig_dsse, payload),
     .kind = JSONMAP_BASE64,
     .flags = JSONMAP_REQUIRED},
    {.name = "payloadType",
     JSONMAP_AT(struct ca_sig_dsse, payload_type),
     .kind = JSONMAP_TEXT,
     .max = 1024,
     .flags = JSONMAP_REQUIRED},
    {.name = "signatures",
     JSONMAP_AT(struct ca_sig_dsse, signatures),
     .kind = JSONMAP_LIST,
     .each = &each_signature,
     .size = sizeof(struct ca_sig_signature),
     .min = 1,
     .max = SIG_SIGNATURES_MAX,
     .flags = JSONMAP_REQUIRED},
    {0}};
static const struct tm_jsonmap envelope_map = {.members = envelope_members,
                                               .size = sizeof(struct ca_sig_dsse),
                                               .unknown = JSONMAP_REFUSE,
                                               .proto = true};

static const struct tm_jsonmap_member dsse_members[] = {
    {.name = "envelope", .kind = JSONMAP_OBJECT, .map = &envelope_map, .flags = JSONMAP_REQUIRED},
    {.name = "verifiers",
     JSONMAP_AT(struct ca_sig_dsse, verifiers),
     .kind = JSONMAP_LIST,
     .each = &each_verifier,
     .size = sizeof(struct ca_sig_verifier),
     .min = 1,
     .max = SIG_SIGNATURES_MAX,
     .flags = JSONMAP_REQUIRED},
    {0}};
static const struct tm_jsonmap dsse_map = {.members = dsse_members,
                                           .size = sizeof(struct ca_sig_dsse),
                                           .unknown = JSONMAP_REFUSE,
                                           .proto = true};

static int check_request(const void *it, const struct tm_jsonmap_how *how, struct tm_err *e)
{
    const struct ca_sig_request *r = it;
    (void)how;
    return (r->hashed.digest.len > 0) != (r->dsse.verifiers.count > 0)
               ? 0
               : tm_err_set(e, "needs either 'hashedRekordRequestV002' or 'dsseRequestV002'");
}

static const struct tm_jsonmap_member request_members[] = {
    {.name = "hashedRekordRequestV002",
     JSONMAP_AT(struct ca_sig_request, hashed),
     .kind = JSONMAP_OBJECT,
     .map = &hashed_map},
    {.name = "dsseRequestV002",
     JSONMAP_AT(struct ca_sig_request, dsse),
     .kind = JSONMAP_OBJECT,
     .map = &dsse_map},
    {0}};
static const struct tm_jsonmap request_map = {.members = request_members,
                                              .size = sizeof(struct ca_sig_request),
                                              .unknown = JSONMAP_REFUSE,
                                              .proto = true,
                                              .check = check_request};

int ca_sig_request_read(const char *text, size_t len, struct ca_sig_request *out, struct tm_err *e)
{
    *out = (struct ca_sig_request){0};
    if (tm_jsonmap_parse(text, len, SIG_REQUEST_MAX, &request_map, NULL, out, e) != 0)
        return -1;
    out->kind = out->hashed.digest.len > 0 ? SIG_HASHEDREKORD : SIG_DSSE;
    return 0;
}

void ca_sig_request_free(struct ca_sig_request *r)
{
    tm_jsonmap_free(&request_map, r);
}
