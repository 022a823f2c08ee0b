#include "tuf/verify/trust/jsontypes.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/b64.h"
#include "common/certs.h"
#include "common/clock.h"
#include "tuf/verify/trust/validity.h"

#define CERT_BYTES_MAX 65536
#define LOG_ID_MAX 64

/* --- times --- */

static int read_time(const json_t *v, bool round_up, int64_t *ms, struct tm_err *e)
{
    const char *text = json_string_value(v);
    return text != NULL && tm_clock_parse_rfc3339(text, round_up, ms) == 0
               ? 0
               : tm_err_set(e, "is not a time such as 2026-01-02T03:04:05Z");
}

static int read_start(const json_t *v, void *place, const struct tm_jsonmap_how *how,
                      struct tm_err *e)
{
    (void)how;
    return read_time(v, true, place, e);
}

static int read_end(const json_t *v, void *place, const struct tm_jsonmap_how *how,
                    struct tm_err *e)
{
    (void)how;
    return read_time(v, false, place, e);
}

/* No fraction or three digits, as protobuf prints it. */
static json_t *write_time(const void *place, struct tm_err *e)
{
    const int64_t *ms = place;
    char text[32];
    int64_t rest = *ms % 1000 < 0 ? *ms % 1000 + 1000 : *ms % 1000;
    (void)e;
    tm_clock_format((*ms - rest) / 1000, text);
    if (rest != 0)
        snprintf(text + 19, sizeof(text) - 19, ".%03dZ", (int)rest);
    return json_string(text);
}

static const struct tm_jsonmap_type start_time = {read_start, write_time, NULL};
static const struct tm_jsonmap_type end_time = {read_end, write_time, NULL};

static int check_validity(const void *it, const struct tm_jsonmap_how *how, struct tm_err *e)
{
    const struct tuf_validity *v = it;
    (void)how;
    return v->has_start && v->has_end && v->end_ms < v->start_ms
               ? tm_err_set(e, "ends before it starts")
               : 0;
}

static const struct tm_jsonmap_member validity_members[] = {
    JSONMAP_ROW(struct tuf_validity, "start", start_ms, OWN, .type = &start_time,
                .flags = JSONMAP_NOTED, .has = offsetof(struct tuf_validity, has_start)),
    JSONMAP_ROW(struct tuf_validity, "end", end_ms, OWN, .type = &end_time, .flags = JSONMAP_NOTED,
                .has = offsetof(struct tuf_validity, has_end)),
    {0}};
const struct tm_jsonmap tuf_json_validity = {.members = validity_members,
                                             .size = sizeof(struct tuf_validity),
                                             .unknown = JSONMAP_IGNORE,
                                             .proto = true,
                                             .check = check_validity};

/* --- certificates --- */

struct der { /* of a certificate */
    struct tm_buf bytes;
};

static const struct tm_jsonmap_member der_members[] = {
    JSONMAP_NEED(struct der, "rawBytes", bytes, BASE64, .min = 1, .max = CERT_BYTES_MAX), {0}};
static const struct tm_jsonmap der_map = {
    .members = der_members, .size = sizeof(struct der), .unknown = JSONMAP_IGNORE, .proto = true};

static X509 *certificate_of(const struct der *der, struct tm_err *e)
{
    const unsigned char *p = der->bytes.data;
    X509 *cert = d2i_X509(NULL, &p, (long)der->bytes.len);
    if (cert == NULL) {
        tm_err_openssl(e, "cannot be parsed");
    } else if (p != der->bytes.data + der->bytes.len) {
        X509_free(cert);
        cert = NULL;
        tm_err_set(e, "has bytes after the certificate");
    }
    return cert;
}

static X509 *read_certificate(const json_t *v, const struct tm_jsonmap_how *how, struct tm_err *e)
{
    struct der der = {{0}};
    X509 *cert = NULL;
    if (tm_jsonmap_read(v, &der_map, how, &der, e) == 0)
        cert = certificate_of(&der, e);
    tm_jsonmap_free(&der_map, &der);
    return cert;
}

static json_t *write_certificate(X509 *cert, struct tm_err *e)
{
    unsigned char *bytes = NULL;
    struct der der = {{0}};
    json_t *v = NULL;
    int len = i2d_X509(cert, &bytes);
    if (len > 0)
        tm_buf_append(&der.bytes, bytes, (size_t)len);
    if (len > 0 && !buf_failed(&der.bytes))
        v = tm_jsonmap_write(&der_map, &der, e);
    else
        tm_err_openssl(e, "cannot be encoded");
    OPENSSL_free(bytes);
    tm_buf_free(&der.bytes);
    return v;
}

