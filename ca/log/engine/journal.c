#include "ca/log/engine/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ca/log/engine/store.h"
#include "common/bytes.h"
#include "common/file.h"

#define VERSION 1
#define SUM 16 /* bytes of SHA-256 that are kept */
#define NONCE 16
#define FILE_HEAD 56
#define JOURNAL_MAX ((size_t)1 << 30)

static const char file_magic[8] = "TMNTLOGJ";
static const char group_magic[4] = "GRUP";

/* Truncated SHA-256 of the nonce, a head without its checksum, and a payload. */
static int checksum(const unsigned char nonce[NONCE], const unsigned char *head, size_t head_len,
                    const unsigned char *data, size_t len, unsigned char out[SUM])
{
    unsigned char full[32];
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c != NULL && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1 &&
              EVP_DigestUpdate(c, nonce, NONCE) == 1 && EVP_DigestUpdate(c, head, head_len) == 1 &&
              (len == 0 || EVP_DigestUpdate(c, data, len) == 1) &&
              EVP_DigestFinal_ex(c, full, NULL) == 1;
    EVP_MD_CTX_free(c);
    if (ok)
        memcpy(out, full, SUM);
    return ok ? 0 : -1;
}

void ca_journal_group_begin(struct tm_buf *group)
{
    static const unsigned char room[JOURNAL_GROUP_HEAD];
    tm_buf_reset(group);
    tm_buf_append(group, room, sizeof(room));
}

static int seal_group(const unsigned char nonce[NONCE], struct tm_buf *group, uint64_t first,
                      uint32_t count)
{
    struct tm_buf head = {0};
    size_t payload = group->len - JOURNAL_GROUP_HEAD;
    tm_buf_append(&head, group_magic, sizeof(group_magic));
    tm_buf_put_be(&head, count, 4);
    tm_buf_put_be(&head, first, 8);
    tm_buf_put_be(&head, payload, 4);
    tm_buf_put_be(&head, 0, 4);
    int rc = -1;
    if (!buf_failed(&head) && !buf_failed(group)) {
        memcpy(group->data, head.data, head.len);
        rc = checksum(nonce, head.data, head.len, group->data + JOURNAL_GROUP_HEAD, payload,
                      group->data + head.len);
    }
    tm_buf_free(&head);
    return rc;
}

static int write_at(int fd, const unsigned char *data, size_t len, off_t at)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, data, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        data += n;
        len -= (size_t)n;
        at += n;
    }
    return 0;
}

static int64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int ca_journal_append(struct ca_journal *j, struct tm_buf *group, uint32_t count,
                      int64_t *synced_us, struct tm_err *e)
{
    *synced_us = 0;
    if (j->fd < 0)
        return tm_err_set(e, "the journal is not open");
    if (seal_group(j->nonce, group, j->next, count) != 0)
        return tm_err_openssl(e, "write the journal: no checksum");
    if (write_at(j->fd, group->data, group->len, j->end) != 0)
        return tm_err_errno(e, "write the journal");
    int64_t from = now_us();
    if (fdatasync(j->fd) != 0)
        return tm_err_errno(e, "sync the journal");
    *synced_us = now_us() - from;
    j->end += (off_t)group->len;
    j->next += count;
    return 0;
}

void ca_journal_close(struct ca_journal *j)
{
    if (j->fd >= 0)
        close(j->fd);
    j->fd = -1;
}

static int write_file_head(struct ca_journal *j)
{
    struct tm_buf head = {0};
    unsigned char sum[SUM];
    tm_buf_append(&head, file_magic, sizeof(file_magic));
    tm_buf_put_be(&head, VERSION, 4);
    tm_buf_put_be(&head, 0, 4);
    tm_buf_append(&head, j->nonce, NONCE);
    tm_buf_put_be(&head, j->base, 8);
    int rc = buf_failed(&head) ? -1 : checksum(j->nonce, head.data, head.len, NULL, 0, sum);
    tm_buf_append(&head, sum, SUM);
    if (rc == 0)
        rc = write_at(j->fd, head.data, head.len, 0);
    j->end = FILE_HEAD;
    tm_buf_free(&head);
    return rc;
}

static int fill(struct ca_journal *j, const struct ca_journal_group *groups, size_t count,
                struct tm_err *e)
{
    if (RAND_bytes(j->nonce, NONCE) != 1)
        return tm_err_openssl(e, "make a journal");
    if (write_file_head(j) != 0)
        return tm_err_errno(e, "write a new journal");
    for (size_t i = 0; i < count; i++) {
        struct tm_buf copy = {0};
        ca_journal_group_begin(&copy);
        tm_buf_append(&copy, groups[i].payload->data, groups[i].payload->len);
        int rc = seal_group(j->nonce, &copy, j->next, groups[i].count);
        if (rc == 0)
            rc = write_at(j->fd, copy.data, copy.len, j->end);
        j->end += (off_t)copy.len;
        j->next += groups[i].count;
        tm_buf_free(&copy);
        if (rc != 0)
            return tm_err_errno(e, "write a new journal");
    }
    j->made = j->end;
    return fsync(j->fd) == 0 ? 0 : tm_err_errno(e, "sync a new journal");
}

