/*
 * trusted_root.json: whom a verifier trusts, each with the window in which that held.
 * Source: sigstore/protobuf-specs sigstore_trustroot.proto (TrustedRoot).
 *
 * Read: media types trustedroot+json;version=0.1, trustedroot.v0.1+json and trustedroot.v0.2+json.
 * Written: what was read; a new one is ";version=0.1" with only that version's fields, since
 * today's sigstore-go and sigstore-python accept nothing else.
 */
#pragma once

#include <openssl/x509.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"
#include "tuf/verify/trust/validity.h"

#define TRUSTED_ROOT_BYTES_MAX ((size_t)1 << 20)
#define TRUSTED_ROOT_ENTRIES_MAX 128 /* in each list */
#define TRUSTED_ROOT_ID_MAX 32       /* bytes of a log id that a fingerprint shows */

#define TRUST_SHA2_256 1 /* enum HashAlgorithm */

enum tuf_trust_list { TRUST_CA, TRUST_TSA, TRUST_CTLOG, TRUST_TLOG, TRUST_LIST_COUNT };

/* "certificate authority", "timestamp authority", "CT log", "transparency log". */
const char *tuf_trust_list_name(enum tuf_trust_list list);

struct tuf_trust_entry { /* one authority or log; text is owned and never NULL */
    char *uri;           /* authority: uri; log: baseUrl */
    char *operator_name; /* v0.2, else "" */
    bool has_valid;      /* read from a file: it said when */
    struct tuf_validity valid;

    /* TRUST_CA, TRUST_TSA */
    char *organization; /* subject */
    char *common_name;
    STACK_OF(X509) * chain; /* issuing CA or TSA signing certificate first, trust anchor last */

    /* TRUST_CTLOG, TRUST_TLOG */
    EVP_PKEY *key;           /* NULL: a type that cannot be used here */
    struct tm_buf key_bytes; /* SubjectPublicKeyInfo; of the deprecated PKCS1_ types PKCS #1 */
    int key_details;         /* enum PublicKeyDetails */
    int hash;                /* enum HashAlgorithm: TRUST_SHA2_256 */
    struct tm_buf log_id;
    struct tm_buf checkpoint_id; /* checkpointKeyId: v0.2, else empty */
};

struct tuf_trusted_root; /* opaque */

struct tuf_trusted_root *tuf_trusted_root_new(struct tm_err *e); /* empty, version 0.1 */

/*
 * As a verifier reads what others publish: unknown members are ignored, as are odd values of those
 * that no verification needs (subject, addresses, operator), and an entry whose key or hash is of
 * an unknown kind, that says nothing of when it is valid, or that cannot be read, counts for
 * nothing: it is left out, and a note says so.
 */
struct tuf_trusted_root *tuf_trusted_root_parse(const void *json, size_t len, struct tm_err *e);
struct tuf_trusted_root *tuf_trusted_root_load(const char *path, struct tm_err *e);

/* As a person edits it: all of that is refused, and what was read can be written again. */
struct tuf_trusted_root *tuf_trusted_root_parse_strict(const void *json, size_t len,
                                                       struct tm_err *e);
struct tuf_trusted_root *tuf_trusted_root_load_strict(const char *path, struct tm_err *e);

struct tuf_trust_left_out {
    enum tuf_trust_list list;
    struct tuf_validity valid; /* what it says, or always */
    char *note;                /* "tlogs[2] (https://log.example.com) counts for nothing: …" */
};
/* An entry that counts for nothing, borrowed; NULL past the end. */
const struct tuf_trust_left_out *tuf_trusted_root_left_out(const struct tuf_trusted_root *r,
                                                           size_t i);
void tuf_trusted_root_free(struct tuf_trusted_root *r); /* NULL is fine */

/* Appends the JSON text, indented, ended by a newline. */
int tuf_trusted_root_write(const struct tuf_trusted_root *r, struct tm_buf *out, struct tm_err *e);

size_t tuf_trusted_root_count(const struct tuf_trusted_root *r, enum tuf_trust_list list);
/* Borrowed; oldest start first. NULL past the end. */
const struct tuf_trust_entry *tuf_trusted_root_entry(const struct tuf_trusted_root *r,
                                                     enum tuf_trust_list list, size_t i);

