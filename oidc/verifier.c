#include "oidc/verifier.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/gate.h"
#include "oidc/keys/keystore.h"
#include "oidc/token/claim.h"
#include "oidc/token/claims.h"
#include "oidc/keys/signature.h"
#include "oidc/token/token.h"
#include "oidc/trust/rules.h"

#define KEYS_TRIED_MAX 16 /* a token without kid is tried against few keys, not sixty-four */

struct oidc_verifier {
    struct oidc_options options;
    struct oidc_keystore *keys;
    struct tm_gate gate;
    struct oidc_trust *_Atomic trust;
    _Atomic int64_t end_s; /* of all trust; 0: none */
};

struct oidc_verifier *oidc_verifier_new(struct oidc_trust *trust, const struct oidc_options *o,
                                        struct tm_jlog *log, struct tm_err *e)
{
    struct oidc_verifier *v = calloc(1, sizeof(*v));
    if (v == NULL)
        return tm_err_null(e, "out of memory");
    v->options = *o;
    v->options.ca_file = NULL; /* the keystore has what it needs; the strings are the caller's */
    v->options.kubernetes_ca_file = NULL;
    v->options.kubernetes_token_file = NULL;
    v->keys = oidc_keystore_new(o, log, e);
    if (v->keys == NULL) {
        free(v);
        return NULL;
    }
    v->trust = oidc_trust_ref(trust);
    oidc_keystore_set_trust(v->keys, trust);
    return v;
}

void oidc_verifier_free(struct oidc_verifier *v)
{
    if (v == NULL)
        return;
    oidc_keystore_free(v->keys);
    oidc_trust_unref(v->trust);
    free(v);
}

void oidc_verifier_set_trust(struct oidc_verifier *v, struct oidc_trust *trust)
{
    oidc_keystore_set_trust(v->keys, trust);
    struct oidc_trust *old = atomic_exchange(&v->trust, oidc_trust_ref(trust));
    tm_gate_wait(&v->gate);
    oidc_trust_unref(old);
}

void oidc_verifier_set_end(struct oidc_verifier *v, int64_t until_s)
{
    atomic_store(&v->end_s, until_s);
}

struct oidc_trust *oidc_verifier_trust(struct oidc_verifier *v)
{
    unsigned at = tm_gate_enter(&v->gate);
    struct oidc_trust *trust = oidc_trust_ref(atomic_load(&v->trust));
    tm_gate_leave(&v->gate, at);
    return trust;
}

enum tried { TRIED_OK, TRIED_NO_KEY, TRIED_BAD };

static enum tried try_keys(const struct oidc_verifier *v, const struct oidc_token *t,
                           const struct oidc_jwks *keys)
{
    size_t at = 0;
    size_t tried = 0;
    const struct oidc_jwk *key;
    while (keys != NULL && tried < KEYS_TRIED_MAX &&
           (key = oidc_jwks_next(keys, t->kid, t->alg, &at)) != NULL) {
        if (oidc_signature_verify(v->options.engine, t, key))
            return TRIED_OK;
        tried++;
    }
    bool known = keys != NULL && t->kid != NULL && oidc_jwks_has_kid(keys, t->kid);
    return tried > 0 || known ? TRIED_BAD : TRIED_NO_KEY;
}

static enum oidc_status refuse_keys(struct oidc_result *out, int64_t retry_after_s,
                                    struct tm_err *e, const char *why)
{
    out->reason = OIDC_REASON_KEYS;
    out->retry_after_s = retry_after_s;
    tm_err_set(e, "%s", why);
    return OIDC_REFUSED;
}

/* The key id tells a rotation gone wrong from a made-up token. */
static void say_no_key(const struct oidc_token *t, enum tried tried, unsigned held,
                       struct oidc_issuer_keys *p, struct tm_err *e)
{
    char kid[80];
    struct tm_err why = {0};
    snprintf(kid, sizeof(kid), t->kid != NULL ? "of key '%.64s'" : "without a key id",
             t->kid != NULL ? t->kid : "");
    const char *alg = oidc_alg_table[t->alg].name;
    oidc_issuer_keys_why(p, &why);
    const char *comma = why.text[0] != '\0' ? "; " : "";
    if (tried == TRIED_BAD)
        tm_err_set(e, "the signature (%s, %s) does not verify", kid, alg);
    else if (held == 0)
        tm_err_set(e, "the issuer's keys cannot be had (token %s, %s%s%.300s)", kid, alg, comma,
                   why.text);
    else
        tm_err_set(e,
                   "none of the %u keys that the issuer publishes fits the token (%s, %s%s%.300s)",
                   held, kid, alg, comma, why.text);
}

