#include "tuf/metadata/typesjson.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "tuf/metadata/canonical.h"

#define DAYS_MAX 1000000 /* of a period: 2,700 years */

#define LOOSE (unsigned)JSONMAP_LOOSE
#define NOTED (unsigned)JSONMAP_NOTED
#define NEEDED (unsigned)JSONMAP_REQUIRED

/* ---- rows that stand in several tables; `at` is what comes before a member's name ---- */

#define TEXT(type, member, named, how) \
    { \
        .name = (named), JSONMAP_AT(type, member), .kind = JSONMAP_TEXT, .flags = (how) \
    }

static const struct tm_jsonmap_member any_text = {.kind = JSONMAP_TEXT};
#define TEXTS(type, member, named, most, how) \
    { \
        .name = (named), JSONMAP_AT(type, member), .kind = JSONMAP_LIST, .max = (most), \
        .each = &any_text, .size = sizeof(char *), .flags = (how) \
    }

#define PERIOD(type, member, named, most) \
    { \
        .name = (named), JSONMAP_AT(type, member), .kind = JSONMAP_INTEGER, .min = 1, \
        .max = (most), .flags = LOOSE | (unsigned)JSONMAP_OMIT \
    }
#define PERIODS(type, at) \
    PERIOD(type, at expiry, "x-tenmint-expiry-period", INT64_MAX), \
        PERIOD(type, at signing, "x-tenmint-signing-period", INT64_MAX), \
        PERIOD(type, at expiry_days, "x-tuf-on-ci-expiry-period", DAYS_MAX), \
        PERIOD(type, at signing_days, "x-tuf-on-ci-signing-period", DAYS_MAX)

#define ROLE_KEYS(type, at) \
    TEXTS(type, at keyids, "keyids", TUF_KEYIDS_MAX, NEEDED), \
        {.name = "threshold", \
         JSONMAP_AT(type, at threshold), \
         .kind = JSONMAP_INTEGER, \
         .min = 1, \
         .max = INT32_MAX, \
         .flags = NEEDED}, \
        PERIODS(type, at periods.)

#define MAP(rows, type, kept) \
    { \
        .members = (rows), .size = sizeof(type), .unknown = JSONMAP_KEEP, \
        .rest = offsetof(type, kept) \
    }

/* ---- keys ---- */

static const struct tm_jsonmap_member keyval_rows[] = {
    TEXT(struct tuf_keyval, text, "public", LOOSE), {0}};
static const struct tm_jsonmap keyval_map = MAP(keyval_rows, struct tuf_keyval, rest);

static const struct tm_jsonmap_member key_rows[] = {
    TEXT(struct tuf_public_key, keytype, "keytype", LOOSE),
    TEXT(struct tuf_public_key, scheme, "scheme", LOOSE),
    {.name = "keyval",
     JSONMAP_AT(struct tuf_public_key, keyval),
     .kind = JSONMAP_OBJECT,
     .map = &keyval_map,
     .flags = LOOSE | NOTED,
     .has = offsetof(struct tuf_public_key, has_keyval)},
    TEXT(struct tuf_public_key, owner, "x-tenmint-keyowner", LOOSE),
    TEXT(struct tuf_public_key, on_ci_owner, "x-tuf-on-ci-keyowner", LOOSE),
    TEXT(struct tuf_public_key, on_ci_uri, "x-tuf-on-ci-online-uri", LOOSE),
    {0}};
const struct tm_jsonmap tuf_key_map = MAP(key_rows, struct tuf_public_key, rest);

static const struct tm_jsonmap_member any_key = {.kind = JSONMAP_OBJECT, .map = &tuf_key_map};
#define KEYS(type, member) \
    { \
        .name = "keys", JSONMAP_AT(type, member), .kind = JSONMAP_NAMED, .each = &any_key, \
        .size = sizeof(struct tuf_public_key), .flags = NEEDED \
    }

static const struct tm_jsonmap_member keys_rows[] = {KEYS(struct tuf_keys, item), {0}};
static const struct tm_jsonmap keys_map = {
    .members = keys_rows, .size = sizeof(struct tuf_keys), .unknown = JSONMAP_REFUSE};

/* ---- who may sign ---- */

