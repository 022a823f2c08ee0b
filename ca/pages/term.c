#include "ca/pages/term.h"

#include <ctype.h>
#include <openssl/sha.h>
#include <string.h>

#include "ca/log/monitor/match.h"
#include "ca/log/monitor/signed.h"
#include "common/repository.h"
#include "common/hex.h"

#define SERIAL_DIGITS 15 /* hexadecimal, in a term */

struct adding {
    void (*add)(void *ctx, enum ca_term_kind kind, int64_t value);
    void *ctx;
};

/* ---- values ---- */

static int64_t hashed(enum ca_term_kind kind, const void *data, size_t len)
{
    unsigned char all[1 + 4096];
    unsigned char hash[SHA256_DIGEST_LENGTH];
    size_t n = len < sizeof(all) - 1 ? len : sizeof(all) - 1;
    uint64_t v = 0;
    all[0] = (unsigned char)kind;
    memcpy(all + 1, data, n);
    SHA256(all, n + 1, hash);
    for (size_t i = 0; i < sizeof(v); i++)
        v = v << 8 | hash[i];
    return (int64_t)(v >> 1);
}

static int64_t identity_value(const char *p, size_t len)
{
    struct tm_buf plain = {0};
    while (len > 0 && p[len - 1] == '/')
        len--;
    for (size_t i = 0; i < len; i++)
        buf_putc(&plain, (unsigned char)tolower((unsigned char)p[i]));
    int64_t v = hashed(CA_TERM_IDENTITY, plain.len > 0 ? plain.data : (const void *)"", plain.len);
    tm_buf_free(&plain);
    return v;
}

/* The digits without zeros in front, as a range: of those that begin so. */
static struct ca_question_term serial_range(const unsigned char *digit, size_t count)
{
    uint64_t from = 0;
    uint64_t to = 0;
    for (size_t i = 0; i < SERIAL_DIGITS; i++) {
        from = from << 4 | (i < count ? digit[i] : 0);
        to = to << 4 | (i < count ? digit[i] : 0xf);
    }
    return (struct ca_question_term){CA_TERM_SERIAL, (int64_t)from, (int64_t)to};
}

static int64_t serial_value(const struct ca_cert_text *serial)
{
    unsigned char digit[SERIAL_DIGITS];
    size_t n = 0;
    for (size_t i = 0; i < 2 * serial->len && n < SERIAL_DIGITS; i++) {
        unsigned char v = serial->p[i / 2] >> (i % 2 == 0 ? 4 : 0) & 0xf;
        if (v != 0 || n > 0)
            digit[n++] = v;
    }
    return serial_range(digit, n).from;
}

/* ---- of an entry ---- */

static void add_repository(const struct adding *a, const struct ca_cert_text *t)
{
    struct tm_buf plain = {0};
    if (t->p == NULL)
        return;
    tm_repository_put(tm_repository_bare((const char *)t->p, t->len), &plain);
    if (plain.len > 0) {
        const unsigned char *slash = memchr(plain.data, '/', plain.len);
        a->add(a->ctx, CA_TERM_REPOSITORY, hashed(CA_TERM_REPOSITORY, plain.data, plain.len));
        if (slash != NULL)
            a->add(a->ctx, CA_TERM_REPOSITORY,
                   hashed(CA_TERM_REPOSITORY, slash + 1,
                          plain.len - (size_t)(slash + 1 - plain.data)));
    }
    tm_buf_free(&plain);
}

static void add_certificate(const struct adding *a, const struct ca_certificate *c)
{
    size_t at = 0;
    enum ca_certificate_name_kind kind;
    struct ca_cert_text name;
    while (ca_certificate_next_name(c, &at, &kind, &name) > 0)
        a->add(a->ctx, CA_TERM_IDENTITY, identity_value((const char *)name.p, name.len));
    add_repository(a, &c->identity[IDENTITY_SOURCE_URI]);
    add_repository(a, &c->identity[IDENTITY_GITHUB_REPOSITORY]);
    a->add(a->ctx, CA_TERM_SERIAL, serial_value(&c->serial));
}

static void add_digest(const struct adding *a, const void *digest, size_t len)
{
    a->add(a->ctx, CA_TERM_DIGEST, hashed(CA_TERM_DIGEST, digest, len));
}

static int add_signed(const struct adding *a, const struct tm_entry *n, struct tm_err *why)
{
    struct ca_signed_entry s = {0};
    int rc = ca_signed_entry_read(n->text, n->text_len, &s, why);
    if (rc == 0)
        add_digest(a, s.digest.data, s.digest.len);
    for (size_t i = 0; rc == 0 && i < s.by.count; i++) {
        struct ca_certificate c;
        unsigned char key[32];
        if (ca_signed_key_hash(&s.by.item[i], key) == 0)
            add_digest(a, key, sizeof(key));
        if (ca_signed_certificate(&s.by.item[i], &c, NULL) == 0)
            add_certificate(a, &c);
    }
    ca_signed_entry_free(&s);
    return rc;
}