/* Only a key we do not have is worth a fetch; a wrong signature by a known kid is not. */
static enum oidc_status check_signature(struct oidc_verifier *v, const struct oidc_token *t,
                                        struct oidc_issuer_keys *p,
                                        const struct oidc_waiter *waiter, struct oidc_result *out,
                                        struct tm_err *e)
{
    for (int round = 0; round < 3; round++) {
        struct oidc_jwks *keys = oidc_issuer_keys_get(p);
        enum tried tried = try_keys(v, t, keys);
        enum oidc_issuer_keys_answer more = ISSUER_KEYS_NONE;
        if (tried == TRIED_NO_KEY || (tried == TRIED_BAD && t->kid == NULL))
            more = oidc_issuer_keys_want(p, keys, waiter, &out->retry_after_s);
        unsigned held = keys != NULL ? oidc_jwks_count(keys) : 0;
        oidc_jwks_unref(keys);
        if (tried == TRIED_OK)
            return OIDC_OK;
        if (more == ISSUER_KEYS_WAIT)
            return OIDC_WAIT;
        if (more == ISSUER_KEYS_CHANGED)
            continue;
        out->reason = tried == TRIED_NO_KEY ? OIDC_REASON_KEYS : OIDC_REASON_SIGNATURE;
        say_no_key(t, tried, held, p, e);
        return OIDC_REFUSED;
    }
    return refuse_keys(out, 1, e, "the issuer's keys keep changing");
}

/* Names it for whoever wonders why a job is refused; a slash too many is the usual reason. */
static void say_untrusted(const struct oidc_trust *trust, const char *iss, struct tm_err *e)
{
    size_t len = strlen(iss);
    bool slash = iss[len - 1] == '/'; /* an iss is not empty */
    struct tm_buf other = {0};
    tm_buf_append(&other, iss, slash ? len - 1 : len);
    tm_buf_puts(&other, slash ? "" : "/");
    bool near =
        !buf_failed(&other) && oidc_trust_find(trust, (const char *)other.data, other.len) != NULL;
    tm_buf_free(&other);
    tm_err_set(e, "the token's issuer '%.200s' is not trusted%s", iss,
               !near   ? ""
               : slash ? " (the issuer list has it without the slash at its end)"
                       : " (the issuer list has it with a slash at its end)");
}

static int check_term(const struct oidc_issuer *issuer, int64_t now_s, enum oidc_reason *reason,
                      struct tm_err *e)
{
    char when[21];
    switch (oidc_issuer_state(issuer, now_s)) {
    case ISSUER_IN_FORCE:
        break;
    case ISSUER_DISABLED:
        *reason = OIDC_REASON_DISABLED;
        return tm_err_set(e, "the token's issuer '%.200s' is disabled", issuer->url);
    case ISSUER_NOT_YET:
        *reason = OIDC_REASON_TERM;
        tm_clock_format(issuer->not_before_s, when);
        return tm_err_set(e, "the token's issuer '%.200s' is trusted from %s on", issuer->url,
                          when);
    case ISSUER_OVER:
        *reason = OIDC_REASON_TERM;
        tm_clock_format(issuer->not_after_s, when);
        return tm_err_set(e, "the token's issuer '%.200s' was trusted until %s", issuer->url, when);
    }
    return 0;
}

static int name_use(const struct oidc_verifier *v, const struct oidc_token *t,
                    struct oidc_token_use *use, struct tm_err *e)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    double exp = 0;
    double iat = 0;
    struct tm_buf name = {0};
    const char *jti = json_string_value(oidc_claim_find(t->claims, "jti"));
    if (jti != NULL && jti[0] != '\0') { /* lengths are told by the NUL, which no claim has here */
        tm_buf_append(&name, t->iss, strlen(t->iss) + 1);
        tm_buf_puts(&name, jti);
    } else { /* a signature may have several forms */
        tm_buf_append(&name, t->text, t->signed_len);
    }
    int rc = oidc_claim_time(t->claims, "exp", &exp, e) == 1 && !buf_failed(&name) &&
                     EVP_Digest(name.data, name.len, digest, NULL, EVP_sha256(), NULL) == 1
                 ? 0
                 : tm_err_set(e, "the token cannot be told from others");
    memcpy(use->id, digest, rc == 0 ? sizeof(use->id) : 0);
    if (oidc_claim_time(t->claims, "iat", &iat, NULL) == 1)
        use->from_s = (int64_t)iat - v->options.skew_s;
    use->until_s = (int64_t)exp + v->options.skew_s + 1;
    tm_buf_free(&name);
    return rc;
}

