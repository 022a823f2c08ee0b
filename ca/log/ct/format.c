#include "ca/log/ct/format.h"

#include "ca/log/ct/leaf.h"
#include "common/transparency/digsig.h"
#include "common/transparency/entry.h"

/* UINT64_MAX: it has none. */
static uint64_t leaf_index(const struct tm_entry *n)
{
    struct tm_sct s = {.extensions = n->extensions, .extensions_len = n->extensions_len};
    uint64_t index = 0;
    return tm_sct_leaf_index_get(&s, &index, NULL) == 1 ? index : UINT64_MAX;
}

static int take(struct tm_bytes *tile, uint64_t index, struct ca_log_leaf *out, struct tm_err *e)
{
    struct tm_entry n;
    if (tm_entry_take_tile_leaf(tile, &n, e) != 1 || leaf_index(&n) != index)
        return -1;
    tm_entry_leaf_hash(&n, &out->hash);
    out->timestamp_ms = n.timestamp_ms;
    return 0;
}

static int note_key(struct tm_note_key *out, const char *origin, EVP_PKEY *key, struct tm_err *e)
{
    return tm_note_key_init(out, origin, NOTE_RFC6962, key, e);
}

static int log_id(unsigned char id[32], const char *origin, EVP_PKEY *key, struct tm_err *e)
{
    (void)origin;
    return tm_digsig_log_id(key, id, e);
}

const struct ca_log_format ca_log_format_ct = {.kind = "tenmint log 1",
                                               .tile_level = TILE_LEVEL_DATA,
                                               .entry_max = LOG_ENTRY_MAX,
                                               .check_key = tm_digsig_check_key,
                                               .parse_key = tm_digsig_key_parse,
                                               .note_key = note_key,
                                               .log_id = log_id,
                                               .seal = ca_leaf_draft_seal,
                                               .hash = ca_leaf_draft_hash,
                                               .take = take};
