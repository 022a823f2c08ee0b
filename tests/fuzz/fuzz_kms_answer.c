#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/kms/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What services answer: the first byte says which and what. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct tm_kms_service *const services[] = {&tm_kms_aws, &tm_kms_vault, &tm_kms_gcp,
                                                            &tm_kms_azure};
    struct tm_kms k = {0};
    struct tm_buf body = {0};
    struct tm_buf sig = {0};
    struct tm_err e = {0};
    const struct tm_key_ask ask = {KEY_SIGN_ECDSA, KEY_SHA256, NULL, 0};
    char code[64] = "", words[200] = "";
    if (size < 1)
        return 0;
    const struct tm_kms_service *s = services[data[0] % 4];
    tm_buf_append(&body, data + 1, size - 1);
    k.name = strdup(data[0] & 4 ? "k" : "projects/p/locations/l/keyRings/r/cryptoKeys/k/1");
    k.version = strdup("1");
    EVP_PKEY *key = s->read_public(&k, &body, &e);
    if (key == NULL && e.text[0] == '\0')
        abort();
    EVP_PKEY_free(key);
    if (s->read_sign(&k, &ask, &body, &sig, &e) == 0 && sig.len == 0)
        abort();
    s->read_fault(&body, code, words);
    if (memchr(code, '\0', sizeof(code)) == NULL || memchr(words, '\0', sizeof(words)) == NULL)
        abort();
    tm_buf_free(&sig);
    tm_buf_free(&body);
    free(k.name);
    free(k.version);
    free(k.algorithm);
    return 0;
}
