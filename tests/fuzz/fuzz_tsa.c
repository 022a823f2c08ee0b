/* Timestamp queries, DER and JSON: what is taken names a hash and a digest of its length. */
#include <stdint.h>
#include <stdlib.h>

#include "ca/tsa/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void judge(int rc, const struct ca_tsa_request *r, const struct tm_err *e)
{
    if (rc != 0) {
        must(e->text[0] != '\0');
        return;
    }
    must(r->digest_len == 32 || r->digest_len == 48 || r->digest_len == 64);
    must(r->nonce_len <= TSA_NONCE_MAX && r->policy_len <= TSA_POLICY_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ca_tsa_request r;
    struct tm_err e = {0};
    judge(ca_tsa_request_read(data, size, &r, &e), &r, &e);
    e = (struct tm_err){0};
    judge(ca_tsa_request_read_json((const char *)data, size, &r, &e), &r, &e);
    return 0;
}
