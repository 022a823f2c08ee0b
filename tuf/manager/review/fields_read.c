#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/certs.h"
#include "common/hex.h"
#include "common/json/strictjson.h"
#include "tuf/manager/review/fields.h"

#define DOCUMENT_MAX ((size_t)4 << 20)
#define PEM_BEGIN "-----BEGIN"
#define PEM_END "-----END"
#define LABEL_DIGITS 16 /* of a hash that tells entries apart */

/* Members of trusted_root.json and signing_config.*.json, as people say them: no two in the same
 * words, so that one that is renamed is told. */
static const struct {
    const char *member, *words;
} known[] = {
    {"mediaType", "media type"},
    {"certificateAuthorities", "certificate authority"},
    {"timestampAuthorities", "timestamp authority"},
    {"ctlogs", "CT log"},
    {"tlogs", "transparency log"},
    {"uri", "address"},
    {"baseUrl", "base address"},
    {"url", "service address"},
    {"operator", "operator"},
    {"validFor", "valid"},
    {"start", "from"},
    {"end", "until"},
    {"majorApiVersion", "API version"},
    {"certChain", "chain"},
    {"certificates", "certificate"},
    {"rawBytes", "content"},
    {"publicKey", "key"},
    {"keyDetails", "kind"},
    {"hashAlgorithm", "hash algorithm"},
    {"logId", "log id"},
    {"keyId", "bytes"},
    {"checkpointKeyId", "checkpoint key id"},
    {"subject", "subject"},
    {"organization", "organization"},
    {"commonName", "common name"},
    {"caUrls", "signers get certificates from"},
    {"oidcUrls", "signers get tokens from"},
    {"rekorTlogUrls", "signers log to"},
    {"tsaUrls", "signers get timestamps from"},
    {"rekorTlogConfig", "choice among logs"},
    {"tsaConfig", "choice among timestamp authorities"},
    {"selector", "how"},
    {"count", "how many"},
    {"caUrl", "signers get certificates from (old form)"},
    {"oidcUrl", "signers get tokens from (old form)"},
    {"tlogUrls", "signers log to (old form)"},
};

/* ---- values ---- */

static void sha256_hex(const void *data, size_t len, char hex[65])
{
    unsigned char digest[32] = {0};
    EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL);
    tm_hex_encode(digest, sizeof(digest), hex);
}

static void put_date(const ASN1_TIME *t, struct tm_buf *out)
{
    struct tm tm;
    if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
        tm_buf_puts(out, "?");
    else
        tm_buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                      tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* A certificate or a key in words; false: neither. */
static bool put_der(const unsigned char *der, size_t len, struct tm_buf *out)
{
    const unsigned char *p = der;
    X509 *cert = d2i_X509(NULL, &p, (long)len);
    bool whole = cert != NULL && p == der + len;
    if (whole) {
        tm_buf_puts(out, "certificate \"");
        tm_certs_name(X509_get_subject_name(cert), true, out);
        tm_buf_puts(out, "\" by \"");
        tm_certs_name(X509_get_issuer_name(cert), true, out);
        tm_buf_puts(out, "\", ");
        put_date(X509_get0_notBefore(cert), out);
        tm_buf_puts(out, " to ");
        put_date(X509_get0_notAfter(cert), out);
    }
    X509_free(cert);
    p = der;
    EVP_PKEY *key = whole ? NULL : d2i_PUBKEY(NULL, &p, (long)len);
    if (key != NULL && p == der + len) {
        const char *type = EVP_PKEY_get0_type_name(key);
        tm_buf_printf(out, "public key %s of %d bits", type != NULL ? type : "?",
                      EVP_PKEY_get_bits(key));
        whole = true;
    }
    EVP_PKEY_free(key);
    ERR_clear_error();
    return whole;
}

static void put_bytes(const struct tm_buf *bytes, struct tm_buf *out)
{
    char hex[65];
    sha256_hex(bytes->data != NULL ? bytes->data : (const unsigned char *)"", bytes->len, hex);
    if (bytes->len == 0 || !put_der(bytes->data, bytes->len, out))
        tm_buf_printf(out, "%zu bytes", bytes->len);
    tm_buf_printf(out, ", SHA-256 %s", hex);
}

static void put_json(const json_t *v, struct tm_buf *out)
{
    char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
    tm_buf_puts(out, text != NULL ? text : "?");
    free(text);
}

/* Base64 in another form than the plain one says the same bytes, but not to every reader. */
static void put_form(const struct tm_buf *bytes, const json_t *text, struct tm_buf *out)
{
    struct tm_buf plain = {0};
    tm_b64_encode(B64_STD, bytes->data, bytes->len, &plain);
    if (tm_buf_str(&plain) == NULL || strcmp(tm_buf_str(&plain), json_string_value(text)) != 0) {
        tm_buf_puts(out, ", written ");
        put_json(text, out);
    }
    tm_buf_free(&plain);
}

/* A text, number or such of the member `name`. */
static void put_value(const char *name, const json_t *v, struct tm_buf *out)
{
    struct tm_buf bytes = {0};
    bool raw = strcmp(name, "rawBytes") == 0;
    bool id = strcmp(name, "keyId") == 0;
    if ((raw || id) && json_is_string(v) &&
        tm_b64_decode(B64_ANY, json_string_value(v), json_string_length(v), &bytes) == 0) {
        if (raw)
            put_bytes(&bytes, out);
        for (size_t i = 0; id && i < bytes.len; i++)
            tm_buf_printf(out, "%02x", bytes.data[i]);
        put_form(&bytes, v, out);
    } else {
        put_json(v, out);
    }
    tm_buf_free(&bytes);
}

/* ---- what tells an item of a list from the others ---- */

static bool label_of_bytes(const json_t *text, bool hash, struct tm_buf *out)
{
    struct tm_buf bytes = {0};
    char hex[65] = "";
    bool good =
        json_is_string(text) &&
        tm_b64_decode(B64_ANY, json_string_value(text), json_string_length(text), &bytes) == 0 &&
        bytes.len > 0;
    if (good && hash)
        sha256_hex(bytes.data, bytes.len, hex);
    else if (good)
        tm_hex_encode(bytes.data, bytes.len < 32 ? bytes.len : 32, hex);
    if (good)
        tm_buf_printf(out, "%.*s", LABEL_DIGITS, hex);
    tm_buf_free(&bytes);
    return good;
}

static void label_of(const json_t *item, size_t number, struct tm_buf *out)
{
    static const char *const addresses[] = {"url", "baseUrl", "uri"};
    const json_t *chain = json_object_get(json_object_get(item, "certChain"), "certificates");
    const json_t *first = json_object_get(json_array_get(chain, 0), "rawBytes");
    const json_t *log_id = json_object_get(json_object_get(item, "logId"), "keyId");
    const json_t *key = json_object_get(json_object_get(item, "publicKey"), "rawBytes");
    if (label_of_bytes(log_id, false, out) || label_of_bytes(first, true, out) ||
        label_of_bytes(key, true, out))
        return;
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        const json_t *v = json_object_get(item, addresses[i]);
        if (json_is_string(v)) {
            put_json(v, out);
            return;
        }
    }
    tm_buf_printf(out, "%zu", number);
}

