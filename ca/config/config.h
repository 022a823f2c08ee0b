/*
 * The server's configuration file (config/tenmint-ca.yaml documents every key).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ca/api/limits.h"
#include "ca/audit/keeper.h"
#include "ca/ct/ct.h"
#include "ca/ct/embedded.h"
#include "ca/log/engine/log.h"
#include "ca/once/redis.h"
#include "ca/signer/signer.h"
#include "common/err.h"
#include "common/http/http.h"
#include "common/jlog.h"
#include "common/yamlmap.h"
#include "common/yamlmap_diff.h"
#include "oidc/verifier.h"

/* One struct a section; text is owned, durations are milliseconds, NULL is what is not given. */

struct ca_config_key { /* a file and its password, a token, or a URI (common/key/uri.h) */
    char *file, *password_file, *password_env;
    char *module, *token, *label, *pin_file, *pin_env;
    char *uri, *uri_file;
};

struct ca_config_timeouts {
    int64_t header, request, idle, wait, drain, start;
};

struct ca_config_tls {
    char *certificate, *key; /* paths; both or neither */
};

struct ca_config_proxies {
    struct tm_yamlmap_list addresses;                 /* and networks */
    struct tm_http_network network[HTTP_PROXIES_MAX]; /* the same, read */
    char *way;                                        /* how they name the client */
};

struct ca_config_ca {
    char *backend, *chain;
    struct ca_config_key key;
    char *ephemeral_type;
    int64_t lifetime;
    bool subject_key_id;
    struct tm_yamlmap_list algorithms; /* client-signing-algorithms; empty: the default list */
};

struct ca_config_oidc {
    int64_t skew, max_token_age, jwks_refresh, jwks_min_interval, jwks_max_age, fetch_timeout;
    bool allow_http;
    char *ca_file, *kubernetes_ca_file, *kubernetes_token_file, *engine;
};

struct ca_config_approved { /* an issuer list that is a target of a TUF repository */
    char *mirror;           /* URL, or a directory here; NULL: none */
    char *root, *target, *directory, *ca_file;
    int64_t refresh;
    bool allow_http;
};

struct ca_config_limits { /* of certificates; 0: none */
    int64_t issuer_per_minute, issuer_burst, identity_per_minute, identity_burst;
    bool single_use_tokens;
    char
        *store; /* redis://…, where several servers share used tokens; NULL: this server's memory */
    char *store_password_file, *store_ca_file;
    bool store_allow_plain;
    int64_t store_timeout;
    char *when_unknown; /* refuse, allow: where it cannot be told whether a token was used */
};

struct ca_config_witnesses {
    struct tm_yamlmap_entries list; /* of struct ca_witness_peer */
    int64_t quorum, timeout;
    bool allow_http;
};

struct ca_config_embedded {
    char *directory; /* NULL: no such log */
    char *origin, *prefix, *anchor;
    struct ca_config_key key;
    int64_t checkpoint_interval;
    struct ca_config_witnesses witness;
};

struct ca_config_ct_log { /* an external log */
    char *name;
    char *url, *public_key, *operator_name, *host, *tls_ca;
    char *not_after_start, *not_after_limit;
    int64_t timeout; /* 0: not given */
    bool allow_http;
};

#define CA_CONFIG_RETIRED_MAX 32 /* of each kind of log */

struct ca_config_retired { /* a log that is served as it ended */
    char *name;
    char *directory, *public_key, *prefix;
};

struct ca_config_ct {
    int64_t scts_required, operators_required, deadline;
    bool detached;
    struct ca_config_embedded embedded;
    struct tm_yamlmap_entries retired; /* of struct ca_config_retired */
    struct tm_yamlmap_entries logs;    /* of struct ca_config_ct_log */
};

struct ca_config_signatures { /* a log of signatures */
    char *directory;          /* NULL: none */
    char *origin, *prefix, *anchor;
    struct ca_config_key key;
    int64_t checkpoint_interval;
    struct ca_config_witnesses witness;
    char *only_from;                   /* PEM of CAs; NULL: everybody */
    struct tm_yamlmap_entries retired; /* of struct ca_config_retired */
};

struct ca_config_tsa { /* a timestamp authority */
    char *chain;       /* NULL: none */
    char *policy;
    struct ca_config_key key;
};

struct ca_config_tuf { /* a published TUF tree to serve */
    char *directory;   /* NULL: none */
    char *prefix;
};

#define CA_CONFIG_PAGES_LOGS_MAX 40
#define CA_CONFIG_PAGES_PREFIX "/entry" /* of single entries; "/" and "/search" beside it */

struct ca_config_pages_log {
    char *name; /* in addresses */
    char *directory, *public_key;
    char *url; /* where others read it; or NULL */
};

struct ca_config_pages { /* for people */
    char *directory;     /* of the index; NULL: none are served */
    char *title;
    struct tm_yamlmap_entries logs; /* of struct ca_config_pages_log */
};

struct ca_config_lines { /* the server's own log lines */
    char *level;
};

struct ca_config_audit {              /* the audit trail's database; beside the lines */
    char *store;                      /* "sqlite", "postgresql"; NULL: none */
    char *directory;                  /* its spool, its log of heads, SQLite's file */
    char *dsn_file;                   /* PostgreSQL's connection string */
    char *node;                       /* NULL: the host's name */
    int64_t retention, head_interval; /* 0: for good; never */
    char *archive;
    char *origin, *anchor; /* of the log of heads; origin NULL: none */
    struct ca_config_key key;
    struct ca_config_witnesses witness;
};

struct ca_config_rehearsals { /* of rotations: tenmint-ca rehearse */
    char *file;               /* the record; not given: rehearsals.jsonl beside the configuration */
    int64_t rotate, log, issuer; /* how often each is to be rehearsed; 0: no policy says */
};

