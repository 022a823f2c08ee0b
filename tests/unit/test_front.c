/*
 * Requests that go through another process: a front of ours before a CA of the test's own; and a
 * front that somebody has taken over, which is this program writing what it likes to the channel.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/api/packed.h"
#include "common/clock.h"
#include "common/b64.h"
#include "common/fetch/fetch.h"
#include "common/http/far_internal.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/world.h"

struct hostile {
    struct world w;
    struct ca_api *api; /* as the issuer process has it */
    struct tm_http_far_server *far;
    struct tm_ipc_channel *channel;
    uint64_t next_id;
};

/* An issuer, and its channel to a front of ours. */
static void connect_front(struct hostile *h)
{
    struct tm_err e = {0};
    struct tm_http_options o;
    int fd[2];
    assert_int_equal(tm_ipc_pair(fd, &e), 0);
    tm_http_options_default(&o);
    ca_api_serve_all(h->api, &o);
    h->far = tm_http_far_server_new(&fd[1], 1, &o, &e);
    h->channel = tm_ipc_channel_new(fd[0], &tm_http_far_protocol, &e);
    assert_int_equal(tm_http_far_server_start(h->far, &e), 0);
}

/* `once`, or NULL: tokens are for one use. */
static void begin_with(struct hostile *h, const struct ca_once *once)
{
    struct tm_err e = {0};
    memset(h, 0, sizeof(*h));
    world_build_limited(&h->w, NULL, 20000, &(struct ca_limits_options){0}, once);
    const struct ca_api_options ao = {.verifier = h->w.verifier,
                                      .policy = h->w.policy,
                                      .metrics = h->w.metrics,
                                      .lifetime_s = 600,
                                      .once = once,
                                      .packed = true};
    h->api = ca_api_new(&ao, h->w.ca, &e);
    assert_non_null(h->api);
    connect_front(h);
}

static void begin(struct hostile *h)
{
    begin_with(h, NULL);
}

static void end(struct hostile *h)
{
    tm_ipc_channel_free(h->channel);
    tm_http_far_server_stop(h->far);
    world_free(&h->w);
    tm_http_far_server_free(h->far);
    ca_api_free(h->api);
}

/* The answer to one ask; its body in `body`. 0: the other side dropped the channel. */
static unsigned asked(struct hostile *h, const char *path, const struct tm_buf *packed,
                      struct tm_buf *body)
{
    struct tm_err e = {0};
    const struct tm_http_ask a = {
        .id = ++h->next_id,
        .method = packed != NULL ? HTTP_POST : HTTP_GET,
        .asked_us = (uint64_t)tm_clock_mono_us(),
        .path = path,
        .remote = "192.0.2.1",
        .body = {packed != NULL ? packed->data : NULL, packed != NULL ? packed->len : 0}};
    assert_int_equal(tm_ipc_put(h->channel, FAR_HTTP_ASK, &a, &e), 0);
    if (tm_ipc_flush(h->channel) < 0)
        return 0;
    for (;;) {
        struct tm_http_answer r;
        unsigned type = 0;
        int rc = tm_ipc_next(h->channel, &type, &r, sizeof(r), &e);
        assert_true(rc >= 0);
        if (rc == 1) {
            assert_int_equal(type, FAR_HTTP_ANSWER);
            assert_int_equal(r.id, h->next_id);
            tm_buf_append(body, r.body.data, r.body.len);
            return (unsigned)r.status;
        }
        struct pollfd p = {.fd = tm_ipc_channel_fd(h->channel), .events = POLLIN};
        assert_int_equal(poll(&p, 1, 20000), 1);
        if (tm_ipc_fill(h->channel, &e) < 0)
            return 0;
    }
}

