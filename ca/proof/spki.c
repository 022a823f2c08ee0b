#include "ca/proof/spki.h"

#include <ctype.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "common/b64.h"

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

static size_t skip_space(const char *p, size_t len)
{
    size_t i = 0;
    while (i < len && isspace((unsigned char)p[i]))
        i++;
    return i;
}

static bool take(const char **p, size_t *len, const char *word)
{
    size_t n = strlen(word);
    if (*len < n || memcmp(*p, word, n) != 0)
        return false;
    *p += n;
    *len -= n;
    return true;
}

static void take_newline(const char **p, size_t *len)
{
    if (*len > 0 && **p == '\r')
        take(p, len, "\r");
    take(p, len, "\n");
}

int spki_pem_body(const char *label, const void *data, size_t len, struct buf *der)
{
    const char *p = data;
    char begin[64];
    char end[64];
    snprintf(begin, sizeof(begin), "-----BEGIN %s-----", label);
    snprintf(end, sizeof(end), "-----END %s-----", label);
    size_t space = skip_space(p, len);
    p += space;
    len -= space;
    if (!take(&p, &len, begin) || len == 0 || (*p != '\n' && *p != '\r'))
        return -1;
    struct buf text = {0};
    while (len > 0 && *p != '-') {
        size_t run = 0;
        while (run < len && p[run] != '\n' && p[run] != '\r' && p[run] != '-')
            run++;
        buf_append(&text, p, run);
        p += run;
        len -= run;
        take_newline(&p, &len);
        if (run == 0 && len > 0 && *p == '\r')
            break; /* a bare carriage return is no line end */
    }
    int rc = take(&p, &len, end) && skip_space(p, len) == len && text.len > 0 && !text.failed &&
                     b64_decode(B64_STD, (const char *)text.data, text.len, der) == 0
                 ? 0
                 : -1;
    buf_free(&text);
    return rc;
}

static EVP_PKEY *from_point(const struct curve *c, const unsigned char *point)
{
    OSSL_PARAM group[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)c->group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point, c->point_len),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, group) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static EVP_PKEY *parse_curve(const unsigned char *der, size_t len)
{
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        const struct curve *c = &curves[i];
        if (len == c->head_len + c->point_len && memcmp(der, c->head, c->head_len) == 0 &&
            der[c->head_len] == 0x04)
            return from_point(c, der + c->head_len);
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

static int parse_der(const unsigned char *der, size_t len, struct proof_key *out, struct err *e)
{
    out->key = parse_curve(der, len);
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

int spki_parse(const void *data, size_t len, struct proof_key *out, struct err *e)
{
    if (len == 0 || len > SPKI_INPUT_MAX)
        return err_set(e, len == 0 ? "no public key" : "public key is over-long");
    struct buf der = {0};
    int rc;
    if (spki_pem_body("PUBLIC KEY", data, len, &der) == 0) {
        rc = parse_der(der.data, der.len, out, e);
    } else if (spki_pem_body("RSA PUBLIC KEY", data, len, &der) == 0) {
        out->key = parse_pkcs1(der.data, der.len);
        rc = out->key != NULL ? spki_encode(out, e) : err_openssl(e, "no RSA key can be read");
    } else if (*(const unsigned char *)data == 0x30) {
        rc = parse_der(data, len, out, e);
    } else {
        rc = err_set(e, "neither PEM nor DER of a public key");
    }
    buf_free(&der);
    return rc;
}