/* The bytes alone: what stands in "rawBytes" of a certificate. */
static int read_raw(const json_t *v, void *place, const struct tm_jsonmap_how *how,
                    struct tm_err *e)
{
    X509 **out = place;
    json_t *holder = json_pack("{s:O}", "rawBytes", v);
    *out = holder != NULL ? read_certificate(holder, how, e) : NULL;
    json_decref(holder);
    return *out != NULL ? 0 : -1;
}

static json_t *write_raw(const void *place, struct tm_err *e)
{
    X509 *const *cert = place;
    struct tm_buf text = {0};
    unsigned char *der = NULL;
    int len = *cert != NULL ? i2d_X509(*cert, &der) : 0;
    if (len > 0)
        tm_b64_encode(B64_STD, der, (size_t)len, &text);
    json_t *v = tm_buf_str(&text) != NULL && len > 0 ? json_string(tm_buf_str(&text)) : NULL;
    if (len > 0 && v == NULL)
        tm_err_set(e, "out of memory");
    OPENSSL_free(der);
    tm_buf_free(&text);
    return v;
}

static void free_raw(void *place)
{
    X509 **cert = place;
    X509_free(*cert);
    *cert = NULL;
}

static const struct tm_jsonmap_type raw_certificate = {read_raw, write_raw, free_raw};
static const struct tm_jsonmap_member certificate_members[] = {
    {.name = "rawBytes", .kind = JSONMAP_OWN, .type = &raw_certificate, .flags = JSONMAP_REQUIRED},
    {0}};
const struct tm_jsonmap tuf_json_certificate = {.members = certificate_members,
                                                .size = sizeof(X509 *),
                                                .unknown = JSONMAP_IGNORE,
                                                .proto = true};

static int read_chain(const json_t *v, void *place, const struct tm_jsonmap_how *how,
                      struct tm_err *e)
{
    STACK_OF(X509) **chain = place;
    size_t i;
    const json_t *one;
    if (!json_is_array(v) || json_array_size(v) > CERTS_MAX)
        return tm_err_set(e, json_is_array(v) ? "has more than %d certificates" : "is not an array",
                          CERTS_MAX);
    *chain = sk_X509_new_null();
    if (*chain == NULL)
        return tm_err_set(e, "out of memory");
    json_array_foreach(v, i, one)
    {
        X509 *cert = read_certificate(one, how, e);
        if (cert == NULL)
            return tm_err_wrap(e, "is wrong at certificate %zu", i + 1);
        if (sk_X509_push(*chain, cert) <= 0) {
            X509_free(cert);
            return tm_err_set(e, "out of memory");
        }
    }
    return 0;
}

static json_t *write_chain(const void *place, struct tm_err *e)
{
    STACK_OF(X509) *const *chain = place;
    json_t *list = json_array();
    for (int i = 0; *chain != NULL && i < sk_X509_num(*chain); i++) {
        if (json_array_append_new(list, write_certificate(sk_X509_value(*chain, i), e)) != 0) {
            json_decref(list);
            tm_err_wrap(e, "certificate %d", i + 1);
            return NULL;
        }
    }
    return list;
}

static void free_chain(void *place)
{
    STACK_OF(X509) **chain = place;
    sk_X509_pop_free(*chain, X509_free);
    *chain = NULL;
}

static const struct tm_jsonmap_type certificates = {read_chain, write_chain, free_chain};
static const struct tm_jsonmap_member chain_members[] = {
    {.name = "certificates", .kind = JSONMAP_OWN, .type = &certificates}, {0}};
const struct tm_jsonmap tuf_json_chain = {.members = chain_members,
                                          .size = sizeof(STACK_OF(X509) *),
                                          .unknown = JSONMAP_IGNORE,
                                          .proto = true};

/* --- log ids --- */

static const struct tm_jsonmap_member log_id_members[] = {
    {.name = "keyId", .kind = JSONMAP_BASE64, .max = LOG_ID_MAX}, {0}};
const struct tm_jsonmap tuf_json_log_id = {.members = log_id_members,
                                           .size = sizeof(struct tm_buf),
                                           .unknown = JSONMAP_IGNORE,
                                           .proto = true};
