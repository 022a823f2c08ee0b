#include "ca/signer/create.h"

#include <limits.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

#include "ca/signer/algorithm.h"
#include "common/file.h"
#include "common/key/key.h"

#define YEAR_S (365LL * 24 * 3600)
#define SERIAL_LEN 20
#define CODE_SIGNING "codeSigning"
#define TIME_STAMPING "critical,timeStamping"

static int add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    int ok = ext != NULL && X509_add_ext(cert, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

static int add_extensions(const struct ca_create_cert *c, X509 *cert, X509 *issuer)
{
    char constraints[48] = "critical,CA:FALSE";
    bool ca = c->pathlen >= 0;
    if (ca)
        snprintf(constraints, sizeof(constraints), "critical,CA:TRUE,pathlen:%d", c->pathlen);
    return add_extension(cert, issuer, NID_key_usage,
                         ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") &&
           (c->usage == NULL || add_extension(cert, issuer, NID_ext_key_usage, c->usage)) &&
           add_extension(cert, issuer, NID_basic_constraints, constraints) &&
           add_extension(cert, issuer, NID_subject_key_identifier, "hash") &&
           (issuer == cert ||
            add_extension(cert, issuer, NID_authority_key_identifier, "keyid:always"));
}

static int set_serial(X509 *cert)
{
    unsigned char bytes[SERIAL_LEN];
    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return 0;
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* positive, and always 20 bytes */
    BIGNUM *n = BN_bin2bn(bytes, sizeof(bytes), NULL);
    int ok = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) != NULL;
    BN_free(n);
    return ok;
}

static int set_name(X509 *cert, const struct ca_create_cert *c)
{
    X509_NAME *name = X509_get_subject_name(cert);
    return X509_NAME_add_entry_by_NID(name, NID_organizationName, MBSTRING_UTF8,
                                      (const unsigned char *)c->organization, -1, -1, 0) == 1 &&
           X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                      (const unsigned char *)c->common_name, -1, -1, 0) == 1;
}

X509 *ca_create_ca_cert(const struct ca_create_cert *c, EVP_PKEY *key, X509 *issuer,
                        EVP_PKEY *issuer_key, struct tm_err *e)
{
    const struct ca_signer_algorithm_row *row = ca_signer_algorithm_for(issuer_key, e);
    X509 *cert = row != NULL ? X509_new() : NULL;
    if (cert == NULL)
        return NULL;
    X509 *by = issuer != NULL ? issuer : cert;
    const EVP_MD *md = row->digest != NULL ? EVP_get_digestbyname(row->digest) : NULL;
    int ok = X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) && set_name(cert, c) &&
             X509_set_issuer_name(cert, X509_get_subject_name(by)) == 1 &&
             ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)c->not_before) != NULL &&
             ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)c->not_after) != NULL &&
             X509_set_pubkey(cert, key) == 1 && add_extensions(c, cert, by) &&
             X509_sign(cert, issuer_key, md) > 0;
    if (!ok) {
        tm_err_openssl(e, "make the certificate '%s'", c->common_name);
        X509_free(cert);
        return NULL;
    }
    return cert;
}

static int write_bio(const char *dir, const char *name, mode_t mode, BIO *bio, struct tm_err *e)
{
    char path[PATH_MAX];
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    if (tm_file_join(dir, name, path, sizeof(path), e) != 0)
        return -1;
    return tm_file_create(path, mode, data, (size_t)len, e);
}

static int write_key(const char *dir, const char *name, EVP_PKEY *key, const char *password,
                     struct tm_err *e)
{
    char path[PATH_MAX];
    if (tm_file_join(dir, name, path, sizeof(path), e) != 0)
        return -1;
    return tm_key_write_file(path, key, password, e);
}

static int write_certs(const char *dir, const char *name, X509 *const *certs, size_t count,
                       struct tm_err *e)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = bio != NULL;
    for (size_t i = 0; i < count && ok; i++)
        ok = PEM_write_bio_X509(bio, certs[i]) == 1;
    int rc = ok ? write_bio(dir, name, 0644, bio, e) : tm_err_openssl(e, "encode '%s'", name);
    BIO_free(bio);
    return rc;
}

/* The key that signs every day: made in memory, or made in the token and opened there, or at a
 * service. */
