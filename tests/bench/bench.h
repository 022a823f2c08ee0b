/*
 * What the files of the benchmark share: the crypto limit, a client of keep-alive
 * connections, and what the kernel says of the server process.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "common/buf.h"

#define REQUESTS 64 /* distinct client keys */

struct reply { /* what has come of one */
    size_t have;
    char data[16384];
};

/* What a request shows its key with. */
enum form { FORM_P256, FORM_CSR, FORM_ED25519, FORM_RSA_2048, FORM_RSA_4096, FORMS };

struct form_row {
    const char *name;
    const char *type; /* of the key, for EVP_PKEY_Q_keygen */
    size_t bits;      /* of RSA */
    const char *digest;
    bool csr;
    int keys;    /* distinct ones: RSA keys take long to make */
    double goal; /* certificates per CPU-second, as a share of the crypto limit; 0: none */
};
extern const struct form_row form_rows[FORMS];

EVP_PKEY *form_key(enum form f); /* a new one; the caller's */

/* A server under test and the connections held open to it. */
struct target {
    char name[64];
    int port;
    int pid;
    int connections;
    int *fd;
    struct reply *reply; /* of each connection */
};

/* "NAME=PORT,PID,CONNECTIONS"; connects them all. Ends the program on a fault. */
void target_open(struct target *t, const char *text);
void target_close(struct target *t);

/* ---- client.c ---- */

/* Makes the requests of a form, `token` in each; the last form made or chosen is what all
 * connections send. */
void client_prepare(const char *token, enum form f);
void client_choose(enum form f);
void client_forget(void);
/* From now on each request whose number is divisible by `every` has a token with another signature.
 */
void client_spoil(long every);
int client_dial(int port);
/* Sends request number `i` and reads the reply; false unless it is a 200. */
bool client_ask(int fd, long i);

bool client_send(int fd, long i);         /* request number `i`, whole */
bool client_whole(const struct reply *r); /* a whole reply has come, of any status */
/* Whether the reply's first certificate holds the key of request number `i`. */
bool client_has_certificate(const struct reply *r, long i);
/* Writes request number `i`, which must fit. */
void client_seal(SSL *ssl, long i);
/* False: there is more to come. Ends the program when it is not a 200. */
bool reply_is_whole(const struct reply *r);

/* `count` requests over all of the target's connections at once, each waiting for its reply
 * before it sends the next. Microseconds of wall time; a failed request ends the program. */
double client_run(const struct target *t, long count);
/* Bytes of a request and of the last reply that client_run has had. */
size_t client_request_bytes(void);
size_t client_reply_bytes(void);

/* ---- limit.c ---- */

/* Microseconds of one RSA-2048 verification (the token), one verification by a key of the form and
 * `signs` (1 to 3) P-256 signatures. The mean of a short run on each of two threads, so that the
 * machine is as busy as it is when server and client run. */
double limit_measure_us(enum form f, int signs);

/* ---- floor.c ---- */

struct floor_load {
    size_t in, out; /* bytes of a request and of its reply, heads included */
    int connections;
};

/* Microseconds of processor that the kernel takes of a server for each request. */
double floor_measure_us(const struct floor_load *l, long count);
int floor_print(const char *text, long count); /* "IN,OUT,CONNECTIONS"; 2: it is not that */

/* ---- process.c ---- */

double clock_us(clockid_t id);
double process_cpu_us(int pid);  /* user and system time of all threads */
double process_wait_us(int pid); /* all threads were ready to run, and something else ran */
double machine_stolen_ms(void);  /* since boot: this machine's processors ran another's work */
long process_rss_kib(int pid);

/* ---- report.c ---- */

/* One labelled line. */
void report(const char *label, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line with a goal and whether it is met: `value` is at least, or at most, `goal`. */
void report_at_least(const char *label, double value, double goal);
void report_at_most(const char *label, double value, double goal);

int by_value(const void *a, const void *b); /* qsort of double */

/* ---- the measurements: each prints its lines ---- */

/* `signs`: P-256 signatures of one certificate. 1: without a log. 3: certificate, precertificate
 * and SCT, from a CA with the embedded log. */
void measure_throughput(struct target *targets, size_t count, long requests, int signs);
void measure_against(struct target *base, struct target *now, long requests);
/* Each form of request in turn, one target. */
void measure_forms(const struct target *t, long requests);
void measure_memory(const struct target *t, long requests);
/* New connections to `tls` against kept ones to `plain`, which is the same without TLS. The
 * environment's BENCH_TLS_CERTIFICATE and BENCH_TLS_KEY are its files. */
void measure_tls(const struct target *plain, const struct target *tls, long requests);
/* `seconds` of load, one request of ten with a token that is not signed. */
void measure_soak(const struct target *t, long seconds);
void measure_overload(const struct target *t);
void measure_latency(const struct target *t, int tries);

/* ---- grpc.c ---- */

void measure_grpc(const struct target *t, const char *token, long count);