static const struct tm_jsonmap_member role_keys_rows[] = {ROLE_KEYS(struct tuf_role_keys, ), {0}};
static const struct tm_jsonmap role_keys_map = MAP(role_keys_rows, struct tuf_role_keys, rest);

#define TOP_ROLE(named, number) \
    { \
        .name = (named), JSONMAP_AT(struct tuf_roles, role[number]), .kind = JSONMAP_OBJECT, \
        .map = &role_keys_map, .flags = NEEDED \
    }
static const struct tm_jsonmap_member roles_rows[] = {
    TOP_ROLE("root", TUF_ROOT),
    TOP_ROLE("timestamp", TUF_TIMESTAMP),
    TOP_ROLE("snapshot", TUF_SNAPSHOT),
    TOP_ROLE("targets", TUF_TARGETS),
    {.name = "mirrors", JSONMAP_AT(struct tuf_roles, mirrors), .kind = JSONMAP_TREE},
    {0}};
static const struct tm_jsonmap roles_map = {
    .members = roles_rows, .size = sizeof(struct tuf_roles), .unknown = JSONMAP_REFUSE};

/* ---- entries ---- */

static const struct tm_jsonmap_member any_hash = {JSONMAP_AT(struct tuf_named_hash, hex),
                                                  .kind = JSONMAP_TEXT};
#define HASHES(how) \
    { \
        .name = "hashes", JSONMAP_AT(struct tuf_entry, hashes), .kind = JSONMAP_NAMED, .min = 1, \
        .each = &any_hash, .size = sizeof(struct tuf_named_hash), .flags = (how) \
    }
#define LENGTH(how) \
    { \
        .name = "length", JSONMAP_AT(struct tuf_entry, length), .kind = JSONMAP_INTEGER, \
        .max = INT64_MAX, .flags = NOTED | (how), .has = offsetof(struct tuf_entry, has_length) \
    }

static const struct tm_jsonmap_member meta_rows[] = {{.name = "version",
                                                      JSONMAP_AT(struct tuf_entry, version),
                                                      .kind = JSONMAP_INTEGER,
                                                      .min = 1,
                                                      .max = TUF_VERSION_MAX,
                                                      .flags = NEEDED},
                                                     LENGTH(0U),
                                                     HASHES(0U),
                                                     {0}};
static const struct tm_jsonmap meta_map = MAP(meta_rows, struct tuf_entry, rest);

static const struct tm_jsonmap_member sigstore_rows[] = {
    TEXT(struct tuf_sigstore_custom, usage, "usage", LOOSE),
    TEXT(struct tuf_sigstore_custom, status, "status", LOOSE),
    TEXT(struct tuf_sigstore_custom, uri, "uri", LOOSE),
    {0}};
static const struct tm_jsonmap sigstore_map = MAP(sigstore_rows, struct tuf_sigstore_custom, rest);

static const struct tm_jsonmap_member custom_rows[] = {
    {.name = "sigstore",
     JSONMAP_AT(struct tuf_custom, sigstore),
     .kind = JSONMAP_OBJECT,
     .map = &sigstore_map,
     .flags = LOOSE | NOTED,
     .has = offsetof(struct tuf_custom, has_sigstore)},
    {0}};
static const struct tm_jsonmap custom_map = MAP(custom_rows, struct tuf_custom, rest);

static const struct tm_jsonmap_member target_rows[] = {
    LENGTH(NEEDED),
    HASHES(NEEDED),
    {.name = "custom",
     JSONMAP_AT(struct tuf_entry, custom),
     .kind = JSONMAP_OBJECT,
     .map = &custom_map,
     .flags = LOOSE | NOTED,
     .has = offsetof(struct tuf_entry, has_custom)},
    {0}};
static const struct tm_jsonmap target_map = MAP(target_rows, struct tuf_entry, rest);

/* ---- delegations ---- */

/* null: go-tuf before v2 writes that for the one which the role does not have. */
#define COVERED(member, named, present) \
    { \
        .name = (named), JSONMAP_AT(struct tuf_delegated_role, member), .kind = JSONMAP_LIST, \
        .max = TUF_PATHS_MAX, .each = &any_text, .size = sizeof(char *), \
        .flags = NOTED | (unsigned)JSONMAP_NULL | (unsigned)JSONMAP_ALWAYS, \
        .has = offsetof(struct tuf_delegated_role, present) \
    }
