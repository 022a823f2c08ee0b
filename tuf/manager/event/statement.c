#include "tuf/manager/event/statement.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/grow.h"
#include "common/json/strictjson.h"
#include "tuf/metadata/canonical.h"
#include "tuf/metadata/key.h"

#define SIGNATURE_MAX 2048 /* bytes */

/* ---- roles as they were reviewed ---- */

static const struct tm_jsonmap_member reviewed_members[] = {
    JSONMAP_NEED(struct tuf_reviewed, "version", version, INTEGER, .min = 1,
                 .max = TUF_VERSION_MAX),
    JSONMAP_NEED(struct tuf_reviewed, "sha256", sha256, TEXT, .min = 64, .max = 64),
    {0}};
static const struct tm_jsonmap reviewed_map = {
    .members = reviewed_members, .size = sizeof(struct tuf_reviewed), .unknown = JSONMAP_REFUSE};
const struct tm_jsonmap_member tuf_reviewed_each = {.kind = JSONMAP_OBJECT, .map = &reviewed_map};

int tuf_reviewed_add(struct tuf_reviewed_list *l, const char *role, int64_t version,
                     const char sha256[65], struct tm_err *e)
{
    struct tuf_reviewed *r = tm_grow(&l->item, &l->count, sizeof(*r), e);
    if (r == NULL)
        return -1;
    *r = (struct tuf_reviewed){strdup(role), version, strdup(sha256)};
    return r->role != NULL && r->sha256 != NULL ? 0 : tm_err_set(e, "out of memory");
}

static int by_role(const void *a, const void *b)
{
    return strcmp(((const struct tuf_reviewed *)a)->role, ((const struct tuf_reviewed *)b)->role);
}

static void sort_reviewed(struct tuf_reviewed_list *l)
{
    if (l->count > 0)
        qsort(l->item, l->count, sizeof(*l->item), by_role);
}

bool tuf_reviewed_equal(const struct tuf_reviewed_list *a, const struct tuf_reviewed_list *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; i < a->count && same; i++)
        same = strcmp(a->item[i].role, b->item[i].role) == 0 &&
               a->item[i].version == b->item[i].version &&
               strcmp(a->item[i].sha256, b->item[i].sha256) == 0;
    return same;
}

void tuf_reviewed_free(struct tuf_reviewed_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->item[i].role);
        free(l->item[i].sha256);
    }
    free(l->item);
    *l = (struct tuf_reviewed_list){0};
}

/* ---- the form ---- */

static int read_time(const json_t *v, void *place, const struct tm_jsonmap_how *how,
                     struct tm_err *e)
{
    const char *text = json_string_value(v);
    (void)how;
    return text != NULL && tm_clock_parse(text, place) == 0
               ? 0
               : tm_err_set(e, "is no date of the form 2030-01-31T12:00:00Z");
}

static json_t *write_time(const void *place, struct tm_err *e)
{
    char when[21];
    (void)e;
    tm_clock_format(*(const int64_t *)place, when);
    return json_string(when);
}

const struct tm_jsonmap_type tuf_event_time_type = {read_time, write_time, NULL};

static const struct tm_jsonmap_name types[] = {{"tenmint-signing-statement", 0, 0}, {NULL, 0, 0}};

#define TEXT(text, member, bytes) \
    { \
        .name = text, JSONMAP_AT(struct body, said.member), .kind = JSONMAP_TEXT, .max = bytes, \
        .flags = JSONMAP_REQUIRED \
    }

struct body {
    struct tuf_statement said;
    int type; /* no TUF role: no client mistakes it */
};

/* Members of later versions are signed, and stay in `bytes`. */
static const struct tm_jsonmap_member body_members[] = {
    JSONMAP_ROW(struct body, "_type", type, ENUM, .names = types,
                .flags = JSONMAP_REQUIRED | JSONMAP_MUST_KNOW),
    TEXT("event", event, 256),
    TEXT("digest", digest, 64),
    TEXT("keyid", keyid, 256),
    TEXT("holder", holder, 1024),
    JSONMAP_NEED(struct body, "time", said.time, OWN, .type = &tuf_event_time_type),
    JSONMAP_NEED(struct body, "roles", said.roles, NAMED, .each = &tuf_reviewed_each,
                 .size = sizeof(struct tuf_reviewed)),
    {0}};
static const struct tm_jsonmap body_map = {
    .members = body_members, .size = sizeof(struct body), .unknown = JSONMAP_IGNORE};

struct entry {
    char *keyid;
    struct tm_buf sig;
};

static const struct tm_jsonmap_member entry_members[] = {
    JSONMAP_NEED(struct entry, "keyid", keyid, TEXT),
    JSONMAP_NEED(struct entry, "sig", sig, HEX, .min = 1, .max = SIGNATURE_MAX),
    {0}};
