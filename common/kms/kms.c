#include "common/kms/kms.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/kms/internal.h"
#include "common/thread.h"

#define CA_MAX ((size_t)1 << 20)
#define TRIES 4

static const struct tm_kms_service *const services[] = {
    [KEY_URI_PKCS11] = NULL,     [KEY_URI_AWS] = &tm_kms_aws,     [KEY_URI_VAULT] = &tm_kms_vault,
    [KEY_URI_GCP] = &tm_kms_gcp, [KEY_URI_AZURE] = &tm_kms_azure,
};

static int copy_uri(struct tm_kms *k, const struct tm_key_uri *u, struct tm_err *e)
{
    bool ok = (k->uri.path = strdup(u->path)) != NULL;
    for (size_t i = 0; i < KEY_URI_OPTIONS; i++) {
        if (u->option[i] != NULL)
            ok = (k->uri.option[i] = strdup(u->option[i])) != NULL && ok;
    }
    k->uri.kind = u->kind;
    return ok ? 0 : tm_err_set(e, "out of memory");
}

static int load_ca(struct tm_kms *k, struct tm_err *e)
{
    const char *path = k->uri.option[KEY_URI_CA_FILE];
    if (path == NULL && k->kind == KEY_URI_VAULT)
        path = tm_kms_env("VAULT_CACERT");
    struct tm_buf pem = {0};
    if (path == NULL)
        return 0;
    int rc = tm_file_read(path, CA_MAX, &pem, e);
    if (rc == 0 && (k->ca_pem = tm_buf_str(&pem) != NULL ? strdup(tm_buf_str(&pem)) : NULL) == NULL)
        rc = tm_err_set(e, "out of memory");
    tm_buf_free(&pem);
    return rc;
}

struct tm_kms *tm_kms_new(const struct tm_key_uri *u, struct tm_err *e)
{
    struct tm_kms *k = calloc(1, sizeof(*k));
    if (k == NULL)
        return tm_err_null(e, "out of memory");
    tm_cond_init(&k->wake);
    pthread_mutex_init(&k->lock, NULL);
    k->kind = u->kind;
    k->service = services[u->kind];
    k->tries_max = TRIES;
    if (copy_uri(k, u, e) == 0 && load_ca(k, e) == 0 && k->service->configure(k, &k->uri, e) == 0 &&
        (k->pool = tm_fetch_pool_new(KMS_PARALLEL, e)) != NULL)
        return k;
    tm_err_wrap(e, "key of %s", tm_key_uri_scheme(u));
    tm_kms_free(k);
    return NULL;
}

void tm_kms_free(struct tm_kms *k)
{
    if (k == NULL)
        return;
    tm_kms_login_stop(k); /* first: its thread may start a probe */
    tm_fetch_pool_free(k->pool);
    tm_kms_login_free(&k->login);
    char *const texts[] = {k->name,   k->base,   k->region,  k->profile,  k->mount,
                           k->tenant, k->ca_pem, k->version, k->algorithm};
    for (size_t i = 0; i < ARRAY(texts); i++)
        free(texts[i]);
    tm_key_uri_free(&k->uri);
    EVP_PKEY_free(k->public);
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

EVP_PKEY *tm_kms_public(struct tm_kms *k, struct tm_err *e)
{
    struct tm_kms_request r = {0};
    struct tm_buf body = {0};
    EVP_PKEY *key = NULL;
    k->until_ms = tm_clock_mono_ms() + KMS_OPEN_MS;
    if (tm_kms_login_first(k, e) == 0) {
        pthread_mutex_lock(&k->lock);
        int rc = k->service->ask_public(k, &k->login, &r, e);
        pthread_mutex_unlock(&k->lock);
        if (rc == 0 && tm_kms_run(k, &r, &body, e) == 0)
            key = k->service->read_public(k, &body, e);
    }
    if (key != NULL) {
        EVP_PKEY_up_ref(key);
        k->public = key;
    }
    if (key != NULL && tm_kms_login_keep(k, e) != 0) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    tm_kms_request_free(&r);
    tm_buf_free(&body);
    if (key == NULL)
        tm_err_wrap(e, "%s:%s", tm_key_uri_scheme(&k->uri), k->uri.path);
    return key;
}

static bool is_away(struct tm_kms *k, struct tm_err *e)
{
    pthread_mutex_lock(&k->lock);
    bool away = k->away;
    if (away && e != NULL)
        *e = k->why;
    pthread_mutex_unlock(&k->lock);
    return away;
}

void tm_kms_watch(struct tm_kms *k, void (*changed)(void *ctx, bool away, const struct tm_err *why),
                  void *ctx)
{
    pthread_mutex_lock(&k->lock);
    k->changed = changed;
    k->changed_ctx = ctx;
    pthread_mutex_unlock(&k->lock);
}

void tm_kms_files(const struct tm_key_uri *u, void (*each)(void *ctx, const char *path), void *ctx)
{
    const char *ca = u->option[KEY_URI_CA_FILE];
    if (ca == NULL && u->kind == KEY_URI_VAULT)
        ca = tm_kms_env("VAULT_CACERT");
    if (ca != NULL)
        each(ctx, ca);
    if (services[u->kind] != NULL)
        services[u->kind]->files(u, each, ctx);
}

/* ---- in this process, by tm_key_open ---- */

static EVP_PKEY *open_here(void *ctx, const struct tm_key_uri *u, void **key, struct tm_err *e)
{
    (void)ctx;
    struct tm_kms *k = tm_kms_new(u, e);
    EVP_PKEY *public = k != NULL ? tm_kms_public(k, e) : NULL;
    if (public == NULL) {
        tm_kms_free(k);
        k = NULL;
    }
    *key = k;
    return public;
}

struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t done;
    struct tm_buf *sig;
    struct tm_err *e;
    int rc; /* 1: not yet */
};

static void on_done(void *arg, int rc, const struct tm_buf *sig, const struct tm_err *e)
{
    struct waiting *w = arg;
    pthread_mutex_lock(&w->lock);
    if (rc == 0)
        tm_buf_append(w->sig, sig->data, sig->len);
    else
        *w->e = *e;
    w->rc = rc;
    pthread_cond_signal(&w->done);
    pthread_mutex_unlock(&w->lock);
}

static int sign_here(void *key, const struct tm_key_ask *ask, struct tm_buf *sig, struct tm_err *e)
{
    struct waiting w = {.lock = PTHREAD_MUTEX_INITIALIZER,
                        .done = PTHREAD_COND_INITIALIZER,
                        .sig = sig,
                        .e = e,
                        .rc = 1};
    tm_kms_sign(key, ask, on_done, &w);
    pthread_mutex_lock(&w.lock);
    while (w.rc == 1) /* the deadline is tm_kms_sign's */
        pthread_cond_wait(&w.done, &w.lock);
    pthread_mutex_unlock(&w.lock);
    pthread_mutex_destroy(&w.lock);
    pthread_cond_destroy(&w.done);
    return w.rc;
}

static bool is_away_here(void *key, struct tm_err *e)
{
    return is_away(key, e);
}

static void close_here(void *key)
{
    tm_kms_free(key);
}

const struct tm_key_far *tm_kms_here(void)
{
    static const struct tm_key_far here = {NULL, open_here, sign_here, is_away_here, close_here};
    return &here;
}
