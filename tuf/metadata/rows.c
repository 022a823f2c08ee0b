#include "tuf/metadata/rows.h"

#include <string.h>

#include "common/clock.h"

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
    JSONMAP_ROW(struct tuf_public_key, "keyval", keyval, OBJECT, .map = &keyval_map,
                .flags = LOOSE | NOTED, .has = offsetof(struct tuf_public_key, has_keyval)),
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
const struct tm_jsonmap tuf_keys_map = {
    .members = keys_rows, .size = sizeof(struct tuf_keys), .unknown = JSONMAP_REFUSE};

/* ---- who may sign ---- */

static const struct tm_jsonmap_member role_keys_rows[] = {ROLE_KEYS(struct tuf_role_keys, ), {0}};
const struct tm_jsonmap tuf_role_keys_map = MAP(role_keys_rows, struct tuf_role_keys, rest);

#define TOP_ROLE(named, number) \
    { \
        .name = (named), JSONMAP_AT(struct tuf_roles, role[number]), .kind = JSONMAP_OBJECT, \
        .map = &tuf_role_keys_map, .flags = NEEDED \
    }
static const struct tm_jsonmap_member roles_rows[] = {
    TOP_ROLE("root", TUF_ROOT),
    TOP_ROLE("timestamp", TUF_TIMESTAMP),
    TOP_ROLE("snapshot", TUF_SNAPSHOT),
    TOP_ROLE("targets", TUF_TARGETS),
    JSONMAP_ROW(struct tuf_roles, "mirrors", mirrors, TREE),
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

static const struct tm_jsonmap_member meta_rows[] = {
    JSONMAP_ROW(struct tuf_entry, "version", version, INTEGER, .min = 1, .max = TUF_VERSION_MAX,
                .flags = NEEDED),
    LENGTH(0U),
    HASHES(0U),
    {0}};
const struct tm_jsonmap tuf_meta_map = MAP(meta_rows, struct tuf_entry, rest);

static const struct tm_jsonmap_member sigstore_rows[] = {
    TEXT(struct tuf_sigstore_custom, usage, "usage", LOOSE),
    TEXT(struct tuf_sigstore_custom, status, "status", LOOSE),
    TEXT(struct tuf_sigstore_custom, uri, "uri", LOOSE),
    {0}};
static const struct tm_jsonmap sigstore_map = MAP(sigstore_rows, struct tuf_sigstore_custom, rest);

static const struct tm_jsonmap_member custom_rows[] = {
    JSONMAP_ROW(struct tuf_custom, "sigstore", sigstore, OBJECT, .map = &sigstore_map,
                .flags = LOOSE | NOTED, .has = offsetof(struct tuf_custom, has_sigstore)),
    {0}};
static const struct tm_jsonmap custom_map = MAP(custom_rows, struct tuf_custom, rest);

static const struct tm_jsonmap_member target_rows[] = {
    LENGTH(NEEDED),
    HASHES(NEEDED),
    JSONMAP_ROW(struct tuf_entry, "custom", custom, OBJECT, .map = &custom_map,
                .flags = LOOSE | NOTED, .has = offsetof(struct tuf_entry, has_custom)),
    {0}};
const struct tm_jsonmap tuf_target_map = MAP(target_rows, struct tuf_entry, rest);

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
    JSONMAP_ROW(struct tuf_delegated_role, "terminating", terminating, BOOL, .flags = NEEDED),
    COVERED(paths, "paths", has_paths),
    COVERED(prefixes, "path_hash_prefixes", has_prefixes),
    {0}};
const struct tm_jsonmap tuf_delegated_map = MAP(delegated_rows, struct tuf_delegated_role, by.rest);
static const struct tm_jsonmap_member any_delegated = {.kind = JSONMAP_OBJECT,
                                                       .map = &tuf_delegated_map};

