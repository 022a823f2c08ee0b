/* The side that asks the store. Claims that come while others are under way go out together. */
#include <inttypes.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/once/internal.h"
#include "common/clock.h"
#include "common/hex.h"
#include "common/quantity.h"
#include "common/thread.h"

#define BATCH_MAX 256
#define HEAD 2 /* commands in front of those of a batch: since when it remembers */
#define COMMANDS_MAX (HEAD + 2 * BATCH_MAX)
#define IDLE_MS 5000                            /* then it is asked whether it is still there */
#define AWAY_MS 1000                            /* between tries while it is not */
#define EVICTS_MS 60000                         /* then it is looked whether it may evict keys */
#define KEEP_S_MAX ((int64_t)100 * 365 * 86400) /* Redis refuses what it cannot count in ms */
#define KEY_PREFIX "tenmint:used:"
#define BEGIN_KEY KEY_PREFIX "begin"
#define NAME_MAX_LEN 48 /* a claim's name: 16 hex digits, ':', a number */

/* Redis's own pattern for "delete, if it is mine" (SET's manual page). */
static const char release_script[] =
    "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) else return 0 end";

struct item { /* a claim, or one to take back */
    struct item *next;
    bool release;
    bool again; /* it was kept, and does not count as waiting; a claim was answered then */
    uint64_t number;
    int64_t from_s, until_s;
    char key[sizeof(KEY_PREFIX) + 2 * OIDC_TOKEN_USE_ID];
    char name[NAME_MAX_LEN];
    char seconds[24]; /* until the key ends */
};

struct ca_once_service {
    const struct ca_redis_options *options;
    bool lenient;
    struct tm_ipc_loop *loop;
    struct tm_ipc_channel *channel;
    char who[17]; /* this process, in the names of its claims */
    pthread_t thread;
    bool started;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t more;
    struct item *first, **last;
    size_t waiting;
    bool stop;

    /* of the thread alone */
    int64_t look_ms;   /* when it is looked whether the store is there */
    struct item *kept; /* for when it is there again: see keep */
    size_t kept_count;
    struct ca_redis *redis; /* NULL: away */
    int64_t evicts_ms;      /* when it is looked whether it evicts */
    enum ca_redis_evicts evicts;
    struct tm_err how; /* of that */
    bool looked, how_said;
    bool said, up; /* what was said last, if anything was */
    struct ca_redis_command command[COMMANDS_MAX];
};

static void tell(struct ca_once_service *s, unsigned type, const void *msg)
{
    (void)tm_ipc_put(s->channel, type, msg, NULL);
}

static void tell_outcome(struct ca_once_service *s, const struct item *i,
                         enum ca_once_status status, const char *why)
{
    const struct ca_once_outcome m = {.number = i->number, .status = status, .why = why};
    tell(s, ONCE_OUTCOME, &m);
}

static void tell_state(struct ca_once_service *s, bool up, const char *why)
{
    const struct ca_once_state m = {
        .up = up, .why = why, .evicts = s->evicts, .how = s->how_said ? NULL : s->how.text};
    if (s->said && s->up == up && s->how_said)
        return;
    s->said = s->how_said = true;
    s->up = up;
    tell(s, ONCE_STATE, &m);
    tm_ipc_loop_flush(s->loop, s->channel);
}

/* ---- the queue ---- */

/* With the lock. */
static void queue_put(struct ca_once_service *s, struct item *i)
{
    i->next = NULL;
    *s->last = i;
    s->last = &i->next;
    s->waiting++;
    pthread_cond_signal(&s->more);
}

/* Until there is one, or a look is due. Whether to go on. */
static bool queue_wait(struct ca_once_service *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->first == NULL && !s->stop && tm_cond_wait(&s->more, &s->lock, s->look_ms))
        ;
    bool stop = s->stop;
    pthread_mutex_unlock(&s->lock);
    return !stop;
}

/* Up to BATCH_MAX of them, in their order; NULL if there is none. */
static struct item *queue_take(struct ca_once_service *s)
{
    pthread_mutex_lock(&s->lock);
    struct item *batch = s->first;
    struct item **end = &batch;
    for (size_t n = 0; *end != NULL && n < BATCH_MAX; n++, end = &(*end)->next)
        s->waiting -= !(*end)->again;
    s->first = *end;
    *end = NULL;
    if (s->first == NULL)
        s->last = &s->first;
    pthread_mutex_unlock(&s->lock);
    return batch;
}

