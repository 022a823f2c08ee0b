#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "common/certs.h"
#include "common/pem.h"
#include "common/transparency/digsig.h"
#include "tuf/verify/trust/internal.h"
#include "tuf/verify/trust/key_details.h"

#define KEY_INPUT_MAX 16384 /* bytes of PEM or DER */

static int set_text(char **to, const char *text, struct tm_err *e)
{
    char *copy = strdup(text);
    if (copy == NULL)
        return tm_err_set(e, "out of memory");
    free(*to);
    *to = copy;
    return 0;
}

bool tuf_trust_entry_same(enum tuf_trust_list list, const struct tuf_trust_entry *a,
                          const struct tuf_trust_entry *b)
{
    if (tuf_trust_lists[list].log)
        return a->key_bytes.len == b->key_bytes.len &&
               memcmp(a->key_bytes.data, b->key_bytes.data, a->key_bytes.len) == 0;
    int n = sk_X509_num(a->chain);
    if (n != sk_X509_num(b->chain))
        return false;
    for (int i = 0; i < n; i++) {
        if (X509_cmp(sk_X509_value(a->chain, i), sk_X509_value(b->chain, i)) != 0)
            return false;
    }
    return true;
}

bool tuf_trust_entry_same_first(enum tuf_trust_list list, const struct tuf_trust_entry *a,
                                const struct tuf_trust_entry *b)
{
    return !tuf_trust_lists[list].log &&
           X509_cmp(sk_X509_value(a->chain, 0), sk_X509_value(b->chain, 0)) == 0;
}

static int refuse_twin(const struct tuf_trusted_root *r, enum tuf_trust_list list,
                       const struct tuf_trust_entry *t, struct tm_err *e)
{
    char id[TRUST_FINGERPRINT_MAX];
    char under[TRUST_UNDER_MAX];
    char when[VALIDITY_TEXT_MAX];
    for (size_t i = 0; i < r->count[list]; i++) {
        const struct tuf_trust_entry *old = r->entry[list][i];
        bool same = tuf_trust_entry_same(list, old, t);
        if (same || tuf_trust_entry_same_first(list, old, t))
            return tm_err_set(e, "the trusted root has this %s already%s: %.16s%s, valid %s",
                              tuf_trust_lists[list].name,
                              same ? "" : ", by a chain that goes on otherwise (remove it first)",
                              tuf_trust_entry_fingerprint(list, old, id),
                              tuf_trust_entry_under(list, old, under),
                              tuf_validity_text(&old->valid, when));
    }
    return 0;
}

/* The window given, made as narrow as what the certificates allow; it may not be wider. */
static int set_window(struct tuf_trust_entry *t, const struct tuf_validity *want,
                      const struct tuf_validity *inside, struct tm_err *e)
{
    char when[VALIDITY_TEXT_MAX];
    t->valid = *want;
    if (!want->has_start) {
        t->valid.has_start = true;
        t->valid.start_ms = inside->start_ms;
    }
    if (t->valid.has_end && t->valid.end_ms < t->valid.start_ms)
        return tm_err_set(e, "the window ends before it starts");
    if (tuf_validity_at(inside, t->valid.start_ms) != VALIDITY_INSIDE ||
        (t->valid.has_end && tuf_validity_at(inside, t->valid.end_ms) != VALIDITY_INSIDE))
        return tm_err_set(e,
                          "the window is wider than the time in which all its certificates are "
                          "valid, %s",
                          tuf_validity_text(inside, when));
    return 0;
}

/* The subject is the trust anchor's: "the root MUST be self-signed", says the proto. */
static int set_name(X509 *cert, int nid, char **to, struct tm_err *e)
{
    const X509_NAME *name = X509_get_subject_name(cert);
    int at = X509_NAME_get_index_by_NID(name, nid, -1);
    if (at < 0)
        return 0;
    unsigned char *utf8 = NULL;
    int len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    int rc = len >= 0 && memchr(utf8, '\0', (size_t)len) == NULL
                 ? set_text(to, (const char *)utf8, e)
                 : tm_err_set(e, "the subject's name is not text");
    OPENSSL_free(utf8);
    return rc;
}

