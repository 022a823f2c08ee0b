#include "ca/cert/extensions.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "ca/cert/oids.h"
#include "common/der.h"

struct context {
    const struct ca_cert_spec *spec;
    const struct ca_signer_chain *ca;
    enum ca_cert_form form;
    const struct tm_buf *sct_list;
};

struct row {
    const char *oid;
    size_t oid_len;
    bool critical;
    bool (*applies)(const struct context *c);              /* NULL: always */
    int (*put)(const struct context *c, struct tm_buf *b); /* the value inside the OCTET STRING */
};

static void put_extension(struct tm_buf *b, const char *oid, size_t oid_len, bool critical,
                          const void *value, size_t len)
{
    size_t seq = tm_der_open(b, DER_SEQUENCE);
    tm_buf_append(b, oid, oid_len);
    if (critical)
        tm_buf_append(b, "\x01\x01\xff", 3);
    tm_der_put(b, DER_OCTET_STRING, value, len);
    tm_der_close(b, seq);
}

static int put_key_usage(const struct context *c, struct tm_buf *b)
{
    (void)c;
    tm_buf_append(b, "\x03\x02\x07\x80", 4); /* digitalSignature */
    return 0;
}

static int put_ext_key_usage(const struct context *c, struct tm_buf *b)
{
    (void)c;
    tm_der_put(b, DER_SEQUENCE, OID_CODE_SIGNING, sizeof(OID_CODE_SIGNING) - 1);
    return 0;
}

static bool wants_subject_key_id(const struct context *c)
{
    return c->spec->subject_key_id;
}

/* RFC 5280 §4.2.1.2 method 1: SHA-1 of the subjectPublicKey bits, which is an identifier only. */
static int put_subject_key_id(const struct context *c, struct tm_buf *b)
{
    const unsigned char *p = c->spec->spki;
    X509_PUBKEY *spki = d2i_X509_PUBKEY(NULL, &p, (long)c->spec->spki_len);
    const unsigned char *bits = NULL;
    int len = 0;
    unsigned char id[20];
    int ok = spki != NULL && X509_PUBKEY_get0_param(NULL, &bits, &len, NULL, spki) == 1 &&
             EVP_Digest(bits, (size_t)len, id, NULL, EVP_sha1(), NULL) == 1;
    X509_PUBKEY_free(spki);
    tm_der_put(b, DER_OCTET_STRING, id, ok ? sizeof(id) : 0);
    return ok ? 0 : -1;
}

static bool has_authority_key_id(const struct context *c)
{
    return c->ca->key_id_len > 0;
}

static int put_authority_key_id(const struct context *c, struct tm_buf *b)
{
    size_t seq = tm_der_open(b, DER_SEQUENCE);
    tm_der_put(b, DER_CONTEXT | 0, c->ca->key_id, c->ca->key_id_len);
    tm_der_close(b, seq);
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

static void put_other_name(const char *value, struct tm_buf *b)
{
    size_t name = tm_der_open(b, DER_CONTEXT_CONSTRUCTED | 0);
    tm_buf_append(b, OID_SIGSTORE_OTHER_NAME, sizeof(OID_SIGSTORE_OTHER_NAME) - 1);
    size_t explicit0 = tm_der_open(b, DER_CONTEXT_CONSTRUCTED | 0);
    tm_der_put(b, DER_UTF8_STRING, value, strlen(value));
    tm_der_close(b, explicit0);
    tm_der_close(b, name);
}

static int put_subject_alt_name(const struct context *c, struct tm_buf *b)
{
    const struct oidc_principal *p = c->spec->principal;
    size_t seq = tm_der_open(b, DER_SEQUENCE);
    if (p->san_kind == IDENTITY_SAN_OTHER) {
        put_other_name(p->san, b);
    } else {
        if (!is_ascii(p->san)) /* IA5String */
            return -1;
        unsigned char number = p->san_kind == IDENTITY_SAN_EMAIL ? 1 : 6;
        tm_der_put(b, (unsigned char)(DER_CONTEXT | number), p->san, strlen(p->san));
    }
    tm_der_close(b, seq);
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

static int put_standard(const struct context *c, struct tm_buf *b, struct tm_err *e)
{
    struct tm_buf value = {0};
    int rc = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && rc == 0; i++) {
        if (rows[i].applies != NULL && !rows[i].applies(c))
            continue;
        tm_buf_reset(&value);
        rc = rows[i].put(c, &value);
        put_extension(b, rows[i].oid, rows[i].oid_len, rows[i].critical, value.data, value.len);
        if (buf_failed(&value))
            rc = -1;
    }
    tm_buf_free(&value);
    return rc == 0 ? 0 : tm_err_set(e, "the subject alternative name must be ASCII");
}

static void put_identity(const struct oidc_principal *p, struct tm_buf *b)
{
    char oid[sizeof(OID_SIGSTORE_ARC)];
    memcpy(oid, OID_SIGSTORE_ARC, sizeof(OID_SIGSTORE_ARC) - 1);
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT; i++) {
        const char *text = p->field[i];
        if (text == NULL || text[0] == '\0')
            continue;
        oid[sizeof(oid) - 1] = (char)tm_identity_table[i].arc;
        size_t seq = tm_der_open(b, DER_SEQUENCE);
        tm_buf_append(b, oid, sizeof(oid));
        size_t value = tm_der_open(b, DER_OCTET_STRING);
        if (tm_identity_table[i].encoding == IDENTITY_UTF8)
            tm_der_put(b, DER_UTF8_STRING, text, strlen(text));
        else
            tm_buf_append(b, text, strlen(text));
        tm_der_close(b, value);
        tm_der_close(b, seq);
    }
}

static void put_ct(const struct context *c, struct tm_buf *b)
{
    if (c->form == CERT_PRECERT) {
        put_extension(b, OID(OID_CT_POISON), true, "\x05\x00", 2);
    } else if (c->form == CERT_FINAL && c->sct_list != NULL) {
        struct tm_buf list = {0};
        tm_der_put(&list, DER_OCTET_STRING, c->sct_list->data, c->sct_list->len);
        put_extension(b, OID(OID_CT_SCT_LIST), false, list.data, list.len);
        b->failed |= list.failed;
        tm_buf_free(&list);
    }
}

int ca_extensions_put(const struct ca_cert_spec *spec, const struct ca_signer *ca,
                      enum ca_cert_form form, const struct tm_buf *sct_list, struct tm_buf *b,
                      struct tm_err *e)
{
    const struct context c = {spec, ca_signer_chain(ca), form, sct_list};
    const char *issuer = spec->principal->field[IDENTITY_ISSUER];
    if (issuer == NULL || issuer[0] == '\0')
        return tm_err_set(e, "extensions must have a non-empty issuer url");
    size_t outer = tm_der_open(b, DER_CONTEXT_CONSTRUCTED | 3);
    size_t seq = tm_der_open(b, DER_SEQUENCE);
    if (put_standard(&c, b, e) != 0)
        return -1;
    put_identity(spec->principal, b);
    put_ct(&c, b);
    tm_der_close(b, seq);
    tm_der_close(b, outer);
    return 0;
}
