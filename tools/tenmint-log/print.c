#include "tools/tenmint-log/print.h"

#include <inttypes.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "ca/log/monitor/signed.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/hex.h"
#include "common/transparency/digsig.h"
#include "tools/shared/cli.h"

/* What is not UTF-8 is shown with '?' for each byte beyond ASCII: JSON has no bytes. */
static json_t *json_text(const struct ca_cert_text *t)
{
    json_t *v = json_stringn((const char *)t->p, t->len);
    if (v != NULL)
        return v;
    struct tm_buf b = {0};
    for (size_t i = 0; i < t->len; i++)
        buf_putc(&b, t->p[i] >= 0x20 && t->p[i] < 0x7f ? t->p[i] : '?');
    v = json_stringn(b.data != NULL ? (const char *)b.data : "", b.len);
    tm_buf_free(&b);
    return v;
}

static json_t *json_hex(const unsigned char *p, size_t len)
{
    struct tm_buf b = {0};
    json_t *v = NULL;
    char *text = (char *)tm_buf_reserve(&b, 2 * len + 1);
    if (text != NULL) {
        tm_hex_encode(p, len, text);
        v = json_string(text);
    }
    tm_buf_free(&b);
    return v;
}

static json_t *json_time(int64_t seconds)
{
    char text[21];
    tm_clock_format(seconds, text);
    return json_string(text);
}

static void add_names(json_t *o, const struct ca_certificate *c)
{
    static const char *const kinds[] = {[CERTIFICATE_EMAIL] = "email",
                                        [CERTIFICATE_DNS] = "dns",
                                        [CERTIFICATE_URI] = "uri",
                                        [CERTIFICATE_OTHER] = "other"};
    json_t *list = json_array();
    size_t at = 0;
    enum ca_certificate_name_kind kind;
    struct ca_cert_text name;
    while (ca_certificate_next_name(c, &at, &kind, &name) > 0) {
        json_t *one = json_object();
        json_object_set_new(one, "kind", json_string(kinds[kind]));
        json_object_set_new(one, "name", json_text(&name));
        json_array_append_new(list, one);
    }
    json_object_set_new(o, "names", list);
}

/* The table's JSON key; for rows without one the label's letters and digits. */
static void identity_key(const struct tm_identity_row *row, char key[64])
{
    size_t n = 0;
    const char *from = row->json_key[0] != '\0' ? row->json_key : row->label;
    for (; *from != '\0' && n < 63; from++) {
        if (strchr(" ()", *from) == NULL)
            key[n++] = *from;
    }
    key[n] = '\0';
}

static void add_identity(json_t *o, const struct ca_certificate *c)
{
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT; i++) {
        if (c->identity[i].p == NULL)
            continue;
        char key[64];
        identity_key(&tm_identity_table[i], key);
        json_object_set_new(o, key, json_text(&c->identity[i]));
    }
}

static void add_certificate(json_t *o, const struct ca_certificate *c)
{
    json_object_set_new(o, "serial", json_hex(c->serial.p, c->serial.len));
    json_object_set_new(o, "not_before", json_time(c->not_before));
    json_object_set_new(o, "not_after", json_time(c->not_after));
    add_names(o, c);
    json_t *identity = json_object();
    add_identity(identity, c);
    json_object_set_new(o, "identity", identity);
}

static json_t *signer_json(const struct ca_signed_by *by)
{
    struct ca_certificate c;
    struct tm_err why = {0};
    unsigned char hash[32];
    json_t *o = json_object();
    if (by->algorithm != NULL)
        json_object_set_new(o, "algorithm", json_string(by->algorithm));
    if (ca_signed_key_hash(by, hash) == 0)
        json_object_set_new(o, "key_sha256", json_hex(hash, sizeof(hash)));
    if (by->certificate.len > 0 && ca_signed_certificate(by, &c, &why) != 0)
        json_object_set_new(o, "damaged", json_string(why.text));
    else if (by->certificate.len > 0)
        add_certificate(o, &c);
    return o;
}

