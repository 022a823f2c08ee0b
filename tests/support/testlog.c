#include "tests/support/testlog.h"

#include <assert.h>
#include <openssl/ec.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/bytes.h"
#include "common/der.h"
#include "common/file.h"
#include "tests/support/mtree.h"

#define OID_ISSUER "\x06\x0a\x2b\x06\x01\x04\x01\x83\xbf\x30\x01\x08"
#define OID_SOURCE "\x06\x0a\x2b\x06\x01\x04\x01\x83\xbf\x30\x01\x0c"
#define OID_SAN "\x06\x03\x55\x1d\x11"
#define POISON \
    "\x30\x13\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03\x01\x01\xff\x04\x02\x05\x00"
#define ECDSA_SHA256 "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"

/* A program that only tests: what fails ends it. */
#define MUST(x) \
    do { \
        if (!(x)) { \
            fprintf(stderr, "testlog: %s failed\n", #x); \
            abort(); \
        } \
    } while (0)

static void make_issuer(struct testlog *t)
{
    X509 *x = X509_new();
    unsigned char *der = NULL;
    unsigned char *spki = NULL;
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)"test CA", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, t->key);
    MUST(X509_sign(x, t->key, EVP_sha256()) > 0);
    int len = i2d_X509(x, &der);
    tm_buf_append(&t->issuer, der, (size_t)len);
    SHA256(der, (size_t)len, t->fingerprint);
    len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
    SHA256(spki, (size_t)len, t->issuer_key_hash);
    OPENSSL_free(der);
    OPENSSL_free(spki);
    X509_free(x);
}

void testlog_init(struct testlog *t, const char *origin)
{
    struct tm_err e;
    *t = (struct testlog){.now_ms = 1700000000000};
    snprintf(t->origin, sizeof(t->origin), "%s", origin);
    strcpy(t->dir, "/tmp/testlog.XXXXXX");
    MUST(mkdtemp(t->dir) != NULL);
    t->key = EVP_EC_gen("P-256");
    MUST(t->key != NULL && tm_note_key_init(&t->note_key, origin, NOTE_RFC6962, t->key, &e) == 0);
    make_issuer(t);
}

void testlog_free(struct testlog *t)
{
    char command[300];
    testlog_cut(t, t->count);
    free(t->leaf);
    free(t->hash);
    tm_buf_free(&t->issuer);
    EVP_PKEY_free(t->key);
    snprintf(command, sizeof(command), "rm -rf '%s'", t->dir);
    MUST(system(command) == 0);
}

static void put_extension(struct tm_buf *b, const char *oid, size_t oid_len, unsigned char tag,
                          const char *text)
{
    size_t ext = tm_der_open(b, DER_SEQUENCE);
    tm_buf_append(b, oid, oid_len);
    size_t value = tm_der_open(b, DER_OCTET_STRING);
    tm_der_put(b, tag, text, strlen(text));
    tm_der_close(b, value);
    tm_der_close(b, ext);
}

static void put_tbs(struct tm_buf *b, size_t number, const char *identity, const char *repository,
                    bool poison)
{
    unsigned char serial[] = {(unsigned char)(number >> 16), (unsigned char)(number >> 8),
                              (unsigned char)number, 7};
    size_t tbs = tm_der_open(b, DER_SEQUENCE);
    tm_buf_append(b, "\xa0\x03\x02\x01\x02", 5);
    tm_der_put_unsigned(b, serial, sizeof(serial));
    tm_buf_append(b, ECDSA_SHA256, sizeof(ECDSA_SHA256) - 1);
    tm_der_put(b, DER_SEQUENCE, "", 0); /* issuer */
    size_t validity = tm_der_open(b, DER_SEQUENCE);
    tm_der_put_time(b, 1700000000);
    tm_der_put_time(b, 1700000600);
    tm_der_close(b, validity);
    tm_der_put(b, DER_SEQUENCE, "", 0); /* subject */
    tm_der_put(b, DER_SEQUENCE, "", 0); /* key */
    size_t three = tm_der_open(b, DER_CONTEXT_CONSTRUCTED | 3);
    size_t list = tm_der_open(b, DER_SEQUENCE);
    size_t san = tm_der_open(b, DER_SEQUENCE);
    tm_buf_append(b, OID_SAN, sizeof(OID_SAN) - 1);
    tm_buf_append(b, "\x01\x01\xff", 3);
    size_t value = tm_der_open(b, DER_OCTET_STRING);
    size_t names = tm_der_open(b, DER_SEQUENCE);
    tm_der_put(b, DER_CONTEXT | 6, identity, strlen(identity));
    tm_der_close(b, names);
    tm_der_close(b, value);
    tm_der_close(b, san);
    put_extension(b, OID_ISSUER, sizeof(OID_ISSUER) - 1, DER_UTF8_STRING,
                  "https://issuer.example.com");
    put_extension(b, OID_SOURCE, sizeof(OID_SOURCE) - 1, DER_UTF8_STRING, repository);
    if (poison)
        tm_buf_append(b, POISON, sizeof(POISON) - 1);
    tm_der_close(b, list);
    tm_der_close(b, three);
    tm_der_close(b, tbs);
}

