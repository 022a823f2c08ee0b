#include "tuf/client/mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fetch/again.h"
#include "common/file.h"
#include "common/hex.h"
#include "tuf/client/client.h"

#define CHUNK ((size_t)64 * 1024)
#define NO_PAUSE (-2)

static bool is_url(const char *base)
{
    return strstr(base, "://") != NULL;
}

/* The path in a file URL's path: %41 is "A". */
static int unescape(const char *path, struct tm_buf *out)
{
    for (const char *p = path; *p != '\0'; p++) {
        if (*p != '%') {
            buf_putc(out, (unsigned char)*p);
        } else if (strnlen(p + 1, 2) < 2 || memcmp(p + 1, "00", 2) == 0 ||
                   tm_hex_decode(p + 1, 2, out) != 0) {
            return -1;
        } else {
            p += 2;
        }
    }
    return 0;
}

/* Without trailing slash; file:///path (RFC 8089) as the directory that it names. */
static int put_base(const char *base, struct tm_buf *out, struct tm_err *e)
{
    static const char here[] = "localhost/";
    if (strncmp(base, "file://", 7) == 0) {
        const char *path = base + 7;
        if (strncmp(path, here, strlen(here)) == 0)
            path += strlen(here) - 1;
        if (path[0] != '/' || unescape(path, out) != 0)
            return tm_err_set(
                e, "'%.200s' is not file:// and the absolute path of a directory here", base);
    } else {
        tm_buf_puts(out, base);
    }
    while (out->len > 1 && out->data[out->len - 1] == '/')
        out->len--;
    return out->len > 0 ? 0 : tm_err_set(e, "a mirror's address is empty");
}

int tuf_mirrors_add(struct tuf_mirrors *m, const char *base, const char *suffix, struct tm_err *e)
{
    struct tm_buf text = {0};
    if (m->count == TUF_MIRRORS_MAX)
        return tm_err_set(e, "more than %d mirrors", TUF_MIRRORS_MAX);
    int rc = put_base(base, &text, e);
    if (suffix != NULL) {
        buf_putc(&text, '/');
        tm_buf_puts(&text, suffix);
    }
    char **grown = rc == 0 ? realloc(m->base, (m->count + 1) * sizeof(*grown)) : NULL;
    if (grown != NULL)
        m->base = grown;
    char *copy = grown != NULL && tm_buf_str(&text) != NULL ? strdup(tm_buf_str(&text)) : NULL;
    if (copy != NULL)
        m->base[m->count++] = copy;
    else if (rc == 0)
        rc = tm_err_set(e, "out of memory");
    tm_buf_free(&text);
    return rc;
}

void tuf_mirrors_free(struct tuf_mirrors *m)
{
    for (size_t i = 0; i < m->count; i++)
        free(m->base[i]);
    free(m->base);
    *m = (struct tuf_mirrors){0};
}

struct attempt {
    const struct tuf_mirror_sink *sink;
    struct tm_err *e;
    bool refused; /* by the sink: `e` says why */
    bool may_pass;
    int64_t retry_after_s; /* -1: nothing said */
};

static int on_data(void *arg, const void *data, size_t len)
{
    struct attempt *a = arg;
    if (a->sink->add(a->sink->arg, data, len, a->e) == 0)
        return 0;
    a->refused = true;
    return -1;
}

/* What RFC 3986 §3.3 allows in a path stays; '%' itself is escaped. */
static void put_path(struct tm_buf *url, const char *file)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "-._~/!$&'()*+,;=:@";
    for (const unsigned char *p = (const unsigned char *)file; *p != '\0'; p++) {
        if (strchr(plain, *p) != NULL)
            buf_putc(url, *p);
        else
            tm_buf_printf(url, "%%%02X", *p);
    }
}

static void bad_status(const char *url, long status, struct tm_err *e)
{
    tm_err_set(e, "download: '%s' answers HTTP status %ld", url, status);
    tm_err_mark(e, ERR_UNAVAILABLE);
}

static enum tuf_mirror_result from_url(const struct tuf_mirrors *m, const char *base,
                                       const char *file, bool is_target, size_t max,
                                       struct attempt *a)
{
    struct tm_buf url = {0};
    struct tm_fetch_response resp = {0};
    struct tm_err why = {0};
    enum tuf_mirror_result r = MIRROR_FAILED;
    tm_buf_printf(&url, "%s/", base);
    if (is_target)
        put_path(&url, file);
    else
        tm_buf_puts(&url, file);
    struct tm_fetch_request req = {.url = tm_buf_str(&url),
                                   .ca_pem = m->ca_pem,
                                   .allow_http = m->allow_http,
                                   .timeout_ms = m->timeout_ms,
                                   .stall_ms = is_target ? m->timeout_ms : 0,
                                   .max_bytes = max,
                                   .sink = on_data,
                                   .sink_arg = a,
                                   .session = m->session};
    int rc = req.url == NULL    ? tm_err_set(&why, "out of memory")
             : m->fetch != NULL ? m->fetch(m->fetch_ctx, &req, &resp, &why)
                                : tm_fetch_run(&req, &resp, &why);
    a->may_pass = !a->refused && tm_fetch_may_pass(rc, &resp);
    a->retry_after_s = resp.retry_after_s;
    if (a->refused)
        tm_err_wrap(a->e, "'%s'", req.url);
    else if (rc != 0) {
        *a->e = why;
        tm_err_wrap(a->e, "download");
    } else if (resp.status == 404 || resp.status == 403)
        r = MIRROR_ABSENT;
    else if (resp.status != 200)
        bad_status(req.url, resp.status, a->e);
    else if (a->sink->accept(a->sink->arg, a->e) == 0)
        r = MIRROR_OK;
    else
        tm_err_wrap(a->e, "'%s'", req.url);
    if (r == MIRROR_ABSENT)
        bad_status(req.url, resp.status, a->e);
    tm_fetch_response_free(&resp);
    tm_buf_free(&url);
    return r;
}

