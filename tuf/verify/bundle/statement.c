#include "tuf/verify/bundle/statement.h"

#include <ctype.h>
#include <jansson.h>
#include <string.h>

#include "common/json/jsonstr.h"
#include "common/json/strictjson.h"

#define PREDICATE_MAX ((size_t)16 << 20)
#define TYPE_MAX 1024

/* As RFC 3986 begins one: that is what verifiers compare. */
static bool is_uri(const char *text)
{
    size_t scheme = strcspn(text, ":");
    if (!isalpha((unsigned char)text[0]) || text[scheme] != ':' || text[scheme + 1] == '\0' ||
        strlen(text) > TYPE_MAX)
        return false;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p <= ' ' || *p >= 0x7f || strchr("\"<>\\^`{|}", *p) != NULL)
            return false;
    }
    return true;
}

static int check_predicate(const void *predicate, size_t len, struct tm_err *e)
{
    json_t *v = tm_strictjson_parse(len > 0 ? (const char *)predicate : "", len, PREDICATE_MAX, e);
    if (v == NULL)
        return tm_err_wrap(e, "the predicate");
    int rc = json_is_object(v) ? 0 : tm_err_set(e, "the predicate is no JSON object");
    json_decref(v);
    return rc;
}

static void put_subject(const struct tuf_subject *s, struct tm_buf *out)
{
    const unsigned char *digest = s->artifact->digest[DIGEST_SHA256];
    tm_buf_puts(out, "{\"name\":");
    tm_jsonstr_put(out, s->name, strlen(s->name));
    tm_buf_puts(out, ",\"digest\":{\"sha256\":\"");
    for (size_t i = 0; i < tuf_digest_table[DIGEST_SHA256].len; i++)
        tm_buf_printf(out, "%02x", digest[i]);
    tm_buf_puts(out, "\"}}");
}

int tuf_statement_make(const char *predicate_type, const void *predicate, size_t len,
                       const struct tuf_subject *subjects, size_t count, struct tm_buf *out,
                       struct tm_err *e)
{
    if (!is_uri(predicate_type))
        return tm_err_set(e,
                          "'%.100s' is no type of a predicate: a URI such as "
                          "https://slsa.dev/provenance/v1",
                          predicate_type);
    if (check_predicate(predicate, len, e) != 0)
        return -1;
    tm_buf_puts(out, "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[");
    for (size_t i = 0; i < count; i++) {
        if (!subjects[i].artifact->has[DIGEST_SHA256])
            return tm_err_set(e, "the SHA-256 of '%.200s' is not known", subjects[i].name);
        tm_buf_puts(out, i > 0 ? "," : "");
        put_subject(&subjects[i], out);
    }
    tm_buf_puts(out, "],\"predicateType\":");
    tm_jsonstr_put(out, predicate_type, strlen(predicate_type));
    tm_buf_puts(out, ",\"predicate\":");
    tm_buf_append(out, predicate, len);
    tm_buf_puts(out, "}");
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}