/* TileLeaf by hand: static-ct-api. The timestamped entry's length goes to *timestamped. */
static void put_leaf(struct testlog *t, struct tm_buf *out, const struct tm_buf *tbs,
                     const struct tm_buf *pre, size_t *timestamped)
{
    tm_buf_put_be(out, t->now_ms++, 8);
    tm_buf_put_be(out, 1, 2);
    tm_buf_append(out, t->issuer_key_hash, 32);
    tm_buf_put_be(out, tbs->len, 3);
    tm_buf_append(out, tbs->data, tbs->len);
    tm_buf_put_be(out, 8, 2);
    tm_buf_put_be(out, 0, 1);
    tm_buf_put_be(out, 5, 2);
    tm_buf_put_be(out, t->count, 5);
    *timestamped = out->len;
    tm_buf_put_be(out, pre->len, 3);
    tm_buf_append(out, pre->data, pre->len);
    tm_buf_put_be(out, 32, 2);
    tm_buf_append(out, t->fingerprint, 32);
}

static void grow(struct testlog *t)
{
    if ((t->count & (t->count - 1)) != 0)
        return;
    size_t room = t->count > 0 ? 2 * t->count : 1;
    t->leaf = realloc(t->leaf, room * sizeof(*t->leaf));
    t->hash = realloc(t->hash, room * sizeof(*t->hash));
    MUST(t->leaf != NULL && t->hash != NULL);
}

void testlog_add(struct testlog *t, const char *identity, const char *repository)
{
    struct tm_buf tbs = {0};
    struct tm_buf pre = {0};
    struct tm_buf leaf = {0};
    struct tm_buf merkle = {0};
    size_t timestamped = 0;
    grow(t);
    put_tbs(&tbs, t->count, identity, repository, false);
    size_t whole = tm_der_open(&pre, DER_SEQUENCE);
    put_tbs(&pre, t->count, identity, repository, true);
    tm_buf_append(&pre, ECDSA_SHA256, sizeof(ECDSA_SHA256) - 1);
    tm_der_put(&pre, DER_BIT_STRING, "\0s", 2);
    tm_der_close(&pre, whole);
    put_leaf(t, &leaf, &tbs, &pre, &timestamped);
    tm_buf_put_be(&merkle, 0, 2);
    tm_buf_append(&merkle, leaf.data, timestamped);
    struct mtree_hash h = mtree_leaf(merkle.data, merkle.len);
    memcpy(t->hash[t->count].b, h.b, 32);
    t->leaf[t->count++] = leaf;
    tm_buf_free(&tbs);
    tm_buf_free(&pre);
    tm_buf_free(&merkle);
}

void testlog_add_many(struct testlog *t, size_t n)
{
    char identity[64];
    for (size_t i = 0; i < n; i++) {
        snprintf(identity, sizeof(identity), "https://example.com/%zu", t->count);
        testlog_add(t, identity, "https://git.example.com/acme/widget");
    }
}

void testlog_cut(struct testlog *t, size_t count)
{
    for (; count > 0; count--)
        tm_buf_free(&t->leaf[--t->count]);
}

