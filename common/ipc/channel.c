#include "common/ipc/channel.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_ROOM ((size_t)32 * 1024) /* at least, for each read */
#define KEEP_MAX ((size_t)256 * 1024) /* of an empty buffer's memory */
#define SEND_AT ((size_t)32 * 1024)   /* so much does not wait for the end of a round */
#define FDS_MAX 64                    /* received and not yet read */

struct header {
    uint32_t len; /* of what follows the header */
    uint16_t type;
    uint16_t fds; /* 0 or 1 */
};

struct passed { /* a descriptor that goes with the byte at `at` of the stream */
    uint64_t at;
    int fd;
};

struct tm_ipc_channel {
    int fd;
    const struct tm_ipc_protocol *protocol;
    size_t frame_max;

    pthread_mutex_t lock; /* guards what follows: the sending half */
    struct tm_buf out;
    size_t out_at;     /* of `out`: what was sent */
    uint64_t out_base; /* of the stream: where `out` begins */
    struct passed *pass;
    size_t pass_count, pass_cap;
    bool full; /* the socket, when it was tried last */
    bool over;

    /* The reader's. */
    struct tm_buf in;
    size_t in_at;
    bool ended; /* the other side */
    uint64_t hears;
    int got[FDS_MAX];
    size_t got_count;
};

int tm_ipc_pair(int fd[2], struct tm_err *e)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) != 0)
        return tm_err_errno(e, "make a channel between processes");
    return 0;
}

struct tm_ipc_channel *tm_ipc_channel_new(int fd, const struct tm_ipc_protocol *p, struct tm_err *e)
{
    struct tm_ipc_channel *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        close(fd);
        return tm_err_null(e, "out of memory");
    }
    c->fd = fd;
    c->protocol = p;
    c->hears = UINT64_MAX;
    c->frame_max = p->frame_max > 0 ? p->frame_max : IPC_FRAME_MAX;
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

void tm_ipc_channel_hear(struct tm_ipc_channel *c, uint64_t forms)
{
    c->hears = forms;
}

void tm_ipc_channel_free(struct tm_ipc_channel *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->pass_count; i++)
        close(c->pass[i].fd);
    for (size_t i = 0; i < c->got_count; i++)
        close(c->got[i]);
    close(c->fd);
    free(c->pass);
    tm_buf_free_secret(&c->out); /* tokens go by here */
    tm_buf_free_secret(&c->in);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

int tm_ipc_channel_fd(const struct tm_ipc_channel *c)
{
    return c->fd;
}

/* ---- writing ---- */

/* With the lock. */
static int add_passed(struct tm_ipc_channel *c, int fd)
{
    if (c->pass_count == c->pass_cap) {
        size_t cap = c->pass_cap == 0 ? 8 : 2 * c->pass_cap;
        struct passed *more = realloc(c->pass, cap * sizeof(*more));
        if (more == NULL)
            return -1;
        c->pass = more;
        c->pass_cap = cap;
    }
    c->pass[c->pass_count++] = (struct passed){c->out_base + c->out.len, fd};
    return 0;
}

static int flush(struct tm_ipc_channel *c);

/* With the lock. */
static int put(struct tm_ipc_channel *c, unsigned type, const void *msg, int fd, struct tm_err *e)
{
    const struct tm_ipc_form *f = &c->protocol->form[type];
    struct header h = {.type = (uint16_t)type, .fds = fd >= 0};
    size_t before = c->out.len;
    if (c->over)
        return tm_err_set(e, "the other process has ended");
    if (c->out.len - c->out_at > IPC_WAITING_MAX)
        return tm_err_set(e, "the other process does not keep up");
    tm_buf_append(&c->out, &h, sizeof(h));
    int rc = tm_ipc_form_put(f, msg, &c->out, e);
    size_t len = c->out.len - before - sizeof(h);
    if (rc == 0 && len > c->frame_max)
        rc = tm_err_set(e, "%s: %zu bytes are too many", f->name, len);
    size_t end = c->out.len;
    c->out.len = before;
    c->over = buf_failed(&c->out);
    if (rc == 0 && fd >= 0 && add_passed(c, fd) != 0)
        rc = tm_err_set(e, "out of memory");
    if (rc != 0)
        return -1;
    c->out.len = end;
    h.len = (uint32_t)len;
    memcpy(c->out.data + before, &h, sizeof(h));
    if (end - c->out_at >= SEND_AT && !c->full)
        (void)flush(c);
    return 0;
}

int tm_ipc_put(struct tm_ipc_channel *c, unsigned type, const void *msg, struct tm_err *e)
{
    int fd = tm_ipc_form_fd(&c->protocol->form[type], msg);
    pthread_mutex_lock(&c->lock);
    int rc = put(c, type, msg, fd, e);
    pthread_mutex_unlock(&c->lock);
    if (rc != 0 && fd >= 0)
        close(fd);
    return rc;
}