static EVP_PKEY *make_daily_key(const struct ca_create_options *o, const char *type,
                                struct tm_key **device, struct tm_err *e)
{
    if (o->device == NULL)
        return ca_signer_algorithm_generate(type, e);
    *device = tm_key_make(o->device, type, "CA key", e);
    if (*device == NULL)
        return NULL;
    EVP_PKEY_up_ref(tm_key_pkey(*device));
    return tm_key_pkey(*device);
}

/* ---- a CA ---- */

/* The key that signs a few times in years. */
static EVP_PKEY *make_root_key(const struct ca_create_options *o, const char *type,
                               struct tm_key **device, struct tm_err *e)
{
    const struct ca_create_options root = {.device = o->root_device};
    return make_daily_key(&root, type, device, e);
}

static int write_ca(const struct ca_create_options *o, EVP_PKEY *root_key, X509 *root,
                    EVP_PKEY *sub_key, X509 *sub, struct tm_err *e)
{
    if ((o->root_device == NULL &&
         write_key(o->directory, "root.key", root_key, o->password, e) != 0) ||
        (o->device == NULL &&
         write_key(o->directory, "intermediate.key", sub_key, o->password, e) != 0) ||
        write_certs(o->directory, "root.pem", &root, 1, e) != 0 ||
        write_certs(o->directory, "chain.pem", (X509 *[]){sub, root}, 2, e) != 0)
        return -1;
    return 0;
}

int ca_create_ca(const struct ca_create_options *o, struct tm_err *e)
{
    const char *type = o->key_type != NULL ? o->key_type : CREATE_KEY_TYPE;
    const char *org = o->organization != NULL ? o->organization : CREATE_ORGANIZATION;
    int64_t root_life = (o->root_years > 0 ? o->root_years : 10) * YEAR_S;
    int64_t sub_life = (o->intermediate_years > 0 ? o->intermediate_years : 3) * YEAR_S;
    /* A child must never outlive its parent (certificate-specification.md). */
    if (sub_life > root_life)
        sub_life = root_life;
    struct ca_create_cert root = {org, "root", o->now_s, o->now_s + root_life, 1, NULL};
    struct ca_create_cert sub = {org, "intermediate", o->now_s, o->now_s + sub_life,
                                 0,   CODE_SIGNING};
    struct tm_key *device = NULL;
    struct tm_key *root_device = NULL;
    EVP_PKEY *root_key = NULL;
    EVP_PKEY *sub_key = NULL;
    X509 *root_cert = NULL;
    X509 *sub_cert = NULL;
    int rc = -1;
    if (o->password == NULL || o->password[0] == '\0') {
        tm_err_set(e, "a password for the CA keys is needed");
        goto out;
    }
    root_key = make_root_key(o, type, &root_device, e);
    root_cert = root_key != NULL ? ca_create_ca_cert(&root, root_key, NULL, root_key, e) : NULL;
    if (root_cert == NULL || tm_file_mkdirs(o->directory, 0700, e) != 0)
        goto out;
    sub_key = make_daily_key(o, type, &device, e);
    sub_cert = sub_key != NULL ? ca_create_ca_cert(&sub, sub_key, root_cert, root_key, e) : NULL;
    if (sub_cert != NULL)
        rc = write_ca(o, root_key, root_cert, sub_key, sub_cert, e);
out:
    X509_free(sub_cert);
    X509_free(root_cert);
    EVP_PKEY_free(sub_key);
    EVP_PKEY_free(root_key);
    tm_key_free(device);
    tm_key_free(root_device);
    return rc;
}

/* ---- a request ---- */

static bool ask_for(STACK_OF(X509_EXTENSION) * list, int nid, const char *value)
{
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    bool ok = ext != NULL && sk_X509_EXTENSION_push(list, ext) > 0;
    if (!ok)
        X509_EXTENSION_free(ext);
    return ok;
}

static bool name_request(X509_REQ *req, const X509_NAME *subject, const char *organization)
{
    if (subject != NULL)
        return X509_REQ_set_subject_name(req, subject) == 1;
    X509_NAME *name = X509_REQ_get_subject_name(req);
    return X509_NAME_add_entry_by_NID(name, NID_organizationName, MBSTRING_UTF8,
                                      (const unsigned char *)organization, -1, -1, 0) == 1 &&
           X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                      (const unsigned char *)"intermediate", -1, -1, 0) == 1;
}

