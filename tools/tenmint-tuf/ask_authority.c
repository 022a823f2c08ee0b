/* Certificate and timestamp authorities: whether they issue or sign under the chain. */
#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/certs.h"
#include "common/clock.h"
#include "common/pem.h"
#include "tools/tenmint-tuf/ask.h"
#include "tuf/manager/services/answers.h"
#include "tuf/verify/bundle/timestamp.h"

#define CLOCKS_MS (INT64_C(5) * 60 * 1000) /* a timestamp may be so far from our clock */
#define CHAIN_TEXT_MAX 48

/* "0123456789abcdef under fedcba9876543210": the digits of the first and last certificate that
 * `trust show` prints; of one alone, its own. */
static const char *chain_text(const STACK_OF(X509) * chain, char out[CHAIN_TEXT_MAX])
{
    char first[CERTS_FINGERPRINT_MAX];
    char last[CERTS_FINGERPRINT_MAX];
    int end = sk_X509_num(chain) - 1;
    snprintf(out, CHAIN_TEXT_MAX, end > 0 ? "%.16s under %.16s" : "%.16s",
             tm_certs_fingerprint(sk_X509_value(chain, 0), first),
             tm_certs_fingerprint(sk_X509_value(chain, end), last));
    return out;
}

/* Both hold the same certificates, as far as the shorter one goes. */
static bool is_one_way(const STACK_OF(X509) * a, const STACK_OF(X509) * b)
{
    int i = 0;
    while (i < sk_X509_num(a) && i < sk_X509_num(b)) {
        if (X509_cmp(sk_X509_value(a, i), sk_X509_value(b, i)) != 0)
            return false;
        i++;
    }
    return true;
}

static bool has_root(const STACK_OF(X509) * chain)
{
    return X509_self_signed(sk_X509_value(chain, sk_X509_num(chain) - 1), 0) == 1;
}

static const struct tuf_trust_entry *entry_of(const struct ask *a, enum tuf_trust_list list,
                                              const STACK_OF(X509) * chain)
{
    const struct tuf_trust_entry *t;
    for (size_t i = 0; (t = tuf_trusted_root_entry(a->known, list, i)) != NULL; i++) {
        if (is_one_way(t->chain, chain))
            return t;
    }
    return NULL;
}

/* The service of that address is trusted already, with a chain that it names. */
static bool is_ours(const struct ask *a, enum tuf_trust_list list, const struct tuf_chains *named)
{
    for (size_t i = 0; i < named->count; i++) {
        const struct tuf_trust_entry *t = entry_of(a, list, named->chain[i]);
        if (t != NULL && strcmp(t->uri, a->url) == 0)
            return true;
    }
    return false;
}

static int take(struct ask *a, const STACK_OF(X509) * chain, struct tm_err *e)
{
    tm_buf_reset(&a->material);
    for (int i = 0; i < sk_X509_num(chain); i++) {
        unsigned char *der = NULL;
        int n = i2d_X509(sk_X509_value(chain, i), &der);
        if (n <= 0)
            return tm_err_openssl(e, "encode a certificate");
        tm_pem_put("CERTIFICATE", der, (size_t)n, PEM_STYLE_FILE, &a->material);
        OPENSSL_free(der);
    }
    return buf_failed(&a->material) ? tm_err_set(e, "out of memory") : 0;
}

/* No chain was given: the one that is not trusted yet. */
static int choose_chain(struct ask *a, enum tuf_trust_list list, const struct tuf_chains *named,
                        struct tm_err *e)
{
    char id[CHAIN_TEXT_MAX];
    const STACK_OF(X509) *chosen = NULL;
    size_t fresh = 0;
    for (size_t i = 0; i < named->count; i++) {
        bool known = entry_of(a, list, named->chain[i]) != NULL;
        if (chosen == NULL || (!known && fresh == 0))
            chosen = named->chain[i];
        fresh += !known;
    }
    if (chosen == NULL)
        return tm_err_set(e, "'%.200s' does not say its chain: give --chain FILE", a->url);
    if (fresh > 1)
        return tm_err_set(e, "'%.200s' names %zu chains that are not trusted: give --chain FILE",
                          a->url, fresh);
    if (take(a, chosen, e) != 0)
        return -1;
    ask_note(a, "--chain is left out: it is %d certificates as '%.200s' names them, %s",
             sk_X509_num(chosen), a->url, chain_text(chosen, id));
    return 0;
}

