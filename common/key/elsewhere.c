#include "common/key/elsewhere_internal.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))
#define PROPERTY "provider=tenmint"
#define SIGNATURE_MAX ((size_t)2048)

static const struct {
    const char *name;
    size_t len;
} hashes[] = {
    [KEY_SHA256] = {"SHA256", 32},
    [KEY_SHA384] = {"SHA384", 48},
    [KEY_SHA512] = {"SHA512", 64},
    [KEY_NO_HASH] = {"", 0},
};

const char *tm_key_hash_name(enum tm_key_hash hash)
{
    return hashes[hash].name;
}

int tm_key_ask_check(const struct tm_key_ask *a, struct tm_err *e)
{
    bool whole = a->scheme == KEY_SIGN_ED25519;
    if ((unsigned)a->scheme >= KEY_SIGN_KINDS || (unsigned)a->hash > KEY_NO_HASH ||
        whole != (a->hash == KEY_NO_HASH))
        return tm_err_set(e, "no such kind of signature");
    if (whole ? a->len > KEY_MESSAGE_MAX : a->len != hashes[a->hash].len)
        return tm_err_set(e, "%zu bytes are not what such a signature is made of", a->len);
    return 0;
}

/* ---- signatures ---- */

/* `check` verifies with the public half, by OpenSSL; it also keeps padding and hash as they were
 * set, so a signature is asked for and checked by the same parameters. */
struct operation {
    struct tm_far *key;
    EVP_PKEY_CTX *check;
    EVP_MD_CTX *hash; /* digest_sign, digest_verify; NULL for Ed25519 */
};

static void *op_new(void *provider, const char *query)
{
    (void)provider;
    (void)query;
    return calloc(1, sizeof(struct operation));
}

static void op_free(void *arg)
{
    struct operation *o = arg;
    if (o == NULL)
        return;
    EVP_PKEY_CTX_free(o->check);
    EVP_MD_CTX_free(o->hash);
    tm_far_free(o->key);
    free(o);
}

static void *op_dup(void *arg)
{
    const struct operation *from = arg;
    struct operation *o = calloc(1, sizeof(*o));
    if (o == NULL)
        return NULL;
    o->key = tm_far_ref(from->key);
    bool ok = from->check == NULL || (o->check = EVP_PKEY_CTX_dup(from->check)) != NULL;
    if (ok && from->hash != NULL)
        ok = (o->hash = EVP_MD_CTX_new()) != NULL && EVP_MD_CTX_copy_ex(o->hash, from->hash) == 1;
    if (!ok) {
        op_free(o);
        return NULL;
    }
    return o;
}

static bool is_whole(const struct operation *o)
{
    return EVP_PKEY_is_a(o->key->public, "ED25519") == 1;
}

static int op_set_params(void *arg, const OSSL_PARAM params[])
{
    struct operation *o = arg;
    return params == NULL || o->check == NULL || EVP_PKEY_CTX_set_params(o->check, params) == 1;
}

static int op_get_params(void *arg, OSSL_PARAM params[])
{
    static const unsigned char ed25519[] = {0x30, 0x05, 0x06, 0x03,
                                            0x2b, 0x65, 0x70}; /* RFC 8410 */
    const struct operation *o = arg;
    if (o->check != NULL)
        return EVP_PKEY_CTX_get_params(o->check, params) == 1;
    OSSL_PARAM *id = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
    return id == NULL || OSSL_PARAM_set_octet_string(id, ed25519, sizeof(ed25519)) == 1;
}

static const OSSL_PARAM *op_settable(void *arg, void *provider)
{
    static const OSSL_PARAM all[] = {
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
        OSSL_PARAM_END,
    };
    (void)arg;
    (void)provider;
    return all;
}

