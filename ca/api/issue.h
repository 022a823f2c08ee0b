/*
 * Issuance as a state machine: token, proof, certificate, log, final certificate.
 * Knows nothing of HTTP. Checks come in Fulcio's order (pkg/server/grpc_server.go).
 */
#ifndef TENMINT_CA_API_ISSUE_H
#define TENMINT_CA_API_ISSUE_H

#include <openssl/evp.h>

#include "ca/api/fault.h"
#include "ca/api/issue_log.h"
#include "ca/api/request.h"
#include "ca/cert/cert.h"
#include "ca/proof/proof.h"
#include "ca/signer/signer.h"

struct issue_env { /* shared, immutable */
    struct oidc_verifier *verifier;
    const struct proof_policy *policy;
    const struct issue_log *log; /* NULL: no log */
    int64_t lifetime_s;
    bool subject_key_id;
};

enum issue_stage { ISSUE_TOKEN, ISSUE_PROOF, ISSUE_LOG, ISSUE_FINAL, ISSUE_DONE };

struct issue_job { /* zero-initialise */
    enum issue_stage stage;
    struct signer *ca; /* a reference; the same one from precertificate to final certificate */
    struct oidc_result who;
    struct proof_key key;
    struct cert_spec spec;
    struct buf sct_list;
    void *ticket; /* submission under way in the log */
    bool log_asked;
    struct buf der; /* ISSUE_DONE: the certificate; before that never to be handed out */
};

enum issue_status { ISSUE_OK, ISSUE_WAITING, ISSUE_FAILED };

/*
 * Goes as far as it can at time `now_s`. ISSUE_WAITING: the waiter will be woken once, then
 * call again with the same request. `token` is NULL when there is none.
 */
enum issue_status issue_step(const struct issue_env *env, struct issue_job *job,
                             const struct api_request *request, const char *token, size_t token_len,
                             int64_t now_s, const struct oidc_waiter *waiter,
                             struct api_failure *failure);

/* Cancels what is under way in the log. */
void issue_job_free(const struct issue_env *env, struct issue_job *job);

#endif
