/* A log's directory, read by whoever may: the server's own read API, tools, tests. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "ca/log/engine/reader.h"
#include "ca/log/engine/store.h"
#include "common/b64.h"
#include "common/file.h"
#include "common/hex.h"

#define ISSUER_MAX ((size_t)64 * 1024)

/* A tile that has filled since is read whole: the partial one may be gone. */
static int read_tile(const struct ca_log_dir *d, int level, uint64_t n, unsigned width,
                     struct tm_buf *out, struct tm_err *e)
{
    char name[TILE_PATH_MAX];
    char path[PATH_MAX];
    unsigned has = ca_log_tile_width(d->size, level < 0 ? 0 : (unsigned)level, n);
    bool missing = false;
    if (has < width)
        return tm_err_set(e, "tile %" PRIu64 " of level %d is beyond the tree of %" PRIu64, n,
                          level, d->size);
    tm_tile_path(level, n, has, name);
    if (tm_file_join(d->path, name, path, sizeof(path), e) != 0)
        return -1;
    int rc = ca_log_store_read(path, LOG_DATA_TILE_MAX, out, &missing, e);
    if (rc != 0 && missing && has < TILE_WIDTH) {
        tm_tile_path(level, n, TILE_WIDTH, name);
        if (tm_file_join(d->path, name, path, sizeof(path), e) != 0)
            return -1;
        struct tm_err full = {0};
        rc = ca_log_store_read(path, LOG_DATA_TILE_MAX, out, &missing, &full);
    }
    return rc;
}

static int dir_hashes(void *ctx, unsigned level, uint64_t n, unsigned width,
                      struct tm_merkle_hash *out, struct tm_err *e)
{
    struct tm_buf b = {0};
    int rc = read_tile(ctx, (int)level, n, width, &b, e);
    if (rc == 0 && (b.len % MERKLE_HASH != 0 || b.len < width * sizeof(*out) ||
                    b.len > TILE_WIDTH * sizeof(*out)))
        rc = tm_err_set(e, "tile %" PRIu64 " of level %u has %zu bytes, not those of %u hashes", n,
                        level, b.len, width);
    if (rc == 0)
        memcpy(out, b.data, width * sizeof(*out));
    tm_buf_free(&b);
    return rc;
}

static int dir_data(void *ctx, uint64_t n, unsigned width, struct tm_buf *out, struct tm_err *e)
{
    const struct ca_log_dir *d = ctx;
    return read_tile(d, d->tile_level != 0 ? d->tile_level : TILE_LEVEL_DATA, n, width, out, e);
}

struct ca_log_tiles ca_log_dir_tiles(struct ca_log_dir *d)
{
    return (struct ca_log_tiles){.ctx = d, .hashes = dir_hashes, .data = dir_data};
}

int ca_log_dir_checkpoint(const char *path, struct tm_buf *note, struct tm_checkpoint *out,
                          struct tm_err *e)
{
    char file[PATH_MAX];
    struct tm_note n;
    size_t at = note->len;
    if (tm_file_join(path, LOG_CHECKPOINT, file, sizeof(file), e) != 0 ||
        tm_file_read(file, NOTE_BYTES_MAX, note, e) != 0)
        return -1;
    int rc = tm_note_parse(note->data + at, note->len - at, &n, e);
    if (rc == 0) {
        rc = tm_checkpoint_parse(&n, out, e);
        tm_note_free(&n);
    }
    return rc == 0 ? 0 : tm_err_wrap(e, "'%s'", file);
}

/* Takes a line that fits, without its end. */
static int take_line(const char **p, size_t *len, char *out, size_t size)
{
    const char *nl = memchr(*p, '\n', *len);
    size_t n = nl != NULL ? (size_t)(nl - *p) : 0;
    if (n == 0 || n >= size || memchr(*p, '\0', n) != NULL)
        return -1;
    memcpy(out, *p, n);
    out[n] = '\0';
    *p += n + 1;
    *len -= n + 1;
    return 0;
}