/* A chain was given: whether the service names it, and what is missing of it. *next: it is not in
 * use yet. */
static int compare_chain(struct ask *a, enum tuf_trust_list list, const struct tuf_chains *named,
                         bool *next, struct tm_err *e)
{
    char id[CHAIN_TEXT_MAX];
    char other[CHAIN_TEXT_MAX];
    size_t i;
    STACK_OF(X509) *given = tm_certs_parse(a->material.data, a->material.len, e);
    if (given == NULL)
        return tm_err_wrap(e, "'%s'", a->file);
    enum tuf_chain_fit fit = tuf_chains_fit(named, given, &i);
    int rc = 0;
    chain_text(given, id);
    if (fit == TUF_CHAIN_UNENDED && !has_root(given)) {
        ask_note(
            a, "--chain ends below what '%.200s' names (%s): %d certificates are added from there",
            a->url, chain_text(named->chain[i], other),
            sk_X509_num(named->chain[i]) - sk_X509_num(given));
        rc = take(a, named->chain[i], e);
    } else if (fit == TUF_CHAIN_NAMED && !is_one_way(named->chain[i], given)) {
        ask_note(a, "--chain is %s, but '%.200s' names %s: find out which root is meant", id,
                 a->url, chain_text(named->chain[i], other));
    } else if (fit == TUF_CHAIN_OTHER && named->count > 0) {
        *next = is_ours(a, list, named);
        if (*next)
            ask_note(a, "'%.200s' is not under this chain (%s) yet, but under %s, which is trusted",
                     a->url, id, chain_text(named->chain[0], other));
        else
            rc = tm_err_set(e, "--chain is %s, but '%.200s' is under %s: clients would refuse it",
                            id, a->url, chain_text(named->chain[0], other));
    }
    sk_X509_pop_free(given, X509_free);
    return rc;
}

static int settle_chain(struct ask *a, enum tuf_trust_list list, const struct tuf_chains *named,
                        bool *next, struct tm_err *e)
{
    *next = false;
    return a->material.len > 0 ? compare_chain(a, list, named, next, e)
                               : choose_chain(a, list, named, e);
}

static void tell_chains(const struct ask *a, const struct answer *r, const struct tuf_chains *named)
{
    char id[CHAIN_TEXT_MAX];
    for (size_t i = 0; i < named->count; i++)
        ask_found(a, r, "chain %zu of %zu: %d certificates, %s, %s", i + 1, named->count,
                  sk_X509_num(named->chain[i]), chain_text(named->chain[i], id),
                  has_root(named->chain[i]) ? "with its root" : "without its root");
}

/* An answer was read by one of tuf/manager/services/answers.h, or not. */
static int ended(struct answer *r, int rc, struct tm_err *e)
{
    if (rc != 0)
        tm_err_wrap(e, "'%s'", r->request);
    answer_free(r);
    return rc;
}

/* ---- CA ---- */

static int ask_ca_chains(struct ask *a, struct tuf_chains *out, struct tm_err *e)
{
    struct answer r;
    int got = ask_one(a, a->url, "/api/v2/trustBundle", "", NULL, &r, e);
    if (got == 1) {
        int rc = tuf_answer_trust_bundle(tm_buf_str(&r.body), r.body.len, out, e);
        if (rc == 0)
            tell_chains(a, &r, out);
        return ended(&r, rc, e);
    }
    answer_free(&r);
    got = got == 0 ? ask_one(a, a->url, "/api/v1/rootCert", "", NULL, &r, e) : -1;
    if (got == 1) {
        int rc = tuf_answer_pem(tm_buf_str(&r.body), r.body.len, out, e);
        if (rc == 0)
            tell_chains(a, &r, out);
        return ended(&r, rc, e);
    }
    return got == 0 ? tm_err_set(e,
                                 "'%.200s' is no certificate authority that clients know: it has "
                                 "neither /api/v2/trustBundle nor /api/v1/rootCert",
                                 a->url)
                    : -1;
}

