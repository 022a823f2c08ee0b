#include "tests/support/fakeredis.h"

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"

#define KEYS_MAX 1024
#define WORD_MAX 128
#define COUNTED_MAX 4096
#define TURN_MS 10 /* how soon a new mode is seen */

struct key {
    char name[WORD_MAX], value[WORD_MAX];
};

struct fakeredis {
    char url[64];
    int listener;
    pthread_t thread;

    pthread_mutex_t lock; /* guards what follows */
    bool stop;
    enum fakeredis_mode mode;
    const char *info; /* NULL: forbidden */
    const char *script;
    size_t script_len;
    bool script_hangs_up;
    struct key key[KEYS_MAX];
    size_t keys, counted, connections;
    char said[COUNTED_MAX][8]; /* the names of all commands */
};

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "fakeredis: %s\n", what);
    abort();
}

/* ---- the commands; with the lock ---- */

static const char *word(const redisReply *command, size_t i)
{
    return i < command->elements ? command->element[i]->str : "";
}

static struct key *find(struct fakeredis *r, const char *name)
{
    for (size_t i = 0; i < r->keys; i++) {
        if (strcmp(r->key[i].name, name) == 0)
            return &r->key[i];
    }
    return NULL;
}

static void put_text(struct tm_buf *out, const char *text)
{
    tm_buf_printf(out, "$%zu\r\n%s\r\n", strlen(text), text);
}

static void put_key(struct fakeredis *r, const char *name, const char *value)
{
    need(r->keys < KEYS_MAX, "too many keys");
    struct key *k = &r->key[r->keys++];
    snprintf(k->name, sizeof(k->name), "%s", name);
    snprintf(k->value, sizeof(k->value), "%s", value);
}

/* Seconds as Redis takes them: it counts in ms. */
static bool is_expiry(const char *text)
{
    long long seconds = strtoll(text, NULL, 10);
    return seconds > 0 && seconds <= LLONG_MAX / 1000 - time(NULL);
}

/* SET KEY VALUE NX [EX SECONDS]. Nothing ends here: tests are shorter than tokens. */
static void do_set(struct fakeredis *r, const redisReply *c, struct tm_buf *out)
{
    need(strcmp(word(c, 3), "NX") == 0, "SET without NX");
    if (c->elements > 4 && !is_expiry(word(c, 5))) {
        tm_buf_puts(out, "-ERR invalid expire time in 'set' command\r\n");
        return;
    }
    if (find(r, word(c, 1)) != NULL) {
        tm_buf_puts(out, "$-1\r\n");
        return;
    }
    if (r->mode != FAKEREDIS_FORGETFUL)
        put_key(r, word(c, 1), word(c, 2));
    tm_buf_puts(out, "+OK\r\n");
}

static void do_get(struct fakeredis *r, const redisReply *c, struct tm_buf *out)
{
    const struct key *k = find(r, word(c, 1));
    if (k != NULL)
        put_text(out, k->value);
    else
        tm_buf_puts(out, "$-1\r\n");
}

/* EVAL, which deletes a key whose value is the one given; without a key, the time or INFO. */
static void do_eval(struct fakeredis *r, const redisReply *c, struct tm_buf *out)
{
    if (strstr(word(c, 1), "'info'") != NULL) {
        if (r->info != NULL)
            put_text(out, r->info);
        else
            tm_buf_puts(out, "-NOPERM this user has no permissions to run the 'info' command\r\n");
        return;
    }
    if (strcmp(word(c, 2), "0") == 0) {
        char now[24];
        snprintf(now, sizeof(now), "%" PRId64, tm_clock_wall_ms() / 1000);
        put_text(out, now);
        return;
    }
    struct key *k = find(r, word(c, 3));
    bool mine = k != NULL && strcmp(k->value, word(c, 4)) == 0;
    if (mine)
        *k = r->key[--r->keys];
    tm_buf_printf(out, ":%d\r\n", mine);
}

static void do_nothing(struct fakeredis *r, const redisReply *c, struct tm_buf *out)
{
    (void)r;
    (void)c;
    tm_buf_puts(out, "+OK\r\n");
}

static const struct {
    const char *name;
    void (*run)(struct fakeredis *r, const redisReply *c, struct tm_buf *out);
} commands[] = {
    {"SET", do_set},      {"GET", do_get},      {"EVAL", do_eval},
    {"PING", do_nothing}, {"AUTH", do_nothing}, {"SELECT", do_nothing},
};

static void carry_out(struct fakeredis *r, const redisReply *c, struct tm_buf *out)
{
    need(c->type == REDIS_REPLY_ARRAY && c->elements > 0, "that is no command");
    if (r->mode == FAKEREDIS_LOADING) {
        tm_buf_puts(out, "-LOADING Redis is loading the dataset in memory\r\n");
        return;
    }
    need(r->counted < COUNTED_MAX, "too many commands");
    snprintf(r->said[r->counted++], sizeof(r->said[0]), "%s", word(c, 0));
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, word(c, 0)) == 0) {
            commands[i].run(r, c, out);
            return;
        }
    }
    need(false, "a command that nobody expected");
}

/* ---- a connection ---- */

struct peer {
    int fd;
    redisReader *reader;
    struct tm_buf answers; /* not sent yet */
    bool scripted;         /* the script was said */
};

