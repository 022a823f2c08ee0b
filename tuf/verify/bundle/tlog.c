#include "tuf/verify/bundle/tlog.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/b64.h"
#include "common/clock.h"
#include "common/hex.h"
#include "tuf/verify/bundle/artifact_signature.h"

#define LOG_ID_MIN 4 /* bytes: a note's key id */

/* Rekor v2 writes its key id in full or as the four bytes that a checkpoint has. */
static bool same_log(const struct tuf_trust_entry *t, const struct tuf_log_entry *entry)
{
    const struct tm_buf *a = &t->log_id;
    const struct tm_buf *b = &entry->log_id;
    size_t n = a->len < b->len ? a->len : b->len;
    return n >= LOG_ID_MIN && (a->len == b->len || n == LOG_ID_MIN) &&
           memcmp(a->data, b->data, n) == 0;
}

static const struct tuf_trust_entry *find_log(const struct tuf_trusted_root *root,
                                              const struct tuf_log_entry *entry, struct tm_err *e)
{
    const struct tuf_trust_entry *t;
    for (size_t i = 0; (t = tuf_trusted_root_entry(root, TRUST_TLOG, i)) != NULL; i++) {
        if (!same_log(t, entry))
            continue;
        if (t->key != NULL)
            return t;
        return tm_err_null(e, "the log '%.100s' has a key that cannot be used here", t->uri);
    }
    char id[2 * LOG_ID_MIN + 1];
    size_t n = entry->log_id.len < LOG_ID_MIN ? entry->log_id.len : LOG_ID_MIN;
    tm_hex_encode(entry->log_id.data, n, id);
    return tm_err_null(e, "it is by log %s…, which the trusted root does not have", id);
}

/* --- signed entry timestamp (Rekor v1) --- */

/* Canonical JSON (RFC 8785) of body, integratedTime, logID and logIndex. */
static void promised(const struct tuf_log_entry *entry, struct tm_buf *out)
{
    tm_buf_puts(out, "{\"body\":\"");
    tm_b64_encode(B64_STD, entry->body.data, entry->body.len, out);
    tm_buf_printf(out, "\",\"integratedTime\":%" PRId64 ",\"logID\":\"", entry->integrated_time);
    for (size_t i = 0; i < entry->log_id.len; i++)
        tm_buf_printf(out, "%02x", entry->log_id.data[i]);
    tm_buf_printf(out, "\",\"logIndex\":%" PRId64 "}", entry->log_index);
}

static int verify_promise(const struct tuf_trust_entry *log, const struct tuf_log_entry *entry,
                          struct tm_err *e)
{
    struct tm_buf text = {0};
    struct tuf_artifact a = {0};
    promised(entry, &text);
    int rc = buf_failed(&text) ? tm_err_set(e, "out of memory")
                               : tuf_artifact_from_bytes(text.data, text.len, &a, e);
    if (rc == 0)
        rc =
            tuf_artifact_signature_verify(log->key, &a, entry->promise.data, entry->promise.len, e);
    tuf_artifact_free(&a);
    tm_buf_free(&text);
    return rc == 0 ? 0 : tm_err_wrap(e, "the signed entry timestamp by '%.100s'", log->uri);
}

static int check_promise(const struct tuf_trust_entry *log, const struct tuf_log_entry *entry,
                         struct tuf_tlog_proof *proof, struct tm_err *e)
{
    char when[VALIDITY_TEXT_MAX];
    char stated[21];
    if (entry->promise.len == 0)
        return 0;
    if (entry->integrated_time <= 0 || entry->integrated_time > INT64_MAX / 1000)
        return tm_err_set(e, "the signed entry timestamp states no time");
    if (verify_promise(log, entry, e) != 0)
        return -1;
    proof->has_time = true;
    proof->time_ms = entry->integrated_time * 1000;
    tm_clock_format(entry->integrated_time, stated);
    if (tuf_validity_at(&log->valid, proof->time_ms) != VALIDITY_INSIDE)
        return tm_err_set(e, "it came at %s, but the trusted root trusts the log '%.100s' %s",
                          stated, log->uri, tuf_validity_text(&log->valid, when));
    return 0;
}

/* --- inclusion proof and checkpoint --- */

/* Rekor v1's name is what its operator once configured, Rekor v2's its host's; an id that hashes
 * the key alone says nothing of it, so the key is asked for under the name that signed. */
static bool id_is_of_key(const struct tuf_trust_entry *log)
{
    unsigned char id[32];
    return log->log_id.len >= LOG_ID_MIN && log->log_id.len <= sizeof(id) &&
           EVP_Digest(log->key_bytes.data, log->key_bytes.len, id, NULL, EVP_sha256(), NULL) == 1 &&
           memcmp(id, log->log_id.data, log->log_id.len) == 0;
}

static const struct tm_note_signature *signature_by_id(const struct tm_note *n,
                                                       const unsigned char id[4])
{
    for (size_t i = 0; i < n->count; i++) {
        if (memcmp(n->signature[i].id, id, 4) == 0)
            return &n->signature[i];
    }
    return NULL;
}