static int ask_ca_issuers(struct ask *a, struct tm_err *e)
{
    struct answer r;
    size_t count = 0;
    int got = ask_one(a, a->signing_url, "/api/v2/configuration", "", NULL, &r, e);
    int rc = got < 0 ? -1 : 0;
    if (got == 1 && (rc = tuf_answer_issuers(tm_buf_str(&r.body), r.body.len, &count, e)) == 0)
        ask_found(a, &r, "tokens of %zu issuers are taken", count);
    if (got == 0)
        ask_note(a,
                 "'%.200s' has no /api/v2/configuration: tenmint sign cannot ask which claim to "
                 "sign",
                 a->signing_url);
    else if (rc == 0 && count == 0)
        ask_note(a, "'%.200s' takes tokens of no issuer yet", a->signing_url);
    return ended(&r, got == 1 ? rc : got, got == 1 ? e : NULL);
}

int ask_ca(struct ask *a, struct tm_err *e)
{
    struct tuf_chains named = {0};
    bool next;
    int rc = ask_ca_chains(a, &named, e);
    if (rc == 0)
        rc = settle_chain(a, TRUST_CA, &named, &next, e);
    if (rc == 0 && a->for_signers)
        rc = ask_ca_issuers(a, e);
    if (a->version == 0)
        a->version = 1;
    tuf_chains_free(&named);
    return rc;
}

/* ---- timestamp authority ---- */

static int ask_tsa_chain(struct ask *a, const char *url, struct tuf_chains *out, struct tm_err *e)
{
    struct answer r;
    int got = ask_one(a, url, "/certchain", "", NULL, &r, e);
    if (got != 1) {
        answer_free(&r);
        return got;
    }
    int rc = tuf_answer_pem(tm_buf_str(&r.body), r.body.len, out, e);
    if (rc == 0)
        tell_chains(a, &r, out);
    return ended(&r, rc, e);
}

/* Whether what was granted is by the chain, or by one that is trusted while this one waits. */
static int judge_timestamp(const struct ask *a, const struct answer *r, const void *data,
                           size_t len, bool next, struct tm_err *e)
{
    const struct tuf_trust_entry *by = NULL;
    char stated[21];
    int64_t time_ms = 0;
    struct tuf_trusted_root *probe = next ? NULL : ask_probe(a, TRUST_TSA, e);
    int rc = next || probe != NULL ? tuf_timestamp_verify(next ? a->known : probe, &r->body, data,
                                                          len, &by, &time_ms, e)
                                   : -1;
    if (rc == 0) {
        tm_clock_format(time_ms / 1000, stated);
        ask_found(a, r, "a timestamp of %s, by the chain%s", stated,
                  next ? " that is trusted already" : "");
        if (llabs(time_ms - a->now_ms) > CLOCKS_MS)
            rc = tm_err_set(e, "it states %s: its clock or this machine's is wrong", stated);
    }
    tuf_trusted_root_free(probe);
    return rc;
}

static int ask_timestamp(struct ask *a, const char *url, bool next, struct tm_err *e)
{
    struct answer r;
    struct tm_buf query = {0};
    unsigned char data[32];
    if (RAND_bytes(data, sizeof(data)) != 1)
        return tm_err_openssl(e, "make a nonce");
    int rc = tuf_timestamp_request(data, sizeof(data), &query, e);
    int got = rc == 0 ? ask_one(a, url, "", "application/timestamp-query", &query, &r, e) : -1;
    tm_buf_free(&query);
    if (got == 1)
        return ended(&r, judge_timestamp(a, &r, data, sizeof(data), next, e), e);
    return got == 0
               ? tm_err_set(e, "'%.200s' gives no timestamps: '%.200s' answers with status %ld",
                            a->url, r.request, r.status)
               : -1;
}

int ask_tsa(struct ask *a, struct tm_err *e)
{
    char url[ASK_URL_MAX];
    struct tuf_chains named = {0};
    bool next = false;
    tuf_signing_config_url(SERVICE_TSA, a->signing_url, url);
    int rc = ask_tsa_chain(a, url, &named, e);
    if (rc == 0)
        rc = settle_chain(a, TRUST_TSA, &named, &next, e);
    if (rc == 0)
        rc = ask_timestamp(a, url, next, e);
    if (a->version == 0)
        a->version = 1;
    tuf_chains_free(&named);
    return rc;
}