static int op_init(void *arg, void *key, const OSSL_PARAM params[])
{
    struct operation *o = arg;
    if (key != NULL) {
        tm_far_free(o->key);
        o->key = tm_far_ref(key);
    }
    if (o->key == NULL)
        return 0;
    EVP_PKEY_CTX_free(o->check);
    o->check = NULL;
    if (is_whole(o))
        return 1;
    o->check = EVP_PKEY_CTX_new_from_pkey(NULL, o->key->public, NULL);
    return o->check != NULL && EVP_PKEY_verify_init(o->check) == 1 && op_set_params(o, params);
}

static int op_digest_init(void *arg, const char *hash, void *key, const OSSL_PARAM params[])
{
    struct operation *o = arg;
    char usual[32];
    if (op_init(o, key, NULL) != 1)
        return 0;
    if (is_whole(o))
        return hash == NULL || hash[0] == '\0';
    if (hash == NULL || hash[0] == '\0') {
        if (EVP_PKEY_get_default_digest_name(o->key->public, usual, sizeof(usual)) <= 0)
            return 0;
        hash = usual;
    }
    const EVP_MD *md = EVP_get_digestbyname(hash);
    EVP_MD_CTX_free(o->hash);
    o->hash = EVP_MD_CTX_new();
    return md != NULL && o->hash != NULL && EVP_DigestInit_ex2(o->hash, md, NULL) == 1 &&
           EVP_PKEY_CTX_set_signature_md(o->check, md) == 1 && op_set_params(o, params);
}

static int find_hash(const struct operation *o, struct tm_key_ask *ask)
{
    const EVP_MD *md = NULL;
    if (EVP_PKEY_CTX_get_signature_md(o->check, &md) <= 0 || md == NULL)
        return -1;
    for (size_t i = KEY_SHA256; i < KEY_NO_HASH; i++) {
        if (EVP_MD_is_a(md, hashes[i].name)) {
            ask->hash = (enum tm_key_hash)i;
            return 0;
        }
    }
    return -1;
}

/* A salt as long as the hash is what all services make; any other is refused. */
static int find_padding(const struct operation *o, struct tm_key_ask *ask)
{
    int padding = 0;
    int salt = 0;
    if (EVP_PKEY_CTX_get_rsa_padding(o->check, &padding) <= 0)
        return -1;
    ask->scheme = padding == RSA_PKCS1_PSS_PADDING ? KEY_SIGN_PSS : KEY_SIGN_PKCS1;
    if (padding != RSA_PKCS1_PSS_PADDING)
        return padding == RSA_PKCS1_PADDING ? 0 : -1;
    return EVP_PKEY_CTX_get_rsa_pss_saltlen(o->check, &salt) > 0 &&
                   (salt == RSA_PSS_SALTLEN_DIGEST || salt == RSA_PSS_SALTLEN_AUTO ||
                    (size_t)salt == hashes[ask->hash].len)
               ? 0
               : -1;
}

static int describe(const struct operation *o, struct tm_key_ask *ask, struct tm_err *e)
{
    *ask = (struct tm_key_ask){.scheme = KEY_SIGN_ECDSA, .hash = KEY_NO_HASH};
    if (is_whole(o)) {
        ask->scheme = KEY_SIGN_ED25519;
        return 0;
    }
    if (find_hash(o, ask) != 0 ||
        (EVP_PKEY_is_a(o->key->public, "RSA") == 1 && find_padding(o, ask) != 0))
        return tm_err_set(e, "this key signs SHA-256, -384 and -512, RSA by PKCS#1 v1.5 or by PSS "
                             "with a salt of the hash's length");
    return 0;
}

static int verify_whole(const struct operation *o, const unsigned char *sig, size_t len,
                        const unsigned char *data, size_t data_len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok = ctx != NULL &&
             EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, o->key->public, NULL) == 1 &&
             EVP_DigestVerify(ctx, sig, len, data, data_len) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static int op_verify(void *arg, const unsigned char *sig, size_t len, const unsigned char *data,
                     size_t data_len)
{
    const struct operation *o = arg;
    return is_whole(o) ? verify_whole(o, sig, len, data, data_len)
                       : EVP_PKEY_verify(o->check, sig, len, data, data_len) == 1;
}