static int fill_authority(enum tuf_trust_list list, const char *uri, const void *pem, size_t len,
                          const struct tuf_validity *valid, struct tuf_trust_entry *t,
                          struct tm_err *e)
{
    struct tuf_validity inside;
    t->chain = tm_certs_parse(pem, len, e);
    if (t->chain == NULL || tuf_authority_check_chain(list, t->chain, &inside, e) != 0)
        return tm_err_wrap(e, "the chain");
    X509 *anchor = sk_X509_value(t->chain, sk_X509_num(t->chain) - 1);
    if (set_text(&t->uri, uri, e) != 0 ||
        set_name(anchor, NID_organizationName, &t->organization, e) != 0 ||
        set_name(anchor, NID_commonName, &t->common_name, e) != 0)
        return -1;
    return set_window(t, valid, &inside, e);
}

int tuf_trusted_root_add_authority(struct tuf_trusted_root *r, enum tuf_trust_list list,
                                   const char *uri, const void *pem, size_t len,
                                   const struct tuf_validity *valid, struct tm_err *e)
{
    if (tuf_trust_lists[list].log)
        return tm_err_set(e, "a %s is no authority", tuf_trust_lists[list].name);
    struct tuf_trust_entry *t = tuf_trust_entry_new(e);
    if (t == NULL)
        return -1;
    if (fill_authority(list, uri, pem, len, valid, t, e) == 0 && refuse_twin(r, list, t, e) == 0 &&
        tuf_trusted_root_insert(r, list, t, e) == 0)
        return 0;
    tuf_trust_entry_free(t);
    return tm_err_wrap(e, "add %s '%.100s'", tuf_trust_lists[list].name, uri);
}

size_t tuf_trust_host(const char *url, const char **host)
{
    const char *at = strstr(url, "://");
    *host = at != NULL ? at + 3 : url;
    if (**host == '[') {
        (*host)++;
        return strcspn(*host, "]");
    }
    return strcspn(*host, ":/");
}

/* C2SP signed-note: SHA-256(name || LF || 0x01 || Ed25519 key); Rekor v2 keeps all 32 bytes. Its
 * name is the host alone, and clients look for that. */
static int note_id(const char *base_url, const EVP_PKEY *key, unsigned char out[32],
                   struct tm_err *e)
{
    const char *host = NULL;
    size_t host_len = tuf_trust_host(base_url, &host);
    struct tm_buf text = {0};
    unsigned char raw[32];
    size_t len = sizeof(raw);
    int ok = EVP_PKEY_get_raw_public_key(key, raw, &len) == 1;
    tm_buf_append(&text, host, host_len);
    tm_buf_append(&text, "\n\x01", 2);
    tm_buf_append(&text, raw, sizeof(raw));
    ok = ok && !buf_failed(&text) && SHA256(text.data, text.len, out) != NULL;
    tm_buf_free(&text);
    return ok ? 0 : tm_err_openssl(e, "compute the log id");
}

static EVP_PKEY *read_key(const void *data, size_t len, struct tm_err *e)
{
    const unsigned char *p = data;
    EVP_PKEY *key = NULL;
    if (len > KEY_INPUT_MAX)
        return tm_err_null(e, "the public key file is larger than %d bytes", KEY_INPUT_MAX);
    if (len > 0 && p[0] == 0x30) { /* DER SEQUENCE */
        key = d2i_PUBKEY(NULL, &p, (long)len);
        if (key != NULL && p != (const unsigned char *)data + len) {
            EVP_PKEY_free(key);
            key = NULL;
        }
    } else {
        BIO *in = BIO_new_mem_buf(data, (int)len);
        key = in != NULL ? PEM_read_bio_PUBKEY(in, NULL, tm_pem_no_password, NULL) : NULL;
        BIO_free(in);
    }
    if (key == NULL)
        tm_err_openssl(e, "this is no public key, PEM ('BEGIN PUBLIC KEY') or DER");
    return key;
}

