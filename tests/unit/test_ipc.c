/* Messages between processes: forms, channels, loops. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/ipc/loop.h"
#include "tests/support/cmocka_all.h"

struct note {
    uint64_t id;
    const char *name;
    struct tm_ipc_bytes body;
    int file;
};
static const struct tm_ipc_field note_fields[] = {
    TM_IPC_FIELD(struct note, id, IPC_U64, 0),
    TM_IPC_FIELD(struct note, name, IPC_TEXT, 8),
    TM_IPC_FIELD(struct note, body, IPC_BYTES, 600 * 1024),
    TM_IPC_FIELD(struct note, file, IPC_FD, 0),
};
struct number {
    uint64_t n;
};
static const struct tm_ipc_field number_fields[] = {TM_IPC_FIELD(struct number, n, IPC_U64, 0)};
static const struct tm_ipc_form forms[] = {
    TM_IPC_FORM(struct note, note_fields),
    TM_IPC_FORM(struct number, number_fields),
};
static const struct tm_ipc_protocol protocol = {forms, 2, 0};

static struct note a_note(void)
{
    return (struct note){.id = 7, .name = "eight...", .body = {(const void *)"abc", 3}, .file = -1};
}

static void what_was_put_is_taken(void **state)
{
    (void)state;
    struct tm_buf b = {0};
    struct tm_err e = {0};
    struct note in = a_note();
    struct note out;
    assert_int_equal(tm_ipc_form_put(&forms[0], &in, &b, &e), 0);
    assert_int_equal(tm_ipc_form_take(&forms[0], b.data, b.len, -1, &out, &e), 0);
    assert_int_equal(out.id, 7);
    assert_string_equal(out.name, "eight...");
    assert_int_equal(out.body.len, 3);
    assert_memory_equal(out.body.data, "abc", 3);
    assert_int_equal(out.file, -1);
    tm_buf_free(&b);
}

static void a_text_may_be_missing(void **state)
{
    (void)state;
    struct tm_buf b = {0};
    struct tm_err e = {0};
    struct note in = {.file = -1};
    struct note out;
    assert_int_equal(tm_ipc_form_put(&forms[0], &in, &b, &e), 0);
    assert_int_equal(tm_ipc_form_take(&forms[0], b.data, b.len, -1, &out, &e), 0);
    assert_null(out.name);
    assert_int_equal(out.body.len, 0);
    tm_buf_free(&b);
}

static void a_field_over_its_limit_is_not_put_and_not_taken(void **state)
{
    (void)state;
    struct tm_buf b = {0};
    struct tm_err e = {0};
    struct note in = a_note();
    struct note out;
    in.name = "nine.....";
    assert_int_equal(tm_ipc_form_put(&forms[0], &in, &b, &e), -1);
    assert_int_equal(b.len, 0);
    in.name = "eight...";
    assert_int_equal(tm_ipc_form_put(&forms[0], &in, &b, &e), 0);
    b.data[8] = 9; /* the text's length: now its NUL would be in the next field */
    assert_int_equal(tm_ipc_form_take(&forms[0], b.data, b.len, -1, &out, &e), -1);
    /* As whoever has another limit puts it, whole and sound. */
    struct tm_ipc_field wider[sizeof(note_fields) / sizeof(note_fields[0])];
    memcpy(wider, note_fields, sizeof(wider));
    wider[1].max = 9;
    const struct tm_ipc_form wide = TM_IPC_FORM(struct note, wider);
    in.name = "nine.....";
    b.len = 0;
    assert_int_equal(tm_ipc_form_put(&wide, &in, &b, &e), 0);
    assert_int_equal(tm_ipc_form_take(&wide, b.data, b.len, -1, &out, &e), 0);
    assert_int_equal(tm_ipc_form_take(&forms[0], b.data, b.len, -1, &out, &e), -1);
    tm_buf_free(&b);
}

static void a_text_with_a_nul_inside_is_refused(void **state)
{
    (void)state;
    struct tm_buf b = {0};
    struct tm_err e = {0};
    struct note in = a_note();
    struct note out;
    assert_int_equal(tm_ipc_form_put(&forms[0], &in, &b, &e), 0);
    b.data[14] = '\0';
    assert_int_equal(tm_ipc_form_take(&forms[0], b.data, b.len, -1, &out, &e), -1);
    tm_buf_free(&b);
}

