#include "ca/log/monitor/certificate.h"

#include <stdio.h>
#include <string.h>

#include "ca/cert/oids.h"
#include "common/clock.h"
#include "common/der.h"

#define TAG_VERSION (DER_CONTEXT_CONSTRUCTED | 0)
#define TAG_EXTENSIONS (DER_CONTEXT_CONSTRUCTED | 3)
#define ARC_LEN (sizeof(OID_SIGSTORE_ARC) - 1)

struct cursor {
    const unsigned char *p;
    size_t left;
};

static struct cursor inside(const struct tm_der_element *el)
{
    return (struct cursor){el->value, el->len};
}

static bool take(struct cursor *c, unsigned char tag, struct tm_der_element *out)
{
    return tm_der_take(&c->p, &c->left, out) == 0 && out->tag == tag;
}

static bool has_oid(const struct tm_der_element *id, const char *oid, size_t len)
{
    return id->whole_len == len && memcmp(id->whole, oid, len) == 0;
}

/* UTCTime "YYMMDDHHMMSSZ" or GeneralizedTime "YYYYMMDDHHMMSSZ" (RFC 5280 §4.1.2.5). */
static int read_time(struct cursor *c, int64_t *out)
{
    struct tm_der_element t;
    char iso[32];
    if (tm_der_take(&c->p, &c->left, &t) != 0 ||
        !((t.tag == DER_UTC_TIME && t.len == 13) || (t.tag == DER_GENERALIZED_TIME && t.len == 15)))
        return -1;
    const char *d = (const char *)t.value;
    const char *century = "";
    if (t.tag == DER_UTC_TIME)
        century = d[0] >= '5' ? "19" : "20";
    size_t year = t.tag == DER_UTC_TIME ? 2 : 4;
    const char *r = d + year;
    if (d[t.len - 1] != 'Z')
        return -1;
    snprintf(iso, sizeof(iso), "%s%.*s-%.2s-%.2sT%.2s:%.2s:%.2sZ", century, (int)year, d, r, r + 2,
             r + 4, r + 6, r + 8);
    return tm_clock_parse(iso, out);
}

static int set_once(struct ca_cert_text *slot, const unsigned char *p, size_t len)
{
    if (slot->p != NULL)
        return -1;
    *slot = (struct ca_cert_text){p, len};
    return 0;
}

/* One of 1.3.6.1.4.1.57264.1.*: the value by the table's encoding. */
static int read_identity(unsigned char arc, const struct tm_der_element *value,
                         struct ca_certificate *out)
{
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT; i++) {
        if (tm_identity_table[i].arc != arc)
            continue;
        struct tm_der_element text = *value;
        struct cursor c = inside(value);
        if (tm_identity_table[i].encoding == IDENTITY_UTF8 &&
            (!take(&c, DER_UTF8_STRING, &text) || c.left != 0))
            return -1;
        return set_once(&out->identity[i], text.value, text.len);
    }
    return 0;
}

static int read_extension(struct cursor *list, struct ca_certificate *out)
{
    struct tm_der_element ext;
    struct tm_der_element id;
    struct tm_der_element value;
    if (!take(list, DER_SEQUENCE, &ext))
        return -1;
    struct cursor c = inside(&ext);
    if (tm_der_take(&c.p, &c.left, &id) != 0 || tm_der_take(&c.p, &c.left, &value) != 0 ||
        (value.tag == DER_BOOLEAN && tm_der_take(&c.p, &c.left, &value) != 0) ||
        value.tag != DER_OCTET_STRING || c.left != 0)
        return -1;
    if (has_oid(&id, OID_SUBJECT_ALT_NAME, sizeof(OID_SUBJECT_ALT_NAME) - 1)) {
        struct tm_der_element names;
        struct cursor in = inside(&value);
        return take(&in, DER_SEQUENCE, &names) && in.left == 0
                   ? set_once(&out->names, names.value, names.len)
                   : -1;
    }
    if (id.whole_len == ARC_LEN + 1 && memcmp(id.whole, OID_SIGSTORE_ARC, ARC_LEN) == 0)
        return read_identity(id.whole[ARC_LEN], &value, out);
    return 0;
}

static bool skip(struct cursor *c, int sequences)
{
    struct tm_der_element el;
    while (sequences > 0 && take(c, DER_SEQUENCE, &el))
        sequences--;
    return sequences == 0;
}

