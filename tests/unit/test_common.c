/* The shared floor: base64, strict JSON, files, time, logs, buffers, errors. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/fetch/fetch.h"
#include "common/file.h"
#include "common/identity.h"
#include "common/jlog.h"
#include "common/json/jsonstr.h"
#include "common/json/strictjson.h"
#include "common/thread.h"

static void b64_round_trips_every_length(void **state)
{
    (void)state;
    unsigned char data[67];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)(i * 37 + 251);
    for (size_t len = 0; len <= sizeof(data); len++) {
        for (enum tm_b64_kind kind = B64_STD; kind <= B64_URL_BARE; kind++) {
            struct tm_buf text = {0};
            struct tm_buf back = {0};
            tm_b64_encode(kind, data, len, &text);
            assert_int_equal(tm_b64_decode(kind, tm_buf_str(&text), text.len, &back), 0);
            assert_int_equal(back.len, len);
            if (len > 0)
                assert_memory_equal(back.data, data, len);
            tm_buf_reset(&back);
            assert_int_equal(tm_b64_decode(B64_ANY, tm_buf_str(&text), text.len, &back), 0);
            assert_int_equal(back.len, len);
            tm_buf_free(&text);
            tm_buf_free(&back);
        }
    }
}

static void b64_refuses_what_is_not_canonical(void **state)
{
    (void)state;
    static const struct {
        enum tm_b64_kind kind;
        const char *text;
    } bad[] = {
        {B64_STD, "QQ"},       {B64_STD, "QQ="},       {B64_STD, "QR=="},     {B64_STD, "QQ==\n"},
        {B64_STD, "QQ==QQ=="}, {B64_STD, "=QQ="},      {B64_STD, "Q Q="},     {B64_STD, "-_8="},
        {B64_STD, "===="},     {B64_URL_BARE, "QQ=="}, {B64_URL_BARE, "+/8"}, {B64_URL_BARE, "Q"},
        {B64_URL_BARE, "QR"},  {B64_ANY, "-/8="},      {B64_ANY, "QQ="},      {B64_ANY, "Q"},
        {B64_ANY, "QQ==="},    {B64_ANY, "QQ\n"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct tm_buf out = {0};
        tm_buf_puts(&out, "kept");
        if (tm_b64_decode(bad[i].kind, bad[i].text, strlen(bad[i].text), &out) == 0)
            fail_msg("accepted '%s' as kind %d", bad[i].text, bad[i].kind);
        assert_int_equal(out.len, 4);
        tm_buf_free(&out);
    }
}

/* Every character at every place of two quads and a half, in every kind. */
static void b64_takes_its_alphabet_only(void **state)
{
    (void)state;
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    static const char *const more[] = {[B64_STD] = "+/", [B64_URL_BARE] = "-_", [B64_ANY] = "+/-_"};
    for (enum tm_b64_kind kind = B64_STD; kind <= B64_ANY; kind++) {
        for (size_t at = 0; at < 10; at++) {
            for (int c = 0; c < 256; c++) {
                char text[] = "AAAAAAAAAA==";
                bool last = at == 9; /* it has four bits that must be zero */
                bool good =
                    c != 0 && (strchr(alphabet, c) != NULL || strchr(more[kind], c) != NULL);
                if (last)
                    good = c != 0 && strchr("AQgw", c) != NULL;
                text[at] = (char)c;
                struct tm_buf out = {0};
                int rc = tm_b64_decode(kind, text, kind == B64_URL_BARE ? 10 : 12, &out);
                if (rc != (good ? 0 : -1))
                    fail_msg("kind %d, character %d at %zu: %d", kind, c, at, rc);
                assert_int_equal(out.len, good ? 7 : 0);
                tm_buf_free(&out);
            }
        }
    }
}

/* Every byte at every place of two groups of eight and one more. */
static void jsonstr_plain_stops_at_the_first_special_byte(void **state)
{
    (void)state;
    for (size_t at = 0; at < 17; at++) {
        for (unsigned c = 0; c < 256; c++) {
            unsigned char text[17];
            memset(text, c % 2 == 0 ? '~' : ' ', sizeof(text));
            text[at] = (unsigned char)c;
            bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
            assert_int_equal(tm_jsonstr_plain(text, sizeof(text)), plain ? sizeof(text) : at);
            assert_int_equal(tm_jsonstr_plain(text, at), at);
        }
    }
}

