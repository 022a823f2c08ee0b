/* The provider's keys: OSSL_FUNC_keymgmt_* of provider-keymgmt(7). */
#include <openssl/core_names.h>
#include <stdlib.h>
#include <string.h>

#include "common/key/elsewhere_internal.h"

struct tm_far *tm_far_ref(struct tm_far *f)
{
    atomic_fetch_add(&f->refs, 1);
    return f;
}

void tm_far_free(void *key)
{
    struct tm_far *f = key;
    if (f == NULL || atomic_fetch_sub(&f->refs, 1) != 1)
        return;
    EVP_PKEY_free(f->public);
    free(f);
}

static struct tm_far *far_new(void)
{
    struct tm_far *f = calloc(1, sizeof(*f));
    if (f != NULL)
        atomic_init(&f->refs, 1);
    return f;
}

static void *key_new(void *provider)
{
    (void)provider;
    return far_new();
}

static void *key_dup(const void *from, int selection)
{
    (void)selection;
    return tm_far_ref((struct tm_far *)from);
}

static int key_has(const void *key, int selection)
{
    const struct tm_far *f = key;
    if (f->public == NULL)
        return 0;
    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 || f->sign != NULL;
}

static int key_match(const void *a, const void *b, int selection)
{
    (void)selection;
    return EVP_PKEY_eq(((const struct tm_far *)a)->public, ((const struct tm_far *)b)->public) == 1;
}

static int key_get_params(void *key, OSSL_PARAM params[])
{
    return EVP_PKEY_get_params(((struct tm_far *)key)->public, params);
}

/* What has no private half cannot be exported as if it had one: OpenSSL then signs here. */
static int key_export(void *key, int selection, OSSL_CALLBACK *take, void *arg)
{
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
        return 0;
    return EVP_PKEY_export(((struct tm_far *)key)->public, EVP_PKEY_PUBLIC_KEY, take, arg);
}

static int import_as(struct tm_far *f, const char *type, const OSSL_PARAM params[])
{
    void *handle = NULL;
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, TM_FAR_HANDLE);
    if (p != NULL) {
        size_t len = 0;
        const void *from = NULL;
        if (OSSL_PARAM_get_octet_string_ptr(p, &from, &len) != 1 || len != sizeof(handle))
            return 0;
        memcpy(&handle, from, len);
        const struct tm_far *given = handle;
        EVP_PKEY_up_ref(given->public);
        f->public = given->public;
        f->sign = given->sign;
        f->ctx = given->ctx;
        return 1;
    }
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    int ok = ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
             EVP_PKEY_fromdata(ctx, &f->public, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM *)params) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

#define IMPORT(name, type) \
    static int name(void *key, int selection, const OSSL_PARAM params[]) \
    { \
        (void)selection; \
        return import_as(key, type, params); \
    }
IMPORT(import_ec, "EC")
IMPORT(import_rsa, "RSA")
IMPORT(import_ed25519, "ED25519")

/* What may be asked and given: OpenSSL wants lists, and asks for what it likes. */
static const OSSL_PARAM no_params[] = {OSSL_PARAM_END};

static const OSSL_PARAM *key_params(void *provider)
{
    (void)provider;
    return no_params;
}

static const OSSL_PARAM *key_types(int selection)
{
    static const OSSL_PARAM types[] = {
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
        OSSL_PARAM_octet_string(TM_FAR_HANDLE, NULL, 0),
        OSSL_PARAM_END,
    };
    return (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 ? types : NULL;
}

static const char *ec_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

#define KEY_FUNCTIONS(import) \
    {OSSL_FUNC_KEYMGMT_NEW, (tm_far_fn)key_new}, {OSSL_FUNC_KEYMGMT_FREE, (tm_far_fn)tm_far_free}, \
        {OSSL_FUNC_KEYMGMT_DUP, (tm_far_fn)key_dup}, {OSSL_FUNC_KEYMGMT_HAS, (tm_far_fn)key_has}, \
        {OSSL_FUNC_KEYMGMT_MATCH, (tm_far_fn)key_match}, \
        {OSSL_FUNC_KEYMGMT_GET_PARAMS, (tm_far_fn)key_get_params}, \
        {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (tm_far_fn)key_params}, \
        {OSSL_FUNC_KEYMGMT_IMPORT, (tm_far_fn)(import)}, \
        {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (tm_far_fn)key_types}, \
        {OSSL_FUNC_KEYMGMT_EXPORT, (tm_far_fn)key_export}, \
    { \
        OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (tm_far_fn)key_types \
    }

const OSSL_DISPATCH tm_far_ec_keys[] = {
    KEY_FUNCTIONS(import_ec),
    {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (tm_far_fn)ec_operation},
    {0, NULL},
};
const OSSL_DISPATCH tm_far_rsa_keys[] = {KEY_FUNCTIONS(import_rsa), {0, NULL}};
const OSSL_DISPATCH tm_far_ed25519_keys[] = {KEY_FUNCTIONS(import_ed25519), {0, NULL}};
