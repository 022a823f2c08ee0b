#include "ca/api/issue.h"

#include "ca/api/freeze.h"
#include "common/clock.h"

static enum ca_issue_status fail(struct ca_api_failure *f, enum ca_api_fault fault)
{
    (void)ca_api_failure_set(f, fault);
    return ISSUE_FAILED;
}

static enum ca_issue_status check_token(const struct ca_issue_env *env, struct ca_issue_job *job,
                                        const char *token, size_t len, int64_t now_s,
                                        const struct oidc_waiter *waiter, struct ca_api_failure *f)
{
    if (token == NULL || len == 0) {
        f->reason = OIDC_REASON_MISSING;
        tm_err_set(&f->detail, "no token in the request");
        return fail(f, API_FAULT_TOKEN);
    }
    switch (oidc_verify(env->verifier, token, len, now_s, waiter, &job->who, &f->detail)) {
    case OIDC_OK:
        job->stage = ISSUE_PROOF;
        return ISSUE_OK;
    case OIDC_WAIT:
        return ISSUE_WAITING;
    case OIDC_REFUSED:
        break;
    }
    f->reason = job->who.reason;
    f->retry_after_s = job->who.retry_after_s;
    return fail(f, f->reason == OIDC_REASON_KEYS       ? API_FAULT_ISSUER_KEYS
                   : f->reason == OIDC_REASON_OUTDATED ? API_FAULT_TRUST
                                                       : API_FAULT_TOKEN);
}

static const enum ca_api_fault proof_faults[] = {
    [PROOF_OK] = API_FAULT_NONE,
    [PROOF_KEY_UNPARSABLE] = API_FAULT_KEY,
    [PROOF_CSR_UNPARSABLE] = API_FAULT_CSR,
    [PROOF_KEY_WEAK] = API_FAULT_WEAK_KEY,
    [PROOF_BAD_SIGNATURE] = API_FAULT_PROOF,
    [PROOF_UNKNOWN_ALGORITHM] = API_FAULT_UNKNOWN_ALGORITHM,
    [PROOF_NOT_PERMITTED] = API_FAULT_NOT_PERMITTED,
    [PROOF_INTERNAL] = API_FAULT_INTERNAL,
};

static enum ca_issue_status check_proof(const struct ca_issue_env *env, struct ca_issue_job *job,
                                        const struct ca_api_request *req, struct ca_api_failure *f)
{
    enum ca_proof_status st;
    if (req->has_csr) {
        st = ca_proof_csr_parse(env->policy, req->csr.data, req->csr.len, &job->key, &f->detail);
    } else if (req->key.len == 0) {
        tm_err_set(&f->detail, "no public key in the request");
        st = PROOF_KEY_UNPARSABLE;
    } else {
        st = ca_proof_key_parse(env->policy, req->key.data, req->key.len, &job->key, &f->detail);
        if (st == PROOF_OK)
            st = ca_proof_key_verify(&job->key, job->who.principal.challenge, req->proof.data,
                                     req->proof.len, &f->detail);
    }
    if (st != PROOF_OK)
        return fail(f, proof_faults[st]);
    ca_proof_key_settle(&job->key);
    return ISSUE_OK;
}

static int prepare(const struct ca_issue_env *env, struct ca_issue_job *job, int64_t now_s,
                   struct tm_err *e)
{
    bool shorter = job->who.lifetime_s != 0 && job->who.lifetime_s < env->lifetime_s;
    int64_t lifetime_s = shorter ? job->who.lifetime_s : env->lifetime_s;
    if (ca_cert_spec_init(&job->spec, job->ca, now_s, lifetime_s, e) != 0)
        return -1;
    job->spec.spki = job->key.spki.data;
    job->spec.spki_len = job->key.spki.len;
    job->spec.principal = &job->who.principal;
    job->spec.subject_key_id = env->subject_key_id;
    return 0;
}

static enum ca_issue_status settle_use(const struct ca_issue_env *env, struct ca_issue_job *job,
                                       enum ca_once_status st, struct ca_api_failure *f)
{
    if (st == ONCE_WAIT)
        return ISSUE_WAITING;
    job->once_ticket = NULL;
    job->claimed =
        st == ONCE_FIRST || st == ONCE_YOUNG || (st == ONCE_UNKNOWN && env->once_optional);
    if (st == ONCE_USED) {
        f->reason = OIDC_REASON_USED;
        tm_err_set(&f->detail, "the token has been used for a certificate before");
        return fail(f, API_FAULT_TOKEN);
    }
    if (st == ONCE_YOUNG && !env->once_optional && job->who.use.from_s == 0) {
        f->reason = OIDC_REASON_CLAIMS; /* a later try would hear the same */
        tm_err_set(&f->detail, "the token has no 'iat', without which it never can be told "
                               "whether it was used before");
        return fail(f, API_FAULT_TOKEN);
    }
    if ((st == ONCE_UNKNOWN || st == ONCE_YOUNG) && !env->once_optional)
        return fail(f, API_FAULT_ONCE);
    return ISSUE_OK;
}