static void buf_put_int_writes_every_size(void **state)
{
    (void)state;
    static const int64_t values[] = {0,  1,         9,         10,       -1,          -10,
                                     99, INT64_MAX, INT64_MIN, 1u << 31, -(1ll << 31)};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct tm_buf out = {0};
        char want[32];
        snprintf(want, sizeof(want), "%" PRId64, values[i]);
        tm_buf_put_int(&out, values[i]);
        assert_string_equal(tm_buf_str(&out), want);
        tm_buf_free(&out);
    }
}

static void strictjson_refuses_what_hides_meaning(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"a\":1,\"a\":2}",
        "{\"a\":{\"b\":1,\"b\":1}}",
        "{\"a\":\"x\\u0000y\"}",
        "{} {}",
        "{}x",
        "{\"a\":\"\xff\"}",
        "",
        "{",
        "nul",
        "{\"a\\u0000b\":1}",
        "[1,]",
        "\"\x01\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\udfff\"",
        "\"\\ud800\\ue000\"",
        "\"\\ud800\\ud800\"",
        "\"\\ud800x\"",
        "\"\xe0\x80\x80\"", /* overlong */
        "\"\xed\xa0\x80\"", /* half a surrogate pair */
        "\"\xf4\x90\x80\x80\"",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct tm_err e = {0};
        json_t *v = tm_strictjson_parse(bad[i], strlen(bad[i]), 1024, &e);
        if (v != NULL)
            fail_msg("accepted %s", bad[i]);
        assert_string_not_equal(e.text, "");
    }
    struct tm_err nul = {0};
    assert_null(tm_strictjson_parse("0\0", 2, 1024, &nul)); /* found by fuzzing */
    assert_string_not_equal(nul.text, "");
    struct tm_err e = {0};
    json_t *v = tm_strictjson_parse_first("{\"a\":1} trailing", 16, 1024, &e);
    assert_non_null(v);
    json_decref(v);
    assert_null(tm_strictjson_parse_first("{\"a\":1,\"a\":1} x", 15, 1024, &e));
}

static void a_request_of_many_values_is_refused(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_buf b = {0};
    for (size_t n = STRICTJSON_REQUEST_VALUES_MAX - 1; n <= STRICTJSON_REQUEST_VALUES_MAX; n++) {
        tm_buf_reset(&b);
        tm_buf_puts(&b, "[{}"); /* the array is a value too */
        for (size_t i = 1; i < n; i++)
            tm_buf_puts(&b, ",{}");
        buf_putc(&b, ']');
        json_t *v = tm_strictjson_parse_first(tm_buf_str(&b), b.len, b.len, &e);
        assert_true((v != NULL) == (n < STRICTJSON_REQUEST_VALUES_MAX));
        json_decref(v);
        v = tm_strictjson_parse(tm_buf_str(&b), b.len, b.len,
                                &e); /* no request: as long as it likes */
        assert_non_null(v);
        json_decref(v);
    }
    assert_non_null(strstr(e.text, "more values than allowed"));
    tm_buf_free(&b);
}

