/* Inside ca/config only. */
#ifndef TENMINT_CA_CONFIG_INTERNAL_H
#define TENMINT_CA_CONFIG_INTERNAL_H

#include "ca/config/config.h"

/* logs.c: the section 'ct', and prefixes that would hide each other. `name` is the file's. */
int ca_config_check_logs(const char *name, const struct ca_config *c, struct tm_err *e);

/* proxies.c: reads the texts; fills the server's options */
int ca_config_read_proxies(const char *name, struct ca_config *c, struct tm_err *e);
void ca_config_proxies(const struct ca_config *c, struct tm_http_options *o);
/* key.c: exactly one of a file and a token. `where` begins the message. */
int ca_config_check_key(const char *where, const struct ca_config_key *k, struct tm_err *e);

/* The rows of a section for its key. */
#define CA_CONFIG_KEY_ROWS(at) \
    {"key", YAMLMAP_PATH, offsetof(struct ca_config, at.file), 0, 0, NULL}, \
        {"password-file", YAMLMAP_PATH, offsetof(struct ca_config, at.password_file), 0, 0, NULL}, \
        {"password-env", YAMLMAP_TEXT, offsetof(struct ca_config, at.password_env), 0, 0, NULL}, \
        {"pkcs11-module", YAMLMAP_PATH, offsetof(struct ca_config, at.module), 0, 0, NULL}, \
        {"pkcs11-token", YAMLMAP_TEXT, offsetof(struct ca_config, at.token), 0, 0, NULL}, \
        {"pkcs11-key", YAMLMAP_TEXT, offsetof(struct ca_config, at.label), 0, 0, NULL}, \
        {"pkcs11-pin-file", YAMLMAP_PATH, offsetof(struct ca_config, at.pin_file), 0, 0, NULL}, \
    { \
        "pkcs11-pin-env", YAMLMAP_TEXT, offsetof(struct ca_config, at.pin_env), 0, 0, NULL \
    }

/* signatures.c, tsa.c: the sections 'signature-log' and 'timestamp-authority'. */
extern const struct tm_yamlmap_key ca_config_signature_keys[];
extern const struct tm_yamlmap_key ca_config_tsa_keys[];
int ca_config_check_signatures(const char *name, const struct ca_config *c, struct tm_err *e);
int ca_config_check_tsa(const char *name, const struct ca_config *c, struct tm_err *e);

#endif
