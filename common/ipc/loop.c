#include "common/ipc/loop.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"

struct tm_ipc_loop {
    struct tm_ipc_port port[IPC_LOOP_CHANNELS];
    bool over[IPC_LOOP_CHANNELS];
    size_t count;
    int wake_fd;
    atomic_bool woken; /* it looks at tasks and channels before it sleeps: nobody need write */
    atomic_bool stopping;
    struct tm_ipc_task *_Atomic tasks; /* the newest first */
    void (*tick)(void *ctx);
    void *tick_ctx;
    void (*round)(void *ctx);
    void *round_ctx;
    int tick_ms;
    int64_t ticked_ms;
    pthread_t thread;
    bool started;
};

static void (*_Atomic on_breach)(const struct tm_err *why); /* of the whole process */

void tm_ipc_on_breach(void (*breach)(const struct tm_err *why))
{
    atomic_store(&on_breach, breach);
}

struct tm_ipc_loop *tm_ipc_loop_new(void (*tick)(void *ctx), void *ctx, int tick_ms,
                                    struct tm_err *e)
{
    struct tm_ipc_loop *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return tm_err_null(e, "out of memory");
    l->tick = tick;
    l->tick_ctx = ctx;
    l->tick_ms = tick_ms;
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->wake_fd < 0) {
        tm_err_errno(e, "make an event counter");
        free(l);
        return NULL;
    }
    return l;
}

void tm_ipc_loop_round(struct tm_ipc_loop *l, void (*round)(void *ctx), void *ctx)
{
    l->round = round;
    l->round_ctx = ctx;
}

int tm_ipc_loop_add(struct tm_ipc_loop *l, const struct tm_ipc_port *port, struct tm_err *e)
{
    if (l->count == IPC_LOOP_CHANNELS)
        return tm_err_set(e, "more than %d channels", IPC_LOOP_CHANNELS);
    l->port[l->count++] = *port;
    return 0;
}

/* Once for all that is told before the loop looks. */
static void wake(struct tm_ipc_loop *l)
{
    if (!atomic_exchange(&l->woken, true))
        (void)eventfd_write(l->wake_fd, 1);
}

void tm_ipc_loop_stop(struct tm_ipc_loop *l)
{
    atomic_store(&l->stopping, true);
    wake(l);
}

void tm_ipc_loop_post(struct tm_ipc_loop *l, struct tm_ipc_task *task)
{
    struct tm_ipc_task *head = atomic_load_explicit(&l->tasks, memory_order_relaxed);
    do {
        task->next = head;
    } while (!atomic_compare_exchange_weak(&l->tasks, &head, task));
    wake(l);
}

void tm_ipc_loop_flush(struct tm_ipc_loop *l, struct tm_ipc_channel *c)
{
    if (tm_ipc_flush(c) == 1)
        wake(l);
}

/* In the order in which they came. A task may be queued again, or be freed, by its own run. */
void tm_ipc_loop_tasks(struct tm_ipc_loop *l)
{
    struct tm_ipc_task *list = atomic_exchange(&l->tasks, NULL);
    struct tm_ipc_task *first = NULL;
    while (list != NULL) {
        struct tm_ipc_task *next = list->next;
        list->next = first;
        first = list;
        list = next;
    }
    while (first != NULL) {
        struct tm_ipc_task *next = first->next;
        first->run(first);
        first = next;
    }
}

void tm_ipc_loop_free(struct tm_ipc_loop *l)
{
    if (l == NULL)
        return;
    tm_ipc_loop_tasks(l);
    close(l->wake_fd);
    free(l);
}

bool tm_ipc_port_read(const struct tm_ipc_port *p)
{
    _Alignas(max_align_t) unsigned char msg[IPC_MESSAGE_MAX];
    struct tm_err e = {0};
    unsigned type = 0;
    int rc = tm_ipc_fill(p->channel, &e);
    while (rc > 0 && (rc = tm_ipc_next(p->channel, &type, msg, sizeof(msg), &e)) > 0)
        p->message(p->ctx, p->channel, type, msg);
    void (*breach)(const struct tm_err *) = atomic_load(&on_breach);
    if (rc < 0 && !tm_ipc_ended(p->channel) && breach != NULL)
        breach(&e);
    if (rc < 0 && p->over != NULL)
        p->over(p->ctx, p->channel, &e);
    return rc >= 0;
}