static const struct tm_jsonmap_member delegated_rows[] = {
    TEXT(struct tuf_delegated_role, name, "name", NEEDED),
    ROLE_KEYS(struct tuf_delegated_role, by.),
    {.name = "terminating",
     JSONMAP_AT(struct tuf_delegated_role, terminating),
     .kind = JSONMAP_BOOL,
     .flags = NEEDED},
    COVERED(paths, "paths", has_paths),
    COVERED(prefixes, "path_hash_prefixes", has_prefixes),
    {0}};
static const struct tm_jsonmap delegated_map =
    MAP(delegated_rows, struct tuf_delegated_role, by.rest);
static const struct tm_jsonmap_member any_delegated = {.kind = JSONMAP_OBJECT,
                                                       .map = &delegated_map};

static const struct tm_jsonmap_member bins_rows[] = {
    ROLE_KEYS(struct tuf_bins, by.),
    {.name = "bit_length",
     JSONMAP_AT(struct tuf_bins, bits),
     .kind = JSONMAP_INTEGER,
     .min = 1,
     .max = TUF_SUCCINCT_BITS_MAX,
     .flags = NEEDED},
    TEXT(struct tuf_bins, prefix, "name_prefix", NEEDED),
    {0}};
static const struct tm_jsonmap bins_map = MAP(bins_rows, struct tuf_bins, by.rest);

static const struct tm_jsonmap_member delegations_rows[] = {
    KEYS(struct tuf_delegations, keys),
    {.name = "roles",
     JSONMAP_AT(struct tuf_delegations, roles),
     .kind = JSONMAP_LIST,
     .each = &any_delegated,
     .size = sizeof(struct tuf_delegated_role),
     .flags = NOTED | (unsigned)JSONMAP_ALWAYS,
     .has = offsetof(struct tuf_delegations, has_roles)},
    {.name = "succinct_roles",
     JSONMAP_AT(struct tuf_delegations, bins),
     .kind = JSONMAP_OBJECT,
     .map = &bins_map,
     .flags = NOTED,
     .has = offsetof(struct tuf_delegations, has_bins)},
    {0}};
static const struct tm_jsonmap delegations_map =
    MAP(delegations_rows, struct tuf_delegations, rest);

/* ---- `signed` ---- */

static int read_date(const json_t *v, void *place, const struct tm_jsonmap_how *how,
                     struct tm_err *e)
{
    const char *text = json_string_value(v);
    (void)how;
    return text != NULL && tm_clock_parse(text, place) == 0
               ? 0
               : tm_err_set(e,
                            "is not a date of the form 2030-01-31T12:00:00Z (UTC, whole seconds)");
}

static json_t *write_date(const void *place, struct tm_err *e)
{
    char text[21];
    tm_clock_format(*(const int64_t *)place, text);
    json_t *v = json_string(text);
    if (v == NULL)
        tm_err_set(e, "out of memory");
    return v;
}

static const struct tm_jsonmap_type date = {.read = read_date, .write = write_date};

/* The map of entries, which stand elsewhere. */
static int read_hollow(const json_t *v, void *place, const struct tm_jsonmap_how *how,
                       struct tm_err *e)
{
    (void)place;
    (void)how;
    if (!json_is_object(v))
        return tm_err_set(e, "is not an object");
    return json_object_size(v) == 0 ? 0 : tm_err_set(e, "holds entries (internal error)");
}

static json_t *write_hollow(const void *place, struct tm_err *e)
{
    json_t *v = json_object();
    (void)place;
    if (v == NULL)
        tm_err_set(e, "out of memory");
    return v;
}

static const struct tm_jsonmap_type hollow = {.read = read_hollow, .write = write_hollow};

/* The role stands in the struct already: it chose the table. */
static int read_type(const json_t *v, void *place, const struct tm_jsonmap_how *how,
                     struct tm_err *e)
{
    const char *want = tuf_role_name(*(const enum tuf_role *)place);
    const char *text = json_string_value(v);
    (void)how;
    if (text == NULL)
        return tm_err_set(e, "is not a string");
    return strcmp(text, want) == 0 ? 0 : tm_err_set(e, "is '%.40s', not '%s'", text, want);
}

