#include "ca/log/monitor/head.h"

#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/file.h"
#include "common/transparency/digsig.h"

#define KEY_FILE_MAX ((size_t)64 * 1024)
#define FUTURE_MS ((uint64_t)5 * 60 * 1000) /* clocks that differ */

void ca_head_trust_free(struct ca_head_trust *t)
{
    EVP_PKEY_free(t->log_key);
    free(t->origin);
    for (size_t i = 0; i < t->witnesses; i++)
        EVP_PKEY_free(t->witness[i].key);
    *t = (struct ca_head_trust){0};
}

int ca_head_trust_log_key(struct ca_head_trust *t, const char *key, struct tm_err *e)
{
    struct tm_buf bytes = {0};
    /* A file's name is hardly base64 of a key, which is 120 characters and more. */
    int rc = strlen(key) > 100 && tm_b64_decode(B64_STD, key, strlen(key), &bytes) == 0
                 ? 0
                 : tm_file_read_text(key, KEY_FILE_MAX, &bytes, e);
    if (rc == 0) {
        EVP_PKEY_free(t->log_key);
        t->log_key = tm_digsig_key_read(bytes.data, bytes.len, e);
        rc = t->log_key != NULL && (EVP_PKEY_is_a(t->log_key, "ED25519") ||
                                    tm_digsig_check_key(t->log_key, e) == 0)
                 ? 0
                 : tm_err_wrap(e, "log key '%.100s'", key);
    }
    tm_buf_free(&bytes);
    return rc;
}

static int add_vkey(struct ca_head_trust *t, const char *text, size_t len, struct tm_err *e)
{
    struct tm_note_key k = {0};
    if (t->witnesses == HEAD_WITNESSES_MAX)
        return tm_err_set(e, "more than %d witnesses", HEAD_WITNESSES_MAX);
    if (tm_note_vkey_parse(text, len, &k, e) != 0)
        return -1;
    int rc = k.type == NOTE_COSIGNATURE
                 ? 0
                 : tm_err_set(e, "the verifier key of '%s' is not a witness's (type 4)", k.name);
    for (size_t i = 0; rc == 0 && i < t->witnesses; i++) {
        if (strcmp(t->witness[i].name, k.name) == 0 || EVP_PKEY_eq(t->witness[i].key, k.key) == 1)
            rc = tm_err_set(e, "witness '%s' is given twice", k.name);
    }
    if (rc == 0)
        t->witness[t->witnesses++] = k;
    else
        EVP_PKEY_free(k.key);
    return rc;
}

static int add_vkeys(struct ca_head_trust *t, const char *path, struct tm_err *e)
{
    struct tm_buf text = {0};
    int rc = tm_file_read_text(path, KEY_FILE_MAX, &text, e);
    const char *p = rc == 0 ? tm_buf_str(&text) : NULL;
    for (int line = 1; rc == 0 && p != NULL && *p != '\0'; line++) {
        size_t len = strcspn(p, "\n");
        size_t used = len;
        while (used > 0 && strchr(" \t\r", p[used - 1]) != NULL)
            used--;
        if (used > 0 && *p != '#' && add_vkey(t, p, used, e) != 0)
            rc = tm_err_wrap(e, "'%s' line %d", path, line);
        p += len + (p[len] == '\n');
    }
    tm_buf_free(&text);
    return rc;
}

int ca_head_trust_witness(struct ca_head_trust *t, const char *vkey, struct tm_err *e)
{
    if (strchr(vkey, '+') != NULL)
        return add_vkey(t, vkey, strlen(vkey), e) == 0 ? 0 : tm_err_wrap(e, "witness key");
    return add_vkeys(t, vkey, e) == 0 ? 0 : tm_err_wrap(e, "witness keys");
}

/* The first line in the origin's name, or NULL. */
static const struct tm_note_signature *own_line(const struct tm_note *n, const char *origin)
{
    size_t len = strlen(origin);
    for (size_t i = 0; i < n->count; i++) {
        const struct tm_note_signature *s = &n->signature[i];
        if (s->name_len == len && memcmp(s->name, origin, len) == 0)
            return s;
    }
    return NULL;
}

static void find_key_id(const struct tm_note *n, struct ca_head *h)
{
    const struct tm_note_signature *s = own_line(n, h->tree.origin);
    if (s != NULL)
        memcpy(h->key_id, s->id, sizeof(h->key_id));
}

