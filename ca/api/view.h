/*
 * What the API answers with until the next reload, made once: the CA in force, its
 * chain in the forms that replies need, and the replies that are the same for all.
 */
#ifndef TENMINT_CA_API_VIEW_H
#define TENMINT_CA_API_VIEW_H

#include "common/http/http.h"
#include "ca/signer/signer.h"
#include "oidc/trust/trust.h"

struct api_view {
    struct signer *ca;
    struct buf chain_json; /* ,"-----BEGIN…\n…","…" : follows the leaf in a JSON array */
    struct buf chain_pem;  /* "\n" and a block for each, without a final newline */
    struct http_canned *trust_bundle;
    struct http_canned *root_cert;
    struct http_canned *configuration;
};

/* References both. NULL with `e` set. */
struct api_view *api_view_new(struct signer *ca, const struct oidc_trust *trust, struct err *e);
struct api_view *api_view_ref(struct api_view *v);
void api_view_unref(struct api_view *v); /* NULL is fine */

/* The bodies, for tests: appended to `out`. */
void api_trust_bundle_json(const struct signer_chain *chain, struct buf *out);
void api_root_cert_pem(const struct signer_chain *chain, struct buf *out);
int api_configuration_json(const struct oidc_trust *trust, struct buf *out, struct err *e);

#endif
