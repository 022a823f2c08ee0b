/* A process that somebody has taken over writes to its channels what is no message, or not its to
 * send: who reads it says so and ends, and the service with it. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ca/audit/wire.h"
#include "ca/ct/far_internal.h"
#include "common/fetch/far_internal.h"
#include "common/http/far_internal.h"
#include "common/ipc/loop.h"
#include "common/kms/lane_internal.h"
#include "common/process/internal.h"
#include "tests/roles/attempts.h"

#define END_MS 20000

/* The forms of the short protocols, which their files keep to themselves: what is asked is the
 * first. */
enum { ASK, TOLD };

#define LINK(member) offsetof(struct roles, member)
/* A role's first lane to the front, which asks there and nothing else. */
#define LANE(role) ROLE_FRONT, role, LINK(front_to[role][0]), FAR_HTTP_ASK, FAR_HTTP_ANSWER

static const struct {
    enum role_name writer, reader;
    size_t link; /* of struct roles */
    unsigned heard,
        not_heard; /* forms: an ask is not heard by who asks, nor an answer by the other */
} channels[] = {
    {LANE(ROLE_ISSUER)},
    {LANE(ROLE_LOG)},
    {LANE(ROLE_SIGNATURES)},
    {LANE(ROLE_TIMESTAMPS)},
    {LANE(ROLE_TUF)},
    {LANE(ROLE_PAGES)},
    {LANE(ROLE_AUDIT)},
    {ROLE_ISSUER, ROLE_FRONT, LINK(front_to[ROLE_ISSUER][0]), FAR_HTTP_ANSWER, FAR_HTTP_ASK},
    {ROLE_ISSUER, ROLE_LOG, LINK(issuer_to_log), CT_FAR_ENTRY, CT_FAR_SCT},
    {ROLE_LOG, ROLE_ISSUER, LINK(issuer_to_log), CT_FAR_SCT, CT_FAR_ENTRY},
    {ROLE_ISSUER, ROLE_FETCH, LINK(issuer_to_fetch), FAR_ASK, FAR_ANSWER},
    {ROLE_LOG, ROLE_FETCH, LINK(log_to_fetch), FAR_ASK, FAR_ANSWER},
    {ROLE_FETCH, ROLE_ISSUER, LINK(issuer_to_fetch), FAR_ANSWER, FAR_ASK},
    {ROLE_FETCH, ROLE_LOG, LINK(log_to_fetch), FAR_ANSWER, FAR_ASK},
    {ROLE_FETCH, ROLE_SIGNATURES, LINK(signatures_to_fetch), FAR_ANSWER, FAR_ASK},
    {ROLE_TIMESTAMPS, ROLE_KEYS, LINK(keys_of[ROLE_TIMESTAMPS]), LANE_SIGN, LANE_SIGNED},
    {ROLE_KEYS, ROLE_TIMESTAMPS, LINK(keys_of[ROLE_TIMESTAMPS]), LANE_SIGNED, LANE_SIGN},
    {ROLE_FRONT, ROLE_AUDIT, LINK(trail_of[ROLE_FRONT]), AUDIT_WIRE_EVENT, AUDIT_WIRE_KEPT},
    {ROLE_AUDIT, ROLE_ISSUER, LINK(trail_of[ROLE_ISSUER]), AUDIT_WIRE_KEPT, AUDIT_WIRE_EVENT},
    {ROLE_SIGNATURES, ROLE_ISSUER, LINK(ready_of[ROLE_SIGNATURES]), TOLD, ASK},
    {ROLE_ISSUER, ROLE_TIMESTAMPS, LINK(ready_of[ROLE_TIMESTAMPS]), ASK, TOLD},
    {ROLE_PAGES, ROLE_ISSUER, LINK(issuer_to_pages), ASK, TOLD},
    {ROLE_ISSUER, ROLE_PAGES, LINK(issuer_to_pages), TOLD, ASK},
};
#define CHANNELS (sizeof(channels) / sizeof(channels[0]))

#define BODY 256 /* more than the numbers that any form begins with */

/* What is wrong with a message that is heard. */
static const struct {
    const char *what;
    unsigned len; /* as the header has it */
    uint16_t type;
    uint16_t fds;
    unsigned char fill; /* of its body */
    bool not_heard;
    bool everywhere; /* else on the first channel alone: one code reads the frames of all */
} kinds[] = {
    {"garbage", UINT32_MAX, UINT16_MAX, UINT16_MAX, 0xff, false, false},
    {"over-long", INT32_MAX, 0, 0, 0, false, false},
    {"cut short", 1, 0, 0, 0, false, false},
    {"without the descriptor that it tells of", BODY, 0, 1, 0, false, false},
    {"not its to send", BODY, 0, 0, 0, true, true},
    {"of another channel's form", BODY, 40, 0, 0, false, true},
    {"of lengths that lie", BODY, 0, 0, 0xff, false, true},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static size_t now;    /* the channel in turn */
static int kept = -1; /* in its writer: the writer's end */

/* Before the role takes it. */
static void keep_end(struct roles *r, enum role_name self)
{
    int link = *(const int *)((const char *)r + channels[now].link);
    if (self != channels[now].writer || link < 0)
        return;
    const struct tm_process_wire *w = &r->group->wire[link];
    kept = dup(w->fd[w->role[0] == self ? 0 : 1]);
}

static int make_noise(struct roles *r, unsigned step, struct tm_err *e)
{
    (void)r;
    const unsigned kind = step - 1;
    struct {
        uint32_t len;
        uint16_t type, fds;
        unsigned char body[BODY];
    } m = {.len = kinds[kind].len, .type = kinds[kind].type, .fds = kinds[kind].fds};
    if (kinds[kind].type == 0)
        m.type = (uint16_t)(kinds[kind].not_heard ? channels[now].not_heard : channels[now].heard);
    memset(m.body, kinds[kind].fill, sizeof(m.body));
    if (kept >= 0 && write(kept, &m, sizeof(m)) == (ssize_t)sizeof(m))
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
            if (now > 0 && !kinds[kind].everywhere)
                continue;
            if (attempts_begin(r, ROLE_FRONT, &hooks) != 0)
                return wrong + 1;
            bool ok = ends(r, kind);
            printf("%-4s %s sends %s what is %s: that ends\n", ok ? "ok" : "FAIL",
                   r->started[channels[now].writer].name, r->started[channels[now].reader].name,
                   kinds[kind].what);
            wrong += !ok;
            attempts_end(r);
        }
    }
    return wrong;
}
