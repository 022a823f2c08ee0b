#include "tuf/verify/bundle/identity.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/nearest.h"

#define OTHER_NAME_OID "1.3.6.1.4.1.57264.1.7"
#define ARC "1.3.6.1.4.1.57264.1"

/* Rows that no template can fill have no configuration key; the policy still names them. */
static const struct {
    enum tm_identity_field field;
    const char *name;
} extra_names[] = {{IDENTITY_TOKEN_SUBJECT, "token-subject"}};

const char *tuf_identity_policy_name(enum tm_identity_field f)
{
    for (size_t i = 0; i < sizeof(extra_names) / sizeof(extra_names[0]); i++) {
        if (extra_names[i].field == f)
            return extra_names[i].name;
    }
    return tm_identity_table[f].yaml_key[0] != '\0' ? tm_identity_table[f].yaml_key : NULL;
}

int tuf_identity_field_by_name(const char *name, enum tm_identity_field *out, struct tm_err *e)
{
    struct tm_nearest near;
    tm_nearest_init(&near, name);
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT; i++) {
        const char *known = tuf_identity_policy_name((enum tm_identity_field)i);
        if (known == NULL)
            continue;
        if (strcmp(known, name) == 0) {
            *out = (enum tm_identity_field)i;
            return 0;
        }
        tm_nearest_try(&near, known);
    }
    return near.best != NULL
               ? tm_err_set(e, "no certificate extension is called '%.64s'; is '%s' meant?", name,
                            near.best)
               : tm_err_set(e,
                            "no certificate extension is called '%.64s'; one is called "
                            "'source-repository-uri'",
                            name);
}

static const ASN1_STRING *name_text(const GENERAL_NAME *n, enum tm_identity_san_kind *kind)
{
    int type;
    void *value = GENERAL_NAME_get0_value(n, &type);
    char oid[64];
    if (type == GEN_URI || type == GEN_EMAIL) {
        *kind = type == GEN_URI ? IDENTITY_SAN_URI : IDENTITY_SAN_EMAIL;
        return value;
    }
    const OTHERNAME *other = type == GEN_OTHERNAME ? value : NULL;
    if (other == NULL || other->value->type != V_ASN1_UTF8STRING ||
        OBJ_obj2txt(oid, sizeof(oid), other->type_id, 1) <= 0 || strcmp(oid, OTHER_NAME_OID) != 0)
        return NULL;
    *kind = IDENTITY_SAN_OTHER;
    return other->value->value.utf8string;
}

/* A value that holds a NUL reads differently in every tool: refused. */
static int take_text(const unsigned char *data, size_t len, struct tm_buf *out, struct tm_err *e)
{
    if (len == 0 || memchr(data, '\0', len) != NULL)
        return tm_err_set(e, "is empty or holds a NUL");
    tm_buf_append(out, data, len);
    return tm_buf_str(out) != NULL ? 0 : tm_err_set(e, "out of memory");
}

int tuf_identity_san(X509 *cert, struct tm_buf *out, enum tm_identity_san_kind *kind,
                     struct tm_err *e)
{
    int critical;
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, &critical, NULL);
    int rc;
    if (names == NULL) {
        rc = tm_err_set(e, "the certificate has no subject alternative name, or a damaged one");
    } else if (sk_GENERAL_NAME_num(names) != 1) {
        rc = tm_err_set(e, "the certificate has %d subject alternative names, not one",
                        sk_GENERAL_NAME_num(names));
    } else {
        const ASN1_STRING *s = name_text(sk_GENERAL_NAME_value(names, 0), kind);
        rc = s != NULL ? take_text(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s), out, e)
                       : tm_err_set(e, "is neither URI, email nor Fulcio's otherName");
        if (rc != 0)
            tm_err_wrap(e, "the subject alternative name");
    }
    GENERAL_NAMES_free(names);
    return rc;
}

static int decode(const struct tm_identity_row *row, const ASN1_OCTET_STRING *v, struct tm_buf *out,
                  struct tm_err *e)
{
    const unsigned char *p = ASN1_STRING_get0_data(v);
    const unsigned char *end = p + ASN1_STRING_length(v);
    if (row->encoding == IDENTITY_RAW)
        return take_text(p, (size_t)(end - p), out, e);
    ASN1_UTF8STRING *text = d2i_ASN1_UTF8STRING(NULL, &p, end - p);
    int rc = text != NULL && p == end
                 ? take_text(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text), out, e)
                 : tm_err_openssl(e, "is no DER UTF8String");
    ASN1_UTF8STRING_free(text);
    return rc;
}

int tuf_identity_extension(X509 *cert, enum tm_identity_field f, struct tm_buf *out,
                           struct tm_err *e)
{
    const struct tm_identity_row *row = &tm_identity_table[f];
    char oid[48];
    snprintf(oid, sizeof(oid), ARC ".%u", row->arc);
    ASN1_OBJECT *obj = OBJ_txt2obj(oid, 1);
    if (obj == NULL)
        return tm_err_openssl(e, "make an object identifier");
    int at = X509_get_ext_by_OBJ(cert, obj, -1);
    int next = at >= 0 ? X509_get_ext_by_OBJ(cert, obj, at) : -1;
    ASN1_OBJECT_free(obj);
    if (at < 0)
        return 0;
    if (next >= 0)
        return tm_err_set(e, "the certificate has the extension '%s' twice", row->label);
    if (decode(row, X509_EXTENSION_get_data(X509_get_ext(cert, at)), out, e) != 0)
        return tm_err_wrap(e, "the extension '%s'", row->label);
    return 1;
}

