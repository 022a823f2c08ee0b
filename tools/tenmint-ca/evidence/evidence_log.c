/* Each certificate's entry of the log of certificates, with its inclusion proof: a line each, in
 * the order of the records.
 *
 *   {"index":7,"leaf":"base64 of the TileLeaf","proof":["base64 of a hash",…]}
 */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "ca/log/engine/reader.h"
#include "ca/log/monitor/certificate.h"
#include "ca/log/monitor/head.h"
#include "common/b64.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/hex.h"
#include "common/json/jsonmap.h"
#include "tools/tenmint-ca/evidence/evidence.h"

#define CHECKPOINT "log/checkpoint"
#define ENTRIES "log/entries.jsonl"
#define LINE_BYTES_MAX ((size_t)1 << 20)

/* "ID/INDEX ID/INDEX": the index of the log with this id. False: the record names none of it. */
static bool find_entry(const struct ca_audit_record *r, const char *id, uint64_t *index)
{
    size_t len = strlen(id);
    if (strcmp(r->kind, ca_audit_kinds[AUDIT_ISSUED].name) != 0)
        return false;
    for (const char *p = ca_audit_text(&r->event, AUDIT_FIELD_entry); (p = strstr(p, id)) != NULL;
         p += len) {
        if (p[len] == '/' && p[len + 1] >= '0' && p[len + 1] <= '9') {
            *index = strtoull(p + len + 1, NULL, 10);
            return true;
        }
    }
    return false;
}

/* ---- writing ---- */

struct evidence_log {
    struct ca_log_dir at;
    struct ca_log_tiles tiles;
    char *directory;
    char id[2 * 32 + 1];
    struct tm_file_stream to;
    struct tm_buf tile; /* the one that was read last */
    uint64_t tile_at;
    bool has_tile;
    struct tm_buf line;
    uint64_t proofs;
};

static int begin_log(struct evidence_log *l, const char *dir, struct tm_err *e)
{
    struct ca_log_identity identity;
    struct tm_checkpoint tree;
    struct tm_buf note = {0};
    char path[PATH_MAX];
    if (ca_log_dir_identity(l->directory, &identity, e) != 0 ||
        ca_log_dir_checkpoint(l->directory, &note, &tree, e) != 0) {
        tm_buf_free(&note);
        return -1;
    }
    tm_hex_encode(identity.log_id, sizeof(identity.log_id), l->id);
    l->at = (struct ca_log_dir){.path = l->directory, .size = tree.size};
    l->tiles = ca_log_dir_tiles(&l->at);
    int rc = tm_file_join(dir, CHECKPOINT, path, sizeof(path), e);
    if (rc == 0)
        rc = tm_file_write_passing(path, 0644, note.data, note.len, e);
    tm_buf_free(&note);
    if (rc == 0)
        rc = tm_file_join(dir, ENTRIES, path, sizeof(path), e);
    return rc == 0 ? tm_file_stream_open(&l->to, path, 0644, e) : -1;
}

struct evidence_log *evidence_log_new(const char *directory, const char *dir, struct tm_err *e)
{
    struct evidence_log *l = calloc(1, sizeof(*l));
    if (l == NULL || (l->directory = strdup(directory)) == NULL) {
        free(l);
        return tm_err_null(e, "out of memory");
    }
    if (begin_log(l, dir, e) == 0)
        return l;
    evidence_log_free(l);
    return NULL;
}

void evidence_log_free(struct evidence_log *l)
{
    if (l == NULL)
        return;
    tm_file_stream_abort(&l->to);
    tm_buf_free(&l->tile);
    tm_buf_free(&l->line);
    free(l->directory);
    free(l);
}

/* The bytes of an entry as they lie in its tile. */
static int find_leaf(struct evidence_log *l, uint64_t index, struct tm_bytes *out, struct tm_err *e)
{
    uint64_t n = index / TILE_WIDTH;
    if (!l->has_tile || l->tile_at != n) {
        uint64_t left = l->at.size - n * TILE_WIDTH;
        tm_buf_reset(&l->tile);
        l->has_tile =
            l->tiles.data(l->tiles.ctx, n, left < TILE_WIDTH ? (unsigned)left : TILE_WIDTH,
                          &l->tile, e) == 0;
        l->tile_at = n;
    }
    struct tm_bytes in = bytes_of(l->tile.data, l->tile.len);
    for (uint64_t i = 0; l->has_tile && i <= index % TILE_WIDTH; i++) {
        struct tm_entry entry;
        const unsigned char *start = in.p;
        if (tm_entry_take_tile_leaf(&in, &entry, e) != 1)
            return tm_err_wrap(e, "entry %" PRIu64 " of the log", index);
        *out = bytes_of(start, (size_t)(in.p - start));
    }
    return l->has_tile ? 0 : -1;
}

