#include "tuf/metadata/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "tuf/metadata/canonical.h"
#include "tuf/metadata/edit.h"
#include "tuf/metadata/internal.h"

/* ---- making ---- */

struct tuf_entries *tuf_entries_new(enum tuf_role role, size_t bytes, struct tm_err *e)
{
    struct tuf_entries *t = calloc(1, sizeof(*t));
    if (t == NULL || (bytes > 0 && tm_buf_reserve(&t->list.text, bytes) == NULL)) {
        free(t);
        tm_err_set(e, "out of memory");
        return NULL;
    }
    t->role = role;
    return t;
}

void tuf_entries_free(struct tuf_entries *t)
{
    if (t != NULL)
        tuf_entry_list_free(&t->list);
    free(t);
}

/* The names are hostile until the file is verified: those of a message are cut by tuf_check_entry.
 */
int tuf_entries_add(void *entries, const char *name, size_t len, json_t *value, struct tm_err *e)
{
    struct tuf_entries *t = entries;
    char shown[256];
    snprintf(shown, sizeof(shown), "%.*s", len < sizeof(shown) ? (int)len : 255, name);
    if (tuf_check_entry(value, t->role, shown, e) != 0)
        return -1;
    return tuf_entry_list_add(&t->list, name, len, value, e) == 0
               ? 0
               : tm_err_wrap(e, "%s '%.200s'", tuf_metadata_map(t->role), shown);
}

struct tuf_entries *tuf_entries_copy(const struct tuf_metadata *m, struct tm_err *e)
{
    struct tuf_entries *t = tuf_entries_new(m->role, 0, e);
    if (t == NULL || tuf_entry_list_copy(&m->entries, &t->list) == 0)
        return t;
    tuf_entries_free(t);
    tm_err_set(e, "out of memory");
    return NULL;
}

json_t *tuf_entries_take_out(const json_t *envelope, enum tuf_role role, struct tuf_entries **out,
                             struct tm_err *e)
{
    const char *map = tuf_metadata_map(role);
    const json_t *body = json_object_get(envelope, "signed");
    json_t *hollow = json_copy((json_t *)envelope);
    json_t *bare = json_copy((json_t *)body);
    const char *name;
    json_t *value;
    *out = tuf_entries_new(role, 0, e);
    int rc = *out != NULL ? 0 : -1;
    json_object_foreach(json_object_get(body, map), name, value)
    {
        if (rc == 0)
            rc = tuf_entries_add(*out, name, strlen(name), value, e);
    }
    if (rc == 0 && (json_object_set_new(bare, map, json_object()) != 0 ||
                    json_object_set(hollow, "signed", bare) != 0))
        rc = tm_err_set(e, "out of memory");
    json_decref(bare);
    if (rc == 0)
        return hollow;
    json_decref(hollow);
    return NULL;
}

/* ---- comparing ---- */

int tuf_metadata_sha256(const struct tuf_metadata *m, char hex[65], struct tm_err *e)
{
    struct tm_buf own = {0};
    unsigned char md[32];
    const struct tm_buf *bytes = tuf_metadata_canonical(m, &own, e);
    int rc = bytes != NULL ? 0 : -1;
    if (rc == 0 && EVP_Digest(bytes->data, bytes->len, md, NULL, EVP_sha256(), NULL) != 1)
        rc = tm_err_openssl(e, "SHA-256");
    if (rc == 0)
        tm_hex_encode(md, sizeof(md), hex);
    tm_buf_free(&own);
    return rc;
}

bool tuf_metadata_equal(const struct tuf_metadata *a, const struct tuf_metadata *b)
{
    if (a == NULL || b == NULL || a->role != b->role)
        return a == b;
    return json_equal(a->body, b->body) == 1 && tuf_entry_list_equal(&a->entries, &b->entries);
}

bool tuf_metadata_same_content(const struct tuf_metadata *a, const struct tuf_metadata *b)
{
    static const char *const moving[] = {"version", "expires"};
    json_t *x = json_copy(a->body);
    json_t *y = json_copy(b->body);
    for (size_t i = 0; i < 2 && x != NULL && y != NULL; i++) {
        json_object_del(x, moving[i]);
        json_object_del(y, moving[i]);
    }
    bool same = x != NULL && y != NULL && json_equal(x, y) == 1 &&
                tuf_entry_list_equal(&a->entries, &b->entries);
    json_decref(x);
    json_decref(y);
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
    json_t *was = i != SIZE_MAX ? tuf_entry_at(before, i, &name) : NULL;
    json_t *is = j != SIZE_MAX ? tuf_entry_at(after, j, &name) : NULL;
    int rc = (i != SIZE_MAX && was == NULL) || (j != SIZE_MAX && is == NULL)
                 ? tm_err_set(e, "out of memory")
                 : each(arg, tm_buf_str(&name), was, is, e);
    json_decref(was);
    json_decref(is);
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

const json_t *tuf_metadata_signatures(const struct tuf_metadata *m)
{
    return json_object_get(m->envelope, "signatures");
}

int tuf_metadata_put_signature(struct tuf_metadata *m, json_t *signature)
{
    json_incref(signature);
    int rc = tuf_envelope_put_signature(m->envelope, signature);
    if (rc == 0)
        rc = tuf_signatures_put(&m->file.signatures,
                                json_string_value(json_object_get(signature, "keyid")),
                                json_string_value(json_object_get(signature, "sig")));
    json_decref(signature);
    return rc;
}

int tuf_metadata_sign(struct tuf_metadata *m, const char *keyid, const json_t *key, EVP_PKEY *pkey,
                      struct tm_err *e)
{
    struct tm_buf own = {0};
    const struct tm_buf *bytes = tuf_metadata_canonical(m, &own, e);
    json_t *s = bytes != NULL ? tuf_sign_bytes(bytes, keyid, key, pkey, e) : NULL;
    tm_buf_free(&own);
    if (s == NULL)
        return -1;
    return tuf_metadata_put_signature(m, s) == 0 ? 0 : tm_err_set(e, "out of memory");
}

/* ---- writing ---- */

json_t *tuf_metadata_frame(const struct tuf_metadata *m)
{
    return m->envelope;
}

const json_t *tuf_metadata_place(const struct tuf_metadata *m)
{
    return m->map != NULL ? json_object_get(m->body, m->map) : NULL;
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

static int fill(void *arg, const json_t *object, struct tm_jsondump *d, struct tm_err *e)
{
    const struct tuf_metadata *m = arg;
    return object == tuf_metadata_place(m) ? tuf_metadata_fill(m, d, e) : 0;
}

int tuf_metadata_dump(const struct tuf_metadata *m, bool indented,
                      int (*write)(void *arg, const void *data, size_t len, struct tm_err *e),
                      void *arg, struct tm_err *e)
{
    const struct tm_jsondump_to to = {indented, write, arg, fill, (void *)m};
    return tm_jsondump(m->envelope, &to, e) == 0 ? write(arg, "\n", 1, e) : -1;
}