/* "<kind>\n<origin>\n<log id>\n" */
static int parse_identity(const char *p, size_t len, struct ca_log_identity *out)
{
    struct tm_buf id = {0};
    char text[64];
    if (take_line(&p, &len, out->kind, sizeof(out->kind)) != 0 ||
        take_line(&p, &len, out->origin, sizeof(out->origin)) != 0 ||
        take_line(&p, &len, text, sizeof(text)) != 0 || len != 0)
        return -1;
    int rc = tm_b64_decode(B64_STD, text, strlen(text), &id);
    if (rc == 0 && id.len == sizeof(out->log_id))
        memcpy(out->log_id, id.data, id.len);
    else
        rc = -1;
    tm_buf_free(&id);
    return rc;
}

int ca_log_dir_identity(const char *path, struct ca_log_identity *out, struct tm_err *e)
{
    char file[PATH_MAX];
    struct tm_buf b = {0};
    if (tm_file_join(path, LOG_IDENTITY, file, sizeof(file), e) != 0)
        return -1;
    int rc = tm_file_read(file, 1024, &b, e);
    if (rc == 0 && parse_identity((const char *)b.data, b.len, out) != 0)
        rc = tm_err_set(e, "'%s' is damaged, or of another version", file);
    tm_buf_free(&b);
    return rc;
}

int ca_log_dir_issuer(const char *path, const unsigned char fingerprint[32], struct tm_buf *der,
                      struct tm_err *e)
{
    char name[LOG_ISSUER_NAME];
    char file[PATH_MAX];
    unsigned char hash[32];
    size_t at = der->len;
    bool missing = false;
    ca_log_issuer_name(fingerprint, name);
    if (tm_file_join(path, name, file, sizeof(file), e) != 0 ||
        ca_log_store_read(file, ISSUER_MAX, der, &missing, e) != 0)
        return -1;
    if (EVP_Digest(der->data + at, der->len - at, hash, NULL, EVP_sha256(), NULL) != 1 ||
        memcmp(hash, fingerprint, sizeof(hash)) != 0)
        return tm_err_set(e, "'%s' is damaged: its content has another hash", file);
    return 0;
}

static bool is_root(const struct tm_buf *der)
{
    const unsigned char *p = der->data;
    X509 *cert = d2i_X509(NULL, &p, (long)der->len);
    bool root = cert != NULL && X509_self_signed(cert, 0) == 1;
    X509_free(cert);
    ERR_clear_error();
    return root;
}

static int add_if_root(const char *path, const char *name, log_root_fn add, void *arg,
                       struct tm_err *e)
{
    struct tm_buf fingerprint = {0};
    struct tm_buf der = {0};
    int rc = 0;
    /* Another name is not the log's: a temporary file. */
    if (strlen(name) == 64 && tm_hex_decode(name, 64, &fingerprint) == 0) {
        rc = ca_log_dir_issuer(path, fingerprint.data, &der, e);
        if (rc == 0 && is_root(&der))
            add(arg, der.data, der.len);
    }
    tm_buf_free(&fingerprint);
    tm_buf_free(&der);
    return rc;
}

int ca_log_dir_roots(const char *path, log_root_fn add, void *arg, struct tm_err *e)
{
    char dir[PATH_MAX];
    struct dirent **list = NULL;
    if (tm_file_join(path, "issuer", dir, sizeof(dir), e) != 0)
        return -1;
    int n = scandir(dir, &list, NULL, alphasort);
    if (n < 0) /* before the first entry there is no such directory */
        return errno == ENOENT ? 0 : tm_err_errno(e, "read '%s'", dir);
    int rc = 0;
    for (int i = 0; i < n; i++) {
        if (rc == 0)
            rc = add_if_root(path, list[i]->d_name, add, arg, e);
        free(list[i]);
    }
    free(list);
    return rc;
}
