/* Certificates with and without the extensions of RFC 6962: the TBSCertificate that is logged. */
#include <string.h>

#include "common/der.h"
#include "common/transparency/sct.h"

static const unsigned char oid_sct_list[] = {0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04,
                                             0x01, 0xd6, 0x79, 0x02, 0x04, 0x02};
static const unsigned char oid_poison[] = {0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04,
                                           0x01, 0xd6, 0x79, 0x02, 0x04, 0x03};

#define TAG_EXTENSIONS (DER_CONTEXT_CONSTRUCTED | 3)

struct cursor {
    const unsigned char *p;
    size_t left;
};

/* The whole certificate down to its TBSCertificate: shape only, nothing after it. */
static bool open_certificate(const unsigned char *der, size_t len, struct tm_der_element *tbs)
{
    struct cursor c = {der, len};
    struct tm_der_element cert;
    struct tm_der_element part;
    if (!tm_der_take_tag(&c.p, &c.left, DER_SEQUENCE, &cert) || c.left != 0)
        return false;
    c = (struct cursor){cert.value, cert.len};
    return tm_der_take_tag(&c.p, &c.left, DER_SEQUENCE, tbs) &&
           tm_der_take_tag(&c.p, &c.left, DER_SEQUENCE, &part) &&
           tm_der_take_tag(&c.p, &c.left, DER_BIT_STRING, &part) && c.left == 0;
}

/* Finds [3] at the end of the TBSCertificate and opens it to the list of extensions. 0: none. */
static int open_extensions(const struct tm_der_element *tbs, struct tm_der_element *explicit3,
                           struct tm_der_element *list)
{
    struct cursor c = {tbs->value, tbs->len};
    while (c.left > 0) {
        if (tm_der_take(&c.p, &c.left, explicit3) != 0)
            return -1;
        if (explicit3->tag != TAG_EXTENSIONS)
            continue;
        struct cursor in = {explicit3->value, explicit3->len};
        return c.left == 0 && tm_der_take_tag(&in.p, &in.left, DER_SEQUENCE, list) && in.left == 0
                   ? 1
                   : -1;
    }
    return 0;
}

struct extension {
    struct tm_der_element whole;
    struct tm_der_element value; /* the OCTET STRING */
    bool critical;
};

/* The extension's OID is `oid`: 1, another: 0, damaged: -1. */
static int match_extension(const struct tm_der_element *ext, const unsigned char *oid,
                           size_t oid_len, struct extension *out)
{
    struct cursor c = {ext->value, ext->len};
    struct tm_der_element id;
    struct tm_der_element next;
    if (ext->tag != DER_SEQUENCE || tm_der_take(&c.p, &c.left, &id) != 0)
        return -1;
    if (id.whole_len != oid_len || memcmp(id.whole, oid, oid_len) != 0)
        return 0;
    *out = (struct extension){.whole = *ext};
    if (tm_der_take(&c.p, &c.left, &next) != 0)
        return -1;
    if (next.tag == DER_BOOLEAN) {
        out->critical = next.len == 1 && next.value[0] == 0xff;
        if (!out->critical || tm_der_take(&c.p, &c.left, &next) != 0)
            return -1;
    }
    out->value = next;
    return next.tag == DER_OCTET_STRING && c.left == 0 ? 1 : -1;
}

/* The one extension with this OID: 1, none: 0, repeated or damaged: -1. */
static int find_extension(const struct tm_der_element *list, const unsigned char *oid,
                          size_t oid_len, struct extension *out)
{
    struct cursor c = {list->value, list->len};
    struct tm_der_element ext;
    struct extension one;
    int found = 0;
    while (c.left > 0) {
        if (tm_der_take(&c.p, &c.left, &ext) != 0)
            return -1;
        int match = match_extension(&ext, oid, oid_len, &one);
        if (match < 0 || (match > 0 && found > 0))
            return -1;
        if (match > 0) {
            *out = one;
            found = 1;
        }
    }
    return found;
}

/* The TBSCertificate without one of its extensions; without [3] when none is left. */
static void put_without(const struct tm_der_element *tbs, const struct tm_der_element *explicit3,
                        const struct tm_der_element *list, const struct tm_der_element *ext,
                        struct tm_buf *out)
{
    const unsigned char *after = ext->whole + ext->whole_len;
    size_t seq = tm_der_open(out, DER_SEQUENCE);
    tm_buf_append(out, tbs->value, (size_t)(explicit3->whole - tbs->value));
    if (ext->whole_len < list->len) {
        size_t outer = tm_der_open(out, TAG_EXTENSIONS);
        size_t inner = tm_der_open(out, DER_SEQUENCE);
        tm_buf_append(out, list->value, (size_t)(ext->whole - list->value));
        tm_buf_append(out, after, (size_t)(list->value + list->len - after));
        tm_der_close(out, inner);
        tm_der_close(out, outer);
    }
    tm_der_close(out, seq);
}

/* As tm_sct_from_certificate, for any of the two extensions. */
static int without(const unsigned char *der, size_t len, const unsigned char *oid, size_t oid_len,
                   struct extension *ext, struct tm_buf *tbs, struct tm_err *e)
{
    struct tm_der_element whole;
    struct tm_der_element explicit3;
    struct tm_der_element list;
    if (!open_certificate(der, len, &whole))
        return tm_err_set(e, "not one DER certificate");
    int found = open_extensions(&whole, &explicit3, &list);
    if (found > 0)
        found = find_extension(&list, oid, oid_len, ext);
    if (found < 0)
        return tm_err_set(e, "the certificate's extensions are damaged, or one is repeated");
    if (found == 0)
        return 0;
    put_without(&whole, &explicit3, &list, &ext->whole, tbs);
    return buf_failed(tbs) ? tm_err_set(e, "out of memory") : 1;
}

int tm_sct_from_certificate(const unsigned char *der, size_t len, const unsigned char **list,
                            size_t *list_len, struct tm_buf *tbs, struct tm_err *e)
{
    struct extension ext;
    struct tm_der_element inner;
    size_t at = tbs->len;
    int found = without(der, len, oid_sct_list, sizeof(oid_sct_list), &ext, tbs, e);
    if (found <= 0)
        return found;
    struct cursor c = {ext.value.value, ext.value.len};
    if (!tm_der_take_tag(&c.p, &c.left, DER_OCTET_STRING, &inner) || c.left != 0) {
        tbs->len = at;
        return tm_err_set(e, "the certificate's SCT list is not one OCTET STRING");
    }
    *list = inner.value;
    *list_len = inner.len;
    return 1;
}

int tm_sct_from_precertificate(const unsigned char *der, size_t len, struct tm_buf *tbs,
                               struct tm_err *e)
{
    struct extension ext;
    size_t at = tbs->len;
    int found = without(der, len, oid_poison, sizeof(oid_poison), &ext, tbs, e);
    if (found < 0)
        return -1;
    if (found == 0)
        return tm_err_set(e, "not a precertificate: no poison extension");
    if (!ext.critical || ext.value.len != 2 || memcmp(ext.value.value, "\x05\x00", 2) != 0) {
        tbs->len = at;
        return tm_err_set(e,
                          "the precertificate's poison is not critical, or its value is not NULL");
    }
    return 0;
}

int tm_sct_issuer_key_hash(const X509 *issuer, unsigned char hash[SCT_KEY_HASH], struct tm_err *e)
{
    unsigned char *spki = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(issuer), &spki);
    int ok = len > 0 && EVP_Digest(spki, (size_t)len, hash, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(spki);
    return ok ? 0 : tm_err_openssl(e, "the issuing CA's key hash");
}