static json_t *signed_json(uint64_t index, const struct tm_entry *n)
{
    struct ca_signed_entry s;
    struct tm_err why = {0};
    struct tm_merkle_hash leaf;
    json_t *o = json_object();
    tm_entry_leaf_hash(n, &leaf);
    json_object_set_new(o, "index", json_integer((json_int_t)index));
    json_object_set_new(o, "leaf_hash", json_hex(leaf.b, sizeof(leaf.b)));
    if (ca_signed_entry_read(n->text, n->text_len, &s, &why) != 0) {
        json_object_set_new(o, "damaged", json_string(why.text));
    } else {
        json_t *list = json_array();
        for (size_t i = 0; i < s.by.count; i++)
            json_array_append_new(list, signer_json(&s.by.item[i]));
        json_object_set_new(o, "kind", json_string(s.kind));
        json_object_set_new(o, "version", json_string(s.version));
        json_object_set_new(o, "hash", json_string(s.hash));
        json_object_set_new(o, "digest", json_hex(s.digest.data, s.digest.len));
        json_object_set_new(o, "signers", list);
    }
    ca_signed_entry_free(&s);
    return o;
}

json_t *log_entry_json(uint64_t index, const struct tm_entry *n)
{
    struct ca_certificate c;
    struct tm_err why;
    struct tm_merkle_hash leaf;
    if (n->text != NULL)
        return signed_json(index, n);
    json_t *o = json_object();
    tm_entry_leaf_hash(n, &leaf);
    json_object_set_new(o, "index", json_integer((json_int_t)index));
    json_object_set_new(o, "logged", json_time((int64_t)(n->timestamp_ms / 1000)));
    json_object_set_new(o, "timestamp", json_integer((json_int_t)n->timestamp_ms));
    json_object_set_new(
        o, "type", json_string(n->logged.type == SCT_PRECERT ? "precertificate" : "certificate"));
    json_object_set_new(o, "leaf_hash", json_hex(leaf.b, sizeof(leaf.b)));
    if (ca_certificate_read(&n->logged, &c, &why) != 0) {
        json_object_set_new(o, "damaged", json_string(why.text));
        return o;
    }
    add_certificate(o, &c);
    return o;
}

void log_print_header(const struct tm_entry *n)
{
    printf("%-20s  %9s  %-10s  %s\n", n->text != NULL ? "CERTIFIED" : "LOGGED", "ENTRY",
           n->text != NULL ? "DIGEST" : "SERIAL", "IDENTITY (REPOSITORY)");
}

/* The first bytes tell entries apart; --json has them whole. */
static void print_start(const unsigned char *p, size_t len)
{
    for (size_t i = 0; i < 4; i++)
        i < len ? printf("%02x", p[i]) : printf("  ");
    printf("%s  ", len > 4 ? ".." : "  ");
}

static void print_identity(const struct ca_certificate *c)
{
    struct ca_cert_text name;
    enum ca_certificate_name_kind kind;
    size_t at = 0;
    for (bool first = true; ca_certificate_next_name(c, &at, &kind, &name) > 0; first = false) {
        if (!first)
            printf(", ");
        cli_print_text(stdout, name.p, name.len);
    }
    const struct ca_cert_text *repository = &c->identity[IDENTITY_SOURCE_URI];
    if (repository->p == NULL)
        repository = &c->identity[IDENTITY_GITHUB_REPOSITORY];
    if (repository->p != NULL) {
        printf(" (");
        cli_print_text(stdout, repository->p, repository->len);
        printf(")");
    }
}