static void free_all(struct item *i)
{
    while (i != NULL) {
        struct item *next = i->next;
        free(i);
        i = next;
    }
}

/* ---- the store ---- */

static size_t put_batch(struct ca_once_service *s, const struct item *batch, const char *now)
{
    struct ca_redis_command *c = s->command;
    *c++ = (struct ca_redis_command){.word = {"SET", BEGIN_KEY, now, "NX"}};
    *c++ = (struct ca_redis_command){.word = {"GET", BEGIN_KEY}};
    for (const struct item *i = batch; i != NULL; i = i->next) {
        if (i->release) {
            *c++ =
                (struct ca_redis_command){.word = {"EVAL", release_script, "1", i->key, i->name}};
            continue;
        }
        *c++ = (struct ca_redis_command){.word = {"SET", i->key, i->name, "NX", "EX", i->seconds}};
        *c++ = (struct ca_redis_command){.word = {"GET", i->key}};
    }
    return (size_t)(c - s->command);
}

/* Takes one that may have been carried out, for when the store is there (again): a claim is taken
 * back, or, if its token was let in, asked once more. */
static void keep(struct ca_once_service *s, struct item *i)
{
    i->release = i->release || !s->lenient;
    i->again = true;
    if (i->until_s <= tm_clock_wall_ms() / 1000 || s->kept_count == ONCE_AT_ONCE_MAX) {
        free(i);
        return;
    }
    i->next = s->kept;
    s->kept = i;
    s->kept_count++;
}

/* Whose the key is now, and whether the store was there when the token was made. Of SET and GET
 * either may have been refused, and only a key that was read is known to be another's, or not
 * there. Takes the claim. */
static void settle(struct ca_once_service *s, struct item *i, const struct ca_redis_command got[2],
                   int64_t begin_s)
{
    const struct ca_redis_command *get = &got[1];
    struct tm_err e = {0};
    if (get->kind != REDIS_TEXT) {
        if (ca_redis_all_taken(got, 2, &e) == 0)
            tm_err_set(&e, "the store does not keep what it is given");
        tell_outcome(s, i, ONCE_UNKNOWN, e.text);
    } else if (strcmp(get->text, i->name) != 0) {
        tell_outcome(s, i, ONCE_USED, NULL);
    } else if (i->from_s <= begin_s) {
        tell_outcome(s, i, ONCE_YOUNG,
                     "the token may have been used before the store began to remember");
    } else {
        tell_outcome(s, i, ONCE_FIRST, NULL);
    }
    if (get->kind == REDIS_REFUSED)
        keep(s, i);
    else
        free(i);
}

static bool is_ours(const struct ca_once_service *s, const char *name)
{
    size_t len = strlen(s->who);
    return strncmp(name, s->who, len) == 0 && name[len] == ':';
}

/* One whose token has been let in, or not: of two requests with one token that were unknown here,
 * the memory of this server let one in, and either's name is this server's mark. The other is not
 * taken back, as it may be the one whose name was kept. Takes it. */
static void settle_again(struct ca_once_service *s, struct item *i,
                         const struct ca_redis_command *get)
{
    if (get->kind == REDIS_TEXT && !is_ours(s, get->text))
        tell_outcome(s, i, ONCE_USED, NULL);
    free(i);
}

/* What is refused now would be refused again: it is told of, and ends with the token. Takes it. */
static void settle_release(struct ca_once_service *s, struct item *i,
                           const struct ca_redis_command *got)
{
    struct tm_err e = {0};
    if (ca_redis_all_taken(got, 1, &e) != 0)
        tell_outcome(s, i, ONCE_UNKNOWN, e.text);
    free(i);
}

