#include "ca/proof/spki.h"
#include "ca/proof/blame.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "common/curve.h"
#include "common/pem.h"

_Static_assert(CURVE_COUNT == SPKI_CURVES, "the header counts the curves");

/*
 * To make a key from the parameters and a context for it costs more than a tenth of a signature
 * check, to give a key another point next to nothing: so contexts are kept with their keys. A key
 * holds the point it was given last, and parse_curve gives it the client's before anybody sees it.
 */
struct ca_spki_curves {
    EVP_PKEY *empty[CURVE_COUNT];      /* parameters only */
    struct tm_shelf used[CURVE_COUNT]; /* of EVP_PKEY_CTX */
};

struct ca_spki_curves *ca_spki_curves_new(struct tm_err *e)
{
    struct ca_spki_curves *c = calloc(1, sizeof(*c));
    bool ok = c != NULL;
    for (size_t i = 0; i < CURVE_COUNT && ok; i++) {
        EVP_PKEY *any = EVP_EC_gen(tm_curves[i].group);
        c->empty[i] = EVP_PKEY_new();
        ok = any != NULL && c->empty[i] != NULL && EVP_PKEY_copy_parameters(c->empty[i], any) == 1;
        EVP_PKEY_free(any);
    }
    if (!ok) {
        ca_spki_curves_free(c);
        tm_err_openssl(e, "prepare the curves");
        return NULL;
    }
    return c;
}

void ca_spki_curves_free(struct ca_spki_curves *c)
{
    for (size_t i = 0; c != NULL && i < CURVE_COUNT; i++) {
        EVP_PKEY_CTX *ctx;
        while ((ctx = tm_shelf_take(&c->used[i])) != NULL)
            EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(c->empty[i]);
    }
    free(c);
}

const EVP_PKEY *ca_spki_curves_sample(const struct ca_spki_curves *c, unsigned n)
{
    return c->empty[n - 1];
}

void ca_spki_release(struct ca_proof_key *out)
{
    EVP_PKEY_free(out->key);
    if (out->home == NULL || !tm_shelf_put(out->home, out->ctx))
        EVP_PKEY_CTX_free(out->ctx);
    out->key = NULL;
    out->ctx = NULL;
    out->home = NULL;
}

static EVP_PKEY_CTX *new_context(EVP_PKEY *empty)
{
    EVP_PKEY *key = EVP_PKEY_dup(empty);
    EVP_PKEY_CTX *ctx = key != NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
    EVP_PKEY_free(key);
    return ctx;
}

/* Setting the encoded point checks that it is on the curve. A key that refused its point is in
 * no known state and is let go. */
