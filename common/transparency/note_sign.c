/* Note signatures: who signed, over which bytes, in which envelope. */
#include <ctype.h>
#include <inttypes.h>
#include <openssl/x509.h>
#include <string.h>

#include "common/b64.h"
#include "common/bytes.h"
#include "common/transparency/digsig.h"
#include "common/transparency/note_internal.h"

#define ED25519_KEY 32

struct note_scheme {
    enum tm_note_type type;
    bool ed25519;   /* else a key for SHA-256 signatures */
    bool vkey;      /* has a verifier key text */
    size_t unit_ms; /* of the timestamp; 0: none */
    /* Appends the bytes that are signed. */
    int (*message)(const char *text, size_t len, uint64_t time, struct tm_buf *out,
                   struct tm_err *e);
    bool digsig; /* the signature is a DigitallySigned */
};

static int message_text(const char *text, size_t len, uint64_t time, struct tm_buf *out,
                        struct tm_err *e)
{
    (void)time;
    (void)e;
    tm_buf_append(out, text, len);
    return 0;
}

static int message_cosignature(const char *text, size_t len, uint64_t time, struct tm_buf *out,
                               struct tm_err *e)
{
    struct tm_checkpoint c;
    if (tm_checkpoint_parse_text(text, len, &c, e) != 0)
        return -1;
    tm_buf_printf(out, "cosignature/v1\ntime %" PRIu64 "\n", time);
    tm_buf_append(out, text, len);
    return 0;
}

/* RFC 6962 §3.5 TreeHeadSignature */
static int message_tree_head(const char *text, size_t len, uint64_t time, struct tm_buf *out,
                             struct tm_err *e)
{
    struct tm_checkpoint c;
    if (tm_checkpoint_parse_text(text, len, &c, e) != 0)
        return -1;
    if (c.extended)
        return tm_err_set(e,
                          "checkpoint: extension lines, which its RFC 6962 signature leaves out");
    buf_putc(out, 0); /* v1 */
    buf_putc(out, 1); /* tree_hash */
    tm_buf_put_be(out, time, 8);
    tm_buf_put_be(out, c.size, 8);
    tm_buf_append(out, c.root.b, MERKLE_HASH);
    return 0;
}

static const struct note_scheme schemes[] = {
    {NOTE_ED25519, true, true, 0, message_text, false},
    {NOTE_ECDSA, false, false, 0, message_text, false},
    {NOTE_COSIGNATURE, true, true, 1000, message_cosignature, false},
    {NOTE_RFC6962, false, false, 1, message_tree_head, true},
};

static const struct note_scheme *scheme_of(enum tm_note_type type)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (schemes[i].type == type)
            return &schemes[i];
    }
    return NULL;
}

static int sha256(const struct tm_buf *b, unsigned char out[32], struct tm_err *e)
{
    if (buf_failed(b) || EVP_Digest(b->data, b->len, out, NULL, EVP_sha256(), NULL) != 1)
        return tm_err_openssl(e, "hash a note key");
    return 0;
}

static int spki_of(EVP_PKEY *key, struct tm_buf *out, struct tm_err *e)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    if (len <= 0)
        return tm_err_openssl(e, "encode a note key");
    tm_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
    return 0;
}

/* The public key as the key id hashes it. */
static int key_material(const struct note_scheme *s, EVP_PKEY *key, struct tm_buf *out,
                        struct tm_err *e)
{
    unsigned char raw[ED25519_KEY];
    size_t raw_len = sizeof(raw);
    if (s->ed25519) {
        if (EVP_PKEY_get_raw_public_key(key, raw, &raw_len) != 1 || raw_len != sizeof(raw))
            return tm_err_openssl(e, "encode a note key");
        tm_buf_append(out, raw, raw_len);
        return 0;
    }
    if (s->type == NOTE_RFC6962) {
        if (tm_digsig_log_id(key, raw, e) != 0)
            return -1;
        tm_buf_append(out, raw, sizeof(raw));
        return 0;
    }
    return spki_of(key, out, e);
}

static int check_suits(const struct note_scheme *s, const EVP_PKEY *key, struct tm_err *e)
{
    if (s->digsig)
        return tm_digsig_check_key(key, e);
    const char *type = s->ed25519 ? "ED25519" : "EC";
    return EVP_PKEY_is_a(key, type) ? 0 : tm_err_set(e, "the key is not of type %s", type);
}