static X509_REQ *make_request(const struct ca_create_options *o, const X509_NAME *subject,
                              EVP_PKEY *key, struct tm_err *e)
{
    const struct ca_signer_algorithm_row *row = ca_signer_algorithm_for(key, e);
    if (row == NULL)
        return NULL;
    const EVP_MD *md = row->digest != NULL ? EVP_get_digestbyname(row->digest) : NULL;
    STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
    X509_REQ *req = X509_REQ_new();
    bool ok = req != NULL && list != NULL && X509_REQ_set_version(req, X509_REQ_VERSION_1) == 1 &&
              name_request(req, subject,
                           o->organization != NULL ? o->organization : CREATE_ORGANIZATION) &&
              X509_REQ_set_pubkey(req, key) == 1 &&
              ask_for(list, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
              ask_for(list, NID_key_usage, "critical,keyCertSign,cRLSign") &&
              ask_for(list, NID_ext_key_usage, CODE_SIGNING) &&
              X509_REQ_add_extensions(req, list) == 1 && X509_REQ_sign(req, key, md) > 0;
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
    if (ok)
        return req;
    tm_err_openssl(e, "make the certificate signing request");
    X509_REQ_free(req);
    return NULL;
}

int ca_create_request(const struct ca_create_options *o, const X509_NAME *subject, struct tm_err *e)
{
    struct tm_key *device = NULL;
    EVP_PKEY *key =
        tm_file_mkdirs(o->directory, 0700, e) == 0
            ? make_daily_key(o, o->key_type != NULL ? o->key_type : CREATE_KEY_TYPE, &device, e)
            : NULL;
    X509_REQ *req = key != NULL ? make_request(o, subject, key, e) : NULL;
    BIO *bio = req != NULL ? BIO_new(BIO_s_mem()) : NULL;
    int rc = -1;
    if (bio != NULL && PEM_write_bio_X509_REQ(bio, req) == 1 &&
        (o->device != NULL ||
         write_key(o->directory, "intermediate.key", key, o->password, e) == 0))
        rc = write_bio(o->directory, CREATE_REQUEST, 0644, bio, e);
    BIO_free(bio);
    X509_REQ_free(req);
    EVP_PKEY_free(key);
    tm_key_free(device);
    return rc;
}

/* ---- timestamps ---- */

enum { TSA_LEAF, TSA_SUB, TSA_ROOT, TSA_CERTS };

static int write_tsa(const struct ca_create_options *o, EVP_PKEY *const *key, X509 *const *cert,
                     struct tm_err *e)
{
    static const char *const names[] = {CREATE_TSA_KEY, CREATE_TSA_INTERMEDIATE_KEY,
                                        "tsa-root.key"};
    for (int i = o->device != NULL ? TSA_SUB : TSA_LEAF; i < TSA_CERTS; i++) {
        if (write_key(o->directory, names[i], key[i], o->password, e) != 0)
            return -1;
    }
    return write_certs(o->directory, CREATE_TSA_CHAIN, cert, TSA_CERTS, e);
}

int ca_create_tsa(const struct ca_create_options *o, struct tm_err *e)
{
    const char *type = o->key_type != NULL ? o->key_type : CREATE_KEY_TYPE;
    const char *org = o->organization != NULL ? o->organization : CREATE_ORGANIZATION;
    int64_t root_end = o->now_s + (o->root_years > 0 ? o->root_years : 10) * YEAR_S;
    int64_t leaf_end = o->now_s + (o->intermediate_years > 0 ? o->intermediate_years : 3) * YEAR_S;
    const struct ca_create_cert what[] = {
        {org, "timestamp authority", o->now_s, leaf_end < root_end ? leaf_end : root_end, -1,
         TIME_STAMPING},
        {org, "timestamp intermediate", o->now_s, root_end, 0, TIME_STAMPING},
        {org, "timestamp root", o->now_s, root_end, 1, NULL},
    };
    struct tm_key *device = NULL;
    EVP_PKEY *key[TSA_CERTS] = {NULL};
    X509 *cert[TSA_CERTS] = {NULL};
    bool ok = tm_file_mkdirs(o->directory, 0700, e) == 0;
    for (int i = TSA_ROOT; i >= TSA_LEAF && ok; i--) {
        int by = i < TSA_ROOT ? i + 1 : i;
        key[i] = i > TSA_LEAF ? ca_signer_algorithm_generate(type, e)
                              : make_daily_key(o, type, &device, e);
        if (key[i] != NULL)
            cert[i] = ca_create_ca_cert(&what[i], key[i], by != i ? cert[by] : NULL, key[by], e);
        ok = cert[i] != NULL;
    }
    int rc = ok ? write_tsa(o, key, cert, e) : -1;
    for (int i = 0; i < TSA_CERTS; i++) {
        X509_free(cert[i]);
        EVP_PKEY_free(key[i]);
    }
    tm_key_free(device);
    return rc;
}

/* ---- what follows another ---- */

/* The issuer's O, UTF-8; OPENSSL_free() it. */
static char *organization_of(X509 *root, struct tm_err *e)
{
    X509_NAME *name = X509_get_subject_name(root);
    int at = X509_NAME_get_index_by_NID(name, NID_organizationName, -1);
    unsigned char *text = NULL;
    if (at < 0 ||
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))) < 0)
        return tm_err_null(e, "the root's subject has no organization");
    return (char *)text;
}

