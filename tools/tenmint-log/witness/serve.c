/* The witness itself: its key, its routes, its service. */
#include <inttypes.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/http/http.h"
#include "ca/log/monitor/head.h"
#include "ca/log/witness/request.h"
#include "ca/log/witness/witness.h"
#include "common/checked_clock.h"
#include "common/jlog.h"
#include "common/key/key.h"
#include "tools/tenmint-log/print.h"
#include "tools/tenmint-log/witness/witness.h"

#define TEXT "text/plain; charset=utf-8"

struct service_witness {
    struct ca_witness *witness;
    struct tm_checked_clock clock; /* of cosignatures */
    struct tm_jlog *jlog;
    struct tm_key *key;
    struct tm_note_key note_key;
    struct ca_witness_log log[CLI_LIST_MAX]; /* origin is owned, so is the key */
    size_t logs;
    struct tm_http_route *routes;
    char (*paths)[WITNESS_HASH_TEXT + 16];
};

static enum tm_http_result on_add(void *ctx, struct tm_http_exchange *x)
{
    struct service_witness *s = ctx;
    const struct tm_buf *body = tm_http_body(x);
    struct tm_buf reply = {0};
    struct tm_err e = {0};
    int64_t now_ms = 0;
    unsigned status = 503;
    if (tm_checked_clock_now(&s->clock, &now_ms, &e) == 0)
        status = ca_witness_add_checkpoint(s->witness, body->data, body->len, now_ms, &reply, &e);
    jlog(s->jlog, status == 200 ? JLOG_INFO : JLOG_WARN, "add-checkpoint",
         JLOG_INT("status", status), JLOG_STR("detail", e.text),
         JLOG_STR("remote", tm_http_remote(x)), JLOG_END);
    if (status != 200 && status != 409) {
        tm_buf_reset(&reply);
        tm_buf_printf(&reply, "%s\n", status == 500 ? "the witness failed" : e.text);
    }
    tm_http_reply(x, status, status == 409 ? "text/x.tlog.size" : TEXT, &reply);
    return HTTP_DONE;
}

/* One route for each log, so the path says which. */
static enum tm_http_result on_checkpoint(void *ctx, struct tm_http_exchange *x)
{
    struct service_witness *s = ctx;
    struct tm_buf reply = {0};
    char hash[WITNESS_HASH_TEXT];
    snprintf(hash, sizeof(hash), "%.64s", tm_http_path(x) + 1);
    unsigned status = ca_witness_checkpoint(s->witness, hash, &reply);
    if (status != 200)
        tm_buf_puts(&reply, "nothing was cosigned yet\n");
    tm_http_reply(x, status, TEXT, &reply);
    return HTTP_DONE;
}

static void on_fault(void *ctx, struct tm_http_exchange *x, enum tm_http_fault f)
{
    (void)ctx;
    static const unsigned status[] = {
        [HTTP_FAULT_NOT_FOUND] = 404,  [HTTP_FAULT_METHOD] = 405,    [HTTP_FAULT_TOO_LARGE] = 413,
        [HTTP_FAULT_MEDIA_TYPE] = 415, [HTTP_FAULT_MALFORMED] = 400, [HTTP_FAULT_MEMORY] = 503,
        [HTTP_FAULT_BUSY] = 503};
    struct tm_buf reply = {0};
    tm_buf_puts(&reply, "not served here\n");
    tm_http_reply(x, f < sizeof(status) / sizeof(status[0]) ? status[f] : 400, TEXT, &reply);
}

static int add_log(struct service_witness *s, const struct cli_pair *log, struct tm_err *e)
{
    struct ca_head_trust key = {0};
    if (ca_head_trust_log_key(&key, log->value, e) != 0)
        return tm_err_wrap(e, "--log");
    s->log[s->logs].origin = strndup(log->name, log->name_len);
    s->log[s->logs].key = key.log_key;
    return s->log[s->logs++].origin != NULL ? 0 : tm_err_set(e, "out of memory");
}

static int make_key(const struct log_witness_words *w, struct tm_err *e)
{
    struct tm_buf password = {0};
    struct tm_note_key named;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    int rc = key != NULL ? 0 : tm_err_openssl(e, "make an Ed25519 key");
    if (rc == 0) /* a name that cannot be leaves no file behind */
        rc = tm_note_key_init(&named, w->name, NOTE_COSIGNATURE, key, e);
    if (rc == 0)
        rc = tm_key_read_secret(w->password_file, NULL, "password", &password, e);
    if (rc == 0)
        rc = tm_key_write_file(w->key, key, password.len > 0 ? tm_buf_str(&password) : NULL, e);
    tm_buf_free_secret(&password);
    EVP_PKEY_free(key);
    return rc;
}

