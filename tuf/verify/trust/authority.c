/* The rules for a chain before verifiers are told to trust it. */
#include <openssl/x509v3.h>
#include <time.h>

#include "common/certs.h"
#include "tuf/verify/trust/internal.h"

static int64_t asn1_ms(const ASN1_TIME *t)
{
    struct tm tm;
    return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) * 1000 : 0;
}

static void narrow(X509 *cert, struct tuf_validity *inside)
{
    int64_t start = asn1_ms(X509_get0_notBefore(cert));
    int64_t end = asn1_ms(X509_get0_notAfter(cert));
    if (!inside->has_start || start > inside->start_ms)
        inside->start_ms = start;
    if (!inside->has_end || end < inside->end_ms)
        inside->end_ms = end;
    inside->has_start = true;
    inside->has_end = true;
}

/* RFC 3161 §2.3: one extended key usage, time stamping, critical. */
static int check_tsa_leaf(X509 *cert, struct tm_err *e)
{
    int at = X509_get_ext_by_NID(cert, NID_ext_key_usage, -1);
    if (X509_check_purpose(cert, X509_PURPOSE_TIMESTAMP_SIGN, 0) == 1 && at >= 0)
        return 0;
    return tm_err_set(e,
                      "certificate 1 may not sign timestamps: its one extended key usage must be "
                      "timeStamping, critical, and it must be no CA (order the chain TSA signing "
                      "certificate first, root last)");
}

static int check_code_signing(X509 *cert, int i, struct tm_err *e)
{
    if ((X509_get_extension_flags(cert) & EXFLAG_XKUSAGE) == 0 ||
        (X509_get_extended_key_usage(cert) & (XKU_CODE_SIGN | XKU_ANYEKU)) != 0)
        return 0;
    return tm_err_set(e, "certificate %d's extended key usage does not allow code signing", i + 1);
}

static int check_one(enum tuf_trust_list list, X509 *cert, int i, struct tm_err *e)
{
    if (list == TRUST_TSA)
        return i == 0 ? check_tsa_leaf(cert, e) : tm_certs_check_ca(cert, i, i - 1, e);
    return tm_certs_check_ca(cert, i, i, e) != 0 ? -1 : check_code_signing(cert, i, e);
}

int tuf_authority_check_chain(enum tuf_trust_list list, STACK_OF(X509) * chain,
                              struct tuf_validity *inside, struct tm_err *e)
{
    int count = sk_X509_num(chain);
    *inside = (struct tuf_validity){0};
    for (int i = 0; i < count; i++) {
        X509 *cert = sk_X509_value(chain, i);
        bool last = i + 1 == count;
        if (check_one(list, cert, i, e) != 0)
            return -1;
        narrow(cert, inside);
        /* The anchor may be cut off from its root; a self-issued one is also self-signed. */
        if (last && (X509_get_extension_flags(cert) & EXFLAG_SI) == 0)
            break;
        if (tm_certs_check_link(cert, last ? cert : sk_X509_value(chain, i + 1), i, e) != 0)
            return -1;
    }
    if (list == TRUST_TSA && count == 1)
        return tm_err_set(e, "the chain holds the TSA's signing certificate alone: add its CA");
    if (inside->start_ms > inside->end_ms)
        return tm_err_set(e, "at no time are all certificates of the chain valid");
    return 0;
}
