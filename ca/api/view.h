/*
 * What the API answers with until the next reload, made once: the CA in force, its
 * chain in the forms that replies need, and the replies that are the same for all.
 */
#pragma once

#include "common/http/http.h"
#include "ca/signer/signer.h"
#include "oidc/trust/trust.h"

struct ca_api_view {
    struct ca_signer *ca;
    struct tm_buf chain_json; /* ,"-----BEGIN…\n…","…" : follows the leaf in a JSON array */
    char **chain_text;        /* the same blocks, without final line ends */
    size_t chain_count;
    struct tm_buf chain_pem; /* "\n" and a block for each, without a final newline */
    struct tm_http_canned *trust_bundle;
    struct tm_http_canned *root_cert;
    struct tm_http_canned *configuration;
    struct tm_http_canned *trust_bundle_message; /* by gRPC */
    struct tm_http_canned *configuration_message;
};

/* References both. NULL with `e` set. */
struct ca_api_view *ca_api_view_new(struct ca_signer *ca, const struct oidc_trust *trust,
                                    struct tm_err *e);
struct ca_api_view *ca_api_view_ref(struct ca_api_view *v);
void ca_api_view_unref(struct ca_api_view *v); /* NULL is fine */

/* The bodies, for tests: appended to `out`. */
void ca_api_trust_bundle_json(const struct ca_signer_chain *chain, struct tm_buf *out);
void ca_api_root_cert_pem(const struct ca_signer_chain *chain, struct tm_buf *out);
int ca_api_configuration_json(const struct oidc_trust *trust, struct tm_buf *out, struct tm_err *e);