static json_t *write_type(const void *place, struct tm_err *e)
{
    json_t *v = json_string(tuf_role_name(*(const enum tuf_role *)place));
    if (v == NULL)
        tm_err_set(e, "out of memory");
    return v;
}

static const struct tm_jsonmap_type type_name = {.read = read_type, .write = write_type};

#define COMMON_ROWS \
    {.name = "_type", \
     JSONMAP_AT(struct tuf_signed, role), \
     .kind = JSONMAP_OWN, \
     .type = &type_name, \
     .flags = NEEDED}, \
        TEXT(struct tuf_signed, spec_version, "spec_version", NEEDED), \
        {.name = "version", \
         JSONMAP_AT(struct tuf_signed, version), \
         .kind = JSONMAP_INTEGER, \
         .min = 1, \
         .max = TUF_VERSION_MAX, \
         .flags = NEEDED}, \
        {.name = "expires", \
         JSONMAP_AT(struct tuf_signed, expires), \
         .kind = JSONMAP_OWN, \
         .type = &date, \
         .flags = NEEDED}, \
        PERIODS(struct tuf_signed, periods.)
#define HOLLOW(named) \
    { \
        .name = (named), JSONMAP_AT(struct tuf_signed, rest), .kind = JSONMAP_OWN, \
        .type = &hollow, .flags = NEEDED \
    }

static const struct tm_jsonmap_member head_rows[] = {
    {.name = "lines",
     JSONMAP_AT(struct tuf_transcript_head, lines),
     .kind = JSONMAP_INTEGER,
     .min = 1,
     .max = INT64_MAX,
     .flags = NEEDED},
    TEXT(struct tuf_transcript_head, sha256, "sha256", NEEDED),
    {0}};
static const struct tm_jsonmap head_map = MAP(head_rows, struct tuf_transcript_head, rest);

#define HEAD_ROW \
    { \
        .name = TUF_TRANSCRIPT_MEMBER, JSONMAP_AT(struct tuf_signed, transcript), \
        .kind = JSONMAP_OBJECT, .map = &head_map, .flags = LOOSE | NOTED, \
        .has = offsetof(struct tuf_signed, has_transcript) \
    }

static const struct tm_jsonmap_member root_rows[] = {
    COMMON_ROWS,
    {.name = "consistent_snapshot",
     JSONMAP_AT(struct tuf_signed, root.consistent_snapshot),
     .kind = JSONMAP_BOOL,
     .flags = NOTED,
     .has = offsetof(struct tuf_signed, root.has_consistent_snapshot)},
    HEAD_ROW,
    KEYS(struct tuf_signed, root.keys),
    {.name = "roles",
     JSONMAP_AT(struct tuf_signed, root.roles),
     .kind = JSONMAP_OBJECT,
     .map = &roles_map,
     .flags = NEEDED},
    {0}};

static const struct tm_jsonmap_member snapshot_of_rows[] = {
    {.name = "snapshot.json", .kind = JSONMAP_OBJECT, .map = &meta_map, .flags = NEEDED}, {0}};
static const struct tm_jsonmap snapshot_of_map = {
    .members = snapshot_of_rows, .size = sizeof(struct tuf_entry), .unknown = JSONMAP_REFUSE};

static const struct tm_jsonmap_member timestamp_rows[] = {
    COMMON_ROWS,
    {.name = "meta",
     JSONMAP_AT(struct tuf_signed, timestamp.snapshot),
     .kind = JSONMAP_OBJECT,
     .map = &snapshot_of_map,
     .flags = NEEDED},
    HEAD_ROW,
    {0}};

static const struct tm_jsonmap_member snapshot_rows[] = {COMMON_ROWS, HOLLOW("meta"), {0}};