int tuf_identity_issuer(X509 *cert, struct tm_buf *out, struct tm_err *e)
{
    struct tm_buf old = {0};
    int has_old = tuf_identity_extension(cert, IDENTITY_ISSUER_V1, &old, e);
    int has_new = has_old >= 0 ? tuf_identity_extension(cert, IDENTITY_ISSUER, out, e) : -1;
    int rc = has_new;
    if (has_new == 1 && has_old == 1 && strcmp(tm_buf_str(&old), tm_buf_str(out)) != 0) {
        rc = tm_err_set(e, "the certificate's two issuer extensions differ");
    } else if (has_new == 0 && has_old == 1) {
        tm_buf_append(out, old.data, old.len);
        rc = tm_buf_str(out) != NULL ? 1 : tm_err_set(e, "out of memory");
    }
    tm_buf_free(&old);
    return rc;
}

/* --- policy --- */

static const struct {
    const char *check;  /* name of the report's line */
    const char *what;   /* in messages */
    const char *option; /* that would accept the value found */
} subjects[] = {
    [IDENTITY_RULE_ISSUER] = {"issuer", "issuer", "--issuer"},
    [IDENTITY_RULE_SAN] = {"identity", "identity", "--identity"},
    [IDENTITY_RULE_EXTENSION] = {"extension", "", "--extension"},
};

static int read_subject(const struct tuf_identity_rule *rule, X509 *cert, struct tm_buf *out,
                        struct tm_err *e)
{
    enum tm_identity_san_kind kind;
    if (rule->subject == IDENTITY_RULE_ISSUER)
        return tuf_identity_issuer(cert, out, e);
    if (rule->subject == IDENTITY_RULE_EXTENSION)
        return tuf_identity_extension(cert, rule->field, out, e);
    return tuf_identity_san(cert, out, &kind, e) == 0 ? 1 : -1;
}

static int matches(const struct tuf_identity_rule *rule, const struct tm_buf *value,
                   struct tm_err *e)
{
    if (rule->exact == NULL)
        return tm_pattern_match(rule->pattern, (const char *)value->data, value->len, e);
    return strlen(rule->exact) == value->len && memcmp(rule->exact, value->data, value->len) == 0;
}

/* "--identity 'NAME'", as a POSIX shell reads it whatever the name is; a cut one is no use. */
static void suggest(const struct tuf_identity_rule *rule, const char *what, const char *text,
                    struct tuf_report *r)
{
    struct tm_buf quoted = {0};
    for (const char *s = text; *s != '\0'; s++)
        tm_buf_puts(&quoted, *s == '\'' ? "'\\''" : (const char[]){*s, '\0'});
    bool ext = rule->subject == IDENTITY_RULE_EXTENSION;
    const char *value = tm_buf_str(&quoted);
    if (value != NULL && quoted.len < REPORT_TEXT_MAX - 100)
        tuf_report_remedy(r, "if this is whom you expect: %s '%s%s%s'",
                          subjects[rule->subject].option, ext ? what : "", ext ? "=" : "", value);
    tm_buf_free(&quoted);
}

static void check_rule(const struct tuf_identity_rule *rule, X509 *cert, bool vouched,
                       struct tuf_report *r)
{
    struct tm_buf value = {0};
    struct tm_err e = {0};
    const char *check = subjects[rule->subject].check;
    bool ext = rule->subject == IDENTITY_RULE_EXTENSION;
    const char *what = ext ? tuf_identity_policy_name(rule->field) : subjects[rule->subject].what;
    const char *wanted = rule->exact != NULL ? rule->exact : rule->source;
    int found = read_subject(rule, cert, &value, &e);
    int match = found == 1 ? matches(rule, &value, &e) : 0;
    const char *text = tm_buf_str(&value);
    if (found < 0 || match < 0) {
        tuf_report_fail(r, check, "%s: %s", what, e.text);
    } else if (found == 0) {
        tuf_report_fail(r, check, "the certificate has no %s; '%s' is wanted", what, wanted);
        tuf_report_remedy(r, "a certificate from a CA that writes this extension");
    } else if (match == 1) {
        tuf_report_pass(r, check, "%s is %s", what, text);
    } else {
        tuf_report_fail(r, check, "%s is '%s', which %s '%s'", what, text,
                        rule->exact != NULL ? "is not" : "does not match (as a whole)", wanted);
        if (vouched && text != NULL)
            suggest(rule, what, text, r);
    }
    tm_buf_free(&value);
}

void tuf_identity_check(const struct tuf_identity_policy *p, X509 *cert, bool vouched,
                        struct tuf_report *r)
{
    for (size_t i = 0; i < p->count; i++)
        check_rule(&p->rule[i], cert, vouched, r);
}