/* MTH of hash[0..n), as RFC 6962 §2.1 has it. */
static struct tm_merkle_hash root_of(const struct tm_merkle_hash *h, size_t n)
{
    struct tm_merkle_hash out;
    if (n == 0) {
        SHA256(NULL, 0, out.b);
        return out;
    }
    if (n == 1)
        return h[0];
    size_t k = 1;
    while (2 * k < n)
        k *= 2;
    unsigned char both[65] = {1};
    struct tm_merkle_hash l = root_of(h, k);
    struct tm_merkle_hash r = root_of(h + k, n - k);
    memcpy(both + 1, l.b, 32);
    memcpy(both + 33, r.b, 32);
    SHA256(both, sizeof(both), out.b);
    return out;
}

void testlog_checkpoint(const struct testlog *t, size_t size, struct tm_buf *note)
{
    struct tm_checkpoint cp = {.size = size, .root = root_of(t->hash, size)};
    struct tm_buf text = {0};
    struct tm_err e;
    snprintf(cp.origin, sizeof(cp.origin), "%s", t->origin);
    tm_checkpoint_text(&cp, &text);
    tm_buf_append(note, text.data, text.len);
    buf_putc(note, '\n');
    MUST(tm_note_sign((const char *)text.data, text.len, &t->note_key, t->now_ms, note, &e) == 0);
    tm_buf_free(&text);
}

static void write_file(const struct testlog *t, const char *path, const struct tm_buf *b)
{
    char name[512];
    char folder[512];
    struct tm_err e = {0};
    snprintf(name, sizeof(name), "%s/%s", t->dir, path);
    snprintf(folder, sizeof(folder), "%s", name);
    *strrchr(folder, '/') = '\0';
    MUST(tm_file_mkdirs(folder, 0755, &e) == 0);
    FILE *f = fopen(name, "wb");
    MUST(f != NULL && fwrite(b->data, 1, b->len, f) == b->len && fclose(f) == 0);
}

/* The tests' logs have fewer than a million tiles. */
static void tile_name(const char *level, size_t n, size_t width, char out[64])
{
    int at = n < 1000 ? snprintf(out, 64, "tile/%s/%03zu", level, n)
                      : snprintf(out, 64, "tile/%s/x%03zu/%03zu", level, n / 1000, n % 1000);
    if (width < 256)
        snprintf(out + at, 64 - (size_t)at, ".p/%zu", width);
}

static void publish_level(struct testlog *t, int level)
{
    size_t span = (size_t)1 << (8 * level);
    size_t nodes = t->count / span;
    char name[64];
    char text[16];
    snprintf(text, sizeof(text), "%d", level);
    for (size_t first = 0; first < nodes; first += 256) {
        size_t width = nodes - first < 256 ? nodes - first : 256;
        struct tm_buf b = {0};
        for (size_t i = first; i < first + width; i++) {
            struct tm_merkle_hash h = root_of(t->hash + i * span, span);
            tm_buf_append(&b, h.b, 32);
        }
        tile_name(text, first / 256, width, name);
        write_file(t, name, &b);
        tm_buf_free(&b);
    }
}

void testlog_publish(struct testlog *t)
{
    char name[96];
    struct tm_buf b = {0};
    for (size_t first = 0; first < t->count; first += 256) {
        size_t width = t->count - first < 256 ? t->count - first : 256;
        tm_buf_reset(&b);
        for (size_t i = first; i < first + width; i++)
            tm_buf_append(&b, t->leaf[i].data, t->leaf[i].len);
        tile_name("data", first / 256, width, name);
        write_file(t, name, &b);
    }
    for (int level = 0; level < 3; level++)
        publish_level(t, level);
    int at = snprintf(name, sizeof(name), "issuer/");
    for (size_t i = 0; i < 32; i++)
        at += snprintf(name + at, sizeof(name) - (size_t)at, "%02x", t->fingerprint[i]);
    write_file(t, name, &t->issuer);
    tm_buf_reset(&b);
    testlog_checkpoint(t, t->count, &b);
    write_file(t, "checkpoint", &b);
    tm_buf_free(&b);
}

static void put_b64(struct tm_buf *out, const void *data, size_t len)
{
    buf_putc(out, '"');
    tm_b64_encode(B64_STD, data, len, out);
    buf_putc(out, '"');
}

