/* A client's public key: what is taken is what OpenSSL reads in its canonical form, which is taken
 * again as the same, and no signature that was not made by it verifies. */
#include <openssl/x509.h>
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

static void check_key(const struct ca_proof_policy *p, const struct ca_proof_key *k,
                      const uint8_t *data, size_t size)
{
    struct tm_err e = {0};
    struct ca_proof_key again;
    const unsigned char *at = k->spki.data;
    EVP_PKEY *theirs = d2i_PUBKEY(NULL, &at, (long)k->spki.len);
    must(theirs != NULL && at == k->spki.data + k->spki.len && EVP_PKEY_eq(theirs, k->key) == 1);
    EVP_PKEY_free(theirs);
    must(ca_proof_key_parse(p, k->spki.data, k->spki.len, &again, &e) == PROOF_OK);
    must(again.spki.len == k->spki.len && again.ec_width == k->ec_width && again.md == k->md &&
         memcmp(again.spki.data, k->spki.data, k->spki.len) == 0);
    size_t tail = size < 64 ? size : 64;
    must(ca_proof_key_verify(&again, "sub", data + size - tail, tail, &e) == PROOF_BAD_SIGNATURE);
    ca_proof_key_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ca_proof_policy *p; /* as a server has it: made once */
    struct tm_err e = {0};
    struct ca_proof_key k;
    if (p == NULL)
        p = ca_proof_policy_new(NULL, 0, &e);
    must(p != NULL);
    if (ca_proof_key_parse(p, data, size, &k, &e) == PROOF_OK) {
        check_key(p, &k, data, size);
        ca_proof_key_free(&k);
    } else {
        must(e.text[0] != '\0');
    }
    return 0;
}