static void every_cut_and_every_addition_is_refused(void **state)
{
    (void)state;
    struct tm_buf b = {0};
    struct tm_err e = {0};
    struct note in = a_note();
    struct note out;
    assert_int_equal(tm_ipc_form_put(&forms[0], &in, &b, &e), 0);
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(tm_ipc_form_take(&forms[0], b.data, n, -1, &out, &e), -1);
    buf_putc(&b, 0);
    assert_int_equal(tm_ipc_form_take(&forms[0], b.data, b.len, -1, &out, &e), -1);
    tm_buf_free(&b);
}

static void a_descriptor_that_no_field_names_is_refused(void **state)
{
    (void)state;
    struct tm_buf b = {0};
    struct tm_err e = {0};
    struct note in = a_note();
    struct note out;
    struct number one = {1};
    struct number n;
    assert_int_equal(tm_ipc_form_put(&forms[0], &in, &b, &e), 0);
    assert_int_equal(tm_ipc_form_take(&forms[0], b.data, b.len, 5, &out, &e), -1);
    tm_buf_reset(&b);
    assert_int_equal(tm_ipc_form_put(&forms[1], &one, &b, &e), 0);
    assert_int_equal(tm_ipc_form_take(&forms[1], b.data, b.len, 5, &n, &e), -1);
    tm_buf_free(&b);
}

struct ends {
    struct tm_ipc_channel *a, *b;
};

static struct ends connected(void)
{
    struct tm_err e = {0};
    int fd[2];
    assert_int_equal(tm_ipc_pair(fd, &e), 0);
    struct ends x = {tm_ipc_channel_new(fd[0], &protocol, &e),
                     tm_ipc_channel_new(fd[1], &protocol, &e)};
    assert_non_null(x.a);
    assert_non_null(x.b);
    return x;
}

static void part(struct ends x)
{
    tm_ipc_channel_free(x.a);
    tm_ipc_channel_free(x.b);
}

static void descriptors_arrive_with_their_own_messages(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct ends x = connected();
    char path[] = "/tmp/test_ipc.XXXXXX";
    int keep = mkstemp(path);
    assert_true(keep >= 0);
    unlink(path);
    for (uint64_t i = 0; i < 6; i++) {
        struct note n = a_note();
        n.id = i;
        n.file = i % 2 == 1 ? fcntl(keep, F_DUPFD_CLOEXEC, 0) : -1;
        assert_int_equal(tm_ipc_put(x.a, 0, &n, &e), 0);
    }
    assert_int_equal(tm_ipc_flush(x.a), 0);
    uint64_t got = 0;
    while (got < 6) {
        struct note n;
        unsigned type = 9;
        int rc = tm_ipc_next(x.b, &type, &n, sizeof(n), &e);
        assert_true(rc >= 0);
        if (rc == 0) {
            assert_int_equal(tm_ipc_fill(x.b, &e), 1);
            continue;
        }
        assert_int_equal(type, 0);
        assert_int_equal(n.id, got);
        assert_int_equal(n.file >= 0, got % 2 == 1);
        if (n.file >= 0)
            close(n.file);
        got++;
    }
    close(keep);
    part(x);
}

/* Little waits for the end of the round; much does not, so that the other process begins early. */
static void much_goes_out_before_anybody_asks(void **state)
{
    (void)state;
    struct tm_err e = {0};
    int fd[2];
    char got[64 * 1024];
    assert_int_equal(tm_ipc_pair(fd, &e), 0);
    struct tm_ipc_channel *c = tm_ipc_channel_new(fd[0], &protocol, &e);
    struct note in = a_note();
    static const unsigned char body[20 * 1024];
    in.body = (struct tm_ipc_bytes){body, sizeof(body)};
    assert_int_equal(tm_ipc_put(c, 0, &in, &e), 0);
    assert_int_equal(recv(fd[1], got, sizeof(got), MSG_DONTWAIT), -1);
    assert_int_equal(tm_ipc_put(c, 0, &in, &e), 0);
    ssize_t both = recv(fd[1], got, sizeof(got), MSG_DONTWAIT);
    assert_true(both > 2 * (ssize_t)sizeof(body));
    assert_int_equal(tm_ipc_flush(c), 0);
    assert_int_equal(recv(fd[1], got, sizeof(got), MSG_DONTWAIT), -1);
    tm_ipc_channel_free(c);
    close(fd[1]);
}

