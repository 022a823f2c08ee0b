#include "common/curve.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <string.h>

const struct tm_curve tm_curves[CURVE_COUNT] = {
    {"prime256v1",
     "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
     "\x03\x42\x00",
     26, 65},
    {"secp384r1",
     "\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00",
     23, 97},
    {"secp521r1",
     "\x30\x81\x9b\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23\x03\x81"
     "\x86\x00",
     25, 133},
};

const struct tm_curve *tm_curve_of_spki(const void *der, size_t len)
{
    for (size_t i = 0; i < CURVE_COUNT; i++) {
        const struct tm_curve *c = &tm_curves[i];
        if (len == c->head_len + c->point_len && memcmp(der, c->head, c->head_len) == 0 &&
            ((const unsigned char *)der)[c->head_len] == 0x04)
            return c;
    }
    return NULL;
}

EVP_PKEY *tm_curve_public(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    return key;
}

EVP_PKEY *tm_curve_key(const struct tm_curve *c, const void *point)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)c->group, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point, c->point_len),
        OSSL_PARAM_END,
    };
    params[0].data_size = strlen(c->group);
    return tm_curve_public("EC", params);
}
