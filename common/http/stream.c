/* Bytes of a connection. Without data nothing is asked of the kernel twice: epoll tells each change
 * once, and until then a connection that waits costs nothing. */
#include <errno.h>
#include <openssl/err.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/http/internal.h"

static ssize_t ssl_result(struct tm_http_conn *c, int rc)
{
    switch (SSL_get_error(c->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        c->readable = false;
        return STREAM_WAIT;
    case SSL_ERROR_WANT_WRITE:
        c->writable = false;
        return STREAM_WAIT;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        ERR_clear_error();
        return STREAM_BROKEN;
    }
}

int tm_http_stream_handshake(struct tm_http_conn *c)
{
    /* It can be written to as soon as it is there: that is no reason to begin. */
    if (!c->readable && (SSL_in_before(c->ssl) || SSL_want_read(c->ssl)))
        return STREAM_WAIT;
    ERR_clear_error();
    int rc = SSL_accept(c->ssl);
    if (rc == 1)
        return 1;
    return ssl_result(c, rc) == STREAM_WAIT ? STREAM_WAIT : STREAM_BROKEN;
}

ssize_t tm_http_stream_read(struct tm_http_conn *c, void *to, size_t len)
{
    if (c->ssl != NULL) {
        ERR_clear_error();
        int n = SSL_read(c->ssl, to, (int)len);
        return n > 0 ? n : ssl_result(c, n);
    }
    ssize_t n = recv(c->fd, to, len, 0);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return STREAM_BROKEN;
    if (n < 0 ||
        ((size_t)n < len && !c->hangup)) /* the kernel has no more; if it gets more, it tells */
        c->readable = n < 0 && errno == EINTR;
    return n < 0 ? STREAM_WAIT : n;
}

ssize_t tm_http_stream_write(struct tm_http_conn *c, const void *data, size_t len)
{
    if (c->ssl != NULL) {
        ERR_clear_error();
        int n = SSL_write(c->ssl, data, (int)len);
        if (n > 0)
            return n;
        ssize_t why = ssl_result(c, n);
        return why == 0 ? STREAM_BROKEN : why;
    }
    ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return STREAM_BROKEN;
    if (n < 0 && errno == EAGAIN)
        c->writable = false;
    return n < 0 ? STREAM_WAIT : n;
}

ssize_t tm_http_stream_send_file(struct tm_http_conn *c, int fd, uint64_t at, size_t len)
{
    off_t from = (off_t)at;
    unsigned char *scratch = c->worker->scratch;
    if (c->ssl != NULL) {
        ssize_t got = pread(fd, scratch, len < HTTP_SCRATCH_BYTES ? len : HTTP_SCRATCH_BYTES, from);
        return got > 0 ? tm_http_stream_write(c, scratch, (size_t)got) : STREAM_BROKEN;
    }
    ssize_t n;
    do {
        n = sendfile(c->fd, fd, &from, len);
    } while (n < 0 && errno == EINTR);
    if (n == 0 || (n < 0 && errno != EAGAIN)) /* 0: it is shorter than it was */
        return STREAM_BROKEN;
    if (n < 0)
        c->writable = false;
    return n < 0 ? STREAM_WAIT : n;
}

void tm_http_stream_finish(struct tm_http_conn *c)
{
    if (c->ssl != NULL && SSL_is_init_finished(c->ssl)) {
        ERR_clear_error();
        (void)SSL_shutdown(c->ssl);
        ERR_clear_error();
    }
    (void)shutdown(c->fd, SHUT_WR);
}