/* A v2 body of this token and a proof over `challenge`, as the front packs it. */
static void pack(struct hostile *h, const char *token, const char *challenge, struct tm_buf *out)
{
    struct tm_buf json = {0};
    struct tm_buf proof = {0};
    struct tm_buf proof_text = {0};
    world_sign(h->w.client, challenge, strlen(challenge), false, &proof);
    tm_b64_encode(B64_STD, proof.data, proof.len, &proof_text);
    tm_buf_printf(&json,
                  "{\"credentials\":{\"oidcIdentityToken\":\"%s\"},\"publicKeyRequest\":"
                  "{\"publicKey\":{\"content\":\"%s\"},\"proofOfPossession\":\"%s\"}}",
                  token, tm_buf_str(&h->w.client_pem), tm_buf_str(&proof_text));
    assert_int_equal(ca_api_packed_put(ca_api_request_parse_v2, json.data, json.len, out), 0);
    tm_buf_free(&json);
    tm_buf_free(&proof);
    tm_buf_free(&proof_text);
}

static unsigned sign_with(struct hostile *h, const char *token, const char *challenge)
{
    struct tm_buf packed = {0};
    struct tm_buf body = {0};
    pack(h, token, challenge, &packed);
    unsigned status = asked(h, "/api/v2/signingCert", &packed, &body);
    bool certificate = body.len > 0 && memmem(body.data, body.len, "BEGIN CERTIFICATE", 17) != NULL;
    assert_int_equal(certificate, status == 200);
    tm_buf_free(&packed);
    tm_buf_free(&body);
    return status;
}

static void only_a_valid_token_and_proof_get_a_certificate(void **state)
{
    (void)state;
    struct hostile h;
    struct tm_buf token = {0};
    struct tm_buf old = {0};
    begin(&h);
    world_token(&h.w.issuer, 300, &token);
    world_token(&h.w.issuer, -3600, &old);
    assert_int_equal(sign_with(&h, tm_buf_str(&token), "dev@example.com"), 200);
    assert_int_equal(sign_with(&h, tm_buf_str(&old), "dev@example.com"), 400);
    assert_int_equal(sign_with(&h, tm_buf_str(&token), "root@example.com"), 400);
    assert_int_equal(sign_with(&h, "", "dev@example.com"), 400);
    token.data[token.len - 10] ^= 1; /* in the signature */
    assert_int_equal(sign_with(&h, tm_buf_str(&token), "dev@example.com"), 400);
    tm_buf_free(&token);
    tm_buf_free(&old);
    end(&h);
}

/* There is no word on the channel for "sign these bytes", "take this key" or "open this file". */
static void nothing_but_the_routes_is_answered(void **state)
{
    (void)state;
    static const char *const paths[] = {"/api/v2/sign",    "/../../etc/passwd",    "",
                                        "/log/checkpoint", "/api/v2/signingCert/", "//"};
    struct hostile h;
    begin(&h);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct tm_buf body = {0};
        assert_int_equal(asked(&h, paths[i], NULL, &body), 404);
        assert_int_equal(body.len, 0);
        tm_buf_free(&body);
    }
    end(&h);
}

static void what_is_packed_wrongly_is_refused(void **state)
{
    (void)state;
    struct hostile h;
    struct tm_buf token = {0};
    struct tm_buf whole = {0};
    begin(&h);
    world_token(&h.w.issuer, 300, &token);
    pack(&h, tm_buf_str(&token), "dev@example.com", &whole);
    for (size_t cut = 0; cut < whole.len; cut += 13) {
        struct tm_buf part = {0};
        struct tm_buf body = {0};
        tm_buf_append(&part, whole.data, cut);
        assert_int_equal(asked(&h, "/api/v2/signingCert", &part, &body), 400);
        tm_buf_free(&part);
        tm_buf_free(&body);
    }
    for (size_t at = 0; at < 40 && at < whole.len; at++) {
        struct tm_buf body = {0};
        whole.data[at] ^= 0xff;
        assert_int_not_equal(asked(&h, "/api/v2/signingCert", &whole, &body), 0);
        whole.data[at] ^= 0xff;
        tm_buf_free(&body);
    }
    tm_buf_free(&token);
    tm_buf_free(&whole);
    end(&h);
}

/* A front cannot speak for the fetch process: its channel knows no key sets, and what is no message
 * of its protocol ends it. The CA lives on for the others. */
