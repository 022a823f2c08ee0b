#include "ca/api/ready_far.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/ipc/loop.h"

#define SILENCE_MS 10000 /* without an answer: it hangs */

enum { READY_ASK, READY_TOLD };

struct ask {
    uint64_t n;
};
struct told {
    uint64_t n; /* of the ask */
    uint64_t ready;
    const char *why;
};

static const struct tm_ipc_field ask_fields[] = {TM_IPC_FIELD(struct ask, n, IPC_U64, 0)};
static const struct tm_ipc_field told_fields[] = {
    TM_IPC_FIELD(struct told, n, IPC_U64, 0),
    TM_IPC_FIELD(struct told, ready, IPC_U64, 0),
    TM_IPC_FIELD(struct told, why, IPC_TEXT, ERR_TEXT_MAX),
};
static const struct tm_ipc_form forms[] = {
    [READY_ASK] = TM_IPC_FORM(struct ask, ask_fields),
    [READY_TOLD] = TM_IPC_FORM(struct told, told_fields),
};
static const struct tm_ipc_protocol protocol = {forms, sizeof(forms) / sizeof(forms[0]), 4096};

/* ---- asking ---- */

struct ca_ready_asker {
    struct tm_ipc_lone line;
    pthread_mutex_t lock; /* guards what follows */
    uint64_t asked, told; /* numbers of the last ask and answer */
    int64_t asked_ms;
    bool ready, over;
    struct tm_err why;
};

static void on_told(void *ctx, struct tm_ipc_channel *c, unsigned type, void *msg)
{
    (void)c;
    (void)type; /* one is heard */
    struct ca_ready_asker *a = ctx;
    const struct told *t = msg;
    pthread_mutex_lock(&a->lock);
    a->told = t->n;
    a->ready = t->ready != 0;
    tm_err_set(&a->why, "%s", t->why != NULL ? t->why : "it is not ready");
    pthread_mutex_unlock(&a->lock);
}

static void on_over(void *ctx, struct tm_ipc_channel *c, const struct tm_err *why)
{
    (void)c;
    struct ca_ready_asker *a = ctx;
    pthread_mutex_lock(&a->lock);
    a->over = true;
    tm_err_set(&a->why, "its process: %s", why->text);
    pthread_mutex_unlock(&a->lock);
}

struct ca_ready_asker *ca_ready_asker_new(int fd, struct tm_err *e)
{
    struct ca_ready_asker *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        close(fd);
        return tm_err_null(e, "out of memory");
    }
    pthread_mutex_init(&a->lock, NULL);
    a->ready = true; /* it has just opened all that it needs; what it says now comes in a moment */
    const struct tm_ipc_port port = {.message = on_told, .over = on_over, .ctx = a};
    if (tm_ipc_lone_open(&a->line, fd, &protocol, IPC_HEAR(READY_TOLD), &port, e) == 0 &&
        tm_ipc_loop_start(a->line.loop, e) == 0)
        return a;
    ca_ready_asker_free(a);
    return NULL;
}

void ca_ready_asker_free(struct ca_ready_asker *a)
{
    if (a == NULL)
        return;
    tm_ipc_lone_close(&a->line);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

/* With the lock. One at a time: who hangs is not asked again and again. */
static void ask_again(struct ca_ready_asker *a)
{
    const struct ask m = {a->asked + 1};
    if (a->asked != a->told || tm_ipc_put(a->line.channel, READY_ASK, &m, NULL) != 0)
        return;
    a->asked = m.n;
    a->asked_ms = tm_clock_mono_ms();
}

int ca_ready_asker_look(void *asker, struct tm_err *e)
{
    struct ca_ready_asker *a = asker;
    pthread_mutex_lock(&a->lock);
    bool silent = a->asked != a->told && tm_clock_mono_ms() - a->asked_ms > SILENCE_MS;
    int rc = 0;
    if (a->over || !a->ready)
        rc = tm_err_set(e, "%s", a->why.text);
    else if (silent)
        rc = tm_err_set(e, "its process does not answer");
    ask_again(a);
    pthread_mutex_unlock(&a->lock);
    tm_ipc_loop_flush(a->line.loop, a->line.channel);
    return rc;
}

/* ---- telling ---- */

struct ca_ready_teller {
    struct tm_ipc_lone line;
    int (*look)(void *ctx, struct tm_err *e);
    void *ctx;
};

static void on_ask(void *ctx, struct tm_ipc_channel *c, unsigned type, void *msg)
{
    (void)type; /* one is heard */
    const struct ca_ready_teller *t = ctx;
    const struct ask *a = msg;
    struct tm_err e = {0};
    struct told m = {.n = a->n, .ready = t->look(t->ctx, &e) == 0};
    m.why = m.ready == 0 ? e.text : NULL;
    (void)tm_ipc_put(c, READY_TOLD, &m, NULL);
}

struct ca_ready_teller *ca_ready_teller_new(int fd, int (*look)(void *ctx, struct tm_err *e),
                                            void *ctx, struct tm_err *e)
{
    struct ca_ready_teller *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        close(fd);
        return tm_err_null(e, "out of memory");
    }
    t->look = look;
    t->ctx = ctx;
    const struct tm_ipc_port port = {.message = on_ask, .ctx = t};
    if (tm_ipc_lone_open(&t->line, fd, &protocol, IPC_HEAR(READY_ASK), &port, e) == 0)
        return t;
    free(t);
    return NULL;
}

int ca_ready_teller_start(struct ca_ready_teller *t, struct tm_err *e)
{
    return tm_ipc_loop_start(t->line.loop, e);
}

void ca_ready_teller_free(struct ca_ready_teller *t)
{
    if (t == NULL)
        return;
    tm_ipc_lone_close(&t->line);
    free(t);
}
