/* PEM certificates: what is read is between one and CERTS_MAX of them, each of which can be judged
 * as a CA, and as its neighbour's issuer. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/certs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_err e = {0};
    STACK_OF(X509) *certs = tm_certs_parse(data, size, &e);
    int n = sk_X509_num(certs);
    if (certs == NULL ? e.text[0] == '\0' : n < 1 || n > CERTS_MAX)
        abort();
    for (int i = 0; i < n; i++) {
        X509 *issuer = sk_X509_value(certs, i + 1 < n ? i + 1 : i);
        e.text[0] = '\0';
        if (tm_certs_check_ca(sk_X509_value(certs, i), i, i, &e) != 0 && e.text[0] == '\0')
            abort();
        e.text[0] = '\0';
        if (tm_certs_check_link(sk_X509_value(certs, i), issuer, i, &e) != 0 && e.text[0] == '\0')
            abort();
    }
    sk_X509_pop_free(certs, X509_free);
    return 0;
}
