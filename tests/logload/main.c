/*
 * Drives a log without the CA around it:
 *
 *   logload create DIR KEY              a key (PEM) and an empty log
 *   logload load DIR KEY THREADS FIRST  adds entries until it is killed; "number index" a line for
 *                                       each that got its SCT, on stderr why one did not
 *   logload verify DIR KEY ACKED NOTE…  every line of ACKED is in the tree; every NOTE (an older
 *                                       checkpoint) is consistent with the newest
 *   logload bench DIR KEY SECONDS       entries a second at growing concurrency
 *   logload grow DIR KEY COUNT          adds COUNT small entries as fast as it can
 *   logload measure DIR KEY             start-up, memory, and proofs of a big log, from a warm and
 *                                       from a cold disk
 */
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/jlog.h"
#include "tests/support/logbox.h"

#define ENTRY_SIZE 700
#define SMALL 32
#define GROW_WINDOW 20000

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "logload: %s\n", what);
    exit(1);
}

static double now_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void read_key(struct logbox *b, const char *path)
{
    FILE *f = fopen(path, "r");
    b->key = f != NULL ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
    if (b->key == NULL)
        die("no key");
    fclose(f);
    ca_log_options_default(&b->o);
    b->o.directory = b->dir;
    b->o.origin = "log.example/load";
    b->o.key = b->key;
    b->o.jlog = tm_jlog_new(STDERR_FILENO, JLOG_WARN);
}

static void create(struct logbox *b, const char *path)
{
    struct tm_err e = {0};
    EVP_PKEY *k = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    FILE *f = fopen(path, "w");
    if (f == NULL || k == NULL || PEM_write_PrivateKey(f, k, NULL, NULL, 0, NULL, NULL) != 1 ||
        fclose(f) != 0)
        die("no key written");
    EVP_PKEY_free(k);
    read_key(b, path);
    if (ca_ctlog_create(&b->o, &e) != 0)
        die(e.text);
}

/* ---- load and bench ---- */

struct load {
    struct ca_ctlog *log;
    atomic_ullong next, done;
    atomic_bool stop;
    bool print;
};

