/* Messages of the gRPC API: what was read has no NUL and no more than was sent, and the front packs
 * it as it was read; health questions alike. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ca/api/message.h"
#include "ca/api/packed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok)
{
    if (!ok)
        abort();
}

static bool same(const struct tm_buf *a, const struct tm_buf *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void packed_alike(const struct ca_api_request *r, const uint8_t *data, size_t size)
{
    struct tm_buf packed = {0};
    struct ca_api_request again;
    struct tm_err e = {0};
    check(ca_api_packed_put(ca_api_request_parse_message, data, size, &packed) == 0);
    check(ca_api_packed_take(packed.data, packed.len, &again, &e) == 0);
    check(again.has_csr == r->has_csr && again.has_key == r->has_key);
    check(same(&again.csr, &r->csr) && same(&again.key, &r->key) && same(&again.proof, &r->proof));
    check(again.token_len == r->token_len &&
          (r->token == NULL || strcmp(again.token, r->token) == 0));
    ca_api_request_free(&again);
    tm_buf_free(&packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ca_api_request r;
    struct tm_buf service = {0};
    struct tm_err e = {0};
    if (ca_api_request_parse_message(data, size, &r, &e) == 0) {
        check(r.token == NULL || strlen(r.token) == r.token_len);
        check(r.token_len + r.key.len + r.csr.len + r.proof.len <= size);
        check(!r.has_csr || (r.csr.len > 0 && !r.has_key));
        packed_alike(&r, data, size);
    } else {
        check(e.text[0] != '\0');
    }
    ca_api_request_free(&r);
    if (ca_api_message_health_parse(data, size, &service) == 0)
        check(service.len <= size &&
              (service.len == 0 || memchr(service.data, 0, service.len) == NULL));
    tm_buf_free(&service);
    return 0;
}
