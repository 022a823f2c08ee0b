#include "ca/api/grpc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "ca/api/message.h"
#include "common/b64.h"

#define INFLATE_PIECE 8192
#define GZIP_WINDOW (15 + 16) /* zlib's word for gzip alone */

bool ca_grpc_is(const struct tm_http_exchange *x)
{
    return tm_http_method_of(x) == HTTP_GRPC;
}

const char *ca_grpc_protocol(const struct tm_http_exchange *x)
{
    return ca_grpc_is(x) ? "grpc" : tm_http_is_http2(x) ? "h2" : "h1";
}

static int fail(struct ca_api_failure *f, enum ca_api_fault fault, const char *why)
{
    tm_err_set(&f->detail, "%s", why);
    return ca_api_failure_set(f, fault);
}

static int inflate_all(z_stream *z, size_t max, struct tm_buf *out, struct ca_api_failure *f)
{
    int rc = Z_OK;
    while (rc == Z_OK) {
        unsigned char *to = tm_buf_reserve(out, INFLATE_PIECE);
        if (to == NULL)
            return ca_api_failure_set(f, API_FAULT_INTERNAL);
        z->next_out = to;
        z->avail_out = INFLATE_PIECE;
        rc = inflate(z, Z_NO_FLUSH);
        out->len += INFLATE_PIECE - z->avail_out;
        if (out->len > max)
            return ca_api_failure_set(f, API_FAULT_TOO_LARGE);
    }
    return rc == Z_STREAM_END && z->avail_in == 0
               ? 0
               : fail(f, API_FAULT_REQUEST, "the message is not gzip");
}

static int gunzip(const unsigned char *data, size_t len, size_t max, struct tm_buf *out,
                  struct ca_api_failure *f)
{
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)data, .avail_in = (unsigned)len};
    if (inflateInit2(&z, GZIP_WINDOW) != Z_OK)
        return ca_api_failure_set(f, API_FAULT_INTERNAL);
    int rc = inflate_all(&z, max, out, f);
    (void)inflateEnd(&z);
    return rc;
}

int ca_grpc_take(struct tm_http_exchange *x, size_t max, struct tm_buf *out,
                 struct ca_api_failure *f)
{
    const struct tm_buf *body = tm_http_body(x);
    const char *coding = tm_http_header(x, "grpc-encoding");
    bool gzip = coding != NULL && strcmp(coding, "gzip") == 0;
    if (coding != NULL && !gzip && strcmp(coding, "identity") != 0)
        return fail(f, API_FAULT_ENCODING, "grpc-encoding is neither identity nor gzip");
    if (body->len < CA_MESSAGE_PREFIX)
        return fail(f, API_FAULT_REQUEST, "the call has no message");
    const unsigned char *p = body->data;
    size_t len = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
    if (p[0] > 1 || len != body->len - CA_MESSAGE_PREFIX)
        return fail(f, API_FAULT_REQUEST, "the call has not one message of the length it says");
    if (p[0] == 1 && !gzip)
        return fail(f, API_FAULT_REQUEST, "a compressed message without grpc-encoding");
    if (p[0] == 1)
        return gunzip(p + CA_MESSAGE_PREFIX, len, max, out, f);
    if (len > max)
        return ca_api_failure_set(f, API_FAULT_TOO_LARGE);
    tm_buf_append(out, p + CA_MESSAGE_PREFIX, len);
    return buf_failed(out) ? ca_api_failure_set(f, API_FAULT_INTERNAL) : 0;
}

/* At most eight digits and a unit. -1: none was given, or it is not one. */
static int64_t timeout_us(struct tm_http_exchange *x)
{
    static const struct {
        char unit;
        int64_t us;
    } units[] = {{'H', 3600000000}, {'M', 60000000}, {'S', 1000000}, {'m', 1000}, {'u', 1}};
    const char *text = tm_http_header(x, "grpc-timeout");
    int64_t n = 0;
    size_t digits = text != NULL ? strspn(text, "0123456789") : 0;
    if (digits == 0 || digits > 8 || strlen(text) != digits + 1)
        return -1;
    for (size_t i = 0; i < digits; i++)
        n = n * 10 + (text[i] - '0');
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (text[digits] == units[i].unit)
            return n * units[i].us;
    }
    return text[digits] == 'n' ? n / 1000 : -1;
}

bool ca_grpc_heed_timeout(struct tm_http_exchange *x)
{
    int64_t us = ca_grpc_is(x) ? timeout_us(x) : -1;
    if (us < 0)
        return true;
    tm_http_limit_wait(x, us / 1000);
    return tm_http_elapsed_us(x) < us;
}

void ca_grpc_end(struct tm_http_exchange *x)
{
    tm_http_reply_trailer(x, "grpc-status", "0");
}

void ca_grpc_reply(struct tm_http_exchange *x, struct tm_buf *message)
{
    tm_http_reply(x, 200, CA_GRPC_TYPE, message);
    ca_grpc_end(x);
}

/* Percent-encoding of what a field's value cannot have, and of '%'. */
static void put_message(struct tm_http_exchange *x, const char *text)
{
    struct tm_buf out = {0};
    for (const char *p = text; *p != '\0'; p++) {
        if (*p >= ' ' && *p <= '~' && *p != '%')
            buf_putc(&out, (unsigned char)*p);
        else
            tm_buf_printf(&out, "%%%02X", (unsigned char)*p);
    }
    if (tm_buf_str(&out) != NULL)
        tm_http_reply_trailer(x, "grpc-message", tm_buf_str(&out));
    tm_buf_free(&out);
}

static void put_retry(struct tm_http_exchange *x, const struct ca_api_failure *f, int64_t seconds)
{
    struct tm_buf status = {0};
    struct tm_buf out = {0};
    char ms[32];
    snprintf(ms, sizeof(ms), "%" PRId64, seconds * 1000);
    tm_http_reply_trailer(x, "grpc-retry-pushback-ms", ms);
    ca_api_message_status(ca_api_fault_code(f->fault), ca_api_fault_message(f), seconds, &status);
    tm_b64_encode(B64_STD, status.data, status.len, &out);
    if (!buf_failed(&status) && tm_buf_str(&out) != NULL)
        tm_http_reply_trailer(x, "grpc-status-details-bin", tm_buf_str(&out));
    tm_buf_free(&status);
    tm_buf_free(&out);
}

void ca_grpc_refuse(struct tm_http_exchange *x, const struct ca_api_failure *f,
                    int64_t retry_after_s)
{
    struct tm_buf none = {0};
    char code[16];
    snprintf(code, sizeof(code), "%u", ca_api_fault_code(f->fault));
    tm_http_reply(x, 200, CA_GRPC_TYPE, &none);
    tm_http_reply_trailer(x, "grpc-status", code);
    put_message(x, ca_api_fault_message(f));
    if (f->fault == API_FAULT_ENCODING)
        tm_http_reply_trailer(x, "grpc-accept-encoding", "identity,gzip");
    if (retry_after_s > 0)
        put_retry(x, f, retry_after_s);
}
