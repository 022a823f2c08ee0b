/*
 * demo_tsa CHAIN-FILE: a test timestamp authority on loopback. Writes its certificates (PEM,
 * signing certificate first) and prints its URL. For tests and demonstrations only.
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/file.h"
#include "tests/support/pki.h"
#include "tests/support/signed.h"

#define QUERY_MAX 4096
#define DAY ((int64_t)86400)

struct tsa {
    EVP_PKEY *root_key, *key;
    X509 *root, *cert;
};

struct upload {
    char data[QUERY_MAX];
    size_t len;
};

static int make(struct tsa *t, const char *chain_file)
{
    static const struct pki_extension leaf[] = {{"keyUsage", "critical,digitalSignature"},
                                                {"extendedKeyUsage", "critical,timeStamping"},
                                                {NULL, NULL}};
    int64_t now = time(NULL);
    struct buf pem = {0};
    struct err e = {0};
    t->root_key = pki_key("P-256");
    t->key = pki_key("P-256");
    t->root = pki_ca("Demo TSA root", t->root_key, NULL, NULL, now - DAY, now + 365 * DAY);
    const struct pki_spec spec = {"Demo TSA", t->key,          t->root, t->root_key,
                                  now - DAY,  now + 365 * DAY, leaf};
    t->cert = pki_cert(&spec);
    pki_pem(t->cert, &pem);
    pki_pem(t->root, &pem);
    int rc = file_write_atomic(chain_file, 0644, pem.data, pem.len, &e);
    if (rc != 0)
        fprintf(stderr, "demo_tsa: %s\n", e.text);
    buf_free(&pem);
    return rc;
}

static enum MHD_Result answer(struct MHD_Connection *c, const struct tsa *t,
                              const struct upload *up)
{
    struct buf reply = {0};
    signed_reply(t->cert, t->key, time(NULL), up->data, up->len, &reply);
    struct MHD_Response *r =
        MHD_create_response_from_buffer(reply.len, reply.data, MHD_RESPMEM_MUST_COPY);
    MHD_add_response_header(r, "Content-Type", "application/timestamp-reply");
    enum MHD_Result rc = MHD_queue_response(c, MHD_HTTP_OK, r);
    MHD_destroy_response(r);
    buf_free(&reply);
    return rc;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    struct upload *up = *state;
    (void)url;
    (void)method;
    (void)version;
    if (up == NULL) {
        *state = calloc(1, sizeof(*up));
        return *state != NULL ? MHD_YES : MHD_NO;
    }
    if (*size > 0) {
        size_t room = QUERY_MAX - up->len;
        size_t take = *size < room ? *size : room;
        memcpy(up->data + up->len, data, take);
        up->len += take;
        *size = 0;
        return MHD_YES;
    }
    return answer(c, arg, up);
}

static void on_done(void *arg, struct MHD_Connection *c, void **state,
                    enum MHD_RequestTerminationCode code)
{
    (void)arg;
    (void)c;
    (void)code;
    free(*state);
    *state = NULL;
}

int main(int argc, char **argv)
{
    struct tsa t = {0};
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    sigset_t stop;
    int got;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    if (argc != 2 || make(&t, argv[1]) != 0)
        return 1;
    struct MHD_Daemon *d = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, on_request, &t, MHD_OPTION_SOCK_ADDR, &addr,
        MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        d != NULL ? MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    if (info == NULL)
        return 1;
    printf("http://127.0.0.1:%u\n", (unsigned)info->port);
    fflush(stdout);
    sigwait(&stop, &got);
    MHD_stop_daemon(d);
    EVP_PKEY_free(t.root_key);
    EVP_PKEY_free(t.key);
    X509_free(t.root);
    X509_free(t.cert);
    return 0;
}