/* Takes them. */
static void settle_all(struct ca_once_service *s, struct item *batch)
{
    const struct ca_redis_command *c = s->command + 1;
    int64_t begin_s = INT64_MAX; /* of no token is it known, where this is no number */
    if (c->kind == REDIS_TEXT)
        (void)tm_quantity_count(c->text, &begin_s);
    c++;
    while (batch != NULL) {
        struct item *i = batch;
        batch = i->next;
        if (i->release) {
            settle_release(s, i, c);
            c += 1;
        } else {
            if (i->again)
                settle_again(s, i, &c[1]);
            else
                settle(s, i, c, begin_s);
            c += 2;
        }
    }
}

/* At each connection, which may be to another server, and now and then: who rules the store may
 * change its mind. One that evicts is of no use where what is unknown is refused. */
static int look_evicts(struct ca_once_service *s, struct tm_err *e)
{
    enum ca_redis_evicts was = s->evicts;
    int64_t now_ms = tm_clock_mono_ms();
    if (now_ms < s->evicts_ms)
        return 0;
    if (ca_redis_ask_evicts(s->redis, &s->evicts, &s->how, e) != 0)
        return -1;
    s->how_said = s->how_said && s->looked && was == s->evicts;
    s->looked = true;
    s->evicts_ms = now_ms + EVICTS_MS;
    return s->evicts == REDIS_EVICTS && !s->lenient
               ? tm_err_set(e, "it may evict keys (%s): want maxmemory-policy noeviction",
                            s->how.text)
               : 0;
}

static int connect_store(struct ca_once_service *s, struct tm_err *e)
{
    s->redis = ca_redis_open(s->options, e);
    s->evicts_ms = 0;
    return s->redis != NULL ? 0 : -1;
}

/* Opens the connection if there is none, and asks. Where the head is refused, no claim is good. */
static int ask_once(struct ca_once_service *s, const struct item *batch, struct tm_err *e)
{
    char now[24];
    if (s->redis == NULL && connect_store(s, e) != 0)
        return -1;
    snprintf(now, sizeof(now), "%" PRId64, ca_redis_now_s(s->redis));
    if (look_evicts(s, e) == 0 &&
        ca_redis_run(s->redis, s->command, put_batch(s, batch, now), e) == 0 &&
        ca_redis_all_taken(s->command, HEAD, e) == 0)
        return 0;
    ca_redis_close(s->redis);
    s->redis = NULL;
    return -1;
}

/* In front of the claims that came meanwhile: they may be of the same tokens. */
static void queue_kept(struct ca_once_service *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->kept != NULL) {
        struct item *i = s->kept;
        s->kept = i->next;
        i->next = s->first;
        if (s->first == NULL)
            s->last = &i->next;
        s->first = i;
    }
    pthread_mutex_unlock(&s->lock);
    s->kept_count = 0;
}

/* Takes them. `asked`: they may have been carried out. */
static void refuse(struct ca_once_service *s, struct item *batch, bool asked, const char *why)
{
    while (batch != NULL) {
        struct item *i = batch;
        batch = i->next;
        if (!i->release && !i->again)
            tell_outcome(s, i, ONCE_UNKNOWN, why);
        if (asked || i->release || s->lenient)
            keep(s, i);
        else
            free(i);
    }
}

/* With NULL: whether the store is there. A connection that was idle may have ended without a word:
 * then once more, on a new one. */
static void ask(struct ca_once_service *s, struct item *batch)
{
    struct tm_err e = {0};
    bool old = s->redis != NULL;
    int rc = ask_once(s, batch, &e);
    if (rc != 0 && old)
        rc = ask_once(s, batch, &e);
    if (rc == 0) {
        settle_all(s, batch);
        queue_kept(s);
    } else {
        tm_err_wrap(&e, "the store of used tokens");
        refuse(s, batch, true, e.text);
    }
    tell_state(s, rc == 0, e.text);
    s->look_ms = tm_clock_mono_ms() + (rc == 0 ? IDLE_MS : AWAY_MS);
}

/* While the store is away nobody waits for it: it is tried once a second, and claims that come in
 * between are answered at once. The look comes before the claims are taken: what it finds to be
 * taken back goes ahead of them. */
static void *run(void *service)
{
    struct ca_once_service *s = service;
    while (queue_wait(s)) {
        if (tm_clock_mono_ms() >= s->look_ms)
            ask(s, NULL);
        struct item *batch = queue_take(s);
        if (batch != NULL && s->up)
            ask(s, batch);
        else
            refuse(s, batch, false, "the store of used tokens is away");
        tm_ipc_loop_flush(s->loop, s->channel);
    }
    return NULL;
}