static void writing_never_waits_for_a_reader_that_sleeps(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct ends x = connected();
    static unsigned char big[500 * 1024];
    struct note n = a_note();
    n.body = (struct tm_ipc_bytes){big, sizeof(big)};
    int put = 0;
    while (tm_ipc_put(x.a, 0, &n, &e) == 0 && put < 1000) {
        assert_true(tm_ipc_flush(x.a) >= 0);
        put++;
    }
    assert_true(put > 10 && put < 1000); /* up to the limit, then refused */
    int got = 0;
    while (got < put) {
        struct note out;
        unsigned type;
        int rc = tm_ipc_next(x.b, &type, &out, sizeof(out), &e);
        assert_true(rc >= 0);
        if (rc == 1)
            got += out.body.len == sizeof(big);
        else if (tm_ipc_fill(x.b, &e) == 0)
            assert_true(tm_ipc_flush(x.a) >= 0);
    }
    assert_int_equal(tm_ipc_put(x.a, 0, &n, &e), 0);
    part(x);
}

static void send_raw(struct tm_ipc_channel *c, const void *data, size_t len)
{
    assert_int_equal(send(tm_ipc_channel_fd(c), data, len, 0), (ssize_t)len);
}

static void what_is_no_message_ends_the_channel(void **state)
{
    (void)state;
    static const unsigned char bad[][8] = {
        {0, 0, 0, 0, 2, 0, 0, 0},          /* a form that is not there */
        {1, 0, 0x10, 0, 1, 0, 0, 0},       /* over the limit */
        {8, 0, 0, 0, 1, 0, 1, 0},          /* a descriptor that did not come */
        {8, 0, 0, 0, 1, 0, 2, 0},          /* two of them */
        {0xff, 0xff, 0xff, 0xff, 0, 0, 0}, /* far over */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct tm_err e = {0};
        struct ends x = connected();
        struct note out;
        unsigned type;
        send_raw(x.a, bad[i], sizeof(bad[i]));
        send_raw(x.a, "12345678", 8);
        assert_int_equal(tm_ipc_fill(x.b, &e), 1);
        assert_int_equal(tm_ipc_next(x.b, &type, &out, sizeof(out), &e), -1);
        assert_non_null(strstr(e.text, i == 2 ? "no descriptor came" : "of unknown form"));
        part(x);
    }
}

static void a_message_that_is_not_the_other_sides_to_send_is_refused(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct ends x = connected();
    const struct number n = {1};
    struct note out;
    unsigned type;
    tm_ipc_channel_hear(x.b, IPC_HEAR(0));
    assert_int_equal(tm_ipc_put(x.a, 1, &n, &e), 0);
    assert_int_equal(tm_ipc_flush(x.a), 0);
    assert_int_equal(tm_ipc_fill(x.b, &e), 1);
    assert_int_equal(tm_ipc_next(x.b, &type, &out, sizeof(out), &e), -1);
    assert_non_null(strstr(e.text, "not the other side's to send"));
    part(x);
}

static void the_end_of_the_other_side_is_told(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct ends x = connected();
    struct number n = {1};
    tm_ipc_channel_free(x.a);
    assert_int_equal(tm_ipc_fill(x.b, &e), -1);
    assert_int_equal(tm_ipc_put(x.b, 1, &n, &e), 0);
    assert_int_equal(tm_ipc_flush(x.b), -1);
    assert_int_equal(tm_ipc_put(x.b, 1, &n, &e), -1);
    tm_ipc_channel_free(x.b);
}

/* An adder: answers each number with its successor; the other end counts to a goal. */
struct counter {
    struct tm_ipc_loop *loop;
    struct tm_ipc_task task;
    uint64_t goal, seen;
    bool over, posted;
};

static void add_one(void *ctx, struct tm_ipc_channel *c, unsigned type, void *msg)
{
    (void)ctx;
    struct number *n = msg;
    assert_int_equal(type, 1);
    n->n++;
    assert_int_equal(tm_ipc_put(c, 1, n, NULL), 0);
}

