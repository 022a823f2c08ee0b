#include "ca/proof/policy.h"
#include "ca/proof/strength.h"

#include <stdlib.h>
#include <string.h>

/* Of each kind of key: what Go calls it, since clients show this; its proof's hash; bytes of r. */
static const struct {
    const char *go_type;
    int hash;
    size_t ec_width;
} kinds[KEY_KINDS] = {
    [KEY_P256] = {"*ecdsa.PublicKey", NID_sha256, 32},
    [KEY_P384] = {"*ecdsa.PublicKey", NID_sha384, 48},
    [KEY_P521] = {"*ecdsa.PublicKey", NID_sha512, 66},
    [KEY_RSA_2048] = {"*rsa.PublicKey", NID_sha256, 0},
    [KEY_RSA_3072] = {"*rsa.PublicKey", NID_sha256, 0},
    [KEY_RSA_4096] = {"*rsa.PublicKey", NID_sha256, 0},
    [KEY_ED25519] = {"ed25519.PublicKey", NID_undef, 0},
};

/* The list compares key and hash only, as upstream does: a pss entry permits PKCS#1 v1.5,
 * and ed25519-ph permits nothing, since no prehashed proof exists on the wire. */
static const struct {
    const char *name; /* Fulcio's flag value */
    enum ca_key_kind kind;
    int hash; /* NID_undef: the algorithm hashes by itself */
    bool by_default;
} rows[] = {
    {"ecdsa-sha2-256-nistp256", KEY_P256, NID_sha256, true},
    {"ecdsa-sha2-384-nistp384", KEY_P384, NID_sha384, true},
    {"ecdsa-sha2-512-nistp521", KEY_P521, NID_sha512, true},
    {"rsa-sign-pkcs1-2048-sha256", KEY_RSA_2048, NID_sha256, true},
    {"rsa-sign-pkcs1-3072-sha256", KEY_RSA_3072, NID_sha256, true},
    {"rsa-sign-pkcs1-4096-sha256", KEY_RSA_4096, NID_sha256, true},
    {"ed25519", KEY_ED25519, NID_undef, true},
    {"rsa-sign-pss-2048-sha256", KEY_RSA_2048, NID_sha256, false},
    {"rsa-sign-pss-3072-sha256", KEY_RSA_3072, NID_sha256, false},
    {"rsa-sign-pss-4096-sha256", KEY_RSA_4096, NID_sha256, false},
    {"ecdsa-sha2-256-nistp384", KEY_P384, NID_sha256, false},
    {"ecdsa-sha2-256-nistp521", KEY_P521, NID_sha256, false},
    {"ed25519-ph", KEY_ED25519, NID_sha512, false},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct {
    int nid;
    const char *name;
    const char *go_name;
} digests[] = {
    {NID_sha256, "SHA256", "SHA-256"},
    {NID_sha384, "SHA384", "SHA-384"},
    {NID_sha512, "SHA512", "SHA-512"},
};
#define DIGESTS (sizeof(digests) / sizeof(digests[0]))

struct ca_proof_policy {
    bool allowed[ROWS];
    EVP_MD *digest[DIGESTS]; /* fetched once */
    struct ca_spki_maker *maker;
    struct ca_modulus_rules *rules;
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

static int fill(struct ca_proof_policy *p, const char *const *names, size_t count, struct tm_err *e)
{
    for (size_t i = 0; i < ROWS && count == 0; i++)
        p->allowed[i] = rows[i].by_default;
    for (size_t i = 0; i < count; i++) {
        if (allow(p, names[i], e) != 0)
            return -1;
    }
    for (size_t i = 0; i < DIGESTS; i++) {
        p->digest[i] = EVP_MD_fetch(NULL, digests[i].name, NULL);
        if (p->digest[i] == NULL)
            return tm_err_openssl(e, "fetch %s", digests[i].name);
    }
    p->maker = ca_spki_maker_new(e);
    p->rules = p->maker != NULL ? ca_modulus_rules_new(e) : NULL;
    return p->rules != NULL ? 0 : -1;
}

struct ca_proof_policy *ca_proof_policy_new(const char *const *names, size_t count,
                                            struct tm_err *e)
{
    struct ca_proof_policy *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return tm_err_null(e, "out of memory");
    if (fill(p, names, count, e) != 0) {
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
    ca_spki_maker_free(p->maker);
    ca_modulus_rules_free(p->rules);
    free(p);
}

struct ca_spki_maker *ca_policy_maker(const struct ca_proof_policy *p)
{
    return p->maker;
}

static const EVP_MD *digest_of(const struct ca_proof_policy *p, int nid)
{
    for (size_t i = 0; i < DIGESTS; i++) {
        if (digests[i].nid == nid)
            return p->digest[i];
    }
    return NULL;
}

int ca_policy_hash_for(enum ca_key_kind kind)
{
    return kinds[kind].hash;
}

enum ca_proof_status ca_policy_strength(const struct ca_proof_policy *p,
                                        const struct ca_proof_key *k, struct tm_err *e)
{
    return ca_strength_check(p->rules, k, e);
}

static const char *go_hash(int nid)
{
    for (size_t i = 0; i < DIGESTS; i++) {
        if (digests[i].nid == nid)
            return digests[i].go_name;
    }
    return "unknown hash value 0";
}

enum ca_proof_status ca_policy_check(const struct ca_proof_policy *p, enum ca_key_kind kind,
                                     int hash_nid, struct tm_err *e)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (p->allowed[i] && rows[i].kind == kind && rows[i].hash == hash_nid)
            return PROOF_OK;
    }
    tm_err_set(e, "signing algorithm not permitted: %s, %s", kinds[kind].go_type,
               go_hash(hash_nid));
    return PROOF_NOT_PERMITTED;
}

void ca_policy_prepare(const struct ca_proof_policy *p, int hash_nid, struct ca_proof_key *k)
{
    k->md = digest_of(p, hash_nid);
    k->ec_width = kinds[k->kind].ec_width;
}
