#include "ca/api/message.h"
#include "common/clock.h"

#include <stdlib.h>
#include <string.h>

#include "ca/api/grpc.pb-c.h"

/* ---- reading ---- */

/* protobuf-c hands out no length of a text: these are read as bytes, and a NUL is refused. */
static int take(const ProtobufCBinaryData *part, const char *name, struct tm_buf *out,
                struct tm_err *e)
{
    if (part->len > 0 && memchr(part->data, '\0', part->len) != NULL)
        return tm_err_set(e, "invalid value for field %s: a NUL", name);
    tm_buf_append(out, part->data, part->len);
    return 0;
}

static int take_key(const Ca__Grpc__PublicKeyRequest *r, struct ca_api_request *out,
                    struct tm_err *e)
{
    tm_buf_append(&out->proof, r->proof_of_possession.data, r->proof_of_possession.len);
    if (r->public_key == NULL)
        return 0;
    out->has_key = true;
    return take(&r->public_key->content, "content", &out->key, e);
}

static int take_request(const Ca__Grpc__SigningRequest *m, struct ca_api_request *out,
                        struct tm_err *e)
{
    if (m->credentials != NULL &&
        take(&m->credentials->oidc_identity_token, "oidcIdentityToken", &out->text, e) != 0)
        return -1;
    if (out->text.len > 0) {
        out->token_len = out->text.len;
        out->token = tm_buf_str(&out->text);
    }
    if (m->key_case == CA__GRPC__SIGNING_REQUEST__KEY_PUBLIC_KEY_REQUEST &&
        take_key(m->public_key_request, out, e) != 0)
        return -1;
    if (m->key_case == CA__GRPC__SIGNING_REQUEST__KEY_CERTIFICATE_SIGNING_REQUEST)
        tm_buf_append(&out->csr, m->certificate_signing_request.data,
                      m->certificate_signing_request.len);
    out->has_csr = out->csr.len > 0;
    if (buf_failed(&out->text) || buf_failed(&out->key) || buf_failed(&out->proof) ||
        buf_failed(&out->csr))
        return tm_err_set(e, "out of memory");
    return 0;
}

int ca_api_request_parse_message(const void *data, size_t len, struct ca_api_request *out,
                                 struct tm_err *e)
{
    *out = (struct ca_api_request){0};
    Ca__Grpc__SigningRequest *m = ca__grpc__signing_request__unpack(NULL, len, data);
    if (m == NULL)
        return tm_err_set(e, "the request is not a CreateSigningCertificateRequest");
    int rc = take_request(m, out, e);
    ca__grpc__signing_request__free_unpacked(m, NULL);
    return rc;
}

int ca_api_message_health_parse(const void *data, size_t len, struct tm_buf *out)
{
    Ca__Grpc__HealthQuestion *m = ca__grpc__health_question__unpack(NULL, len, data);
    int rc = m != NULL ? take(&m->service, "service", out, NULL) : -1;
    ca__grpc__health_question__free_unpacked(m, NULL);
    return rc;
}

/* ---- writing ---- */

static void put_bare(const ProtobufCMessage *m, struct tm_buf *out)
{
    size_t len = protobuf_c_message_get_packed_size(m);
    unsigned char *to = tm_buf_reserve(out, len + 1);
    if (to != NULL)
        out->len += protobuf_c_message_pack(m, to);
}

static void put(const ProtobufCMessage *m, struct tm_buf *out)
{
    buf_putc(out, 0); /* not compressed */
    tm_buf_put_be(out, protobuf_c_message_get_packed_size(m), 4);
    put_bare(m, out);
}

static char *text(const char *s)
{
    return s != NULL ? (char *)(uintptr_t)s : (char *)(uintptr_t)protobuf_c_empty_string;
}

void ca_api_message_certificate(const struct ca_api_certificate *c, struct tm_buf *out)
{
    Ca__Grpc__SigningCertificate m = CA__GRPC__SIGNING_CERTIFICATE__INIT;
    Ca__Grpc__Detached detached = CA__GRPC__DETACHED__INIT;
    Ca__Grpc__Embedded embedded = CA__GRPC__EMBEDDED__INIT;
    Ca__Grpc__Chain chain = CA__GRPC__CHAIN__INIT;
    chain.n_certificates = c->count;
    chain.certificates = (char **)(uintptr_t)c->pem;
    if (c->embedded) {
        embedded.chain = &chain;
        m.certificate_case = CA__GRPC__SIGNING_CERTIFICATE__CERTIFICATE_EMBEDDED;
        m.embedded = &embedded;
    } else {
        detached.chain = &chain;
        detached.signed_certificate_timestamp = (ProtobufCBinaryData){c->sct->len, c->sct->data};
        m.certificate_case = CA__GRPC__SIGNING_CERTIFICATE__CERTIFICATE_DETACHED;
        m.detached = &detached;
    }
    put(&m.base, out);
}

