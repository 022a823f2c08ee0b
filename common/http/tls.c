/*
 * TLS: the certificate in force, and the keys by which clients resume a session. A connection takes
 * the certificate when it is accepted and keeps it until it closes.
 */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http/internal.h"
#include "common/pem.h"
#include "common/secret.h"

#define TICKET_ROTATE_MS ((int64_t)3600 * 1000)
#define TICKET_NAME 16
/* Of a record; its buffer is kept while a slow client reads. */
#define TLS_FRAGMENT 8192

struct ticket_key {
    unsigned char name[TICKET_NAME];
    unsigned char cipher[32];
    unsigned char mac[32];
};

struct ticket_keys {
    struct ticket_key key[2]; /* in force, and the one before */
    bool has_old;
    int64_t born_ms; /* of key[0]; 0: there is none yet */
};

struct tm_http_tickets {
    pthread_mutex_t lock;
    int64_t period_ms; /* a key seals for one, and opens for another */
    struct ticket_keys *keys;
    bool shared; /* their memory is also that of the server to come */
};

int tm_http_tickets_memory(void)
{
    int fd = memfd_create("tickets", MFD_CLOEXEC);
    if (fd >= 0 && ftruncate(fd, sizeof(struct ticket_keys)) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* By who may not even look at a descriptor (fstat). */
static struct ticket_keys *take_memory(int fd)
{
    size_t size = sizeof(struct ticket_keys);
    void *at = lseek(fd, 0, SEEK_END) == (off_t)size
                   ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
                   : MAP_FAILED;
    close(fd);
    return at != MAP_FAILED ? at : NULL;
}

static bool first_key(struct ticket_keys *k)
{
    if (k->born_ms == 0 && RAND_bytes((unsigned char *)&k->key[0], sizeof(k->key[0])) != 1)
        return false;
    if (k->born_ms == 0)
        k->born_ms = tm_clock_mono_ms();
    return true;
}

struct tm_http_tickets *tm_http_tickets_new(int fd, int64_t period_ms)
{
    struct tm_http_tickets *t = calloc(1, sizeof(*t));
    struct ticket_keys *keys = fd > 0 ? take_memory(fd) : calloc(1, sizeof(*keys));
    if (t == NULL || keys == NULL) {
        free(t);
        if (fd <= 0)
            free(keys);
        return NULL;
    }
    pthread_mutex_init(&t->lock, NULL);
    t->period_ms = period_ms > 0 ? period_ms : TICKET_ROTATE_MS;
    t->keys = keys;
    t->shared = fd > 0;
    if (first_key(keys))
        return t;
    tm_http_tickets_free(t);
    return NULL;
}

static void wipe(struct ticket_keys *k)
{
    OPENSSL_cleanse(k, sizeof(*k));
    free(k);
}

void tm_http_tickets_free(struct tm_http_tickets *t)
{
    if (t == NULL)
        return;
    pthread_mutex_destroy(&t->lock);
    if (t->shared)
        (void)munmap(t->keys, sizeof(*t->keys));
    else
        wipe(t->keys);
    free(t);
}

/* Without randomness for a new key the old one goes on. */
static void rotate(struct ticket_keys *k, int64_t period_ms)
{
    struct ticket_key next;
    int64_t now = tm_clock_mono_ms();
    if (now - k->born_ms < period_ms || RAND_bytes((unsigned char *)&next, sizeof(next)) != 1)
        return;
    k->has_old = now - k->born_ms < 2 * period_ms;
    k->key[1] = k->key[0];
    k->key[0] = next;
    k->born_ms = now;
    OPENSSL_cleanse(&next, sizeof(next));
}

/* The key to seal a ticket with, or the one of this name: 0 in force, 1 the one before, -1 none. */
static int pick(struct tm_http_tickets *t, const unsigned char *name, struct ticket_key *out)
{
    struct ticket_keys *keys = t->keys;
    int which = -1;
    pthread_mutex_lock(&t->lock);
    rotate(keys, t->period_ms);
    if (name == NULL || memcmp(name, keys->key[0].name, TICKET_NAME) == 0)
        which = 0;
    else if (keys->has_old && memcmp(name, keys->key[1].name, TICKET_NAME) == 0)
        which = 1;
    if (which >= 0)
        *out = keys->key[which];
    pthread_mutex_unlock(&t->lock);
    return which;
}

static int set_mac(EVP_MAC_CTX *mac, struct ticket_key *k)
{
    char digest[] = "SHA256";
    OSSL_PARAM p[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k->mac, sizeof(k->mac)),
                      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                      OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(mac, p);
}

/* OpenSSL's contract: 1 done, 2 done and give the client a new ticket, 0 unknown ticket, -1. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int seal)
{
    struct tm_http_tickets *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    struct ticket_key k;
    int which = pick(t, seal ? NULL : name, &k);
    if (which < 0)
        return 0;
    int rc = which == 1 ? 2 : 1;
    if (seal) {
        memcpy(name, k.name, TICKET_NAME);
        if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1)
            rc = -1;
    }
    if (rc > 0 && (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k.cipher, iv, seal) != 1 ||
                   set_mac(mac, &k) != 1))
        rc = -1;
    OPENSSL_cleanse(&k, sizeof(k));
    return rc;
}

/* HTTP/2 before HTTP/1.1 for whoever names them; without a common name the connection goes on
 * without one. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *in, unsigned in_len, void *arg)
{
    static const unsigned char ours[] = "\2h2\10http/1.1";
    unsigned char *chosen = NULL;
    (void)ssl;
    (void)arg;
    int rc = SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len);
    *out = chosen;
    return rc == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

bool tm_http_tls_is_h2(const SSL *ssl)
{
    const unsigned char *name = NULL;
    unsigned len = 0;
    SSL_get0_alpn_selected(ssl, &name, &len);
    return len == 2 && memcmp(name, "h2", 2) == 0;
}

static int use_key(SSL_CTX *ctx, const char *pem)
{
    BIO *in = BIO_new_mem_buf(pem, -1);
    tm_secret_begin();
    EVP_PKEY *key = in != NULL ? PEM_read_bio_PrivateKey(in, NULL, tm_pem_no_password, NULL) : NULL;
    tm_secret_end();
    int ok = key != NULL && SSL_CTX_use_PrivateKey(ctx, key) == 1;
    EVP_PKEY_free(key);
    BIO_free(in);
    return ok ? 0 : -1;
}

static int use_chain(SSL_CTX *ctx, const char *pem)
{
    BIO *in = BIO_new_mem_buf(pem, -1);
    X509 *leaf = in != NULL ? PEM_read_bio_X509(in, NULL, tm_pem_no_password, NULL) : NULL;
    bool ok = leaf != NULL && SSL_CTX_use_certificate(ctx, leaf) == 1;
    X509 *more = NULL;
    while (ok && (more = PEM_read_bio_X509(in, NULL, tm_pem_no_password, NULL)) != NULL) {
        ok = SSL_CTX_add0_chain_cert(ctx, more) == 1;
        if (!ok)
            X509_free(more);
    }
    if (ok && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        ok = false;
    if (ok)
        ERR_clear_error();
    X509_free(leaf);
    BIO_free(in);
    return ok ? 0 : -1;
}

/* A session that another certificate began is not resumed: whoever connects after a renewal meets
 * the new one. */
static void bind_sessions(SSL_CTX *ctx)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (X509_digest(SSL_CTX_get0_certificate(ctx), EVP_sha256(), digest, &len) == 1)
        (void)SSL_CTX_set_session_id_context(ctx, digest, len);
}

static SSL_CTX *context_new(struct tm_http_tickets *tickets, const char *certificate,
                            const char *key, struct tm_err *e)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    ERR_clear_error();
    if (ctx == NULL || use_chain(ctx, certificate) != 0 || use_key(ctx, key) != 0 ||
        SSL_CTX_check_private_key(ctx) != 1) {
        tm_err_openssl(e, "TLS certificate or key");
        SSL_CTX_free(ctx);
        return NULL;
    }
    (void)SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    /* Every request says where it ends; whoever hangs up without a word has gone, and is told
     * nothing. */
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                       SSL_OP_IGNORE_UNEXPECTED_EOF |
                                       SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_CTX_set_max_send_fragment(ctx, TLS_FRAGMENT);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
    /* Tickets hold the sessions; the server keeps none. */
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    bind_sessions(ctx);
    (void)SSL_CTX_set_num_tickets(ctx, 1);
    (void)SSL_CTX_set_timeout(ctx, (tickets->period_ms + 999) / 1000);
    (void)SSL_CTX_set_app_data(ctx, tickets);
    (void)SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
    return ctx;
}

int tm_http_server_set_tls(struct tm_http_server *s, const char *certificate, const char *key,
                           struct tm_err *e)
{
    SSL_CTX *next = context_new(s->tickets, certificate, key, e);
    if (next == NULL)
        return -1;
    SSL_CTX *old = atomic_exchange(&s->tls, next);
    tm_gate_wait(&s->tls_gate);
    SSL_CTX_free(old);
    return 0;
}

SSL *tm_http_tls_new(struct tm_http_server *s, int fd)
{
    unsigned at = tm_gate_enter(&s->tls_gate);
    SSL_CTX *ctx = atomic_load(&s->tls);
    (void)SSL_CTX_up_ref(ctx);
    tm_gate_leave(&s->tls_gate, at);
    SSL *ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    if (ssl != NULL && SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    return ssl;
}
