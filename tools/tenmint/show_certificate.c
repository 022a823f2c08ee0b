#include "tools/tenmint/show_certificate.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/identity.h"

static void say_time(struct facts *f, const char *label, const ASN1_TIME *t)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(t, &tm) == 1)
        facts_time(f, label, timegm(&tm));
    else
        facts_string(f, label, "?");
}

static void say_names(struct facts *f, X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        int type;
        void *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        const ASN1_TYPE *other = type == GEN_OTHERNAME ? ((OTHERNAME *)value)->value : NULL;
        const ASN1_STRING *s = NULL;
        if (type == GEN_URI || type == GEN_EMAIL)
            s = value;
        else if (other != NULL && other->type == V_ASN1_UTF8STRING)
            s = other->value.utf8string;
        if (s != NULL)
            facts_text(f, "Identity", ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
        else
            facts_string(f, "Identity", "(a name of another kind)");
    }
    GENERAL_NAMES_free(names);
}

static void say_identity(struct facts *f, X509 *cert, const struct tm_identity_row *row)
{
    char oid[48];
    snprintf(oid, sizeof(oid), "1.3.6.1.4.1.57264.1.%u", row->arc);
    ASN1_OBJECT *obj = OBJ_txt2obj(oid, 1);
    int at = obj != NULL ? X509_get_ext_by_OBJ(cert, obj, -1) : -1;
    ASN1_OBJECT_free(obj);
    if (at < 0)
        return;
    const ASN1_OCTET_STRING *v = X509_EXTENSION_get_data(X509_get_ext(cert, at));
    const unsigned char *p = ASN1_STRING_get0_data(v);
    long len = ASN1_STRING_length(v);
    ASN1_UTF8STRING *text =
        row->encoding == IDENTITY_UTF8 ? d2i_ASN1_UTF8STRING(NULL, &p, len) : NULL;
    if (text != NULL)
        facts_text(f, row->label, ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
    else if (row->encoding == IDENTITY_RAW)
        facts_text(f, row->label, p, (size_t)len);
    ASN1_UTF8STRING_free(text);
}

static void say_serial(struct facts *f, const X509 *cert)
{
    BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    char *hex = serial != NULL ? BN_bn2hex(serial) : NULL;
    if (hex != NULL)
        facts_string(f, "Serial", hex);
    OPENSSL_free(hex);
    BN_free(serial);
}

void show_scts(struct facts *f, const struct scts_told_list *all)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct scts_told *sct = &all->item[i];
        facts_string(f, "SCT Log", sct->log_id);
        facts_time(f, "SCT Time", sct->timestamp_ms / 1000);
        if (sct->has_index)
            facts_number(f, "SCT Leaf Index", (int64_t)sct->leaf_index);
    }
}

int show_certificate(struct facts *f, X509 *cert, const struct tm_buf *detached, struct tm_err *e)
{
    struct scts_told_list all;
    say_serial(f, cert);
    say_time(f, "Not before", X509_get0_notBefore(cert));
    say_time(f, "Not after", X509_get0_notAfter(cert));
    say_names(f, cert);
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT; i++)
        say_identity(f, cert, &tm_identity_table[i]);
    if (scts_describe(cert, detached, &all, e) != 0)
        return -1;
    show_scts(f, &all);
    free(all.item);
    return 0;
}