static const struct tm_jsonmap_member targets_rows[] = {
    COMMON_ROWS,
    HEAD_ROW,
    HOLLOW("targets"),
    {.name = "delegations",
     JSONMAP_AT(struct tuf_signed, targets.delegations),
     .kind = JSONMAP_OBJECT,
     .map = &delegations_map,
     .flags = NOTED,
     .has = offsetof(struct tuf_signed, targets.has_delegations)},
    {.name = "x-tenmint-clients-act-on",
     JSONMAP_AT(struct tuf_signed, targets.acted_on),
     .kind = JSONMAP_LIST,
     .min = 1,
     .each = &any_text,
     .size = sizeof(char *),
     .flags = LOOSE},
    {0}};

static const struct tm_jsonmap signed_maps[TUF_ROLE_COUNT] = {
    [TUF_ROOT] = MAP(root_rows, struct tuf_signed, rest),
    [TUF_TIMESTAMP] = MAP(timestamp_rows, struct tuf_signed, rest),
    [TUF_SNAPSHOT] = MAP(snapshot_rows, struct tuf_signed, rest),
    [TUF_TARGETS] = MAP(targets_rows, struct tuf_signed, rest)};

/* ---- files ---- */

static const struct tm_jsonmap_member signature_rows[] = {
    TEXT(struct tuf_signature, keyid, "keyid", NEEDED),
    TEXT(struct tuf_signature, sig, "sig", NEEDED),
    {0}};
static const struct tm_jsonmap signature_map = MAP(signature_rows, struct tuf_signature, rest);
static const struct tm_jsonmap_member any_signature = {.kind = JSONMAP_OBJECT,
                                                       .map = &signature_map};

struct file { /* `signed` is read by the table of its role */
    struct tuf_signatures signatures;
    json_t *body;
    json_t *rest;
};

static const struct tm_jsonmap_member file_rows[] = {
    {.name = "signatures",
     JSONMAP_AT(struct file, signatures),
     .kind = JSONMAP_LIST,
     .max = TUF_SIGNATURES_MAX,
     .each = &any_signature,
     .size = sizeof(struct tuf_signature),
     .flags = NEEDED},
    {.name = "signed", JSONMAP_AT(struct file, body), .kind = JSONMAP_TREE, .flags = NEEDED},
    {0}};
static const struct tm_jsonmap file_map = MAP(file_rows, struct file, rest);

/* ---- reading and writing ---- */

static int read_by(const json_t *v, const struct tm_jsonmap *map, void *out, struct tm_err *e)
{
    if (tm_jsonmap_read(v, map, NULL, out, e) == 0)
        return 0;
    tm_jsonmap_free(map, out);
    return -1;
}

static int copy_by(const struct tm_jsonmap *map, const void *from, void *to, struct tm_err *e)
{
    json_t *v = tm_jsonmap_write(map, from, e);
    int rc = v != NULL ? read_by(v, map, to, e) : -1;
    json_decref(v);
    return rc;
}

static int by_keyid(const void *a, const void *b)
{
    return strcmp(((const struct tuf_public_key *)a)->keyid,
                  ((const struct tuf_public_key *)b)->keyid);
}

static void sort_keys(struct tuf_keys *keys)
{
    if (keys->count > 1)
        qsort(keys->item, keys->count, sizeof(*keys->item), by_keyid);
}

int tuf_read_signed(const json_t *v, enum tuf_role role, struct tuf_signed *out, struct tm_err *e)
{
    out->role = role;
    if (read_by(v, &signed_maps[role], out, e) != 0)
        return -1;
    if (role == TUF_ROOT)
        sort_keys(&out->root.keys);
    if (role == TUF_TARGETS)
        sort_keys(&out->targets.delegations.keys);
    return 0;
}

json_t *tuf_write_signed(const struct tuf_signed *s, struct tm_err *e)
{
    return tm_jsonmap_write(&signed_maps[s->role], s, e);
}

int tuf_copy_signed(const struct tuf_signed *from, struct tuf_signed *to, struct tm_err *e)
{
    to->role = from->role;
    return copy_by(&signed_maps[from->role], from, to, e);
}

void tuf_free_signed(struct tuf_signed *s)
{
    tm_jsonmap_free(&signed_maps[s->role], s);
    *s = (struct tuf_signed){0};
}

