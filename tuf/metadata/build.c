#include "tuf/metadata/build.h"

#include <string.h>

#include "common/hex.h"
#include "tuf/metadata/canonical.h"
#include "tuf/metadata/internal.h"
#include "tuf/metadata/key.h"

/* ---- comparing ---- */

int tuf_metadata_sha256(const struct tuf_metadata *m, char hex[65], struct tm_err *e)
{
    const struct tm_buf *bytes = &m->entries.text;
    unsigned char md[32];
    if (EVP_Digest(bytes->data, bytes->len, md, NULL, EVP_sha256(), NULL) != 1)
        return tm_err_openssl(e, "SHA-256");
    tm_hex_encode(md, sizeof(md), hex);
    return 0;
}

static bool same_bytes(const struct tm_buf *a, const struct tm_buf *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

bool tuf_metadata_equal(const struct tuf_metadata *a, const struct tuf_metadata *b)
{
    if (a == NULL || b == NULL || a->role != b->role)
        return a == b;
    return same_bytes(&a->entries.text, &b->entries.text);
}

/* `signed` without entries and what moves with each version, as if it were the first. */
static int write_timeless(const struct tuf_metadata *m, struct tm_buf *out)
{
    struct tuf_signed s = m->file.body; /* borrowed */
    s.version = 1;
    s.expires = 0;
    s.has_transcript = false;
    json_t *v = tuf_write_signed(&s, NULL);
    int rc = v != NULL ? tuf_canonical_write(v, out, NULL) : -1;
    json_decref(v);
    return rc;
}

bool tuf_metadata_same_content(const struct tuf_metadata *a, const struct tuf_metadata *b)
{
    struct tm_buf x = {0};
    struct tm_buf y = {0};
    bool same = tuf_entry_list_equal(&a->entries, &b->entries) && write_timeless(a, &x) == 0 &&
                write_timeless(b, &y) == 0 && same_bytes(&x, &y);
    tm_buf_free(&x);
    tm_buf_free(&y);
    return same;
}

json_t *tuf_entry_at(const struct tuf_metadata *m, size_t i, struct tm_buf *name)
{
    tm_buf_reset(name);
    json_t *value = tuf_entry_list_get(&m->entries, i, name);
    if (tm_buf_str(name) != NULL)
        return value;
    json_decref(value);
    return NULL;
}

json_t *tuf_entries_tree(const struct tuf_metadata *m)
{
    json_t *all = json_object();
    struct tm_buf name = {0};
    for (size_t i = 0; i < m->entries.count && all != NULL; i++) {
        json_t *value = tuf_entry_at(m, i, &name);
        if (value == NULL || json_object_set_new(all, tm_buf_str(&name), value) != 0) {
            json_decref(all);
            all = NULL;
        }
    }
    tm_buf_free(&name);
    return all;
}

/* Tells of entry i of one list, or j of the other, or both (SIZE_MAX: of none). */
static int tell(const struct tuf_metadata *before, size_t i, const struct tuf_metadata *after,
                size_t j, tuf_change_fn each, void *arg, struct tm_err *e)
{
    struct tm_buf name = {0};
    struct tuf_entry was = {0};
    struct tuf_entry is = {0};
    int rc = i != SIZE_MAX ? tuf_entry_get(before, i, &name, &was, e) : 0;
    if (rc == 0 && j != SIZE_MAX)
        rc = tuf_entry_get(after, j, &name, &is, e);
    if (rc == 0)
        rc = each(arg, tm_buf_str(&name), i != SIZE_MAX ? &was : NULL, j != SIZE_MAX ? &is : NULL,
                  e);
    tuf_free_entry(&was);
    tuf_free_entry(&is);
    tm_buf_free(&name);
    return rc;
}

int tuf_entries_compare(const struct tuf_metadata *before, const struct tuf_metadata *after,
                        tuf_change_fn each, void *arg, struct tm_err *e)
{
    static const struct tuf_entry_list none;
    const struct tuf_entry_list *a = before != NULL ? &before->entries : &none;
    const struct tuf_entry_list *b = after != NULL ? &after->entries : &none;
    size_t i = 0;
    size_t j = 0;
    int rc = 0;
    while (rc == 0 && (i < a->count || j < b->count)) {
        int order = i == a->count ? 1 : j == b->count ? -1 : tuf_entry_list_order(a, i, b, j);
        if (order != 0 || !tuf_entry_list_same(a, i, b, j))
            rc = tell(before, order <= 0 ? i : SIZE_MAX, after, order >= 0 ? j : SIZE_MAX, each,
                      arg, e);
        i += order <= 0;
        j += order >= 0;
    }
    return rc;
}

/* ---- signing ---- */

int tuf_metadata_put_signature(struct tuf_metadata *m, const char *keyid, const char *sig,
                               struct tm_err *e)
{
    return tuf_signatures_put(&m->file.signatures, keyid, sig) == 0
               ? 0
               : tm_err_set(e, "out of memory");
}

int tuf_metadata_sign(struct tuf_metadata *m, const struct tuf_public_key *key, EVP_PKEY *pkey,
                      struct tm_err *e)
{
    struct tm_buf hex = {0};
    int rc = tuf_sign_hex(&m->entries.text, key, pkey, &hex, e);
    if (rc == 0)
        rc = tuf_metadata_put_signature(m, key->keyid, tm_buf_str(&hex), e);
    tm_buf_free(&hex);
    return rc;
}

/* ---- writing ---- */

int tuf_metadata_frame(const struct tuf_metadata *m, bool bare, struct tuf_frame *out,
                       struct tm_err *e)
{
    struct tuf_document file = m->file; /* borrowed */
    json_t *body = tuf_write_signed(&m->file.body, e);
    json_t *place = m->map != NULL ? json_object() : NULL;
    *out = (struct tuf_frame){.place = place};
    if (bare)
        file.signatures = (struct tuf_signatures){0};
    if (body != NULL && m->map != NULL && json_object_set_new(body, m->map, place) != 0)
        tm_err_set(e, "out of memory");
    else if (body != NULL)
        out->envelope = tuf_write_document(&file, body, e);
    json_decref(body);
    return out->envelope != NULL ? 0 : -1;
}

int tuf_metadata_fill(const struct tuf_metadata *m, struct tm_jsondump *d, struct tm_err *e)
{
    struct tm_buf name = {0};
    int rc = 0;
    for (size_t i = 0; i < m->entries.count && rc == 0; i++) {
        json_t *value = tuf_entry_at(m, i, &name);
        rc = value != NULL ? tm_jsondump_member(d, tm_buf_str(&name), name.len, value, e)
                           : tm_err_set(e, "out of memory");
        json_decref(value);
    }
    tm_buf_free(&name);
    return rc;
}

struct filling {
    const struct tuf_metadata *m;
    struct tuf_frame frame;
};

static int fill(void *arg, const json_t *object, struct tm_jsondump *d, struct tm_err *e)
{
    const struct filling *f = arg;
    return object == f->frame.place ? tuf_metadata_fill(f->m, d, e) : 0;
}

int tuf_metadata_dump(const struct tuf_metadata *m, bool indented,
                      int (*write)(void *arg, const void *data, size_t len, struct tm_err *e),
                      void *arg, struct tm_err *e)
{
    struct filling f = {.m = m};
    const struct tm_jsondump_to to = {indented, write, arg, fill, &f};
    int rc = tuf_metadata_frame(m, false, &f.frame, e);
    if (rc == 0 && (rc = tm_jsondump(f.frame.envelope, &to, e)) == 0)
        rc = write(arg, "\n", 1, e);
    json_decref(f.frame.envelope);
    return rc;
}
