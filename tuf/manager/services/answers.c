#include "tuf/manager/services/answers.h"

#include "common/certs.h"
#include "common/json/jsonmap.h"

#define KEY_MAX 4096          /* bytes of a key in DER */
#define CERTIFICATE_MAX 65536 /* bytes, in PEM or DER */
#define ISSUERS_MAX 4096
#define ROOTS_MAX 4096

/* The members are required; others are ignored. */
#define LIST(name_, type_, member_, each_, item_, min_, max_) \
    { \
        .name = (name_), JSONMAP_AT(type_, member_), .kind = JSONMAP_LIST, .each = &(each_), \
        .size = sizeof(item_), .min = (min_), .max = (max_), .flags = JSONMAP_REQUIRED \
    }
#define MAP(name_, type_) \
    static const struct tm_jsonmap name_##_map = {.members = name_##_members, \
                                                  .size = sizeof(type_), \
                                                  .unknown = JSONMAP_IGNORE, \
                                                  .proto = true}

static int parse(const char *json, size_t len, const struct tm_jsonmap *map, void *out,
                 struct tm_err *e)
{
    return tm_jsonmap_parse(json, len, TUF_ANSWER_MAX, map, NULL, out, e);
}

/* ---- a CA's chains ---- */

void tuf_chains_free(struct tuf_chains *c)
{
    for (size_t i = 0; i < c->count; i++)
        sk_X509_pop_free(c->chain[i], X509_free);
    *c = (struct tuf_chains){0};
}

struct texts {
    char **item;
    size_t count;
};
struct one_chain {
    struct texts certificates;
};
struct bundle {
    struct {
        struct one_chain *item;
        size_t count;
    } chains;
};

static const struct tm_jsonmap_member a_certificate = {
    .kind = JSONMAP_TEXT, .min = 1, .max = CERTIFICATE_MAX};
static const struct tm_jsonmap_member chain_members[] = {
    LIST("certificates", struct one_chain, certificates, a_certificate, char *, 1, CERTS_MAX), {0}};
MAP(chain, struct one_chain);
static const struct tm_jsonmap_member a_chain = {.kind = JSONMAP_OBJECT, .map = &chain_map};
static const struct tm_jsonmap_member bundle_members[] = {
    LIST("chains", struct bundle, chains, a_chain, struct one_chain, 1, TUF_CHAINS_MAX), {0}};
MAP(bundle, struct bundle);

int tuf_answer_pem(const char *pem, size_t len, struct tuf_chains *out, struct tm_err *e)
{
    STACK_OF(X509) *chain = tm_certs_parse(pem, len, e);
    if (chain != NULL)
        out->chain[out->count++] = chain;
    return chain != NULL ? 0 : -1;
}

static int take_chain(const struct texts *certificates, struct tuf_chains *out, struct tm_err *e)
{
    struct tm_buf pem = {0};
    for (size_t i = 0; i < certificates->count; i++) {
        tm_buf_puts(&pem, certificates->item[i]);
        buf_putc(&pem, '\n');
    }
    int rc = buf_failed(&pem) ? tm_err_set(e, "out of memory")
                              : tuf_answer_pem((const char *)pem.data, pem.len, out, e);
    tm_buf_free(&pem);
    return rc;
}

int tuf_answer_trust_bundle(const char *json, size_t len, struct tuf_chains *out, struct tm_err *e)
{
    struct bundle b = {0};
    int rc = parse(json, len, &bundle_map, &b, e);
    for (size_t i = 0; rc == 0 && i < b.chains.count; i++) {
        rc = take_chain(&b.chains.item[i].certificates, out, e);
        if (rc != 0)
            tm_err_wrap(e, "chains[%zu]", i);
    }
    tm_jsonmap_free(&bundle_map, &b);
    if (rc != 0)
        tuf_chains_free(out);
    return rc;
}

enum tuf_chain_fit tuf_chains_fit(const struct tuf_chains *named, const STACK_OF(X509) * given,
                                  size_t *index)
{
    for (*index = 0; *index < named->count; (*index)++) {
        const STACK_OF(X509) *have = named->chain[*index];
        int same = 0;
        while (same < sk_X509_num(have) && same < sk_X509_num(given) &&
               X509_cmp(sk_X509_value(have, same), sk_X509_value(given, same)) == 0)
            same++;
        if (same > 0)
            return same == sk_X509_num(given) && same < sk_X509_num(have) ? TUF_CHAIN_UNENDED
                                                                          : TUF_CHAIN_NAMED;
    }
    return TUF_CHAIN_OTHER;
}