/* ---- the walk ---- */

struct reading {
    struct tuf_fields *out;
    struct tm_buf where;
    bool failed;
};

static void add(struct reading *r, const char *what, bool order)
{
    struct tuf_fields *f = r->out;
    const char *where = tm_buf_str(&r->where);
    if (f->count == f->cap) {
        size_t cap = f->cap > 0 ? 2 * f->cap : 64;
        void *grown = realloc(f->item, cap * sizeof(*f->item));
        if (grown == NULL) {
            r->failed = true;
            return;
        }
        f->item = grown;
        f->cap = cap;
    }
    struct tuf_field *item = &f->item[f->count];
    *item = (struct tuf_field){where != NULL ? strdup(where) : NULL,
                               what != NULL ? strdup(what) : NULL, order};
    f->count++;
    r->failed |= item->where == NULL || item->what == NULL;
}

static void step_in(struct reading *r, const char *member)
{
    tm_buf_puts(&r->where, r->where.len > 0 ? ", " : "");
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].member, member) == 0) {
            tm_buf_puts(&r->where, known[i].words);
            return;
        }
    }
    json_t *quoted = json_string(member);
    put_json(quoted, &r->where);
    json_decref(quoted);
}

static void read_value(struct reading *r, const char *name, const json_t *v);

static void read_object(struct reading *r, const json_t *object)
{
    size_t back = r->where.len;
    const char *member;
    json_t *value;
    json_object_foreach((json_t *)object, member, value)
    {
        step_in(r, member);
        read_value(r, member, value);
        r->where.len = back;
    }
}

/* Items that say alike who they are, are counted. */
static void number_twins(struct tm_buf *labels, size_t start, struct tm_buf *label)
{
    const char *all = tm_buf_str(labels);
    const char *one = tm_buf_str(label);
    size_t twins = 0;
    for (const char *p = all != NULL ? all + start : NULL; p != NULL && one != NULL && *p != '\0';
         p = strchr(p, '\n') + 1)
        twins += strncmp(p, one, strlen(one)) == 0 && p[strlen(one)] == '\n';
    tm_buf_puts(labels, one != NULL ? one : "");
    tm_buf_puts(labels, "\n");
    if (twins > 0)
        tm_buf_printf(label, " (again, %zu)", twins + 1);
}

static void read_array(struct reading *r, const char *name, const json_t *array)
{
    size_t back = r->where.len;
    struct tm_buf labels = {0};
    size_t i;
    const json_t *item;
    json_array_foreach(array, i, item)
    {
        struct tm_buf label = {0};
        label_of(item, i + 1, &label);
        number_twins(&labels, 0, &label);
        tm_buf_printf(&r->where, " %s", tm_buf_str(&label) != NULL ? tm_buf_str(&label) : "?");
        read_value(r, name, item);
        r->where.len = back;
        tm_buf_free(&label);
    }
    tm_buf_puts(&r->where, ": order");
    if (json_array_size(array) > 1)
        add(r, tm_buf_str(&labels), true);
    r->where.len = back;
    tm_buf_free(&labels);
}

