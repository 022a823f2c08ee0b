#include "ca/log/signatures/entry.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "common/b64.h"

const char *ca_sig_kind_name(enum ca_sig_kind kind)
{
    return kind == SIG_HASHEDREKORD ? "hashedrekord" : "dsse";
}

/* ---- judging ---- */

static int judge_hashed(const struct ca_sig_algorithms *a, const struct ca_sig_hashed *h,
                        struct tm_err *e)
{
    struct ca_proof_key key;
    const struct ca_sig_algorithm *algorithm = ca_sig_algorithm_of(&h->verifier, e);
    if (algorithm == NULL)
        return -1;
    if (h->digest.len != algorithm->digest_len)
        return tm_err_set(e, "a digest of %zu bytes; %s signs one of %zu", h->digest.len,
                          algorithm->name, algorithm->digest_len);
    int rc = ca_sig_verifier_key(a, &h->verifier, &key, e);
    if (rc == 0 && !ca_proof_signed_digest(&key, h->digest.data, h->digest.len, h->signature.data,
                                           h->signature.len))
        rc = tm_err_set(e, "the signature does not verify over the digest");
    ca_proof_key_free(&key);
    return rc;
}

/* DSSE's pre-authentication encoding, "DSSEv1 LEN TYPE LEN BODY". */
static void encode(const struct ca_sig_dsse *d, struct tm_buf *out)
{
    tm_buf_printf(out, "DSSEv1 %zu %s %zu ", strlen(d->payload_type), d->payload_type,
                  d->payload.len);
    tm_buf_append(out, d->payload.data, d->payload.len);
}

static bool same(const struct tm_buf *a, const struct tm_buf *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static const struct tm_buf *raw_of(const struct ca_sig_verifier *v)
{
    return v->certificate.len > 0 ? &v->certificate : &v->key;
}

static int check_distinct(const struct ca_sig_dsse *d, struct tm_err *e)
{
    for (size_t i = 0; i < d->verifiers.count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (same(raw_of(&d->verifiers.item[i]), raw_of(&d->verifiers.item[k])))
                return tm_err_set(e, "two verifiers are the same");
        }
    }
    for (size_t i = 0; i < d->signatures.count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (same(&d->signatures.item[i].sig, &d->signatures.item[k].sig))
                return tm_err_set(e, "two signatures are the same");
        }
    }
    return 0;
}

/* Which verifier made the signature; -1: none. */
static int signer_of(const struct ca_proof_key *keys, size_t count,
                     const struct tm_buf *signed_text, const struct tm_buf *sig)
{
    for (size_t i = 0; i < count; i++) {
        if (ca_proof_signed_by(&keys[i], signed_text->data, signed_text->len, sig->data, sig->len))
            return (int)i;
    }
    return -1;
}

/* The signatures' verifiers by number; `by` has room for them. */
static int match(const struct ca_sig_dsse *d, const struct ca_proof_key *keys, int *by,
                 struct tm_err *e)
{
    struct tm_buf text = {0};
    int rc = 0;
    encode(d, &text);
    if (buf_failed(&text))
        rc = tm_err_set(e, "out of memory");
    for (size_t i = 0; i < d->signatures.count && rc == 0; i++) {
        by[i] = signer_of(keys, d->verifiers.count, &text, &d->signatures.item[i].sig);
        if (by[i] < 0)
            rc = tm_err_set(e, "signature %zu of the envelope verifies by none of the verifiers",
                            i + 1);
    }
    tm_buf_free(&text);
    return rc;
}

static int find_signers(const struct ca_sig_algorithms *a, const struct ca_sig_dsse *d,
                        int by[SIG_SIGNATURES_MAX], struct tm_err *e)
{
    struct ca_proof_key keys[SIG_SIGNATURES_MAX];
    size_t count = 0;
    int rc = check_distinct(d, e);
    for (size_t i = 0; i < d->verifiers.count && rc == 0; i++) {
        rc = ca_sig_algorithm_of(&d->verifiers.item[i], e) != NULL ? 0 : -1;
        if (rc == 0)
            rc = ca_sig_verifier_key(a, &d->verifiers.item[i], &keys[count++], e);
    }
    if (rc == 0)
        rc = match(d, keys, by, e);
    for (size_t i = 0; i < count; i++)
        ca_proof_key_free(&keys[i]);
    return rc;
}

