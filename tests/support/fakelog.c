#include "tests/support/fakelog.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/b64.h"
#include "common/clock.h"
#include "common/transparency/digsig.h"
#include "common/transparency/sct.h"

#define REQUEST_MAX 65536

const char *const fakelog_mode_names[FAKELOG_MODES] = {
    [FAKELOG_GOOD] = "good",
    [FAKELOG_GOOD_INDEXED] = "good-indexed",
    [FAKELOG_WRONG_KEY] = "wrong-key",
    [FAKELOG_OTHER_LOG] = "other-log",
    [FAKELOG_OTHER_ENTRY] = "other-entry",
    [FAKELOG_FUTURE] = "future",
    [FAKELOG_TRAILING] = "trailing",
    [FAKELOG_VERSION] = "version",
    [FAKELOG_NOT_JSON] = "not-json",
    [FAKELOG_TWICE] = "twice",
    [FAKELOG_AFTER] = "after",
    [FAKELOG_MISSING] = "missing",
    [FAKELOG_HUGE] = "huge",
    [FAKELOG_TRUNCATED] = "truncated",
    [FAKELOG_CLOSE] = "close",
    [FAKELOG_SLOW] = "slow",
    [FAKELOG_REDIRECT] = "redirect",
    [FAKELOG_BUSY] = "busy",
    [FAKELOG_ERROR] = "error",
    [FAKELOG_REFUSE] = "refuse",
    [FAKELOG_SHAKY] = "shaky",
};

static void need(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "fakelog: %s\n", what);
    abort();
}

/* ---- what a good log does ---- */

static X509 *certificate_at(const json_t *chain, size_t i, struct tm_buf *der)
{
    const char *text = json_string_value(json_array_get(chain, i));
    if (text == NULL || tm_b64_decode(B64_STD, text, strlen(text), der) != 0)
        return NULL;
    const unsigned char *p = der->data;
    return d2i_X509(NULL, &p, (long)der->len);
}

/* What the entry is, after checking that the chain holds together. */
static int read_entry(const json_t *chain, bool precert, struct tm_buf *logged,
                      unsigned char hash[32])
{
    struct tm_err e = {0};
    struct tm_buf leaf_der = {0};
    struct tm_buf ca_der = {0};
    X509 *leaf = certificate_at(chain, 0, &leaf_der);
    X509 *ca = certificate_at(chain, 1, &ca_der);
    int rc = -1;
    if (leaf != NULL && ca != NULL && X509_verify(leaf, X509_get0_pubkey(ca)) == 1) {
        rc = tm_sct_issuer_key_hash(ca, hash, &e);
        if (rc == 0 && precert)
            rc = tm_sct_from_precertificate(leaf_der.data, leaf_der.len, logged, &e);
        else if (rc == 0)
            tm_buf_append(logged, leaf_der.data, leaf_der.len);
    }
    X509_free(leaf);
    X509_free(ca);
    tm_buf_free(&leaf_der);
    tm_buf_free(&ca_der);
    return rc;
}

static void put_sct(struct fakelog *l, enum fakelog_mode mode, const struct tm_sct_entry *entry,
                    struct tm_buf *out)
{
    struct tm_err e = {0};
    struct tm_buf ext = {0};
    struct tm_buf data = {0};
    struct tm_buf sig = {0};
    struct tm_sct s = {.timestamp_ms = (uint64_t)tm_clock_wall_ms()};
    struct tm_sct_entry signed_entry = *entry;
    EVP_PKEY *signer = mode == FAKELOG_WRONG_KEY || mode == FAKELOG_OTHER_LOG ? l->other : l->key;
    if (mode == FAKELOG_FUTURE)
        s.timestamp_ms += 3600000;
    if (mode == FAKELOG_OTHER_ENTRY)
        signed_entry.cert_len--;
    if (mode == FAKELOG_GOOD_INDEXED)
        tm_sct_leaf_index_put(atomic_fetch_add(&l->index, 1), &ext);
    s.extensions = ext.data;
    s.extensions_len = ext.len;
    need(tm_digsig_log_id(mode == FAKELOG_OTHER_LOG ? l->other : l->key, s.log_id, &e) == 0 &&
             tm_sct_signed_data(&s, &signed_entry, &data, &e) == 0 &&
             tm_digsig_sign(signer, data.data, data.len, &sig, &e) == 0,
         "sign");
    if (mode == FAKELOG_TRAILING)
        buf_putc(&sig, 0);
    tm_buf_printf(out, "{\"sct_version\":%d,\"id\":\"", mode == FAKELOG_VERSION ? 1 : 0);
    tm_b64_encode(B64_STD, s.log_id, sizeof(s.log_id), out);
    tm_buf_printf(out, "\",\"timestamp\":%llu,", (unsigned long long)s.timestamp_ms);
    if (mode == FAKELOG_TWICE)
        tm_buf_puts(out, "\"timestamp\":1,");
    if (mode != FAKELOG_MISSING) {
        tm_buf_puts(out, "\"extensions\":\"");
        tm_b64_encode(B64_STD, ext.data, ext.len, out);
        tm_buf_puts(out, "\",");
    }
    tm_buf_puts(out, "\"signature\":\"");
    tm_b64_encode(B64_STD, sig.data, sig.len, out);
    tm_buf_puts(out, mode == FAKELOG_AFTER ? "\"} {}" : "\"}");
    tm_buf_free(&ext);
    tm_buf_free(&data);
    tm_buf_free(&sig);
}