static void read_value(struct reading *r, const char *name, const json_t *v)
{
    struct tm_buf what = {0};
    if (json_object_size(v) > 0) {
        read_object(r, v);
    } else if (json_array_size(v) > 0) {
        read_array(r, name, v);
    } else {
        put_value(name, v, &what);
        add(r, tm_buf_str(&what), false);
    }
    tm_buf_free(&what);
}

/* ---- PEM ---- */

/* OpenSSL stops at a damaged block; Go, which most clients are written in, reads on behind it. */
static size_t count_begins(const void *data, size_t len)
{
    const char *end = (const char *)data + len;
    size_t count = 0;
    for (const char *p = data;
         (p = memmem(p, (size_t)(end - p), PEM_BEGIN, strlen(PEM_BEGIN))) != NULL; p++)
        count++;
    return count;
}

/* Nothing of a blank line. */
static void put_line(const char *p, size_t len, struct tm_buf *out)
{
    size_t blank = 0;
    while (blank < len && strchr(" \t\r\n", p[blank]) != NULL && p[blank] != '\0')
        blank++;
    for (size_t i = 0; i < len && blank < len; i++) {
        if (p[i] != '\0')
            buf_putc(out, p[i]);
        else
            tm_buf_puts(out, "\\0");
    }
}

/* What stands before, between and behind the blocks: a text with a key in it says more than that.
 */
static void add_text_around(struct reading *r, const char *data, size_t len)
{
    struct tm_buf text = {0};
    bool within = false;
    for (const char *p = data, *end = data + len; p < end;) {
        const char *feed = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((feed != NULL ? feed + 1 : end) - p);
        within |= n >= strlen(PEM_BEGIN) && memcmp(p, PEM_BEGIN, strlen(PEM_BEGIN)) == 0;
        if (!within)
            put_line(p, n, &text);
        within &= n < strlen(PEM_END) || memcmp(p, PEM_END, strlen(PEM_END)) != 0;
        p += n;
    }
    tm_buf_reset(&r->where);
    tm_buf_puts(&r->where, "text around the blocks");
    r->failed |= buf_failed(&text);
    if (text.len > 0 && !r->failed)
        add(r, tm_buf_str(&text), false);
    tm_buf_free(&text);
}

static int read_pem(struct reading *r, const void *data, size_t len, struct tm_err *e)
{
    BIO *in = BIO_new_mem_buf(data, (int)len);
    char *name = NULL;
    char *header = NULL;
    unsigned char *der = NULL;
    long der_len = 0;
    size_t blocks = 0;
    while (in != NULL && PEM_read_bio(in, &name, &header, &der, &der_len) == 1) {
        struct tm_buf what = {0};
        const struct tm_buf bytes = {.data = der, .len = (size_t)der_len};
        tm_buf_reset(&r->where);
        tm_buf_printf(&r->where, "block %zu (%s)", ++blocks, name);
        put_bytes(&bytes, &what);
        if (header[0] != '\0')
            tm_buf_printf(&what, ", headed %s", header);
        add(r, tm_buf_str(&what), false);
        tm_buf_free(&what);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
    }
    BIO_free(in);
    ERR_clear_error();
    add_text_around(r, data, len);
    if (blocks > 0 && blocks != count_begins(data, len))
        return tm_err_set(e, "a PEM block is damaged: what others read behind it cannot be told");
    return blocks > 0 ? 0 : tm_err_set(e, "no block of PEM can be read");
}

static int by_where(const void *a, const void *b)
{
    const struct tuf_field *x = a;
    const struct tuf_field *y = b;
    int order = strcmp(x->where, y->where);
    return order != 0 ? order : strcmp(x->what, y->what);
}

int tuf_fields_read(const void *data, size_t len, struct tuf_fields *out, struct tm_err *e)
{
    struct reading r = {.out = out};
    struct tm_err why = {0};
    *out = (struct tuf_fields){0};
    json_t *v = len <= DOCUMENT_MAX ? tm_strictjson_parse(data, len, DOCUMENT_MAX, &why) : NULL;
    int rc = 0;
    if (json_is_object(v) || json_is_array(v))
        read_value(&r, "", v);
    else if (len <= DOCUMENT_MAX && count_begins(data, len) > 0)
        rc = read_pem(&r, data, len, e);
    else
        rc = tm_err_set(e, "%s", why.text[0] != '\0' ? why.text : "it is no JSON object");
    json_decref(v);
    if (rc == 0 && (r.failed || buf_failed(&r.where)))
        rc = tm_err_set(e, "out of memory");
    tm_buf_free(&r.where);
    if (rc != 0)
        tuf_fields_free(out);
    else if (out->count > 0)
        qsort(out->item, out->count, sizeof(*out->item), by_where);
    return rc;
}

void tuf_fields_free(struct tuf_fields *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->item[i].where);
        free(f->item[i].what);
    }
    free(f->item);
    *f = (struct tuf_fields){0};
}
