#include "tuf/metadata/key.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "common/curve.h"
#include "common/der.h"
#include "common/hex.h"
#include "common/pem.h"
#include "tuf/metadata/canonical.h"
#include "tuf/metadata/typesjson.h"

#define PEM_MAX 8192 /* bytes; an RSA key of 8192 bits in PEM has under 1500 */
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define ED25519_BYTES 32

struct tuf_algorithm {
    const char *keytype, *scheme;
    const char *type;  /* OpenSSL's name of the key type */
    const char *group; /* of EC keys */
    const EVP_MD *(*digest)(void);
    bool written; /* as a new key is written; the other rows are only read */
};

static const struct tuf_algorithm algorithms[] = {
    {"ed25519", "ed25519", "ED25519", NULL, NULL, true},
    {"ecdsa", "ecdsa-sha2-nistp256", "EC", "prime256v1", EVP_sha256, true},
    {"ecdsa", "ecdsa-sha2-nistp384", "EC", "secp384r1", EVP_sha384, true},
    {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", "EC", "prime256v1", EVP_sha256, false},
    {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", "EC", "secp384r1", EVP_sha384, false},
    {"rsa", "rsassa-pss-sha256", "RSA", NULL, EVP_sha256, true},
};
#define ALGORITHMS (sizeof(algorithms) / sizeof(algorithms[0]))

static const struct tuf_algorithm *find(const char *keytype, const char *scheme)
{
    for (size_t i = 0; i < ALGORITHMS; i++) {
        if (strcmp(algorithms[i].keytype, keytype) == 0 &&
            strcmp(algorithms[i].scheme, scheme) == 0)
            return &algorithms[i];
    }
    return NULL;
}

/* 0: a key of the row's kind, on the row's named curve, of a length we take. */
static int check_suits(const struct tuf_algorithm *alg, const EVP_PKEY *pkey, struct tm_err *e)
{
    char group[64] = "";
    size_t len = 0;
    int explicit_parameters = 0;
    if (!EVP_PKEY_is_a(pkey, alg->type))
        return tm_err_set(e, "the public key is not of type %s", alg->type);
    if (alg->group != NULL) {
        EVP_PKEY_get_int_param(pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                               &explicit_parameters);
        if (EVP_PKEY_get_group_name(pkey, group, sizeof(group), &len) != 1 ||
            strcmp(group, alg->group) != 0 || explicit_parameters != 0)
            return tm_err_set(e, "the public key is not on the named curve %s", alg->group);
    }
    int bits = EVP_PKEY_get_bits(pkey);
    if (strcmp(alg->type, "RSA") == 0 && (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX))
        return tm_err_set(e, "an RSA key of %d bits: %d to %d are accepted", bits, RSA_BITS_MIN,
                          RSA_BITS_MAX);
    return 0;
}

/* RFC 3279 §2.3.1: rsaEncryption with NULL parameters. */
static const unsigned char rsa_algorithm[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                              0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};

/* A plain RSA SubjectPublicKeyInfo, or NULL: OpenSSL's general decoder takes a hundred times as
 * long to find out what it is. */
static EVP_PKEY *decode_rsa(const unsigned char *der, size_t len)
{
    struct tm_der_element outer;
    struct tm_der_element algorithm;
    struct tm_der_element bits;
    if (tm_der_take(&der, &len, &outer) != 0 || outer.tag != DER_SEQUENCE || len != 0)
        return NULL;
    const unsigned char *p = outer.value;
    size_t left = outer.len;
    if (tm_der_take(&p, &left, &algorithm) != 0 || algorithm.whole_len != sizeof(rsa_algorithm) ||
        memcmp(algorithm.whole, rsa_algorithm, sizeof(rsa_algorithm)) != 0 ||
        tm_der_take(&p, &left, &bits) != 0 || left != 0 || bits.tag != DER_BIT_STRING ||
        bits.len < 1 || bits.value[0] != 0)
        return NULL;
    p = bits.value + 1;
    EVP_PKEY *pkey = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)bits.len - 1);
    if (pkey != NULL && p == bits.value + bits.len)
        return pkey;
    EVP_PKEY_free(pkey);
    return NULL;
}

static EVP_PKEY *decode_der(const unsigned char *der, size_t len)
{
    const struct tm_curve *c = tm_curve_of_spki(der, len);
    const unsigned char *p = der;
    EVP_PKEY *pkey = c != NULL ? tm_curve_key(c, der + c->head_len) : decode_rsa(der, len);
    if (pkey != NULL || c != NULL)
        return pkey;
    pkey = d2i_PUBKEY(NULL, &p, (long)len);
    if (pkey != NULL && p == der + len)
        return pkey;
    EVP_PKEY_free(pkey);
    return NULL;
}

/* SHA-256 of the SubjectPublicKeyInfo in its one form: an uncompressed point, no leading zeros. A
 * key must not pass for two by two encodings. */
