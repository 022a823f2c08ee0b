/* Request bodies: both versions must parse or refuse, and agree on what an accepted body is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ca/api/fault.h"
#include "ca/api/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct ca_api_request *r)
{
    if (r->token != NULL && strlen(r->token) != r->token_len) /* no NUL gets through */
        abort();
    if (r->has_csr != (r->csr.len > 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ca_api_request r;
    struct ca_api_failure f = {.fault = API_FAULT_REQUEST};
    struct tm_buf b = {0};
    if (ca_api_request_parse_v2(data, size, &r, &f.detail) == 0) {
        check(&r);
        if (r.has_csr && (r.has_key || r.proof.len > 0)) /* the oneof */
            abort();
    } else if (f.detail.text[0] == '\0') {
        abort(); /* a refusal says why */
    }
    ca_api_request_free(&r);
    f.detail.text[0] = '\0';
    if (ca_api_request_parse_v1(data, size, &r, &f.detail) == 0)
        check(&r);
    else if (f.detail.text[0] == '\0')
        abort();
    ca_api_request_free(&r);
    ca_api_failure_json(&f, &b); /* the message that goes back must be JSON */
    json_t *j = json_loadb((const char *)b.data, b.len, 0, NULL);
    if (j == NULL)
        abort();
    json_decref(j);
    tm_buf_free(&b);
    return 0;
}
