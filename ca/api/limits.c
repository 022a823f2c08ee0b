#include "ca/api/limits.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "ca/api/ledger.h"

#define SETS ((size_t)4096) /* 65 536 rows */
#define MINUTE_US INT64_C(60000000)

struct rate {
    int64_t interval_us; /* between two, in the long run; 0: no limit */
    int64_t ahead_us;    /* how far ahead of its time one may come */
};

struct ca_limits {
    struct rate issuer, identity;
    unsigned char salt[LEDGER_KEY]; /* so that nobody can look for keys that meet in one set */
    EVP_MD *sha256;
    struct ca_ledger *ledger;
};

static struct rate rate_of(const struct ca_limit *o)
{
    int64_t burst = o->burst > 0 ? o->burst : o->per_minute;
    int64_t interval = o->per_minute > 0 ? MINUTE_US / o->per_minute : 0;
    return (struct rate){interval, interval * (burst - 1)};
}

struct ca_limits *ca_limits_new(const struct ca_limits_options *o, struct tm_err *e)
{
    if (o->issuer.per_minute == 0 && o->identity.per_minute == 0)
        return NULL;
    struct ca_limits *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return tm_err_null(e, "out of memory");
    l->issuer = rate_of(&o->issuer);
    l->identity = rate_of(&o->identity);
    l->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    l->ledger = ca_ledger_new(SETS, NULL, e);
    if (l->sha256 != NULL && l->ledger != NULL && RAND_bytes(l->salt, sizeof(l->salt)) == 1)
        return l;
    if (e->text[0] == '\0')
        tm_err_openssl(e, "limits");
    ca_limits_free(l);
    return NULL;
}

void ca_limits_free(struct ca_limits *l)
{
    if (l == NULL)
        return;
    ca_ledger_free(l->ledger);
    EVP_MD_free(l->sha256);
    free(l);
}

/* `name` NULL: of the issuer itself. */
static int make_key(const struct ca_limits *l, const char *issuer, const char *name,
                    unsigned char key[LEDGER_KEY])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int good = ctx != NULL && EVP_DigestInit_ex2(ctx, l->sha256, NULL) == 1 &&
               EVP_DigestUpdate(ctx, l->salt, sizeof(l->salt)) == 1 &&
               EVP_DigestUpdate(ctx, issuer, strlen(issuer) + 1) == 1 &&
               (name == NULL || EVP_DigestUpdate(ctx, name, strlen(name) + 1) == 1) &&
               EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    memcpy(key, digest, good ? LEDGER_KEY : 0);
    return good ? 0 : -1;
}

/* How long until there is room, in microseconds; 0: it was taken. */
static int64_t take(struct ca_limits *l, const struct rate *r, const unsigned char key[LEDGER_KEY],
                    int64_t now_us)
{
    int64_t *due = ca_ledger_open(l->ledger, key, now_us, true);
    int64_t from = *due > now_us ? *due : now_us;
    int64_t wait = from - r->ahead_us - now_us;
    if (wait <= 0)
        *due = from + r->interval_us;
    ca_ledger_close(l->ledger, key);
    return wait > 0 ? wait : 0;
}

/* `passed_us`: since it was taken. */
static void give_back(struct ca_limits *l, const struct rate *r,
                      const unsigned char key[LEDGER_KEY], int64_t passed_us, int64_t now_us)
{
    int64_t rest_us = r->interval_us - passed_us;
    if (rest_us <= 0)
        return;
    int64_t *due = ca_ledger_open(l->ledger, key, now_us, true);
    if (*due > rest_us)
        *due -= rest_us;
    ca_ledger_close(l->ledger, key);
}

static int refuse(int64_t wait_us, const char *what, int64_t *retry_after_s, struct tm_err *e)
{
    *retry_after_s = wait_us / 1000000 + 1;
    return tm_err_set(e, "too many certificates for this %s; room again in %lld s", what,
                      (long long)*retry_after_s);
}

int ca_limits_take(struct ca_limits *l, const struct oidc_result *who, int64_t now_us,
                   int64_t *retry_after_s, struct tm_err *e)
{
    unsigned char issuer[LEDGER_KEY];
    unsigned char identity[LEDGER_KEY];
    if (l == NULL)
        return 0;
    if (make_key(l, who->issuer, NULL, issuer) != 0 ||
        make_key(l, who->issuer, who->principal.san, identity) != 0)
        return refuse(1, "server, which has no memory for its limits", retry_after_s, e);
    int64_t wait = l->identity.interval_us > 0 ? take(l, &l->identity, identity, now_us) : 0;
    if (wait > 0)
        return refuse(wait, "identity", retry_after_s, e);
    wait = l->issuer.interval_us > 0 ? take(l, &l->issuer, issuer, now_us) : 0;
    if (wait == 0)
        return 0;
    give_back(l, &l->identity, identity, 0, now_us);
    return refuse(wait, "issuer", retry_after_s, e);
}

void ca_limits_give_back(struct ca_limits *l, const struct oidc_result *who, int64_t taken_us,
                         int64_t now_us)
{
    unsigned char issuer[LEDGER_KEY];
    unsigned char identity[LEDGER_KEY];
    if (l == NULL || make_key(l, who->issuer, NULL, issuer) != 0 ||
        make_key(l, who->issuer, who->principal.san, identity) != 0)
        return;
    give_back(l, &l->identity, identity, now_us - taken_us, now_us);
    give_back(l, &l->issuer, issuer, now_us - taken_us, now_us);
}
