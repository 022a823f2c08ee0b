/* What an entry must be by itself, and its issuers. */
#include <inttypes.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/log/monitor/certificate.h"
#include "ca/log/monitor/signed.h"
#include "ca/log/monitor/verify_internal.h"

#define ISSUERS 64 /* a log of one CA has a handful */
#define ISSUER_MAX ((size_t)64 * 1024)
#define PRECERT_SIGNING "1.3.6.1.4.1.11129.2.4.4" /* RFC 6962 §3.1 */

struct issuer {
    bool known;
    unsigned char fingerprint[ENTRY_FINGERPRINT];
    bool good; /* its file is there and is the certificate that it should be */
    unsigned char key_hash[SCT_KEY_HASH];
    bool signs_precerts; /* then another certificate's key is hashed, and issues */
};

struct ca_issuer_cache {
    struct issuer issuer[ISSUERS];
    size_t next; /* to be replaced */
};

struct ca_issuer_cache *ca_issuer_cache_new(struct tm_err *e)
{
    struct ca_issuer_cache *c = calloc(1, sizeof(*c));
    if (c == NULL)
        tm_err_set(e, "out of memory");
    return c;
}

void ca_issuer_cache_free(struct ca_issuer_cache *c)
{
    free(c);
}

static bool has_precert_signing(X509 *cert)
{
    bool found = false;
    EXTENDED_KEY_USAGE *eku = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
    for (int i = 0; i < sk_ASN1_OBJECT_num(eku); i++) {
        char oid[64];
        OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(eku, i), 1);
        found = found || strcmp(oid, PRECERT_SIGNING) == 0;
    }
    EXTENDED_KEY_USAGE_free(eku);
    return found;
}

static bool hash_key(X509 *cert, unsigned char out[SCT_KEY_HASH])
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    if (len <= 0)
        return false;
    SHA256(der, (size_t)len, out);
    OPENSSL_free(der);
    return true;
}

static void examine(struct ca_verifier *v, const char *name, const struct tm_buf *der,
                    struct issuer *is)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    const unsigned char *p = der->data;
    SHA256(der->data, der->len, hash);
    if (memcmp(hash, is->fingerprint, sizeof(hash)) != 0) {
        ca_verify_fault(v, "'%s' does not hash to its name", name);
        return;
    }
    X509 *cert = d2i_X509(NULL, &p, (long)der->len);
    if (cert == NULL || p != der->data + der->len || !hash_key(cert, is->key_hash))
        ca_verify_fault(v, "'%s' is not a certificate", name);
    else
        is->good = true;
    is->signs_precerts = is->good && has_precert_signing(cert);
    X509_free(cert);
}

static const struct issuer *get_issuer(struct ca_verifier *v, const unsigned char *fingerprint)
{
    struct ca_issuer_cache *c = v->issuers;
    for (size_t i = 0; i < ISSUERS; i++) {
        if (c->issuer[i].known &&
            memcmp(c->issuer[i].fingerprint, fingerprint, ENTRY_FINGERPRINT) == 0)
            return &c->issuer[i];
    }
    struct issuer *is = &c->issuer[c->next++ % ISSUERS];
    struct ca_store *store = ca_log_source_store(v->o->source);
    struct tm_buf der = {0};
    struct tm_err why = {0};
    char path[16 + 2 * ENTRY_FINGERPRINT];
    char name[512];
    *is = (struct issuer){.known = true};
    memcpy(is->fingerprint, fingerprint, ENTRY_FINGERPRINT);
    size_t at = (size_t)snprintf(path, sizeof(path), "issuer/");
    for (size_t i = 0; i < ENTRY_FINGERPRINT; i++)
        at += (size_t)snprintf(path + at, sizeof(path) - at, "%02x", fingerprint[i]);
    ca_store_name(store, path, name, sizeof(name));
    v->report->issuers++;
    int rc = ca_store_get(store, path, ISSUER_MAX, &der, &why);
    if (rc > 0)
        examine(v, name, &der, is);
    else if (rc == 0)
        ca_verify_fault(v, "'%s' is missing", name);
    else
        ca_verify_fault(v, "issuer: %s", why.text);
    tm_buf_free(&der);
    return is;
}

