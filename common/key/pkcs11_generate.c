#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <p11-kit/p11-kit.h>
#include <string.h>

#include "common/key/internal.h"

#define SLOTS_MAX 64
#define ID_LEN 16

/* libp11 can only make RSA keys in a token, and is about to lose that; so this speaks PKCS#11. */
struct session {
    CK_FUNCTION_LIST *f; /* p11-kit's managed view: its sessions are apart from libp11's */
    bool initialized;
    CK_SESSION_HANDLE handle; /* 0: none */
};

static int rv_error(struct tm_err *e, CK_RV rv, const char *what)
{
    return tm_err_set(e, "%s: %s", what, p11_kit_strerror(rv));
}

static bool label_is(const CK_UTF8CHAR *padded, size_t size, const char *label)
{
    size_t len = strlen(label);
    if (len > size || memcmp(padded, label, len) != 0)
        return false;
    while (len < size && padded[len] == ' ')
        len++;
    return len == size;
}

static int find_slot(CK_FUNCTION_LIST *f, const char *label, CK_SLOT_ID *slot, struct tm_err *e)
{
    CK_SLOT_ID ids[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    int found = 0;
    CK_RV rv = f->C_GetSlotList(CK_TRUE, ids, &count);
    if (rv != CKR_OK)
        return rv_error(e, rv, "list the module's slots");
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        if (f->C_GetTokenInfo(ids[i], &info) != CKR_OK ||
            (info.flags & CKF_TOKEN_INITIALIZED) == 0 ||
            !label_is(info.label, sizeof(info.label), label))
            continue;
        found++;
        *slot = ids[i];
    }
    if (found == 1)
        return 0;
    return found == 0 ? tm_err_set(e, "no token is labelled '%s' (%lu slots seen)", label, count)
                      : tm_err_set(e, "two tokens are labelled '%s': make the label unique", label);
}

static int session_open(struct session *s, const struct tm_key_source *source,
                        const struct tm_buf *pin, struct tm_err *e)
{
    CK_SLOT_ID slot = 0;
    s->f = p11_kit_module_load(source->pkcs11_module, 0);
    if (s->f == NULL)
        return tm_err_set(e, "PKCS#11 module '%s': %s", source->pkcs11_module, p11_kit_message());
    CK_RV rv = p11_kit_module_initialize(s->f);
    if (rv != CKR_OK)
        return rv_error(e, rv, "initialize the PKCS#11 module");
    s->initialized = true;
    if (find_slot(s->f, source->pkcs11_token, &slot, e) != 0)
        return -1;
    rv = s->f->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s->handle);
    if (rv != CKR_OK)
        return rv_error(e, rv, "open a session of the token");
    rv = s->f->C_Login(s->handle, CKU_USER, pin->data, pin->len);
    if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
        return rv_error(e, rv, "log in to the token");
    return 0;
}

static void session_close(struct session *s)
{
    if (s->handle != 0)
        s->f->C_CloseSession(s->handle);
    if (s->initialized)
        p11_kit_module_finalize(s->f);
    if (s->f != NULL)
        p11_kit_module_release(s->f);
}

static int label_is_free(const struct session *s, const char *label, struct tm_err *e)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE want[] = {{CKA_CLASS, &class, sizeof(class)},
                           {CKA_LABEL, (void *)label, strlen(label)}};
    CK_OBJECT_HANDLE object = 0;
    CK_ULONG count = 0;
    CK_RV rv = s->f->C_FindObjectsInit(s->handle, want, 2);
    if (rv == CKR_OK) {
        rv = s->f->C_FindObjects(s->handle, &object, 1, &count);
        s->f->C_FindObjectsFinal(s->handle);
    }
    if (rv != CKR_OK)
        return rv_error(e, rv, "look for the label");
    return count == 0 ? 0 : tm_err_set(e, "the token has a private key of that label already");
}

struct key_type {
    const char *name;
    CK_MECHANISM_TYPE mechanism;
    CK_ULONG rsa_bits;
    unsigned char curve[10]; /* DER of the curve's OID */
    CK_ULONG curve_len;
};

static const struct key_type types[] = {
    {"p256",
     CKM_EC_KEY_PAIR_GEN,
     0,
     {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07},
     10},
    {"p384", CKM_EC_KEY_PAIR_GEN, 0, {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22}, 7},
    {"rsa", CKM_RSA_PKCS_KEY_PAIR_GEN, 3072, {0}, 0},
    {"rsa2048", CKM_RSA_PKCS_KEY_PAIR_GEN, 2048, {0}, 0},
    {"rsa4096", CKM_RSA_PKCS_KEY_PAIR_GEN, 4096, {0}, 0},
};

static const struct key_type *type_find(const char *name, struct tm_err *e)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    }
    return tm_err_null(
        e, "a token cannot make a key of type '%s': use p256, p384, rsa, rsa2048 or rsa4096", name);
}

/* What a private key could do beside signing. */
static const CK_ATTRIBUTE_TYPE other_uses[] = {CKA_DECRYPT, CKA_UNWRAP, CKA_DERIVE,
                                               CKA_SIGN_RECOVER};
#define OTHER_USES (sizeof(other_uses) / sizeof(other_uses[0]))