/* ---- its issuers ---- */

struct issuer {
    char *url;
};
struct configuration {
    struct {
        struct issuer *item;
        size_t count;
    } issuers;
};

static const struct tm_jsonmap_member issuer_members[] = {
    JSONMAP_ROW(struct issuer, "issuerUrl", url, TEXT, .flags = JSONMAP_LOOSE), {0}};
MAP(issuer, struct issuer);
static const struct tm_jsonmap_member an_issuer = {.kind = JSONMAP_OBJECT, .map = &issuer_map};
static const struct tm_jsonmap_member configuration_members[] = {
    JSONMAP_ROW(struct configuration, "issuers", issuers, LIST, .each = &an_issuer,
                .size = sizeof(struct issuer), .max = ISSUERS_MAX),
    {0}};
MAP(configuration, struct configuration);

int tuf_answer_issuers(const char *json, size_t len, size_t *count, struct tm_err *e)
{
    struct configuration c = {0};
    int rc = parse(json, len, &configuration_map, &c, e);
    *count = c.issuers.count;
    tm_jsonmap_free(&configuration_map, &c);
    return rc;
}

/* ---- logs ---- */

struct rekor_v1 {
    char *head;
};
static const struct tm_jsonmap_member rekor_v1_members[] = {
    JSONMAP_NEED(struct rekor_v1, "signedTreeHead", head, TEXT, .min = 1), {0}};
MAP(rekor_v1, struct rekor_v1);

int tuf_answer_tree_head(const char *json, size_t len, struct tm_buf *note, struct tm_err *e)
{
    struct rekor_v1 r = {0};
    int rc = parse(json, len, &rekor_v1_map, &r, e);
    if (rc == 0)
        tm_buf_puts(note, r.head);
    tm_jsonmap_free(&rekor_v1_map, &r);
    return rc == 0 && buf_failed(note) ? tm_err_set(e, "out of memory") : rc;
}

struct description {
    struct tm_buf key;
};
static const struct tm_jsonmap_member description_members[] = {
    JSONMAP_NEED(struct description, "key", key, BASE64, .min = 1, .max = KEY_MAX), {0}};
MAP(description, struct description);

int tuf_answer_log_key(const char *json, size_t len, struct tm_buf *der, struct tm_err *e)
{
    struct description d = {0};
    int rc = parse(json, len, &description_map, &d, e);
    tm_buf_append(der, d.key.data, d.key.len);
    tm_jsonmap_free(&description_map, &d);
    return rc == 0 && buf_failed(der) ? tm_err_set(e, "out of memory") : rc;
}

struct roots {
    struct {
        struct tm_buf *item;
        size_t count;
    } certificates;
};
static const struct tm_jsonmap_member a_root = {.kind = JSONMAP_BASE64, .max = CERTIFICATE_MAX};
static const struct tm_jsonmap_member roots_members[] = {
    LIST("certificates", struct roots, certificates, a_root, struct tm_buf, 0, ROOTS_MAX), {0}};
MAP(roots, struct roots);

int tuf_answer_roots(const char *json, size_t len, STACK_OF(X509) * *out, struct tm_err *e)
{
    struct roots r = {0};
    int rc = parse(json, len, &roots_map, &r, e);
    *out = sk_X509_new_null();
    for (size_t i = 0; *out != NULL && i < r.certificates.count; i++) {
        const unsigned char *p = r.certificates.item[i].data;
        X509 *one = d2i_X509(NULL, &p, (long)r.certificates.item[i].len);
        if (one != NULL && sk_X509_push(*out, one) <= 0)
            X509_free(one);
    }
    tm_jsonmap_free(&roots_map, &r);
    if (rc == 0 && *out != NULL)
        return 0;
    sk_X509_pop_free(*out, X509_free);
    *out = NULL;
    return rc != 0 ? -1 : tm_err_set(e, "out of memory");
}