static int make_id(struct tm_note_key *k, const struct note_scheme *s, struct tm_err *e)
{
    unsigned char hash[32];
    struct tm_buf material = {0};
    struct tm_buf b = {0};
    int rc = key_material(s, k->key, &material, e);
    if (s->type != NOTE_ECDSA) {
        tm_buf_puts(&b, k->name);
        buf_putc(&b, '\n');
        buf_putc(&b, (unsigned char)s->type);
    }
    tm_buf_append(&b, material.data, material.len);
    if (rc == 0)
        rc = sha256(&b, hash, e);
    if (rc == 0)
        memcpy(k->id, hash, sizeof(k->id));
    tm_buf_free(&material);
    tm_buf_free(&b);
    return rc;
}

int tm_note_key_init(struct tm_note_key *k, const char *name, enum tm_note_type type, EVP_PKEY *key,
                     struct tm_err *e)
{
    const struct note_scheme *s = scheme_of(type);
    size_t len = strlen(name);
    if (s == NULL)
        return tm_err_set(e, "note key '%.64s': unknown signature type %d", name, (int)type);
    if (!tm_note_name_ok(name, len))
        return tm_err_set(e,
                          "note key '%.64s': the name is empty, longer than %zu bytes, or has a "
                          "space or a plus sign",
                          name, NOTE_NAME_SIZE - 1);
    if (check_suits(s, key, e) != 0)
        return tm_err_wrap(e, "note key '%.64s'", name);
    *k = (struct tm_note_key){.type = type, .key = key};
    memcpy(k->name, name, len + 1);
    return make_id(k, s, e);
}

static int hex_id(const char *text, unsigned char id[4])
{
    for (size_t i = 0; i < 8; i++) {
        int c = (unsigned char)text[i];
        if (!isdigit(c) && (c < 'a' || c > 'f'))
            return -1;
        unsigned v = isdigit(c) ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
        id[i / 2] = (unsigned char)((i % 2 == 0 ? 0 : id[i / 2]) << 4 | v);
    }
    return 0;
}

static int vkey_material(const struct tm_buf *material, const char *name, struct tm_note_key *k,
                         struct tm_err *e)
{
    if (material->len != 1 + ED25519_KEY)
        return tm_err_set(e, "verifier key: not a type byte and a key of 32 bytes");
    const struct note_scheme *s = scheme_of((enum tm_note_type)material->data[0]);
    if (s == NULL || !s->vkey)
        return tm_err_set(e, "verifier key: unsupported signature type %d", material->data[0]);
    EVP_PKEY *key =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, material->data + 1, ED25519_KEY);
    if (key == NULL)
        return tm_err_openssl(e, "verifier key: no Ed25519 key");
    if (tm_note_key_init(k, name, s->type, key, e) != 0) {
        EVP_PKEY_free(key);
        return -1;
    }
    return 0;
}

int tm_note_vkey_parse(const char *text, size_t len, struct tm_note_key *k, struct tm_err *e)
{
    char name[NOTE_NAME_SIZE];
    unsigned char id[4];
    const char *plus = memchr(text, '+', len);
    size_t name_len = plus != NULL ? (size_t)(plus - text) : 0;
    if (plus == NULL || len - name_len < 10 || plus[9] != '+' || hex_id(plus + 1, id) != 0)
        return tm_err_set(e, "verifier key: not NAME+ID+KEY with an id of 8 lower-case hex digits");
    if (!tm_note_name_ok(text, name_len))
        return tm_err_set(e, "verifier key: the name is empty, too long, or has a space");
    memcpy(name, text, name_len);
    name[name_len] = '\0';
    struct tm_buf material = {0};
    int rc = tm_b64_decode(B64_STD, plus + 10, len - name_len - 10, &material);
    if (rc != 0)
        tm_err_set(e, "verifier key: the key is not base64");
    else
        rc = vkey_material(&material, name, k, e);
    tm_buf_free(&material);
    if (rc == 0 && memcmp(k->id, id, sizeof(id)) != 0) {
        EVP_PKEY_free(k->key);
        k->key = NULL;
        rc = tm_err_set(
            e, "verifier key '%.64s': the id is not that of the name and key: mistyped?", name);
    }
    return rc;
}

int tm_note_vkey_put(const struct tm_note_key *k, struct tm_buf *out, struct tm_err *e)
{
    const struct note_scheme *s = scheme_of(k->type);
    struct tm_buf b = {0};
    if (s == NULL || !s->vkey)
        return tm_err_set(e, "note key '%.64s': its type has no verifier key text", k->name);
    buf_putc(&b, (unsigned char)k->type);
    int rc = key_material(s, k->key, &b, e);
    if (rc == 0) {
        tm_buf_printf(out, "%s+%02x%02x%02x%02x+", k->name, k->id[0], k->id[1], k->id[2], k->id[3]);
        tm_b64_encode(B64_STD, b.data, b.len, out);
    }
    tm_buf_free(&b);
    return rc;
}

