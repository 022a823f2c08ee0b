/*
 * Issuance as a state machine: token, proof, certificate, log, final certificate.
 * Knows nothing of HTTP. Checks come in Fulcio's order (pkg/server/grpc_server.go).
 */
#pragma once

#include <openssl/evp.h>

#include "ca/api/fault.h"
#include "ca/api/issue_log.h"
#include "ca/api/limits.h"
#include "ca/api/once.h"
#include "ca/api/request.h"
#include "ca/cert/cert.h"
#include "ca/proof/proof.h"
#include "ca/signer/errand.h"
#include "common/request_id.h"

struct ca_freeze;

struct ca_issue_env { /* shared, immutable */
    struct oidc_verifier *verifier;
    const struct ca_proof_policy *policy;
    const struct ca_issue_log *log; /* NULL: no log */
    struct ca_limits *limits;       /* NULL: none */
    const struct ca_once *once;     /* NULL: a token may be used again until it expires */
    bool once_optional;             /* who cannot be told is let in */
    struct tm_offload *signing;     /* where a key that takes its time signs; NULL: here */
    int64_t lifetime_s;
    bool subject_key_id;
    /* Whether a certificate could be recorded, asked of a request that is right before anything is
     * signed: 0, or -1 with `f` set. NULL: it always can. */
    int (*recordable)(const void *ctx, struct ca_api_failure *f);
    const void *recordable_ctx;
    struct ca_freeze *freeze; /* whose certificates are stopped; NULL: nobody's */
};

enum ca_issue_stage {
    ISSUE_TOKEN,
    ISSUE_PROOF,
    ISSUE_ADMIT, /* the token's one use, and limits */
    ISSUE_LOG,
    ISSUE_FINAL,
    ISSUE_DONE
};

struct ca_issue_job {                 /* zero-initialise */
    char request_id[REQUEST_ID_SIZE]; /* in the record and with the answer */
    enum ca_issue_stage stage;
    struct ca_signer *ca; /* a reference; the same one from precertificate to final certificate */
    struct oidc_result who;
    struct ca_proof_key key;
    struct ca_cert_spec spec;
    struct tm_buf sct_list;
    void *ticket; /* submission under way in the log */
    bool log_asked;
    struct ca_once_claim claim; /* of the token's one use */
    void *once_ticket;          /* question under way in the store of used tokens */
    bool once_asked;
    bool claimed;             /* the token is used by this job; given back unless left */
    int64_t taken_us;         /* of the limits, then; given back unless left or … */
    bool may_be_logged;       /* … an entry may be in the log, which the limits guard, too */
    bool left;                /* the certificate is the client's: the caller sets it */
    struct ca_errand *errand; /* a signature under way, of … */
    struct tm_buf tbs;        /* … this */
    struct tm_buf der;        /* ISSUE_DONE: the certificate; before that never to be handed out */
};

enum ca_issue_status { ISSUE_OK, ISSUE_WAITING, ISSUE_FAILED };

/*
 * Goes as far as it can at time `now_s`. ISSUE_WAITING: the waiter will be woken once, then
 * call again with the same request. `token` is NULL when there is none.
 */
enum ca_issue_status ca_issue_step(const struct ca_issue_env *env, struct ca_issue_job *job,
                                   const struct ca_api_request *request, const char *token,
                                   size_t token_len, int64_t now_s,
                                   const struct oidc_waiter *waiter,
                                   struct ca_api_failure *failure);

/* Cancels what is under way in the log. */
void ca_issue_job_free(const struct ca_issue_env *env, struct ca_issue_job *job);
