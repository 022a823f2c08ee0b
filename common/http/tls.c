/*
 * The TLS certificate. libmicrohttpd takes one for good; so each connection gets the one in force
 * before its handshake begins, and holds it until it closes.
 */
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#include "common/http/internal.h"

struct http_tls {
    atomic_int refs;
    gnutls_certificate_credentials_t credentials;
};

static gnutls_datum_t datum(const char *text)
{
    return (gnutls_datum_t){.data = (unsigned char *)(uintptr_t)text,
                            .size = (unsigned)strlen(text)};
}

/* GnuTLS checks that they are a pair. */
static struct http_tls *tls_new(const char *certificate, const char *key, struct tm_err *e)
{
    struct http_tls *t = calloc(1, sizeof(*t));
    if (t == NULL || gnutls_certificate_allocate_credentials(&t->credentials) < 0) {
        free(t);
        tm_err_set(e, "out of memory");
        return NULL;
    }
    atomic_init(&t->refs, 1);
    gnutls_datum_t chain = datum(certificate);
    gnutls_datum_t secret = datum(key);
    int rc =
        gnutls_certificate_set_x509_key_mem(t->credentials, &chain, &secret, GNUTLS_X509_FMT_PEM);
    if (rc < 0) {
        tm_err_set(e, "TLS certificate or key: %s", gnutls_strerror(rc));
        tm_http_tls_unref(t);
        return NULL;
    }
    return t;
}

void tm_http_tls_unref(struct http_tls *t)
{
    if (t == NULL || atomic_fetch_sub(&t->refs, 1) != 1)
        return;
    gnutls_certificate_free_credentials(t->credentials);
    free(t);
}

int tm_http_server_set_tls(struct tm_http_server *s, const char *certificate, const char *key,
                           struct tm_err *e)
{
    struct http_tls *next = tls_new(certificate, key, e);
    if (next == NULL)
        return -1;
    struct http_tls *old = atomic_exchange(&s->tls, next);
    tm_gate_wait(&s->tls_gate);
    tm_http_tls_unref(old);
    return 0;
}

struct http_tls *tm_http_tls_use(struct tm_http_server *s, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *session =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (session == NULL || session->tls_session == NULL)
        return NULL;
    unsigned at = tm_gate_enter(&s->tls_gate);
    struct http_tls *t = atomic_load(&s->tls);
    if (t != NULL)
        atomic_fetch_add(&t->refs, 1);
    tm_gate_leave(&s->tls_gate, at);
    /* On failure the handshake goes on with the certificate of the start. */
    if (t != NULL)
        (void)gnutls_credentials_set(session->tls_session, GNUTLS_CRD_CERTIFICATE, t->credentials);
    return t;
}
