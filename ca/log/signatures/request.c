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
    JSONMAP_ROW(struct ca_sig_verifier, "x509Certificate", certificate, OBJECT, .map = &raw_map),
    JSONMAP_ROW(struct ca_sig_verifier, "publicKey", key, OBJECT, .map = &raw_map),
    JSONMAP_NEED(struct ca_sig_verifier, "keyDetails", details, ENUM, .names = ca_sig_details),
    {0}};
static const struct tm_jsonmap verifier_map = {.members = verifier_members,
                                               .size = sizeof(struct ca_sig_verifier),
                                               .unknown = JSONMAP_REFUSE,
                                               .proto = true,
                                               .check = check_verifier};

/* hashedrekord's signature: {"content", "verifier"} */
static const struct tm_jsonmap_member signed_members[] = {
    JSONMAP_NEED(struct ca_sig_hashed, "content", signature, BASE64, .min = 1,
                 .max = SIGNATURE_MAX),
    JSONMAP_NEED(struct ca_sig_hashed, "verifier", verifier, OBJECT, .map = &verifier_map),
    {0}};
static const struct tm_jsonmap signed_map = {.members = signed_members,
                                             .size = sizeof(struct ca_sig_hashed),
                                             .unknown = JSONMAP_REFUSE,
                                             .proto = true};

static const struct tm_jsonmap_member hashed_members[] = {
    JSONMAP_NEED(struct ca_sig_hashed, "digest", digest, BASE64, .min = 1, .max = 64),
    {.name = "signature", .kind = JSONMAP_OBJECT, .map = &signed_map, .flags = JSONMAP_REQUIRED},
    {0}};
static const struct tm_jsonmap hashed_map = {.members = hashed_members,
                                             .size = sizeof(struct ca_sig_hashed),
                                             .unknown = JSONMAP_REFUSE,
                                             .proto = true};

static const struct tm_jsonmap_member signature_members[] = {
    JSONMAP_NEED(struct ca_sig_signature, "sig", sig, BASE64, .min = 1, .max = SIGNATURE_MAX),
    JSONMAP_ROW(struct ca_sig_signature, "keyid", keyid, TEXT, .max = 1024),
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
    JSONMAP_NEED(struct ca_sig_dsse, "payload", payload, BASE64),
    JSONMAP_NEED(struct ca_sig_dsse, "payloadType", payload_type, TEXT, .max = 1024),
    JSONMAP_NEED(struct ca_sig_dsse, "signatures", signatures, LIST, .each = &each_signature,
                 .size = sizeof(struct ca_sig_signature), .min = 1, .max = SIG_SIGNATURES_MAX),
    {0}};
static const struct tm_jsonmap envelope_map = {.members = envelope_members,
                                               .size = sizeof(struct ca_sig_dsse),
                                               .unknown = JSONMAP_REFUSE,
                                               .proto = true};

static const struct tm_jsonmap_member dsse_members[] = {
    {.name = "envelope", .kind = JSONMAP_OBJECT, .map = &envelope_map, .flags = JSONMAP_REQUIRED},
    JSONMAP_NEED(struct ca_sig_dsse, "verifiers", verifiers, LIST, .each = &each_verifier,
                 .size = sizeof(struct ca_sig_verifier), .min = 1, .max = SIG_SIGNATURES_MAX),
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
    JSONMAP_ROW(struct ca_sig_request, "hashedRekordRequestV002", hashed, OBJECT,
                .map = &hashed_map),
    JSONMAP_ROW(struct ca_sig_request, "dsseRequestV002", dsse, OBJECT, .map = &dsse_map),
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
