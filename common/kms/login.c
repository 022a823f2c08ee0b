/* A credential in force: the first one is waited for, then a thread renews it. */
#include <errno.h>

#include "common/clock.h"
#include "common/kms/internal.h"
#include "common/thread.h"

#define MARGIN_S 120  /* renewed so long before its end, or at three quarters of its life */
#define PAUSE_MS 2000 /* between two logins, however often one is asked for */
#define LOOK_MS 30000 /* the wall clock may step: the end is looked at so often */

void tm_kms_login_free(struct tm_kms_login *l)
{
    tm_buf_free_secret(&l->id);
    tm_buf_free_secret(&l->secret);
    tm_buf_free_secret(&l->token);
    *l = (struct tm_kms_login){0};
}

/* Without the lock. The old credential stays when no new one is to be had. */
static int renew(struct tm_kms *k, struct tm_err *e)
{
    struct tm_kms_login next = {0};
    int64_t begun_s = tm_clock_wall_ms() / 1000;
    int rc = k->service->login(k, &next, e);
    if (rc == 0 && (tm_buf_str(&next.id) == NULL || tm_buf_str(&next.secret) == NULL ||
                    tm_buf_str(&next.token) == NULL))
        rc = tm_err_set(e, "out of memory");
    if (rc == 0 && next.ends_s != 0 && next.ends_s <= begun_s)
        rc = tm_err_set(e, "the new credential has ended already: is the clock right?");
    pthread_mutex_lock(&k->lock);
    k->tried_ms = tm_clock_mono_ms();
    if (rc == 0) {
        struct tm_kms_login old = k->login;
        k->login = next;
        k->has_login = true;
        k->stale = false;
        next = old;
    } else {
        tm_err_wrap(e, "log in to the key service");
        k->why = *e;
    }
    pthread_mutex_unlock(&k->lock);
    tm_kms_login_free(&next);
    return rc;
}

/* With the lock. */
static bool is_due(const struct tm_kms *k)
{
    int64_t left_s = k->login.ends_s - tm_clock_wall_ms() / 1000;
    return k->stale || !k->has_login || (k->login.ends_s != 0 && left_s < MARGIN_S);
}

/* With the lock. What the keeper does next, and when. */
static int64_t next_work(const struct tm_kms *k, int64_t now, bool *login, bool *probe)
{
    *login = is_due(k);
    *probe = k->away && !k->probing;
    int64_t at = *login ? k->tried_ms + PAUSE_MS : now + LOOK_MS;
    if (*probe && k->probe_ms < at) {
        *login = false;
        return k->probe_ms;
    }
    *probe = false;
    return at;
}

static void *keep(void *arg)
{
    struct tm_kms *k = arg;
    pthread_mutex_lock(&k->lock);
    while (!k->stop) {
        bool login, probe;
        int64_t now = tm_clock_mono_ms();
        int64_t until = next_work(k, now, &login, &probe);
        if ((login || probe) && until <= now) {
            struct tm_err e = {0};
            k->probing = k->probing || probe;
            pthread_mutex_unlock(&k->lock);
            k->until_ms = now + KMS_OPEN_MS;
            if (login)
                (void)renew(k, &e);
            else
                tm_kms_probe(k);
            pthread_mutex_lock(&k->lock);
            continue;
        }
        (void)tm_cond_wait(&k->wake, &k->lock, until);
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

int tm_kms_login_first(struct tm_kms *k, struct tm_err *e)
{
    return renew(k, e);
}

int tm_kms_login_keep(struct tm_kms *k, struct tm_err *e)
{
    errno = tm_thread_start(&k->keeper, keep, k);
    k->kept = errno == 0;
    return k->kept ? 0 : tm_err_errno(e, "start the thread that renews the credential");
}

void tm_kms_login_stop(struct tm_kms *k)
{
    pthread_mutex_lock(&k->lock);
    k->stop = true;
    pthread_cond_broadcast(&k->wake);
    pthread_mutex_unlock(&k->lock);
    if (k->kept)
        pthread_join(k->keeper, NULL);
}
