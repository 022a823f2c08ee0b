/* Signatures on an event, and the statement beside them that says what their maker reviewed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json/strictjson.h"
#include "tuf/metadata/canonical.h"
#include "tuf/metadata/edit.h"
#include "tuf/metadata/key.h"
#include "tuf/metadata/verify.h"
#include "tuf/manager/event/internal.h"
#include "tuf/manager/policy/keyring.h"

#define SIG_HEX_MAX 4096

static const json_t *signer_key(const struct tuf_signers *s, const char *keyid)
{
    size_t i;
    const json_t *id;
    json_array_foreach(s->keyids, i, id)
    {
        if (strcmp(json_string_value(id), keyid) == 0)
            return json_object_get(s->keys, keyid);
    }
    return NULL;
}

const json_t *tuf_event_member(const struct tuf_event *ev, const char *role, const char *keyid)
{
    struct tuf_signers s;
    const json_t *key = NULL;
    if (tuf_event_signers(ev, role, false, &s))
        key = signer_key(&s, keyid);
    if (key == NULL && tuf_event_signers(ev, role, true, &s))
        key = signer_key(&s, keyid);
    return key;
}

const json_t *tuf_event_any_key(const struct tuf_event *ev, const char *keyid)
{
    for (size_t i = 0; i < ev->count; i++) {
        const json_t *key =
            ev->role[i].proposed != NULL ? tuf_event_member(ev, ev->role[i].name, keyid) : NULL;
        if (key != NULL)
            return key;
    }
    return NULL;
}

static int unhex(const char *hex, struct tm_buf *out)
{
    size_t len = strlen(hex);
    if (len % 2 != 0 || len > SIG_HEX_MAX || strspn(hex, "0123456789abcdef") != len)
        return -1;
    for (size_t i = 0; i < len; i += 2) {
        char two[3] = {hex[i], hex[i + 1], '\0'};
        buf_putc(out, (unsigned char)strtoul(two, NULL, 16));
    }
    return buf_failed(out) ? -1 : 0;
}

/* One {"keyid", "sig"} entry over these bytes. */
static int tuf_check_entry(const struct tm_buf *bytes, const json_t *entry, const json_t *key,
                           struct tm_err *e)
{
    struct tm_buf sig = {0};
    struct tuf_key k = {0};
    const char *hex = tm_strictjson_str(entry, "sig");
    int rc = -1;
    if (hex == NULL || unhex(hex, &sig) != 0 || sig.len == 0)
        tm_err_set(e, "the signature is no hex");
    else if (tuf_key_decode(key, &k, e) == 0)
        rc = tuf_key_verify(&k, bytes->data, bytes->len, sig.data, sig.len)
                 ? 0
                 : tm_err_set(e, "the signature is over something else, or forged");
    tuf_key_free(&k);
    tm_buf_free(&sig);
    return rc;
}

int tuf_event_statement_verify(const json_t *statement, const json_t *key, struct tm_err *e)
{
    const json_t *body = json_object_get(statement, "signed");
    const json_t *entry = json_array_get(json_object_get(statement, "signatures"), 0);
    const char *type = tm_strictjson_str(body, "_type");
    const char *keyid = tm_strictjson_str(body, "keyid");
    const char *by = tm_strictjson_str(entry, "keyid");
    struct tm_buf bytes = {0};
    if (type == NULL || strcmp(type, STATEMENT_TYPE) != 0 || keyid == NULL || by == NULL ||
        strcmp(keyid, by) != 0)
        return tm_err_set(e, "not a signing statement");
    int rc =
        tuf_canonical_write(body, &bytes, e) == 0 ? tuf_check_entry(&bytes, entry, key, e) : -1;
    tm_buf_free(&bytes);
    return rc;
}

/* ---- making them ---- */

struct signing {
    struct tuf_event *ev;
    EVP_PKEY *pkey;
    struct tuf_event_signer *out;
    const json_t *used; /* the last KEY that was signed with */
    char keyid[TUF_KEYID_SIZE];
    struct tm_err *e;
};

static bool same_key(const struct signing *s, const json_t *key)
{
    struct tuf_key k = {0};
    bool same = tuf_key_decode(key, &k, NULL) == 0 && EVP_PKEY_eq(k.pkey, s->pkey) == 1;
    tuf_key_free(&k);
    return same;
}

static bool has_key(const struct signing *s, const struct tuf_signers *by)
{
    size_t i;
    const json_t *id;
    json_array_foreach(by->keyids, i, id)
    {
        const json_t *key = json_object_get(by->keys, json_string_value(id));
        if (key != NULL && same_key(s, key))
            return true;
    }
    return false;
}