static int open_key(struct service_witness *s, const struct log_witness_words *w, struct tm_err *e)
{
    struct tm_key_source source = {.file = w->key, .password_file = w->password_file};
    if (w->new_key && make_key(w, e) != 0)
        return -1;
    s->key = tm_key_open(&source, "witness key", e);
    if (s->key == NULL)
        return -1;
    return tm_note_key_init(&s->note_key, w->name, NOTE_COSIGNATURE, tm_key_pkey(s->key), e);
}

static int make_routes(struct service_witness *s, struct tm_err *e)
{
    s->routes = calloc(s->logs + 1, sizeof(*s->routes));
    s->paths = calloc(s->logs, sizeof(*s->paths));
    if (s->routes == NULL || s->paths == NULL)
        return tm_err_set(e, "out of memory");
    s->routes[0] =
        (struct tm_http_route){.path = "/add-checkpoint", .method = HTTP_POST, .handle = on_add};
    for (size_t i = 0; i < s->logs; i++) {
        char hash[WITNESS_HASH_TEXT];
        ca_witness_origin_hash(s->log[i].origin, hash);
        snprintf(s->paths[i], sizeof(s->paths[i]), "/%s/checkpoint", hash);
        s->routes[i + 1] = (struct tm_http_route){
            .path = s->paths[i], .method = HTTP_GET, .handle = on_checkpoint};
    }
    return 0;
}

static int print_vkey(const struct service_witness *s, struct tm_err *e)
{
    struct tm_buf vkey = {0};
    int rc = tm_note_vkey_put(&s->note_key, &vkey, e);
    if (rc == 0) {
        printf("%s\n", tm_buf_str(&vkey));
        rc = log_flush(e);
    }
    tm_buf_free(&vkey);
    return rc;
}

static int serve(struct service_witness *s, const char *listen, struct tm_err *e)
{
    struct tm_http_options o;
    sigset_t set;
    int sig = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    tm_http_options_default(&o);
    o.listen = listen;
    o.workers = 2;
    o.max_body = WITNESS_REQUEST_MAX;
    o.routes = s->routes;
    o.route_count = s->logs + 1;
    o.ctx = s;
    o.fault = on_fault;
    struct tm_http_server *http = tm_http_server_start(&o, e);
    if (http == NULL)
        return -1;
    jlog(s->jlog, JLOG_INFO, "witness listening", JLOG_STR("address", tm_http_server_address(http)),
         JLOG_INT("logs", (long long)s->logs), JLOG_END);
    while (sigwait(&set, &sig) != 0)
        ;
    tm_http_server_stop(http, 5000);
    tm_http_server_free(http);
    return 0;
}

static void close_all(struct service_witness *s)
{
    ca_witness_close(s->witness);
    for (size_t i = 0; i < s->logs; i++) {
        free((char *)s->log[i].origin);
        EVP_PKEY_free(s->log[i].key);
    }
    free(s->routes);
    free(s->paths);
    tm_key_free(s->key);
    if (s->jlog != NULL)
        tm_checked_clock_free(&s->clock);
    tm_jlog_free(s->jlog);
}

static int run(struct service_witness *s, const struct log_witness_words *w, struct tm_err *e)
{
    for (size_t i = 0; i < w->logs.count; i++) {
        if (add_log(s, &w->logs.item[i], e) != 0)
            return CLI_CONFIG;
    }
    if (open_key(s, w, e) != 0)
        return CLI_CONFIG;
    if (print_vkey(s, e) != 0)
        return CLI_FAILED;
    if (w->logs.count == 0) /* only the key was wanted */
        return CLI_OK;
    s->jlog = tm_jlog_new(STDERR_FILENO, JLOG_INFO);
    tm_checked_clock_init(&s->clock, NULL, s->jlog);
    s->witness = ca_witness_open(w->dir, &s->note_key, s->log, s->logs, e);
    if (s->jlog == NULL || s->witness == NULL || make_routes(s, e) != 0 ||
        serve(s, w->listen, e) != 0)
        return CLI_FAILED;
    return CLI_OK;
}

int log_witness_run(const struct log_witness_words *w, char **words, size_t count)
{
    (void)words;
    (void)count;
    struct service_witness s = {0};
    struct tm_err e = {0};
    int rc = run(&s, w, &e);
    close_all(&s);
    return rc == CLI_OK ? CLI_OK : cli_fail(rc, &e);
}
