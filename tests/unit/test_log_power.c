/*
 * Power cuts. This program's own open, write, fsync, rename … stand before the C library's: they
 * do the real thing and note it. A cut throws away a random part of what was not synced: the
 * bytes of files, torn anywhere, and the newest names of each directory. What is left is laid out
 * in another directory and opened: every entry that got its SCT before the cut must be there, and
 * every checkpoint that was seen must be consistent with the new one.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/file.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/logbox.h"

#define FILES 4096
#define OPS 20000
#define FDS 1024

struct inode {
    unsigned char *synced; /* what a cut cannot take */
    size_t synced_len;
    char now[256]; /* name of a hard link that keeps the present content readable */
    bool dirty;
};

enum op_kind { OP_LINK, OP_UNLINK, OP_MKDIR };

struct op { /* a change of names that is not synced yet */
    enum op_kind kind;
    char path[256];
    int inode;
    bool durable;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[128]; /* what is watched; "" while nothing is */
static struct inode inodes[FILES];
static int inode_count;
static struct op ops[OPS];
static int op_count;
static int fd_inode[FDS]; /* + 1 */
static char fd_dir[FDS][256];

static bool watched(const char *path)
{
    return root[0] != '\0' && strncmp(path, root, strlen(root)) == 0;
}

static int find_inode(const char *path)
{
    for (int i = op_count - 1; i >= 0; i--) {
        if (strcmp(ops[i].path, path) == 0)
            return ops[i].kind == OP_LINK ? ops[i].inode : -1;
    }
    return -1;
}

static void note_op(enum op_kind kind, const char *path, int inode)
{
    assert_true(op_count < OPS);
    ops[op_count] = (struct op){.kind = kind, .inode = inode};
    snprintf(ops[op_count++].path, sizeof(ops[0].path), "%s", path);
}

int open(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    int mode = va_arg(ap, int);
    va_end(ap);
    pthread_mutex_lock(&lock);
    bool mine = watched(path);
    bool existed = mine && access(path, F_OK) == 0;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, (flags & O_CREAT) != 0 ? mode : 0);
    if (mine && fd >= 0 && fd < FDS) {
        fd_inode[fd] = 0;
        fd_dir[fd][0] = '\0';
        if ((flags & O_DIRECTORY) != 0) {
            snprintf(fd_dir[fd], sizeof(fd_dir[fd]), "%s", path);
        } else if ((flags & O_ACCMODE) != O_RDONLY) {
            int i = existed ? find_inode(path) : -1;
            if (i < 0) {
                assert_true(inode_count < FILES);
                i = inode_count++;
                inodes[i] = (struct inode){0};
                snprintf(inodes[i].now, sizeof(inodes[i].now), "%s.inodes/%d", root, i);
                assert_int_equal(linkat(AT_FDCWD, path, AT_FDCWD, inodes[i].now, 0), 0);
                note_op(OP_LINK, path, i);
            }
            inodes[i].dirty = true;
            fd_inode[fd] = i + 1;
        }
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

static void take_synced(struct inode *n)
{
    int fd = (int)syscall(SYS_openat, AT_FDCWD, n->now, O_RDONLY, 0);
    struct stat st = {0};
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    n->synced = realloc(n->synced, (size_t)st.st_size + 1);
    n->synced_len = (size_t)pread(fd, n->synced, (size_t)st.st_size, 0);
    n->dirty = false;
    syscall(SYS_close, fd);
}

/* A directory's sync makes the names in it last. */
static void sync_names(const char *dir)
{
    size_t len = strlen(dir);
    while (len > 0 && dir[len - 1] == '.') /* "DIR/.." */
        return;
    for (int i = 0; i < op_count; i++) {
        const char *slash = strrchr(ops[i].path, '/');
        if ((size_t)(slash - ops[i].path) == len && memcmp(ops[i].path, dir, len) == 0)
            ops[i].durable = true;
    }
}

static int sync_fd(int fd)
{
    pthread_mutex_lock(&lock);
    if (root[0] != '\0' && fd >= 0 && fd < FDS) {
        if (fd_inode[fd] > 0)
            take_synced(&inodes[fd_inode[fd] - 1]);
        else if (fd_dir[fd][0] != '\0')
            sync_names(fd_dir[fd]);
    }
    pthread_mutex_unlock(&lock);
    return 0;
}

int fsync(int fd)
{
    return sync_fd(fd);
}

int fdatasync(int fd)
{
    return sync_fd(fd);
}

static void mark_dirty(int fd)
{
    pthread_mutex_lock(&lock);
    if (root[0] != '\0' && fd >= 0 && fd < FDS && fd_inode[fd] > 0)
        inodes[fd_inode[fd] - 1].dirty = true;
    pthread_mutex_unlock(&lock);
}

ssize_t write(int fd, const void *data, size_t len)
{
    mark_dirty(fd);
    return syscall(SYS_write, fd, data, len);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    mark_dirty(fd);
    return syscall(SYS_pwrite64, fd, data, len, at);
}

int close(int fd)
{
    pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < FDS) {
        fd_inode[fd] = 0;
        fd_dir[fd][0] = '\0';
    }
    pthread_mutex_unlock(&lock);
    return (int)syscall(SYS_close, fd);
}

int rename(const char *from, const char *to)
{
    pthread_mutex_lock(&lock);
    int i = watched(from) ? find_inode(from) : -1;
    int rc = (int)syscall(SYS_rename, from, to);
    if (rc == 0 && i >= 0) {
        note_op(OP_LINK, to, i);
        note_op(OP_UNLINK, from, -1);
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

int unlink(const char *path)
{
    pthread_mutex_lock(&lock);
    if (watched(path))
        note_op(OP_UNLINK, path, -1);
    int rc = (int)syscall(SYS_unlink, path);
    pthread_mutex_unlock(&lock);
    return rc;
}

int mkdir(const char *path, mode_t mode)
{
    pthread_mutex_lock(&lock);
    int rc = (int)syscall(SYS_mkdir, path, mode);
    if (rc == 0 && watched(path))
        note_op(OP_MKDIR, path, -1);
    pthread_mutex_unlock(&lock);
    return rc;
}

/* ---- the cut ---- */

/* The synced bytes, or bytes of now with the rest torn off or zeroed, from anywhere. */
static void lay_out_file(struct inode *n, const char *to)
{
    unsigned char *data = NULL;
    size_t len = 0;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    if (n->dirty) {
        struct stat st = {0};
        int now = (int)syscall(SYS_openat, AT_FDCWD, n->now, O_RDONLY, 0);
        assert_true(now >= 0 && fstat(now, &st) == 0);
        len = (size_t)st.st_size;
        data = malloc(len + n->synced_len + 1);
        assert_int_equal(pread(now, data, len, 0), len);
        syscall(SYS_close, now);
        size_t keep = len > n->synced_len
                          ? n->synced_len + (size_t)random() % (len - n->synced_len + 1)
                          : n->synced_len;
        switch (random() % 3) {
        case 0: /* nothing of what is new */
            len = n->synced_len;
            break;
        case 1: /* its beginning */
            len = keep < len ? keep : len;
            break;
        default: /* a hole in it */
            if (keep < len)
                memset(data + n->synced_len, 0, keep - n->synced_len);
            break;
        }
        /* what was synced is there whatever came after */
        if (n->synced_len > 0)
            memcpy(data, n->synced, n->synced_len);
        if (len < n->synced_len)
            len = n->synced_len;
    }
    const unsigned char *from = data != NULL ? data : n->synced;
    if (len == 0 && data == NULL)
        len = n->synced_len;
    if (len > 0)
        assert_int_equal(syscall(SYS_write, fd, from, len), len);
    syscall(SYS_close, fd);
    free(data);
}

static void in_copy(const char *copy, const char *path, char out[512])
{
    snprintf(out, 512, "%s%s", copy, path + strlen(root));
}

/* Whether the i-th change of names outlives the cut: if it was synced, or if it and all older ones
 * of its directory are lucky. */
static void choose(bool *lasts)
{
    for (int i = 0; i < op_count; i++) {
        lasts[i] = ops[i].durable || random() % 2 == 0;
        const char *slash = strrchr(ops[i].path, '/');
        size_t len = (size_t)(slash - ops[i].path);
        for (int k = 0; k < i && lasts[i] && !ops[i].durable; k++) {
            const char *other = strrchr(ops[k].path, '/');
            if (!lasts[k] && (size_t)(other - ops[k].path) == len &&
                memcmp(ops[k].path, ops[i].path, len) == 0)
                lasts[i] = false;
        }
    }
}

static void lay_out(const char *copy)
{
    static bool lasts[OPS];
    choose(lasts);
    char base[160];
    snprintf(base, sizeof(base), "%s.base", root);
    logbox_copy(base, copy);
    for (int i = 0; i < op_count; i++) {
        char to[512];
        in_copy(copy, ops[i].path, to);
        if (!lasts[i])
            continue;
        if (ops[i].kind == OP_MKDIR)
            (void)syscall(SYS_mkdir, to, 0755);
        else if (ops[i].kind == OP_UNLINK)
            (void)syscall(SYS_unlink, to);
        else {
            char dir[512];
            snprintf(dir, sizeof(dir), "%s", to);
            *strrchr(dir, '/') = '\0';
            if (access(dir, F_OK) == 0)
                lay_out_file(&inodes[ops[i].inode], to);
        }
    }
}

static void forget(void)
{
    for (int i = 0; i < inode_count; i++)
        free(inodes[i].synced);
    inode_count = 0;
    op_count = 0;
}

/* ---- the test ---- */

#define PRODUCERS 4
#define PROMISES 4096
#define SEEN 64

static struct promise {
    uint64_t number, index;
    struct tm_buf sct;
} promises[PROMISES];
static int promised;
static bool stop;

static void *produce(void *arg)
{
    struct ca_ctlog *l = arg;
    static uint64_t next = 0;
    for (;;) {
        struct tm_err e = {0};
        struct promise p = {0};
        pthread_mutex_lock(&lock);
        bool end = stop;
        p.number = next++;
        pthread_mutex_unlock(&lock);
        if (end || logbox_add(l, p.number, 64, &p.sct, &p.index, &e) != 0)
            return NULL;
        pthread_mutex_lock(&lock);
        if (!stop && promised < PROMISES)
            promises[promised++] = p;
        else
            tm_buf_free(&p.sct);
        pthread_mutex_unlock(&lock);
    }
}

/* Every promise and every checkpoint of before the cut holds in `b`. */
static void check(struct logbox *b, int count, const struct tm_checkpoint *seen, int seen_count)
{
    struct tm_err e = {0};
    struct tm_checkpoint c = logbox_checkpoint(b);
    struct ca_log_dir d = {.path = b->dir, .size = c.size};
    struct ca_log_tiles t = ca_log_dir_tiles(&d);
    for (int i = 0; i < count; i++)
        logbox_check_sct(b, promises[i].number, 64, &promises[i].sct, promises[i].index);
    for (int i = 0; i < seen_count; i++) {
        struct ca_log_proof p;
        assert_int_equal(ca_log_tree_consistency(&t, seen[i].size, c.size, &p, &e), 0);
        if (tm_merkle_check_consistency(seen[i].size, &seen[i].root, c.size, &c.root, p.hash,
                                        p.count, &e) != 0)
            fail_msg("%s", e.text);
    }
}

static void cut_once(struct logbox *b, int round)
{
    struct tm_err e = {0};
    pthread_t id[PRODUCERS];
    struct tm_checkpoint seen[SEEN];
    int seen_count = 0;
    char copy[160];
    snprintf(copy, sizeof(copy), "%.120s.%d", b->dir, round);
    struct ca_ctlog *l = logbox_open(b);
    stop = false;
    for (int i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_create(&id[i], NULL, produce, l), 0);
    int64_t until = random() % 60;
    for (int64_t ms = 0; ms < until; ms++) {
        (void)usleep(1000);
        if (seen_count < SEEN) {
            struct tm_buf text = {0};
            struct tm_note n;
            (void)ca_log_checkpoint(ca_ctlog_log(l), &text); /* what the server shows */
            assert_int_equal(tm_note_parse(text.data, text.len, &n, &e), 0);
            assert_int_equal(tm_checkpoint_parse(&n, &seen[seen_count++], &e), 0);
            tm_note_free(&n);
            tm_buf_free(&text);
        }
    }
    pthread_mutex_lock(&lock); /* the moment of the cut: nothing is written while it is held */
    int count = promised;
    lay_out(copy);
    stop = true;
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(id[i], NULL);
    ca_ctlog_close(l);
    char watched_root[128];
    memcpy(watched_root, root, sizeof(root));
    root[0] = '\0';
    struct logbox after = *b;
    snprintf(after.dir, sizeof(after.dir), "%.127s", copy);
    after.o.directory = after.dir;
    ca_ctlog_close(logbox_open(&after));
    check(&after, count, seen, seen_count);
    logbox_remove(copy);
    memcpy(root, watched_root, sizeof(root));
}

static void no_promise_is_lost_in_a_power_cut(void **state)
{
    (void)state;
    struct logbox b;
    struct tm_err e = {0};
    char kept[160];
    char base[160];
    srandom(20261124);
    logbox_init(&b);
    b.o.checkpoint_interval_ms = 10;
    snprintf(kept, sizeof(kept), "%.120s.inodes", b.dir);
    assert_int_equal(syscall(SYS_mkdir, kept, 0755), 0);
    assert_int_equal(ca_ctlog_create(&b.o, &e), 0);
    snprintf(base, sizeof(base), "%.120s.base", b.dir); /* what the cuts begin with */
    logbox_copy(b.dir, base);
    memcpy(root, b.dir, sizeof(b.dir));
    for (int round = 0; round < 12 && promised < PROMISES - 512; round++)
        cut_once(&b, round);
    root[0] = '\0';
    assert_true(promised > 300);
    for (int i = 0; i < promised; i++)
        tm_buf_free(&promises[i].sct);
    forget();
    logbox_remove(kept);
    logbox_remove(base);
    logbox_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_promise_is_lost_in_a_power_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
