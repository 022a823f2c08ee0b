/* The API without HTTP: request bodies by proto-JSON's rules, refusals, canned replies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/api/fault.h"
#include "ca/api/metrics.h"
#include "ca/api/request.h"
#include "ca/api/view.h"
#include "common/json/jsonstr.h"

static int v2(const char *text, struct ca_api_request *r, struct tm_err *e)
{
    return ca_api_request_parse_v2(text, strlen(text), r, e);
}

static int v1(const char *text, struct ca_api_request *r, struct tm_err *e)
{
    return ca_api_request_parse_v1(text, strlen(text), r, e);
}

static void is(const struct tm_buf *b, const char *want)
{
    assert_int_equal(b->len, strlen(want));
    assert_memory_equal(b->data, want, b->len);
}

static void v2_takes_each_form_of_request(void **state)
{
    (void)state;
    static const char *const same[] = {
        "{\"credentials\":{\"oidcIdentityToken\":\"tok\"},\"publicKeyRequest\":{\"publicKey\":"
        "{\"algorithm\":\"ECDSA\",\"content\":\"PEM\"},\"proofOfPossession\":\"+/8=\"}}",
        "{\"credentials\":{\"oidc_identity_token\":\"tok\"},\"public_key_request\":{\"public_key\":"
        "{\"algorithm\":2,\"content\":\"PEM\"},\"proof_of_possession\":\"-_8\"}}",
        " {\"unknown\":[1,{\"a\":null}],\"certificateSigningRequest\":null,\"credentials\":"
        "{\"oidcIdentityToken\":\"tok\",\"x\":1},\"publicKeyRequest\":{\"publicKey\":{"
        "\"algorithm\":"
        "\"FUTURE\",\"content\":\"PEM\"},\"proofOfPossession\":\"-_8=\"}} trailing words",
        "{\"credentials\":{\"oidcIdentityToken\":\"tok\"},\"publicKeyRequest\":{\"publicKey\":"
        "{\"algorithm\":null,\"content\":\"PEM\"},\"proofOfPossession\":\"+/\\r\\n8=\\n\"}}",
    };
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        struct ca_api_request r;
        struct tm_err e = {0};
        if (v2(same[i], &r, &e) != 0)
            fail_msg("case %zu: %s", i, e.text);
        assert_int_equal(r.token_len, 3);
        assert_string_equal(r.token, "tok");
        assert_true(r.has_key);
        assert_false(r.has_csr);
        is(&r.key, "PEM");
        is(&r.proof, "\xfb\xff");
        ca_api_request_free(&r);
    }
}

static void v2_refuses_what_is_empty(void **state)
{
    (void)state;
    static const char *const empty[] = {
        "",
        " \r\n\t",
        "{}",
        "{\"credentials\":null,\"publicKeyRequest\":null}",
        "{\"credentials\":{},\"publicKeyRequest\":{}}",
        "{\"credentials\":{\"oidcIdentityToken\":\"\"},\"certificateSigningRequest\":\"\"}",
        "{\"publicKeyRequest\":{\"publicKey\":null,\"proofOfPossession\":null}}",
    };
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
        struct ca_api_request r;
        struct tm_err e = {0};
        if (v2(empty[i], &r, &e) != 0)
            fail_msg("case %zu: %s", i, e.text);
        assert_null(r.token);
        assert_false(r.has_csr);
        assert_int_equal(r.key.len, 0);
        ca_api_request_free(&r);
    }
    struct ca_api_request r;
    struct tm_err e = {0};
    assert_int_equal(v2("{\"certificateSigningRequest\":\"UEVN\"}", &r, &e), 0);
    assert_true(r.has_csr);
    is(&r.csr, "PEM");
    ca_api_request_free(&r);
}

static void v2_refuses_with_the_contracts_messages(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"{", "JSON line"},
        {"[]", "not a JSON object"},
        {"null", "not a JSON object"},
        {"\"x\"", "not a JSON object"},
        {"nonsense", "JSON line"},
        {"{\"credentials\":{},\"credentials\":{}}", "duplicate"},
        {"{\"publicKeyRequest\":{},\"public_key_request\":{}}", "is given twice"},
        {"{\"publicKeyRequest\":null,\"public_key_request\":{}}", "is given twice"},
        {"{\"publicKeyRequest\":{},\"certificateSigningRequest\":\"\"}", "oneof"},
        {"{\"credentials\":\"x\"}", "'credentials' is not an object"},
        {"{\"credentials\":{\"oidcIdentityToken\":5}}",
         "credentials: 'oidcIdentityToken' is not a string"},
        {"{\"credentials\":{\"oidcIdentityToken\":\"a\",\"oidc_identity_token\":\"b\"}}",
         "is given twice"},
        {"{\"publicKeyRequest\":[]}", "'publicKeyRequest' is not an object"},
        {"{\"publicKeyRequest\":{\"publicKey\":\"PEM\"}}",
         "publicKeyRequest: 'publicKey' is not an object"},
        {"{\"publicKeyRequest\":{\"publicKey\":{\"content\":{}}}}",
         "publicKeyRequest.publicKey: 'content' is not a string"},
        {"{\"publicKeyRequest\":{\"publicKey\":{\"algorithm\":true}}}",
         "'algorithm' is not an enum"},
        {"{\"publicKeyRequest\":{\"publicKey\":{\"algorithm\":1.5}}}",
         "'algorithm' is not an enum"},
        {"{\"publicKeyRequest\":{\"proofOfPossession\":\"?\"}}", "not base64"},
        {"{\"publicKeyRequest\":{\"proofOfPossession\":\"a b=\"}}", "not base64"},
        {"{\"publicKeyRequest\":{\"proofOfPossession\":[1]}}", "not a string"},
        {"{\"certificateSigningRequest\":\"====\"}", "not base64"},
        {"{\"credentials\":{\"oidcIdentityToken\":\"a\\u0000b\"}}", "NUL"},
        {"{\"credentials\":{\"oidcIdentityToken\":\"\xff\"}}", "UTF-8"},
        {"{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
         "}",
         "nested deeper"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ca_api_request r;
        struct tm_err e = {0};
        assert_int_equal(v2(bad[i].text, &r, &e), -1);
        if (strstr(e.text, bad[i].says) == NULL)
            fail_msg("case %zu: '%s' does not say '%s'", i, e.text, bad[i].says);
        ca_api_request_free(&r);
    }
    struct ca_api_request r;
    struct tm_err e = {0};
    static const char nul[] = "{\0}";
    assert_int_equal(ca_api_request_parse_v2(nul, sizeof(nul) - 1, &r, &e), -1);
    ca_api_request_free(&r);
}

static void v1_takes_a_bearer_token_and_answers_pem(void **state)
{
    (void)state;
    struct ca_api_request r;
    struct tm_err e = {0};
    assert_int_equal(v1("{\"publicKey\":{\"content\":\"UEVN\",\"algorithm\":\"x\"},"
                        "\"signedEmailAddress\":\"AQI\"}",
                        &r, &e),
                     0);
    assert_true(r.has_key);
    is(&r.key, "PEM");
    is(&r.proof, "\x01\x02");
    ca_api_request_free(&r);
    assert_int_equal(v1("{\"public_key\":{\"content\":\"UEVN\"},\"signed_email_address\":\"AQI\","
                        "\"certificate_signing_request\":\"UEVN\"}",
                        &r, &e),
                     0);
    assert_true(r.has_csr); /* not a oneof here: the request wins */
    ca_api_request_free(&r);
    assert_int_equal(v1("{}", &r, &e), 0);
    assert_false(r.has_key || r.has_csr);
    ca_api_request_free(&r);
    static const char *const bad[] = {"{\"publicKey\":\"x\"}",
                                      "{\"publicKey\":{\"content\":\"!\"}}",
                                      "{\"publicKey\":{\"algorithm\":1}}",
                                      "{\"signedEmailAddress\":1}",
                                      "[",
                                      "7"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(v1(bad[i], &r, &e), -1);
        ca_api_request_free(&r);
    }
}