void ca_api_message_trust_bundle(const char *const *pem, size_t count, struct tm_buf *out)
{
    Ca__Grpc__TrustBundle m = CA__GRPC__TRUST_BUNDLE__INIT;
    Ca__Grpc__Chain chain = CA__GRPC__CHAIN__INIT;
    Ca__Grpc__Chain *chains[] = {&chain};
    chain.n_certificates = count;
    chain.certificates = (char **)(uintptr_t)pem;
    m.n_chains = 1;
    m.chains = chains;
    put(&m.base, out);
}

static void fill_issuer(const struct oidc_issuer *is, Ca__Grpc__Issuer *to)
{
    ca__grpc__issuer__init(to);
    to->issuer_case =
        is->wildcard ? CA__GRPC__ISSUER__ISSUER_WILDCARD_URL : CA__GRPC__ISSUER__ISSUER_URL;
    if (is->wildcard)
        to->wildcard_url = text(is->url);
    else
        to->url = text(is->url);
    to->audience = text(is->client_id);
    to->challenge_claim = text(is->challenge_claim);
    to->spiffe_trust_domain = text(is->spiffe_trust_domain);
    to->type = text(is->type_name);
    to->subject_domain = text(is->subject_domain);
    to->skip_email_verification = is->skip_email_verification;
}

void ca_api_message_configuration(const struct oidc_trust *trust, struct tm_buf *out)
{
    Ca__Grpc__Configuration m = CA__GRPC__CONFIGURATION__INIT;
    size_t n = oidc_trust_count(trust);
    int64_t now_s = tm_clock_wall_ms() / 1000;
    Ca__Grpc__Issuer *all = calloc(n + 1, sizeof(*all));
    m.issuers = calloc(n + 1, sizeof(Ca__Grpc__Issuer *));
    if (all == NULL || m.issuers == NULL) {
        out->failed = true;
    } else {
        for (size_t i = 0; i < n; i++) {
            const struct oidc_issuer *is = oidc_trust_at(trust, i);
            if (!oidc_issuer_is_open(is, now_s))
                continue;
            fill_issuer(is, &all[m.n_issuers]);
            m.issuers[m.n_issuers] = &all[m.n_issuers];
            m.n_issuers++;
        }
        put(&m.base, out);
    }
    free((void *)m.issuers);
    free(all);
}

void ca_api_message_health(bool ready, struct tm_buf *out)
{
    enum { SERVING = 1, NOT_SERVING = 2 };
    Ca__Grpc__HealthAnswer m = CA__GRPC__HEALTH_ANSWER__INIT;
    m.status = ready ? SERVING : NOT_SERVING;
    put(&m.base, out);
}

void ca_api_message_status(unsigned code, const char *message, int64_t retry_after_s,
                           struct tm_buf *out)
{
    static const char type[] = "type.googleapis.com/google.rpc.RetryInfo";
    Ca__Grpc__Status m = CA__GRPC__STATUS__INIT;
    Ca__Grpc__Detail detail = CA__GRPC__DETAIL__INIT;
    Ca__Grpc__RetryInfo retry = CA__GRPC__RETRY_INFO__INIT;
    Ca__Grpc__Duration delay = CA__GRPC__DURATION__INIT;
    Ca__Grpc__Detail *details[] = {&detail};
    struct tm_buf info = {0};
    m.code = (int32_t)code;
    m.message = text(message);
    if (retry_after_s > 0) {
        delay.seconds = retry_after_s;
        retry.retry_delay = &delay;
        put_bare(&retry.base, &info);
        detail.type_url = text(type);
        detail.value = (ProtobufCBinaryData){info.len, info.data};
        m.n_details = 1;
        m.details = details;
    }
    put_bare(&m.base, out);
    out->failed |= info.failed;
    tm_buf_free(&info);
}
