/* The log's journal: first the bytes as they are, then with the checksums made good, since no
 * mutation finds one. Groups come in order, whole, and with the torn rest they are the file. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "ca/log/engine/journal.h"
#include "common/bytes.h"
#include "common/transparency/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_HEAD 56
#define NONCE_AT 16
#define SUM 16

struct seen {
    uint64_t next;
    size_t bytes; /* of the head and the groups */
};

static int begin(void *ctx, uint64_t base, struct tm_err *e)
{
    struct seen *s = ctx;
    (void)e;
    if (base % 256 != 0)
        abort();
    *s = (struct seen){.next = base, .bytes = FILE_HEAD};
    return 0;
}

static int group(void *ctx, uint64_t first, uint32_t count, const unsigned char *data, size_t len,
                 struct tm_err *e)
{
    struct seen *s = ctx;
    struct tm_bytes in = bytes_of(data, len);
    struct tm_entry n;
    if (first != s->next || count == 0)
        abort();
    s->next += count;
    s->bytes += JOURNAL_GROUP_HEAD + len;
    for (uint32_t i = 0; i < count; i++)
        if (tm_entry_take_tile_leaf(&in, &n, e) != 1)
            return -1;
    return 0;
}

static void try_parse(const uint8_t *data, size_t size)
{
    struct seen s = {0};
    struct ca_journal_reader to = {.ctx = &s, .begin = begin, .group = group};
    struct tm_err e;
    size_t torn = 0;
    if (ca_journal_parse(data, size, &to, &torn, &e) == 0 && s.bytes + torn != size)
        abort();
}

static void seal(uint8_t *file, size_t from, size_t head, size_t payload)
{
    unsigned char sum[32];
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    if (c == NULL || EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(c, file + NONCE_AT, 16) != 1 ||
        EVP_DigestUpdate(c, file + from, head - SUM) != 1 ||
        EVP_DigestUpdate(c, file + from + head, payload) != 1 ||
        EVP_DigestFinal_ex(c, sum, NULL) != 1)
        abort();
    EVP_MD_CTX_free(c);
    memcpy(file + from + head - SUM, sum, SUM);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_parse(data, size);
    if (size < FILE_HEAD)
        return 0;
    uint8_t *file = malloc(size);
    if (file == NULL)
        return 0;
    memcpy(file, data, size);
    seal(file, 0, FILE_HEAD, 0);
    for (size_t at = FILE_HEAD; size - at >= JOURNAL_GROUP_HEAD;) {
        struct tm_bytes len = bytes_of(file + at + 16, 4);
        size_t payload = (size_t)tm_bytes_be(&len, 4);
        if (payload > size - at - JOURNAL_GROUP_HEAD)
            break;
        seal(file, at, JOURNAL_GROUP_HEAD, payload);
        at += JOURNAL_GROUP_HEAD + payload;
    }
    try_parse(file, size);
    free(file);
    return 0;
}
