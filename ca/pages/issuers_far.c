#include "ca/pages/issuers_far.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/ipc/loop.h"
#include "common/thread.h"

#define WAIT_MS 250 /* for an answer, before the one before is shown */

enum { ISSUERS_ASK, ISSUERS_ONE, ISSUERS_END };

struct ask {
    uint64_t n;
};
struct one {
    uint64_t n; /* of the ask */
    const char *url;
    uint64_t keys, failures;
    int64_t age_s;
};

#define URL_MAX (sizeof(((struct ca_page_issuer *)NULL)->url) - 1)

static const struct tm_ipc_field ask_fields[] = {TM_IPC_FIELD(struct ask, n, IPC_U64, 0)};
static const struct tm_ipc_field one_fields[] = {
    TM_IPC_FIELD(struct one, n, IPC_U64, 0),     TM_IPC_FIELD(struct one, url, IPC_TEXT, URL_MAX),
    TM_IPC_FIELD(struct one, keys, IPC_U64, 0),  TM_IPC_FIELD(struct one, failures, IPC_U64, 0),
    TM_IPC_FIELD(struct one, age_s, IPC_U64, 0),
};
static const struct tm_ipc_form forms[] = {
    [ISSUERS_ASK] = TM_IPC_FORM(struct ask, ask_fields),
    [ISSUERS_ONE] = TM_IPC_FORM(struct one, one_fields),
    [ISSUERS_END] = TM_IPC_FORM(struct ask, ask_fields),
};
static const struct tm_ipc_protocol protocol = {forms, sizeof(forms) / sizeof(forms[0]), 4096};

/* ---- asking ---- */

struct list {
    struct ca_page_issuer issuer[CA_ISSUERS_TOLD_MAX];
    size_t count;
};

struct ca_issuers_asker {
    struct tm_ipc_lone line;
    struct list coming;   /* of the answer under way; the loop's thread */
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t came;
    struct list whole;
    uint64_t asked, told;
};

static void on_answer(void *ctx, struct tm_ipc_channel *c, unsigned type, void *msg)
{
    (void)c;
    struct ca_issuers_asker *a = ctx;
    if (type == ISSUERS_ONE && a->coming.count < CA_ISSUERS_TOLD_MAX) {
        const struct one *o = msg;
        struct ca_page_issuer *i = &a->coming.issuer[a->coming.count++];
        *i = (struct ca_page_issuer){.keys = o->keys, .failures = o->failures, .age_s = o->age_s};
        snprintf(i->url, sizeof(i->url), "%s", o->url != NULL ? o->url : "");
    } else if (type == ISSUERS_END) {
        const struct ask *end = msg;
        pthread_mutex_lock(&a->lock);
        a->whole = a->coming;
        a->told = end->n;
        pthread_cond_signal(&a->came);
        pthread_mutex_unlock(&a->lock);
        a->coming.count = 0;
    }
}

struct ca_issuers_asker *ca_issuers_asker_new(int fd, struct tm_err *e)
{
    struct ca_issuers_asker *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        close(fd);
        return tm_err_null(e, "out of memory");
    }
    pthread_mutex_init(&a->lock, NULL);
    tm_cond_init(&a->came);
    const struct tm_ipc_port port = {.message = on_answer, .ctx = a};
    if (tm_ipc_lone_open(&a->line, fd, &protocol, IPC_HEAR(ISSUERS_ONE) | IPC_HEAR(ISSUERS_END),
                         &port, e) == 0 &&
        tm_ipc_loop_start(a->line.loop, e) == 0)
        return a;
    ca_issuers_asker_free(a);
    return NULL;
}

void ca_issuers_asker_free(struct ca_issuers_asker *a)
{
    if (a == NULL)
        return;
    tm_ipc_lone_close(&a->line);
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->came);
    free(a);
}

size_t ca_issuers_asker_look(struct ca_issuers_asker *a, struct ca_page_issuer *out)
{
    int64_t until = tm_clock_mono_ms() + WAIT_MS;
    pthread_mutex_lock(&a->lock);
    const struct ask m = {a->asked + 1};
    /* One at a time: who hangs is not asked again and again, and holds nobody up. */
    bool asks = a->asked == a->told && tm_ipc_put(a->line.channel, ISSUERS_ASK, &m, NULL) == 0;
    if (asks) {
        a->asked = m.n;
        tm_ipc_loop_flush(a->line.loop, a->line.channel);
        while (a->told != a->asked && tm_cond_wait(&a->came, &a->lock, until))
            ;
    }
    size_t count = a->whole.count;
    memcpy(out, a->whole.issuer, count * sizeof(*out));
    pthread_mutex_unlock(&a->lock);
    return count;
}

/* ---- telling ---- */

struct ca_issuers_teller {
    struct tm_ipc_lone line;
    void (*each)(void *ctx, ca_issuers_row *row, void *arg);
    void *ctx;
};

struct answer {
    struct tm_ipc_channel *channel;
    uint64_t n;
    size_t count;
};

static void tell_one(void *arg, const struct ca_page_issuer *issuer)
{
    struct answer *a = arg;
    const struct one m = {a->n, issuer->url, issuer->keys, issuer->failures, issuer->age_s};
    if (a->count++ < CA_ISSUERS_TOLD_MAX)
        (void)tm_ipc_put(a->channel, ISSUERS_ONE, &m, NULL);
}

static void on_ask(void *ctx, struct tm_ipc_channel *c, unsigned type, void *msg)
{
    (void)type; /* one is heard */
    const struct ca_issuers_teller *t = ctx;
    const struct ask *m = msg;
    struct answer a = {c, m->n, 0};
    const struct ask end = {m->n};
    t->each(t->ctx, tell_one, &a);
    (void)tm_ipc_put(c, ISSUERS_END, &end, NULL);
}

struct ca_issuers_teller *
ca_issuers_teller_new(int fd, void (*each)(void *ctx, ca_issuers_row *row, void *arg), void *ctx,
                      struct tm_err *e)
{
    struct ca_issuers_teller *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        close(fd);
        return tm_err_null(e, "out of memory");
    }
    t->each = each;
    t->ctx = ctx;
    const struct tm_ipc_port port = {.message = on_ask, .ctx = t};
    if (tm_ipc_lone_open(&t->line, fd, &protocol, IPC_HEAR(ISSUERS_ASK), &port, e) == 0)
        return t;
    free(t);
    return NULL;
}

int ca_issuers_teller_start(struct ca_issuers_teller *t, struct tm_err *e)
{
    return tm_ipc_loop_start(t->line.loop, e);
}

void ca_issuers_teller_free(struct ca_issuers_teller *t)
{
    if (t == NULL)
        return;
    tm_ipc_lone_close(&t->line);
    free(t);
}
