/* Certificate signing requests: a key that is taken is one that would be taken alone. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ca/proof/proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ca_proof_policy *p; /* as a server has it: made once */
    struct tm_err e = {0};
    struct ca_proof_key k;
    struct ca_proof_key alone;
    if (p == NULL)
        p = ca_proof_policy_new(NULL, 0, &e);
    must(p != NULL);
    if (ca_proof_csr_parse(p, data, size, &k, &e) != PROOF_OK) {
        must(e.text[0] != '\0');
        return 0;
    }
    must(ca_proof_key_parse(p, k.spki.data, k.spki.len, &alone, &e) == PROOF_OK);
    must(alone.spki.len == k.spki.len && memcmp(alone.spki.data, k.spki.data, k.spki.len) == 0);
    ca_proof_key_free(&alone);
    ca_proof_key_free(&k);
    return 0;
}