static void noise_ends_the_channel_and_not_the_issuer(void **state)
{
    (void)state;
    struct hostile h;
    struct tm_buf body = {0};
    static const unsigned char noise[64] = {0xff, 0xff, 0xff, 0x7f, 9, 0, 3, 0};
    begin(&h);
    assert_int_equal(asked(&h, "/api/v1/rootCert", NULL, &body), 200);
    assert_int_equal(write(tm_ipc_channel_fd(h.channel), noise, sizeof(noise)),
                     (ssize_t)sizeof(noise));
    const struct tm_http_ask a = {.id = 99, .path = "/api/v1/rootCert"};
    (void)tm_ipc_put(h.channel, FAR_HTTP_ASK, &a, NULL);
    (void)tm_ipc_flush(h.channel);
    struct pollfd p = {.fd = tm_ipc_channel_fd(h.channel), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 300), 0); /* nobody answers any more */
    tm_buf_free(&body);
    end(&h);
}

/* What a front may not say, and what it says wrongly: each ends its channel. */
static void what_is_not_a_fronts_to_say_ends_its_channel(void **state)
{
    (void)state;
    enum { KEEP = 0, LIE = 64 };
    static const struct {
        const char *what;
        uint32_t len; /* as the header has it */
        uint16_t type, fds;
    } frames[] = {
        {"an answer", KEEP, FAR_HTTP_ANSWER, 0},
        {"a kind of another channel", KEEP, FAR_HTTP_ANSWER + 1, 0},
        {"a descriptor that does not come", KEEP, FAR_HTTP_ASK, 1},
        {"a length beyond all messages", UINT32_MAX, FAR_HTTP_ASK, 0},
        {"a length that is shorter than its fields", LIE, FAR_HTTP_ASK, 0},
        {"the end of a request, too long", LIE, FAR_HTTP_GONE, 0},
    };
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        struct hostile h;
        struct tm_buf raw = {0};
        begin(&h);
        tm_buf_append(&raw, &frames[i].len, sizeof(frames[i].len));
        tm_buf_append(&raw, &frames[i].type, sizeof(frames[i].type));
        tm_buf_append(&raw, &frames[i].fds, sizeof(frames[i].fds));
        for (int n = 0; n < LIE; n++)
            buf_putc(&raw, 0xa5);
        assert_int_equal(write(tm_ipc_channel_fd(h.channel), raw.data, raw.len), raw.len);
        const struct tm_http_ask a = {.id = 99, .path = "/api/v1/rootCert"};
        (void)tm_ipc_put(h.channel, FAR_HTTP_ASK, &a, NULL);
        (void)tm_ipc_flush(h.channel);
        struct pollfd p = {.fd = tm_ipc_channel_fd(h.channel), .events = POLLIN};
        if (poll(&p, 1, 200) != 0)
            fail_msg("%s: it is answered", frames[i].what);
        tm_buf_free(&raw);
        end(&h);
    }
}

/* A whole request, cut off and silent; then, by another front, the end of requests that it never
 * made, and the same request a thousand times. Each is judged by itself, and costs the others
 * nothing. */
static void half_messages_and_floods_hold_nobody_up(void **state)
{
    (void)state;
    struct hostile silent;
    struct hostile h;
    struct tm_err e = {0};
    struct tm_buf token = {0};
    struct tm_buf body = {0};
    begin(&silent);
    static const unsigned char half[10] = {200, 0, 0, 0, FAR_HTTP_ASK, 0, 0, 0, 1, 2};
    assert_int_equal(write(tm_ipc_channel_fd(silent.channel), half, sizeof(half)), sizeof(half));
    begin(&h);
    for (uint64_t id = 0; id < 1000; id++) {
        const struct tm_http_gone gone = {.id = id * 7919};
        assert_int_equal(tm_ipc_put(h.channel, FAR_HTTP_GONE, &gone, &e), 0);
    }
    assert_int_equal(asked(&h, "/api/v1/rootCert", NULL, &body), 200);
    world_token(&h.w.issuer, 300, &token);
    for (int i = 0; i < 100; i++) { /* a proof for another name does not become right by asking */
        assert_int_equal(sign_with(&h, tm_buf_str(&token), "root@example.com"), 400);
    }
    assert_int_equal(sign_with(&h, tm_buf_str(&token), "dev@example.com"), 200);
    tm_buf_free(&token);
    tm_buf_free(&body);
    end(&h);
    end(&silent);
}