/* ---- the channel ---- */

/* How long the store has to remember a token; both times are another process's word. */
static int64_t seconds_left(const struct ca_once_ask *m)
{
    int64_t left = 0;
    if (__builtin_sub_overflow(m->until_s, m->now_s, &left))
        left = m->until_s > m->now_s ? KEEP_S_MAX : 1;
    return left < 1 ? 1 : left > KEEP_S_MAX ? KEEP_S_MAX : left;
}

static void on_ask(void *ctx, struct tm_ipc_channel *c, unsigned type, void *msg)
{
    struct ca_once_service *s = ctx;
    const struct ca_once_ask *m = msg;
    struct item *i = m->id.len == OIDC_TOKEN_USE_ID ? calloc(1, sizeof(*i)) : NULL;
    bool put = false;
    if (i != NULL) {
        *i = (struct item){.release = type == ONCE_RELEASE,
                           .number = m->number,
                           .from_s = m->from_s,
                           .until_s = m->until_s};
        strcpy(i->key, KEY_PREFIX);
        tm_hex_encode(m->id.data, m->id.len, i->key + strlen(KEY_PREFIX));
        snprintf(i->name, sizeof(i->name), "%s:%" PRIu64, s->who, m->number);
        snprintf(i->seconds, sizeof(i->seconds), "%" PRId64, seconds_left(m));
        pthread_mutex_lock(&s->lock);
        put = s->waiting < ONCE_AT_ONCE_MAX;
        if (put)
            queue_put(s, i);
        pthread_mutex_unlock(&s->lock);
    }
    if (put)
        return;
    free(i);
    const struct ca_once_outcome no = {
        .number = m->number, .status = ONCE_UNKNOWN, .why = "too many tokens wait for the store"};
    if (type == ONCE_CLAIM)
        (void)tm_ipc_put(c, ONCE_OUTCOME, &no, NULL);
}

static int name_process(char who[17], struct tm_err *e)
{
    unsigned char random[8];
    if (RAND_bytes(random, sizeof(random)) != 1)
        return tm_err_openssl(e, "no random numbers");
    tm_hex_encode(random, sizeof(random), who);
    return 0;
}

struct ca_once_service *ca_once_service_new(int fd, struct tm_ipc_loop *loop,
                                            const struct ca_redis_options *o, bool lenient,
                                            struct tm_err *e)
{
    struct tm_ipc_channel *c = tm_ipc_channel_new(fd, &ca_once_protocol, e);
    struct ca_once_service *s = c != NULL ? calloc(1, sizeof(*s)) : NULL;
    if (s == NULL) {
        tm_ipc_channel_free(c);
        return tm_err_null(e, "out of memory");
    }
    s->options = o;
    s->lenient = lenient;
    s->how_said = true; /* there is nothing to say yet */
    s->loop = loop;
    s->channel = c;
    s->last = &s->first;
    pthread_mutex_init(&s->lock, NULL);
    tm_cond_init(&s->more);
    tm_ipc_channel_hear(c, IPC_HEAR(ONCE_CLAIM) | IPC_HEAR(ONCE_RELEASE));
    const struct tm_ipc_port port = {.channel = c, .message = on_ask, .ctx = s};
    if (name_process(s->who, e) == 0 && tm_ipc_loop_add(loop, &port, e) == 0)
        return s;
    ca_once_service_free(s);
    return NULL;
}

int ca_once_service_start(struct ca_once_service *s, struct tm_err *e)
{
    s->started = pthread_create(&s->thread, NULL, run, s) == 0;
    return s->started ? 0 : tm_err_set(e, "cannot start a thread");
}

void ca_once_service_free(struct ca_once_service *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_signal(&s->more);
    pthread_mutex_unlock(&s->lock);
    if (s->started)
        pthread_join(s->thread, NULL);
    free_all(s->first);
    free_all(s->kept);
    ca_redis_close(s->redis);
    tm_ipc_channel_free(s->channel);
    pthread_cond_destroy(&s->more);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