static const struct tm_jsonmap entry_map = {
    .members = entry_members, .size = sizeof(struct entry), .unknown = JSONMAP_REFUSE};
static const struct tm_jsonmap_member each_entry = {.kind = JSONMAP_OBJECT, .map = &entry_map};

struct envelope {
    json_t *body;
    struct {
        struct entry *item;
        size_t count;
    } signatures;
};

static const struct tm_jsonmap_member envelope_members[] = {
    JSONMAP_NEED(struct envelope, "signed", body, TREE),
    JSONMAP_NEED(struct envelope, "signatures", signatures, LIST, .min = 1, .max = 1,
                 .each = &each_entry, .size = sizeof(struct entry)),
    {0}};
static const struct tm_jsonmap envelope_map = {
    .members = envelope_members, .size = sizeof(struct envelope), .unknown = JSONMAP_REFUSE};

void tuf_statement_free(struct tuf_statement *s)
{
    free(s->event);
    free(s->digest);
    free(s->keyid);
    free(s->holder);
    tuf_reviewed_free(&s->roles);
    tm_buf_free(&s->signature);
    tm_buf_free(&s->bytes);
    *s = (struct tuf_statement){0};
}

/* ---- reading ---- */

/* `s` holds what was read before, or zeros. */
static int read_body(const json_t *signed_part, struct tuf_statement *s, struct tm_err *e)
{
    struct body b = {0};
    tuf_statement_free(s);
    int rc = tm_jsonmap_read(signed_part, &body_map, NULL, &b, e);
    if (rc != 0)
        tm_err_wrap(e, "signed");
    *s = b.said;
    if (rc == 0)
        rc = tuf_canonical_write(signed_part, &s->bytes, e);
    sort_reviewed(&s->roles);
    return rc;
}

static int read_statement(const json_t *v, void *place, const struct tm_jsonmap_how *how,
                          struct tm_err *e)
{
    struct tuf_statement *s = place;
    struct envelope x = {0};
    (void)how;
    int rc = tm_jsonmap_read(v, &envelope_map, NULL, &x, e);
    if (rc == 0)
        rc = read_body(x.body, s, e);
    if (rc == 0 && strcmp(x.signatures.item->keyid, s->keyid) != 0)
        rc = tm_err_set(e, "its signature is by another key than it says");
    if (rc == 0) {
        s->signature = x.signatures.item->sig;
        x.signatures.item->sig = (struct tm_buf){0};
    }
    tm_jsonmap_free(&envelope_map, &x);
    return rc;
}

/* ---- writing ---- */

/* Just what was signed. */
static json_t *write_statement(const void *place, struct tm_err *e)
{
    const struct tuf_statement *s = place;
    struct entry one = {s->keyid, s->signature};
    struct envelope x = {.signatures = {&one, 1}};
    x.body =
        tm_jsonparse_canonical((const char *)s->bytes.data, s->bytes.len, STRICTJSON_DEPTH_MAX, e);
    json_t *v = x.body != NULL ? tm_jsonmap_write(&envelope_map, &x, e) : NULL;
    json_decref(x.body);
    return v;
}

static void free_statement(void *place)
{
    tuf_statement_free(place);
}

const struct tm_jsonmap_type tuf_statement_type = {read_statement, write_statement, free_statement};

int tuf_statement_copy(const struct tuf_statement *from, struct tuf_statement *to, struct tm_err *e)
{
    json_t *v = write_statement(from, e);
    *to = (struct tuf_statement){0};
    int rc = v != NULL ? read_statement(v, to, NULL, e) : -1;
    json_decref(v);
    if (rc != 0)
        tuf_statement_free(to);
    return rc;
}

/* ---- signing ---- */

int tuf_statement_sign(struct tuf_statement *s, const struct tuf_public_key *key, EVP_PKEY *pkey,
                       struct tm_err *e)
{
    const struct body b = {.said = *s};
    struct tuf_key k = {0};
    json_t *v = tm_jsonmap_write(&body_map, &b, e);
    int rc = v != NULL ? tuf_canonical_write(v, &s->bytes, e) : -1;
    if (rc == 0)
        rc = tuf_key_open(key, &k, e);
    if (rc == 0)
        rc = tuf_key_sign(&k, pkey, s->bytes.data, s->bytes.len, &s->signature, e);
    tuf_key_free(&k);
    json_decref(v);
    return rc;
}

int tuf_statement_verify(const struct tuf_statement *s, const struct tuf_public_key *key,
                         struct tm_err *e)
{
    struct tuf_key k = {0};
    int rc = tuf_key_open(key, &k, e);
    if (rc == 0 &&
        !tuf_key_verify(&k, s->bytes.data, s->bytes.len, s->signature.data, s->signature.len))
        rc = tm_err_set(e, "the signature is over something else, or forged");
    tuf_key_free(&k);
    return rc;
}