/* RFC6962NoteSignature is 8 bytes of milliseconds, SHA-256, an algorithm, a length and so many
 * bytes; an ECDSA signature begins with a SEQUENCE's tag, and one of Ed25519 has no such length. */
static bool is_plain(const struct tm_note_signature *s)
{
    bool dated = s->sig_len > 12 && s->sig[0] == 0 && s->sig[1] == 0 && s->sig[8] == 4 &&
                 (size_t)(s->sig[10] << 8 | s->sig[11]) == s->sig_len - 12;
    return !dated;
}

bool ca_head_is_plain(const void *note, size_t len)
{
    struct tm_note n;
    struct tm_checkpoint c;
    struct tm_err ignored;
    bool plain = false;
    if (tm_note_parse(note, len, &n, &ignored) != 0)
        return false;
    if (tm_checkpoint_parse(&n, &c, &ignored) == 0) {
        const struct tm_note_signature *s = own_line(&n, c.origin);
        plain = s != NULL && is_plain(s);
    }
    tm_note_free(&n);
    return plain;
}

/* How the log signs, if it is the one of this key. */
static enum tm_note_type type_of(const struct tm_note *n, const struct ca_head *h, EVP_PKEY *key)
{
    const struct tm_note_signature *s = own_line(n, h->tree.origin);
    if (s == NULL || !is_plain(s))
        return NOTE_RFC6962;
    return EVP_PKEY_is_a(key, "ED25519") ? NOTE_ED25519 : NOTE_ECDSA;
}

static int verify_log(const struct ca_head_trust *t, const struct tm_note *n, int64_t now_ms,
                      struct ca_head *h, struct tm_err *e)
{
    struct tm_note_key key;
    if (t->log_key == NULL)
        return 0;
    enum tm_note_type type = type_of(n, h, t->log_key);
    if (type == NOTE_RFC6962 && h->tree.extended)
        return tm_err_set(e, "it has extension lines, which a CT log's signature does not cover");
    if (tm_note_key_init(&key, h->tree.origin, type, t->log_key, e) != 0 ||
        tm_note_verify(n, &key, &h->timestamp_ms, e) != 0)
        return -1;
    if (h->timestamp_ms > (uint64_t)now_ms + FUTURE_MS)
        return tm_err_set(e, "it is signed for a time in the future");
    h->verified = true;
    return 0;
}

static int verify_witnesses(const struct ca_head_trust *t, const struct tm_note *n, int64_t now_ms,
                            struct ca_head *h, struct tm_err *e)
{
    struct tm_err last = {0};
    for (size_t i = 0; i < t->witnesses; i++) {
        uint64_t when = 0;
        if (tm_note_verify(n, &t->witness[i], &when, &last) != 0 ||
            when > (uint64_t)now_ms + FUTURE_MS)
            continue;
        h->cosigned++;
        if (when > h->cosigned_ms)
            h->cosigned_ms = when;
    }
    return h->cosigned >= t->quorum
               ? 0
               : tm_err_set(e, "%zu of %zu witnesses have cosigned it, want %zu", h->cosigned,
                            t->witnesses, t->quorum);
}

int ca_head_read(const struct ca_head_trust *t, const void *note, size_t len, int64_t now_ms,
                 struct ca_head *out, struct tm_err *e)
{
    struct tm_note n;
    *out = (struct ca_head){0};
    tm_buf_append(&out->note, note, len);
    if (buf_failed(&out->note))
        return tm_err_set(e, "out of memory");
    int rc = tm_note_parse(out->note.data, out->note.len, &n, e);
    if (rc == 0) {
        rc = tm_checkpoint_parse(&n, &out->tree, e);
        out->signatures = n.count;
        find_key_id(&n, out);
        if (rc == 0 && t->origin != NULL && strcmp(t->origin, out->tree.origin) != 0)
            rc = tm_err_set(e, "it is of the log '%s', not of '%s'", out->tree.origin, t->origin);
        if (rc == 0)
            rc = verify_log(t, &n, now_ms, out, e);
        if (rc == 0)
            rc = verify_witnesses(t, &n, now_ms, out, e);
        tm_note_free(&n);
    }
    if (rc == 0)
        return 0;
    ca_head_free(out);
    return tm_err_wrap(e, "checkpoint");
}

void ca_head_free(struct ca_head *h)
{
    tm_buf_free(&h->note);
}