/* After the version: serial, algorithm, issuer, validity, subject, key, and [1] [2] [3]. */
static int read_tbs(struct cursor *c, struct ca_certificate *out)
{
    struct tm_der_element el;
    struct tm_der_element validity;
    if (!take(c, DER_INTEGER, &el) || el.len == 0)
        return -1;
    bool padded = el.len > 1 && el.value[0] == 0;
    out->serial = (struct ca_cert_text){el.value + padded, el.len - padded};
    if (!skip(c, 2) || !take(c, DER_SEQUENCE, &validity))
        return -1;
    struct cursor times = inside(&validity);
    if (read_time(&times, &out->not_before) != 0 || read_time(&times, &out->not_after) != 0 ||
        times.left != 0 || !skip(c, 2))
        return -1;
    while (c->left > 0) {
        if (tm_der_take(&c->p, &c->left, &el) != 0)
            return -1;
        if (el.tag != TAG_EXTENSIONS)
            continue;
        struct cursor in = inside(&el);
        if (c->left != 0 || !take(&in, DER_SEQUENCE, &el) || in.left != 0)
            return -1;
        struct cursor list = inside(&el);
        while (list.left > 0) {
            if (read_extension(&list, out) != 0)
                return -1;
        }
    }
    return 0;
}

int ca_certificate_read(const struct tm_sct_entry *logged, struct ca_certificate *out,
                        struct tm_err *e)
{
    struct cursor c = {logged->cert, logged->cert_len};
    struct tm_der_element el;
    *out = (struct ca_certificate){0};
    bool ok = take(&c, DER_SEQUENCE, &el) && c.left == 0;
    if (ok && logged->type == SCT_X509) {
        struct cursor whole = inside(&el);
        struct tm_der_element rest;
        ok = take(&whole, DER_SEQUENCE, &el) && take(&whole, DER_SEQUENCE, &rest) &&
             take(&whole, DER_BIT_STRING, &rest) && whole.left == 0;
    }
    if (ok) {
        struct cursor tbs = inside(&el);
        struct cursor peek = tbs;
        if (take(&peek, TAG_VERSION, &el)) /* absent in version 1 */
            tbs = peek;
        ok = read_tbs(&tbs, out) == 0;
    }
    return ok ? 0 : tm_err_set(e, "its certificate is damaged");
}

/* otherName: the type, and [0] around the value. */
static bool read_other_name(const struct tm_der_element *name, struct ca_cert_text *out)
{
    struct cursor c = inside(name);
    struct tm_der_element id;
    struct tm_der_element value;
    struct tm_der_element text;
    if (tm_der_take(&c.p, &c.left, &id) != 0 ||
        !has_oid(&id, OID_SIGSTORE_OTHER_NAME, sizeof(OID_SIGSTORE_OTHER_NAME) - 1) ||
        !take(&c, DER_CONTEXT_CONSTRUCTED, &value) || c.left != 0)
        return false;
    struct cursor in = inside(&value);
    if (!take(&in, DER_UTF8_STRING, &text) || in.left != 0)
        return false;
    *out = (struct ca_cert_text){text.value, text.len};
    return true;
}

int ca_certificate_next_name(const struct ca_certificate *c, size_t *at,
                             enum ca_certificate_name_kind *kind, struct ca_cert_text *out)
{
    static const struct {
        unsigned char tag;
        enum ca_certificate_name_kind kind;
    } plain[] = {{DER_CONTEXT | 1, CERTIFICATE_EMAIL},
                 {DER_CONTEXT | 2, CERTIFICATE_DNS},
                 {DER_CONTEXT | 6, CERTIFICATE_URI}};
    struct tm_der_element name;
    if (c->names.p == NULL)
        return 0;
    struct cursor list = {c->names.p + *at, c->names.len - *at};
    while (list.left > 0 && tm_der_take(&list.p, &list.left, &name) == 0) {
        *at = c->names.len - list.left;
        for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
            if (plain[i].tag == name.tag) {
                *kind = plain[i].kind;
                *out = (struct ca_cert_text){name.value, name.len};
                return 1;
            }
        }
        if (name.tag == DER_CONTEXT_CONSTRUCTED && read_other_name(&name, out)) {
            *kind = CERTIFICATE_OTHER;
            return 1;
        }
    }
    return 0;
}