int ca_journal_create(struct ca_journal *j, const char *dir, uint64_t base,
                      const struct ca_journal_group *groups, size_t count, struct tm_err *e)
{
    char path[PATH_MAX];
    char tmp[PATH_MAX];
    char state[PATH_MAX];
    struct ca_journal made = {.base = base, .next = base};
    if (tm_file_join(dir, LOG_JOURNAL, path, sizeof(path), e) != 0 ||
        tm_file_join(dir, LOG_JOURNAL ".tmp", tmp, sizeof(tmp), e) != 0 ||
        tm_file_join(dir, LOG_STATE, state, sizeof(state), e) != 0)
        return -1;
    made.fd = open(tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (made.fd < 0)
        return tm_err_errno(e, "create '%s'", tmp);
    int rc = fill(&made, groups, count, e);
    if (rc == 0 && rename(tmp, path) != 0)
        rc = tm_err_errno(e, "rename '%s' to '%s'", tmp, path);
    if (rc != 0) {
        close(made.fd);
        return -1;
    }
    ca_journal_close(j); /* its file has no name any more */
    if (tm_file_sync_dir(state, e) != 0) {
        close(made.fd);
        return -1;
    }
    *j = made;
    return 0;
}

/* ---- reading ---- */

struct group {
    uint32_t count;
    uint64_t first;
    const unsigned char *payload;
    size_t len;
};

/* The sound group at the head of `in`, which is moved past it. */
static bool take_group(struct tm_bytes *in, const unsigned char nonce[NONCE], struct group *g)
{
    struct tm_bytes at = *in;
    unsigned char sum[SUM];
    const unsigned char *head = at.p;
    const unsigned char *magic = tm_bytes_take(&at, sizeof(group_magic));
    g->count = (uint32_t)tm_bytes_be(&at, 4);
    g->first = tm_bytes_be(&at, 8);
    g->len = (size_t)tm_bytes_be(&at, 4);
    tm_bytes_take(&at, 4);
    const unsigned char *kept = tm_bytes_take(&at, SUM);
    g->payload = tm_bytes_take(&at, g->len);
    if (at.failed || memcmp(magic, group_magic, sizeof(group_magic)) != 0 || g->count == 0 ||
        checksum(nonce, head, JOURNAL_GROUP_HEAD - SUM, g->payload, g->len, sum) != 0 ||
        memcmp(sum, kept, SUM) != 0)
        return false;
    *in = at;
    return true;
}

/* Whether a sound group lies anywhere further on. */
static bool group_follows(struct tm_bytes in, const unsigned char nonce[NONCE])
{
    struct group g;
    while (in.left > 0) {
        const unsigned char *p = memmem(in.p, in.left, group_magic, sizeof(group_magic));
        if (p == NULL)
            return false;
        in.left -= (size_t)(p - in.p);
        in.p = p;
        struct tm_bytes at = in;
        if (take_group(&at, nonce, &g))
            return true;
        in.p++;
        in.left--;
    }
    return false;
}

static int read_head(struct tm_bytes *in, unsigned char nonce[NONCE], uint64_t *base,
                     struct tm_err *e)
{
    unsigned char sum[SUM];
    const unsigned char *head = in->p;
    const unsigned char *magic = tm_bytes_take(in, sizeof(file_magic));
    uint64_t version = tm_bytes_be(in, 4);
    tm_bytes_take(in, 4);
    const unsigned char *n = tm_bytes_take(in, NONCE);
    *base = tm_bytes_be(in, 8);
    const unsigned char *kept = tm_bytes_take(in, SUM);
    if (in->failed || memcmp(magic, file_magic, sizeof(file_magic)) != 0)
        return tm_err_set(e, "it is no journal");
    if (version != VERSION)
        return tm_err_set(e, "version %" PRIu64 " is unknown", version);
    memcpy(nonce, n, NONCE);
    if (checksum(nonce, head, FILE_HEAD - SUM, NULL, 0, sum) != 0 || memcmp(sum, kept, SUM) != 0 ||
        *base % 256 != 0)
        return tm_err_set(e, "its head is damaged");
    return 0;
}

int ca_journal_parse(const void *data, size_t len, const struct ca_journal_reader *to, size_t *torn,
                     struct tm_err *e)
{
    struct tm_bytes in = bytes_of(data, len);
    unsigned char nonce[NONCE];
    struct group g;
    uint64_t next = 0;
    if (read_head(&in, nonce, &next, e) != 0 || to->begin(to->ctx, next, e) != 0)
        return -1;
    while (in.left > 0 && take_group(&in, nonce, &g)) {
        if (g.first != next)
            return tm_err_set(e, "it jumps from entry %" PRIu64 " to %" PRIu64, next, g.first);
        if (to->group(to->ctx, g.first, g.count, g.payload, g.len, e) != 0)
            return -1;
        next += g.count;
    }
    *torn = in.left;
    if (in.left > 0 && group_follows(in, nonce))
        return tm_err_set(e,
                          "it is damaged at byte %zu, after entry %" PRIu64 ": entries that were "
                          "promised follow",
                          len - in.left, next);
    return 0;
}

int ca_journal_read(const char *dir, const struct ca_journal_reader *to, size_t *torn,
                    struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf data = {0};
    bool missing = false;
    if (tm_file_join(dir, LOG_JOURNAL, path, sizeof(path), e) != 0)
        return -1;
    int rc = ca_log_store_read(path, JOURNAL_MAX, &data, &missing, e);
    if (rc == 0 && ca_journal_parse(data.data, data.len, to, torn, e) != 0)
        rc = tm_err_wrap(e, "'%s'", path);
    tm_buf_free(&data);
    return rc;
}
