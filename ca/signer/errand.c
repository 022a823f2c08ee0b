#include "ca/signer/errand.h"

#include <stdatomic.h>
#include <stdlib.h>

struct ca_errand {
    struct tm_offload_task task; /* first */
    atomic_uint holders;         /* who asked, and the thread */
    struct ca_signer *signer;
    struct tm_buf tbs, sig;
    int rc;
    struct tm_err e;
    void (*wake)(void *arg);
    void *arg;
};

void ca_errand_drop(struct ca_errand *n)
{
    if (n == NULL || atomic_fetch_sub_explicit(&n->holders, 1, memory_order_acq_rel) != 1)
        return;
    ca_signer_unref(n->signer);
    tm_buf_free(&n->tbs);
    tm_buf_free(&n->sig);
    free(n);
}

static void run(struct tm_offload_task *task)
{
    struct ca_errand *n = (struct ca_errand *)(void *)task;
    void (*wake)(void *) = n->wake;
    void *arg = n->arg;
    n->rc = ca_signer_sign(n->signer, n->tbs.data, n->tbs.len, &n->sig, &n->e);
    ca_errand_drop(n); /* the wake hands it over, and who asked may be gone by then */
    wake(arg);
}

enum ca_errand_status ca_errand_begin(struct ca_signer *s, struct tm_offload *threads,
                                      const struct tm_buf *tbs, void (*wake)(void *arg), void *arg,
                                      struct ca_errand **errand, struct tm_buf *sig,
                                      struct tm_err *e)
{
    if (threads == NULL || !ca_signer_is_slow(s))
        return ca_signer_sign(s, tbs->data, tbs->len, sig, e) == 0 ? ERRAND_DONE : ERRAND_FAILED;
    struct ca_errand *n = calloc(1, sizeof(*n));
    if (n != NULL)
        tm_buf_append(&n->tbs, tbs->data, tbs->len);
    if (n == NULL || buf_failed(&n->tbs)) {
        free(n);
        tm_err_set(e, "out of memory");
        return ERRAND_FAILED;
    }
    n->task.run = run;
    atomic_init(&n->holders, 2);
    n->signer = ca_signer_ref(s);
    n->wake = wake;
    n->arg = arg;
    *errand = n;
    tm_offload_put(threads, &n->task);
    return ERRAND_WAIT;
}

enum ca_errand_status ca_errand_take(struct ca_errand **errand, struct tm_buf *sig,
                                     struct tm_err *e)
{
    struct ca_errand *n = *errand;
    int rc = n->rc;
    *errand = NULL;
    tm_buf_append(sig, n->sig.data, n->sig.len);
    if (rc != 0)
        *e = n->e;
    else if (buf_failed(sig))
        rc = tm_err_set(e, "out of memory");
    ca_errand_drop(n);
    return rc == 0 ? ERRAND_DONE : ERRAND_FAILED;
}
