#include "ca/cert/cert.h"

#include <string.h>
#include <unistd.h>

#include "ca/cert/extensions.h"
#include "common/der.h"

#define CERT_TYPICAL 2048 /* bytes: one allocation for nearly every certificate */

int cert_spec_init(struct cert_spec *spec, const struct signer *ca, int64_t now_s,
                   int64_t lifetime_s, struct err *e)
{
    const struct signer_chain *chain = signer_chain(ca);
    if (now_s >= chain->not_after)
        return err_set(e, "the issuing CA certificate has expired");
    /* The kernel's generator: OpenSSL's costs ten times as much for so few bytes. */
    if (getentropy(spec->serial, sizeof(spec->serial)) != 0)
        return err_errno(e, "no random serial number");
    spec->serial[0] &= 0x7f;
    spec->not_before = now_s;
    spec->not_after = now_s + lifetime_s;
    if (spec->not_after > chain->not_after)
        spec->not_after = chain->not_after;
    for (size_t i = 0; i < sizeof(spec->serial); i++) {
        if (spec->serial[i] != 0)
            return 0;
    }
    return err_set(e, "the random generator gave only zeros");
}

int cert_tbs(const struct cert_spec *spec, const struct signer *ca, enum cert_form form,
             const struct buf *sct_list, struct buf *tbs, struct err *e)
{
    const struct signer_chain *chain = signer_chain(ca);
    size_t alg_len = 0;
    const unsigned char *alg = signer_algorithm(ca, &alg_len);
    buf_reserve(tbs, CERT_TYPICAL);
    size_t seq = der_open(tbs, DER_SEQUENCE);
    buf_append(tbs, "\xa0\x03\x02\x01\x02", 5); /* version: v3 */
    der_put_unsigned(tbs, spec->serial, sizeof(spec->serial));
    buf_append(tbs, alg, alg_len);
    buf_append(tbs, chain->subject, chain->subject_len);
    size_t validity = der_open(tbs, DER_SEQUENCE);
    der_put_time(tbs, spec->not_before);
    der_put_time(tbs, spec->not_after);
    der_close(tbs, validity);
    buf_append(tbs, "\x30\x00", 2); /* subject: empty, the SAN names it */
    buf_append(tbs, spec->spki, spec->spki_len);
    if (extensions_put(spec, ca, form, sct_list, tbs, e) != 0)
        return -1;
    der_close(tbs, seq);
    return buf_failed(tbs) ? err_set(e, "out of memory") : 0;
}

int cert_sign(const struct buf *tbs, struct signer *ca, struct buf *der, struct err *e)
{
    size_t alg_len = 0;
    const unsigned char *alg = signer_algorithm(ca, &alg_len);
    struct buf sig = {0};
    int rc = signer_sign(ca, tbs->data, tbs->len, &sig, e);
    if (rc == 0) {
        buf_reserve(der, tbs->len + sig.len + 64);
        size_t seq = der_open(der, DER_SEQUENCE);
        buf_append(der, tbs->data, tbs->len);
        buf_append(der, alg, alg_len);
        size_t bits = der_open(der, DER_BIT_STRING);
        buf_putc(der, 0);
        buf_append(der, sig.data, sig.len);
        der_close(der, bits);
        der_close(der, seq);
        if (buf_failed(der))
            rc = err_set(e, "out of memory");
    }
    buf_free(&sig);
    return rc;
}