/* A token that does not know a use does not have it. */
static int check_signs_only(const struct session *s, CK_OBJECT_HANDLE private, struct tm_err *e)
{
    for (size_t i = 0; i < OTHER_USES; i++) {
        CK_BBOOL may = CK_FALSE;
        CK_ATTRIBUTE ask = {other_uses[i], &may, sizeof(may)};
        if (s->f->C_GetAttributeValue(s->handle, private, &ask, 1) == CKR_OK && may != CK_FALSE)
            return tm_err_set(e, "the token made a key that may be used for more than signing");
    }
    return 0;
}

/* Some modules take a template for a wish: what was made is asked. */
static int check_sealed(const struct session *s, CK_OBJECT_HANDLE private, struct tm_err *e)
{
    CK_BBOOL sensitive = CK_FALSE;
    CK_BBOOL extractable = CK_TRUE;
    CK_ATTRIBUTE ask[] = {{CKA_SENSITIVE, &sensitive, sizeof(sensitive)},
                          {CKA_EXTRACTABLE, &extractable, sizeof(extractable)}};
    CK_RV rv = s->f->C_GetAttributeValue(s->handle, private, ask, 2);
    if (rv == CKR_OK && sensitive == CK_TRUE && extractable == CK_FALSE)
        return 0;
    return tm_err_set(e, "the token made a key that could be read out");
}

static int generate(const struct session *s, const struct key_type *type, const char *label,
                    struct tm_err *e)
{
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_BYTE exponent[] = {1, 0, 1};
    CK_BYTE id[ID_LEN];
    CK_ULONG bits = type->rsa_bits;
    CK_ULONG label_len = strlen(label);
    CK_ATTRIBUTE public[] = {
        {CKA_TOKEN, &yes, sizeof(yes)},
        {CKA_PRIVATE, &no, sizeof(no)},
        {CKA_VERIFY, &yes, sizeof(yes)},
        {CKA_ENCRYPT, &no, sizeof(no)},
        {CKA_WRAP, &no, sizeof(no)},
        {CKA_LABEL, (void *)label, label_len},
        {CKA_ID, id, sizeof(id)},
        {CKA_EC_PARAMS, (void *)type->curve, type->curve_len}, /* for RSA replaced below */
        {CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent)},
    };
    CK_ATTRIBUTE private[] = {
        {CKA_TOKEN, &yes, sizeof(yes)},
        {CKA_PRIVATE, &yes, sizeof(yes)},
        {CKA_SENSITIVE, &yes, sizeof(yes)},
        {CKA_EXTRACTABLE, &no, sizeof(no)},
        {CKA_SIGN, &yes, sizeof(yes)},
        {CKA_LABEL, (void *)label, label_len},
        {CKA_ID, id, sizeof(id)},
        {CKA_DECRYPT, &no, sizeof(no)},
        {CKA_UNWRAP, &no, sizeof(no)},
        {CKA_DERIVE, &no, sizeof(no)},
        {CKA_SIGN_RECOVER, &no, sizeof(no)},
    };
    enum { PLACE_OF_CURVE = 7 };
    CK_ULONG public_count = sizeof(public) / sizeof(public[0]) - 1;
    CK_MECHANISM mechanism = {type->mechanism, NULL, 0};
    CK_OBJECT_HANDLE made_public = 0;
    CK_OBJECT_HANDLE made_private = 0;
    if (type->rsa_bits != 0) {
        public[PLACE_OF_CURVE] = (CK_ATTRIBUTE){CKA_MODULUS_BITS, &bits, sizeof(bits)};
        public_count++;
    }
    if (RAND_bytes(id, sizeof(id)) != 1)
        return tm_err_openssl(e, "make a key identifier");
    CK_RV rv =
        s->f->C_GenerateKeyPair(s->handle, &mechanism, public, public_count, private,
                                sizeof(private) / sizeof(private[0]), &made_public, &made_private);
    if (rv != CKR_OK)
        return rv_error(e, rv, "the token made no key");
    if (check_sealed(s, made_private, e) == 0 && check_signs_only(s, made_private, e) == 0)
        return 0;
    s->f->C_DestroyObject(s->handle, made_private);
    s->f->C_DestroyObject(s->handle, made_public);
    return -1;
}

int tm_key_pkcs11_generate(const struct tm_key_source *source, const char *type, struct tm_err *e)
{
    struct session s = {0};
    struct tm_buf pin = {0};
    const struct key_type *kind = type_find(type, e);
    if (kind == NULL)
        return -1;
    if (source->pkcs11_module == NULL || source->pkcs11_token == NULL ||
        source->pkcs11_key == NULL || source->pkcs11_key[0] == '\0')
        return tm_err_set(e, "a key in a token needs the module, the token's and the key's label");
    int rc = tm_key_source_pin(source, &pin, e);
    if (rc == 0)
        rc = session_open(&s, source, &pin, e);
    if (rc == 0)
        rc = label_is_free(&s, source->pkcs11_key, e);
    if (rc == 0)
        rc = generate(&s, kind, source->pkcs11_key, e);
    session_close(&s);
    tm_buf_free_secret(&pin);
    return rc == 0 ? 0
                   : tm_err_wrap(e, "make key '%s' in token '%s'", source->pkcs11_key,
                                 source->pkcs11_token);
}
