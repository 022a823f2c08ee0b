/* trusted_root.json to and from its struct. */
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/grow.h"
#include "common/json/jsonfile.h"
#include "common/utf8.h"
#include "tuf/verify/trust/internal.h"
#include "tuf/verify/trust/jsontypes.h"
#include "tuf/verify/trust/key_details.h"

#define KEY_BYTES_MAX 8192

/* --- the tables --- */

static const struct tm_jsonmap_name hashes[] = {{"SHA2_256", TRUST_SHA2_256, 1}, {NULL, 0, 0}};

#define ENTRY(member) JSONMAP_AT(struct tuf_trust_entry, member)

/* The fields that authorities and keys of logs have in common. */
#define VALID_FOR \
    { \
        .name = "validFor", ENTRY(valid), .kind = JSONMAP_OBJECT, .map = &tuf_json_validity, \
        .flags = JSONMAP_NOTED, .has = offsetof(struct tuf_trust_entry, has_valid) \
    }
#define OPERATOR \
    { \
        .name = "operator", ENTRY(operator_name), .kind = JSONMAP_TEXT, .flags = JSONMAP_LOOSE \
    }

TUF_JSON_MESSAGE(
    subject, struct tuf_trust_entry,
    {.name = "organization", ENTRY(organization), .kind = JSONMAP_TEXT, .flags = JSONMAP_LOOSE},
    {.name = "commonName", ENTRY(common_name), .kind = JSONMAP_TEXT, .flags = JSONMAP_LOOSE});

TUF_JSON_MESSAGE(
    authority, struct tuf_trust_entry,
    {.name = "subject", .kind = JSONMAP_OBJECT, .map = &subject_map, .flags = JSONMAP_LOOSE},
    {.name = "uri", ENTRY(uri), .kind = JSONMAP_TEXT, .flags = JSONMAP_LOOSE},
    {.name = "certChain", ENTRY(chain), .kind = JSONMAP_OBJECT, .map = &tuf_json_chain}, VALID_FOR,
    OPERATOR);

TUF_JSON_MESSAGE(
    key, struct tuf_trust_entry,
    {.name = "rawBytes", ENTRY(key_bytes), .kind = JSONMAP_BASE64, .max = KEY_BYTES_MAX},
    {.name = "keyDetails",
     ENTRY(key_details),
     .kind = JSONMAP_ENUM,
     .names = tuf_key_details_names},
    VALID_FOR);

TUF_JSON_MESSAGE(
    log, struct tuf_trust_entry,
    {.name = "baseUrl", ENTRY(uri), .kind = JSONMAP_TEXT, .flags = JSONMAP_ALWAYS | JSONMAP_LOOSE},
    {.name = "hashAlgorithm", ENTRY(hash), .kind = JSONMAP_ENUM, .names = hashes},
    {.name = "publicKey", .kind = JSONMAP_OBJECT, .map = &key_map, .flags = JSONMAP_REQUIRED},
    {.name = "logId", ENTRY(log_id), .kind = JSONMAP_OBJECT, .map = &tuf_json_log_id},
    {.name = "checkpointKeyId",
     ENTRY(checkpoint_id),
     .kind = JSONMAP_OBJECT,
     .map = &tuf_json_log_id,
     .flags = JSONMAP_OMIT | JSONMAP_LOOSE},
    OPERATOR);

struct one {
    struct tuf_trust_entry entry;
    char *unread; /* why it cannot be read, else NULL */
};

struct entries {
    struct one *item;
    size_t count;
};

struct file {
    char *media_type;
    struct entries list[TRUST_LIST_COUNT];
};

#define ONE(of) \
    { \
        .kind = JSONMAP_OBJECT, .map = &(of), .flags = JSONMAP_ALONE, \
        .has = offsetof(struct one, unread) \
    }
static const struct tm_jsonmap_member a_log = ONE(log_map);
static const struct tm_jsonmap_member an_authority = ONE(authority_map);

#define LIST(member, number, row) \
    { \
        .name = (member), \
        .place = offsetof(struct file, list) + (number) * sizeof(struct entries), \
        .kind = JSONMAP_LIST, .flags = JSONMAP_ALWAYS, .each = &(row), .size = sizeof(struct one), \
        .max = TRUSTED_ROOT_ENTRIES_MAX \
    }