/* The same message, byte for byte and with the same number: whoever has seen it could send it. It
 * is no more than its token and proof are, and these are for one use where that is configured. */
static void a_message_that_comes_again_is_worth_what_its_token_is(void **state)
{
    (void)state;
    static const struct {
        bool once;
        unsigned again;
    } cases[] = {{false, 200}, {true, 400}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hostile h;
        struct tm_err e = {0};
        struct tm_buf token = {0};
        struct ca_once *once = ca_once_memory_new(-1, 64, 0, &e);
        begin_with(&h, cases[i].once ? once : NULL);
        world_token(&h.w.issuer, 300, &token);
        assert_int_equal(sign_with(&h, tm_buf_str(&token), "dev@example.com"), 200);
        h.next_id = 0;
        assert_int_equal(sign_with(&h, tm_buf_str(&token), "dev@example.com"), cases[i].again);
        tm_buf_free(&token);
        end(&h);
        ca_once_memory_free(once);
    }
}

/* A reload makes new processes with new channels. The front of those before has its own alone. */
static void an_old_generations_front_reaches_nobody(void **state)
{
    (void)state;
    struct hostile h;
    struct tm_buf token = {0};
    begin(&h);
    world_token(&h.w.issuer, 300, &token);
    struct tm_ipc_channel *old = h.channel;
    tm_http_far_server_stop(h.far);
    tm_http_far_server_free(h.far);
    connect_front(&h);
    struct tm_ipc_channel *new = h.channel;
    h.channel = old;
    assert_int_equal(sign_with(&h, tm_buf_str(&token), "dev@example.com"), 0);
    h.channel = new;
    assert_int_equal(sign_with(&h, tm_buf_str(&token), "dev@example.com"), 200);
    tm_ipc_channel_free(old);
    tm_buf_free(&token);
    end(&h);
}

/* ---- an honest front ---- */

struct honest {
    struct tm_http_relay *relay;
    struct tm_http_side side;
    struct tm_http_far_server *far;
    struct tm_http_server *server;
    struct tm_http_route rows[4];
};

static enum tm_http_result slow(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    if (tm_http_state(x) == NULL) {
        tm_http_set_state(x, (void *)(uintptr_t)1, NULL);
        tm_http_wake(tm_http_wait_begin(x));
        return HTTP_WAIT;
    }
    struct tm_buf body = {0};
    const char *start = tm_http_query(x, "start");
    tm_buf_printf(&body, "%s %s %s", tm_http_path(x), start != NULL ? start : "-",
                  tm_http_remote(x));
    tm_http_reply(x, 200, "text/plain; charset=utf-8", &body);
    tm_http_reply_header(x, "Retry-After", "7");
    return HTTP_DONE;
}

static enum tm_http_result big(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    struct tm_buf body = {0};
    for (int i = 0; i < 100000; i++)
        tm_buf_puts(&body, "0123456789");
    tm_http_reply(x, 200, "application/json", &body);
    return HTTP_DONE;
}

/* A body of which the front makes the pieces: the file's bytes, `with` times. */
struct repeated {
    int fd;
    int left;
};

static int repeat(void *ctx, struct tm_buf *out)
{
    struct repeated *r = ctx;
    char room[8];
    if (r->left-- == 0)
        return 0;
    ssize_t n = pread(r->fd, room, sizeof(room), 0);
    tm_buf_append(out, room, n > 0 ? (size_t)n : 0);
    return 1;
}

static int never(void *ctx, struct tm_buf *out)
{
    (void)ctx;
    (void)out;
    return -1;
}

static void repeated_free(void *ctx)
{
    struct repeated *r = ctx;
    close(r->fd);
    free(r);
}

static int pass(void *ctx, int *fd, struct tm_buf *with)
{
    (void)ctx;
    *fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    tm_buf_puts(with, "100000");
    return 0;
}

static int take_passed(int fd, const struct tm_buf *with, struct tm_http_source *out)
{
    struct repeated *r = calloc(1, sizeof(*r));
    assert_int_equal(with->len, 6);
    *r = (struct repeated){fd, 100000};
    *out = (struct tm_http_source){.produce = repeat, .release = repeated_free, .ctx = r};
    return 0;
}