int tuf_read_document(const json_t *v, enum tuf_role role, struct tuf_document *out,
                      struct tm_err *e)
{
    struct file f = {0};
    if (read_by(v, &file_map, &f, e) != 0)
        return -1;
    int rc = tuf_read_signed(f.body, role, &out->body, e);
    json_decref(f.body);
    out->signatures = f.signatures;
    out->rest = f.rest;
    if (rc != 0)
        tuf_free_document(out);
    return rc;
}

json_t *tuf_write_document(const struct tuf_document *d, struct tm_err *e)
{
    struct file f = {d->signatures, tuf_write_signed(&d->body, e), d->rest};
    json_t *v = f.body != NULL ? tm_jsonmap_write(&file_map, &f, e) : NULL;
    json_decref(f.body);
    return v;
}

void tuf_free_document(struct tuf_document *d)
{
    struct file f = {d->signatures, NULL, d->rest};
    tm_jsonmap_free(&file_map, &f);
    tuf_free_signed(&d->body);
    *d = (struct tuf_document){0};
}

int tuf_read_key(const json_t *v, struct tuf_public_key *out, struct tm_err *e)
{
    return read_by(v, &tuf_key_map, out, e);
}

json_t *tuf_write_key(const struct tuf_public_key *key, struct tm_err *e)
{
    return tm_jsonmap_write(&tuf_key_map, key, e);
}

int tuf_copy_key(const struct tuf_public_key *from, struct tuf_public_key *to, struct tm_err *e)
{
    if (copy_by(&tuf_key_map, from, to, e) != 0)
        return -1;
    if (tuf_text_set(&to->keyid, from->keyid) == 0)
        return 0;
    tuf_free_key(to);
    return tm_err_set(e, "out of memory");
}

void tuf_free_key(struct tuf_public_key *key)
{
    tm_jsonmap_free(&tuf_key_map, key);
    free(key->keyid);
    *key = (struct tuf_public_key){0};
}

/* NULL on either side, when memory is out, is the same as nothing. */
static bool same_by(const struct tm_jsonmap *map, const void *a, const void *b)
{
    json_t *x = tm_jsonmap_write(map, a, NULL);
    json_t *y = tm_jsonmap_write(map, b, NULL);
    bool same = x != NULL && y != NULL && json_equal(x, y) == 1;
    json_decref(x);
    json_decref(y);
    return same;
}

bool tuf_same_key(const struct tuf_public_key *a, const struct tuf_public_key *b)
{
    return same_by(&tuf_key_map, a, b);
}

int tuf_read_keys(const json_t *v, struct tuf_keys *out, struct tm_err *e)
{
    json_t *wrapped = json_pack("{s:O}", "keys", (json_t *)v);
    int rc = read_by(wrapped, &keys_map, out, e);
    json_decref(wrapped);
    if (rc == 0)
        sort_keys(out);
    return rc;
}

void tuf_free_keys(struct tuf_keys *keys)
{
    tm_jsonmap_free(&keys_map, keys);
}

int tuf_copy_role_keys(const struct tuf_role_keys *from, struct tuf_role_keys *to, struct tm_err *e)
{
    return copy_by(&role_keys_map, from, to, e);
}

void tuf_free_role_keys(struct tuf_role_keys *r)
{
    tm_jsonmap_free(&role_keys_map, r);
    *r = (struct tuf_role_keys){0};
}

int tuf_copy_delegated_role(const struct tuf_delegated_role *from, struct tuf_delegated_role *to,
                            struct tm_err *e)
{
    return copy_by(&delegated_map, from, to, e);
}

void tuf_free_delegations(struct tuf_delegations *d)
{
    tm_jsonmap_free(&delegations_map, d);
    *d = (struct tuf_delegations){0};
}

int tuf_read_signatures(const json_t *v, struct tuf_signatures *out, struct tm_err *e)
{
    json_t *wrapped = json_pack("{s:O, s:n}", "signatures", (json_t *)v, "signed");
    struct file f = {0};
    int rc = read_by(wrapped, &file_map, &f, e);
    json_decref(wrapped);
    json_decref(f.body);
    *out = f.signatures;
    return rc;
}

json_t *tuf_write_signatures(const struct tuf_signatures *s, struct tm_err *e)
{
    const struct file f = {.signatures = *s};
    json_t *whole = tm_jsonmap_write(&file_map, &f, e);
    json_t *list = json_incref(json_object_get(whole, "signatures"));
    json_decref(whole);
    return list;
}