const char *fakelog_add(struct fakelog *l, enum fakelog_mode mode, bool precert, const char *body,
                        size_t len, struct tm_buf *out)
{
    struct tm_buf logged = {0};
    unsigned char hash[32];
    json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *chain = json_object_get(root, "chain");
    const char *status = "400 Bad Request";
    if (json_array_size(chain) >= 2 && read_entry(chain, precert, &logged, hash) == 0) {
        const struct tm_sct_entry entry = {precert ? SCT_PRECERT : SCT_X509, logged.data,
                                           logged.len, hash};
        put_sct(l, mode, &entry, out);
        status = "200 OK";
    } else {
        tm_buf_puts(out, "unacceptable chain");
    }
    json_decref(root);
    tm_buf_free(&logged);
    return status;
}

/* ---- HTTP, just enough of it ---- */

static void write_all(int fd, const void *data, size_t len)
{
    const char *p = data;
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        p += n;
        len -= (size_t)n;
    }
}

static void reply(int fd, const char *status, const char *headers, const struct tm_buf *body,
                  size_t cut)
{
    struct tm_buf out = {0};
    tm_buf_printf(&out, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n", status,
                  body->len, headers);
    tm_buf_append(&out, body->data, body->len - cut);
    write_all(fd, out.data, out.len);
    tm_buf_free(&out);
}

static void copy_word(char *to, size_t size, const char *from, const char *end)
{
    size_t n = strcspn(from, end);
    snprintf(to, size, "%.*s", (int)n, from);
}

/* Reads a whole request; where its body begins, or NULL. */
static const char *read_request(struct fakelog *l, int fd, struct tm_buf *in)
{
    size_t want = REQUEST_MAX;
    const char *body = NULL;
    while (in->len < want) {
        unsigned char *to = tm_buf_reserve(in, 4096);
        ssize_t n = recv(fd, to, 4096, 0);
        if (n <= 0 || in->len > REQUEST_MAX)
            return NULL;
        in->len += (size_t)n;
        const char *text = tm_buf_str(in);
        const char *end = strstr(text, "\r\n\r\n");
        const char *length = strcasestr(text, "\r\nContent-Length:");
        const char *host = strcasestr(text, "\r\nHost:");
        if (end != NULL && strncmp(text, "GET ", 4) == 0)
            return end + 4;
        if (end == NULL || length == NULL || host == NULL)
            continue;
        body = end + 4;
        want = (size_t)(body - text) + strtoul(length + 17, NULL, 10);
        pthread_mutex_lock(&l->lock);
        copy_word(l->path, sizeof(l->path), strchr(text, ' ') + 1, " ");
        copy_word(l->host, sizeof(l->host), host + 7 + strspn(host + 7, " "), "\r");
        pthread_mutex_unlock(&l->lock);
    }
    return body;
}

static void pause_ms(struct fakelog *l, int ms)
{
    for (; ms > 0 && !atomic_load(&l->stopping); ms -= 10)
        (void)nanosleep(&(struct timespec){.tv_nsec = 10L * 1000 * 1000}, NULL);
}

/* get-roots, which the CA asks to know whether the log is there; it counts as no request. */
static void serve_roots(struct fakelog *l, int fd)
{
    struct tm_buf out = {0};
    enum fakelog_mode mode = atomic_load(&l->mode);
    atomic_fetch_add(&l->probes, 1);
    tm_buf_puts(&out, "{\"certificates\":[]}");
    if (mode != FAKELOG_CLOSE)
        reply(fd, mode == FAKELOG_ERROR ? "500 Internal Server Error" : "200 OK", "", &out, 0);
    tm_buf_free(&out);
}