/*
 * What names an entry for a person: the log id, or SHA-256 of the chain's first certificate, in
 * lower hex (a Rekor v2 log id may be shorter than 64 digits).
 */
#define TRUST_FINGERPRINT_MAX 65
const char *tuf_trust_entry_fingerprint(enum tuf_trust_list list,
                                        const struct tuf_trust_entry *entry,
                                        char out[TRUST_FINGERPRINT_MAX]);

/* ", under 0123456789abcdef": the last certificate of a chain of several, to which all below it owe
 * their trust; "" where there is none. */
#define TRUST_UNDER_MAX 32
const char *tuf_trust_entry_under(enum tuf_trust_list list, const struct tuf_trust_entry *entry,
                                  char out[TRUST_UNDER_MAX]);

/*
 * Finds one entry by its fingerprint, at least 8 digits of its start, or its URI when no other
 * entry of the list has it. 0, or -1 with what the list holds in `e`.
 */
int tuf_trusted_root_find(const struct tuf_trusted_root *r, enum tuf_trust_list list,
                          const char *what, size_t *index, struct tm_err *e);

/* --- edits: each leaves `r` whole and in order, or unchanged with `e` set --- */

/*
 * Adds a CA or TSA by its PEM chain (issuing CA or TSA signing certificate first, anchor last).
 * Checked: order, signatures, CA:TRUE above the leaf, code signing or time stamping usage, and
 * that the window lies inside every certificate's own. A window without start takes the
 * chain's. Fails if the list has the chain already, or another with its first certificate.
 */
int tuf_trusted_root_add_authority(struct tuf_trusted_root *r, enum tuf_trust_list list,
                                   const char *uri, const void *pem, size_t len,
                                   const struct tuf_validity *valid, struct tm_err *e);

/*
 * Adds a CT log or transparency log by its public key (PEM or DER SubjectPublicKeyInfo). The log
 * id is SHA-256 of the SPKI, or for an Ed25519 transparency log (Rekor v2) the note key id of
 * the URL's host. A window must have a start.
 */
int tuf_trusted_root_add_log(struct tuf_trusted_root *r, enum tuf_trust_list list,
                             const char *base_url, const void *key, size_t len,
                             const struct tuf_validity *valid, struct tm_err *e);

/* The host of an address, without port and path, and an IPv6 address without its brackets: what a
 * Rekor v2 is called in its checkpoints. Its length; *host points into `url`. */
size_t tuf_trust_host(const char *url, const char **host);

/* Ends the entry's window (inclusive): old signatures still verify, later ones do not. The end
 * may be moved, earlier or later, but not before the start. */
int tuf_trusted_root_retire(struct tuf_trusted_root *r, enum tuf_trust_list list, size_t index,
                            int64_t end_ms, struct tm_err *e);

/* Drops the entry: everything that depends on it fails from then on. */
int tuf_trusted_root_remove(struct tuf_trusted_root *r, enum tuf_trust_list list, size_t index,
                            struct tm_err *e);

/*
 * Says what verifiers will stumble over although the file is valid: no CT log or transparency log
 * (sigstore-python refuses), no CA or CT log valid at now_ms, a gap between an entry that ended
 * and the next. Calls `tell` with one sentence each.
 */
typedef void (*trusted_root_tell)(void *arg, const char *text);
void tuf_trusted_root_lint(const struct tuf_trusted_root *r, int64_t now_ms, trusted_root_tell tell,
                           void *arg);

/*
 * What changed from `old` to `now`, one sentence per entry ("CT log … ended, until …"); with
 * `danger` set where signatures made already stop verifying, or a window opens in the past: an
 * entry removed or its log id changed, a start moved, an end moved earlier or set no later than
 * `at_ms`, a new entry that starts more than TRUST_PAST_MS before `at_ms`: when the change is
 * made.
 */
#define TRUST_PAST_MS (INT64_C(7) * 86400 * 1000) /* from the first edit to the ceremony */
typedef void (*trusted_root_change)(void *arg, const char *text, bool danger);
void tuf_trusted_root_diff(const struct tuf_trusted_root *old, const struct tuf_trusted_root *now,
                           int64_t at_ms, trusted_root_change change, void *arg);