void tuf_free_signatures(struct tuf_signatures *s)
{
    struct file f = {.signatures = *s};
    tm_jsonmap_free(&file_map, &f);
    *s = (struct tuf_signatures){0};
}

static const struct tm_jsonmap *entry_map(enum tuf_role role)
{
    return role == TUF_TARGETS ? &target_map : &meta_map;
}

int tuf_read_entry(const json_t *v, enum tuf_role role, struct tuf_entry *out, struct tm_err *e)
{
    return read_by(v, entry_map(role), out, e);
}

json_t *tuf_write_entry(const struct tuf_entry *entry, enum tuf_role role, struct tm_err *e)
{
    return tm_jsonmap_write(entry_map(role), entry, e);
}

void tuf_free_entry(struct tuf_entry *entry)
{
    tm_jsonmap_free(&target_map, entry); /* which has all that the other has */
    *entry = (struct tuf_entry){0};
}

/* ---- what is unknown ---- */

int tuf_member_compare(const char *name, const json_t *was, const json_t *is, tuf_rest_fn each,
                       void *arg, struct tm_err *e)
{
    struct tm_buf before = {0};
    struct tm_buf after = {0};
    int rc = (was == NULL || tuf_canonical_write(was, &before, e) == 0) &&
                     (is == NULL || tuf_canonical_write(is, &after, e) == 0)
                 ? 0
                 : -1;
    if (rc == 0 && was != is && (was == NULL || is == NULL || json_equal(was, is) != 1))
        rc = each(arg, name, was != NULL ? tm_buf_str(&before) : NULL,
                  is != NULL ? tm_buf_str(&after) : NULL, e);
    tm_buf_free(&before);
    tm_buf_free(&after);
    return rc;
}

int tuf_rest_compare(const json_t *before, const json_t *after, tuf_rest_fn each, void *arg,
                     struct tm_err *e)
{
    const char *name;
    json_t *value;
    int rc = 0;
    json_object_foreach((json_t *)after, name, value)
    {
        if (rc == 0)
            rc = tuf_member_compare(name, json_object_get(before, name), value, each, arg, e);
    }
    json_object_foreach((json_t *)before, name, value)
    {
        if (rc == 0 && json_object_get(after, name) == NULL)
            rc = tuf_member_compare(name, value, NULL, each, arg, e);
    }
    return rc;
}

/* A member that some take for `name`, and we do not. */
static bool has_in_other_case(const json_t *rest, const char *name)
{
    const char *kept;
    json_t *value;
    bool found = false;
    json_object_foreach((json_t *)rest, kept, value)
    {
        found = found || (strcasecmp(kept, name) == 0 && strcmp(kept, name) != 0);
    }
    return found;
}

bool tuf_custom_is_ambiguous(const struct tuf_entry *entry)
{
    static const char *const told[] = {"usage", "status", "uri"};
    bool found = has_in_other_case(entry->rest, "custom") ||
                 has_in_other_case(entry->custom.rest, "sigstore");
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
        found = found || has_in_other_case(entry->custom.sigstore.rest, told[i]);
    return found;
}

bool tuf_rest_has(const json_t *rest, const char *name)
{
    return json_object_get(rest, name) != NULL;
}

int tuf_entry_rest_compare(const struct tuf_entry *before, const struct tuf_entry *after,
                           tuf_rest_fn each, void *arg, struct tm_err *e)
{
    const struct tuf_entry *const both[] = {before, after};
    json_t *v[2] = {NULL, NULL};
    int rc = 0;
    for (int i = 0; i < 2 && rc == 0; i++) {
        if (both[i] == NULL)
            continue;
        v[i] = tuf_write_entry(both[i], TUF_TARGETS, e);
        json_object_del(v[i], "hashes");
        json_object_del(v[i], "length");
        rc = v[i] != NULL ? 0 : -1;
    }
    if (rc == 0)
        rc = tuf_rest_compare(v[0], v[1], each, arg, e);
    json_decref(v[0]);
    json_decref(v[1]);
    return rc;
}