static int write_proof(struct evidence_log *l, uint64_t index, struct tm_err *e)
{
    struct ca_log_proof proof;
    struct tm_bytes leaf = {0};
    if (find_leaf(l, index, &leaf, e) != 0 ||
        ca_log_tree_inclusion(&l->tiles, index, l->at.size, &proof, e) != 0)
        return -1;
    tm_buf_printf(&l->line, "{\"index\":%" PRIu64 ",\"leaf\":\"", index);
    tm_b64_encode(B64_STD, leaf.p, leaf.left, &l->line);
    tm_buf_puts(&l->line, "\",\"proof\":[");
    for (size_t i = 0; i < proof.count; i++) {
        tm_buf_puts(&l->line, i > 0 ? ",\"" : "\"");
        tm_b64_encode(B64_STD, proof.hash[i].b, MERKLE_HASH, &l->line);
        buf_putc(&l->line, '"');
    }
    tm_buf_puts(&l->line, "]}\n");
    int rc = buf_failed(&l->line) ? tm_err_set(e, "out of memory")
                                  : tm_file_stream_write(&l->to, l->line.data, l->line.len, e);
    tm_buf_reset(&l->line);
    l->proofs++;
    return rc;
}

int evidence_log_add(struct evidence_log *l, const struct ca_audit_record *r, struct tm_err *e)
{
    uint64_t index = 0;
    if (!find_entry(r, l->id, &index))
        return 0;
    return index < l->at.size
               ? write_proof(l, index, e)
               : tm_err_set(e, "entry %" PRIu64 " is beyond the log's checkpoint", index);
}

int evidence_log_end(struct evidence_log *l, struct tm_err *e)
{
    return tm_file_stream_commit(&l->to, e);
}

uint64_t evidence_log_proofs(const struct evidence_log *l)
{
    return l->proofs;
}

/* ---- checking ---- */

struct evidence_proofs {
    struct ca_head_trust trust;
    struct ca_head head;
    char id[2 * 32 + 1];
    FILE *from;
    char *text;
    size_t room;
    uint64_t count;
};

struct hash { /* of a proof */
    struct tm_buf bytes;
};
struct owned { /* a line, as jsonmap fills it */
    int64_t index;
    struct tm_buf leaf;
    struct tm_jsonmap_list proof; /* of struct hash */
};

static const struct tm_jsonmap_member hash_row =
    JSONMAP_ROW(struct hash, "hash", bytes, BASE64, .min = MERKLE_HASH, .max = MERKLE_HASH);
static const struct tm_jsonmap_member members[] = {
    JSONMAP_NEED(struct owned, "index", index, INTEGER, .max = INT64_MAX),
    JSONMAP_NEED(struct owned, "leaf", leaf, BASE64, .min = 1, .max = 256 * 1024),
    JSONMAP_NEED(struct owned, "proof", proof, LIST, .max = MERKLE_PROOF_MAX, .each = &hash_row,
                 .size = sizeof(struct hash)),
    {0}};
static const struct tm_jsonmap map = {
    .members = members, .size = sizeof(struct owned), .unknown = JSONMAP_REFUSE};

