/* What the files of ca/api share. */
#ifndef TENMINT_CA_API_INTERNAL_H
#define TENMINT_CA_API_INTERNAL_H

#include <stdatomic.h>

#include "ca/api/api.h"
#include "ca/api/issue.h"
#include "ca/api/view.h"
#include "common/gate.h"

struct api {
    struct api_options o;
    struct issue_env env;
    EVP_MD *sha256;
    struct gate gate;
    struct api_view *_Atomic view;
    const struct http_server *_Atomic main;
};

struct api_view *api_view_get(struct api *api); /* a reference */

/* sign.c */
enum http_result api_sign_v2(void *ctx, struct http_exchange *x);
enum http_result api_sign_v1(void *ctx, struct http_exchange *x);

/* sct.c: appends base64 of Fulcio's JSON form of the list's first SCT, for a reply. */
int api_detached_sct(const struct buf *sct_list, struct buf *out, struct err *e);

/* audit.c: one log line and one count each, then the reply */
void api_refuse(struct api *api, struct http_exchange *x, const struct api_failure *f,
                const char *issuer);
void api_audit_issued(struct api *api, struct http_exchange *x, const struct issue_job *job);

#endif