bool tuf_event_may_sign(const struct tuf_event *ev, const char *role, EVP_PKEY *pkey)
{
    const struct signing s = {.pkey = pkey};
    struct tuf_signers by;
    return (tuf_event_signers(ev, role, true, &by) && has_key(&s, &by)) ||
           (tuf_event_signers(ev, role, false, &by) && has_key(&s, &by));
}

/* Signs `r` under each keyid of the signers that is this key. */
static int sign_by(struct signing *s, const struct tuf_event_role *r, const struct tuf_signers *by,
                   bool *done)
{
    size_t i;
    const json_t *id;
    json_array_foreach(by->keyids, i, id)
    {
        const char *keyid = json_string_value(id);
        const json_t *key = json_object_get(by->keys, keyid);
        if (key == NULL || !same_key(s, key))
            continue;
        if (tuf_metadata_sign(r->proposed, keyid, key, s->pkey, s->e) != 0)
            return tm_err_wrap(s->e, "sign %s", r->name);
        s->used = key;
        snprintf(s->keyid, sizeof(s->keyid), "%s", keyid);
        *done = true;
    }
    return 0;
}

static int sign_role(struct signing *s, const struct tuf_event_role *r)
{
    struct tuf_signers by;
    bool done = false;
    if (tuf_event_signers(s->ev, r->name, true, &by) && sign_by(s, r, &by, &done) != 0)
        return -1;
    if (tuf_event_signers(s->ev, r->name, false, &by) && sign_by(s, r, &by, &done) != 0)
        return -1;
    if (done)
        tm_buf_printf(&s->out->roles, "%s%s %lld", s->out->roles.len > 0 ? ", " : "", r->name,
                      (long long)tuf_metadata_version(r->proposed));
    return 0;
}

static json_t *statement_body(const struct signing *s, const char *digest, int64_t now)
{
    char when[21];
    tm_clock_format(now, when);
    json_t *roles = tuf_event_summaries(s->ev, s->e);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o*}", "_type", STATEMENT_TYPE, "event",
                     tuf_event_name(s->ev), "digest", digest, "keyid", s->keyid, "holder",
                     tuf_keyring_owner(s->used), "time", when, "roles", roles);
}

/* A holder who signs again says so once. */
static void drop_statement(json_t *list, const char *keyid)
{
    for (size_t i = json_array_size(list); i-- > 0;) {
        const char *by =
            tm_strictjson_str(json_object_get(json_array_get(list, i), "signed"), "keyid");
        if (by != NULL && strcmp(by, keyid) == 0)
            json_array_remove(list, i);
    }
}

static int add_statement(struct signing *s, const char *digest, int64_t now)
{
    json_t *list = json_object_get(s->ev->tree, "statements");
    json_t *body = statement_body(s, digest, now);
    json_t *envelope = body != NULL ? tuf_envelope_new(body) : NULL;
    if (envelope == NULL)
        return tm_err_set(s->e, "out of memory");
    json_t *sig = tuf_sign(json_object_get(envelope, "signed"), s->keyid, s->used, s->pkey, s->e);
    if (sig == NULL || tuf_envelope_put_signature(envelope, sig) != 0) {
        json_decref(envelope);
        return tm_err_wrap(s->e, "sign the statement");
    }
    drop_statement(list, s->keyid);
    return json_array_append_new(list, envelope) == 0 ? 0 : tm_err_set(s->e, "out of memory");
}

static int nobody(const struct tuf_event *ev, EVP_PKEY *pkey, struct tm_err *e)
{
    char hex[65] = "?";
    json_t *key = tuf_key_from_pkey(pkey, NULL);
    if (key != NULL)
        tuf_keyring_fingerprint(key, hex, NULL);
    json_decref(key);
    return tm_err_set(
        e,
        "this key (fingerprint %.16s...) may sign nothing in event '%s': is it the right "
        "key, and the right event?",
        hex, tuf_event_name(ev));
}

int tuf_event_sign(struct tuf_event *ev, EVP_PKEY *pkey, const char *digest, int64_t now,
                   struct tuf_event_signer *out, struct tm_err *e)
{
    struct signing s = {.ev = ev, .pkey = pkey, .out = out, .e = e};
    char now_hex[65];
    *out = (struct tuf_event_signer){0};
    if (tuf_event_digest(ev, now_hex, e) != 0)
        return -1;
    if (strcmp(now_hex, digest) != 0)
        return tm_err_set(e,
                          "the event is not the one that was reviewed: its digest is %.16s..., you "
                          "reviewed %.16s...",
                          now_hex, digest);
    for (size_t i = 0; i < ev->count; i++) {
        if (ev->role[i].proposed != NULL && sign_role(&s, &ev->role[i]) != 0)
            return -1;
    }
    if (s.used == NULL)
        return nobody(ev, pkey, e);
    snprintf(out->holder, sizeof(out->holder), "%s", tuf_keyring_owner(s.used));
    if (tuf_keyring_fingerprint(s.used, out->fingerprint, e) != 0)
        return -1;
    return add_statement(&s, digest, now);
}

