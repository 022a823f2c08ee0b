#include "ca/proof/policy.h"
#include "ca/proof/strength.h"

#include "ca/proof/blame.h"

#include <stdlib.h>
#include <string.h>

struct row {
    const char *name; /* Fulcio's flag value */
    const char *key_type;
    int bits; /* RSA modulus or EC field; 0: any */
    int hash; /* NID_undef: the algorithm hashes by itself */
    bool by_default;
};

/* The list compares key and hash only, as upstream does: a pss entry permits PKCS#1 v1.5,
 * and ed25519-ph permits nothing, since no prehashed proof exists on the wire. */
static const struct row rows[] = {
    {"ecdsa-sha2-256-nistp256", "EC", 256, NID_sha256, true},
    {"ecdsa-sha2-384-nistp384", "EC", 384, NID_sha384, true},
    {"ecdsa-sha2-512-nistp521", "EC", 521, NID_sha512, true},
    {"rsa-sign-pkcs1-2048-sha256", "RSA", 2048, NID_sha256, true},
    {"rsa-sign-pkcs1-3072-sha256", "RSA", 3072, NID_sha256, true},
    {"rsa-sign-pkcs1-4096-sha256", "RSA", 4096, NID_sha256, true},
    {"ed25519", "ED25519", 0, NID_undef, true},
    {"rsa-sign-pss-2048-sha256", "RSA", 2048, NID_sha256, false},
    {"rsa-sign-pss-3072-sha256", "RSA", 3072, NID_sha256, false},
    {"rsa-sign-pss-4096-sha256", "RSA", 4096, NID_sha256, false},
    {"ecdsa-sha2-256-nistp384", "EC", 384, NID_sha256, false},
    {"ecdsa-sha2-256-nistp521", "EC", 521, NID_sha256, false},
    {"ed25519-ph", "ED25519", 0, NID_sha512, false},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct {
    int nid;
    const char *name;
} digests[] = {{NID_sha256, "SHA256"}, {NID_sha384, "SHA384"}, {NID_sha512, "SHA512"}};
#define DIGESTS (sizeof(digests) / sizeof(digests[0]))

/* Of a key's type: what its point cannot change. */
struct verdict {
    enum ca_proof_status status;
    const EVP_MD *md;
    size_t ec_width;
    struct tm_err why;
};

struct ca_proof_policy {
    bool allowed[ROWS];
    struct verdict curve[SPKI_CURVES];
    EVP_MD *digest[DIGESTS]; /* fetched once */
    struct ca_spki_curves *curves;
};

static int allow(struct ca_proof_policy *p, const char *name, struct tm_err *e)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            p->allowed[i] = true;
            return 0;
        }
    }
    return tm_err_set(e, "unknown client signing algorithm '%s' (for example %s)", name,
                      rows[0].name);
}

static void judge(const struct ca_proof_policy *p, const EVP_PKEY *key, struct verdict *v)
{
    *v = (struct verdict){.status = PROOF_OK};
    v->status = ca_strength_check(key, &v->why);
    if (v->status != PROOF_OK)
        return;
    int hash = ca_policy_hash_for(key);
    v->md = ca_policy_digest(p, hash);
    if (EVP_PKEY_is_a(key, "EC"))
        v->ec_width = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
    v->status = ca_policy_check(p, key, hash, &v->why);
}

struct ca_proof_policy *ca_proof_policy_new(const char *const *names, size_t count,
                                            struct tm_err *e)
{
    struct ca_proof_policy *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        tm_err_set(e, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < ROWS && count == 0; i++)
        p->allowed[i] = rows[i].by_default;
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = allow(p, names[i], e);
    for (size_t i = 0; i < DIGESTS && rc == 0; i++) {
        p->digest[i] = EVP_MD_fetch(NULL, digests[i].name, NULL);
        rc = p->digest[i] != NULL ? 0 : tm_err_openssl(e, "fetch %s", digests[i].name);
    }
    if (rc == 0)
        rc = (p->curves = ca_spki_curves_new(e)) != NULL ? 0 : -1;
    for (unsigned n = 1; n <= SPKI_CURVES && rc == 0; n++)
        judge(p, ca_spki_curves_sample(p->curves, n), &p->curve[n - 1]);
    if (rc != 0) {
        ca_proof_policy_free(p);
        return NULL;
    }
    return p;
}

void ca_proof_policy_free(struct ca_proof_policy *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < DIGESTS; i++)
        EVP_MD_free(p->digest[i]);
    ca_spki_curves_free(p->curves);
    free(p);
}

struct ca_spki_curves *ca_policy_curves(const struct ca_proof_policy *p)
{
    return p->curves;
}

const EVP_MD *ca_policy_digest(const struct ca_proof_policy *p, int nid)
{
    for (size_t i = 0; i < DIGESTS; i++) {
        if (digests[i].nid == nid)
            return p->digest[i];
    }
    return NULL;
}

int ca_policy_hash_for(const EVP_PKEY *key)
{
    if (EVP_PKEY_is_a(key, "ED25519"))
        return NID_undef;
    if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) == 384)
        return NID_sha384;
    if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) == 521)
        return NID_sha512;
    return NID_sha256;
}

/* The names Go prints, since clients show this message. */
static const char *go_type(const EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "EC")    ? "*ecdsa.PublicKey"
           : EVP_PKEY_is_a(key, "RSA") ? "*rsa.PublicKey"
                                       : "ed25519.PublicKey";
}

static const char *go_hash(int nid)
{
    return nid == NID_sha256   ? "SHA-256"
           : nid == NID_sha384 ? "SHA-384"
           : nid == NID_sha512 ? "SHA-512"
                               : "unknown hash value 0";
}

enum ca_proof_status ca_policy_check(const struct ca_proof_policy *p, const EVP_PKEY *key,
                                     int hash_nid, struct tm_err *e)
{
    int bits = EVP_PKEY_get_bits(key);
    for (size_t i = 0; i < ROWS; i++) {
        if (p->allowed[i] && rows[i].hash == hash_nid && EVP_PKEY_is_a(key, rows[i].key_type) &&
            (rows[i].bits == 0 || rows[i].bits == bits))
            return PROOF_OK;
    }
    enum ca_proof_status status = ca_proof_blame(PROOF_NOT_PERMITTED, e, "judge the key's type");
    if (status == PROOF_NOT_PERMITTED)
        tm_err_set(e, "signing algorithm not permitted: %s, %s", go_type(key), go_hash(hash_nid));
    return status;
}

enum ca_proof_status ca_policy_judge_key(const struct ca_proof_policy *p, struct ca_proof_key *k,
                                         struct tm_err *e)
{
    struct verdict own;
    const struct verdict *v = &own;
    if (k->curve != 0)
        v = &p->curve[k->curve - 1];
    else
        judge(p, k->key, &own);
    k->md = v->md;
    k->ec_width = v->ec_width;
    if (v->status != PROOF_OK)
        *e = v->why;
    return v->status;
}