TUF_JSON_MESSAGE(file, struct file, JSONMAP_ROW(struct file, "mediaType", media_type, TEXT),
                 LIST("tlogs", TRUST_TLOG, a_log),
                 LIST("certificateAuthorities", TRUST_CA, an_authority),
                 LIST("ctlogs", TRUST_CTLOG, a_log),
                 LIST("timestampAuthorities", TRUST_TSA, an_authority));

/* --- what an entry is worth --- */

/* What can be told without a look at its key: why it counts for nothing; NULL: it may count. */
static const char *worthless(enum tuf_trust_list list, const struct one *read)
{
    const struct tuf_trust_entry *t = &read->entry;
    if (read->unread != NULL)
        return read->unread;
    if (!t->has_valid)
        return "'validFor' is missing";
    if (!tuf_trust_lists[list].log)
        return t->chain != NULL && sk_X509_num(t->chain) > 0 ? NULL
                                                             : "'certChain' has no certificate";
    if (t->hash != TRUST_SHA2_256)
        return "'hashAlgorithm' is none that is known here";
    if (tuf_key_details_by_number(t->key_details) == NULL)
        return "'keyDetails' is no kind of key that is known here";
    if (t->key_bytes.len == 0)
        return "'publicKey': 'rawBytes' is missing";
    if (t->log_id.len == 0)
        return "'logId': 'keyId' is missing";
    return t->valid.has_start ? NULL : "'validFor' has no 'start'";
}

/* Reads its key; -1 with the reason in `why`: it counts for nothing. A key of a type that OpenSSL
 * lacks stays in the file and verifies nothing. */
static int judge(enum tuf_trust_list list, struct one *read, struct tm_err *why)
{
    struct tuf_trust_entry *t = &read->entry;
    const char *text = worthless(list, read);
    if (text != NULL)
        return tm_err_set(why, "%s", text);
    if (!tuf_trust_lists[list].log)
        return 0;
    return tuf_key_details_read(tuf_key_details_by_number(t->key_details), t->key_bytes.data,
                                t->key_bytes.len, &t->key, why) == 0
               ? 0
               : tm_err_wrap(why, "'publicKey'");
}

char *tuf_left_out_note(const char *where, const char *url, const char *why)
{
    char text[384];
    bool named = url != NULL && *url != '\0';
    snprintf(text, sizeof(text), "%s%s%.100s%s counts for nothing: %.200s", where,
             named ? " (" : "", named ? url : "", named ? ")" : "", why);
    tm_utf8_clean(text);
    return strdup(text);
}

static int leave_out(struct tuf_trusted_root *r, enum tuf_trust_list list, const char *where,
                     const struct tuf_trust_entry *t, const char *why, struct tm_err *e)
{
    struct tuf_trust_left_out *it = tm_grow(&r->left_out, &r->left_out_count, sizeof(*it), e);
    if (it == NULL)
        return -1;
    *it = (struct tuf_trust_left_out){list, t->valid, tuf_left_out_note(where, t->uri, why)};
    return it->note != NULL ? 0 : tm_err_set(e, "out of memory");
}

/* Moves a read entry out of the file's list. */
static int take(struct tuf_trusted_root *r, enum tuf_trust_list list, struct tuf_trust_entry *read,
                struct tm_err *e)
{
    struct tuf_trust_entry *t = malloc(sizeof(*t));
    if (t == NULL)
        return tm_err_set(e, "out of memory");
    *t = *read;
    memset(read, 0, sizeof(*read));
    /* One table reads both kinds of entries, each with half of the texts. */
    char **const texts[] = {&t->uri, &t->operator_name, &t->organization, &t->common_name};
    int rc = 0;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && rc == 0; i++) {
        if (*texts[i] == NULL && (*texts[i] = strdup("")) == NULL)
            rc = tm_err_set(e, "out of memory");
    }
    if (rc == 0)
        rc = tuf_trusted_root_insert(r, list, t, e);
    if (rc != 0)
        tuf_trust_entry_free(t);
    return rc;
}