static void *worker(void *arg)
{
    struct load *l = arg;
    while (!atomic_load(&l->stop)) {
        struct tm_err e = {0};
        struct tm_buf sct = {0};
        char line[64];
        uint64_t index = 0;
        uint64_t number = atomic_fetch_add(&l->next, 1);
        if (logbox_add(l->log, number, ENTRY_SIZE, &sct, &index, &e) != 0) {
            if (!l->print)
                die(e.text);
            fprintf(stderr, "not logged: %s\n", e.text);
            (void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
            continue;
        }
        tm_buf_free(&sct);
        atomic_fetch_add(&l->done, 1);
        if (!l->print)
            continue;
        int n = snprintf(line, sizeof(line), "%" PRIu64 " %" PRIu64 "\n", number, index);
        if (write(STDOUT_FILENO, line, (size_t)n) != n)
            die("cannot tell");
    }
    return NULL;
}

static void run_workers(struct load *l, unsigned threads, double seconds)
{
    pthread_t id[512];
    if (threads > 512)
        die("too many threads");
    for (unsigned i = 0; i < threads; i++) {
        if (pthread_create(&id[i], NULL, worker, l) != 0)
            die("no thread");
    }
    double until = now_s() + seconds;
    while (seconds <= 0 || now_s() < until)
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    atomic_store(&l->stop, true);
    for (unsigned i = 0; i < threads; i++)
        pthread_join(id[i], NULL);
}

static void load(struct logbox *b, unsigned threads, uint64_t first)
{
    struct tm_err e = {0};
    struct load l = {.log = ca_ctlog_open(&b->o, &e), .print = true};
    if (l.log == NULL)
        die(e.text);
    atomic_store(&l.next, first);
    run_workers(&l, threads, 0);
}

static void bench(struct logbox *b, double seconds)
{
    static const unsigned concurrency[] = {1, 8, 64, 256};
    uint64_t first = (uint64_t)1 << 40;
    for (size_t i = 0; i < sizeof(concurrency) / sizeof(concurrency[0]); i++) {
        struct ca_log_stats st;
        struct load l = {.log = logbox_open(b)};
        atomic_store(&l.next, first + ((uint64_t)i << 32));
        double from = now_s();
        run_workers(&l, concurrency[i], seconds);
        double took = now_s() - from;
        ca_log_stats_get(ca_ctlog_log(l.log), &st);
        printf("%u %.0f %.1f %.3f\n", concurrency[i], (double)atomic_load(&l.done) / took,
               st.group.sum / (double)st.group.count, 1000 * st.fsync.sum / (double)st.fsync.count);
        ca_ctlog_close(l.log);
    }
}

/* ---- verify ---- */

static void ca_verify_entry(const struct logbox *b, struct ca_log_dir *d,
                            const struct tm_checkpoint *c, uint64_t number, uint64_t index,
                            struct tm_buf *tile, uint64_t *held)
{
    struct tm_err e = {0};
    struct ca_log_tiles t = ca_log_dir_tiles(d);
    struct ca_log_entry want = logbox_entry(number, ENTRY_SIZE);
    struct tm_entry n = {0};
    struct tm_merkle_hash leaf;
    struct ca_log_proof p;
    (void)b;
    if (index >= c->size)
        die("an entry that got its SCT is not in the tree");
    if (*held != index / TILE_WIDTH) {
        tm_buf_reset(tile);
        if (t.data(t.ctx, index / TILE_WIDTH, ca_log_tile_width(c->size, 0, index / TILE_WIDTH),
                   tile, &e) != 0)
            die(e.text);
        *held = index / TILE_WIDTH;
    }
    struct tm_bytes in = bytes_of(tile->data, tile->len);
    for (uint64_t i = 0; i <= index % TILE_WIDTH; i++) {
        if (tm_entry_take_tile_leaf(&in, &n, &e) != 1)
            die("a tile is short");
    }
    if (n.logged.cert_len != ENTRY_SIZE ||
        memcmp(n.logged.cert, want.signed_entry.cert, ENTRY_SIZE) != 0)
        die("an entry that got its SCT is another at its index");
    tm_entry_leaf_hash(&n, &leaf);
    if (ca_log_tree_inclusion(&t, index, c->size, &p, &e) != 0 ||
        tm_merkle_check_inclusion(index, c->size, &leaf, p.hash, p.count, &c->root, &e) != 0)
        die(e.text);
}

static void verify_note(struct ca_log_dir *d, const struct tm_checkpoint *c, const char *path)
{
    struct tm_err e = {0};
    struct tm_buf b = {0};
    struct tm_note n;
    struct tm_checkpoint old;
    struct ca_log_proof p;
    struct ca_log_tiles t = ca_log_dir_tiles(d);
    if (tm_file_read(path, NOTE_BYTES_MAX, &b, &e) != 0 ||
        tm_note_parse(b.data, b.len, &n, &e) != 0 || tm_checkpoint_parse(&n, &old, &e) != 0 ||
        ca_log_tree_consistency(&t, old.size, c->size, &p, &e) != 0 ||
        tm_merkle_check_consistency(old.size, &old.root, c->size, &c->root, p.hash, p.count, &e) !=
            0)
        die(e.text);
    tm_note_free(&n);
    tm_buf_free(&b);
}

static void verify(struct logbox *b, const char *acked, char **notes, int count)
{
    struct tm_checkpoint c = logbox_checkpoint(b);
    struct ca_log_dir d = {.path = b->dir, .size = c.size};
    struct tm_buf tile = {0};
    uint64_t held = UINT64_MAX;
    uint64_t number = 0;
    uint64_t index = 0;
    uint64_t lines = 0;
    char line[64];
    FILE *f = fopen(acked, "r");
    if (f == NULL)
        die("no list");
    while (fgets(line, sizeof(line), f) != NULL) {
        if (strchr(line, '\n') == NULL ||
            sscanf(line, "%" SCNu64 " %" SCNu64, &number, &index) != 2)
            continue; /* cut short by the kill */
        ca_verify_entry(b, &d, &c, number, index, &tile, &held);
        lines++;
    }
    fclose(f);
    for (int i = 0; i < count; i++)
        verify_note(&d, &c, notes[i]);
    tm_buf_free(&tile);
    printf("%" PRIu64 " entries in a tree of %" PRIu64 ", %d checkpoints consistent\n", lines,
           c.size, count);
}

/* ---- a big log ---- */

static void nothing(void *arg)
{
    (void)arg;
}

static void grow(struct logbox *b, uint64_t count)
{
    static struct ca_log_ticket *ring[GROW_WINDOW];
    struct ca_ctlog *l = logbox_open(b);
    struct tm_err e = {0};
    double from = now_s();
    for (uint64_t i = 0; i < count + GROW_WINDOW; i++) {
        struct ca_log_ticket **slot = &ring[i % GROW_WINDOW];
        if (*slot != NULL) {
            while (ca_log_poll(*slot, &e) == LOG_WAIT)
                (void)nanosleep(&(struct timespec){.tv_nsec = 200 * 1000L}, NULL);
            ca_log_ticket_free(*slot);
            *slot = NULL;
        }
        if (i >= count)
            continue;
        struct ca_log_entry entry = logbox_entry(i, SMALL);
        if (ca_ctlog_add(l, &entry, nothing, NULL, slot, &e) != 0)
            die(e.text);
    }
    printf("grown by %" PRIu64 " in %.1f s\n", count, now_s() - from);
    ca_ctlog_close(l);
}

static long rss_kib(void)
{
    long pages = 0;
    long rss = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%ld %ld", &pages, &rss) != 2)
        die("no statm");
    fclose(f);
    return rss * (sysconf(_SC_PAGESIZE) / 1024);
}

enum { PROOFS = 1000 };

struct times { /* of PROOFS proofs, in milliseconds */
    double wall[PROOFS], cpu[PROOFS];
    double read_kib;
};

static int drop_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)ftw;
    int fd = type == FTW_F ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return 0;
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
    return 0;
}

