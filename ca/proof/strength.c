#include "ca/proof/strength.h"
#include "ca/proof/blame.h"

#include <openssl/evp.h>
#include <string.h>

#define RSA_EXPONENT 65537

static enum ca_proof_status weak(struct tm_err *e, const char *why)
{
    tm_err_set(e, "%s", why);
    return PROOF_KEY_WEAK;
}

static enum ca_proof_status check_rsa(const struct ca_modulus_rules *rules,
                                      const struct ca_spki_form *form, struct tm_err *e)
{
    if (form->exponent != RSA_EXPONENT)
        return weak(e, "RSA public exponent is not 65537");
    return ca_modulus_check(rules, form->bytes, form->len, e);
}

/* y coordinates (sign bit cleared) of the points whose order divides 8, non-canonical
 * encodings included: little endian, as RFC 8032 §5.1.2 encodes. */
static const unsigned char small_order[][32] = {
    {0},
    {1},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
     0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
     0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
     0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
     0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

static enum ca_proof_status check_ed25519(const struct ca_spki_form *form, struct tm_err *e)
{
    unsigned char y[32];
    memcpy(y, form->bytes, sizeof(y));
    y[31] &= 0x7f;
    for (size_t i = 0; i < sizeof(small_order) / sizeof(small_order[0]); i++) {
        if (memcmp(y, small_order[i], sizeof(y)) == 0)
            return weak(e, "Ed25519 key of small order");
    }
    return PROOF_OK;
}

static enum ca_proof_status refuse_other(const EVP_PKEY *key, struct tm_err *e)
{
    char group[64] = "";
    size_t len = 0;
    if (!EVP_PKEY_is_a(key, "EC"))
        return ca_proof_blame(PROOF_KEY_WEAK, e, "key type is not RSA, EC or Ed25519");
    if (EVP_PKEY_get_group_name((EVP_PKEY *)key, group, sizeof(group), &len) != 1)
        return ca_proof_blame(PROOF_KEY_WEAK, e, "EC key without a named curve");
    tm_err_set(e, "EC curve %.40s: only P-256, P-384 and P-521 are accepted", group);
    return PROOF_KEY_WEAK;
}

/* That a point is on its curve and not at infinity is checked where it is decoded; the accepted
 * curves have cofactor 1, so the order is then right too. */
enum ca_proof_status ca_strength_check(const struct ca_modulus_rules *rules,
                                       const struct ca_proof_key *k, struct tm_err *e)
{
    struct ca_spki_form form = ca_spki_read(k->spki.data, k->spki.len);
    switch (form.type) {
    case SPKI_EC:
        return PROOF_OK;
    case SPKI_RSA:
        return check_rsa(rules, &form, e);
    case SPKI_ED25519:
        return check_ed25519(&form, e);
    default:
        return refuse_other(k->key, e);
    }
}
