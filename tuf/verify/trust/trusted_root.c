#include "tuf/verify/trust/trusted_root.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/certs.h"
#include "common/hex.h"
#include "tuf/verify/trust/internal.h"

#define FINGERPRINT_DIGITS_MIN 8

const struct tuf_trust_list_row tuf_trust_lists[TRUST_LIST_COUNT] = {
    [TRUST_CA] = {"certificate authority", "certificateAuthorities", false},
    [TRUST_TSA] = {"timestamp authority", "timestampAuthorities", false},
    [TRUST_CTLOG] = {"CT log", "ctlogs", true},
    [TRUST_TLOG] = {"transparency log", "tlogs", true},
};

const struct tuf_trust_media_row tuf_trust_media_types[3] = {
    {"application/vnd.dev.sigstore.trustedroot+json;version=0.1", TRUSTED_ROOT_V01},
    {"application/vnd.dev.sigstore.trustedroot.v0.1+json", TRUSTED_ROOT_V01},
    {"application/vnd.dev.sigstore.trustedroot.v0.2+json", TRUSTED_ROOT_V02},
};

const char *tuf_trust_list_name(enum tuf_trust_list list)
{
    return tuf_trust_lists[list].name;
}

struct tuf_trust_entry *tuf_trust_entry_new(struct tm_err *e)
{
    struct tuf_trust_entry *t = calloc(1, sizeof(*t));
    if (t != NULL) {
        t->uri = strdup("");
        t->operator_name = strdup("");
        t->organization = strdup("");
        t->common_name = strdup("");
        t->hash = TRUST_SHA2_256;
    }
    if (t != NULL && t->uri != NULL && t->operator_name != NULL && t->organization != NULL &&
        t->common_name != NULL)
        return t;
    tuf_trust_entry_free(t);
    return tm_err_null(e, "out of memory");
}

void tuf_trust_entry_free(struct tuf_trust_entry *t)
{
    if (t == NULL)
        return;
    free(t->uri);
    free(t->operator_name);
    free(t->organization);
    free(t->common_name);
    sk_X509_pop_free(t->chain, X509_free);
    EVP_PKEY_free(t->key);
    tm_buf_free(&t->key_bytes);
    tm_buf_free(&t->log_id);
    tm_buf_free(&t->checkpoint_id);
    free(t);
}

struct tuf_trusted_root *tuf_trusted_root_new(struct tm_err *e)
{
    struct tuf_trusted_root *r = calloc(1, sizeof(*r));
    if (r == NULL)
        tm_err_set(e, "out of memory");
    else
        r->media_type = tuf_trust_media_types[0].text;
    return r;
}

void tuf_trusted_root_free(struct tuf_trusted_root *r)
{
    if (r == NULL)
        return;
    for (size_t l = 0; l < TRUST_LIST_COUNT; l++) {
        for (size_t i = 0; i < r->count[l]; i++)
            tuf_trust_entry_free(r->entry[l][i]);
    }
    for (size_t i = 0; i < r->left_out_count; i++)
        free(r->left_out[i].note);
    free(r->left_out);
    free(r);
}

const struct tuf_trust_left_out *tuf_trusted_root_left_out(const struct tuf_trusted_root *r,
                                                           size_t i)
{
    return i < r->left_out_count ? &r->left_out[i] : NULL;
}

size_t tuf_trusted_root_count(const struct tuf_trusted_root *r, enum tuf_trust_list list)
{
    return r->count[list];
}

const struct tuf_trust_entry *tuf_trusted_root_entry(const struct tuf_trusted_root *r,
                                                     enum tuf_trust_list list, size_t i)
{
    return i < r->count[list] ? r->entry[list][i] : NULL;
}

const char *tuf_trust_entry_fingerprint(enum tuf_trust_list list,
                                        const struct tuf_trust_entry *entry,
                                        char out[TRUST_FINGERPRINT_MAX])
{
    const struct tm_buf *id = &entry->log_id;
    if (!tuf_trust_lists[list].log)
        return tm_certs_fingerprint(sk_X509_value(entry->chain, 0), out);
    tm_hex_encode(id->data, id->len < TRUSTED_ROOT_ID_MAX ? id->len : TRUSTED_ROOT_ID_MAX, out);
    return out;
}