/* Has the kernel forget what it holds of the files below DIR/name. */
static void drop_cache(const char *dir, const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (nftw(path, drop_one, 32, FTW_PHYS) != 0)
        die("cannot drop the cache");
}

static double cpu_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static long blocks_read(void) /* of 512 bytes */
{
    struct rusage u;
    (void)getrusage(RUSAGE_THREAD, &u);
    return u.ru_inblock;
}

static int compare_times(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void print_times(const char *what, double *ms)
{
    double total = 0;
    qsort(ms, PROOFS, sizeof(*ms), compare_times);
    for (int i = 0; i < PROOFS; i++)
        total += ms[i];
    printf("  %s: mean %.3f ms, median %.3f, 99 of 100 below %.3f, worst %.3f\n", what,
           total / PROOFS, ms[PROOFS / 2], ms[PROOFS * 99 / 100], ms[PROOFS - 1]);
}

/* What get-proof-by-hash does. */
static void prove_one(struct ca_log_dir *d, const struct tm_checkpoint *c, uint64_t at,
                      const struct tm_merkle_hash *leaf)
{
    struct tm_err e = {0};
    struct ca_log_tiles t = ca_log_dir_tiles(d);
    struct ca_log_proof p;
    uint64_t found = 0;
    if (ca_log_dir_find(d, leaf, &found, &e) != 1 || found != at ||
        ca_log_tree_inclusion(&t, at, c->size, &p, &e) != 0 ||
        tm_merkle_check_inclusion(at, c->size, leaf, p.hash, p.count, &c->root, &e) != 0)
        die("no proof");
}

/* Cold: tiles and index come from the disk, as after a start of the machine. */
static void measure_proofs(const struct logbox *b, const struct tm_checkpoint *c, bool cold)
{
    static struct times times;
    times.read_kib = 0;
    static struct tm_merkle_hash leaf[PROOFS];
    struct tm_err e = {0};
    struct ca_log_dir d = {.path = b->dir, .size = c->size};
    struct ca_log_tiles t = ca_log_dir_tiles(&d);
    for (uint64_t i = 0; i < PROOFS; i++) {
        if (ca_log_tree_leaf(&t, (i * 2654435761U) % c->size, c->size, &leaf[i], &e) != 0)
            die(e.text);
    }
    if (cold)
        drop_cache(b->dir, "tile");
    for (uint64_t i = 0; i < PROOFS; i++) {
        if (cold)
            drop_cache(b->dir, "state/index");
        long blocks = blocks_read();
        double cpu = cpu_s();
        double wall = now_s();
        prove_one(&d, c, (i * 2654435761U) % c->size, &leaf[i]);
        times.wall[i] = 1000 * (now_s() - wall);
        times.cpu[i] = 1000 * (cpu_s() - cpu);
        times.read_kib += (double)(blocks_read() - blocks) / 2;
    }
    print_times(cold ? "cold disk, time" : "time", times.wall);
    print_times(cold ? "cold disk, processor time" : "processor time", times.cpu);
    printf("  read from the disk for each: %.1f KiB\n", times.read_kib / PROOFS);
}

static void measure(struct logbox *b)
{
    double from = now_s();
    struct ca_ctlog *l = logbox_open(b);
    double opened = now_s() - from;
    struct tm_checkpoint c = logbox_checkpoint(b);
    printf("size %" PRIu64 ": open %.3f s\nproof by hash\n", c.size, opened);
    measure_proofs(b, &c, false);
    measure_proofs(b, &c, true);
    printf("RSS %ld KiB\n", rss_kib());
    ca_ctlog_close(l);
}

int main(int argc, char **argv)
{
    struct logbox b = {0};
    if (argc < 4 || strlen(argv[2]) >= sizeof(b.dir))
        die("usage: logload create|load|verify|bench|grow|measure DIR KEY [ARG]...");
    snprintf(b.dir, sizeof(b.dir), "%s", argv[2]);
    const char *mode = argv[1];
    if (strcmp(mode, "create") == 0) {
        create(&b, argv[3]);
        return 0;
    }
    read_key(&b, argv[3]);
    if (strcmp(mode, "load") == 0 && argc == 6)
        load(&b, (unsigned)strtoul(argv[4], NULL, 10), strtoull(argv[5], NULL, 10));
    else if (strcmp(mode, "verify") == 0 && argc >= 5)
        verify(&b, argv[4], argv + 5, argc - 5);
    else if (strcmp(mode, "bench") == 0 && argc == 5)
        bench(&b, strtod(argv[4], NULL));
    else if (strcmp(mode, "grow") == 0 && argc == 5)
        grow(&b, strtoull(argv[4], NULL, 10));
    else if (strcmp(mode, "measure") == 0 && argc == 4)
        measure(&b);
    else
        die("bad arguments");
    EVP_PKEY_free(b.key);
    tm_jlog_free(b.o.jlog);
    return 0;
}