void testlog_get_sth(const struct testlog *t, struct tm_buf *out)
{
    struct tm_buf note = {0};
    struct tm_note n;
    struct tm_err e;
    struct tm_merkle_hash root = root_of(t->hash, t->count);
    testlog_checkpoint(t, t->count, &note);
    MUST(tm_note_parse(note.data, note.len, &n, &e) == 0);
    tm_buf_printf(out, "{\"tree_size\":%zu,\"timestamp\":%llu,\"sha256_root_hash\":", t->count,
                  (unsigned long long)t->now_ms);
    put_b64(out, root.b, 32);
    tm_buf_puts(out, ",\"tree_head_signature\":");
    put_b64(out, n.signature[0].sig + 8, n.signature[0].sig_len - 8);
    tm_buf_puts(out, "}");
    tm_note_free(&n);
    tm_buf_free(&note);
}

/* leaf_input and extra_data of one entry, as two JSON members. */
static void put_entry(const struct testlog *t, size_t index, struct tm_buf *out)
{
    struct tm_bytes b = bytes_of(t->leaf[index].data, t->leaf[index].len);
    struct tm_buf leaf = {0};
    struct tm_buf extra = {0};
    size_t len;
    tm_bytes_take(&b, 8 + 2 + 32);
    tm_bytes_vector(&b, 3, &len);
    tm_bytes_vector(&b, 2, &len);
    tm_buf_put_be(&leaf, 0, 2);
    tm_buf_append(&leaf, t->leaf[index].data, (size_t)(b.p - t->leaf[index].data));
    const unsigned char *pre = tm_bytes_vector(&b, 3, &len);
    tm_buf_put_be(&extra, len, 3);
    tm_buf_append(&extra, pre, len);
    tm_buf_put_be(&extra, 3 + t->issuer.len, 3);
    tm_buf_put_be(&extra, t->issuer.len, 3);
    tm_buf_append(&extra, t->issuer.data, t->issuer.len);
    tm_buf_puts(out, "\"leaf_input\":");
    put_b64(out, leaf.data, leaf.len);
    tm_buf_puts(out, ",\"extra_data\":");
    put_b64(out, extra.data, extra.len);
    tm_buf_free(&leaf);
    tm_buf_free(&extra);
}

void testlog_get_entries(const struct testlog *t, size_t first, size_t last, struct tm_buf *out)
{
    tm_buf_puts(out, "{\"entries\":[");
    for (size_t i = first; i <= last && i < t->count; i++) {
        tm_buf_puts(out, i > first ? ",{" : "{");
        put_entry(t, i, out);
        tm_buf_puts(out, "}");
    }
    tm_buf_puts(out, "]}");
}

static struct mtree *oracle(const struct testlog *t)
{
    return mtree_new((const struct mtree_hash *)t->hash, t->count);
}

static void put_proof(const struct mtree_proof *p, struct tm_buf *out)
{
    buf_putc(out, '[');
    for (size_t i = 0; i < p->count; i++) {
        if (i > 0)
            buf_putc(out, ',');
        put_b64(out, p->hash[i].b, 32);
    }
    buf_putc(out, ']');
}

void testlog_get_consistency(const struct testlog *t, size_t old_size, size_t new_size,
                             struct tm_buf *out)
{
    struct mtree_proof p;
    struct mtree *m = oracle(t);
    mtree_proof(m, old_size, new_size, &p);
    tm_buf_puts(out, "{\"consistency\":");
    put_proof(&p, out);
    tm_buf_puts(out, "}");
    mtree_free(m);
}

void testlog_get_entry_and_proof(const struct testlog *t, size_t index, size_t size,
                                 struct tm_buf *out)
{
    struct mtree_proof p;
    struct mtree *m = oracle(t);
    mtree_path(m, index, size, &p);
    tm_buf_puts(out, "{");
    put_entry(t, index, out);
    tm_buf_puts(out, ",\"audit_path\":");
    put_proof(&p, out);
    tm_buf_puts(out, "}");
    mtree_free(m);
}

void testlog_damage(const struct testlog *t, const char *path, size_t at)
{
    char name[512];
    snprintf(name, sizeof(name), "%s/%s", t->dir, path);
    FILE *f = fopen(name, "r+b");
    MUST(f != NULL && fseek(f, (long)at, SEEK_SET) == 0);
    int c = fgetc(f);
    MUST(c != EOF && fseek(f, (long)at, SEEK_SET) == 0);
    MUST(fputc(c ^ 0x40, f) != EOF && fclose(f) == 0);
}
