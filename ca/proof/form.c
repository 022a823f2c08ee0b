#include "ca/proof/form.h"

#include <stdbool.h>
#include <string.h>

#include "common/curve.h"
#include "common/der.h"

static const unsigned char rsa_algorithm[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                              0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
static const unsigned char ed25519_head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                             0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

static bool read_ec(const unsigned char *der, size_t len, struct ca_spki_form *out)
{
    const struct tm_curve *c = tm_curve_of_spki(der, len);
    if (c == NULL)
        return false;
    *out = (struct ca_spki_form){SPKI_EC, KEY_P256 + (enum ca_key_kind)(c - tm_curves),
                                 der + c->head_len, c->point_len, 0};
    return true;
}

static bool read_ed25519(const unsigned char *der, size_t len, struct ca_spki_form *out)
{
    if (len != sizeof(ed25519_head) + 32 || memcmp(der, ed25519_head, sizeof(ed25519_head)) != 0)
        return false;
    *out = (struct ca_spki_form){SPKI_ED25519, KEY_ED25519, der + sizeof(ed25519_head), 32, 0};
    return true;
}

/* A positive INTEGER in its shortest form, without the sign's byte. */
static bool take_positive(const unsigned char **p, size_t *left, const unsigned char **be,
                          size_t *len)
{
    struct tm_der_element n;
    if (!tm_der_take_tag(p, left, DER_INTEGER, &n) || n.len == 0 || (n.value[0] & 0x80) != 0)
        return false;
    bool sign = n.value[0] == 0;
    if (sign && (n.len == 1 || (n.value[1] & 0x80) == 0))
        return false;
    *be = n.value + sign;
    *len = n.len - sign;
    return true;
}

static uint64_t small_number(const unsigned char *be, size_t len)
{
    uint64_t n = 0;
    for (size_t i = 0; i < len && len <= 8; i++)
        n = n << 8 | be[i];
    return n;
}

static enum ca_key_kind kind_of_rsa(const unsigned char *be, size_t len)
{
    if ((be[0] & 0x80) == 0)
        return KEY_OTHER;
    return len == 256 ? KEY_RSA_2048 : len == 384 ? KEY_RSA_3072 : len == 512 ? KEY_RSA_4096 : 0;
}

/* SubjectPublicKeyInfo { AlgorithmIdentifier, BIT STRING { RSAPublicKey { n, e } } } */
static bool read_rsa(const unsigned char *der, size_t len, struct ca_spki_form *out)
{
    struct tm_der_element whole;
    struct tm_der_element algorithm;
    struct tm_der_element bits;
    struct tm_der_element key;
    const unsigned char *e = NULL;
    size_t e_len = 0;
    if (!tm_der_take_tag(&der, &len, DER_SEQUENCE, &whole) || len != 0)
        return false;
    der = whole.value;
    len = whole.len;
    if (!tm_der_take_tag(&der, &len, DER_SEQUENCE, &algorithm) ||
        algorithm.len != sizeof(rsa_algorithm) ||
        memcmp(algorithm.value, rsa_algorithm, sizeof(rsa_algorithm)) != 0 ||
        !tm_der_take_tag(&der, &len, DER_BIT_STRING, &bits) || len != 0 || bits.len == 0 ||
        bits.value[0] != 0)
        return false;
    der = bits.value + 1;
    len = bits.len - 1;
    if (!tm_der_take_tag(&der, &len, DER_SEQUENCE, &key) || len != 0)
        return false;
    der = key.value;
    len = key.len;
    out->type = SPKI_RSA;
    if (!take_positive(&der, &len, &out->bytes, &out->len) ||
        !take_positive(&der, &len, &e, &e_len) || len != 0)
        return false;
    out->kind = kind_of_rsa(out->bytes, out->len);
    out->exponent = small_number(e, e_len);
    return true;
}

struct ca_spki_form ca_spki_read(const unsigned char *der, size_t len)
{
    struct ca_spki_form form = {0};
    if (read_ec(der, len, &form) || read_ed25519(der, len, &form) || read_rsa(der, len, &form))
        return form;
    return (struct ca_spki_form){0};
}