static int fingerprint(struct tuf_key *k, const struct tm_buf *read, struct tm_err *e)
{
    unsigned char *der = NULL;
    const unsigned char *from = read->data;
    int len = (int)read->len;
    int rc = 0;
    if (tm_curve_of_spki(from, read->len) == NULL) {
        if (k->alg->group != NULL &&
            EVP_PKEY_set_utf8_string_param(k->pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                           OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) != 1)
            return tm_err_openssl(e, "encode the public key");
        len = i2d_PUBKEY(k->pkey, &der);
        from = der;
    }
    if (len <= 0 || EVP_Digest(from, (size_t)len, k->fingerprint, NULL, EVP_sha256(), NULL) != 1)
        rc = tm_err_openssl(e, "encode the public key");
    OPENSSL_free(der);
    return rc;
}

static int decode_pem(struct tuf_key *k, const char *text, struct tm_err *e)
{
    struct tm_buf der = {0};
    size_t len = strlen(text);
    int rc = 0;
    if (len > PEM_MAX || tm_pem_body("PUBLIC KEY", text, len, &der) != 0)
        rc = tm_err_set(e, "keyval.public is not one PEM block \"PUBLIC KEY\"");
    else if ((k->pkey = decode_der(der.data, der.len)) == NULL)
        rc = tm_err_openssl(e, "keyval.public holds no public key");
    else if (check_suits(k->alg, k->pkey, e) != 0)
        rc = -1;
    else
        rc = fingerprint(k, &der, e);
    tm_buf_free(&der);
    ERR_clear_error(); /* of the ways that did not fit */
    return rc;
}

static int decode_ed25519(struct tuf_key *k, const char *text, struct tm_err *e)
{
    /* RFC 8410 §4: what comes before the key in a SubjectPublicKeyInfo. */
    static const unsigned char head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                         0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
    struct tm_buf der = {0};
    int rc = 0;
    tm_buf_append(&der, head, sizeof(head));
    if (tm_hex_decode(text, strlen(text), &der) == 0 && der.len == sizeof(head) + ED25519_BYTES)
        k->pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, der.data + sizeof(head),
                                              ED25519_BYTES);
    if (k->pkey == NULL)
        rc = tm_err_set(e, "keyval.public is not %d bytes of an Ed25519 key in hex", ED25519_BYTES);
    else if (EVP_Digest(der.data, der.len, k->fingerprint, NULL, EVP_sha256(), NULL) != 1)
        rc = tm_err_openssl(e, "SHA-256");
    tm_buf_free(&der);
    ERR_clear_error();
    return rc;
}

int tuf_key_open(const struct tuf_public_key *key, struct tuf_key *out, struct tm_err *e)
{
    *out = (struct tuf_key){0};
    if (key->keytype == NULL || key->scheme == NULL || key->keyval.text == NULL)
        return tm_err_set(e, "a key needs keytype, scheme and keyval.public");
    out->alg = find(key->keytype, key->scheme);
    if (out->alg == NULL)
        return tm_err_set(e, "keytype '%.40s' with scheme '%.40s' is not known", key->keytype,
                          key->scheme);
    int rc = strcmp(out->alg->type, "ED25519") == 0 ? decode_ed25519(out, key->keyval.text, e)
                                                    : decode_pem(out, key->keyval.text, e);
    if (rc != 0)
        tuf_key_free(out);
    return rc;
}

void tuf_key_free(struct tuf_key *k)
{
    EVP_PKEY_free(k->pkey);
    *k = (struct tuf_key){0};
}

static const struct tuf_algorithm *row_for(const EVP_PKEY *pkey)
{
    struct tm_err ignored;
    for (size_t i = 0; i < ALGORITHMS; i++) {
        if (algorithms[i].written && check_suits(&algorithms[i], pkey, &ignored) == 0)
            return &algorithms[i];
    }
    return NULL;
}

/* The text of keyval.public. */
static int public_text(EVP_PKEY *pkey, struct tm_buf *out, struct tm_err *e)
{
    unsigned char raw[ED25519_BYTES];
    size_t raw_len = sizeof(raw);
    char hex[2 * sizeof(raw) + 1];
    if (EVP_PKEY_is_a(pkey, "ED25519")) {
        if (EVP_PKEY_get_raw_public_key(pkey, raw, &raw_len) != 1)
            return tm_err_openssl(e, "read the Ed25519 public key");
        tm_hex_encode(raw, raw_len, hex);
        tm_buf_puts(out, hex);
        return 0;
    }
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    int rc = bio != NULL && PEM_write_bio_PUBKEY(bio, pkey) == 1
                 ? 0
                 : tm_err_openssl(e, "encode the public key");
    long len = rc == 0 ? BIO_get_mem_data(bio, &data) : 0;
    tm_buf_append(out, data, (size_t)len);
    BIO_free(bio);
    return rc;
}