static int fill_log(enum tuf_trust_list list, const char *base_url, const void *data, size_t len,
                    const struct tuf_validity *valid, struct tuf_trust_entry *t, struct tm_err *e)
{
    t->key = read_key(data, len, e);
    const struct tuf_key_details *d = t->key != NULL ? tuf_key_details_for_log(t->key, e) : NULL;
    if (d == NULL || (list == TRUST_CTLOG && tm_digsig_check_key(t->key, e) != 0))
        return -1;
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(t->key, &der);
    if (n > 0)
        tm_buf_append(&t->key_bytes, der, (size_t)n);
    OPENSSL_free(der);
    t->key_details = d->number;
    t->valid = *valid;
    if (n <= 0 || buf_failed(&t->key_bytes))
        return tm_err_openssl(e, "encode the public key");
    if (!valid->has_start)
        return tm_err_set(e, "the window must have a start");
    if (valid->has_end && valid->end_ms < valid->start_ms)
        return tm_err_set(e, "the window ends before it starts");
    unsigned char id[32];
    SHA256(t->key_bytes.data, t->key_bytes.len, id);
    if (list == TRUST_TLOG && EVP_PKEY_is_a(t->key, "ED25519") &&
        note_id(base_url, t->key, id, e) != 0)
        return -1;
    tm_buf_append(&t->log_id, id, sizeof(id));
    if (buf_failed(&t->log_id))
        return tm_err_set(e, "out of memory");
    return set_text(&t->uri, base_url, e);
}

int tuf_trusted_root_add_log(struct tuf_trusted_root *r, enum tuf_trust_list list,
                             const char *base_url, const void *key, size_t len,
                             const struct tuf_validity *valid, struct tm_err *e)
{
    if (!tuf_trust_lists[list].log)
        return tm_err_set(e, "a %s is no log", tuf_trust_lists[list].name);
    struct tuf_trust_entry *t = tuf_trust_entry_new(e);
    if (t == NULL)
        return -1;
    if (fill_log(list, base_url, key, len, valid, t, e) == 0 && refuse_twin(r, list, t, e) == 0 &&
        tuf_trusted_root_insert(r, list, t, e) == 0)
        return 0;
    tuf_trust_entry_free(t);
    return tm_err_wrap(e, "add %s '%.100s'", tuf_trust_lists[list].name, base_url);
}

int tuf_trusted_root_retire(struct tuf_trusted_root *r, enum tuf_trust_list list, size_t index,
                            int64_t end_ms, struct tm_err *e)
{
    if (index >= r->count[list])
        return tm_err_set(e, "the trusted root has no %s %zu", tuf_trust_lists[list].name, index);
    struct tuf_trust_entry *t = r->entry[list][index];
    char when[VALIDITY_TEXT_MAX];
    if (t->valid.has_start && end_ms < t->valid.start_ms)
        return tm_err_set(e, "the end is before the start of the %s '%.100s', which is valid %s",
                          tuf_trust_lists[list].name, t->uri, tuf_validity_text(&t->valid, when));
    t->valid.has_end = true;
    t->valid.end_ms = end_ms;
    return 0;
}

int tuf_trusted_root_remove(struct tuf_trusted_root *r, enum tuf_trust_list list, size_t index,
                            struct tm_err *e)
{
    if (index >= r->count[list])
        return tm_err_set(e, "the trusted root has no %s %zu", tuf_trust_lists[list].name, index);
    struct tuf_trust_entry **v = r->entry[list];
    tuf_trust_entry_free(v[index]);
    r->count[list]--;
    for (size_t i = index; i < r->count[list]; i++)
        v[i] = v[i + 1];
    return 0;
}
