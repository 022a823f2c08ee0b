#include "tuf/verify/bundle/dsse.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/json/jsonmap.h"

#define STATEMENT_MAX ((size_t)32 << 20)
#define SUBJECTS_MAX 4096

void tuf_dsse_pae(const char *payload_type, const void *payload, size_t len, struct tm_buf *out)
{
    tm_buf_printf(out, "DSSEv1 %zu %s %zu ", strlen(payload_type), payload_type, len);
    tm_buf_append(out, payload, len);
}

struct subject {
    char *digest[DIGEST_COUNT]; /* hex; NULL: none of this algorithm */
};

struct statement {
    char *type;
    char *predicate_type;
    struct {
        struct subject *item;
        size_t count;
    } subjects;
};

#define DIGEST(algorithm, number) \
    { \
        .name = (algorithm), .kind = JSONMAP_TEXT, \
        .place = offsetof(struct subject, digest) + (number) * sizeof(char *) \
    }

static const struct tm_jsonmap_member digest_members[] = {DIGEST("sha256", DIGEST_SHA256),
                                                          DIGEST("sha384", DIGEST_SHA384),
                                                          DIGEST("sha512", DIGEST_SHA512),
                                                          {0}};
static const struct tm_jsonmap digest_map = {
    .members = digest_members, .size = sizeof(struct subject), .unknown = JSONMAP_IGNORE};
static const struct tm_jsonmap_member subject_members[] = {
    {.name = "digest", .kind = JSONMAP_OBJECT, .map = &digest_map}, {0}};
static const struct tm_jsonmap subject_map = {
    .members = subject_members, .size = sizeof(struct subject), .unknown = JSONMAP_IGNORE};
static const struct tm_jsonmap_member a_subject = {.kind = JSONMAP_OBJECT, .map = &subject_map};

static const struct tm_jsonmap_member statement_members[] = {
    JSONMAP_NEED(struct statement, "_type", type, TEXT),
    JSONMAP_ROW(struct statement, "predicateType", predicate_type, TEXT),
    JSONMAP_ROW(struct statement, "subject", subjects, LIST, .flags = JSONMAP_NULL,
                .each = &a_subject, .size = sizeof(struct subject), .max = SUBJECTS_MAX),
    {0}};
static const struct tm_jsonmap statement_map = {
    .members = statement_members, .size = sizeof(struct statement), .unknown = JSONMAP_IGNORE};

static int read_statement(const void *text, size_t len, struct statement *out, struct tm_err *e)
{
    static const char *const types[] = {"https://in-toto.io/Statement/v1",
                                        "https://in-toto.io/Statement/v0.1"};
    *out = (struct statement){0};
    if (tm_jsonmap_parse(len > 0 ? text : "", len, STATEMENT_MAX, &statement_map, NULL, out, e) !=
        0)
        return tm_err_wrap(e, "the in-toto statement");
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(out->type, types[i]) == 0)
            return 0;
    }
    return tm_err_set(e, "the payload is no in-toto statement: '_type' is '%.80s'", out->type);
}

static bool hex_equal(const char *hex, const unsigned char *bytes, size_t len)
{
    char text[129];
    if (strlen(hex) != 2 * len || len > 64)
        return false;
    for (size_t i = 0; i < len; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return strcasecmp(hex, text) == 0;
}

/* Every digest that both sides know must agree, and there must be one. */
static bool subject_is(const struct subject *subject, const struct tuf_artifact *a)
{
    bool agreed = false;
    for (size_t i = 0; i < DIGEST_COUNT; i++) {
        if (subject->digest[i] == NULL || !a->has[i])
            continue;
        if (!hex_equal(subject->digest[i], a->digest[i], tuf_digest_table[i].len))
            return false;
        agreed = true;
    }
    return agreed;
}

int tuf_dsse_check_statement(const void *statement, size_t len, struct tm_err *e)
{
    struct statement s;
    int rc = read_statement(statement, len, &s, e);
    tm_jsonmap_free(&statement_map, &s);
    return rc;
}

int tuf_dsse_check_subject(const void *statement, size_t len, const struct tuf_artifact *artifact,
                           struct tm_err *e)
{
    struct statement s;
    int rc = read_statement(statement, len, &s, e);
    bool found = false;
    for (size_t i = 0; rc == 0 && i < s.subjects.count && !found; i++)
        found = subject_is(&s.subjects.item[i], artifact);
    if (rc == 0 && !found)
        rc =
            tm_err_set(e, "none of the statement's %zu subjects is the artifact", s.subjects.count);
    tm_jsonmap_free(&statement_map, &s);
    return rc;
}

int tuf_dsse_check_predicate(const void *statement, size_t len, const char *want, struct tm_err *e)
{
    struct statement s;
    int rc = read_statement(statement, len, &s, e);
    const char *type = s.predicate_type != NULL ? s.predicate_type : "";
    if (rc == 0 && strcmp(type, want) != 0)
        rc = tm_err_set(e, "the statement's predicate is of type '%.120s', not '%.120s'", type,
                        want);
    tm_jsonmap_free(&statement_map, &s);
    return rc;
}