/* A descriptor must go with the first byte of its message, so a message with one begins a call. */
static ssize_t send_some(struct tm_ipc_channel *c)
{
    size_t left = c->out.len - c->out_at;
    uint64_t here = c->out_base + c->out_at;
    struct iovec iov = {c->out.data + c->out_at, left};
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    size_t next = 0;
    if (c->pass_count > 0 && c->pass[0].at == here) {
        memset(&control, 0, sizeof(control));
        m.msg_control = control.room;
        m.msg_controllen = sizeof(control.room);
        struct cmsghdr *h = CMSG_FIRSTHDR(&m);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(h), &c->pass[0].fd, sizeof(int));
        next = 1;
    }
    if (next < c->pass_count && c->pass[next].at - here < left)
        iov.iov_len = (size_t)(c->pass[next].at - here);
    ssize_t n = sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0 && next == 1) {
        close(c->pass[0].fd);
        c->pass_count--;
        memmove(c->pass, c->pass + 1, c->pass_count * sizeof(*c->pass));
    }
    return n;
}

/* What was sent goes, so that the buffer does not grow while it is never quite empty. */
static void drop_sent(struct tm_buf *b, size_t *at)
{
    if (*at == b->len) {
        b->len = 0;
        *at = 0;
        if (b->cap > KEEP_MAX)
            tm_buf_free_secret(b);
    } else if (*at > b->len / 2 && *at > READ_ROOM) {
        memmove(b->data, b->data + *at, b->len - *at);
        b->len -= *at;
        *at = 0;
    }
}

/* With the lock. */
static int flush(struct tm_ipc_channel *c)
{
    c->full = false;
    while (!c->over && c->out_at < c->out.len) {
        ssize_t n = send_some(c);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            c->full = true;
            return 1;
        }
        if (n < 0) {
            c->over = true;
            break;
        }
        c->out_at += (size_t)n;
        size_t had = c->out_at;
        drop_sent(&c->out, &c->out_at);
        c->out_base += had - c->out_at;
    }
    return c->over ? -1 : 0;
}

int tm_ipc_flush(struct tm_ipc_channel *c)
{
    pthread_mutex_lock(&c->lock);
    int rc = flush(c);
    pthread_mutex_unlock(&c->lock);
    return rc;
}

/* ---- reading ---- */

/* -1: more came than anybody could have wanted to send. */
static int keep_fds(struct tm_ipc_channel *c, struct msghdr *m)
{
    int rc = (m->msg_flags & MSG_CTRUNC) != 0 ? -1 : 0;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h != NULL; h = CMSG_NXTHDR(m, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(int));
            if (c->got_count < FDS_MAX) {
                c->got[c->got_count++] = fd;
            } else {
                close(fd);
                rc = -1;
            }
        }
    }
    return rc;
}

/* How much the message that is under way still needs, so that it is read at once. */
static size_t wanted(const struct tm_ipc_channel *c)
{
    struct header h;
    size_t have = c->in.len - c->in_at;
    if (have < sizeof(h))
        return READ_ROOM;
    memcpy(&h, c->in.data + c->in_at, sizeof(h));
    size_t whole = sizeof(h) + (h.len <= c->frame_max ? h.len : 0);
    return whole > have && whole - have > READ_ROOM ? whole - have : READ_ROOM;
}

int tm_ipc_fill(struct tm_ipc_channel *c, struct tm_err *e)
{
    union {
        char room[CMSG_SPACE(4 * sizeof(int))];
        struct cmsghdr align;
    } control;
    drop_sent(&c->in, &c->in_at);
    size_t want = wanted(c);
    unsigned char *to = tm_buf_reserve(&c->in, want);
    if (to == NULL)
        return tm_err_set(e, "out of memory");
    struct iovec iov = {to, c->in.cap - c->in.len};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof(control.room)};
    ssize_t n;
    do {
        n = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    c->ended = n <= 0;
    if (n <= 0)
        return tm_err_set(e, "the other process has ended");
    if (keep_fds(c, &m) != 0)
        return tm_err_set(e, "too many descriptors");
    c->in.len += (size_t)n;
    return 1;
}

bool tm_ipc_ended(const struct tm_ipc_channel *c)
{
    return c->ended;
}

int tm_ipc_next(struct tm_ipc_channel *c, unsigned *type, void *msg, size_t room, struct tm_err *e)
{
    struct header h;
    size_t have = c->in.len - c->in_at;
    if (have < sizeof(h))
        return 0;
    memcpy(&h, c->in.data + c->in_at, sizeof(h));
    if (h.type >= c->protocol->count || h.len > c->frame_max || h.fds > 1)
        return tm_err_set(e, "a message of unknown form (%u, %u bytes)", h.type, h.len);
    const struct tm_ipc_form *f = &c->protocol->form[h.type];
    if ((c->hears & IPC_HEAR(h.type)) == 0)
        return tm_err_set(e, "%s: it is not the other side's to send", f->name);
    if (have - sizeof(h) < h.len)
        return 0;
    if (f->size > room || (h.fds == 1 && c->got_count == 0))
        return tm_err_set(e, "%s: %s", f->name, f->size > room ? "no room" : "no descriptor came");
    int fd = h.fds == 1 ? c->got[0] : -1;
    if (tm_ipc_form_take(f, c->in.data + c->in_at + sizeof(h), h.len, fd, msg, e) != 0)
        return -1;
    if (fd >= 0) {
        c->got_count--;
        memmove(c->got, c->got + 1, c->got_count * sizeof(c->got[0]));
    }
    c->in_at += sizeof(h) + h.len;
    *type = h.type;
    return 1;
}
