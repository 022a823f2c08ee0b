#include "ca/proof/spki.h"
#include "ca/proof/blame.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "ca/proof/modulus.h"
#include "common/curve.h"
#include "common/pem.h"

_Static_assert(KEY_P256 + CURVE_COUNT - 1 == KEY_P521, "a kind for each curve, in their order");

/*
 * To make a key from the parameters and a context for it costs more than a tenth of a signature
 * check, to give a key another point next to nothing: so contexts are kept with their keys. A key
 * holds the point it was given last, and parse_curve gives it the client's before anybody sees it.
 */
struct ca_spki_maker {
    EVP_PKEY *empty[CURVE_COUNT];      /* parameters only */
    struct tm_shelf used[CURVE_COUNT]; /* of EVP_PKEY_CTX */
    struct tm_shelf rsa;               /* of EVP_PKEY_CTX that make RSA keys */
};

struct ca_spki_maker *ca_spki_maker_new(struct tm_err *e)
{
    struct ca_spki_maker *c = calloc(1, sizeof(*c));
    bool ok = c != NULL;
    for (size_t i = 0; i < CURVE_COUNT && ok; i++) {
        EVP_PKEY *any = EVP_EC_gen(tm_curves[i].group);
        c->empty[i] = EVP_PKEY_new();
        ok = any != NULL && c->empty[i] != NULL && EVP_PKEY_copy_parameters(c->empty[i], any) == 1;
        EVP_PKEY_free(any);
    }
    if (!ok) {
        ca_spki_maker_free(c);
        tm_err_openssl(e, "prepare the curves");
        return NULL;
    }
    return c;
}

void ca_spki_maker_free(struct ca_spki_maker *c)
{
    for (size_t i = 0; c != NULL && i < CURVE_COUNT; i++) {
        EVP_PKEY_CTX *ctx;
        while ((ctx = tm_shelf_take(&c->used[i])) != NULL)
            EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(c->empty[i]);
    }
    for (EVP_PKEY_CTX *ctx; c != NULL && (ctx = tm_shelf_take(&c->rsa)) != NULL;)
        EVP_PKEY_CTX_free(ctx);
    free(c);
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

static bool make_ec(struct ca_spki_maker *maker, const struct ca_spki_form *form,
                    struct ca_proof_key *out)
{
    size_t i = form->kind - KEY_P256;
    out->ctx = from_point(maker->empty[i], &maker->used[i], form->bytes, form->len);
    if (out->ctx == NULL)
        return false;
    out->key = EVP_PKEY_CTX_get0_pkey(out->ctx);
    EVP_PKEY_up_ref(out->key);
    out->home = &maker->used[i];
    return true;
}

static bool make_rsa(struct ca_spki_maker *maker, const struct ca_spki_form *form,
                     struct ca_proof_key *out)
{
    unsigned char n[MODULUS_MAX]; /* in the machine's order, as OpenSSL's parameters are */
    unsigned e = (unsigned)form->exponent;
    for (size_t i = 0; i < form->len; i++)
        n[i] = form->bytes[form->len - 1 - i];
    OSSL_PARAM params[] = {OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, form->len),
                           OSSL_PARAM_construct_uint(OSSL_PKEY_PARAM_RSA_E, &e), OSSL_PARAM_END};
    EVP_PKEY_CTX *ctx = tm_shelf_take(&maker->rsa);
    if (ctx == NULL)
        ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    bool ok = ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
              EVP_PKEY_fromdata(ctx, &out->key, EVP_PKEY_PUBLIC_KEY, params) == 1;
    if (!ok || !tm_shelf_put(&maker->rsa, ctx))
        EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* False: the general decoder must say what this is. The point of a curve of ours it need not. */
static bool make(struct ca_spki_maker *maker, const struct ca_spki_form *form,
                 struct ca_proof_key *out)
{
    if (form->type == SPKI_EC)
        return make_ec(maker, form, out);
    if (form->type == SPKI_ED25519) {
        out->key = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, form->bytes, form->len);
        return out->key != NULL;
    }
    return form->type == SPKI_RSA && form->kind != KEY_OTHER && form->exponent == RSA_F4 &&
           make_rsa(maker, form, out);
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
    out->kind = ca_spki_read(der, (size_t)len).kind;
    OPENSSL_free(der);
    if (odd)
        return ca_proof_blame(PROOF_KEY_UNPARSABLE, e,
                              "an EC key needs a named curve and an uncompressed point");
    return buf_failed(&out->spki) ? ca_proof_no_memory(e) : PROOF_OK;
}

enum ca_proof_status ca_spki_parse_der(struct ca_spki_maker *maker, const unsigned char *der,
                                       size_t len, struct ca_proof_key *out, struct tm_err *e)
{
    ERR_clear_error();
    struct ca_spki_form form = ca_spki_read(der, len);
    if (make(maker, &form, out)) {
        out->kind = form.kind;
        tm_buf_append(&out->spki, der, len);
        return buf_failed(&out->spki) ? ca_proof_no_memory(e) : PROOF_OK;
    }
    if (form.type == SPKI_EC) /* the general decoder would only say the same, slower */
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

enum ca_proof_status ca_spki_parse(struct ca_spki_maker *maker, const void *data, size_t len,
                                   struct ca_proof_key *out, struct tm_err *e)
{
    struct tm_buf der = {0};
    enum ca_proof_status status = PROOF_KEY_UNPARSABLE;
    if (len == 0 || len > SPKI_INPUT_MAX)
        tm_err_set(e, len == 0 ? "no public key" : "public key is over-long");
    else if (tm_pem_body("PUBLIC KEY", data, len, &der) == 0)
        status = ca_spki_parse_der(maker, der.data, der.len, out, e);
    else if (tm_pem_body("RSA PUBLIC KEY", data, len, &der) == 0)
        status = parse_rsa(&der, out, e);
    else if (*(const unsigned char *)data == 0x30)
        status = ca_spki_parse_der(maker, data, len, out, e);
    else
        tm_err_set(e, "neither PEM nor DER of a public key");
    tm_buf_free(&der);
    return status;
}