static EVP_PKEY_CTX *from_point(EVP_PKEY *empty, struct tm_shelf *used, const unsigned char *point,
                                size_t len)
{
    EVP_PKEY_CTX *ctx = tm_shelf_take(used);
    if (ctx == NULL)
        ctx = new_context(empty);
    if (ctx != NULL &&
        EVP_PKEY_set1_encoded_public_key(EVP_PKEY_CTX_get0_pkey(ctx), point, len) == 1)
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

static bool parse_curve(struct ca_spki_curves *known, const unsigned char *der, size_t len,
                        struct ca_proof_key *out)
{
    const struct tm_curve *c = tm_curve_of_spki(der, len);
    if (c == NULL)
        return false;
    size_t i = (size_t)(c - tm_curves);
    out->ctx = from_point(known->empty[i], &known->used[i], der + c->head_len, c->point_len);
    if (out->ctx == NULL)
        return false;
    out->key = EVP_PKEY_CTX_get0_pkey(out->ctx);
    EVP_PKEY_up_ref(out->key);
    out->curve = (unsigned)i + 1;
    out->home = &known->used[i];
    return true;
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

static bool is_accepted_group(const EVP_PKEY *key)
{
    char group[64] = "";
    size_t len = 0;
    if (!EVP_PKEY_is_a(key, "EC") ||
        EVP_PKEY_get_group_name((EVP_PKEY *)key, group, sizeof(group), &len) != 1)
        return false;
    for (size_t i = 0; i < CURVE_COUNT; i++) {
        if (strcmp(group, tm_curves[i].group) == 0)
            return true;
    }
    return false;
}

/* OpenSSL reads the point at infinity as a key, and then cannot write it. */
static bool is_no_point(EVP_PKEY *key)
{
    if (!EVP_PKEY_is_a(key, "EC"))
        return false;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool good = ctx != NULL && EVP_PKEY_public_check_quick(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return !good;
}

enum ca_proof_status ca_spki_encode(struct ca_proof_key *out, struct tm_err *e)
{
    unsigned char *der = NULL;
    if (is_no_point(out->key))
        return ca_proof_blame(PROOF_KEY_UNPARSABLE, e, "the point is not on its curve");
    int len = i2d_PUBKEY(out->key, &der);
    if (len <= 0)
        return ca_proof_blame(PROOF_INTERNAL, e, "encode the public key");
    bool odd = is_accepted_group(out->key) && tm_curve_of_spki(der, (size_t)len) == NULL;
    tm_buf_reset(&out->spki);
    tm_buf_append(&out->spki, der, (size_t)len);
    OPENSSL_free(der);
    if (odd)
        return ca_proof_blame(PROOF_KEY_UNPARSABLE, e,
                              "an EC key needs a named curve and an uncompressed point");
    return buf_failed(&out->spki) ? ca_proof_no_memory(e) : PROOF_OK;
}

static enum ca_proof_status parse_der(struct ca_spki_curves *known, const unsigned char *der,
                                      size_t len, struct ca_proof_key *out, struct tm_err *e)
{
    ERR_clear_error();
    if (parse_curve(known, der, len, out)) {
        tm_buf_append(&out->spki, der, len);
        return buf_failed(&out->spki) ? ca_proof_no_memory(e) : PROOF_OK;
    }
    if (tm_curve_of_spki(der, len) !=
        NULL) /* the general decoder would only say the same, slower */
        return ca_proof_blame(PROOF_KEY_UNPARSABLE, e, "the point is not on its curve");
    out->key = parse_general(der, len);
    if (out->key == NULL)
        return ca_proof_blame(PROOF_KEY_UNPARSABLE, e, "no public key can be read");
    /* What goes into the certificate is our encoding, never the client's bytes. */
    return ca_spki_encode(out, e);
}

static enum ca_proof_status parse_rsa(const struct tm_buf *der, struct ca_proof_key *out,
                                      struct tm_err *e)
{
    ERR_clear_error();
    out->key = parse_pkcs1(der->data, der->len);
    return out->key != NULL ? ca_spki_encode(out, e)
                            : ca_proof_blame(PROOF_KEY_UNPARSABLE, e, "no RSA key can be read");
}

enum ca_proof_status ca_spki_parse(struct ca_spki_curves *known, const void *data, size_t len,
                                   struct ca_proof_key *out, struct tm_err *e)
{
    struct tm_buf der = {0};
    enum ca_proof_status status = PROOF_KEY_UNPARSABLE;
    if (len == 0 || len > SPKI_INPUT_MAX)
        tm_err_set(e, len == 0 ? "no public key" : "public key is over-long");
    else if (tm_pem_body("PUBLIC KEY", data, len, &der) == 0)
        status = parse_der(known, der.data, der.len, out, e);
    else if (tm_pem_body("RSA PUBLIC KEY", data, len, &der) == 0)
        status = parse_rsa(&der, out, e);
    else if (*(const unsigned char *)data == 0x30)
        status = parse_der(known, data, len, out, e);
    else
        tm_err_set(e, "neither PEM nor DER of a public key");
    tm_buf_free(&der);
    return status;
}