static const struct tm_jsonmap_member bins_rows[] = {
    ROLE_KEYS(struct tuf_bins, by.),
    JSONMAP_ROW(struct tuf_bins, "bit_length", bits, INTEGER, .min = 1,
                .max = TUF_SUCCINCT_BITS_MAX, .flags = NEEDED),
    TEXT(struct tuf_bins, prefix, "name_prefix", NEEDED),
    {0}};
static const struct tm_jsonmap bins_map = MAP(bins_rows, struct tuf_bins, by.rest);

static const struct tm_jsonmap_member delegations_rows[] = {
    KEYS(struct tuf_delegations, keys),
    JSONMAP_ROW(struct tuf_delegations, "roles", roles, LIST, .each = &any_delegated,
                .size = sizeof(struct tuf_delegated_role),
                .flags = NOTED | (unsigned)JSONMAP_ALWAYS,
                .has = offsetof(struct tuf_delegations, has_roles)),
    JSONMAP_ROW(struct tuf_delegations, "succinct_roles", bins, OBJECT, .map = &bins_map,
                .flags = NOTED, .has = offsetof(struct tuf_delegations, has_bins)),
    {0}};
const struct tm_jsonmap tuf_delegations_map = MAP(delegations_rows, struct tuf_delegations, rest);

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
    JSONMAP_ROW(struct tuf_transcript_head, "lines", lines, INTEGER, .min = 1, .max = INT64_MAX,
                .flags = NEEDED),
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
    JSONMAP_ROW(struct tuf_signed, "consistent_snapshot", root.consistent_snapshot, BOOL,
                .flags = NOTED, .has = offsetof(struct tuf_signed, root.has_consistent_snapshot)),
    HEAD_ROW,
    KEYS(struct tuf_signed, root.keys),
    JSONMAP_ROW(struct tuf_signed, "roles", root.roles, OBJECT, .map = &roles_map, .flags = NEEDED),
    {0}};

static const struct tm_jsonmap_member snapshot_of_rows[] = {
    {.name = "snapshot.json", .kind = JSONMAP_OBJECT, .map = &tuf_meta_map, .flags = NEEDED}, {0}};
static const struct tm_jsonmap snapshot_of_map = {
    .members = snapshot_of_rows, .size = sizeof(struct tuf_entry), .unknown = JSONMAP_REFUSE};

static const struct tm_jsonmap_member timestamp_rows[] = {
    COMMON_ROWS,
    JSONMAP_ROW(struct tuf_signed, "meta", timestamp.snapshot, OBJECT, .map = &snapshot_of_map,
                .flags = NEEDED),
    HEAD_ROW,
    {0}};

static const struct tm_jsonmap_member snapshot_rows[] = {COMMON_ROWS, HOLLOW("meta"), {0}};

static const struct tm_jsonmap_member targets_rows[] = {
    COMMON_ROWS,
    HEAD_ROW,
    HOLLOW("targets"),
    JSONMAP_ROW(struct tuf_signed, "delegations", targets.delegations, OBJECT,
                .map = &tuf_delegations_map, .flags = NOTED,
                .has = offsetof(struct tuf_signed, targets.has_delegations)),
    JSONMAP_ROW(struct tuf_signed, "x-tenmint-clients-act-on", targets.acted_on, LIST, .min = 1,
                .each = &any_text, .size = sizeof(char *), .flags = LOOSE),
    {0}};

const struct tm_jsonmap tuf_signed_maps[TUF_ROLE_COUNT] = {
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

static const struct tm_jsonmap_member file_rows[] = {
    JSONMAP_ROW(struct tuf_file, "signatures", signatures, LIST, .max = TUF_SIGNATURES_MAX,
                .each = &any_signature, .size = sizeof(struct tuf_signature), .flags = NEEDED),
    JSONMAP_ROW(struct tuf_file, "signed", body, TREE, .flags = NEEDED),
    {0}};
const struct tm_jsonmap tuf_file_map = MAP(file_rows, struct tuf_file, rest);