static int open_proofs(struct evidence_proofs *p, const char *dir, const char *key,
                       struct tm_err *e)
{
    char path[PATH_MAX];
    unsigned char digest[32];
    unsigned char *der = NULL;
    struct tm_buf note = {0};
    if (ca_head_trust_log_key(&p->trust, key, e) != 0 ||
        tm_file_join(dir, CHECKPOINT, path, sizeof(path), e) != 0 ||
        tm_file_read(path, NOTE_BYTES_MAX, &note, e) != 0) {
        tm_buf_free(&note);
        return -1;
    }
    int rc = ca_head_read(&p->trust, note.data, note.len, tm_clock_wall_ms(), &p->head, e);
    tm_buf_free(&note);
    int len = rc == 0 ? i2d_PUBKEY(p->trust.log_key, &der) : -1; /* RFC 6962 §3.2: the log's id */
    if (len <= 0 || EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL) != 1)
        rc = rc == 0 ? tm_err_openssl(e, "the log's id") : -1;
    OPENSSL_free(der);
    if (rc != 0)
        return tm_err_wrap(e, "'%s'", path);
    tm_hex_encode(digest, sizeof(digest), p->id);
    if (tm_file_join(dir, ENTRIES, path, sizeof(path), e) != 0)
        return -1;
    p->from = fopen(path, "re");
    return p->from != NULL ? 0 : tm_err_errno(e, "open '%s'", path);
}

struct evidence_proofs *evidence_proofs_open(const char *dir, const char *key, struct tm_err *e)
{
    struct evidence_proofs *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return tm_err_null(e, "out of memory");
    if (open_proofs(p, dir, key, e) == 0)
        return p;
    evidence_proofs_free(p);
    return NULL;
}

void evidence_proofs_free(struct evidence_proofs *p)
{
    if (p == NULL)
        return;
    if (p->from != NULL)
        (void)fclose(p->from);
    ca_head_free(&p->head);
    ca_head_trust_free(&p->trust);
    free(p->text);
    free(p);
}

/* The entry is in the tree, and of the certificate with this serial number. */
static int check_line(const struct evidence_proofs *p, const struct owned *o, const char *serial,
                      struct tm_err *e)
{
    struct tm_merkle_hash proof[MERKLE_PROOF_MAX];
    struct tm_merkle_hash leaf;
    struct tm_bytes in = bytes_of(o->leaf.data, o->leaf.len);
    struct tm_entry entry;
    struct ca_certificate cert;
    char is[2 * 64 + 1];
    if (tm_entry_take_tile_leaf(&in, &entry, e) != 1 || !tm_bytes_end(&in))
        return tm_err_set(e, "its entry cannot be read");
    for (size_t i = 0; i < o->proof.count; i++)
        memcpy(proof[i].b, ((const struct hash *)o->proof.item)[i].bytes.data, MERKLE_HASH);
    tm_entry_leaf_hash(&entry, &leaf);
    if (tm_merkle_check_inclusion((uint64_t)o->index, p->head.tree.size, &leaf, proof,
                                  o->proof.count, &p->head.tree.root, e) != 0 ||
        ca_certificate_read(&entry.logged, &cert, e) != 0)
        return -1;
    if (cert.serial.len > 64)
        return tm_err_set(e, "its entry's serial number is too long");
    tm_hex_encode(cert.serial.p, cert.serial.len, is);
    while (*serial == '0' && strlen(serial) > strlen(is))
        serial++;
    return strcmp(is, serial) == 0 ? 0 : tm_err_set(e, "its entry is of the certificate %s", is);
}

int evidence_proofs_check(struct evidence_proofs *p, const struct ca_audit_record *r,
                          struct tm_err *e)
{
    uint64_t index = 0;
    struct owned o = {0};
    if (!find_entry(r, p->id, &index))
        return 0;
    const char *serial = ca_audit_text(&r->event, AUDIT_FIELD_serial);
    ssize_t len = getline(&p->text, &p->room, p->from);
    if (len > 0 && p->text[len - 1] == '\n')
        len--;
    int rc = len > 0 ? tm_jsonmap_parse(p->text, (size_t)len, LINE_BYTES_MAX, &map, NULL, &o, e)
                     : tm_err_set(e, "it has no proof");
    if (rc == 0 && (uint64_t)o.index != index)
        rc = tm_err_set(e, "its proof is of entry %" PRId64, o.index);
    if (rc == 0)
        rc = check_line(p, &o, serial, e);
    tm_jsonmap_free(&map, &o);
    p->count++;
    return rc == 0 ? 0 : tm_err_wrap(e, "certificate %.64s, record %" PRIu64, serial, r->seq);
}

int evidence_proofs_end(struct evidence_proofs *p, struct tm_err *e)
{
    return getline(&p->text, &p->room, p->from) < 0
               ? 0
               : tm_err_set(e, "'" ENTRIES "' has entries that no record names");
}

uint64_t evidence_proofs_count(const struct evidence_proofs *p)
{
    return p->count;
}