int ca_terms_of_entry(const struct tm_entry *n,
                      void (*add)(void *ctx, enum ca_term_kind kind, int64_t value), void *ctx,
                      struct tm_err *why)
{
    const struct adding a = {add, ctx};
    struct tm_merkle_hash leaf;
    struct ca_certificate c;
    tm_entry_leaf_hash(n, &leaf);
    add_digest(&a, leaf.b, sizeof(leaf.b));
    if (n->text != NULL)
        return add_signed(&a, n, why);
    if (ca_certificate_read(&n->logged, &c, why) != 0)
        return -1;
    add_certificate(&a, &c);
    return 0;
}

/* ---- of a question ---- */

static void ask(struct ca_question *q, enum ca_term_kind kind, const void *p, size_t len)
{
    int64_t v = kind == CA_TERM_IDENTITY ? identity_value(p, len) : hashed(kind, p, len);
    q->term[q->terms++] = (struct ca_question_term){kind, v, v};
}

/* "HEX" or "sha256:HEX" of 32, 48 or 64 bytes. */
static bool read_digest(struct ca_question *q)
{
    const char *colon = strchr(q->text, ':');
    const char *hex = colon != NULL && colon - q->text == 6 && strncmp(q->text, "sha", 3) == 0
                          ? colon + 1
                          : q->text;
    struct tm_buf b = {0};
    size_t len = strlen(hex);
    bool is = (len == 64 || len == 96 || len == 128) && tm_hex_decode(hex, len, &b) == 0;
    if (is) {
        memcpy(q->digest, b.data, b.len);
        q->digest_len = b.len;
        ask(q, CA_TERM_DIGEST, b.data, b.len);
    }
    tm_buf_free(&b);
    return is;
}

static bool read_serial(struct ca_question *q)
{
    struct ca_filter f = {0};
    if (ca_filter_set_serial(&f, q->text, NULL) != 0 || f.serial_digits < FILTER_SERIAL_MIN)
        return false;
    q->serial = true;
    q->term[q->terms++] = serial_range(f.serial, f.serial_digits);
    return true;
}

/* GitHub's OWNER/NAME extension has no host. */
static void read_repository(struct ca_question *q)
{
    static const char github[] = "github.com/";
    struct tm_buf plain = {0};
    tm_repository_put(tm_repository_bare(q->text, strlen(q->text)), &plain);
    if (plain.len > 0 && memchr(plain.data, '/', plain.len) != NULL) {
        size_t host = sizeof(github) - 1;
        ask(q, CA_TERM_REPOSITORY, plain.data, plain.len);
        if (plain.len > host && memcmp(plain.data, github, host) == 0)
            ask(q, CA_TERM_REPOSITORY, plain.data + host, plain.len - host);
    }
    tm_buf_free(&plain);
}

int ca_question_read(const char *text, struct ca_question *out, struct tm_err *e)
{
    *out = (struct ca_question){0};
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)*text)) {
        text++;
        len--;
    }
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        len--;
    if (len == 0)
        return tm_err_set(e, "nothing was asked");
    if (len > CA_QUESTION_BYTES)
        return tm_err_set(e, "more than %d bytes", CA_QUESTION_BYTES);
    memcpy(out->text, text, len);
    if (read_digest(out) || read_serial(out))
        return 0;
    ask(out, CA_TERM_IDENTITY, out->text, len);
    read_repository(out);
    return 0;
}

/* ---- judging ---- */

static bool digest_fits(const struct ca_question *q, const struct tm_entry *n)
{
    struct tm_merkle_hash leaf;
    struct ca_filter f = {.digest = q->digest, .digest_len = q->digest_len};
    struct ca_filter by_key = {.has_key = q->digest_len == sizeof(f.key_hash)};
    enum ca_filter_result r = FILTER_MISS;
    tm_entry_leaf_hash(n, &leaf);
    if (q->digest_len == sizeof(leaf.b) && memcmp(leaf.b, q->digest, sizeof(leaf.b)) == 0)
        return true;
    if (n->text == NULL)
        return false;
    if (ca_filter_entry(&f, n, &r, NULL) == 0 && r == FILTER_MATCH)
        return true;
    memcpy(by_key.key_hash, q->digest, sizeof(by_key.key_hash));
    return by_key.has_key && ca_filter_entry(&by_key, n, &r, NULL) == 0 && r == FILTER_MATCH;
}

bool ca_question_fits(const struct ca_question *q, const struct tm_entry *n)
{
    if (q->digest_len > 0)
        return digest_fits(q, n);
    struct ca_filter by[2] = {0};
    size_t count = 0;
    if (q->serial) {
        (void)ca_filter_set_serial(&by[count++], q->text, NULL);
    } else {
        by[count++].identity = q->text;
        by[count++].repository = q->text;
    }
    for (size_t i = 0; i < count; i++) {
        enum ca_filter_result r = FILTER_MISS;
        if (ca_filter_entry(&by[i], n, &r, NULL) == 0 && r != FILTER_MISS)
            return true;
    }
    return false;
}
