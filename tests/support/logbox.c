#include "tests/support/logbox.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ca/log/ct/ctlog.h"
#include "common/transparency/sct.h"

#define FAR_FUTURE INT64_MAX

#define must(ok, ...) \
    do { \
        if (!(ok)) { \
            fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
            fprintf(stderr, __VA_ARGS__); \
            fprintf(stderr, "\n"); \
            abort(); \
        } \
    } while (0)

static void run(const char *const *argv)
{
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    int st = 0;
    must(pid > 0 && waitpid(pid, &st, 0) == pid && st == 0, "%s failed", argv[0]);
}

void logbox_remove(const char *dir)
{
    run((const char *const[]){"rm", "-rf", dir, NULL});
}

void logbox_copy(const char *from, const char *to)
{
    run((const char *const[]){"cp", "-a", from, to, NULL});
}

void logbox_init(struct logbox *b)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(b->dir, sizeof(b->dir), "%s/tenmint-log.XXXXXX", tmp != NULL ? tmp : "/tmp");
    must(mkdtemp(b->dir) != NULL, "no directory %s", b->dir);
    b->key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    must(b->key != NULL, "no key");
    ca_log_options_default(&b->o);
    b->o.directory = b->dir;
    b->o.origin = "log.example/test";
    b->o.key = b->key;
}

void logbox_free(struct logbox *b)
{
    logbox_remove(b->dir);
    EVP_PKEY_free(b->key);
}

struct ca_ctlog *logbox_open(struct logbox *b)
{
    struct tm_err e = {0};
    struct ca_ctlog *l = ca_ctlog_open(&b->o, &e);
    must(l != NULL, "%s", e.text);
    return l;
}

struct ca_log_entry logbox_entry(uint64_t number, size_t size)
{
    static _Thread_local unsigned char tbs[LOG_ENTRY_MAX];
    static const unsigned char key_hash[32] = {7};
    static const unsigned char issuer_der[] = "the issuing CA";
    static const unsigned char root_der[] = "the root";
    static const unsigned char *const issuer[] = {issuer_der, root_der};
    static const size_t issuer_len[] = {sizeof(issuer_der), sizeof(root_der)};
    must(size >= 16 && size <= sizeof(tbs), "size %zu", size);
    for (size_t i = 0; i < size; i++)
        tbs[i] = (unsigned char)(number * 31 + i);
    memcpy(tbs, &number, sizeof(number));
    return (struct ca_log_entry){.signed_entry = {.type = SCT_PRECERT,
                                                  .cert = tbs,
                                                  .cert_len = size,
                                                  .issuer_key_hash = key_hash},
                                 .precert = tbs,
                                 .precert_len = size,
                                 .issuer = issuer,
                                 .issuer_len = issuer_len,
                                 .issuer_count = 2};
}

struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool done;
};

static void wake(void *arg)
{
    struct waiting *w = arg;
    pthread_mutex_lock(&w->lock);
    w->done = true;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->lock);
}

int logbox_add(struct ca_ctlog *l, uint64_t number, size_t size, struct tm_buf *sct,
               uint64_t *index, struct tm_err *e)
{
    struct ca_log_entry entry = logbox_entry(number, size);
    struct waiting w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    struct ca_log_ticket *t = NULL;
    if (ca_ctlog_add(l, &entry, wake, &w, &t, e) != 0)
        return -1;
    pthread_mutex_lock(&w.lock);
    while (!w.done)
        pthread_cond_wait(&w.cond, &w.lock);
    pthread_mutex_unlock(&w.lock);
    enum ca_log_outcome got = ca_ctlog_collect(l, t, sct, index, e);
    ca_log_ticket_free(t);
    must(got != LOG_WAIT, "woken without an outcome");
    return got == LOG_DONE ? 0 : -1;
}

struct tm_checkpoint logbox_checkpoint(const struct logbox *b)
{
    struct tm_err e = {0};
    struct tm_buf text = {0};
    struct tm_checkpoint c;
    struct tm_note n;
    struct tm_note_key k;
    must(ca_log_dir_checkpoint(b->dir, &text, &c, &e) == 0, "%s", e.text);
    must(tm_note_key_init(&k, b->o.origin, NOTE_RFC6962, b->key, &e) == 0, "%s", e.text);
    must(tm_note_parse(text.data, text.len, &n, &e) == 0, "%s", e.text);
    must(tm_note_verify(&n, &k, NULL, &e) == 0, "%s", e.text);
    must(strcmp(c.origin, b->o.origin) == 0, "origin %s", c.origin);
    tm_note_free(&n);
    tm_buf_free(&text);
    return c;
}

/* The entry at `index`, out of its data tile. */
static void take_entry(struct ca_log_dir *d, uint64_t index, struct tm_buf *tile,
                       struct tm_entry *out)
{
    struct tm_err e = {0};
    struct ca_log_tiles t = ca_log_dir_tiles(d);
    unsigned width = ca_log_tile_width(d->size, 0, index / TILE_WIDTH);
    must(t.data(t.ctx, index / TILE_WIDTH, width, tile, &e) == 0, "%s", e.text);
    struct tm_bytes in = bytes_of(tile->data, tile->len);
    for (uint64_t i = 0; i <= index % TILE_WIDTH; i++)
        must(tm_entry_take_tile_leaf(&in, out, &e) == 1, "%s", e.text);
}

void logbox_check_sct(const struct logbox *b, uint64_t number, size_t size,
                      const struct tm_buf *sct, uint64_t index)
{
    struct tm_err e = {0};
    struct tm_sct s;
    struct ca_log_entry entry = logbox_entry(number, size);
    struct tm_checkpoint c = logbox_checkpoint(b);
    struct ca_log_dir d = {.path = b->dir, .size = c.size};
    struct ca_log_tiles t = ca_log_dir_tiles(&d);
    struct tm_buf tile = {0};
    struct tm_entry n;
    struct ca_log_proof proof;
    struct tm_merkle_hash leaf;
    uint64_t in_sct = 0;
    must(tm_sct_parse(sct->data, sct->len, &s, &e) == 0, "%s", e.text);
    must(tm_sct_verify(&s, &entry.signed_entry, b->key, FAR_FUTURE, 0, &e) == 0, "%s", e.text);
    must(tm_sct_leaf_index_get(&s, &in_sct, &e) == 1 && in_sct == index, "index %s", e.text);
    must(index < c.size, "entry %llu is beyond the checkpoint of %llu", (unsigned long long)index,
         (unsigned long long)c.size);
    take_entry(&d, index, &tile, &n);
    must(n.timestamp_ms == s.timestamp_ms && n.logged.cert_len == size &&
             memcmp(n.logged.cert, entry.signed_entry.cert, size) == 0 && n.precert_len == size &&
             n.chain_len == 64,
         "entry %llu is another", (unsigned long long)index);
    tm_entry_leaf_hash(&n, &leaf);
    must(ca_log_tree_inclusion(&t, index, c.size, &proof, &e) == 0, "%s", e.text);
    must(tm_merkle_check_inclusion(index, c.size, &leaf, proof.hash, proof.count, &c.root, &e) == 0,
         "%s", e.text);
    tm_buf_free(&tile);
}