const char *tuf_trust_entry_under(enum tuf_trust_list list, const struct tuf_trust_entry *entry,
                                  char out[TRUST_UNDER_MAX])
{
    char id[CERTS_FINGERPRINT_MAX];
    int last = tuf_trust_lists[list].log ? 0 : sk_X509_num(entry->chain) - 1;
    out[0] = '\0';
    if (last > 0)
        snprintf(out, TRUST_UNDER_MAX, ", under %.16s",
                 tm_certs_fingerprint(sk_X509_value(entry->chain, last), id));
    return out;
}

static bool named(enum tuf_trust_list list, const struct tuf_trust_entry *t, const char *what)
{
    char id[TRUST_FINGERPRINT_MAX];
    size_t len = strlen(what);
    if (strcmp(t->uri, what) == 0)
        return true;
    return len >= FINGERPRINT_DIGITS_MIN && len < sizeof(id) &&
           strncmp(tuf_trust_entry_fingerprint(list, t, id), what, len) == 0;
}

static void list_entries(const struct tuf_trusted_root *r, enum tuf_trust_list list,
                         struct tm_buf *out)
{
    char id[TRUST_FINGERPRINT_MAX];
    for (size_t i = 0; i < r->count[list]; i++)
        tm_buf_printf(out, "%s%.16s (%.60s)", i > 0 ? ", " : "",
                      tuf_trust_entry_fingerprint(list, r->entry[list][i], id),
                      r->entry[list][i]->uri);
}

int tuf_trusted_root_find(const struct tuf_trusted_root *r, enum tuf_trust_list list,
                          const char *what, size_t *index, struct tm_err *e)
{
    size_t found = 0;
    for (size_t i = 0; i < r->count[list]; i++) {
        if (named(list, r->entry[list][i], what)) {
            *index = i;
            found++;
        }
    }
    if (found == 1)
        return 0;
    struct tm_buf have = {0};
    list_entries(r, list, &have);
    const char *text = tm_buf_str(&have);
    if (r->count[list] == 0)
        tm_err_set(e, "the trusted root has no %s", tuf_trust_lists[list].name);
    else
        tm_err_set(e, "%s %s is '%.80s'; name one by 8 or more digits of its fingerprint: %s",
                   found == 0 ? "no" : "more than one", tuf_trust_lists[list].name, what,
                   text != NULL ? text : "");
    tm_buf_free(&have);
    return -1;
}

/* Entries without start come first; equal starts keep their order. */
static bool starts_before(const struct tuf_trust_entry *a, const struct tuf_trust_entry *b)
{
    if (!a->valid.has_start || !b->valid.has_start)
        return !a->valid.has_start && b->valid.has_start;
    return a->valid.start_ms < b->valid.start_ms;
}

/* Puts an entry whose window changed where it belongs. */
static void reorder(struct tuf_trusted_root *r, enum tuf_trust_list list)
{
    struct tuf_trust_entry **v = r->entry[list];
    for (size_t i = 1; i < r->count[list]; i++) {
        struct tuf_trust_entry *t = v[i];
        size_t at = i;
        for (; at > 0 && starts_before(t, v[at - 1]); at--)
            v[at] = v[at - 1];
        v[at] = t;
    }
}

int tuf_trusted_root_insert(struct tuf_trusted_root *r, enum tuf_trust_list list,
                            struct tuf_trust_entry *entry, struct tm_err *e)
{
    if (r->count[list] == TRUSTED_ROOT_ENTRIES_MAX)
        return tm_err_set(e, "the trusted root has %d entries of this kind already: %s",
                          TRUSTED_ROOT_ENTRIES_MAX, tuf_trust_lists[list].name);
    r->entry[list][r->count[list]++] = entry;
    reorder(r, list);
    return 0;
}