static int verify_by_key(const struct tuf_trust_entry *log, const struct tm_note *n,
                         const struct tm_note_signature *s, struct tm_err *e)
{
    struct tm_note_key key = {
        .type = EVP_PKEY_is_a(log->key, "ED25519") ? NOTE_ED25519 : NOTE_ECDSA, .key = log->key};
    if (s->name_len >= sizeof(key.name))
        return tm_err_set(e, "the name of its signature is too long");
    memcpy(key.id, s->id, sizeof(key.id));
    memcpy(key.name, s->name, s->name_len);
    key.name[s->name_len] = '\0';
    return tm_note_verify(n, &key, NULL, e);
}

/* The log's address without scheme, and without port or path. */
static bool is_address_of(const struct tuf_trust_entry *log, const char *name)
{
    const char *at = strstr(log->uri, "://");
    const char *rest = at != NULL ? at + 3 : log->uri;
    size_t len = strlen(rest);
    size_t host = strcspn(rest, ":/");
    while (len > 0 && rest[len - 1] == '/')
        len--;
    return (strlen(name) == len && strncmp(name, rest, len) == 0) ||
           (strlen(name) == host && strncmp(name, rest, host) == 0);
}

/* A log's name in notes is in its id, together with the key: the checkpoint's own origin must give
 * the id, or be the log's address. Rekor v1 adds " - " and a tree's number. */
static int verify_by_name(const struct tuf_trust_entry *log, const struct tm_note *n,
                          const char *origin, struct tm_err *e)
{
    struct tm_note_key key;
    char name[256];
    enum tm_note_type type = EVP_PKEY_is_a(log->key, "ED25519") ? NOTE_ED25519 : NOTE_ECDSA;
    const char *tree = strstr(origin, " - ");
    snprintf(name, sizeof(name), "%.*s", (int)(tree != NULL ? tree - origin : 255), origin);
    if (tm_note_key_init(&key, name, type, log->key, e) != 0)
        return -1;
    bool by_id =
        log->log_id.len >= LOG_ID_MIN && memcmp(key.id, log->log_id.data, sizeof(key.id)) == 0;
    if (!by_id && !is_address_of(log, name))
        return tm_err_set(e, "its origin '%.80s' is not the log '%.80s'", origin, log->uri);
    return tm_note_verify(n, &key, NULL, e);
}

static int check_note(const struct tuf_trust_entry *log, const struct tm_note *n,
                      struct tm_checkpoint *c, struct tm_err *e)
{
    if (tm_checkpoint_parse(n, c, e) != 0)
        return -1;
    const struct tm_note_signature *s =
        id_is_of_key(log) ? signature_by_id(n, log->log_id.data) : NULL;
    return s != NULL ? verify_by_key(log, n, s, e) : verify_by_name(log, n, c->origin, e);
}

int tuf_tlog_check_checkpoint(const struct tuf_trust_entry *log, const void *note, size_t len,
                              struct tm_checkpoint *c, struct tm_err *e)
{
    struct tm_note n;
    if (tm_note_parse(note, len, &n, e) != 0)
        return tm_err_wrap(e, "the checkpoint");
    int rc = check_note(log, &n, c, e);
    tm_note_free(&n);
    return rc == 0 ? 0 : tm_err_wrap(e, "the checkpoint");
}

static int check_proof(const struct tuf_trust_entry *log, const struct tuf_log_entry *entry,
                       struct tm_err *e)
{
    struct tm_checkpoint c;
    struct tm_merkle_hash leaf;
    if (!entry->has_proof)
        return 0;
    if (tuf_tlog_check_checkpoint(log, entry->checkpoint, strlen(entry->checkpoint), &c, e) != 0)
        return -1;
    if (c.size != (uint64_t)entry->tree_size || !tm_merkle_equal(&c.root, &entry->root))
        return tm_err_set(e, "the inclusion proof is for another tree than the checkpoint's");
    tm_merkle_leaf(entry->body.data, entry->body.len, &leaf);
    return tm_merkle_check_inclusion((uint64_t)entry->proof_index, c.size, &leaf,
                                     entry->hashes.item, entry->hashes.count, &c.root, e) == 0
               ? 0
               : tm_err_wrap(e, "the inclusion proof");
}

int tuf_tlog_check_logged(const struct tuf_trusted_root *root, const struct tuf_log_entry *entry,
                          struct tuf_tlog_proof *proof, struct tm_err *e)
{
    *proof = (struct tuf_tlog_proof){0};
    proof->log = find_log(root, entry, e);
    if (proof->log == NULL)
        return -1;
    if (entry->promise.len == 0 && !entry->has_proof)
        return tm_err_set(e, "it has neither a signed entry timestamp nor an inclusion proof");
    return check_promise(proof->log, entry, proof, e) == 0 ? check_proof(proof->log, entry, e) : -1;
}