struct ca_config_users { /* of processes, by their names; NULL: ca_config.user */
    char *front, *issuer, *log, *signatures, *timestamps, *tuf, *pages, *fetch, *keys, *audit;
};

struct ca_config { /* the file */
    char *listen;
    char *metrics_listen; /* NULL: no metrics listener */
    int64_t workers;      /* 0: as many as the machine has processors */
    int64_t max_request_size;
    struct ca_config_timeouts timeouts;
    int64_t connection_limit, per_address_limit;
    struct ca_config_tls tls;
    struct ca_config_proxies proxies;
    struct ca_config_ca ca;
    char *issuers_file;                 /* or: */
    struct ca_config_approved approved; /* issuers-from-tuf */
    char *freeze_file; /* what is stopped; not given: frozen.json beside the issuers file */
    struct ca_config_oidc oidc;
    struct ca_config_limits limits;
    struct ca_config_ct ct;
    struct ca_config_signatures signatures;
    struct ca_config_tsa tsa;
    struct ca_config_tuf tuf;
    struct ca_config_pages pages;
    int64_t reload_interval; /* between looks at the files; 0: only on SIGHUP */
    struct ca_config_lines log;
    char *user; /* whose rights the processes have; NULL: who starts them */
    struct ca_config_users users;
    char *audit, *audit_file; /* file NULL: with the log lines */
    struct ca_config_audit audit_store;
    struct ca_config_rehearsals rehearsals;
};

/* Every key at its default. -1: out of memory. Free it in either case. */
int ca_config_default(struct ca_config *c, struct tm_err *e);

/* Reads and validates over the defaults. Relative paths are taken from the file's directory. Files
 * that it names are not opened. On -1 there is nothing to free. */
int ca_config_load(const char *path, struct ca_config *c, struct tm_err *e);
int ca_config_parse(const char *name, const char *text, size_t len, struct ca_config *c,
                    struct tm_err *e);
void ca_config_free(struct ca_config *c);

/* Whether it issues certificates: no key of a CA is given by a server that only has logs,
 * timestamps or files. */
bool ca_config_has_ca(const struct ca_config *c);

/* Each key in which two configurations differ. */
void ca_config_diff(const struct ca_config *before, const struct ca_config *after,
                    tm_yamlmap_diff_fn say, void *arg);

/* The same, as the parts want it; text stays the configuration's. */
void ca_config_signer(const struct ca_config *c, struct ca_signer_options *o);
void ca_config_oidc(const struct ca_config *c, struct oidc_options *o);
void ca_config_limits(const struct ca_config *c, struct ca_limits_options *o);
void ca_config_once_store(const struct ca_config *c, struct ca_redis_options *o);
bool ca_config_once_optional(const struct ca_config *c);
void ca_config_http(const struct ca_config *c, struct tm_http_options *o);
/* `members` has room for CT_LOGS_MAX; without logs o->count is 0. */
void ca_config_ct(const struct ca_config *c, struct ca_ct_member *members, struct ca_ct_options *o);
void ca_config_embedded(const struct ca_config *c, struct ca_kept_options *o);
void ca_config_siglog(const struct ca_config *c, struct ca_kept_options *o); /* without format */

/* Where each part is served, as configured or by default. */
const char *ca_config_embedded_prefix(const struct ca_config *c);
const char *ca_config_siglog_prefix(const struct ca_config *c);
const char *ca_config_tuf_prefix(const struct ca_config *c);

/* Of the section's list, by number. */
const struct ca_config_pages_log *ca_config_pages_log_at(const struct ca_config_pages *c, size_t i);
const struct ca_config_retired *ca_config_retired_at(const struct tm_yamlmap_entries *retired,
                                                     size_t i);
/* Each section's key, in use or not. */
#define CA_CONFIG_KEYS 5
void ca_config_keys(const struct ca_config *c, const struct ca_config_key *keys[CA_CONFIG_KEYS]);
struct tm_key_source ca_config_key_source(const struct ca_config_key *k);
bool ca_config_key_is_given(const struct ca_config_key *k);

/* Who can sign with it: whoever reads the file, who talks to the token, who logs in to a service.
 * Reads the file of a URI. -1: there is none, or it is wrong. */
enum ca_config_key_place { CA_KEY_IN_FILE, CA_KEY_IN_TOKEN, CA_KEY_AT_SERVICE };
int ca_config_key_find(const struct ca_config_key *k, enum ca_config_key_place *out,
                       struct tm_err *e);
/* The URI of a key that has one, which the caller frees. */
int ca_config_key_uri(const struct ca_config_key *k, struct tm_key_uri *out, struct tm_err *e);

/* The audit trail's places below its `directory`. */
#define CA_CONFIG_AUDIT_DATABASE "audit.db"
#define CA_CONFIG_AUDIT_SPOOL "spool"
#define CA_CONFIG_AUDIT_HEADS "heads"
struct ca_config_audit_places { /* what the options borrow */
    char database[PATH_MAX], spool[PATH_MAX], heads[PATH_MAX];
    char node[256];
    struct tm_buf dsn;
};
/* -1: the connection string cannot be read, or a path is too long. Free `p` in either case. */
int ca_config_audit(const struct ca_config *c, struct ca_config_audit_places *p,
                    struct ca_audit_keeper_options *o, struct ca_kept_options *heads,
                    struct tm_err *e);
void ca_config_audit_free(struct ca_config_audit_places *p);
bool ca_config_audit_best_effort(const struct ca_config *c);
enum tm_jlog_level ca_config_log_level(const struct ca_config *c);

/* Whether the text looks like a server configuration rather than an issuer list: it has a
 * top-level key that only the former knows. */
bool ca_config_is_server(const char *text, size_t len);
