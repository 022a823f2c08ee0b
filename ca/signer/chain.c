#include "ca/signer/chain.h"

#include <openssl/x509v3.h>
#include <stdbool.h>

#include "common/certs.h"

static int check_dates(X509 *cert, int i, int64_t now_s, struct tm_err *e)
{
    time_t now = (time_t)now_s;
    if (X509_cmp_time(X509_get0_notBefore(cert), &now) >= 0)
        return tm_err_set(e, "certificate %d is not valid yet", i + 1);
    if (X509_cmp_time(X509_get0_notAfter(cert), &now) <= 0)
        return tm_err_set(e, "certificate %d has expired: renew the CA certificate", i + 1);
    return 0;
}

static int check_eku(X509 *cert, int i, int count, struct tm_err *e)
{
    uint32_t eku = X509_get_extended_key_usage(cert);
    bool listed = (X509_get_extension_flags(cert) & EXFLAG_XKUSAGE) != 0;
    if (listed && (eku & (XKU_CODE_SIGN | XKU_ANYEKU)) == 0)
        return tm_err_set(e, "certificate %d's extended key usage does not allow code signing",
                          i + 1);
    if (i == 0 && count > 1 && (!listed || (eku & XKU_CODE_SIGN) == 0))
        return tm_err_set(e,
                          "certificate must have extended key usage code signing set to sign code "
                          "signing certificates");
    return 0;
}

static int check_one(X509 *cert, int i, int count, int64_t now_s, struct tm_err *e)
{
    if (tm_certs_check_ca(cert, i, i, e) != 0)
        return -1;
    return check_eku(cert, i, count, e) != 0 ? -1 : check_dates(cert, i, now_s, e);
}

int ca_chain_check(STACK_OF(X509) * chain, const EVP_PKEY *key, int64_t now_s, struct tm_err *e)
{
    int count = sk_X509_num(chain);
    for (int i = 0; i < count; i++) {
        X509 *cert = sk_X509_value(chain, i);
        if (check_one(cert, i, count, now_s, e) != 0)
            return -1;
        bool last = i + 1 == count;
        X509 *issuer = last ? cert : sk_X509_value(chain, i + 1);
        /* The last one may be cut off from its root; a self-issued one must also be self-signed. */
        if (last && (X509_get_extension_flags(cert) & EXFLAG_SI) == 0)
            break;
        if (tm_certs_check_link(cert, issuer, i, e) != 0)
            return -1;
    }
    if (EVP_PKEY_eq(X509_get0_pubkey(sk_X509_value(chain, 0)), key) != 1)
        return tm_err_set(e,
                          "the first certificate is for another key: certificate and private key "
                          "public keys are not equal");
    return 0;
}
