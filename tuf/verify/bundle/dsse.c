#include "tuf/verify/bundle/dsse.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/json/strictjson.h"

#define STATEMENT_MAX ((size_t)32 << 20)
#define SUBJECTS_MAX 4096

void tuf_dsse_pae(const char *payload_type, const void *payload, size_t len, struct tm_buf *out)
{
    tm_buf_printf(out, "DSSEv1 %zu %s %zu ", strlen(payload_type), payload_type, len);
    tm_buf_append(out, payload, len);
}

static json_t *read_statement(const void *text, size_t len, struct tm_err *e)
{
    static const char *const types[] = {"https://in-toto.io/Statement/v1",
                                        "https://in-toto.io/Statement/v0.1"};
    json_t *v = tm_strictjson_parse(len > 0 ? text : "", len, STATEMENT_MAX, e);
    const char *type = tm_strictjson_str(v, "_type");
    if (v == NULL) {
        tm_err_wrap(e, "the in-toto statement");
        return NULL;
    }
    for (size_t i = 0; type != NULL && i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(type, types[i]) == 0)
            return v;
    }
    tm_err_set(e, "the payload is no in-toto statement: '_type' is '%.80s'",
               type != NULL ? type : "");
    json_decref(v);
    return NULL;
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
static bool subject_is(const json_t *subject, const struct tuf_artifact *a)
{
    const json_t *digests = json_object_get(subject, "digest");
    bool agreed = false;
    for (size_t i = 0; i < DIGEST_COUNT; i++) {
        const json_t *digest = json_object_get(digests, tuf_digest_table[i].name);
        const char *hex = json_string_value(digest);
        if (digest == NULL || !a->has[i])
            continue;
        if (hex == NULL || !hex_equal(hex, a->digest[i], tuf_digest_table[i].len))
            return false;
        agreed = true;
    }
    return agreed;
}

int tuf_dsse_check_subject(const void *statement, size_t len, const struct tuf_artifact *artifact,
                           struct tm_err *e)
{
    json_t *v = read_statement(statement, len, e);
    const json_t *subjects = json_object_get(v, "subject");
    size_t n = json_array_size(subjects);
    int rc = -1;
    if (v == NULL)
        return -1;
    for (size_t i = 0; i < n && n <= SUBJECTS_MAX && rc != 0; i++) {
        if (subject_is(json_array_get(subjects, i), artifact))
            rc = 0;
    }
    json_decref(v);
    return rc == 0 ? 0 : tm_err_set(e, "none of the statement's %zu subjects is the artifact", n);
}

int tuf_dsse_check_predicate(const void *statement, size_t len, const char *want, struct tm_err *e)
{
    json_t *v = read_statement(statement, len, e);
    const char *type = tm_strictjson_str(v, "predicateType");
    int rc = -1;
    if (v == NULL)
        return -1;
    if (type != NULL && strcmp(type, want) == 0)
        rc = 0;
    else
        tm_err_set(e, "the statement's predicate is of type '%.120s', not '%.120s'",
                   type != NULL ? type : "", want);
    json_decref(v);
    return rc;
}
