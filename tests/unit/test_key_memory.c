/* What of a private key, its password and its file can be found in this process's memory. */
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rsa.h>
#include <openssl/ec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "common/key/key.h"
#include "common/secret.h"
#include "tests/support/cmocka_all.h"

#define MASK 0xa5 /* what is looked for is never whole in memory but where it should not be */

struct wanted {               /* shared with the process that made the key */
    unsigned char number[32]; /* big-endian, masked */
    char file[64], password_file[64], password[32];
};

static void mask(unsigned char *to, const unsigned char *from, size_t n, bool backwards)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from[backwards ? n - 1 - i : i] ^ MASK;
}

/* In another process, so that no copy is left in ours. */
static void make_key(struct wanted *w, const char *type)
{
    struct tm_err e = {0};
    snprintf(w->file, sizeof(w->file), "/tmp/keymem.%d.pem", (int)getpid());
    snprintf(w->password_file, sizeof(w->password_file), "/tmp/keymem.%d.pw", (int)getpid());
    pid_t pid = fork();
    if (pid == 0) {
        unsigned char random[12], raw[32];
        BIGNUM *n = NULL;
        EVP_PKEY *key = strcmp(type, "ED25519") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, type)
                        : strcmp(type, "RSA") == 0   ? EVP_RSA_gen(2048)
                                                     : EVP_EC_gen("P-256");
        char *p = w->password;
        FILE *f = fopen("/dev/urandom", "r");
        if (key == NULL || f == NULL || fread(random, 1, sizeof(random), f) != sizeof(random))
            _exit(1);
        for (size_t i = 0; i < sizeof(random); i++)
            p += sprintf(p, "%02x", random[i]);
        size_t len = sizeof(raw);
        if (strcmp(type, "ED25519") == 0) {
            if (EVP_PKEY_get_raw_private_key(key, raw, &len) != 1)
                _exit(1);
        } else {
            const char *name = strcmp(type, "RSA") == 0 ? "d" : "priv";
            unsigned char all[256];
            if (EVP_PKEY_get_bn_param(key, name, &n) != 1)
                _exit(1);
            BN_bn2binpad(n, all, sizeof(all));
            memcpy(raw, all + sizeof(all) - 64, 32); /* of RSA: some of it */
            if (strcmp(type, "RSA") != 0)
                memcpy(raw, all + sizeof(all) - 32, 32);
        }
        mask(w->number, raw, sizeof(raw), false);
        umask(077);
        if (tm_key_write_file(w->file, key, w->password, &e) != 0 ||
            tm_file_create(w->password_file, 0600, w->password, strlen(w->password), &e) != 0)
            _exit(1);
        mask((unsigned char *)w->password, (unsigned char *)w->password, 24, false);
        _exit(0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
}

/* How often it is in writable memory, and whether each place is in the secure heap. */
static size_t count(const unsigned char *masked, size_t n, bool backwards, bool *all_secure)
{
    char line[512];
    size_t found = 0;
    static unsigned char room[1 << 16];
    FILE *maps = fopen("/proc/self/maps", "r");
    int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    assert_non_null(maps);
    assert_true(mem >= 0);
    while (fgets(line, sizeof(line), maps) != NULL) {
        unsigned long lo, hi;
        char perm[8];
        if (sscanf(line, "%lx-%lx %7s", &lo, &hi, perm) != 3 || strncmp(perm, "rw", 2) != 0 ||
            hi - lo > (1UL << 32))
            continue;
        for (unsigned long at = lo; at < hi; at += sizeof(room) - n + 1) {
            if (at <= (unsigned long)room && (unsigned long)room < at + sizeof(room))
                continue; /* our own window */
            size_t want = hi - at < sizeof(room) ? hi - at : sizeof(room);
            ssize_t got = pread(mem, room, want, (off_t)at);
            for (ssize_t i = 0; i + (ssize_t)n <= got; i++) {
                size_t k = 0;
                while (k < n && (room[i + (ssize_t)k] ^ MASK) == masked[backwards ? n - 1 - k : k])
                    k++;
                if (k < n)
                    continue;
                found++;
                *all_secure =
                    *all_secure && CRYPTO_secure_allocated((void *)(at + (unsigned long)i));
            }
            memset(room, 0, sizeof(room));
        }
    }
    fclose(maps);
    close(mem);
    return found;
}

static void a_key_is_there_once_and_in_the_secure_heap(void **state)
{
    const char *type = *state;
    struct tm_err e = {0};
    struct wanted *w = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    make_key(w, type);
    const struct tm_key_source source = {.file = w->file, .password_file = w->password_file};
    struct tm_key *key = NULL;
    for (int i = 0; i < 5; i++) { /* as reloads do */
        struct tm_key *next = tm_key_open(&source, "key", &e);
        assert_non_null(next);
        tm_key_free(key);
        key = next;
    }
    unsigned char sig[512];
    size_t len = sizeof(sig);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const EVP_MD *md = strcmp(type, "ED25519") == 0 ? NULL : EVP_sha256();
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, md, NULL, tm_key_pkey(key)), 1);
    assert_int_equal(EVP_DigestSign(ctx, sig, &len, (const unsigned char *)"x", 1), 1);
    bool secure = true;
    size_t there = count(w->number, 32, false, &secure) + count(w->number, 32, true, &secure);
    bool any = true;
    assert_int_equal(there, 1);
    assert_true(secure);
    assert_int_equal(count((unsigned char *)w->password, 24, false, &any), 0);
    EVP_MD_CTX_free(ctx);
    tm_key_free(key);
    assert_int_equal(count(w->number, 32, false, &any) + count(w->number, 32, true, &any), 0);
    unlink(w->file);
    unlink(w->password_file);
    munmap(w, 4096);
}

#define OF_TYPE(type) \
    { \
        "a_key_is_there_once_and_in_the_secure_heap: " type, \
            a_key_is_there_once_and_in_the_secure_heap, NULL, NULL, (void *)(uintptr_t)type \
    }

int main(void)
{
    struct tm_err e = {0};
    tm_secret_init();
    if (tm_secret_heap(&e) != 0)
        return 1;
    const struct CMUnitTest tests[] = {OF_TYPE("EC"), OF_TYPE("ED25519"), OF_TYPE("RSA")};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