static void print_signer(const struct ca_signed_by *by)
{
    struct ca_certificate c;
    struct tm_err why = {0};
    unsigned char hash[32];
    if (by->certificate.len == 0 && ca_signed_key_hash(by, hash) == 0)
        printf("key %02x%02x%02x%02x..", hash[0], hash[1], hash[2], hash[3]);
    else if (ca_signed_certificate(by, &c, &why) == 0)
        print_identity(&c);
    else
        printf("DAMAGED: %s", why.text);
}

/* When the first certificate begins: the nearest that such an entry says of its time. */
static void format_begin(const struct ca_signed_entry *s, char when[21])
{
    struct ca_certificate c;
    struct tm_err ignored;
    snprintf(when, 21, "-");
    for (size_t i = 0; i < s->by.count; i++) {
        if (ca_signed_certificate(&s->by.item[i], &c, &ignored) == 0) {
            tm_clock_format(c.not_before, when);
            return;
        }
    }
}

static void print_signed(uint64_t index, const struct tm_entry *n)
{
    struct ca_signed_entry s;
    struct tm_err why = {0};
    char when[21] = "-";
    bool good = ca_signed_entry_read(n->text, n->text_len, &s, &why) == 0;
    if (good)
        format_begin(&s, when);
    printf("%-20s  %9" PRIu64 "  ", when, index);
    if (!good)
        printf("%-10s  DAMAGED: %s", "?", why.text);
    else
        print_start(s.digest.data, s.digest.len);
    for (size_t i = 0; i < s.by.count; i++) {
        printf("%s", i > 0 ? "; " : "");
        print_signer(&s.by.item[i]);
    }
    putchar('\n');
    ca_signed_entry_free(&s);
}

void log_print_row(uint64_t index, const struct tm_entry *n)
{
    struct ca_certificate c;
    struct tm_err why;
    char when[21];
    if (n->text != NULL) {
        print_signed(index, n);
        return;
    }
    tm_clock_format((int64_t)(n->timestamp_ms / 1000), when);
    printf("%-20s  %9" PRIu64 "  ", when, index);
    if (ca_certificate_read(&n->logged, &c, &why) != 0) {
        printf("%-10s  DAMAGED: %s\n", "?", why.text);
        return;
    }
    print_start(c.serial.p, c.serial.len);
    print_identity(&c);
    putchar('\n');
}

void log_print_origin(FILE *to, const struct ca_head *h)
{
    cli_print_text(to, h->tree.origin, strlen(h->tree.origin));
}

#define UNREADABLE_NAMED 5

void log_unreadable_add(struct log_unreadable *u, uint64_t index, const struct tm_err *why)
{
    if (++u->count <= UNREADABLE_NAMED)
        fprintf(stderr, "entry %" PRIu64 " cannot be read: %s\n", index, why->text);
    else if (u->count == UNREADABLE_NAMED + 1)
        fprintf(stderr, "(and more)\n");
}

int log_unreadable_end(const struct log_unreadable *u, uint64_t of, struct tm_err *e)
{
    if (u->count == 0)
        return CLI_OK;
    tm_err_set(e, "%" PRIu64 " of %" PRIu64 " entries cannot be read: what they name is not known",
               u->count, of);
    return CLI_UNKNOWN;
}

#define KEY_FILE_MAX ((size_t)64 * 1024)

int log_read_public_key(const char *path, struct tm_buf *spki, struct tm_err *e)
{
    struct tm_buf text = {0};
    unsigned char *der = NULL;
    int len = -1;
    EVP_PKEY *key = tm_file_read_text(path, KEY_FILE_MAX, &text, e) == 0
                        ? tm_digsig_key_read(text.data, text.len, e)
                        : NULL;
    if (key != NULL && (len = i2d_PUBKEY(key, &der)) > 0)
        tm_buf_append(spki, der, (size_t)len);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    tm_buf_free(&text);
    return len > 0 && !buf_failed(spki) ? 0 : tm_err_wrap(e, "'%.200s'", path);
}

int log_flush(struct tm_err *e)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        return tm_err_errno(e, "standard output");
    return 0;
}
