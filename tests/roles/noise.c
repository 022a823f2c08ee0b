/* A process that somebody has taken over writes to its channels what is no message, or not its to
 * send: who reads it says so and ends, and the service with it. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ca/audit/wire.h"
#include "ca/ct/far_internal.h"
#include "ca/once/internal.h"
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
#define EACH(member) LINK(member), sizeof(((struct roles *)NULL)->member[0])

/* All kinds of channels; one that is on no row fails the test. */
static const struct family {
    size_t link;          /* of struct roles: an int, or one for each role, */
    size_t stride;        /* which are so far apart; 0: it is one */
    bool first_asks;      /* the first role of the link; else the second */
    unsigned ask, answer; /* forms: an ask is not heard by who asks, nor an answer by the other */
} families[] = {
    {EACH(front_to), true, FAR_HTTP_ASK, FAR_HTTP_ANSWER}, /* of each role the first lane */
    {LINK(issuer_to_log), 0, true, CT_FAR_ENTRY, CT_FAR_SCT},
    {LINK(issuer_to_fetch), 0, true, FAR_ASK, FAR_ANSWER},
    {LINK(log_to_fetch), 0, true, FAR_ASK, FAR_ANSWER},
    {LINK(signatures_to_fetch), 0, true, FAR_ASK, FAR_ANSWER},
    {LINK(audit_to_fetch), 0, true, FAR_ASK, FAR_ANSWER},
    {LINK(issuer_to_store), 0, true, ONCE_CLAIM, ONCE_OUTCOME},
    {LINK(issuer_to_pages), 0, false, ASK, TOLD},
    {EACH(keys_of), true, LANE_SIGN, LANE_SIGNED},
    {EACH(trail_of), false, AUDIT_WIRE_EVENT, AUDIT_WIRE_KEPT},
    {EACH(ready_of), true, ASK, TOLD},
};

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

/* What is sent in turn: in the writers' processes as they were forked. */
static struct {
    enum role_name writer;
    int link; /* -1: its channel to the parent, which opens files */
    unsigned heard, not_heard;
} now;
static int kept = -1; /* in its writer: the writer's end */

/* Before the role takes it. */
static void keep_end(struct roles *r, enum role_name self)
{
    if (self != now.writer)
        return;
    if (now.link < 0) {
        kept = dup(tm_ipc_channel_fd(r->group->ask));
        return;
    }
    const struct tm_process_wire *w = &r->group->wire[now.link];
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
        m.type = (uint16_t)(kinds[kind].not_heard ? now.not_heard : now.heard);
    memset(m.body, kinds[kind].fill, sizeof(m.body));
    if (kept >= 0 && write(kept, &m, sizeof(m)) == (ssize_t)sizeof(m))
        return 0;
    tm_err_set(e, "nothing can be written");
    return 10;
}

/* Whether `who` is the first process that ends, and so. */
static bool ends(struct roles *r, unsigned kind, enum role_name who, const char *how)
{
    struct tm_err e = {0};
    struct tm_process_news news;
    /* 1: the reader may have ended before the writer could say that it has written. */
    if (tm_process_step(r->group, now.writer, kind + 1, &e) > 1) {
        printf("     %s\n", e.text);
        return false;
    }
    tm_process_wait(r->group, END_MS, &news);
    bool ok = news.event == PROCESS_ENDED && strcmp(news.role, r->started[who].name) == 0 &&
              strstr(news.how.text, how) != NULL;
    if (!ok)
        printf("     %s %s\n", news.event == PROCESS_ENDED ? news.role : "nobody", news.how.text);
    return ok;
}

/* Each kind of noise to `reader`; ROLE_COUNT: the parent, which ends the writer. How many went
 * wrong. */
static int noise_to(struct roles *r, enum role_name reader, bool all_kinds)
{
    static const struct attempt_hooks hooks = {make_noise, keep_end};
    bool to_parent = reader == ROLE_COUNT;
    enum role_name ended = to_parent ? now.writer : reader;
    int wrong = 0;
    for (unsigned kind = 0; kind < KINDS; kind++) {
        if (!all_kinds && !kinds[kind].everywhere)
            continue;
        if (attempts_begin(r, now.writer > ended ? now.writer : ended, &hooks) != 0) {
            attempts_end(r);
            return wrong + 1;
        }
        bool ok = ends(r, kind, ended, to_parent ? "killed by signal 9" : "ended with code 1");
        printf("%-4s %s sends %s what is %s: that ends%s\n", ok ? "ok" : "FAIL",
               r->started[now.writer].name, to_parent ? "the parent" : r->started[reader].name,
               kinds[kind].what, to_parent ? " it" : "");
        wrong += !ok;
        attempts_end(r);
    }
    return wrong;
}

/* NULL: it is on no row. */
static const struct family *family_of(const struct roles *r, int link)
{
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        const struct family *f = &families[i];
        const char *at = (const char *)r + f->link;
        for (unsigned role = 0; role < (f->stride > 0 ? ROLE_COUNT : 1); role++) {
            if (*(const int *)(at + role * f->stride) == link)
                return f;
        }
    }
    return NULL;
}

static int noise_of_link(struct roles *r, int link, const struct tm_process_wire *w)
{
    const struct family *f = family_of(r, link);
    int wrong = 0;
    if (f == NULL) {
        printf("FAIL %s and %s have a channel that is not known here\n",
               r->started[w->role[0]].name, r->started[w->role[1]].name);
        return 1;
    }
    for (unsigned side = 0; side < 2; side++) {
        bool asks = (side == 0) == f->first_asks;
        now.writer = w->role[side];
        now.link = link;
        now.heard = asks ? f->ask : f->answer;
        now.not_heard = asks ? f->answer : f->ask;
        wrong += noise_to(r, w->role[!side], link == 0 && side == 0);
    }
    return wrong;
}

int noise_all(struct roles *r)
{
    struct tm_process_wire wire[PROCESS_LINKS_MAX];
    struct tm_err e = {0};
    tm_ipc_on_breach(roles_breach);
    if (roles_link(r, &e) != 0) {
        printf("FAIL %s\n", e.text);
        return 1;
    }
    size_t wires = r->group->wires;
    memcpy(wire, r->group->wire, sizeof(wire));
    attempts_end(r);
    int wrong = 0;
    for (size_t i = 0; i < wires; i++)
        wrong += noise_of_link(r, (int)i, &wire[i]);
    now.writer = ROLE_FETCH;
    now.link = -1;
    now.heard = ASK;
    now.not_heard = TOLD;
    return wrong + noise_to(r, ROLE_COUNT, true);
}
