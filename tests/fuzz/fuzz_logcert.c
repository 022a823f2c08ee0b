/* Certificates of a log: what both OpenSSL and ca_certificate_read can read, they read alike. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "ca/log/monitor/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(X509 *x, const struct ca_certificate *c)
{
    struct ca_cert_text got;
    enum ca_certificate_name_kind kind;
    size_t at = 0;
    bool found = false;
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
    if (serial != NULL && !BN_is_negative(serial) && !BN_is_zero(serial) &&
        (size_t)BN_num_bytes(serial) != c->serial.len)
        abort();
    BN_free(serial);
    while (ca_certificate_next_name(c, &at, &kind, &got) > 0)
        found = found || kind == CERTIFICATE_URI;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        if (sk_GENERAL_NAME_value(names, i)->type == GEN_URI && !found)
            abort();
    }
    GENERAL_NAMES_free(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_sct_entry logged = {SCT_X509, data, size, NULL};
    struct ca_certificate c;
    struct ca_filter f = {.identity = "x", .repository = "y"};
    struct tm_err e;
    const unsigned char *p = data;
    if (ca_certificate_read(&logged, &c, &e) == 0) {
        (void)ca_filter_judge(&f, 1, &c);
        X509 *x = d2i_X509(NULL, &p, (long)size);
        if (x != NULL)
            compare(x, &c);
        X509_free(x);
        ERR_clear_error();
    }
    logged.type = SCT_PRECERT;
    if (ca_certificate_read(&logged, &c, &e) == 0)
        (void)ca_filter_judge(&f, 1, &c);
    return 0;
}
