#include "ca/cert/extensions.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "ca/cert/oids.h"
#include "common/der.h"

struct context {
    const struct cert_spec *spec;
    const struct signer_chain *ca;
    enum cert_form form;
    const struct buf *sct_list;
};

struct row {
    const char *oid;
    size_t oid_len;
    bool critical;
    bool (*applies)(const struct context *c);           /* NULL: always */
    int (*put)(const struct context *c, struct buf *b); /* the value inside the OCTET STRING */
};

static void put_extension(struct buf *b, const char *oid, size_t oid_len, bool critical,
                          const void *value, size_t len)
{
    size_t seq = der_open(b, DER_SEQUENCE);
    buf_append(b, oid, oid_len);
    if (critical)
        buf_append(b, "\x01\x01\xff", 3);
    der_put(b, DER_OCTET_STRING, value, len);
    der_close(b, seq);
}

static int put_key_usage(const struct context *c, struct buf *b)
{
    (void)c;
    buf_append(b, "\x03\x02\x07\x80", 4); /* digitalSignature */
    return 0;
}

static int put_ext_key_usage(const struct context *c, struct buf *b)
{
    (void)c;
    der_put(b, DER_SEQUENCE, OID_CODE_SIGNING, sizeof(OID_CODE_SIGNING) - 1);
    return 0;
}

static bool wants_subject_key_id(const struct context *c)
{
    return c->spec->subject_key_id;
}

/* RFC 5280 §4.2.1.2 method 1: SHA-1 of the subjectPublicKey bits, which is an identifier only. */
static int put_subject_key_id(const struct context *c, struct buf *b)
{
    const unsigned char *p = c->spec->spki;
    X509_PUBKEY *spki = d2i_X509_PUBKEY(NULL, &p, (long)c->spec->spki_len);
    const unsigned char *bits = NULL;
    int len = 0;
    unsigned char id[20];
    int ok = spki != NULL && X509_PUBKEY_get0_param(NULL, &bits, &len, NULL, spki) == 1 &&
             EVP_Digest(bits, (size_t)len, id, NULL, EVP_sha1(), NULL) == 1;
    X509_PUBKEY_free(spki);
    der_put(b, DER_OCTET_STRING, id, ok ? sizeof(id) : 0);
    return ok ? 0 : -1;
}

static bool has_authority_key_id(const struct context *c)
{
    return c->ca->key_id_len > 0;
}

static int put_authority_key_id(const struct context *c, struct buf *b)
{
    size_t seq = der_open(b, DER_SEQUENCE);
    der_put(b, DER_CONTEXT | 0, c->ca->key_id, c->ca->key_id_len);
    der_close(b, seq);
    return 0;
}

static bool is_ascii(const char *s)
{
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s >= 0x80)
            return false;
    }
    return true;
}

static void put_other_name(const char *value, struct buf *b)
{
    size_t name = der_open(b, DER_CONTEXT_CONSTRUCTED | 0);
    buf_append(b, OID_SIGSTORE_OTHER_NAME, sizeof(OID_SIGSTORE_OTHER_NAME) - 1);
    size_t explicit0 = der_open(b, DER_CONTEXT_CONSTRUCTED | 0);
    der_put(b, DER_UTF8_STRING, value, strlen(value));
    der_close(b, explicit0);
    der_close(b, name);
}

static int put_subject_alt_name(const struct context *c, struct buf *b)
{
    const struct oidc_principal *p = c->spec->principal;
    size_t seq = der_open(b, DER_SEQUENCE);
    if (p->san_kind == IDENTITY_SAN_OTHER) {
        put_other_name(p->san, b);
    } else {
        if (!is_ascii(p->san)) /* IA5String */
            return -1;
        unsigned char number = p->san_kind == IDENTITY_SAN_EMAIL ? 1 : 6;
        der_put(b, (unsigned char)(DER_CONTEXT | number), p->san, strlen(p->san));
    }
    der_close(b, seq);
    return 0;
}

/* Go's certificate writer order, which existing certificates show. */
#define OID(o) (o), sizeof(o) - 1
static const struct row rows[] = {
    {OID(OID_KEY_USAGE), true, NULL, put_key_usage},
    {OID(OID_EXT_KEY_USAGE), false, NULL, put_ext_key_usage},
    {OID(OID_SUBJECT_KEY_ID), false, wants_subject_key_id, put_subject_key_id},
    {OID(OID_AUTHORITY_KEY_ID), false, has_authority_key_id, put_authority_key_id},
    {OID(OID_SUBJECT_ALT_NAME), true, NULL, put_subject_alt_name}, /* critical: empty subject */
};

static int put_standard(const struct context *c, struct buf *b, struct err *e)
{
    struct buf value = {0};
    int rc = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && rc == 0; i++) {
        if (rows[i].applies != NULL && !rows[i].applies(c))
            continue;
        buf_reset(&value);
        rc = rows[i].put(c, &value);
        put_extension(b, rows[i].oid, rows[i].oid_len, rows[i].critical, value.data, value.len);
        if (buf_failed(&value))
            rc = -1;
    }
    buf_free(&value);
    return rc == 0 ? 0 : err_set(e, "the subject alternative name must be ASCII");
}

static void put_identity(const struct oidc_principal *p, struct buf *b)
{
    char oid[sizeof(OID_SIGSTORE_ARC)];
    memcpy(oid, OID_SIGSTORE_ARC, sizeof(OID_SIGSTORE_ARC) - 1);
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT; i++) {
        const char *text = p->field[i];
        if (text == NULL || text[0] == '\0')
            continue;
        oid[sizeof(oid) - 1] = (char)identity_table[i].arc;
        size_t seq = der_open(b, DER_SEQUENCE);
        buf_append(b, oid, sizeof(oid));
        size_t value = der_open(b, DER_OCTET_STRING);
        if (identity_table[i].encoding == IDENTITY_UTF8)
            der_put(b, DER_UTF8_STRING, text, strlen(text));
        else
            buf_append(b, text, strlen(text));
        der_close(b, value);
        der_close(b, seq);
    }
}

static void put_ct(const struct context *c, struct buf *b)
{
    if (c->form == CERT_PRECERT) {
        put_extension(b, OID(OID_CT_POISON), true, "\x05\x00", 2);
    } else if (c->form == CERT_FINAL && c->sct_list != NULL) {
        struct buf list = {0};
        der_put(&list, DER_OCTET_STRING, c->sct_list->data, c->sct_list->len);
        put_extension(b, OID(OID_CT_SCT_LIST), false, list.data, list.len);
        b->failed |= list.failed;
        buf_free(&list);
    }
}

int extensions_put(const struct cert_spec *spec, const struct signer *ca, enum cert_form form,
                   const struct buf *sct_list, struct buf *b, struct err *e)
{
    const struct context c = {spec, signer_chain(ca), form, sct_list};
    const char *issuer = spec->principal->field[IDENTITY_ISSUER];
    if (issuer == NULL || issuer[0] == '\0')
        return err_set(e, "extensions must have a non-empty issuer url");
    size_t outer = der_open(b, DER_CONTEXT_CONSTRUCTED | 3);
    size_t seq = der_open(b, DER_SEQUENCE);
    if (put_standard(&c, b, e) != 0)
        return -1;
    put_identity(spec->principal, b);
    put_ct(&c, b);
    der_close(b, seq);
    der_close(b, outer);
    return 0;
}