static enum ca_issue_status claim_use(const struct ca_issue_env *env, struct ca_issue_job *job,
                                      int64_t now_s, const struct oidc_waiter *waiter,
                                      struct ca_api_failure *f)
{
    const struct ca_once *once = env->once;
    if (once == NULL)
        return ISSUE_OK;
    if (job->once_asked)
        return settle_use(env, job, once->collect(once->ctx, job->once_ticket, waiter, &f->detail),
                          f);
    job->once_asked = true;
    job->claim.use = &job->who.use;
    return settle_use(
        env, job, once->claim(once->ctx, &job->claim, now_s, waiter, &job->once_ticket, &f->detail),
        f);
}

/* The token's use comes first: who shows a used one again takes nothing of the limits of those
 * whose name it has. Over the limits, the token is given back with the job. */
static enum ca_issue_status admit(const struct ca_issue_env *env, struct ca_issue_job *job,
                                  int64_t now_s, const struct oidc_waiter *waiter,
                                  struct ca_api_failure *f)
{
    enum ca_issue_status st = claim_use(env, job, now_s, waiter, f);
    if (st != ISSUE_OK)
        return st;
    int64_t now_us = tm_clock_mono_us();
    if (ca_limits_take(env->limits, &job->who, now_us, &f->retry_after_s, &f->detail) != 0)
        return fail(f, API_FAULT_LIMIT);
    job->taken_us = now_us;
    job->stage = ISSUE_LOG;
    return ISSUE_OK;
}

static enum ca_issue_status settle_log(const struct ca_issue_env *env, struct ca_issue_job *job,
                                       enum ca_issue_log_status st, struct ca_api_failure *f)
{
    if (st == ISSUE_LOG_WAIT)
        return ISSUE_WAITING;
    job->ticket = NULL;
    job->may_be_logged = st == ISSUE_LOG_DONE && job->sct_list.len > 0;
    if (st == ISSUE_LOG_FAILED)
        return fail(f, API_FAULT_LOG);
    if (job->sct_list.len == 0) {
        tm_err_set(&f->detail, "the log gave no timestamp");
        return fail(f, API_FAULT_LOG);
    }
    job->stage = env->log->detached ? ISSUE_DONE : ISSUE_FINAL;
    return ISSUE_OK;
}

static enum ca_issue_status wrap(struct ca_issue_job *job, const struct tm_buf *sig,
                                 struct tm_buf *der, struct ca_api_failure *f)
{
    int rc = ca_cert_wrap(&job->tbs, job->ca, sig, der, &f->detail);
    tm_buf_reset(&job->tbs);
    return rc == 0 ? ISSUE_OK : fail(f, API_FAULT_CA);
}

/* Signed by the job's CA. WAITING: call again with the same. */
static enum ca_issue_status sign_form(const struct ca_issue_env *env, struct ca_issue_job *job,
                                      enum ca_cert_form form, const struct tm_buf *sct_list,
                                      const struct oidc_waiter *waiter, struct tm_buf *der,
                                      struct ca_api_failure *f)
{
    struct tm_buf sig = {0};
    enum ca_errand_status st = ERRAND_FAILED;
    if (job->errand != NULL)
        st = ca_errand_take(&job->errand, &sig, &f->detail);
    else if (ca_cert_tbs(&job->spec, job->ca, form, sct_list, &job->tbs, &f->detail) == 0)
        st = ca_errand_begin(job->ca, env->signing, &job->tbs, waiter->wake, waiter->arg,
                             &job->errand, &sig, &f->detail);
    enum ca_issue_status rc = st == ERRAND_WAIT   ? ISSUE_WAITING
                              : st == ERRAND_DONE ? wrap(job, &sig, der, f)
                                                  : fail(f, API_FAULT_CA);
    tm_buf_free(&sig);
    return rc;
}

/* What the log is to be shown, as it wants it, signed by the job's CA. */
struct evidence {
    struct tm_buf tbs;
    struct tm_buf precert;
};

static enum ca_issue_status make_evidence(const struct ca_issue_env *env, struct ca_issue_job *job,
                                          const struct oidc_waiter *waiter, struct evidence *ev,
                                          struct ca_api_failure *f)
{
    enum ca_issue_status st = ISSUE_OK;
    if (env->log->detached)
        return sign_form(env, job, CERT_FINAL, NULL, waiter, &job->der, f);
    if (env->log->needs_precert)
        st = sign_form(env, job, CERT_PRECERT, NULL, waiter, &ev->precert, f);
    if (st == ISSUE_OK &&
        ca_cert_tbs(&job->spec, job->ca, CERT_LOGGED_TBS, NULL, &ev->tbs, &f->detail) != 0)
        st = fail(f, API_FAULT_CA);
    return st;
}