static int make(struct operation *o, struct tm_buf *sig, const unsigned char *data, size_t len,
                struct tm_err *e)
{
    struct tm_key_ask ask;
    if (o->key->sign == NULL)
        return tm_err_set(e, "a public key does not sign");
    if (describe(o, &ask, e) != 0)
        return -1;
    ask.data = data;
    ask.len = len;
    if (tm_key_ask_check(&ask, e) != 0 || o->key->sign(o->key->ctx, &ask, sig, e) != 0)
        return -1;
    if (buf_failed(sig) || sig->len > SIGNATURE_MAX)
        return tm_err_set(e, "a signature of %zu bytes", sig->len);
    if (op_verify(o, sig->data, sig->len, data, len) == 1)
        return 0;
    ERR_clear_error();
    return tm_err_set(e, "what came back is no signature by this key");
}

static int op_sign(void *arg, unsigned char *out, size_t *len, size_t size,
                   const unsigned char *data, size_t data_len)
{
    struct operation *o = arg;
    struct tm_buf sig = {0};
    struct tm_err e = {0};
    if (out == NULL) {
        *len = (size_t)EVP_PKEY_get_size(o->key->public);
        return 1;
    }
    int rc = make(o, &sig, data, data_len, &e);
    if (rc == 0 && sig.len > size)
        rc = tm_err_set(&e, "a signature of %zu bytes, for which there is no room", sig.len);
    if (rc == 0) {
        memcpy(out, sig.data, sig.len);
        *len = sig.len;
    } else {
        tm_err_raise(&e);
    }
    tm_buf_free(&sig);
    return rc == 0;
}

static int op_update(void *arg, const unsigned char *data, size_t len)
{
    struct operation *o = arg;
    return o->hash != NULL && EVP_DigestUpdate(o->hash, data, len) == 1;
}

static int op_sign_final(void *arg, unsigned char *out, size_t *len, size_t size)
{
    struct operation *o = arg;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (out == NULL)
        return op_sign(o, NULL, len, 0, NULL, 0);
    return o->hash != NULL && EVP_DigestFinal_ex(o->hash, digest, &n) == 1 &&
           op_sign(o, out, len, size, digest, n) == 1;
}

static int op_verify_final(void *arg, const unsigned char *sig, size_t len)
{
    struct operation *o = arg;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    return o->hash != NULL && EVP_DigestFinal_ex(o->hash, digest, &n) == 1 &&
           op_verify(o, sig, len, digest, n) == 1;
}

/* At once: the only way with Ed25519. */
static int op_sign_all(void *arg, unsigned char *out, size_t *len, size_t size,
                       const unsigned char *data, size_t data_len)
{
    struct operation *o = arg;
    if (out == NULL || is_whole(o))
        return op_sign(o, out, len, size, data, data_len);
    return op_update(o, data, data_len) == 1 && op_sign_final(o, out, len, size) == 1;
}

static int op_verify_all(void *arg, const unsigned char *sig, size_t len, const unsigned char *data,
                         size_t data_len)
{
    struct operation *o = arg;
    if (is_whole(o))
        return verify_whole(o, sig, len, data, data_len);
    return op_update(o, data, data_len) == 1 && op_verify_final(o, sig, len) == 1;
}

static const OSSL_DISPATCH signatures[] = {
    {OSSL_FUNC_SIGNATURE_NEWCTX, (tm_far_fn)op_new},
    {OSSL_FUNC_SIGNATURE_FREECTX, (tm_far_fn)op_free},
    {OSSL_FUNC_SIGNATURE_DUPCTX, (tm_far_fn)op_dup},
    {OSSL_FUNC_SIGNATURE_SIGN_INIT, (tm_far_fn)op_init},
    {OSSL_FUNC_SIGNATURE_SIGN, (tm_far_fn)op_sign},
    {OSSL_FUNC_SIGNATURE_VERIFY_INIT, (tm_far_fn)op_init},
    {OSSL_FUNC_SIGNATURE_VERIFY, (tm_far_fn)op_verify},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (tm_far_fn)op_digest_init},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, (tm_far_fn)op_update},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, (tm_far_fn)op_sign_final},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, (tm_far_fn)op_sign_all},
    {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, (tm_far_fn)op_digest_init},
    {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE, (tm_far_fn)op_update},
    {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, (tm_far_fn)op_verify_final},
    {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY, (tm_far_fn)op_verify_all},
    {OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, (tm_far_fn)op_get_params},
    {OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, (tm_far_fn)op_settable},
    {OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (tm_far_fn)op_set_params},
    {OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, (tm_far_fn)op_settable},
    {0, NULL},
};