/* What a believed token says, against the issuer's entry: from here to the principal. */
static int judge_claims(const struct oidc_verifier *v, const struct oidc_issuer *issuer,
                        const struct oidc_token *t, int64_t now_s, struct oidc_result *out,
                        struct tm_err *e)
{
    const json_t *claims = t->claims;
    if (oidc_claims_check(claims, issuer->client_id, &v->options, now_s, &out->reason, e) != 0)
        return -1;
    out->reason = OIDC_REASON_RULES;
    if (!oidc_rules_allow(issuer->allow, claims, e))
        return -1;
    out->reason = OIDC_REASON_CLAIMS;
    if (v->options.single_use && name_use(v, t, &out->use, e) != 0)
        return -1;
    if (oidc_principal_from_claims(issuer, claims, &out->principal, e) != 0)
        return -1;
    out->lifetime_s = issuer->lifetime_s;
    out->reason = issuer->trial ? OIDC_REASON_TRIAL : OIDC_REASON_NONE;
    if (!issuer->trial)
        return 0;
    tm_err_set(e, "the issuer is on trial: without that, '%.300s' would get a certificate",
               out->principal.san);
    oidc_principal_free(&out->principal);
    return -1;
}

static enum oidc_status verify_token(struct oidc_verifier *v, const struct oidc_trust *trust,
                                     const struct oidc_token *t, int64_t now_s,
                                     const struct oidc_waiter *waiter, struct oidc_result *out,
                                     struct tm_err *e)
{
    const struct oidc_issuer *issuer = oidc_trust_find(trust, t->iss, strlen(t->iss));
    if (issuer == NULL) {
        out->reason = OIDC_REASON_ISSUER;
        say_untrusted(trust, t->iss, e);
        return OIDC_REFUSED;
    }
    snprintf(out->issuer, sizeof(out->issuer), "%s", t->iss);
    snprintf(out->entry, sizeof(out->entry), "%s", issuer->url);
    if (check_term(issuer, now_s, &out->reason, e) != 0)
        return OIDC_REFUSED;
    struct oidc_issuer_keys *p = oidc_keystore_issuer(v->keys, t->iss);
    if (p == NULL)
        return refuse_keys(out, 1, e,
                           "too many issuers are being looked up, or this one was just removed");
    enum oidc_status status = check_signature(v, t, p, waiter, out, e);
    oidc_issuer_keys_unref(p);
    if (status != OIDC_OK)
        return status;
    const char *sub = oidc_claim_required(t->claims, "sub", NULL);
    snprintf(out->subject, sizeof(out->subject), "%s", sub != NULL ? sub : "");
    return judge_claims(v, issuer, t, now_s, out, e) == 0 ? OIDC_OK : OIDC_REFUSED;
}

enum oidc_status oidc_verify(struct oidc_verifier *v, const char *token, size_t len, int64_t now_s,
                             const struct oidc_waiter *waiter, struct oidc_result *out,
                             struct tm_err *e)
{
    *out = (struct oidc_result){0};
    if (len == 0) {
        out->reason = OIDC_REASON_MISSING;
        tm_err_set(e, "no token was given");
        return OIDC_REFUSED;
    }
    int64_t end_s = atomic_load_explicit(&v->end_s, memory_order_relaxed);
    if (end_s != 0 && now_s >= end_s) {
        out->reason = OIDC_REASON_OUTDATED;
        tm_err_set(e, "the approved issuer list has expired and could not be renewed");
        return OIDC_REFUSED;
    }
    struct oidc_token t;
    if (oidc_token_parse(token, len, &t, &out->reason, e) != 0)
        return OIDC_REFUSED;
    struct oidc_trust *trust = oidc_verifier_trust(v);
    enum oidc_status status = verify_token(v, trust, &t, now_s, waiter, out, e);
    oidc_trust_unref(trust);
    oidc_token_free(&t);
    return status;
}

void oidc_verifier_stats(struct oidc_verifier *v,
                         void (*fn)(void *arg, const struct oidc_issuer_stats *s), void *arg)
{
    oidc_keystore_stats(v->keys, fn, arg);
}