static enum tm_http_result passed(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    const struct tm_http_source s = {.produce = never, .pass = pass};
    tm_http_reply_stream(x, 200, "application/json", &s);
    return HTTP_DONE;
}

static enum tm_http_result relay(void *ctx, struct tm_http_exchange *x)
{
    const struct honest *h = ctx;
    return tm_http_relay(h->relay, x, NULL);
}

static void late(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    struct tm_buf body = {0};
    tm_http_reply(x, 503, NULL, &body);
}

static void fault(void *ctx, struct tm_http_exchange *x, enum tm_http_fault f)
{
    (void)f;
    late(ctx, x);
}

static enum tm_http_result relay_all(void *ctx, struct tm_http_exchange *x)
{
    const struct honest *h = ctx;
    struct tm_http_relay *const all[] = {h->relay, h->relay, h->relay};
    return tm_http_relay_all(all, 3, x);
}

static const struct tm_http_route far_rows[] = {{"/slow", HTTP_GET, slow},
                                                {"/big", HTTP_GET, big},
                                                {"/passed", HTTP_GET, passed},
                                                {"/all", HTTP_GET, slow}};
#define ROWS (sizeof(far_rows) / sizeof(far_rows[0]))

static long get(const struct honest *h, const char *path, struct tm_buf *body)
{
    struct tm_err e = {0};
    struct tm_fetch_response r = {0};
    char url[128];
    snprintf(url, sizeof(url), "http://%s%s", tm_http_server_address(h->server), path);
    const struct tm_fetch_request q = {.url = url, .max_bytes = (size_t)2 << 20};
    assert_int_equal(tm_fetch_run(&q, &r, &e), 0);
    long status = r.status;
    tm_buf_append(body, r.body.data, r.body.len);
    tm_fetch_response_free(&r);
    return status;
}

/* Listens, and asks whoever has the other end of `fd`. */
static void begin_honest(struct honest *h, int fd)
{
    struct tm_err e = {0};
    struct tm_http_options o;
    const struct tm_http_relay_options o_relay = {.late = late, .open = take_passed};
    h->relay = tm_http_relay_new(&fd, 1, &o_relay, &e);
    tm_http_options_default(&o);
    for (size_t i = 0; i < ROWS; i++) {
        h->rows[i] = far_rows[i];
        h->rows[i].handle = far_rows[i].path[1] == 'a' ? relay_all : relay;
    }
    o.listen = "127.0.0.1:0";
    o.routes = h->rows;
    o.route_count = ROWS;
    o.ctx = h;
    o.fault = fault;
    o.round = tm_http_relay_round;
    o.round_ctx = h->relay;
    o.sides = &h->side;
    o.side_count = tm_http_relay_sides(h->relay, &h->side);
    h->server = tm_http_server_start(&o, &e);
    assert_non_null(h->server);
}

static void end_honest(struct honest *h)
{
    tm_http_server_stop(h->server, 100);
    tm_http_relay_free(h->relay);
    tm_http_server_free(h->server);
}

struct client {
    const struct honest *h;
    long status;
    struct tm_buf body;
};

static void *get_slow(void *ctx)
{
    struct client *c = ctx;
    c->status = get(c->h, "/slow", &c->body);
    return NULL;
}

/* The next question of the front. */
static uint64_t next_ask(struct tm_ipc_channel *c)
{
    struct tm_err e = {0};
    struct tm_http_ask a;
    unsigned type = 0;
    int rc;
    while ((rc = tm_ipc_next(c, &type, &a, sizeof(a), &e)) == 0) {
        struct pollfd p = {.fd = tm_ipc_channel_fd(c), .events = POLLIN};
        assert_int_equal(poll(&p, 1, 20000), 1);
        assert_true(tm_ipc_fill(c, &e) >= 0);
    }
    assert_int_equal(rc, 1);
    assert_int_equal(type, FAR_HTTP_ASK);
    return a.id;
}

