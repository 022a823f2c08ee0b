#include "ca/cert/cert.h"

#include <unistd.h>

#include "ca/cert/extensions.h"
#include "common/der.h"

#define CERT_TYPICAL 2048 /* bytes: one allocation for nearly every certificate */

int ca_cert_spec_init(struct ca_cert_spec *spec, const struct ca_signer *ca, int64_t now_s,
                      int64_t lifetime_s, struct tm_err *e)
{
    const struct ca_signer_chain *chain = ca_signer_chain(ca);
    if (now_s >= chain->not_after)
        return tm_err_set(e, "the issuing CA certificate has expired");
    /* The kernel's generator: OpenSSL's costs ten times as much for so few bytes. */
    if (getentropy(spec->serial, sizeof(spec->serial)) != 0)
        return tm_err_errno(e, "no random serial number");
    spec->serial[0] &= 0x7f;
    spec->not_before = now_s;
    spec->not_after = now_s + lifetime_s;
    if (spec->not_after > chain->not_after)
        spec->not_after = chain->not_after;
    for (size_t i = 0; i < sizeof(spec->serial); i++) {
        if (spec->serial[i] != 0)
            return 0;
    }
    return tm_err_set(e, "the random generator gave only zeros");
}

int ca_cert_tbs(const struct ca_cert_spec *spec, const struct ca_signer *ca, enum ca_cert_form form,
                const struct tm_buf *sct_list, struct tm_buf *tbs, struct tm_err *e)
{
    const struct ca_signer_chain *chain = ca_signer_chain(ca);
    size_t alg_len = 0;
    const unsigned char *alg = ca_signer_algorithm(ca, &alg_len);
    tm_buf_reserve(tbs, CERT_TYPICAL);
    size_t seq = tm_der_open(tbs, DER_SEQUENCE);
    tm_buf_append(tbs, "\xa0\x03\x02\x01\x02", 5); /* version: v3 */
    tm_der_put_unsigned(tbs, spec->serial, sizeof(spec->serial));
    tm_buf_append(tbs, alg, alg_len);
    tm_buf_append(tbs, chain->subject, chain->subject_len);
    size_t validity = tm_der_open(tbs, DER_SEQUENCE);
    tm_der_put_time(tbs, spec->not_before);
    tm_der_put_time(tbs, spec->not_after);
    tm_der_close(tbs, validity);
    tm_buf_append(tbs, "\x30\x00", 2); /* subject: empty, the SAN names it */
    tm_buf_append(tbs, spec->spki, spec->spki_len);
    if (ca_extensions_put(spec, ca, form, sct_list, tbs, e) != 0)
        return -1;
    tm_der_close(tbs, seq);
    return buf_failed(tbs) ? tm_err_set(e, "out of memory") : 0;
}

int ca_cert_wrap(const struct tm_buf *tbs, const struct ca_signer *ca, const struct tm_buf *sig,
                 struct tm_buf *der, struct tm_err *e)
{
    size_t alg_len = 0;
    const unsigned char *alg = ca_signer_algorithm(ca, &alg_len);
    tm_buf_reserve(der, tbs->len + sig->len + 64);
    size_t seq = tm_der_open(der, DER_SEQUENCE);
    tm_buf_append(der, tbs->data, tbs->len);
    tm_buf_append(der, alg, alg_len);
    size_t bits = tm_der_open(der, DER_BIT_STRING);
    buf_putc(der, 0);
    tm_buf_append(der, sig->data, sig->len);
    tm_der_close(der, bits);
    tm_der_close(der, seq);
    return buf_failed(der) ? tm_err_set(e, "out of memory") : 0;
}

int ca_cert_sign(const struct tm_buf *tbs, struct ca_signer *ca, struct tm_buf *der,
                 struct tm_err *e)
{
    struct tm_buf sig = {0};
    int rc = ca_signer_sign(ca, tbs->data, tbs->len, &sig, e);
    if (rc == 0)
        rc = ca_cert_wrap(tbs, ca, &sig, der, e);
    tm_buf_free(&sig);
    return rc;
}
