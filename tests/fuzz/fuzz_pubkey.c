#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ca/proof/proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    struct proof_policy *p = proof_policy_new(NULL, 0, &e);
    struct proof_key k;
    if (p != NULL && proof_key_parse(p, data, size, &k, &e) == PROOF_OK)
        proof_key_free(&k);
    proof_policy_free(p);
    return 0;
}