/* Ed25519, or ECDSA with SHA-256. */
static int verify_plain(const struct note_scheme *s, EVP_PKEY *key, const struct tm_bytes *sig,
                        const struct tm_buf *m, struct tm_err *e)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && !buf_failed(m) &&
              EVP_DigestVerifyInit(ctx, NULL, s->ed25519 ? NULL : EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestVerify(ctx, sig->p, sig->left, m->data, m->len) == 1;
    EVP_MD_CTX_free(ctx);
    return ok ? 0 : tm_err_openssl(e, "the signature does not verify");
}

static int verify_one(const struct tm_note *n, const struct tm_note_signature *in,
                      const struct tm_note_key *k, uint64_t *time_ms, struct tm_err *e)
{
    const struct note_scheme *s = scheme_of(k->type);
    struct tm_bytes sig = bytes_of(in->sig, in->sig_len);
    struct tm_buf m = {0};
    uint64_t time = s->unit_ms != 0 ? tm_bytes_be(&sig, 8) : 0;
    if (sig.failed || (s->unit_ms != 0 && time > (uint64_t)INT64_MAX / s->unit_ms))
        return tm_err_set(e, "no timestamp, or an impossible one");
    int rc = s->message(n->text, n->text_len, time, &m, e);
    if (rc == 0)
        rc = s->digsig ? tm_digsig_verify(k->key, m.data, m.len, sig.p, sig.left, e)
                       : verify_plain(s, k->key, &sig, &m, e);
    tm_buf_free(&m);
    *time_ms = time * s->unit_ms;
    return rc;
}

int tm_note_verify(const struct tm_note *n, const struct tm_note_key *k, uint64_t *time_ms,
                   struct tm_err *e)
{
    uint64_t latest = 0;
    size_t found = 0;
    size_t name_len = strlen(k->name);
    for (size_t i = 0; i < n->count; i++) {
        const struct tm_note_signature *s = &n->signature[i];
        if (s->name_len != name_len || memcmp(s->name, k->name, name_len) != 0 ||
            memcmp(s->id, k->id, sizeof(k->id)) != 0)
            continue;
        uint64_t at = 0;
        if (verify_one(n, s, k, &at, e) != 0)
            return tm_err_wrap(e, "note signature of '%.64s'", k->name);
        latest = at > latest ? at : latest;
        found++;
    }
    if (found == 0)
        return tm_err_set(e, "note: no signature of '%.64s' with key id %02x%02x%02x%02x", k->name,
                          k->id[0], k->id[1], k->id[2], k->id[3]);
    if (time_ms != NULL)
        *time_ms = latest;
    return 0;
}

static int sign_plain(const struct note_scheme *s, const struct tm_note_key *k,
                      const struct tm_buf *m, struct tm_buf *out, struct tm_err *e)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len = 0;
    unsigned char *to = NULL;
    int rc = -1;
    if (ctx != NULL && !buf_failed(m) &&
        EVP_DigestSignInit(ctx, NULL, s->ed25519 ? NULL : EVP_sha256(), NULL, k->key) == 1 &&
        EVP_DigestSign(ctx, NULL, &len, m->data, m->len) == 1 &&
        (to = tm_buf_reserve(out, len)) != NULL &&
        EVP_DigestSign(ctx, to, &len, m->data, m->len) == 1) {
        out->len += len;
        rc = 0;
    }
    EVP_MD_CTX_free(ctx);
    return rc == 0 ? 0 : tm_err_openssl(e, "sign a note as '%.64s'", k->name);
}

int tm_note_sign(const char *text, size_t text_len, const struct tm_note_key *k, uint64_t time_ms,
                 struct tm_buf *out, struct tm_err *e)
{
    const struct note_scheme *s = scheme_of(k->type);
    uint64_t time = s->unit_ms != 0 ? time_ms / s->unit_ms : 0;
    struct tm_buf m = {0};
    struct tm_buf sig = {0};
    struct tm_buf body = {0};
    int rc = s->message(text, text_len, time, &m, e);
    if (rc == 0)
        rc = s->digsig ? tm_digsig_sign(k->key, m.data, m.len, &sig, e)
                       : sign_plain(s, k, &m, &sig, e);
    if (rc == 0) {
        tm_buf_append(&body, k->id, sizeof(k->id));
        if (s->unit_ms != 0)
            tm_buf_put_be(&body, time, 8);
        tm_buf_append(&body, sig.data, sig.len);
        tm_buf_printf(out, "\xe2\x80\x94 %s ", k->name);
        tm_b64_encode(B64_STD, body.data, body.len, out);
        buf_putc(out, '\n');
        if (buf_failed(out) || buf_failed(&body))
            rc = tm_err_set(e, "out of memory");
    }
    tm_buf_free(&m);
    tm_buf_free(&sig);
    tm_buf_free(&body);
    return rc;
}