/* Sends what is waiting, and says what to wait for. */
static void prepare(struct tm_ipc_loop *l, struct pollfd *fds)
{
    for (size_t i = 0; i < l->count; i++) {
        struct tm_ipc_channel *c = l->port[i].channel;
        fds[i] = (struct pollfd){.fd = -1};
        if (l->over[i])
            continue;
        fds[i] = (struct pollfd){.fd = tm_ipc_channel_fd(c), .events = POLLIN};
        if (tm_ipc_flush(c) == 1)
            fds[i].events |= POLLOUT;
    }
    fds[l->count] = (struct pollfd){.fd = l->wake_fd, .events = POLLIN};
}

static int wait_ms(const struct tm_ipc_loop *l)
{
    if (l->tick == NULL)
        return -1;
    int64_t left = l->ticked_ms + l->tick_ms - tm_clock_mono_ms();
    return left < 0 ? 0 : (int)left;
}

static void maybe_tick(struct tm_ipc_loop *l)
{
    int64_t now = l->tick != NULL ? tm_clock_mono_ms() : 0;
    if (l->tick == NULL || now < l->ticked_ms + l->tick_ms)
        return;
    l->ticked_ms = now;
    l->tick(l->tick_ctx);
}

void tm_ipc_loop_run(struct tm_ipc_loop *l)
{
    struct pollfd fds[IPC_LOOP_CHANNELS + 1];
    l->ticked_ms = tm_clock_mono_ms();
    while (!atomic_load(&l->stopping)) {
        eventfd_t count;
        atomic_store(&l->woken, false); /* before what it tells of is looked at */
        prepare(l, fds);
        bool more = atomic_load(&l->tasks) != NULL || atomic_load(&l->stopping);
        int n = poll(fds, l->count + 1, more ? 0 : wait_ms(l));
        atomic_store(&l->woken, true);
        if (n > 0 && fds[l->count].revents != 0)
            (void)eventfd_read(l->wake_fd, &count);
        tm_ipc_loop_tasks(l);
        for (size_t i = 0; n > 0 && i < l->count; i++) {
            if ((fds[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
                l->over[i] = !tm_ipc_port_read(&l->port[i]);
        }
        maybe_tick(l);
        if (l->round != NULL) {
            l->round(l->round_ctx);
            tm_ipc_loop_tasks(l); /* what it has woken is answered with the others */
        }
    }
    for (size_t i = 0; i < l->count; i++)
        (void)tm_ipc_flush(l->port[i].channel);
}

static void *thread_main(void *arg)
{
    tm_ipc_loop_run(arg);
    return NULL;
}

int tm_ipc_loop_start(struct tm_ipc_loop *l, struct tm_err *e)
{
    errno = pthread_create(&l->thread, NULL, thread_main, l);
    if (errno != 0)
        return tm_err_errno(e, "start a thread for a channel");
    l->started = true;
    return 0;
}

void tm_ipc_loop_join(struct tm_ipc_loop *l)
{
    if (l == NULL || !l->started)
        return;
    tm_ipc_loop_stop(l);
    pthread_join(l->thread, NULL);
    l->started = false;
}

int tm_ipc_lone_open(struct tm_ipc_lone *l, int fd, const struct tm_ipc_protocol *protocol,
                     unsigned hears, const struct tm_ipc_port *port, struct tm_err *e)
{
    struct tm_ipc_port own = *port;
    *l = (struct tm_ipc_lone){.channel = tm_ipc_channel_new(fd, protocol, e)};
    own.channel = l->channel;
    if (l->channel == NULL)
        return -1;
    tm_ipc_channel_hear(l->channel, hears);
    l->loop = tm_ipc_loop_new(NULL, NULL, 0, e);
    if (l->loop != NULL && tm_ipc_loop_add(l->loop, &own, e) == 0)
        return 0;
    tm_ipc_lone_close(l);
    return -1;
}

void tm_ipc_lone_close(struct tm_ipc_lone *l)
{
    tm_ipc_loop_join(l->loop);
    tm_ipc_loop_free(l->loop);
    tm_ipc_channel_free(l->channel);
    *l = (struct tm_ipc_lone){0};
}