static int take_list(struct tuf_trusted_root *r, enum tuf_trust_list list, struct entries *read,
                     bool strict, struct tm_err *e)
{
    for (size_t i = 0; i < read->count; i++) {
        char where[48];
        struct tm_err why = {0};
        bool counts = judge(list, &read->item[i], &why) == 0;
        snprintf(where, sizeof(where), "%s[%zu]", tuf_trust_lists[list].key, i);
        if (!counts && strict)
            return tm_err_set(e, "%s: %s", where, why.text);
        int rc = counts ? take(r, list, &read->item[i].entry, e)
                        : leave_out(r, list, where, &read->item[i].entry, why.text, e);
        if (rc != 0)
            return tm_err_wrap(e, "%s", where);
    }
    return 0;
}

static int take_file(struct tuf_trusted_root *r, struct file *f, bool strict, struct tm_err *e)
{
    size_t i = 0;
    size_t n = sizeof(tuf_trust_media_types) / sizeof(tuf_trust_media_types[0]);
    while (i < n && strcmp(f->media_type, tuf_trust_media_types[i].text) != 0)
        i++;
    if (i == n)
        return tm_err_set(e, "'mediaType' is '%.80s', not %s", f->media_type,
                          tuf_trust_media_types[0].text);
    r->media_type = tuf_trust_media_types[i].text;
    r->version = tuf_trust_media_types[i].version;
    for (size_t l = 0; l < TRUST_LIST_COUNT; l++) {
        if (take_list(r, (enum tuf_trust_list)l, &f->list[l], strict, e) != 0)
            return -1;
    }
    return 0;
}

static struct tuf_trusted_root *parse(const void *json, size_t len, bool strict, struct tm_err *e)
{
    const struct tm_jsonmap_how how = {.strict = strict};
    struct file f = {0};
    struct tuf_trusted_root *r = tuf_trusted_root_new(e);
    if (r != NULL &&
        (tm_jsonmap_parse(json, len, TRUSTED_ROOT_BYTES_MAX, &file_map, &how, &f, e) != 0 ||
         take_file(r, &f, strict, e) != 0)) {
        tuf_trusted_root_free(r);
        r = NULL;
    }
    tm_jsonmap_free(&file_map, &f);
    return r;
}

struct tuf_trusted_root *tuf_trusted_root_parse(const void *json, size_t len, struct tm_err *e)
{
    return parse(json, len, false, e);
}

struct tuf_trusted_root *tuf_trusted_root_parse_strict(const void *json, size_t len,
                                                       struct tm_err *e)
{
    return parse(json, len, true, e);
}

static struct tuf_trusted_root *load(const char *path, bool strict, struct tm_err *e)
{
    struct tm_buf json = {0};
    struct tuf_trusted_root *r = NULL;
    if (tm_file_read_text(path, TRUSTED_ROOT_BYTES_MAX, &json, e) == 0) {
        r = parse(json.data != NULL ? (const char *)json.data : "", json.len, strict, e);
        if (r == NULL)
            tm_err_wrap(e, "trusted root '%s'", path);
    }
    tm_buf_free(&json);
    return r;
}

struct tuf_trusted_root *tuf_trusted_root_load(const char *path, struct tm_err *e)
{
    return load(path, false, e);
}

struct tuf_trusted_root *tuf_trusted_root_load_strict(const char *path, struct tm_err *e)
{
    return load(path, true, e);
}

/* --- writing --- */

int tuf_trusted_root_write(const struct tuf_trusted_root *r, struct tm_buf *out, struct tm_err *e)
{
    struct file f = {.media_type = (char *)r->media_type};
    int rc = 0;
    for (size_t l = 0; l < TRUST_LIST_COUNT && rc == 0; l++) {
        f.list[l].item = calloc(r->count[l] + 1, sizeof(*f.list[l].item));
        if (f.list[l].item == NULL)
            rc = tm_err_set(e, "out of memory");
        for (size_t i = 0; i < r->count[l] && rc == 0; i++) {
            struct tuf_trust_entry *copy = &f.list[l].item[f.list[l].count++].entry;
            *copy = *r->entry[l][i]; /* whose texts and bytes stay the root's */
            copy->has_valid = true;
        }
    }
    if (rc == 0)
        rc = tm_jsonfile_put(&file_map, &f, out, e);
    for (size_t l = 0; l < TRUST_LIST_COUNT; l++)
        free(f.list[l].item);
    return rc == 0 ? 0 : tm_err_wrap(e, "the trusted root cannot be written");
}
