/*
 * What the audit trail records: an event, in fixed fields of text, and its place in the chain.
 *
 *   ca_audit_event(trail, &(struct ca_audit_event){.kind = AUDIT_FREEZE, .issuer = url,
 *                                                  .reason = why});       (ca/audit/far.h)
 *
 * A record's canonical bytes are one JSON object without blanks, its members in the order of the
 * table below, those that are empty left out; each record's hash is SHA-256 of the hash before it
 * and of its canonical bytes, so that none can be altered, taken out or put in without all that
 * follow. A new field is a row of AUDIT_FIELDS, at its end.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

#define AUDIT_TEXT_MAX 16384 /* bytes of a field */

/* Name, and what it holds. */
#define AUDIT_FIELDS(X) \
    X(actor, "who did it: a user of the host") \
    X(remote, "source address of the request") \
    X(protocol, "h1, h2 or grpc") \
    X(request, "id of the request, which its owner was told") \
    X(trace, "W3C traceparent of the request") \
    X(issuer, "token issuer") \
    X(subject, "subject of the token") \
    X(identity, "subject alternative name") \
    X(repository, "source repository of the certificate") \
    X(serial, "serial number, hexadecimal") \
    X(key, "SHA-256 of the public key, hexadecimal") \
    X(expires, "end of the certificate, RFC 3339") \
    X(entry, "log id and leaf index of each SCT") \
    X(reason, "why, as a word or a person's text") \
    X(detail, "what else there is to say") \
    X(before, "the state before a change") \
    X(after, "the state after it")

/* Kind, its name, what it is. */
#define AUDIT_KINDS(X) \
    X(START, "start", "the server started") \
    X(STOP, "stop", "the server stopped") \
    X(ISSUED, "issued", "a certificate was issued") \
    X(REFUSED, "refused", "a request was refused") \
    X(RELOAD, "reload", "files were read again") \
    X(TRUST, "trust", "an issuer is trusted from now on, no longer, or otherwise") \
    X(ROTATION, "rotation", "a key or a log took over from another") \
    X(FREEZE, "freeze", "issuance was stopped") \
    X(THAW, "thaw", "issuance goes on") \
    X(LOGIN, "login", "a key of a token or a key service was opened or came back") \
    X(RETENTION, "retention", "old records were taken out") \
    X(REHEARSAL, "rehearsal", "a rotation was rehearsed") \
    X(COMMAND, "command", "a command changed something else")

enum ca_audit_kind {
#define AUDIT_KIND_ENUM(name, text, what) AUDIT_##name,
    AUDIT_KINDS(AUDIT_KIND_ENUM)
#undef AUDIT_KIND_ENUM
        AUDIT_KIND_COUNT
};

struct ca_audit_event { /* text is borrowed; NULL and "" are the same */
    enum ca_audit_kind kind;
#define AUDIT_FIELD_MEMBER(name, what) const char *name;
    AUDIT_FIELDS(AUDIT_FIELD_MEMBER)
#undef AUDIT_FIELD_MEMBER
};

enum { /* AUDIT_FIELD_actor, …: indexes of ca_audit_fields */
#define AUDIT_FIELD_ENUM(name, what) AUDIT_FIELD_##name,
       AUDIT_FIELDS(AUDIT_FIELD_ENUM)
#undef AUDIT_FIELD_ENUM
           AUDIT_FIELD_COUNT
};

struct ca_audit_field {
    const char *name, *what;
    size_t at; /* offset in struct ca_audit_event */
};
extern const struct ca_audit_field ca_audit_fields[AUDIT_FIELD_COUNT];

struct ca_audit_kind_row {
    const char *name, *what;
};
extern const struct ca_audit_kind_row ca_audit_kinds[AUDIT_KIND_COUNT];

int ca_audit_kind_find(const char *name);    /* or -1 */
const char *ca_audit_kind_name(size_t kind); /* NULL: there is no such */

/* Field `i`; "" when it is not set. */
const char *ca_audit_text(const struct ca_audit_event *ev, size_t i);
void ca_audit_set_text(struct ca_audit_event *ev, size_t i, const char *text);

#define AUDIT_HASH 32

struct ca_audit_hash {
    unsigned char b[AUDIT_HASH];
};

struct ca_audit_record {
    uint64_t seq; /* 1, 2, … of its node */
    int64_t time_ms;
    const char *node;            /* the server, where several write into one database */
    const char *process;         /* which of its processes said so; "command": a command did */
    const char *kind;            /* a name of ca_audit_kinds, or one of a newer release */
    struct ca_audit_event event; /* its `kind` is not looked at */
};

/* Appends the canonical bytes, without a newline. Check buf_failed. */
void ca_audit_canonical(const struct ca_audit_record *r, struct tm_buf *out);

/* The hash of the record with these canonical bytes, behind `before`; zeros before the first. */
void ca_audit_chain(const struct ca_audit_hash *before, const void *canonical, size_t len,
                    struct ca_audit_hash *out);

/* Lower case hexadecimal, from and to. -1: not 64 digits. */
#define AUDIT_HASH_TEXT (2 * AUDIT_HASH + 1)
void ca_audit_hash_text(const struct ca_audit_hash *h, char out[AUDIT_HASH_TEXT]);
int ca_audit_hash_parse(const char *text, struct ca_audit_hash *out);