static void only_a_bearer_token_is_taken_from_the_header(void **state)
{
    (void)state;
    assert_null(ca_api_bearer(NULL));
    assert_string_equal(ca_api_bearer("Bearer a.b.c"), "a.b.c");
    assert_string_equal(ca_api_bearer("a.b.c"), "a.b.c");
    assert_string_equal(ca_api_bearer("bearer a.b.c"), "a.b.c"); /* RFC 9110 §11.1 */
    assert_string_equal(ca_api_bearer("Bearer  \ta.b.c"), "a.b.c");
    assert_string_equal(ca_api_bearer("Bearera.b.c"), "Bearera.b.c");
    assert_string_equal(ca_api_bearer("Bearer"), "Bearer");
    assert_string_equal(ca_api_bearer("Basic a.b.c"), "Basic a.b.c");
    assert_string_equal(ca_api_bearer("Bearer "), "");
}

static void each_fault_has_a_status_and_a_message(void **state)
{
    (void)state;
    static const struct {
        enum ca_api_fault fault;
        unsigned status;
        const char *body;
    } rows[] = {
        {API_FAULT_NOT_FOUND, 404, "{\"code\":5,\"message\":\"Not Found\",\"details\":[]}"},
        {API_FAULT_METHOD, 501, "{\"code\":12,\"message\":\"Method Not Allowed\",\"details\":[]}"},
        {API_FAULT_TOO_LARGE, 400,
         "{\"code\":3,\"message\":\"http: request body too large\",\"details\":[]}"},
        {API_FAULT_TOKEN, 400,
         "{\"code\":3,\"message\":\"There was an error processing the identity token\","
         "\"details\":[]}"},
        {API_FAULT_CSR, 400,
         "{\"code\":3,\"message\":\"The certificate signing request could not be parsed\","
         "\"details\":[]}"},
        {API_FAULT_KEY, 400,
         "{\"code\":3,\"message\":\"The public key supplied in the request could not be parsed\","
         "\"details\":[]}"},
        {API_FAULT_WEAK_KEY, 400,
         "{\"code\":3,\"message\":\"The public key supplied in the request is insecure\","
         "\"details\":[]}"},
        {API_FAULT_PROOF, 400,
         "{\"code\":3,\"message\":\"The signature supplied in the request could not be verified\","
         "\"details\":[]}"},
        {API_FAULT_CA, 503,
         "{\"code\":14,\"message\":\"error communicating with CA backend\",\"details\":[]}"},
        {API_FAULT_LOG, 503,
         "{\"code\":14,\"message\":\"Error entering certificate in CTL\",\"details\":[]}"},
        {API_FAULT_REQUEST, 400, "{\"code\":3,\"message\":\"say \\\"it\\\"\\n\",\"details\":[]}"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ca_api_failure f = {.fault = rows[i].fault, .detail = {.text = "say \"it\"\n"}};
        struct tm_buf b = {0};
        ca_api_failure_json(&f, &b);
        assert_int_equal(ca_api_fault_status(f.fault), rows[i].status);
        assert_string_equal(tm_buf_str(&b), rows[i].body);
        tm_buf_free(&b);
    }
    /* Every reason has a name of its own. */
    for (unsigned i = 1; i < API_REASON_COUNT; i++) {
        const char *name = ca_api_reason_name(i);
        if (i == API_FAULT_COUNT + OIDC_REASON_NONE || i == API_FAULT_ISSUER_KEYS ||
            i == API_FAULT_TRUST) {
            assert_null(name); /* the token's own reason names it: keys, list_expired */
            continue;
        }
        assert_non_null(name);
        for (unsigned j = 1; j < i; j++) {
            if (ca_api_reason_name(j) != NULL)
                assert_string_not_equal(name, ca_api_reason_name(j));
        }
    }
    assert_false(ca_api_fault_is_server(API_FAULT_METHOD));
    assert_true(ca_api_fault_is_server(API_FAULT_ISSUER_KEYS));
}

static void text_is_escaped_in_json(void **state)
{
    (void)state;
    struct tm_buf b = {0};
    static const char text[] = "a\"b\\c\n\t\x01\x7f\xc3\xa9";
    tm_jsonstr_put(&b, text, sizeof(text) - 1);
    assert_string_equal(tm_buf_str(&b), "\"a\\\"b\\\\c\\n\\u0009\\u0001\\u007f\xc3\xa9\"");
    tm_buf_reset(&b);
    tm_jsonstr_put(&b,
                   "\xff"
                   "a\xed\xa0\x80\xe2\x82",
                   7); /* a bad byte, a surrogate, a cut character */
    assert_string_equal(tm_buf_str(&b), "\"\\ufffda\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\"");
    tm_buf_reset(&b);
    /* CSI as one character, a line separator, right-to-left override; an accent stays. */
    static const char tricks[] =
        "\xc2\x9b"
        "31m\xe2\x80\xa8\xe2\x80\xae\xc2\xa0\xe2\x82\xac\xf3\xa0\x80\x81\xf0\x9f\x9a\x80";
    tm_jsonstr_put(&b, tricks, sizeof(tricks) - 1);
    assert_string_equal(
        tm_buf_str(&b),
        "\"\\u009b31m\\u2028\\u202e\xc2\xa0\xe2\x82\xac\\udb40\\udc01\xf0\x9f\x9a\x80\"");
    tm_buf_free(&b);
}

static void the_view_shows_chains_and_issuers(void **state)
{
    (void)state;
    static const char trust_text[] =
        "oidc-issuers:\n"
        "  https://a.example.com:\n"
        "    issuer-url: https://a.example.com\n    client-id: sigstore\n    type: email\n"
        "meta-issuers:\n"
        "  https://*.b.example.com:\n    client-id: other\n    type: kubernetes\n";
    struct ca_signer_options so = {.backend = "ephemeral"};
    struct tm_err e = {0};
    struct oidc_trust *trust = NULL;
    struct tm_buf b = {0};
    if (oidc_trust_parse("t", trust_text, sizeof(trust_text) - 1, &trust, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(ca_api_configuration_json(trust, &b, &e), 0);
    assert_string_equal(
        tm_buf_str(&b),
        "{\"issuers\":[{\"issuerUrl\":\"https://a.example.com\",\"audience\":\"sigstore\","
        "\"challengeClaim\":\"email\",\"spiffeTrustDomain\":\"\",\"issuerType\":\"email\","
        "\"subjectDomain\":\"\",\"skipEmailVerification\":false},"
        "{\"wildcardIssuerUrl\":\"https://*.b.example.com\",\"audience\":\"other\","
        "\"challengeClaim\":\"sub\",\"spiffeTrustDomain\":\"\",\"issuerType\":\"kubernetes\","
        "\"subjectDomain\":\"\",\"skipEmailVerification\":false}]}");
    struct ca_signer *ca = ca_signer_open(&so, 1700000000, &e);
    assert_non_null(ca);
    const struct ca_signer_chain *chain = ca_signer_chain(ca);
    tm_buf_reset(&b);
    ca_api_trust_bundle_json(chain, &b);
    json_t *j = json_loads(tm_buf_str(&b), 0, NULL);
    assert_non_null(j);
    json_t *certs =
        json_object_get(json_array_get(json_object_get(j, "chains"), 0), "certificates");
    assert_int_equal(json_array_size(certs), chain->count);
    assert_string_equal(json_string_value(json_array_get(certs, 0)), chain->pem[0]);
    json_decref(j);
    tm_buf_reset(&b);
    ca_api_root_cert_pem(chain, &b);
    assert_int_not_equal(b.data[b.len - 1], '\n');
    assert_true(chain->count == 1 || strstr(tm_buf_str(&b), "-----\n\n-----BEGIN") != NULL);
    struct ca_api_view *view = ca_api_view_new(ca, trust, &e);
    assert_non_null(view);
    ca_api_view_unref(ca_api_view_ref(view));
    ca_api_view_unref(view);
    ca_signer_unref(ca);
    oidc_trust_unref(trust);
    tm_buf_free(&b);
}

static void metrics_count_what_happened(void **state)
{
    (void)state;
    struct ca_metrics *m = ca_metrics_new();
    struct tm_http_route post = {"/x", HTTP_POST, NULL};
    struct ca_api_failure f = {.fault = API_FAULT_TOKEN, .reason = OIDC_REASON_EXPIRED};
    struct tm_http_event ev = {HTTP_POST, &post, 200, 1500, false};
    struct ca_metrics_scene scene = {.ca_not_after = 1234567890, .version = "v\"1"};
    struct tm_buf b = {0};
    ca_metrics_issued(m);
    ca_metrics_refused(m, ca_api_reason_index(&f));
    ca_metrics_refused(m, API_REASON_COUNT); /* ignored */
    ca_metrics_http(m, &ev);
    ev.status = 299; /* not in the table */
    ev.duration_us = 20000000;
    ca_metrics_http(m, &ev);
    static const unsigned other[] = {0, 304, 403, 405}; /* a log's and a tree's files have these */
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
        ca_metrics_http(m, &(struct tm_http_event){HTTP_GET, NULL, other[i], 10, false});
    for (int i = API_FAULT_NONE; i < API_FAULT_COUNT; i++)
        ca_metrics_http(m, &(struct tm_http_event){HTTP_PUT, NULL,
                                                   ca_api_fault_status((enum ca_api_fault)i), 10,
                                                   false});
    ca_metrics_render(m, &scene, &b);
    assert_null(strstr(tm_buf_str(&b), "code=\"none\",method=\"put\""));
    static const char *const lines[] = {
        "\ntenmint_certificates_issued_total 1\n",
        "\nfulcio_new_certs 1\n",
        "\ntenmint_requests_refused_total{reason=\"expired\"} 1\n",
        "\ntenmint_requests_refused_total{reason=\"proof\"} 0\n",
        "\nhttp_requests_total{code=\"200\",method=\"post\"} 1\n",
        "\nhttp_requests_total{code=\"304\",method=\"get\"} 1\n",
        "\nhttp_requests_total{code=\"none\",method=\"get\"} 1\n",
        "_bucket{le=\"0.001\"} 0\n",
        "_bucket{le=\"0.0025\"} 1\n",
        "_bucket{le=\"10\"} 1\n",
        "_bucket{le=\"+Inf\"} 2\n",
        "_seconds_sum 20.001500\n",
        "_seconds_count 2\n",
        "\ntenmint_ca_certificate_expiry_seconds 1234567890\n",
        "tenmint_build_info{version=\"v\\\"1\"} 1\n",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (strstr(tm_buf_str(&b), lines[i]) == NULL)
            fail_msg("no line '%s' in:\n%s", lines[i], tm_buf_str(&b));
    }
    tm_buf_free(&b);
    ca_metrics_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v2_takes_each_form_of_request),
        cmocka_unit_test(v2_refuses_what_is_empty),
        cmocka_unit_test(v2_refuses_with_the_contracts_messages),
        cmocka_unit_test(v1_takes_a_bearer_token_and_answers_pem),
        cmocka_unit_test(only_a_bearer_token_is_taken_from_the_header),
        cmocka_unit_test(each_fault_has_a_status_and_a_message),
        cmocka_unit_test(text_is_escaped_in_json),
        cmocka_unit_test(the_view_shows_chains_and_issuers),
        cmocka_unit_test(metrics_count_what_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