static void strictjson_bounds_depth_and_length(void **state)
{
    (void)state;
    struct tm_err e = {0};
    char deep[2 * STRICTJSON_DEPTH_MAX + 3];
    for (int levels = STRICTJSON_DEPTH_MAX; levels <= STRICTJSON_DEPTH_MAX + 1; levels++) {
        memset(deep, '[', (size_t)levels);
        memset(deep + levels, ']', (size_t)levels);
        json_t *v = tm_strictjson_parse(deep, 2 * (size_t)levels, 4096, &e);
        assert_int_equal(v != NULL, levels == STRICTJSON_DEPTH_MAX);
        json_decref(v);
    }
    assert_null(tm_strictjson_parse("[1,2,3]", 7, 6, &e));
    assert_non_null(strstr(e.text, "longer than 6"));
    json_t *v = tm_strictjson_parse("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"", 41, 64, &e);
    assert_non_null(v); /* brackets in a string are text */
    json_decref(v);
}

static void an_error_keeps_its_kind_until_it_is_set_anew(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_buf out = {0};
    assert_int_equal(tm_file_read("/nowhere/at/all", 10, &out, &e), -1);
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    tm_err_wrap(&e, "the bundle");
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    tm_err_set(&e, "it is damaged");
    assert_int_equal(e.kind, ERR_BAD);
    assert_int_equal(tm_err_mark(&e, ERR_DANGER), -1);
    tm_err_errno(&e, "write");
    assert_int_equal(e.kind, ERR_BAD);
    tm_buf_free(&out);
}

static void errors_keep_context_and_stay_on_one_line(void **state)
{
    (void)state;
    struct tm_err e = {0};
    assert_int_equal(tm_err_set(&e, "key '%s'", "a\nb\x1b[2J"), -1);
    assert_string_equal(e.text, "key 'a?b?[2J'");
    assert_int_equal(tm_err_wrap(&e, "load '%s'", "x.yaml"), -1);
    assert_string_equal(e.text, "load 'x.yaml': key 'a?b?[2J'");
    assert_int_equal(tm_err_set(&e, "\xc2\x9b"
                                    "2J \xc3\xa9"),
                     -1); /* CSI in one character */
    assert_string_equal(e.text, "??2J \xc3\xa9");
    for (int i = 0; i < 100; i++)
        tm_err_wrap(&e, "a rather long piece of context number %d", i);
    assert_true(strlen(e.text) < ERR_TEXT_MAX);
    tm_err_set(&e, "%s", "\xe2\x80\xaegpj.exe \xc3\xa9 \xff \xc2\x9b");
    assert_string_equal(e.text, "???gpj.exe \xc3\xa9 ? ??");
    assert_int_equal(tm_err_set(NULL, "nobody listens"), -1);
}

static void buffers_fail_sticky_and_never_overflow(void **state)
{
    (void)state;
    struct tm_buf b = {0};
    assert_string_equal(tm_buf_str(&b), "");
    tm_buf_put_be(&b, 0x0102030405060708ULL, 8);
    tm_buf_put_be(&b, 0xabcdef, 3);
    assert_memory_equal(b.data, "\1\2\3\4\5\6\7\10\xab\xcd\xef", 11);
    assert_null(tm_buf_reserve(&b, BUF_MAX));
    assert_true(buf_failed(&b));
    tm_buf_puts(&b, "ignored");
    assert_int_equal(b.len, 11);
    assert_null(tm_buf_str(&b));
    tm_buf_free(&b);
}

static void files_are_replaced_whole(void **state)
{
    (void)state;
    char dir[] = "/tmp/tenmint-test-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char path[64];
    snprintf(path, sizeof(path), "%s/key", dir);
    struct tm_err e = {0};
    struct tm_buf got = {0};
    struct stat st;
    assert_int_equal(tm_file_create(path, 0600, "one", 3, &e), 0);
    assert_int_equal(tm_file_create(path, 0600, "two", 3, &e), -1);
    assert_int_equal(tm_file_write_atomic(path, 0644, "three", 5, &e), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_int_equal(tm_file_read(path, 5, &got, &e), 0);
    assert_int_equal(got.len, 5);
    assert_memory_equal(got.data, "three", 5);
    tm_buf_reset(&got);
    assert_int_equal(tm_file_read(path, 4, &got, &e), -1);
    assert_non_null(strstr(e.text, "larger than 4"));
    tm_buf_reset(&got);
    assert_int_equal(tm_file_read_secret(path, 16, &got, &e), -1);
    assert_non_null(strstr(e.text, "chmod 600"));
    assert_int_equal(tm_file_read(dir, 16, &got, &e), -1);
    assert_int_equal(tm_file_write_atomic("/nonexistent-dir/x", 0600, "", 0, &e), -1);
    tm_buf_free(&got);
    unlink(path);
    assert_int_equal(rmdir(dir), 0); /* and no temporary file is left */
}

/* Somebody holds a pipe's other end and writes nothing. */
static void a_pipe_is_not_waited_for_without_end(void **state)
{
    (void)state;
    struct tm_buf got = {0};
    struct tm_err e = {0};
    int fd[2];
    assert_int_equal(pipe2(fd, O_NONBLOCK), 0);
    assert_int_equal(write(fd[1], "half", 4), 4);
    int64_t begin = tm_clock_mono_ms();
    assert_int_equal(tm_file_read_open(fd[0], "the pipe", 64, 100, &got, &e), -1);
    assert_in_range(tm_clock_mono_ms() - begin, 100, 10000);
    assert_non_null(strstr(e.text, "the pipe"));
    assert_non_null(strstr(e.text, "timed out"));
    tm_buf_free(&got);
    close(fd[0]);
    close(fd[1]);
}

static void a_byte_order_mark_is_no_part_of_a_text_file(void **state)
{
    (void)state;
    static const struct {
        const char *file, *text;
    } rows[] = {
        {"\xef\xbb\xbf"
         "a\r\n",
         "a\r\n"},
        {"\xef\xbb\xbf", ""},
        {"\xef\xbb", "\xef\xbb"},
        {"a\xef\xbb\xbf", "a\xef\xbb\xbf"},
        {"", ""},
    };
    char path[] = "/tmp/tenmint-test-XXXXXX";
    close(mkstemp(path));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tm_buf got = {0};
        struct tm_err e = {0};
        tm_buf_puts(&got, "before ");
        assert_int_equal(tm_file_write_atomic(path, 0600, rows[i].file, strlen(rows[i].file), &e),
                         0);
        assert_int_equal(tm_file_read_text(path, 64, &got, &e), 0);
        assert_string_equal(tm_buf_str(&got) + 7, rows[i].text);
        tm_buf_free(&got);
    }
    unlink(path);
}

static void clock_takes_only_real_dates(void **state)
{
    (void)state;
    int64_t t = 0;
    char text[21];
    assert_int_equal(tm_clock_parse("2026-02-28T23:59:59Z", &t), 0);
    tm_clock_format(t, text);
    assert_string_equal(text, "2026-02-28T23:59:59Z");
    static const char *const bad[] = {"2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
                                      "2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z",
                                      "2026-01-01T00:00:00",  "2026-01-01 00:00:00Z",
                                      "2026-01-01T00:00:00+", "+026-01-01T00:00:00Z"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(tm_clock_parse(bad[i], &t), -1);
    tm_clock_format(-42097017600, text);
    assert_string_equal(text, "0636-01-01T00:00:00Z");
    tm_clock_format(INT64_MAX, text);
    assert_string_equal(text, "invalid-time");
}

#define LOG_LINES 25 /* all of them fit into the queue: none may be dropped here */
#define IDENTITY_MAX ((size_t)4096)

struct log_writer {
    struct tm_jlog *log;
    size_t len; /* of the value */
};

static void *write_lines(void *arg)
{
    const struct log_writer *w = arg;
    char value[IDENTITY_MAX + 2];
    memset(value, 'a', sizeof(value));
    value[w->len] = '\0';
    for (int i = 0; i < LOG_LINES; i++)
        jlog(w->log, JLOG_INFO, "line", JLOG_STR("san", value), JLOG_STR("subject", value),
             JLOG_END);
    return NULL;
}

/* Longer lines than a pipe keeps whole, beside short ones; a value is whole or says that it is not.
 */
static void log_lines_of_threads_stay_whole(void **state)
{
    (void)state;
    static const size_t lengths[] = {10, IDENTITY_MAX, 1000, IDENTITY_MAX + 1};
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct tm_jlog *log = tm_jlog_new(fds[1], JLOG_INFO);
    struct log_writer w[4];
    pthread_t thread[4];
    for (int i = 0; i < 4; i++) {
        w[i] = (struct log_writer){log, lengths[i]};
        assert_int_equal(pthread_create(&thread[i], NULL, write_lines, &w[i]), 0);
    }
    FILE *in = fdopen(fds[0], "r");
    char *line = NULL;
    size_t cap = 0;
    unsigned cut = 0;
    for (int i = 0; i < 4 * LOG_LINES; i++) {
        struct tm_err e = {0};
        ssize_t n = getline(&line, &cap, in);
        json_t *v = tm_strictjson_parse(line, (size_t)n, 65536, &e);
        if (v == NULL)
            fail_msg("line %d: %s", i, e.text);
        const char *san = json_string_value(json_object_get(v, "san"));
        const char *end = strstr(san, "[cut]");
        cut += end != NULL;
        assert_int_equal(strspn(san, "a"), end != NULL ? IDENTITY_MAX : strlen(san));
        json_decref(v);
    }
    assert_int_equal(cut, LOG_LINES);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    free(line);
    tm_jlog_free(log);
    fclose(in);
    close(fds[1]);
}

static void log_lines_cannot_be_forged(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct tm_jlog *log = tm_jlog_new(fds[1], JLOG_INFO);
    jlog(log, JLOG_DEBUG, "hidden", JLOG_END);
    jlog(log, JLOG_INFO, "issued", JLOG_STR("sub", "a\"\n{\"x\":1}\xff\xc3\xa9\x7f"),
         JLOG_INT("ms", -3), JLOG_STR("none", NULL), JLOG_END);
    char line[2048];
    ssize_t n = read(fds[0], line, sizeof(line) - 1);
    assert_true(n > 0);
    line[n] = '\0';
    assert_ptr_equal(strchr(line, '\n'), line + n - 1);
    struct tm_err e = {0};
    json_t *v = tm_strictjson_parse(line, (size_t)n, sizeof(line), &e);
    assert_non_null(v);
    assert_string_equal(json_string_value(json_object_get(v, "sub")),
                        "a\"\n{\"x\":1}\xef\xbf\xbd\xc3\xa9\x7f");
    assert_string_equal(json_string_value(json_object_get(v, "message")), "issued");
    assert_int_equal(json_integer_value(json_object_get(v, "ms")), -3);
    json_decref(v);
    tm_jlog_free(log);
    close(fds[0]);
    close(fds[1]);
}

static void identity_arcs_ascend(void **state)
{
    (void)state;
    for (int i = 1; i < IDENTITY_FIELD_COUNT; i++)
        assert_true(tm_identity_table[i].arc > tm_identity_table[i - 1].arc);
    assert_int_equal(tm_identity_table[IDENTITY_TOKEN_SUBJECT].arc, 24);
}

/* The same size and time of change, in place: only the inode's own time tells. */
static void a_stamp_sees_a_change_that_hides(void **state)
{
    (void)state;
    char path[] = "/tmp/tenmint-stamp-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "one", 3), 3);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    struct tm_file_stamp before = tm_file_stamp(path);
    struct tm_file_stamp again = tm_file_stamp(path);
    assert_true(tm_file_stamp_same(&before, &again));
    usleep(20000);
    assert_int_equal(pwrite(fd, "two", 3, 0), 3);
    const struct timespec times[] = {st.st_atim, st.st_mtim};
    assert_int_equal(futimens(fd, times), 0);
    struct tm_file_stamp after = tm_file_stamp(path);
    assert_int_equal(after.size, before.size);
    assert_int_equal(after.mtime.tv_nsec, before.mtime.tv_nsec);
    assert_false(tm_file_stamp_same(&before, &after));
    close(fd);
    unlink(path);
    struct tm_file_stamp gone = tm_file_stamp(path);
    struct tm_file_stamp none = tm_file_stamp(NULL);
    assert_true(gone.ino == 0 && tm_file_stamp_same(&gone, &none));
}

/* A proxy that is not there tells by its error which requests went to it. */
static bool goes_to_the_proxy(const char *url)
{
    struct tm_fetch_request req = {.url = url, .allow_http = true, .timeout_ms = 5000};
    struct tm_fetch_response resp;
    struct tm_err e = {0};
    assert_int_equal(tm_fetch_run(&req, &resp, &e), -1);
    return strstr(e.text, "proxy") != NULL;
}

static void the_environments_proxy_has_its_exceptions(void **state)
{
    (void)state;
    setenv("http_proxy", "http://no-proxy-here.invalid:1", 1);
    assert_true(goes_to_the_proxy("http://a.invalid/"));
    assert_false(goes_to_the_proxy("http://127.0.0.1:1/"));
    setenv("no_proxy", ".b.invalid,a.invalid", 1);
    assert_false(goes_to_the_proxy("http://a.invalid/"));
    assert_false(goes_to_the_proxy("http://x.b.invalid/"));
    assert_false(goes_to_the_proxy("http://localhost:1/"));
    assert_true(goes_to_the_proxy("http://c.invalid/"));
    unsetenv("http_proxy");
    unsetenv("no_proxy");
}

static void a_name_is_joined_to_its_folder_by_one_slash(void **state)
{
    (void)state;
    struct tm_err e = {0};
    char path[8];
    assert_int_equal(tm_file_join("a", "bc", path, sizeof(path), &e), 0);
    assert_string_equal(path, "a/bc");
    assert_int_equal(tm_file_join("a/", "bc", path, sizeof(path), &e), 0);
    assert_string_equal(path, "a/bc");
    assert_int_equal(tm_file_join("/", "bc", path, sizeof(path), &e), 0);
    assert_string_equal(path, "/bc");
    assert_int_equal(tm_file_join("abcd", "efg", path, sizeof(path), &e), -1);
    assert_non_null(strstr(e.text, "too long"));
}

/* ---- threads ---- */

struct bell {
    pthread_mutex_t lock;
    pthread_cond_t rung;
    bool ringing;
    sigset_t held; /* signals that do not come to the thread */
};

static void *ring(void *arg)
{
    struct bell *b = arg;
    pthread_mutex_lock(&b->lock);
    pthread_sigmask(SIG_BLOCK, NULL, &b->held);
    b->ringing = true;
    pthread_cond_signal(&b->rung);
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

static void a_wait_ends_at_a_signal_or_at_its_time(void **state)
{
    (void)state;
    struct bell b = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t thread;
    tm_cond_init(&b.rung);
    int64_t until = tm_clock_mono_ms() + 30;
    pthread_mutex_lock(&b.lock);
    while (tm_cond_wait(&b.rung, &b.lock, until))
        ;
    assert_true(tm_clock_mono_ms() >= until);
    assert_int_equal(tm_thread_start(&thread, ring, &b), 0);
    until = tm_clock_mono_ms() + 60000;
    while (!b.ringing)
        assert_true(tm_cond_wait(&b.rung, &b.lock, until));
    pthread_mutex_unlock(&b.lock);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(sigismember(&b.held, SIGTERM), 1);
    pthread_cond_destroy(&b.rung);
}

static void a_tree_is_removed_and_what_its_links_lead_to_stays(void **state)
{
    (void)state;
    char dir[] = "/tmp/tenmint-tree.XXXXXX";
    char path[64];
    struct tm_err e = {0};
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/a/b", dir);
    assert_int_equal(tm_file_mkdirs(path, 0755, &e), 0);
    snprintf(path, sizeof(path), "%s/kept", dir);
    assert_int_equal(tm_file_create(path, 0644, "x", 1, &e), 0);
    snprintf(path, sizeof(path), "%s/a/b/link", dir);
    assert_int_equal(symlink("../../kept", path), 0);
    assert_true(tm_file_is_in(dir, "a"));
    snprintf(path, sizeof(path), "%s/a", dir);
    assert_int_equal(tm_file_remove_tree(path, &e), 0);
    assert_false(tm_file_is_in(dir, "a"));
    assert_true(tm_file_is_in(dir, "kept"));
    assert_int_equal(tm_file_remove_tree(path, &e), -1);
    assert_non_null(strstr(e.text, "remove '"));
    assert_int_equal(tm_file_remove_tree(dir, &e), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stamp_sees_a_change_that_hides),
        cmocka_unit_test(b64_round_trips_every_length),
        cmocka_unit_test(b64_refuses_what_is_not_canonical),
        cmocka_unit_test(b64_takes_its_alphabet_only),
        cmocka_unit_test(jsonstr_plain_stops_at_the_first_special_byte),
        cmocka_unit_test(buf_put_int_writes_every_size),
        cmocka_unit_test(strictjson_refuses_what_hides_meaning),
        cmocka_unit_test(a_request_of_many_values_is_refused),
        cmocka_unit_test(strictjson_bounds_depth_and_length),
        cmocka_unit_test(errors_keep_context_and_stay_on_one_line),
        cmocka_unit_test(an_error_keeps_its_kind_until_it_is_set_anew),
        cmocka_unit_test(buffers_fail_sticky_and_never_overflow),
        cmocka_unit_test(files_are_replaced_whole),
        cmocka_unit_test(a_pipe_is_not_waited_for_without_end),
        cmocka_unit_test(a_byte_order_mark_is_no_part_of_a_text_file),
        cmocka_unit_test(clock_takes_only_real_dates),
        cmocka_unit_test(log_lines_cannot_be_forged),
        cmocka_unit_test(log_lines_of_threads_stay_whole),
        cmocka_unit_test(a_wait_ends_at_a_signal_or_at_its_time),
        cmocka_unit_test(a_tree_is_removed_and_what_its_links_lead_to_stays),
        cmocka_unit_test(identity_arcs_ascend),
        cmocka_unit_test(the_environments_proxy_has_its_exceptions),
        cmocka_unit_test(a_name_is_joined_to_its_folder_by_one_slash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