static void put_answer(struct tm_ipc_channel *c, uint64_t id, const char *body, int file)
{
    struct tm_err e = {0};
    const struct tm_http_answer a = {.id = id,
                                     .status = 200,
                                     .type = "application/json",
                                     .body = {(const unsigned char *)body, strlen(body)},
                                     .file = file};
    assert_int_equal(tm_ipc_put(c, FAR_HTTP_ANSWER, &a, &e), 0);
}

/* An issuer that somebody has taken over answers what was asked before, what nobody has asked, and
 * twice: each of two clients has the answer to its own. */
static void an_answer_goes_to_its_own_request_or_to_none(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct honest h = {0};
    int fd[2];
    uint64_t before = 0;
    assert_int_equal(tm_ipc_pair(fd, &e), 0);
    begin_honest(&h, fd[0]);
    struct tm_ipc_channel *issuer = tm_ipc_channel_new(fd[1], &tm_http_far_protocol, &e);
    for (int i = 0; i < 2; i++) {
        struct client c = {.h = &h};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, get_slow, &c), 0);
        uint64_t id = next_ask(issuer);
        assert_int_not_equal(id, before);
        const uint64_t wrong[] = {before, id ^ 1, id + ((uint64_t)1 << 32), UINT64_MAX,
                                  id | 0xffff};
        for (size_t n = 0; n < sizeof(wrong) / sizeof(wrong[0]); n++) {
            if (wrong[n] != id)
                put_answer(issuer, wrong[n], "another's", n == 1 ? dup(fd[1]) : -1);
        }
        put_answer(issuer, id, "its own", -1);
        put_answer(issuer, id, "once more", -1);
        assert_int_equal(tm_ipc_flush(issuer), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(c.status, 200);
        assert_string_equal(tm_buf_str(&c.body), "its own");
        tm_buf_free(&c.body);
        before = id;
    }
    end_honest(&h);
    tm_ipc_channel_free(issuer);
}

static void a_relayed_request_is_answered_as_if_it_were_near(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct honest h = {0};
    struct tm_buf body = {0};
    struct tm_http_options far_options;
    int fd[2];
    assert_int_equal(tm_ipc_pair(fd, &e), 0);
    tm_http_options_default(&far_options);
    far_options.routes = far_rows;
    far_options.route_count = ROWS;
    h.far = tm_http_far_server_new(&fd[0], 1, &far_options, &e);
    assert_int_equal(tm_http_far_server_start(h.far, &e), 0);
    begin_honest(&h, fd[1]);
    assert_int_equal(get(&h, "/slow?start=12", &body), 200);
    assert_string_equal(tm_buf_str(&body), "/slow 12 127.0.0.1");
    tm_buf_reset(&body);
    assert_int_equal(get(&h, "/big", &body), 200);
    assert_int_equal(body.len, 1000000);
    tm_buf_reset(&body);
    assert_int_equal(get(&h, "/passed", &body), 200);
    assert_int_equal(body.len, 800000);
    tm_buf_reset(&body);
    assert_int_equal(get(&h, "/all", &body), 200); /* a page of three processes */
    assert_string_equal(tm_buf_str(&body), "/all - 127.0.0.1/all - 127.0.0.1/all - 127.0.0.1");
    tm_http_far_server_free(h.far); /* the other process ends */
    tm_buf_reset(&body);
    assert_int_equal(get(&h, "/slow", &body), 503);
    end_honest(&h);
    tm_buf_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_valid_token_and_proof_get_a_certificate),
        cmocka_unit_test(nothing_but_the_routes_is_answered),
        cmocka_unit_test(what_is_packed_wrongly_is_refused),
        cmocka_unit_test(noise_ends_the_channel_and_not_the_issuer),
        cmocka_unit_test(what_is_not_a_fronts_to_say_ends_its_channel),
        cmocka_unit_test(half_messages_and_floods_hold_nobody_up),
        cmocka_unit_test(a_message_that_comes_again_is_worth_what_its_token_is),
        cmocka_unit_test(an_old_generations_front_reaches_nobody),
        cmocka_unit_test(an_answer_goes_to_its_own_request_or_to_none),
        cmocka_unit_test(a_relayed_request_is_answered_as_if_it_were_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
