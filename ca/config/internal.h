/* Inside ca/config only: rows of the tables, and one table and check for each section. */
#pragma once

#include "ca/config/config.h"

#define KIB ((int64_t)1024)
#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

/* Rows of the section `s`, whose struct is ca_config_`s`. */
#define TEXT(s, text, member) YAMLMAP_ROW(struct ca_config_##s, text, YAMLMAP_TEXT, member, 0, 0)
#define TEXTS(s, text, member) YAMLMAP_ROW(struct ca_config_##s, text, YAMLMAP_TEXTS, member, 0, 0)
#define PATH(s, text, member) YAMLMAP_ROW(struct ca_config_##s, text, YAMLMAP_PATH, member, 0, 0)
#define BOOL(s, text, member) YAMLMAP_ROW(struct ca_config_##s, text, YAMLMAP_BOOL, member, 0, 0)
#define NUMBER(s, text, member, lo, hi) \
    YAMLMAP_ROW(struct ca_config_##s, text, YAMLMAP_NUMBER, member, lo, hi)
#define TIME(s, text, member, lo, hi) \
    YAMLMAP_ROW(struct ca_config_##s, text, YAMLMAP_DURATION, member, lo, hi)

/* The rows of a private key, the section's member `key`. */
#define KEY_ROWS(s) \
    PATH(s, "key", key.file), PATH(s, "password-file", key.password_file), \
        TEXT(s, "password-env", key.password_env), PATH(s, "pkcs11-module", key.module), \
        TEXT(s, "pkcs11-token", key.token), TEXT(s, "pkcs11-key", key.label), \
        PATH(s, "pkcs11-pin-file", key.pin_file), TEXT(s, "pkcs11-pin-env", key.pin_env), \
        TEXT(s, "key-uri", key.uri), PATH(s, "key-uri-file", key.uri_file)

/* The rows of a log's witnesses, the section's member `witness`. */
#define WITNESS_ROWS(s) \
    YAMLMAP_ENTRIES_ROW(struct ca_config_##s, "witnesses", witness.list, struct ca_witness_peer, \
                        ca_config_witness_keys), \
        NUMBER(s, "witness-quorum", witness.quorum, 0, 64), \
        TIME(s, "witness-timeout", witness.timeout, 100, MINUTE), \
        BOOL(s, "witness-allow-http", witness.allow_http)

extern const struct tm_yamlmap_key ca_config_timeout_keys[], ca_config_tls_keys[],
    ca_config_proxy_keys[], ca_config_ca_keys[], ca_config_oidc_keys[], ca_config_limit_keys[],
    ca_config_approved_keys[], ca_config_ct_keys[], ca_config_signature_keys[],
    ca_config_tsa_keys[], ca_config_tuf_keys[], ca_config_pages_keys[], ca_config_retired_keys[],
    ca_config_witness_keys[], ca_config_audit_keys[];

/* What no table can say. `name` is the file's. */
int ca_config_check_listeners(const char *name, const struct ca_config *c, struct tm_err *e);
int ca_config_read_proxies(const char *name, struct ca_config *c, struct tm_err *e);
int ca_config_check_ca(const char *name, const struct ca_config *c, struct tm_err *e);
int ca_config_check_oidc(const char *name, const struct ca_config_oidc *c, struct tm_err *e);
int ca_config_check_approved(const char *name, const struct ca_config *c, struct tm_err *e);
int ca_config_check_limits(const char *name, const struct ca_config_limits *c, struct tm_err *e);
int ca_config_check_ct(const char *name, const struct ca_config *c, struct tm_err *e);
int ca_config_check_signatures(const char *name, const struct ca_config_signatures *c,
                               struct tm_err *e);
int ca_config_check_tsa(const char *name, const struct ca_config_tsa *c, struct tm_err *e);
int ca_config_check_tuf(const char *name, const struct ca_config_tuf *c, struct tm_err *e);
int ca_config_check_pages(const char *name, const struct ca_config_pages *c, struct tm_err *e);
int ca_config_check_audit(const char *name, const struct ca_config_audit *c, struct tm_err *e);
/* What is served beside the API, each below its own prefix. */
int ca_config_check_prefixes(const char *name, const struct ca_config *c, struct tm_err *e);

/* Exactly one of a file, a token and a URI. `where` begins the message, also below. */
int ca_config_check_key(const char *where, const struct ca_config_key *k, struct tm_err *e);
int ca_config_check_witnesses(const struct ca_config_witnesses *w, struct tm_err *e);
void ca_config_witness(const struct ca_config_witnesses *w, struct ca_kept_options *o);
int ca_config_check_retired(const char *where, const struct tm_yamlmap_entries *retired,
                            struct tm_err *e);

/* The number of `word` in a list that NULL ends, or -1. */
int ca_config_word(const char *const *words, const char *word);
