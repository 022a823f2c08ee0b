/* Answers of the RFC 6962 read API. The first byte chooses which. */
#include <stdlib.h>

#include "ca/log/monitor/rfc6962.h"
#include "common/transparency/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_sth(const char *json, size_t len)
{
    static const unsigned char key_id[4] = {1, 2, 3, 4};
    struct tm_buf text = {0};
    struct tm_note n;
    struct tm_checkpoint cp;
    struct tm_err e;
    if (ca_rfc6962_sth(json, len, "example.com/log", key_id, &text, &e) == 0) {
        if (tm_note_parse(text.data, text.len, &n, &e) != 0 ||
            tm_checkpoint_parse(&n, &cp, &e) != 0)
            abort();
        tm_note_free(&n);
    }
    tm_buf_free(&text);
}

static void try_entries(const char *json, size_t len)
{
    struct ca_log_batch b = {0};
    struct tm_err e;
    if (ca_rfc6962_entries(json, len, 5, 9, &b, &e) == 0 && (b.count == 0 || b.count > 5))
        abort();
    ca_log_batch_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_merkle_hash proof[MERKLE_PROOF_MAX];
    struct tm_frontier f;
    struct tm_err e;
    size_t count = 0;
    if (size == 0)
        return 0;
    const char *json = (const char *)data + 1;
    size--;
    if (data[0] == 's')
        try_sth(json, size);
    else if (data[0] == 'e')
        try_entries(json, size);
    else if (data[0] == 'c')
        (void)ca_rfc6962_consistency(json, size, proof, &count, &e);
    else
        (void)ca_rfc6962_frontier(json, size, 1 + data[0] % 16, &f, &e);
    return 0;
}