static int copy_file(int fd, size_t max, struct attempt *a)
{
    unsigned char *chunk = malloc(CHUNK);
    size_t total = 0;
    int rc = chunk != NULL ? 0 : tm_err_set(a->e, "out of memory");
    while (rc == 0) {
        ssize_t n = read(fd, chunk, CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = tm_err_errno(a->e, "read");
        if (n <= 0)
            break;
        total += (size_t)n;
        if (total > max)
            rc = tm_err_set(a->e, "more than %zu bytes", max);
        else
            rc = a->sink->add(a->sink->arg, chunk, (size_t)n, a->e);
    }
    free(chunk);
    return rc;
}

static enum tuf_mirror_result from_directory(const char *base, const char *file, size_t max,
                                             struct attempt *a)
{
    char path[PATH_MAX];
    struct stat st;
    if (tm_file_join(base, file, path, sizeof(path), a->e) != 0)
        return MIRROR_FAILED;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        bool absent = errno == ENOENT && stat(base, &st) == 0; /* a missing mirror says nothing */
        tm_err_errno(a->e, "download: open '%s'", path);
        tm_err_mark(a->e, ERR_UNAVAILABLE);
        return absent ? MIRROR_ABSENT : MIRROR_FAILED;
    }
    int rc;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        rc = tm_err_set(a->e, "not a regular file");
    else
        rc = copy_file(fd, max, a) == 0 ? a->sink->accept(a->sink->arg, a->e) : -1;
    close(fd);
    if (rc != 0)
        tm_err_wrap(a->e, "'%s'", path);
    return rc == 0 ? MIRROR_OK : MIRROR_FAILED;
}

static enum tuf_mirror_result from_one(const struct tuf_mirrors *m, const char *base,
                                       const char *file, bool is_target, size_t max,
                                       struct attempt *a)
{
    if (a->sink->begin(a->sink->arg, a->e) != 0)
        return MIRROR_FAILED;
    return is_url(base) ? from_url(m, base, file, is_target, max, a)
                        : from_directory(base, file, max, a);
}

/* What two mirrors did together: one that is down does not excuse one that lies. */
static enum tm_err_kind graver(enum tm_err_kind a, enum tm_err_kind b)
{
    if (a == ERR_DANGER || b == ERR_DANGER)
        return ERR_DANGER;
    return a == b ? a : ERR_BAD;
}

/* Each mirror once. *pause_s: the Retry-After of one that may answer later, -1 when it says
 * nothing; NO_PAUSE: none may. */
static enum tuf_mirror_result ask_each(struct tuf_mirrors *m, const char *file, bool is_target,
                                       size_t max, const struct tuf_mirror_sink *sink,
                                       int64_t *pause_s, struct tm_err *e)
{
    struct tm_buf reasons = {0};
    enum tuf_mirror_result worst = MIRROR_FAILED;
    enum tm_err_kind kind = ERR_BAD;
    size_t start = m->preferred;
    *pause_s = NO_PAUSE;
    for (size_t k = 0; k < m->count; k++) {
        struct tm_err why = {0};
        struct attempt a = {.sink = sink, .e = &why, .retry_after_s = -1};
        size_t i = (start + k) % m->count;
        enum tuf_mirror_result r = from_one(m, m->base[i], file, is_target, max, &a);
        if (r == MIRROR_OK) {
            m->preferred = i;
            tm_buf_free(&reasons);
            return r;
        }
        if (r == MIRROR_ABSENT && worst != MIRROR_ABSENT) {
            m->preferred = i; /* one that hangs is not waited for again */
            worst = r;
        }
        if (a.may_pass && *pause_s < a.retry_after_s)
            *pause_s = a.retry_after_s;
        tm_buf_printf(&reasons, "%s%s", k > 0 ? "; " : "", why.text);
        kind = k == 0 ? why.kind : graver(kind, why.kind);
    }
    tm_err_set(e, "%s", tm_buf_str(&reasons) != NULL ? tm_buf_str(&reasons) : "out of memory");
    tm_err_mark(e, kind);
    tm_buf_free(&reasons);
    return worst;
}

enum tuf_mirror_result tuf_mirrors_get(struct tuf_mirrors *m, const char *file, bool is_target,
                                       size_t max, const struct tuf_mirror_sink *sink,
                                       struct tm_err *e)
{
    if (m->count == 0) {
        tm_err_set(e, "no mirror to fetch '%s' from", file);
        return MIRROR_FAILED;
    }
    for (unsigned tried = 1;; tried++) {
        int64_t pause_s;
        enum tuf_mirror_result r = ask_each(m, file, is_target, max, sink, &pause_s, e);
        /* That one mirror has no target does not say that a busy one has not. */
        bool settled = r == MIRROR_OK || (r == MIRROR_ABSENT && !is_target);
        if (settled || pause_s == NO_PAUSE || tried >= m->tries)
            return r;
        tm_fetch_pause(tried, pause_s);
    }
}
