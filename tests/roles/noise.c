/* A process that somebody has taken over writes to its channels what is no message, or not its to
 * send: who reads it says so and ends, and the service with it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ca/ct/far_internal.h"
#include "common/fetch/far_internal.h"
#include "common/http/far_internal.h"
#include "common/ipc/loop.h"
#include "common/process/internal.h"
#include "tests/roles/attempts.h"

#define END_MS 20000

static int issuer_to_fetch(const struct roles *r)
{
    return r->issuer_to_fetch;
}

static int log_to_fetch(const struct roles *r)
{
    return r->log_to_fetch;
}

static int issuer_to_log(const struct roles *r)
{
    return r->issuer_to_log;
}

static int front_to_issuer(const struct roles *r)
{
    return r->front_to[ROLE_ISSUER][0];
}

static int front_to_log(const struct roles *r)
{
    return r->front_to[ROLE_LOG][0];
}

static int front_to_signatures(const struct roles *r)
{
    return r->front_to[ROLE_SIGNATURES][0];
}

static const struct {
    enum role_name writer, reader;
    int (*link)(const struct roles *r);
    unsigned heard, not_heard; /* forms */
} channels[] = {
    {ROLE_FRONT, ROLE_ISSUER, front_to_issuer, FAR_HTTP_ASK, FAR_HTTP_ANSWER},
    {ROLE_FRONT, ROLE_LOG, front_to_log, FAR_HTTP_ASK, FAR_HTTP_ANSWER},
    {ROLE_FRONT, ROLE_SIGNATURES, front_to_signatures, FAR_HTTP_GONE, FAR_HTTP_ANSWER},
    {ROLE_ISSUER, ROLE_FRONT, front_to_issuer, FAR_HTTP_ANSWER, FAR_HTTP_ASK},
    {ROLE_ISSUER, ROLE_LOG, issuer_to_log, CT_FAR_ENTRY, CT_FAR_SCT},
    {ROLE_LOG, ROLE_ISSUER, issuer_to_log, CT_FAR_SCT, CT_FAR_ENTRY},
    {ROLE_FETCH, ROLE_ISSUER, issuer_to_fetch, FAR_ANSWER, FAR_ASK},
    {ROLE_FETCH, ROLE_LOG, log_to_fetch, FAR_ANSWER, FAR_ASK},
    {ROLE_LOG, ROLE_FETCH, log_to_fetch, FAR_ASK, FAR_ANSWER},
};
#define CHANNELS (sizeof(channels) / sizeof(channels[0]))

static const char *const kinds[] = {"garbage", "over-long", "not its to send", "cut short"};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static size_t now;    /* the channel in turn */
static int kept = -1; /* in its writer: the writer's end */

/* Before the role takes it. */
static void keep_end(struct roles *r, enum role_name self)
{
    int link = channels[now].link(r);
    if (self != channels[now].writer || link < 0)
        return;
    const struct tm_process_wire *w = &r->group->wire[link];
    kept = dup(w->fd[w->role[0] == self ? 0 : 1]);
}

static int make_noise(struct roles *r, unsigned step, struct tm_err *e)
{
    (void)r;
    struct {
        uint32_t len;
        uint16_t type, fds;
        unsigned char body[24];
    } m = {.len = 24, .type = (uint16_t)channels[now].heard};
    size_t n = 8 + 24;
    if (step == 1)
        memset(&m, 0xff, sizeof(m));
    else if (step == 2)
        m.len = 0x7fffffff;
    else if (step == 3)
        m.type = (uint16_t)channels[now].not_heard;
    else
        m.len = 1;
    if (kept >= 0 && write(kept, &m, n) == (ssize_t)n)
        return 0;
    tm_err_set(e, "nothing can be written");
    return 10;
}

static bool ends(struct roles *r, unsigned kind)
{
    struct tm_err e = {0};
    struct tm_process_news news;
    /* 1: the reader may have ended before the writer could say that it has written. */
    if (tm_process_step(r->group, channels[now].writer, kind + 1, &e) > 1) {
        printf("     %s\n", e.text);
        return false;
    }
    tm_process_wait(r->group, END_MS, &news);
    bool ok = news.event == PROCESS_ENDED &&
              strcmp(news.role, r->started[channels[now].reader].name) == 0 &&
              strcmp(news.how.text, "ended with code 1") == 0;
    if (!ok)
        printf("     %s %s\n", news.event == PROCESS_ENDED ? news.role : "nobody", news.how.text);
    return ok;
}

int noise_all(struct roles *r)
{
    static const struct attempt_hooks hooks = {make_noise, keep_end};
    int wrong = 0;
    tm_ipc_on_breach(roles_breach);
    for (now = 0; now < CHANNELS; now++) {
        for (unsigned kind = 0; kind < KINDS; kind++) {
            if (attempts_begin(r, ROLE_FRONT, &hooks) != 0)
                return wrong + 1;
            bool ok = ends(r, kind);
            printf("%-4s %s sends %s what is %s: that ends\n", ok ? "ok" : "FAIL",
                   r->started[channels[now].writer].name, r->started[channels[now].reader].name,
                   kinds[kind]);
            wrong += !ok;
            attempts_end(r);
        }
    }
    return wrong;
}
