#include "ca/log/signatures/format.h"

#include <openssl/sha.h>
#include <string.h>

#include "ca/log/engine/reader.h"
#include "common/transparency/digsig.h"

#define LENGTH 2 /* bytes before an entry */

int ca_sig_draft_init(struct ca_log_draft *d, const struct tm_buf *text, struct tm_err *e)
{
    *d = (struct ca_log_draft){.hashed = text->len};
    if (text->len == 0 || text->len > SIG_ENTRY_MAX)
        return tm_err_set(e, "an entry of %zu bytes; at most %d fit", text->len, SIG_ENTRY_MAX);
    tm_buf_put_be(&d->bytes, text->len, LENGTH);
    tm_buf_append(&d->bytes, text->data, text->len);
    if (!buf_failed(&d->bytes))
        return 0;
    tm_buf_free(&d->bytes);
    return tm_err_set(e, "out of memory");
}

void ca_sig_leaf_hash(const struct tm_buf *text, struct tm_merkle_hash *out)
{
    tm_merkle_leaf(text->data, text->len, out);
}

static void hash(const struct ca_log_draft *d, struct tm_merkle_hash *out)
{
    tm_merkle_leaf((const unsigned char *)d->bytes.data + LENGTH, d->hashed, out);
}

static int take(struct tm_bytes *tile, uint64_t index, struct ca_log_leaf *out, struct tm_err *e)
{
    uint64_t len = tm_bytes_be(tile, LENGTH);
    const unsigned char *text = tm_bytes_take(tile, (size_t)len);
    if (text == NULL || len == 0)
        return tm_err_set(e, "entry %llu is cut short", (unsigned long long)index);
    *out = (struct ca_log_leaf){0};
    tm_merkle_leaf(text, len, &out->hash);
    return 0;
}

/* Old clients know the id of an ECDSA key only, and that without the log's name. */
static enum tm_note_type note_type(const EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "ED25519") ? NOTE_ED25519 : NOTE_ECDSA;
}

static int check_key(const EVP_PKEY *key, struct tm_err *e)
{
    char group[32] = "";
    if (EVP_PKEY_is_a(key, "ED25519") ||
        (EVP_PKEY_is_a(key, "EC") &&
         EVP_PKEY_get_group_name((EVP_PKEY *)key, group, sizeof(group), NULL) == 1 &&
         strcmp(group, "prime256v1") == 0))
        return 0;
    return tm_err_set(e, "a signature log's key is P-256 or Ed25519: clients know no other");
}

static EVP_PKEY *parse_key(const void *data, size_t len, struct tm_err *e)
{
    EVP_PKEY *key = tm_digsig_key_read(data, len, e);
    if (key != NULL && check_key(key, e) == 0)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static int note_key(struct tm_note_key *out, const char *origin, EVP_PKEY *key, struct tm_err *e)
{
    return tm_note_key_init(out, origin, note_type(key), key, e);
}

/* Of an Ed25519 key, all of the hash whose first bytes are the note's key id. */
static int log_id(unsigned char id[32], const char *origin, EVP_PKEY *key, struct tm_err *e)
{
    unsigned char raw[32];
    size_t raw_len = sizeof(raw);
    struct tm_buf named = {0};
    if (note_type(key) == NOTE_ECDSA)
        return tm_digsig_log_id(key, id, e);
    if (EVP_PKEY_get_raw_public_key(key, raw, &raw_len) != 1)
        return tm_err_openssl(e, "the log's id");
    tm_buf_puts(&named, origin);
    tm_buf_puts(&named, "\n\x01");
    tm_buf_append(&named, raw, raw_len);
    if (!buf_failed(&named))
        SHA256(named.data, named.len, id);
    int rc = buf_failed(&named) ? tm_err_set(e, "out of memory") : 0;
    tm_buf_free(&named);
    return rc;
}

const struct ca_log_format ca_log_format_signatures = {.kind = "tenmint signature log 1",
                                                       .tile_level = TILE_LEVEL_ENTRIES,
                                                       .entry_max = LENGTH + SIG_ENTRY_MAX,
                                                       .check_key = check_key,
                                                       .parse_key = parse_key,
                                                       .note_key = note_key,
                                                       .log_id = log_id,
                                                       .hash = hash,
                                                       .take = take};
