/*
 * New TLS connections, each with one certificate, over lines of some length: a client answers what
 * the server sends only after the line's round trip, as a distant one would. Beside them, peers
 * that never finish their handshake. What the server spends on one is held against what issuance
 * costs over connections that are kept, and OpenSSL's own handshake, in turn in short slices.
 *
 * A line makes the load thin: 64 connections at once are 300 a second over 100 ms. Whoever works so
 * seldom finds the caches cold each time, whatever the work is. So issuance and handshake are
 * measured at the pace that the line has left; what is more than they cost is the connection's.
 * Beside it stands the ratio to what both cost one after another, with caches as warm as can be.
 */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define SLICES 5
#define LINES 3
#define AT_ONCE 64
#define SILENT 200
#define HANDSHAKES 200
#define GOAL 1.25 /* against issuance and OpenSSL's handshake */

static const int line_ms[LINES] = {0, 40, 100};

/* ---- OpenSSL alone ---- */

struct pair {
    SSL_CTX *server, *client;
};

static void fail(const char *what)
{
    fprintf(stderr, "TLS: %s\n", what);
    exit(1);
}

static void step(SSL *ssl, double *us)
{
    double start = clock_us(CLOCK_THREAD_CPUTIME_ID);
    (void)SSL_do_handshake(ssl);
    *us += clock_us(CLOCK_THREAD_CPUTIME_ID) - start;
}

/* The server's part of one handshake, its object and one ticket included: microseconds of processor
 * time. */
static double shake_hands_us(const struct pair *p)
{
    double start = clock_us(CLOCK_THREAD_CPUTIME_ID);
    SSL *server = SSL_new(p->server);
    double us = clock_us(CLOCK_THREAD_CPUTIME_ID) - start;
    SSL *client = SSL_new(p->client);
    BIO *up = BIO_new(BIO_s_mem());
    BIO *down = BIO_new(BIO_s_mem());
    BIO_up_ref(up);
    BIO_up_ref(down);
    SSL_set_bio(server, up, down);
    SSL_set_bio(client, down, up);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    for (int i = 0; i < 2; i++) {
        (void)SSL_do_handshake(client);
        step(server, &us);
    }
    if (!SSL_is_init_finished(server))
        fail("OpenSSL's own handshake does not end");
    SSL_free(client);
    start = clock_us(CLOCK_THREAD_CPUTIME_ID);
    SSL_free(server);
    return us + clock_us(CLOCK_THREAD_CPUTIME_ID) - start;
}

struct shaker {
    pthread_t thread;
    const struct pair *pair;
    double every_us; /* one begins; 0: without a pause */
    double us;       /* the mean */
};

