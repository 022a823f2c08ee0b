#include "ca/proof/spki.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "common/pem.h"

/*
 * SubjectPublicKeyInfo of an uncompressed point differs between keys in the point only. To
 * recognise the fixed head and hand the point to OpenSSL costs a twentieth of its general decoder.
 */
struct curve {
    const char *group;
    const char *head;
    size_t head_len;
    size_t point_len;
};

static const struct curve curves[] = {
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

#define CURVES (sizeof(curves) / sizeof(curves[0]))

struct spki_curves {
    EVP_PKEY *empty[CURVES]; /* parameters only */
};

struct spki_curves *spki_curves_new(struct err *e)
{
    struct spki_curves *c = calloc(1, sizeof(*c));
    bool ok = c != NULL;
    for (size_t i = 0; i < CURVES && ok; i++) {
        EVP_PKEY *any = EVP_EC_gen(curves[i].group);
        c->empty[i] = EVP_PKEY_new();
        ok = any != NULL && c->empty[i] != NULL && EVP_PKEY_copy_parameters(c->empty[i], any) == 1;
        EVP_PKEY_free(any);
    }
    if (!ok) {
        spki_curves_free(c);
        err_openssl(e, "prepare the curves");
        return NULL;
    }
    return c;
}

void spki_curves_free(struct spki_curves *c)
{
    for (size_t i = 0; c != NULL && i < CURVES; i++)
        EVP_PKEY_free(c->empty[i]);
    free(c);
}

/* Setting the encoded point checks that it is on the curve. */
static EVP_PKEY *from_point(const EVP_PKEY *empty, const unsigned char *point, size_t len)
{
    EVP_PKEY *key = EVP_PKEY_dup((EVP_PKEY *)empty);
    if (key != NULL && EVP_PKEY_set1_encoded_public_key(key, point, len) == 1)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static EVP_PKEY *parse_curve(const struct spki_curves *known, const unsigned char *der, size_t len)
{
    for (size_t i = 0; i < CURVES; i++) {
        const struct curve *c = &curves[i];
        if (len == c->head_len + c->point_len && memcmp(der, c->head, c->head_len) == 0 &&
            der[c->head_len] == 0x04)
            return from_point(known->empty[i], der + c->head_len, c->point_len);
    }
    return NULL;
}

static EVP_PKEY *parse_general(const unsigned char *der, size_t len)
{
    const unsigned char *p = der;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)len);
    if (key != NULL && p == der + len)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static EVP_PKEY *parse_pkcs1(const unsigned char *der, size_t len)
{
    const unsigned char *p = der;
    EVP_PKEY *key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)len);
    if (key != NULL && p == der + len)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

int spki_encode(struct proof_key *out, struct err *e)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(out->key, &der);
    if (len <= 0)
        return err_openssl(e, "encode the public key");
    buf_reset(&out->spki);
    buf_append(&out->spki, der, (size_t)len);
    OPENSSL_free(der);
    return buf_failed(&out->spki) ? err_set(e, "out of memory") : 0;
}

static int parse_der(const struct spki_curves *known, const unsigned char *der, size_t len,
                     struct proof_key *out, struct err *e)
{
    out->key = parse_curve(known, der, len);
    if (out->key != NULL) {
        buf_append(&out->spki, der, len);
        return buf_failed(&out->spki) ? err_set(e, "out of memory") : 0;
    }
    ERR_clear_error();
    out->key = parse_general(der, len);
    if (out->key == NULL)
        return err_openssl(e, "no public key can be read");
    /* What goes into the certificate is our encoding, never the client's bytes. */
    return spki_encode(out, e);
}

int spki_parse(const struct spki_curves *known, const void *data, size_t len, struct proof_key *out,
               struct err *e)
{
    if (len == 0 || len > SPKI_INPUT_MAX)
        return err_set(e, len == 0 ? "no public key" : "public key is over-long");
    struct buf der = {0};
    int rc;
    if (pem_body("PUBLIC KEY", data, len, &der) == 0) {
        rc = parse_der(known, der.data, der.len, out, e);
    } else if (pem_body("RSA PUBLIC KEY", data, len, &der) == 0) {
        out->key = parse_pkcs1(der.data, der.len);
        rc = out->key != NULL ? spki_encode(out, e) : err_openssl(e, "no RSA key can be read");
    } else if (*(const unsigned char *)data == 0x30) {
        rc = parse_der(known, data, len, out, e);
    } else {
        rc = err_set(e, "neither PEM nor DER of a public key");
    }
    buf_free(&der);
    return rc;
}