/* ---- checking them ---- */

static int check_statement(const struct tuf_event *ev, const json_t *statement, const char *digest,
                           const json_t *roles, struct tm_err *e)
{
    const json_t *body = json_object_get(statement, "signed");
    const char *keyid = tm_strictjson_str(body, "keyid");
    const char *over = tm_strictjson_str(body, "digest");
    const char *name = tm_strictjson_str(body, "event");
    const char *holder = tm_strictjson_str(body, "holder");
    const char *when = tm_strictjson_str(body, "time");
    int64_t seconds;
    if (keyid == NULL || over == NULL || name == NULL || holder == NULL || when == NULL ||
        tm_clock_parse(when, &seconds) != 0 ||
        json_array_size(json_object_get(statement, "signatures")) != 1)
        return tm_err_set(e, "a statement lacks a member");
    const json_t *key = tuf_event_any_key(ev, keyid);
    if (key == NULL)
        return tm_err_set(e, "statement by key %.16s..., which may sign nothing here", keyid);
    if (strcmp(holder, tuf_keyring_owner(key)) != 0)
        return tm_err_set(e, "statement by key %.16s... names '%.64s' as its holder", keyid,
                          holder);
    if (strcmp(over, digest) != 0 || strcmp(name, tuf_event_name(ev)) != 0 ||
        json_equal(json_object_get(body, "roles"), roles) != 1)
        return tm_err_set(
            e,
            "'%s' reviewed another draft (digest %.16s..., this one is %.16s...): the "
            "signature does not count",
            holder, over, digest);
    if (tuf_event_statement_verify(statement, key, e) != 0)
        return tm_err_wrap(e, "statement of '%s'", holder);
    return 0;
}

static int check_statements(const struct tuf_event *ev, const char *digest, struct tm_err *e)
{
    const json_t *list = json_object_get(ev->tree, "statements");
    json_t *roles = tuf_event_summaries(ev, e);
    size_t i;
    const json_t *statement;
    int rc = roles != NULL ? 0 : -1;
    if (json_array_size(list) > TUF_SIGNATURES_MAX)
        rc = tm_err_set(e, "more than %d statements", TUF_SIGNATURES_MAX);
    json_array_foreach(list, i, statement)
    {
        const char *keyid = tm_strictjson_str(json_object_get(statement, "signed"), "keyid");
        for (size_t j = 0; j < i && rc == 0 && keyid != NULL; j++) {
            const char *other =
                tm_strictjson_str(json_object_get(json_array_get(list, j), "signed"), "keyid");
            if (other != NULL && strcmp(other, keyid) == 0)
                rc = tm_err_set(e, "two statements by key %.16s...", keyid);
        }
        if (rc == 0)
            rc = check_statement(ev, statement, digest, roles, e);
    }
    json_decref(roles);
    return rc;
}

/* The fingerprints of the keys whose holders have made a statement, as keys: a public key counts,
 * whatever its keyid was before or after. A new reference, or NULL. */
static json_t *witnesses(const struct tuf_event *ev, struct tm_err *e)
{
    json_t *all = json_object();
    size_t i;
    const json_t *statement;
    json_array_foreach(json_object_get(ev->tree, "statements"), i, statement)
    {
        char hex[65];
        const char *keyid = tm_strictjson_str(json_object_get(statement, "signed"), "keyid");
        const json_t *key = keyid != NULL ? tuf_event_any_key(ev, keyid) : NULL;
        if (key != NULL && tuf_keyring_fingerprint(key, hex, NULL) == 0 &&
            json_object_set_new(all, hex, json_true()) != 0) {
            json_decref(all);
            all = NULL;
        }
    }
    if (all == NULL)
        tm_err_set(e, "out of memory");
    return all;
}