/* ---- the provider ---- */

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
    static const OSSL_ALGORITHM keys[] = {
        {"EC:id-ecPublicKey:1.2.840.10045.2.1", PROPERTY, tm_far_ec_keys, NULL},
        {"RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTY, tm_far_rsa_keys, NULL},
        {"ED25519:1.3.101.112", PROPERTY, tm_far_ed25519_keys, NULL},
        {NULL, NULL, NULL, NULL},
    };
    static const OSSL_ALGORITHM made[] = {
        {"ECDSA", PROPERTY, signatures, NULL},
        {"RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTY, signatures, NULL},
        {"ED25519:1.3.101.112", PROPERTY, signatures, NULL},
        {NULL, NULL, NULL, NULL},
    };
    (void)provider;
    *no_cache = 0;
    return operation == OSSL_OP_KEYMGMT ? keys : operation == OSSL_OP_SIGNATURE ? made : NULL;
}

static int begin(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                 void **provider)
{
    static const OSSL_DISPATCH functions[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (tm_far_fn)query}, {0, NULL}};
    (void)in;
    *out = functions;
    *provider = (void *)core;
    return 1;
}

/* In a library context of its own: what others fetch by name is never ours. OpenSSL's own provider
 * is there to encode public keys. As long as the process. */
static struct {
    pthread_once_t once;
    OSSL_LIB_CTX *room;
} ours = {.once = PTHREAD_ONCE_INIT};

static void load(void)
{
    ours.room = OSSL_LIB_CTX_new();
    if (ours.room != NULL && (OSSL_PROVIDER_add_builtin(ours.room, "tenmint", begin) != 1 ||
                              OSSL_PROVIDER_load(ours.room, "tenmint") == NULL ||
                              OSSL_PROVIDER_load(ours.room, "default") == NULL)) {
        OSSL_LIB_CTX_free(ours.room);
        ours.room = NULL;
    }
}

static const char *type_of(const EVP_PKEY *key)
{
    static const char *const types[] = {"EC", "RSA", "ED25519"};
    for (size_t i = 0; i < ARRAY(types); i++) {
        if (EVP_PKEY_is_a(key, types[i]) == 1)
            return types[i];
    }
    return NULL;
}

EVP_PKEY *tm_key_elsewhere(EVP_PKEY *public, tm_key_sign_fn *sign, void *ctx, struct tm_err *e)
{
    EVP_PKEY *key = NULL;
    struct tm_far f = {.public = public, .sign = sign, .ctx = ctx};
    void *handle = &f;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(TM_FAR_HANDLE, &handle, sizeof(handle)), OSSL_PARAM_END};
    const char *type = type_of(public);
    pthread_once(&ours.once, load);
    if (type == NULL)
        return tm_err_null(e, "neither an EC, an RSA nor an Ed25519 key");
    EVP_PKEY_CTX *c =
        ours.room != NULL ? EVP_PKEY_CTX_new_from_name(ours.room, type, PROPERTY) : NULL;
    if (c == NULL || EVP_PKEY_fromdata_init(c) != 1 ||
        EVP_PKEY_fromdata(c, &key, EVP_PKEY_KEYPAIR, (OSSL_PARAM *)params) != 1)
        tm_err_openssl(e, "make a key that signs elsewhere");
    EVP_PKEY_CTX_free(c);
    return key;
}