/* Sends what may be sent now; false: the connection is to end. */
static bool say(struct fakeredis *r, struct peer *p)
{
    pthread_mutex_lock(&r->lock);
    bool silent = r->mode == FAKEREDIS_SILENT;
    bool end =
        (r->mode == FAKEREDIS_HANGS_UP || r->mode == FAKEREDIS_STUMBLES) && p->answers.len > 0;
    if (end && r->mode == FAKEREDIS_STUMBLES)
        r->mode = FAKEREDIS_GOOD;
    if (r->script != NULL && p->answers.len > 0) {
        tm_buf_reset(&p->answers);
        if (!p->scripted)
            tm_buf_append(&p->answers, r->script, r->script_len);
        p->scripted = true;
    }
    bool last = p->scripted && r->script_hangs_up;
    pthread_mutex_unlock(&r->lock);
    if (silent || end || p->answers.len == 0)
        return !end;
    /* The other side may have gone meanwhile: the next read tells. */
    (void)!send(p->fd, p->answers.data, p->answers.len, MSG_NOSIGNAL);
    tm_buf_reset(&p->answers);
    return !last;
}

/* Reads what has come, and carries it out; false: the other side has ended. */
static bool hear(struct fakeredis *r, struct peer *p)
{
    char part[4096];
    void *command = NULL;
    ssize_t n = recv(p->fd, part, sizeof(part), 0);
    if (n <= 0)
        return false;
    need(redisReaderFeed(p->reader, part, (size_t)n) == REDIS_OK, "not Redis's protocol");
    pthread_mutex_lock(&r->lock);
    while (redisReaderGetReply(p->reader, &command) == REDIS_OK && command != NULL) {
        carry_out(r, command, &p->answers);
        freeReplyObject(command);
    }
    pthread_mutex_unlock(&r->lock);
    return true;
}

static bool stopped(struct fakeredis *r)
{
    pthread_mutex_lock(&r->lock);
    bool stop = r->stop;
    pthread_mutex_unlock(&r->lock);
    return stop;
}

static void serve(struct fakeredis *r, int fd)
{
    struct peer p = {.fd = fd, .reader = redisReaderCreate()};
    need(p.reader != NULL, "out of memory");
    bool on = true;
    while (on && !stopped(r)) {
        struct pollfd at = {.fd = fd, .events = POLLIN};
        if (poll(&at, 1, TURN_MS) > 0)
            on = hear(r, &p);
        on = on && say(r, &p);
    }
    close(fd);
    redisReaderFree(p.reader);
    tm_buf_free(&p.answers);
}

static void *run(void *redis)
{
    struct fakeredis *r = redis;
    while (!stopped(r)) {
        struct pollfd at = {.fd = r->listener, .events = POLLIN};
        int fd = poll(&at, 1, TURN_MS) > 0 ? accept(r->listener, NULL, NULL) : -1;
        if (fd < 0)
            continue;
        pthread_mutex_lock(&r->lock);
        r->connections++;
        pthread_mutex_unlock(&r->lock);
        serve(r, fd);
    }
    return NULL;
}

/* ---- the test's side ---- */

struct fakeredis *fakeredis_new(void)
{
    struct fakeredis *r = calloc(1, sizeof(*r));
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(sa);
    need(r != NULL, "out of memory");
    r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    need(r->listener >= 0 && bind(r->listener, (struct sockaddr *)&sa, len) == 0 &&
             listen(r->listener, 16) == 0 &&
             getsockname(r->listener, (struct sockaddr *)&sa, &len) == 0,
         "listen");
    snprintf(r->url, sizeof(r->url), "redis://127.0.0.1:%d", ntohs(sa.sin_port));
    r->info = "0 noeviction";
    pthread_mutex_init(&r->lock, NULL);
    need(pthread_create(&r->thread, NULL, run, r) == 0, "thread");
    return r;
}

void fakeredis_free(struct fakeredis *r)
{
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    close(r->listener);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

const char *fakeredis_url(const struct fakeredis *r)
{
    return r->url;
}

void fakeredis_set(struct fakeredis *r, enum fakeredis_mode mode)
{
    pthread_mutex_lock(&r->lock);
    r->mode = mode;
    pthread_mutex_unlock(&r->lock);
}

void fakeredis_evicts(struct fakeredis *r, const char *info)
{
    pthread_mutex_lock(&r->lock);
    r->info = info;
    pthread_mutex_unlock(&r->lock);
}

void fakeredis_script(struct fakeredis *r, const char *bytes, size_t len, int hang_up)
{
    pthread_mutex_lock(&r->lock);
    r->script = bytes;
    r->script_len = len;
    r->script_hangs_up = hang_up != 0;
    pthread_mutex_unlock(&r->lock);
}

void fakeredis_forget(struct fakeredis *r)
{
    pthread_mutex_lock(&r->lock);
    r->keys = 0;
    pthread_mutex_unlock(&r->lock);
}

void fakeredis_put(struct fakeredis *r, const char *key, const char *value)
{
    pthread_mutex_lock(&r->lock);
    put_key(r, key, value);
    pthread_mutex_unlock(&r->lock);
}

size_t fakeredis_keys(struct fakeredis *r)
{
    pthread_mutex_lock(&r->lock);
    size_t keys = r->keys - (find(r, "tenmint:used:begin") != NULL);
    pthread_mutex_unlock(&r->lock);
    return keys;
}

size_t fakeredis_count(struct fakeredis *r, const char *name)
{
    size_t n = 0;
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->counted; i++)
        n += strcmp(r->said[i], name) == 0;
    pthread_mutex_unlock(&r->lock);
    return n;
}

size_t fakeredis_connections(struct fakeredis *r)
{
    pthread_mutex_lock(&r->lock);
    size_t n = r->connections;
    pthread_mutex_unlock(&r->lock);
    return n;
}