static void sleep_until(double due_us)
{
    struct timespec t = {.tv_sec = (time_t)(due_us / 1e6)};
    t.tv_nsec = (long)((due_us - (double)t.tv_sec * 1e6) * 1e3);
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void *shake_many(void *arg)
{
    struct shaker *s = arg;
    double start = clock_us(CLOCK_MONOTONIC);
    for (int i = 0; i < HANDSHAKES; i++) {
        sleep_until(start + i * s->every_us);
        s->us += shake_hands_us(s->pair) / HANDSHAKES;
    }
    return NULL;
}

/* On two threads, so that the machine is as busy as it is under load; together one each `every_us`.
 */
static double handshake_us(const struct pair *p, double every_us)
{
    struct shaker s[2] = {{.pair = p, .every_us = 2 * every_us},
                          {.pair = p, .every_us = 2 * every_us}};
    for (int i = 0; i < 2; i++)
        pthread_create(&s[i].thread, NULL, shake_many, &s[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(s[i].thread, NULL);
    return (s[0].us + s[1].us) / 2;
}

static void pair_open(struct pair *p, const char *certificate, const char *key)
{
    p->server = SSL_CTX_new(TLS_server_method());
    p->client = SSL_CTX_new(TLS_client_method());
    if (SSL_CTX_use_certificate_chain_file(p->server, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(p->server, key, SSL_FILETYPE_PEM) != 1)
        fail("no certificate and key");
    (void)SSL_CTX_set_num_tickets(p->server, 1);
    (void)SSL_CTX_set_session_cache_mode(p->server, SSL_SESS_CACHE_OFF);
}

/* ---- the server's clients ---- */

struct visit { /* one connection, from its start to its reply */
    SSL *ssl;  /* NULL: none */
    BIO *in, *out;
    int fd;
    bool asked;
    double due_us; /* what is to go out goes then; 0: it waits for the server */
    struct reply reply;
};

static void visit_begin(struct visit *v, int port, SSL_CTX *ctx, double line_us)
{
    *v = (struct visit){.ssl = SSL_new(ctx), .fd = client_dial(port)};
    v->in = BIO_new(BIO_s_mem());
    v->out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(v->in, -1);
    SSL_set_bio(v->ssl, v->in, v->out);
    SSL_set_connect_state(v->ssl);
    (void)SSL_do_handshake(v->ssl);
    v->due_us = clock_us(CLOCK_MONOTONIC) + line_us;
}

static void visit_end(struct visit *v)
{
    SSL_free(v->ssl);
    close(v->fd);
    v->ssl = NULL;
}

/* Reads what the server has sent; true when the reply is whole. */
static bool visit_read(struct visit *v, long number, double line_us)
{
    char data[16384];
    ssize_t n = recv(v->fd, data, sizeof(data), MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0 || BIO_write(v->in, data, (int)n) != n)
        fail("the server ended a connection");
    if (!v->asked && SSL_do_handshake(v->ssl) == 1) {
        v->asked = true;
        client_seal(v->ssl, number);
    }
    if (BIO_ctrl_pending(v->out) > 0)
        v->due_us = clock_us(CLOCK_MONOTONIC) + line_us;
    int got = 0;
    while (v->asked && (got = SSL_read(v->ssl, v->reply.data + v->reply.have,
                                       (int)(sizeof(v->reply.data) - 1 - v->reply.have))) > 0)
        v->reply.have += (size_t)got;
    v->reply.data[v->reply.have] = '\0';
    return reply_is_whole(&v->reply);
}

static void visit_write(struct visit *v)
{
    char *data = NULL;
    long len = BIO_get_mem_data(v->out, &data);
    if (send(v->fd, data, (size_t)len, MSG_NOSIGNAL) != len)
        fail("the server takes no bytes");
    (void)BIO_reset(v->out);
    v->due_us = 0;
}

/* Waits until one may read or is to write: for at most a millisecond. */
static void wait_any(const struct visit *all)
{
    struct pollfd p[AT_ONCE];
    for (int i = 0; i < AT_ONCE; i++)
        p[i] = (struct pollfd){.fd = all[i].ssl != NULL ? all[i].fd : -1, .events = POLLIN};
    (void)poll(p, AT_ONCE, 1);
}

static void visit_many(const struct target *t, SSL_CTX *ctx, long count, double line_us)
{
    static struct visit all[AT_ONCE];
    long begun = 0;
    long done = 0;
    while (done < count) {
        double now = clock_us(CLOCK_MONOTONIC);
        for (int i = 0; i < AT_ONCE; i++) {
            struct visit *v = &all[i];
            if (v->ssl == NULL && begun == count)
                continue;
            if (v->ssl == NULL) {
                visit_begin(v, t->port, ctx, line_us);
                begun++;
            }
            if (v->due_us > 0 && v->due_us <= now)
                visit_write(v);
            if (visit_read(v, begun, line_us)) {
                visit_end(v);
                done++;
            }
        }
        wait_any(all);
    }
}

/* ---- the measurement ---- */

struct slices {
    double cpu_us[SLICES], kept_us[SLICES], hands_us[SLICES], ratio[SLICES];
};

static double median(const double *values)
{
    double sorted[SLICES];
    memcpy(sorted, values, sizeof(sorted));
    qsort(sorted, SLICES, sizeof(*sorted), by_value);
    return sorted[SLICES / 2];
}

/* One each `every_us`; 0: as many as it can. */
static double kept_us(const struct target *plain, long n, double every_us)
{
    double cpu = process_cpu_us(plain->pid);
    double start = clock_us(CLOCK_MONOTONIC);
    if (every_us == 0)
        (void)client_run(plain, n);
    for (long i = 0; every_us > 0 && i < n; i++) {
        sleep_until(start + (double)i * every_us);
        if (!client_ask(plain->fd[i % plain->connections], i))
            fail("a request failed");
    }
    return (process_cpu_us(plain->pid) - cpu) / (double)n;
}

/* A slice over one line: the visits first, whose pace the others then have. */
static void run_line(const struct target *plain, const struct target *tls, const struct pair *p,
                     long n, int ms, struct slices *s, int slice)
{
    double cpu = process_cpu_us(tls->pid);
    double start = clock_us(CLOCK_MONOTONIC);
    visit_many(tls, p->client, n, ms * 1e3);
    double every_us = ms > 0 ? (clock_us(CLOCK_MONOTONIC) - start) / (double)n : 0;
    s->cpu_us[slice] = (process_cpu_us(tls->pid) - cpu) / (double)n;
    s->kept_us[slice] = kept_us(plain, n, every_us);
    s->hands_us[slice] = handshake_us(p, every_us);
    s->ratio[slice] = s->cpu_us[slice] / (s->kept_us[slice] + s->hands_us[slice]);
}

/* `hot`: of the line that is none, whose issuance and handshakes follow one another. */
static void print_line(int ms, const char *beside, const struct slices *s, const struct slices *hot)
{
    char label[128];
    snprintf(label, sizeof(label), "TLS, %d ms line%s: CPU per new connection", ms, beside);
    report(label, "%.1f us; issuance %.1f us, OpenSSL's handshake %.1f us at that pace",
           median(s->cpu_us), median(s->kept_us), median(s->hands_us));
    snprintf(label, sizeof(label), "TLS, %d ms line%s: against issuance and handshake", ms, beside);
    report_at_most(label, median(s->ratio), GOAL);
    if (ms == 0)
        return;
    snprintf(label, sizeof(label), "TLS, %d ms line%s: against both without a pause", ms, beside);
    report(label, "%.2f; issuance alone is %.2f times as dear at that pace, a handshake %.2f",
           median(s->cpu_us) / (median(hot->kept_us) + median(hot->hands_us)),
           median(s->kept_us) / median(hot->kept_us), median(s->hands_us) / median(hot->hands_us));
}

/* Half a ClientHello from each second one, nothing from the others. */
static void open_silent(int port, int *fd)
{
    static const unsigned char begun[] = {0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc};
    for (int i = 0; i < SILENT; i++) {
        fd[i] = client_dial(port);
        if (i % 2 == 0)
            (void)send(fd[i], begun, sizeof(begun), MSG_NOSIGNAL);
    }
}

void measure_tls(const struct target *plain, const struct target *tls, long requests)
{
    static struct slices line[LINES], crowded;
    int silent[SILENT];
    struct pair p;
    long n = requests / SLICES;
    pair_open(&p, getenv("BENCH_TLS_CERTIFICATE"), getenv("BENCH_TLS_KEY"));
    (void)client_run(plain, n);
    visit_many(tls, p.client, n, 0);
    for (int i = 0; i < SLICES; i++) {
        for (int k = 0; k < LINES; k++)
            run_line(plain, tls, &p, n, line_ms[k], &line[k], i);
        open_silent(tls->port, silent);
        run_line(plain, tls, &p, n, line_ms[1], &crowded, i);
        for (int k = 0; k < SILENT; k++)
            close(silent[k]);
    }
    for (int k = 0; k < LINES; k++)
        print_line(line_ms[k], "", &line[k], &line[0]);
    print_line(line_ms[1], ", 200 silent peers", &crowded, &line[0]);
    SSL_CTX_free(p.server);
    SSL_CTX_free(p.client);
}
