#include "ca/proof/blame.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdbool.h>

#define PROBE_BYTES 4096 /* more than any single allocation of a decoder */

/* OpenSSL's decoders do not always say that it was memory that they lacked. */
static bool memory_is_left(void)
{
    void *probe = OPENSSL_malloc(PROBE_BYTES);
    OPENSSL_free(probe);
    return probe != NULL;
}

enum ca_proof_status ca_proof_no_memory(struct tm_err *e)
{
    tm_err_set(e, "out of memory");
    ERR_clear_error();
    return PROOF_INTERNAL;
}

enum ca_proof_status ca_proof_blame(enum ca_proof_status client, struct tm_err *e, const char *what)
{
    tm_err_set(e, "%s", what);
    unsigned long code = ERR_peek_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    if (reason != NULL)
        tm_err_set(e, "%s: %s", what, reason);
    while ((code = ERR_get_error()) != 0) {
        if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE)
            client = ca_proof_no_memory(e);
    }
    return memory_is_left() ? client : ca_proof_no_memory(e);
}
