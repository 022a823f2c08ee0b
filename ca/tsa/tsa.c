#include "ca/tsa/tsa.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "ca/tsa/token.h"
#include "common/certs.h"
#include "common/pem.h"

#define SIGSTORE_POLICY "1.3.6.1.4.1.57264.2"

struct ca_tsa {
    struct ca_tsa_token_maker *maker;
    struct tm_buf chain; /* PEM */
    int64_t not_before;  /* the latest, and … */
    int64_t not_after;   /* … the earliest of the chain, seconds */
    ca_tsa_clock *clock;
    void *clock_ctx;
};

static int seconds_of(const ASN1_TIME *t, int64_t *out)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(t, &tm) != 1)
        return -1;
    *out = timegm(&tm);
    return 0;
}

/* Among several usages a verifier must not take the certificate for one of a timestamp authority.
 */
static int check_usage(X509 *cert, int i, struct tm_err *e)
{
    int critical = -1;
    EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(cert, NID_ext_key_usage, &critical, NULL);
    bool only = sk_ASN1_OBJECT_num(usage) == 1 &&
                OBJ_obj2nid(sk_ASN1_OBJECT_value(usage, 0)) == NID_time_stamp;
    bool named = usage != NULL;
    EXTENDED_KEY_USAGE_free(usage);
    if (i == 0 && (!only || critical != 1))
        return tm_err_set(e, "certificate 1 of the timestamp chain needs the extended key usage "
                             "timeStamping, alone and critical (RFC 3161 §2.3)");
    if (i > 0 && named && !only)
        return tm_err_set(e,
                          "certificate %d of the timestamp chain has an extended key usage "
                          "other than timeStamping",
                          i + 1);
    return 0;
}

static int take_window(struct ca_tsa *t, X509 *cert, int i, struct tm_err *e)
{
    int64_t from;
    int64_t to;
    if (seconds_of(X509_get0_notBefore(cert), &from) != 0 ||
        seconds_of(X509_get0_notAfter(cert), &to) != 0)
        return tm_err_set(e, "certificate %d of the timestamp chain: its dates cannot be read",
                          i + 1);
    if (i == 0 || from > t->not_before)
        t->not_before = from;
    if (i == 0 || to < t->not_after)
        t->not_after = to;
    return 0;
}

static int check_chain(struct ca_tsa *t, const STACK_OF(X509) * chain, int64_t now,
                       struct tm_err *e)
{
    int count = sk_X509_num(chain);
    for (int i = 0; i < count; i++) {
        X509 *cert = sk_X509_value(chain, i);
        if (check_usage(cert, i, e) != 0 || take_window(t, cert, i, e) != 0 ||
            (i > 0 && tm_certs_check_ca(cert, i, i - 1, e) != 0) ||
            (i + 1 < count && tm_certs_check_link(cert, sk_X509_value(chain, i + 1), i, e) != 0))
            return -1;
    }
    if (X509_check_ca(sk_X509_value(chain, 0)) != 0)
        return tm_err_set(e, "certificate 1 of the timestamp chain is a CA's: put the signing "
                             "certificate first");
    if (now > t->not_after)
        return tm_err_set(e, "a certificate of the timestamp chain has ended");
    return 0;
}

static int fill(struct ca_tsa *t, const struct ca_tsa_options *o, const STACK_OF(X509) * chain,
                int64_t now, struct tm_err *e)
{
    if (check_chain(t, chain, now, e) != 0)
        return -1;
    if (X509_check_private_key(sk_X509_value(chain, 0), o->key) != 1) {
        ERR_clear_error();
        return tm_err_set(e, "the timestamp key is not that of the chain's first certificate");
    }
    for (int i = 0; i < sk_X509_num(chain); i++) {
        unsigned char *der = NULL;
        int len = i2d_X509(sk_X509_value(chain, i), &der);
        if (len > 0)
            tm_pem_put("CERTIFICATE", der, (size_t)len, PEM_STYLE_FILE, &t->chain);
        OPENSSL_free(der);
        if (len <= 0 || buf_failed(&t->chain))
            return tm_err_openssl(e, "encode the timestamp chain");
    }
    t->maker =
        ca_tsa_token_maker_new(chain, o->key, o->policy != NULL ? o->policy : SIGSTORE_POLICY, e);
    return t->maker != NULL ? 0 : -1;
}

struct ca_tsa *ca_tsa_new(const struct ca_tsa_options *o, int64_t now, struct tm_err *e)
{
    STACK_OF(X509) *chain = tm_certs_parse(o->chain_pem, o->chain_len, e);
    struct ca_tsa *t = chain != NULL ? calloc(1, sizeof(*t)) : NULL;
    if (chain != NULL && t == NULL)
        tm_err_set(e, "out of memory");
    if (t != NULL) {
        t->clock = o->clock;
        t->clock_ctx = o->clock_ctx;
        if (fill(t, o, chain, now, e) != 0) {
            ca_tsa_free(t);
            t = NULL;
        }
    }
    sk_X509_pop_free(chain, X509_free);
    return t;
}

void ca_tsa_free(struct ca_tsa *t)
{
    if (t == NULL)
        return;
    ca_tsa_token_maker_free(t->maker);
    tm_buf_free(&t->chain);
    free(t);
}

/* The first byte keeps the number positive and its length one and the same. */
static int make_serial(unsigned char serial[TSA_SERIAL], struct tm_err *e)
{
    if (RAND_bytes(serial, TSA_SERIAL) != 1)
        return tm_err_openssl(e, "make a serial number");
    serial[0] = 0x01;
    return 0;
}

static int date(const struct ca_tsa *t, int64_t *now, struct tm_err *e)
{
    if (t->clock(t->clock_ctx, now, e) != 0)
        return -1;
    if (*now < t->not_before || *now > t->not_after)
        return tm_err_set(e, "a certificate of the timestamp chain is not valid now");
    return 0;
}

int ca_tsa_ready(struct ca_tsa *t, struct tm_err *e)
{
    int64_t now;
    return date(t, &now, e);
}

enum ca_tsa_status ca_tsa_answer(struct ca_tsa *t, const struct ca_tsa_request *r,
                                 struct tm_buf *out, struct tm_err *e)
{
    unsigned char serial[TSA_SERIAL];
    int64_t now;
    if (!ca_tsa_policy_fits(t->maker, r)) {
        tm_err_set(e, "the policy asked for is not this authority's");
        return TSA_BAD_REQUEST;
    }
    if (date(t, &now, e) != 0)
        return TSA_NOT_NOW;
    return make_serial(serial, e) == 0 && ca_tsa_token_make(t->maker, r, now, serial, out, e) == 0
               ? TSA_GRANTED
               : TSA_INTERNAL;
}

const struct tm_buf *ca_tsa_chain(const struct ca_tsa *t)
{
    return &t->chain;
}

int64_t ca_tsa_not_after(const struct ca_tsa *t)
{
    return t->not_after;
}
