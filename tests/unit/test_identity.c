/* What a certificate says of its identity: one reading, or none. */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "tests/support/pki.h"
#include "tuf/verify/bundle/identity.h"

#define ISSUER_V2 "1.3.6.1.4.1.57264.1.8"
#define TEXT "DER:0c:03:61:3a:62" /* UTF8String "a:b" */

static int read_issuer(const struct pki_extension *extensions, struct tm_buf *out, struct tm_err *e)
{
    EVP_PKEY *key = pki_key("P-256");
    const struct pki_spec spec = {"leaf", key, NULL, NULL, 1700000000, 1800000000, extensions};
    X509 *cert = pki_cert(&spec);
    int rc = tuf_identity_issuer(cert, out, e);
    X509_free(cert);
    EVP_PKEY_free(key);
    return rc;
}

static void a_value_without_doubt_is_read(void **state)
{
    (void)state;
    static const struct pki_extension one[] = {{ISSUER_V2, TEXT}, {NULL, NULL}};
    struct tm_buf out = {0};
    struct tm_err e = {0};
    assert_true(read_issuer(one, &out, &e) >= 0);
    assert_string_equal(tm_buf_str(&out), "a:b");
    tm_buf_free(&out);
}

static void a_value_that_holds_a_nul_or_is_empty_is_refused(void **state)
{
    (void)state;
    static const char *const values[] = {"DER:0c:03:61:00:62", "DER:0c:01:00", "DER:0c:00",
                                         "DER:0c:03:61:3a:62:00"};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        const struct pki_extension one[] = {{ISSUER_V2, values[i]}, {NULL, NULL}};
        struct tm_buf out = {0};
        struct tm_err e = {0};
        if (read_issuer(one, &out, &e) != -1)
            fail_msg("%s was read", values[i]);
        tm_buf_free(&out);
    }
}

static void an_extension_that_stands_twice_is_refused(void **state)
{
    (void)state;
    static const struct pki_extension twice[] = {
        {ISSUER_V2, TEXT}, {ISSUER_V2, TEXT}, {NULL, NULL}};
    struct tm_buf out = {0};
    struct tm_err e = {0};
    assert_int_equal(read_issuer(twice, &out, &e), -1);
    assert_non_null(strstr(e.text, "twice"));
    tm_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_without_doubt_is_read),
        cmocka_unit_test(a_value_that_holds_a_nul_or_is_empty_is_refused),
        cmocka_unit_test(an_extension_that_stands_twice_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
