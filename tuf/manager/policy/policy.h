/*
 * The policy: one YAML file that says who may sign what, for how long, and what is published.
 * Everything else of a repository follows from it; `propose` turns a changed policy into new
 * metadata. config/tenmint-tuf.yaml documents each key.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/key/key.h"
#include "common/yamlmap.h"

#define POLICY_NAME_MAX 64 /* bytes of a holder's name */
#define POLICY_BITS_MAX 14 /* 16 384 hash bins */
#define POLICY_THRESHOLD_MAX 64
#define POLICY_PERIOD_MAX_MS (INT64_C(3650) * 86400000) /* of any period */

/* In `signed` of root and targets roles, and in root's role objects of timestamp and snapshot:
 * seconds from signing to expiry, and from when on before expiry the next version is signed. */
#define DRAFT_EXPIRY_PERIOD "x-tenmint-expiry-period"
#define DRAFT_SIGNING_PERIOD "x-tenmint-signing-period"

struct tuf_policy_role {
    char *name;
    struct tm_yamlmap_list holders;
    int64_t threshold;
    int64_t expiry, signing; /* milliseconds: life of a version, and how long before its end the
                                next one is signed */
    /* delegated roles only */
    char *delegated_by; /* NULL: targets; else a delegation that stands before it */
    struct tm_yamlmap_list also_delegated_by; /* others, which say the same of it */
    char *directory;
    struct tm_yamlmap_list paths;
    struct tm_yamlmap_list hash_prefixes;
    bool terminating;
};

struct tuf_policy_online { /* where `refresh` and `publish` find a private key */
    char *name;            /* of the holder */
    char *file, *env, *password_file, *password_env;
    char *pkcs11_module, *pkcs11_token, *pkcs11_key, *pin_file, *pin_env;
    char *uri; /* common/key/uri.h */
};

struct tuf_policy_custom { /* Sigstore's custom metadata of one target */
    char *name;            /* target path */
    char *usage, *status, *uri;
};

struct tuf_policy {
    char *published;                       /* the tree that is served */
    char *targets;                         /* every file in it is a target */
    struct tm_yamlmap_entries roles;       /* struct tuf_policy_role: the four */
    struct tm_yamlmap_entries delegations; /* struct tuf_policy_role, in priority order */
    struct tuf_policy_role bins;           /* succinct hash bins; bin_bits 0: none */
    char *bin_prefix;
    int64_t bin_bits;
    int64_t first_root;                  /* where the chain of roots begins; 0: at 1 */
    struct tm_yamlmap_list shared_keys;  /* online keys that may sign root or targets too */
    struct tm_yamlmap_list online_trust; /* delegations that online keys sign, which may list what
                                            clients act on */
    struct tm_yamlmap_entries online;    /* struct tuf_policy_online */
    struct tm_yamlmap_entries customs;   /* struct tuf_policy_custom */
    struct tm_yamlmap_list revoked;      /* names that no role gets any more */
    struct tm_yamlmap_list readers;      /* clients that must be able to read all: readers.h */
    struct tm_yamlmap_list targets_for;  /* what `trust` writes for other clients: words */
    struct tm_yamlmap_list acted_on; /* targets, beside the well-known ones, that clients act on:
                                        a review explains them */
};

/* Parses and checks a policy; `name` is for messages. -1 leaves nothing to free. */
int tuf_policy_parse(const char *name, const char *text, size_t len, struct tuf_policy *out,
                     struct tm_err *e);
void tuf_policy_free(struct tuf_policy *p);

/* One of root, targets, snapshot, timestamp; never NULL for a checked policy. */
const struct tuf_policy_role *tuf_policy_role(const struct tuf_policy *p, const char *name);

/* A delegated role, the hash bins included, or NULL. */
const struct tuf_policy_role *tuf_policy_delegation(const struct tuf_policy *p, const char *name);

/* The roles whose metadata says who signs `r`, from number 0 on; NULL past the last. */
const char *tuf_policy_delegator(const struct tuf_policy_role *r, size_t i);
/* Whether `role` is one of them. */
bool tuf_policy_is_below(const struct tuf_policy_role *r, const char *role);
/* Whether `role` delegates to others. */
bool tuf_policy_delegates(const struct tuf_policy *p, const char *role);

/* An online key that may sign root and targets too, as others had it before. */
bool tuf_policy_is_shared(const struct tuf_policy *p, const char *holder);
/* Whether `r`, which online keys sign, may list what clients act on: `online-trust` names it, or
 * all its keys may sign targets too. */
bool tuf_policy_trusts_online(const struct tuf_policy *p, const struct tuf_policy_role *r);
/* `targets-for` has the word: its targets are written and kept in step, tuf/manager/state/legacy.h.
 */
bool tuf_policy_writes(const struct tuf_policy *p, const char *word);
bool tuf_policy_is_revoked(const struct tuf_policy *p, const char *holder);
const struct tuf_policy_online *tuf_policy_online_key(const struct tuf_policy *p,
                                                      const char *holder);

/* Every holder of the role has an online key: no person takes part. */
bool tuf_policy_is_online(const struct tuf_policy *p, const struct tuf_policy_role *r);

/* How many of the role's holders are not revoked. */
size_t tuf_policy_live_holders(const struct tuf_policy *p, const struct tuf_policy_role *r);

/* One line for each thing that is allowed and unwise. */
void tuf_policy_warnings(const struct tuf_policy *p, struct tm_buf *out);

/* Whether `custom` can say it; either may be NULL. */
bool tuf_policy_custom_ok(const char *usage, const char *status);

/* Letters, digits, '.', '_', '-', '@'; not beginning with '.' or '-'. */
bool tuf_policy_name_ok(const char *name);

/* Borrows the policy's text; relative paths are as written. */
void tuf_policy_key_source(const struct tuf_policy_online *o, struct tm_key_source *out);
/* Frees all that says where it is; the name stays. */
void tuf_policy_forget_key(struct tuf_policy_online *o);

/* ---- changes to the file's text that keep everything else as the operator wrote it ---- */

struct tuf_policy_holders {
    const char *role; /* one of the four, a delegation, or "bins"; borrowed */
    struct tm_yamlmap_list holders;
};

/* The holders of these roles become others. `out` gets the whole new text, checked by
 * tuf_policy_parse(). */
int tuf_policy_edit_holders(const char *name, const char *text, size_t len,
                            const struct tuf_policy_holders *edits, size_t count,
                            struct tm_buf *out, struct tm_err *e);

/* Adds `holder` to `online-keys`; `where` says what signs for it. Paths are written as given, so
 * they are absolute or start from the workspace. */
int tuf_policy_edit_online(const char *name, const char *text, size_t len, const char *holder,
                           const struct tm_key_source *where, struct tm_buf *out, struct tm_err *e);

/* Adds `holder` to `revoked`. */
int tuf_policy_edit_revoke(const char *name, const char *text, size_t len, const char *holder,
                           struct tm_buf *out, struct tm_err *e);