int ca_sig_entry_judge(const struct ca_sig_algorithms *a, const struct ca_sig_request *r,
                       struct ca_sig_judgement *out, struct tm_err *e)
{
    return r->kind == SIG_HASHEDREKORD ? judge_hashed(a, &r->hashed, e)
                                       : find_signers(a, &r->dsse, out->signer, e);
}

/* ---- writing: members in the order of their names, no white space ---- */

static void put_base64(struct tm_buf *out, const char *name, const void *data, size_t len)
{
    tm_buf_printf(out, "\"%s\":\"", name);
    tm_b64_encode(B64_STD, data, len, out);
    tm_buf_puts(out, "\"");
}

static void put_signature(struct tm_buf *out, const struct tm_buf *sig,
                          const struct ca_sig_verifier *v)
{
    struct tm_err ignored;
    tm_buf_puts(out, "{");
    put_base64(out, "content", sig->data, sig->len);
    tm_buf_printf(out, ",\"verifier\":{\"keyDetails\":\"%s\",\"%s\":{",
                  ca_sig_algorithm_of(v, &ignored)->name,
                  v->certificate.len > 0 ? "x509Certificate" : "publicKey");
    put_base64(out, "rawBytes", raw_of(v)->data, raw_of(v)->len);
    tm_buf_puts(out, "}}}");
}

static void put_hashed(struct tm_buf *out, const struct ca_sig_hashed *h)
{
    struct tm_err ignored;
    tm_buf_printf(out, "\"hashedRekordV002\":{\"data\":{\"algorithm\":\"%s\",",
                  ca_sig_algorithm_of(&h->verifier, &ignored)->hash_name);
    put_base64(out, "digest", h->digest.data, h->digest.len);
    tm_buf_puts(out, "},\"signature\":");
    put_signature(out, &h->signature, &h->verifier);
    tm_buf_puts(out, "}");
}

static int by_bytes(const struct tm_buf *a, const struct tm_buf *b)
{
    int order = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);
    return order != 0 ? order : a->len < b->len ? -1 : a->len > b->len;
}

/* Signatures stand in the order of their bytes, whatever the envelope's was. */
static void put_dsse(struct tm_buf *out, const struct ca_sig_dsse *d,
                     const struct ca_sig_judgement *j)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    size_t order[SIG_SIGNATURES_MAX];
    SHA256(d->payload.data, d->payload.len, hash);
    for (size_t i = 0; i < d->signatures.count; i++) {
        size_t at = i;
        for (; at > 0 &&
               by_bytes(&d->signatures.item[i].sig, &d->signatures.item[order[at - 1]].sig) < 0;
             at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    tm_buf_puts(out, "\"dsseV002\":{\"payloadHash\":{\"algorithm\":\"SHA2_256\",");
    put_base64(out, "digest", hash, sizeof(hash));
    tm_buf_puts(out, "},\"signatures\":[");
    for (size_t i = 0; i < d->signatures.count; i++) {
        tm_buf_puts(out, i > 0 ? "," : "");
        put_signature(out, &d->signatures.item[order[i]].sig,
                      &d->verifiers.item[j->signer[order[i]]]);
    }
    tm_buf_puts(out, "]}");
}

int ca_sig_entry_write(const struct ca_sig_request *r, const struct ca_sig_judgement *j,
                       struct tm_buf *out, struct tm_err *e)
{
    tm_buf_printf(out, "{\"apiVersion\":\"" SIG_VERSION "\",\"kind\":\"%s\",\"spec\":{",
                  ca_sig_kind_name(r->kind));
    if (r->kind == SIG_HASHEDREKORD)
        put_hashed(out, &r->hashed);
    else
        put_dsse(out, &r->dsse, j);
    tm_buf_puts(out, "}}");
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}
