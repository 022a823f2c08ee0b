/*
 * OpenSSL's one-shot SHA-256 interface: its EVP successor allocates for each hash and can fail for
 * want of memory, and a tree is millions of hashes of 65 bytes.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "common/transparency/merkle.h"

#include <inttypes.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <string.h>

void tm_merkle_leaf(const void *data, size_t len, struct tm_merkle_hash *out)
{
    tm_merkle_leaf_parts(data, len, NULL, 0, out);
}

void tm_merkle_leaf_parts(const void *head, size_t head_len, const void *rest, size_t rest_len,
                          struct tm_merkle_hash *out)
{
    static const unsigned char prefix = 0x00;
    SHA256_CTX c;
    SHA256_Init(&c);
    SHA256_Update(&c, &prefix, 1);
    SHA256_Update(&c, head, head_len);
    SHA256_Update(&c, rest, rest_len);
    SHA256_Final(out->b, &c);
}

void tm_merkle_node(const struct tm_merkle_hash *left, const struct tm_merkle_hash *right,
                    struct tm_merkle_hash *out)
{
    static const unsigned char prefix = 0x01;
    SHA256_CTX c;
    SHA256_Init(&c);
    SHA256_Update(&c, &prefix, 1);
    SHA256_Update(&c, left->b, MERKLE_HASH);
    SHA256_Update(&c, right->b, MERKLE_HASH);
    SHA256_Final(out->b, &c);
}

void tm_merkle_empty(struct tm_merkle_hash *out)
{
    SHA256_CTX c;
    SHA256_Init(&c);
    SHA256_Final(out->b, &c);
}

bool tm_merkle_equal(const struct tm_merkle_hash *a, const struct tm_merkle_hash *b)
{
    return memcmp(a->b, b->b, MERKLE_HASH) == 0;
}

int tm_merkle_check_inclusion(uint64_t index, uint64_t size, const struct tm_merkle_hash *leaf,
                              const struct tm_merkle_hash *proof, size_t count,
                              const struct tm_merkle_hash *root, struct tm_err *e)
{
    if (index >= size)
        return tm_err_set(e, "inclusion proof: entry %" PRIu64 " is not in a tree of %" PRIu64,
                          index, size);
    uint64_t fn = index;
    uint64_t sn = size - 1;
    struct tm_merkle_hash r = *leaf;
    for (size_t i = 0; i < count; i++) {
        if (sn == 0)
            return tm_err_set(e, "inclusion proof: %zu hashes are too many", count);
        if ((fn & 1) != 0 || fn == sn) {
            tm_merkle_node(&proof[i], &r, &r);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            tm_merkle_node(&r, &proof[i], &r);
        }
        fn >>= 1;
        sn >>= 1;
    }
    if (sn != 0)
        return tm_err_set(e, "inclusion proof: %zu hashes are too few", count);
    return tm_merkle_equal(&r, root)
               ? 0
               : tm_err_set(e,
                            "inclusion proof: it leads to another root hash for entry %" PRIu64
                            " of %" PRIu64,
                            index, size);
}

/* Folds one proof hash into both roots; false when the path has ended already. */
static bool fold(const struct tm_merkle_hash *c, uint64_t *fn, uint64_t *sn,
                 struct tm_merkle_hash *fr, struct tm_merkle_hash *sr)
{
    if (*sn == 0)
        return false;
    if ((*fn & 1) != 0 || *fn == *sn) {
        tm_merkle_node(c, fr, fr);
        tm_merkle_node(c, sr, sr);
        while ((*fn & 1) == 0 && *fn != 0) {
            *fn >>= 1;
            *sn >>= 1;
        }
    } else {
        tm_merkle_node(sr, c, sr);
    }
    *fn >>= 1;
    *sn >>= 1;
    return true;
}

/* The cases that RFC 9162 §2.1.4.2 leaves to the caller: nothing to prove. */
static int check_trivial(uint64_t old_size, const struct tm_merkle_hash *old_root,
                         const struct tm_merkle_hash *new_root, size_t count, bool same,
                         struct tm_err *e)
{
    struct tm_merkle_hash empty;
    tm_merkle_empty(&empty);
    if (count != 0)
        return tm_err_set(e, "consistency proof: %zu hashes where none belongs", count);
    if (old_size == 0 && !tm_merkle_equal(old_root, &empty))
        return tm_err_set(e, "consistency proof: the empty tree has another root hash");
    if (same && !tm_merkle_equal(old_root, new_root))
        return tm_err_set(e, "two root hashes for the tree of %" PRIu64 ": the log has forked",
                          old_size);
    return 0;
}

int tm_merkle_check_consistency(uint64_t old_size, const struct tm_merkle_hash *old_root,
                                uint64_t new_size, const struct tm_merkle_hash *new_root,
                                const struct tm_merkle_hash *proof, size_t count, struct tm_err *e)
{
    if (old_size > new_size)
        return tm_err_set(e, "consistency proof: the tree shrank from %" PRIu64 " to %" PRIu64,
                          old_size, new_size);
    if (old_size == 0 || old_size == new_size)
        return check_trivial(old_size, old_root, new_root, count, old_size == new_size, e);
    bool whole = (old_size & (old_size - 1)) == 0; /* the old root is itself the first hash */
    if (!whole && count == 0)
        return tm_err_set(e, "consistency proof: it is empty");
    uint64_t fn = old_size - 1;
    uint64_t sn = new_size - 1;
    while ((fn & 1) != 0) {
        fn >>= 1;
        sn >>= 1;
    }
    struct tm_merkle_hash fr = whole ? *old_root : proof[0];
    struct tm_merkle_hash sr = fr;
    for (size_t i = whole ? 0 : 1; i < count; i++) {
        if (!fold(&proof[i], &fn, &sn, &fr, &sr))
            return tm_err_set(e, "consistency proof: %zu hashes are too many", count);
    }
    if (sn != 0)
        return tm_err_set(e, "consistency proof: %zu hashes are too few", count);
    if (!tm_merkle_equal(&fr, old_root) || !tm_merkle_equal(&sr, new_root))
        return tm_err_set(e, "the tree of %" PRIu64 " does not extend the tree of %" PRIu64,
                          new_size, old_size);
    return 0;
}
