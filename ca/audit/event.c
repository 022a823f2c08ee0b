#include "ca/audit/event.h"

#include <inttypes.h>
#include <openssl/sha.h>
#include <string.h>

#include "common/hex.h"
#include "common/json/jsonstr.h"

const struct ca_audit_field ca_audit_fields[AUDIT_FIELD_COUNT] = {
#define AUDIT_FIELD_ROW(name, what) {#name, what, offsetof(struct ca_audit_event, name)},
    AUDIT_FIELDS(AUDIT_FIELD_ROW)
#undef AUDIT_FIELD_ROW
};

const struct ca_audit_kind_row ca_audit_kinds[AUDIT_KIND_COUNT] = {
#define AUDIT_KIND_ROW(name, text, what) {text, what},
    AUDIT_KINDS(AUDIT_KIND_ROW)
#undef AUDIT_KIND_ROW
};

const char *ca_audit_kind_name(size_t kind)
{
    return kind < AUDIT_KIND_COUNT ? ca_audit_kinds[kind].name : NULL;
}

int ca_audit_kind_find(const char *name)
{
    for (int i = 0; i < AUDIT_KIND_COUNT; i++) {
        if (strcmp(ca_audit_kinds[i].name, name) == 0)
            return i;
    }
    return -1;
}

const char *ca_audit_text(const struct ca_audit_event *ev, size_t i)
{
    const char *text;
    memcpy(&text, (const char *)ev + ca_audit_fields[i].at, sizeof(text));
    return text != NULL ? text : "";
}

void ca_audit_set_text(struct ca_audit_event *ev, size_t i, const char *text)
{
    memcpy((char *)ev + ca_audit_fields[i].at, &text, sizeof(text));
}

static void put_text(struct tm_buf *out, const char *name, const char *text)
{
    if (*text == '\0')
        return;
    tm_buf_printf(out, ",\"%s\":", name);
    tm_jsonstr_put(out, text, strlen(text));
}

void ca_audit_canonical(const struct ca_audit_record *r, struct tm_buf *out)
{
    tm_buf_printf(out, "{\"seq\":%" PRIu64 ",\"time_ms\":%" PRId64, r->seq, r->time_ms);
    put_text(out, "node", r->node);
    put_text(out, "process", r->process);
    put_text(out, "kind", r->kind);
    for (size_t i = 0; i < AUDIT_FIELD_COUNT; i++)
        put_text(out, ca_audit_fields[i].name, ca_audit_text(&r->event, i));
    buf_putc(out, '}');
}

void ca_audit_chain(const struct ca_audit_hash *before, const void *canonical, size_t len,
                    struct ca_audit_hash *out)
{
    struct tm_buf both = {0};
    tm_buf_append(&both, before->b, sizeof(before->b));
    tm_buf_append(&both, canonical, len);
    if (buf_failed(&both))
        memset(out, 0, sizeof(*out)); /* a hash of nothing: the next check fails */
    else
        SHA256(both.data, both.len, out->b);
    tm_buf_free(&both);
}

void ca_audit_hash_text(const struct ca_audit_hash *h, char out[AUDIT_HASH_TEXT])
{
    tm_hex_encode(h->b, sizeof(h->b), out);
}

int ca_audit_hash_parse(const char *text, struct ca_audit_hash *out)
{
    struct tm_buf raw = {0};
    int rc =
        strlen(text) == 2 * AUDIT_HASH && tm_hex_decode(text, 2 * AUDIT_HASH, &raw) == 0 ? 0 : -1;
    if (rc == 0)
        memcpy(out->b, raw.data, AUDIT_HASH);
    tm_buf_free(&raw);
    return rc;
}