/* The issuers of a TileLeaf are files of the log. */
static void check_issuers(struct ca_verifier *v, uint64_t index, const struct tm_entry *n,
                          const char *where)
{
    for (size_t at = 0; at + ENTRY_FINGERPRINT <= n->chain_len; at += ENTRY_FINGERPRINT) {
        const struct issuer *is = get_issuer(v, n->chain + at);
        if (at == 0 && n->logged.type == SCT_PRECERT && is->good && !is->signs_precerts &&
            memcmp(is->key_hash, n->logged.issuer_key_hash, SCT_KEY_HASH) != 0)
            ca_verify_fault(v, "'%s': entry %" PRIu64 ": its issuer's key is not the one it names",
                            where, index);
    }
}

/* static-ct-api: the entry knows its place. */
static void check_leaf_index(struct ca_verifier *v, uint64_t index, const struct tm_entry *n,
                             const char *where)
{
    struct tm_sct s = {.extensions = n->extensions, .extensions_len = n->extensions_len};
    struct tm_err why = {0};
    uint64_t says = 0;
    int rc = tm_sct_leaf_index_get(&s, &says, &why);
    if (rc < 0)
        ca_verify_fault(v, "'%s': entry %" PRIu64 ": %s", where, index, why.text);
    else if (rc == 0)
        ca_verify_fault(v, "'%s': entry %" PRIu64 ": it has no leaf_index", where, index);
    else if (says != index)
        ca_verify_fault(v, "'%s': entry %" PRIu64 ": its leaf_index is %" PRIu64, where, index,
                        says);
}

static void check_precert(struct ca_verifier *v, uint64_t index, const struct tm_entry *n,
                          const char *where)
{
    struct tm_buf tbs = {0};
    struct tm_err why;
    bool by_issuer = true; /* a precertificate signing certificate's name differs from the CA's */
    if (ca_log_source_api(v->o->source) == SOURCE_TILES && n->chain_len >= ENTRY_FINGERPRINT)
        by_issuer = !get_issuer(v, n->chain)->signs_precerts;
    if (tm_sct_from_precertificate(n->precert, n->precert_len, &tbs, &why) != 0)
        ca_verify_fault(v, "'%s': entry %" PRIu64 ": its precertificate: %s", where, index,
                        why.text);
    else if (by_issuer && ca_log_source_api(v->o->source) == SOURCE_TILES &&
             (tbs.len != n->logged.cert_len || memcmp(tbs.data, n->logged.cert, tbs.len) != 0))
        ca_verify_fault(v, "'%s': entry %" PRIu64 ": its precertificate is of another certificate",
                        where, index);
    tm_buf_free(&tbs);
}

static void verify_text(struct ca_verifier *v, uint64_t index, const struct tm_entry *n,
                        const char *where)
{
    struct ca_signed_entry s;
    struct tm_err why;
    if (ca_signed_entry_read(n->text, n->text_len, &s, &why) != 0)
        ca_verify_fault(v, "'%s': entry %" PRIu64 ": %s", where, index, why.text);
    ca_signed_entry_free(&s);
}

void ca_verify_entry(struct ca_verifier *v, uint64_t index, const struct tm_entry *n,
                     const char *where)
{
    if (n->text != NULL) {
        verify_text(v, index, n, where);
        return;
    }
    struct ca_certificate c;
    struct tm_err why;
    const struct ca_head *head = v->o->head;
    if (ca_certificate_read(&n->logged, &c, &why) != 0)
        ca_verify_fault(v, "'%s': entry %" PRIu64 ": %s", where, index, why.text);
    if (head->verified && n->timestamp_ms > head->timestamp_ms)
        ca_verify_fault(v, "'%s': entry %" PRIu64 ": it is newer than the checkpoint", where,
                        index);
    if (n->logged.type == SCT_PRECERT)
        check_precert(v, index, n, where);
    if (ca_log_source_api(v->o->source) != SOURCE_TILES)
        return;
    check_leaf_index(v, index, n, where);
    check_issuers(v, index, n, where);
}