static void count(void *ctx, struct tm_ipc_channel *c, unsigned type, void *msg)
{
    struct counter *k = ctx;
    const struct number *n = msg;
    k->seen = n->n;
    assert_int_equal(type, 1);
    if (n->n >= k->goal)
        tm_ipc_loop_stop(k->loop);
    else
        assert_int_equal(tm_ipc_put(c, 1, n, NULL), 0);
}

static void say_over(void *ctx, struct tm_ipc_channel *c, const struct tm_err *why)
{
    (void)c;
    (void)why;
    struct counter *k = ctx;
    k->over = true;
    tm_ipc_loop_stop(k->loop);
}

static void run_posted(struct tm_ipc_task *task)
{
    struct counter *k = (struct counter *)(void *)((char *)task - offsetof(struct counter, task));
    k->posted = true;
}

static void two_loops_talk_until_one_ends(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct ends x = connected();
    struct counter k = {.goal = 1000, .task.run = run_posted};
    struct number one = {1};
    struct tm_ipc_loop *adder = tm_ipc_loop_new(NULL, NULL, 0, &e);
    const struct tm_ipc_port far = {.channel = x.b, .message = add_one, .ctx = &k};
    const struct tm_ipc_port near = {.channel = x.a, .message = count, .over = say_over, .ctx = &k};
    k.loop = tm_ipc_loop_new(NULL, NULL, 0, &e);
    assert_int_equal(tm_ipc_loop_add(adder, &far, &e), 0);
    assert_int_equal(tm_ipc_loop_add(k.loop, &near, &e), 0);
    assert_int_equal(tm_ipc_loop_start(adder, &e), 0);
    assert_int_equal(tm_ipc_put(x.a, 1, &one, &e), 0);
    tm_ipc_loop_post(k.loop, &k.task);
    tm_ipc_loop_run(k.loop);
    assert_int_equal(k.seen, 1000);
    assert_true(k.posted);
    assert_false(k.over);
    tm_ipc_loop_join(adder);
    tm_ipc_loop_free(adder);
    tm_ipc_loop_free(k.loop);
    part(x);
}

static void a_loop_hears_that_the_other_process_ended(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct ends x = connected();
    struct counter k = {0};
    k.loop = tm_ipc_loop_new(NULL, NULL, 0, &e);
    const struct tm_ipc_port near = {.channel = x.a, .message = count, .over = say_over, .ctx = &k};
    assert_int_equal(tm_ipc_loop_add(k.loop, &near, &e), 0);
    tm_ipc_channel_free(x.b);
    tm_ipc_loop_run(k.loop);
    assert_true(k.over);
    tm_ipc_loop_free(k.loop);
    tm_ipc_channel_free(x.a);
}

static void stop_at_tick(void *ctx)
{
    struct counter *k = ctx;
    if (++k->seen == 3)
        tm_ipc_loop_stop(k->loop);
}

static void a_loop_without_channels_ticks(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct counter k = {0};
    k.loop = tm_ipc_loop_new(stop_at_tick, &k, 5, &e);
    tm_ipc_loop_run(k.loop);
    assert_int_equal(k.seen, 3);
    tm_ipc_loop_free(k.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_taken),
        cmocka_unit_test(a_text_may_be_missing),
        cmocka_unit_test(a_field_over_its_limit_is_not_put_and_not_taken),
        cmocka_unit_test(a_text_with_a_nul_inside_is_refused),
        cmocka_unit_test(every_cut_and_every_addition_is_refused),
        cmocka_unit_test(a_descriptor_that_no_field_names_is_refused),
        cmocka_unit_test(descriptors_arrive_with_their_own_messages),
        cmocka_unit_test(much_goes_out_before_anybody_asks),
        cmocka_unit_test(writing_never_waits_for_a_reader_that_sleeps),
        cmocka_unit_test(what_is_no_message_ends_the_channel),
        cmocka_unit_test(a_message_that_is_not_the_other_sides_to_send_is_refused),
        cmocka_unit_test(the_end_of_the_other_side_is_told),
        cmocka_unit_test(two_loops_talk_until_one_ends),
        cmocka_unit_test(a_loop_hears_that_the_other_process_ended),
        cmocka_unit_test(a_loop_without_channels_ticks),
    };
    alarm(60); /* a message that is lost would be waited for without end */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