static void serve(struct fakelog *l, int fd)
{
    struct tm_buf in = {0};
    struct tm_buf out = {0};
    const char *body = read_request(l, fd, &in);
    if (body != NULL && strncmp((char *)in.data, "GET ", 4) == 0) {
        serve_roots(l, fd);
        goto out;
    }
    enum fakelog_mode mode = atomic_load(&l->mode);
    atomic_fetch_add(&l->requests, body != NULL);
    if (mode == FAKELOG_SHAKY)
        mode = atomic_fetch_add(&l->shaky, 1) % 2 == 0 ? FAKELOG_ERROR : FAKELOG_GOOD;
    if (body == NULL || mode == FAKELOG_CLOSE)
        goto out;
    const char *status =
        fakelog_add(l, mode, strstr((char *)in.data, "/ct/v1/add-pre-chain ") != NULL, body,
                    in.len - (size_t)(body - (char *)in.data), &out);
    const char *headers = "";
    size_t cut = 0;
    if (mode == FAKELOG_SLOW)
        pause_ms(l, 2000);
    if (mode == FAKELOG_REDIRECT || mode == FAKELOG_BUSY || mode == FAKELOG_ERROR ||
        mode == FAKELOG_REFUSE || mode == FAKELOG_NOT_JSON)
        tm_buf_reset(&out);
    if (mode == FAKELOG_REDIRECT) {
        status = "307 Temporary Redirect";
        headers = "Location: /ct/v1/elsewhere\r\n";
    } else if (mode == FAKELOG_BUSY) {
        status = "429 Too Many Requests";
        headers = "Retry-After: 120\r\n";
    } else if (mode == FAKELOG_ERROR) {
        status = "500 Internal Server Error";
    } else if (mode == FAKELOG_REFUSE) {
        status = "400 Bad Request";
        tm_buf_puts(&out, "root not accepted\r\n");
    } else if (mode == FAKELOG_NOT_JSON) {
        tm_buf_puts(&out, "<html>maintenance</html>");
    } else if (mode == FAKELOG_HUGE) {
        while (out.len < 1000000)
            buf_putc(&out, ' ');
    } else if (mode == FAKELOG_TRUNCATED) {
        cut = out.len / 2;
    }
    reply(fd, status, headers, &out, cut);
out:
    shutdown(fd, SHUT_WR);
    close(fd);
    tm_buf_free(&in);
    tm_buf_free(&out);
}

static void *run(void *arg)
{
    struct fakelog *l = arg;
    while (!atomic_load(&l->stopping)) {
        int fd = accept(l->fd, NULL, NULL);
        if (fd < 0)
            continue;
        struct timeval tv = {.tv_sec = 5};
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
        serve(l, fd);
    }
    return NULL;
}

void fakelog_start(struct fakelog *l, unsigned port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(sa);
    struct timeval tv = {.tv_usec = 100000};
    int one = 1;
    memset(l, 0, sizeof(*l));
    pthread_mutex_init(&l->lock, NULL);
    l->key = EVP_EC_gen("P-256");
    l->other = EVP_EC_gen("P-256");
    strcpy(l->key_file, "/tmp/tenmint-fakelog-XXXXXX");
    int key_fd = mkstemp(l->key_file);
    FILE *f = key_fd >= 0 ? fdopen(key_fd, "w") : NULL;
    need(f != NULL && PEM_write_PUBKEY(f, l->key) == 1 && fclose(f) == 0, "key file");
    l->fd = socket(AF_INET, SOCK_STREAM, 0);
    need(l->fd >= 0 && setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
             setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0 &&
             bind(l->fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 && listen(l->fd, 64) == 0 &&
             getsockname(l->fd, (struct sockaddr *)&sa, &len) == 0,
         "listen");
    snprintf(l->url, sizeof(l->url), "http://127.0.0.1:%u/", ntohs(sa.sin_port));
    for (int i = 0; i < FAKELOG_THREADS; i++)
        need(pthread_create(&l->thread[i], NULL, run, l) == 0, "thread");
}

void fakelog_stop(struct fakelog *l)
{
    atomic_store(&l->stopping, true);
    for (int i = 0; i < FAKELOG_THREADS; i++)
        pthread_join(l->thread[i], NULL);
    close(l->fd);
    unlink(l->key_file);
    EVP_PKEY_free(l->key);
    EVP_PKEY_free(l->other);
    pthread_mutex_destroy(&l->lock);
}