static enum ca_issue_status submit(const struct ca_issue_env *env, struct ca_issue_job *job,
                                   const struct oidc_waiter *waiter, struct ca_api_failure *f)
{
    const struct ca_issue_log *log = env->log;
    const struct ca_signer_chain *chain = ca_signer_chain(job->ca);
    struct evidence ev = {{0}, {0}};
    enum ca_issue_status st = make_evidence(env, job, waiter, &ev, f);
    if (st == ISSUE_OK) {
        const struct ca_issue_log_entry entry = {.tbs = log->detached ? NULL : &ev.tbs,
                                                 .precert = ev.precert.len > 0 ? &ev.precert : NULL,
                                                 .certificate = log->detached ? &job->der : NULL,
                                                 .issuer_key_hash = chain->spki_sha256,
                                                 .not_after = job->spec.not_after,
                                                 .chain = chain};
        job->log_asked = true;
        job->may_be_logged = true;
        st = settle_log(
            env, job,
            log->submit(log->ctx, &entry, waiter, &job->ticket, &job->sct_list, &f->detail), f);
    }
    tm_buf_free(&ev.tbs);
    tm_buf_free(&ev.precert);
    return st;
}

static enum ca_issue_status ask_log(const struct ca_issue_env *env, struct ca_issue_job *job,
                                    const struct oidc_waiter *waiter, struct ca_api_failure *f)
{
    if (env->log == NULL) {
        job->stage = ISSUE_FINAL;
        return ISSUE_OK;
    }
    if (!job->log_asked)
        return submit(env, job, waiter, f);
    return settle_log(
        env, job, env->log->collect(env->log->ctx, job->ticket, waiter, &job->sct_list, &f->detail),
        f);
}

static enum ca_issue_status finish(const struct ca_issue_env *env, struct ca_issue_job *job,
                                   const struct oidc_waiter *waiter, struct ca_api_failure *f)
{
    const struct tm_buf *list = job->sct_list.len > 0 ? &job->sct_list : NULL;
    enum ca_issue_status st = sign_form(env, job, CERT_FINAL, list, waiter, &job->der, f);
    if (st == ISSUE_OK)
        job->stage = ISSUE_DONE;
    return st;
}

/* Asked before each signature, as the last thing: what waited for a log may be stopped meanwhile.
 */
static enum ca_issue_status check_stopped(const struct ca_issue_env *env,
                                          const struct ca_issue_job *job, struct ca_api_failure *f)
{
    bool signs = (job->stage == ISSUE_LOG && !job->log_asked) || job->stage == ISSUE_FINAL;
    if (!signs || env->freeze == NULL ||
        ca_freeze_check(env->freeze, job->who.issuer, job->who.entry, &f->detail) == 0)
        return ISSUE_OK;
    return fail(f, API_FAULT_STOPPED);
}

enum ca_issue_status ca_issue_step(const struct ca_issue_env *env, struct ca_issue_job *job,
                                   const struct ca_api_request *request, const char *token,
                                   size_t token_len, int64_t now_s,
                                   const struct oidc_waiter *waiter, struct ca_api_failure *failure)
{
    enum ca_issue_status st = ISSUE_OK;
    while (st == ISSUE_OK && job->stage != ISSUE_DONE) {
        st = check_stopped(env, job, failure);
        if (st != ISSUE_OK)
            break;
        switch (job->stage) {
        case ISSUE_TOKEN:
            st = check_token(env, job, token, token_len, now_s, waiter, failure);
            break;
        case ISSUE_PROOF:
            st = check_proof(env, job, request, failure);
            if (st == ISSUE_OK && env->recordable != NULL &&
                env->recordable(env->recordable_ctx, failure) != 0)
                st = ISSUE_FAILED;
            if (st == ISSUE_OK && prepare(env, job, now_s, &failure->detail) != 0)
                st = fail(failure, API_FAULT_CA);
            if (st == ISSUE_OK)
                job->stage = ISSUE_ADMIT;
            break;
        case ISSUE_ADMIT:
            st = admit(env, job, now_s, waiter, failure);
            break;
        case ISSUE_LOG:
            st = ask_log(env, job, waiter, failure);
            break;
        case ISSUE_FINAL:
            st = finish(env, job, waiter, failure);
            break;
        case ISSUE_DONE:
            break;
        }
    }
    return st;
}

void ca_issue_job_free(const struct ca_issue_env *env, struct ca_issue_job *job)
{
    if (job->ticket != NULL && env->log != NULL)
        env->log->cancel(env->log->ctx, job->ticket);
    if (job->once_ticket != NULL)
        env->once->cancel(env->once->ctx, &job->claim, job->once_ticket, job->spec.not_before);
    if (job->claimed && !job->left)
        env->once->release(env->once->ctx, &job->claim, job->spec.not_before);
    if (job->taken_us != 0 && !job->left && !job->may_be_logged)
        ca_limits_give_back(env->limits, &job->who, job->taken_us, tm_clock_mono_us());
    ca_errand_drop(job->errand);
    oidc_principal_free(&job->who.principal);
    ca_proof_key_free(&job->key);
    tm_buf_free(&job->sct_list);
    tm_buf_free(&job->tbs);
    tm_buf_free(&job->der);
    ca_signer_unref(job->ca);
    *job = (struct ca_issue_job){0};
}