static int end_of(X509 *cert, int64_t *seconds)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
        return -1;
    *seconds = (int64_t)timegm(&tm);
    return 0;
}

struct below { /* what is made below a certificate that exists */
    const char *name, *usage;
    int pathlen;
    const char *key_file, *chain_file;
    const char *issuer; /* what it is below, in words */
};

/* `above`: the issuer and those above it, `count` of them, at most TSA_CERTS. */
static int create_below(const struct ca_create_options *o, const struct below *b,
                        X509 *const *above, size_t count, EVP_PKEY *issuer_key, struct tm_err *e)
{
    const char *type = o->key_type != NULL ? o->key_type : CREATE_KEY_TYPE;
    int64_t life = (o->intermediate_years > 0 ? o->intermediate_years : 3) * YEAR_S;
    int64_t issuer_end = 0;
    struct tm_key *device = NULL;
    EVP_PKEY *key = NULL;
    X509 *chain[TSA_CERTS + 1] = {NULL};
    char *org = organization_of(above[0], e);
    if (org == NULL)
        return -1;
    memcpy(&chain[1], above, count * sizeof(chain[0]));
    if (EVP_PKEY_eq(X509_get0_pubkey(above[0]), issuer_key) != 1)
        tm_err_set(e, "the %s key is not the %s certificate's", b->issuer, b->issuer);
    else if (end_of(above[0], &issuer_end) != 0 || issuer_end <= o->now_s)
        tm_err_set(e, "the %s has expired: make a new one", b->issuer);
    else if (tm_file_mkdirs(o->directory, 0700, e) == 0)
        key = make_daily_key(o, type, &device, e);
    if (key != NULL) {
        int64_t end = o->now_s + life < issuer_end ? o->now_s + life : issuer_end;
        struct ca_create_cert sub = {org, b->name, o->now_s, end, b->pathlen, b->usage};
        chain[0] = ca_create_ca_cert(&sub, key, above[0], issuer_key, e);
    }
    bool made =
        chain[0] != NULL &&
        (o->device != NULL || write_key(o->directory, b->key_file, key, o->password, e) == 0) &&
        write_certs(o->directory, b->chain_file, chain, count + 1, e) == 0;
    X509_free(chain[0]);
    EVP_PKEY_free(key);
    tm_key_free(device);
    OPENSSL_free(org);
    return made ? 0 : -1;
}

int ca_create_intermediate(const struct ca_create_options *o, X509 *root, EVP_PKEY *root_key,
                           struct tm_err *e)
{
    static const struct below intermediate = {"intermediate",     CODE_SIGNING, 0,
                                              "intermediate.key", "chain.pem",  "root"};
    return create_below(o, &intermediate, &root, 1, root_key, e);
}

int ca_create_tsa_next(const struct ca_create_options *o, const STACK_OF(X509) * chain,
                       EVP_PKEY *intermediate_key, struct tm_err *e)
{
    static const struct below authority = {
        "timestamp authority", TIME_STAMPING,    -1,
        CREATE_TSA_KEY,        CREATE_TSA_CHAIN, "timestamp intermediate"};
    X509 *above[TSA_CERTS];
    int count = sk_X509_num(chain) - 1;
    if (count < 1 || count > TSA_CERTS)
        return tm_err_set(e,
                          "the chain has %d certificates: the one that signs and its issuers, "
                          "%d at most, are needed",
                          count + 1, TSA_CERTS + 1);
    for (int i = 0; i < count; i++)
        above[i] = sk_X509_value(chain, i + 1);
    return create_below(o, &authority, above, (size_t)count, intermediate_key, e);
}