int tuf_key_of(EVP_PKEY *pkey, struct tuf_public_key *out, struct tm_err *e)
{
    const struct tuf_algorithm *alg = row_for(pkey);
    struct tm_buf text = {0};
    if (alg == NULL)
        return tm_err_set(e, "TUF keys are Ed25519, P-256, P-384 or RSA of %d to %d bits",
                          RSA_BITS_MIN, RSA_BITS_MAX);
    int rc = public_text(pkey, &text, e);
    if (rc == 0 && (tm_buf_str(&text) == NULL || tuf_text_set(&out->keytype, alg->keytype) != 0 ||
                    tuf_text_set(&out->scheme, alg->scheme) != 0 ||
                    tuf_text_set(&out->keyval.text, tm_buf_str(&text)) != 0))
        rc = tm_err_set(e, "out of memory");
    out->has_keyval = true;
    if (rc != 0)
        tuf_free_key(out);
    tm_buf_free(&text);
    return rc;
}

int tuf_key_hash(const struct tuf_public_key *key, char keyid[TUF_KEYID_SIZE], struct tm_err *e)
{
    json_t *v = tuf_write_key(key, e);
    int rc = v != NULL ? tuf_canonical_sha256(v, keyid, e) : -1;
    json_decref(v);
    return rc;
}

int tuf_key_fingerprint(const struct tuf_public_key *key, char hex[65], struct tm_err *e)
{
    struct tuf_key k;
    if (tuf_key_open(key, &k, e) != 0)
        return -1;
    tm_hex_encode(k.fingerprint, sizeof(k.fingerprint), hex);
    tuf_key_free(&k);
    return 0;
}

static bool set_padding(const struct tuf_algorithm *alg, EVP_PKEY_CTX *ctx, const EVP_MD *md,
                        bool sign)
{
    if (strcmp(alg->type, "RSA") != 0)
        return true;
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) > 0 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, sign ? RSA_PSS_SALTLEN_DIGEST
                                                      : RSA_PSS_SALTLEN_AUTO) > 0;
}

bool tuf_key_verify(const struct tuf_key *k, const void *data, size_t len, const unsigned char *sig,
                    size_t sig_len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    const EVP_MD *md = k->alg->digest != NULL ? k->alg->digest() : NULL;
    bool good = ctx != NULL && EVP_DigestVerifyInit(ctx, &pctx, md, NULL, k->pkey) == 1 &&
                set_padding(k->alg, pctx, md, false) &&
                EVP_DigestVerify(ctx, sig, sig_len, data, len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

int tuf_key_sign(const struct tuf_key *k, EVP_PKEY *private_key, const void *data, size_t len,
                 struct tm_buf *sig, struct tm_err *e)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    const EVP_MD *md = k->alg->digest != NULL ? k->alg->digest() : NULL;
    size_t sig_len = 0;
    unsigned char *to = NULL;
    int rc = -1;
    if (!EVP_PKEY_is_a(private_key, k->alg->type)) {
        tm_err_set(e, "the private key is not of type %s", k->alg->type);
    } else if (ctx == NULL || EVP_DigestSignInit(ctx, &pctx, md, NULL, private_key) != 1 ||
               !set_padding(k->alg, pctx, md, true) ||
               EVP_DigestSign(ctx, NULL, &sig_len, data, len) != 1 ||
               (to = tm_buf_reserve(sig, sig_len)) == NULL ||
               EVP_DigestSign(ctx, to, &sig_len, data, len) != 1) {
        tm_err_openssl(e, "sign");
    } else if (!tuf_key_verify(k, data, len, to, sig_len)) {
        tm_err_set(e, "the new signature does not verify: the private key is not this key's");
    } else {
        sig->len += sig_len;
        rc = 0;
    }
    EVP_MD_CTX_free(ctx);
    return rc;
}

int tuf_sign_hex(const struct tm_buf *bytes, const struct tuf_public_key *key,
                 EVP_PKEY *private_key, struct tm_buf *hex, struct tm_err *e)
{
    struct tuf_key k;
    struct tm_buf sig = {0};
    unsigned char *to = NULL;
    int rc = tuf_key_open(key, &k, e);
    if (rc == 0)
        rc = tuf_key_sign(&k, private_key, bytes->data, bytes->len, &sig, e);
    if (rc == 0 && (to = tm_buf_reserve(hex, 2 * sig.len + 1)) == NULL)
        rc = tm_err_set(e, "out of memory");
    if (rc == 0) {
        tm_hex_encode(sig.data, sig.len, (char *)to);
        hex->len = 2 * sig.len;
    }
    tm_buf_free(&sig);
    tuf_key_free(&k);
    return rc == 0 ? 0 : tm_err_wrap(e, "key %.12s", key->keyid);
}