static int check_role_signature(const struct tuf_event *ev, const struct tuf_event_role *r,
                                const json_t *witnessed, const struct tm_buf *bytes,
                                const json_t *entry, struct tm_err *e)
{
    char hex[65];
    const char *keyid = tm_strictjson_str(entry, "keyid");
    const json_t *key = keyid != NULL ? tuf_event_member(ev, r->name, keyid) : NULL;
    if (key == NULL)
        return tm_err_set(e, "%s: signed by key %.16s..., which is no key of this role", r->name,
                          keyid != NULL ? keyid : "?");
    if (tuf_check_entry(bytes, entry, key, e) != 0)
        return tm_err_wrap(e, "%s: signature of '%s'", r->name, tuf_keyring_owner(key));
    if (tuf_keyring_fingerprint(key, hex, e) != 0 || json_object_get(witnessed, hex) == NULL)
        return tm_err_set(e, "%s: '%s' signed, but without a statement of what was reviewed",
                          r->name, tuf_keyring_owner(key));
    return 0;
}

static int check_role_signatures(const struct tuf_event *ev, const struct tuf_event_role *r,
                                 const json_t *witnessed, struct tm_err *e)
{
    struct tm_buf own = {0};
    const struct tm_buf *bytes = tuf_metadata_canonical(r->proposed, &own, e);
    int rc = bytes != NULL ? 0 : -1;
    size_t i;
    const json_t *entry;
    json_array_foreach(tuf_metadata_signatures(r->proposed), i, entry)
    {
        if (rc == 0)
            rc = check_role_signature(ev, r, witnessed, bytes, entry, e);
    }
    tm_buf_free(&own);
    return rc;
}

int tuf_event_check_signatures(const struct tuf_event *ev, struct tm_err *e)
{
    char digest[65];
    if (tuf_event_digest(ev, digest, e) != 0 || check_statements(ev, digest, e) != 0)
        return -1;
    json_t *witnessed = witnesses(ev, e);
    int rc = witnessed != NULL ? 0 : -1;
    for (size_t i = 0; i < ev->count && rc == 0; i++) {
        if (ev->role[i].proposed != NULL)
            rc = check_role_signatures(ev, &ev->role[i], witnessed, e);
    }
    json_decref(witnessed);
    return rc;
}

void tuf_event_each_statement(const struct tuf_event *ev,
                              void (*each)(void *arg, const json_t *statement), void *arg)
{
    size_t i;
    const json_t *statement;
    json_array_foreach(json_object_get(ev->tree, "statements"), i, statement)
    {
        each(arg, statement);
    }
}

/* ---- merging ---- */

static bool has_signature(const struct tuf_metadata *m, const char *keyid)
{
    size_t i;
    const json_t *entry;
    json_array_foreach(tuf_metadata_signatures(m), i, entry)
    {
        const char *by = tm_strictjson_str(entry, "keyid");
        if (by != NULL && strcmp(by, keyid) == 0)
            return true;
    }
    return false;
}

static int merge_role(struct tuf_event *ev, const struct tuf_event_role *from, struct tm_err *e)
{
    const struct tuf_event_role *to = tuf_event_find(ev, from->name);
    size_t i;
    const json_t *entry;
    int added = 0;
    json_array_foreach(tuf_metadata_signatures(from->proposed), i, entry)
    {
        if (has_signature(to->proposed, tm_strictjson_str(entry, "keyid")))
            continue;
        if (tuf_metadata_put_signature(to->proposed, json_deep_copy(entry)) != 0)
            return tm_err_set(e, "out of memory");
        added++;
    }
    return added;
}

static int merge_statements(struct tuf_event *ev, const struct tuf_event *from, struct tm_err *e)
{
    json_t *to = json_object_get(ev->tree, "statements");
    size_t i;
    json_t *statement;
    json_array_foreach(json_object_get(from->tree, "statements"), i, statement)
    {
        const char *keyid = tm_strictjson_str(json_object_get(statement, "signed"), "keyid");
        drop_statement(to, keyid);
        if (json_array_append(to, statement) != 0)
            return tm_err_set(e, "out of memory");
    }
    return 0;
}

int tuf_event_merge(struct tuf_event *ev, const struct tuf_event *from, struct tm_err *e)
{
    char mine[65];
    char theirs[65];
    int added = 0;
    if (tuf_event_digest(ev, mine, e) != 0 || tuf_event_digest(from, theirs, e) != 0)
        return -1;
    if (strcmp(mine, theirs) != 0)
        return tm_err_set(
            e, "not the same proposal: '%s' has digest %.16s..., the other ('%s') %.16s...",
            tuf_event_name(ev), mine, tuf_event_name(from), theirs);
    if (tuf_event_check_signatures(from, e) != 0)
        return tm_err_wrap(e, "the other file");
    for (size_t i = 0; i < from->count; i++) {
        int n = from->role[i].proposed != NULL ? merge_role(ev, &from->role[i], e) : 0;
        if (n < 0)
            return -1;
        added += n;
    }
    if (merge_statements(ev, from, e) != 0 || tuf_event_check_signatures(ev, e) != 0)
        return -1;
    return added;
}
