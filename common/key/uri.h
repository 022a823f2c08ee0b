/*
 * Where a private key is, as one text:
 *
 *     SCHEME:PATH[?OPTION=VALUE[&OPTION=VALUE]...]
 *
 *     pkcs11:token=T;object=K?module-path=/usr/lib/x.so&pin-source=file:/etc/pin      (RFC 7512)
 *     awskms:alias/ca?region=eu-west-1         vault:ca?version=3&mount=transit
 *     gcpkms:projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/1
 *     azurekv:NAME.vault.azure.net/ca/0123...
 *
 * It holds no secret. Read strictly: a known scheme, only its options, each once; a byte may be
 * written %XX, and only letters, digits and -._~:/@+,= stand for themselves.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

#define KEY_URI_MAX ((size_t)1024) /* bytes */

enum tm_key_uri_kind { KEY_URI_PKCS11, KEY_URI_AWS, KEY_URI_VAULT, KEY_URI_GCP, KEY_URI_AZURE };

/* Every option of every scheme; which of them a scheme has stands in uri.c. */
enum tm_key_uri_option {
    KEY_URI_TOKEN,  /* pkcs11: of the path */
    KEY_URI_OBJECT, /* likewise */
    KEY_URI_MODULE,
    KEY_URI_PIN_SOURCE,
    KEY_URI_ENDPOINT, /* https://HOST[:PORT][/PATH] in place of the service's own */
    KEY_URI_CA_FILE,  /* PEM of CAs that are trusted beside the system's */
    KEY_URI_REGION,
    KEY_URI_PROFILE,
    KEY_URI_MOUNT,
    KEY_URI_VERSION,
    KEY_URI_NAMESPACE,
    KEY_URI_AUTH, /* vault: token, kubernetes, approle, jwt */
    KEY_URI_AUTH_MOUNT,
    KEY_URI_ROLE,
    KEY_URI_JWT_FILE,
    KEY_URI_ROLE_ID_FILE,
    KEY_URI_SECRET_ID_FILE,
    KEY_URI_OPTIONS
};

struct tm_key_uri {
    enum tm_key_uri_kind kind;
    char *path;                    /* decoded; NULL for pkcs11 */
    char *option[KEY_URI_OPTIONS]; /* decoded; NULL: not given */
};

/* Whether the text begins as a URI of ours: a file of that name is written "./awskms:x". */
bool tm_key_uri_is(const char *text);
/* The key is reached by a network: its credential belongs into a process of its own. */
bool tm_key_uri_is_remote(const struct tm_key_uri *u);
const char *tm_key_uri_scheme(const struct tm_key_uri *u);

/* Fills `u`, in either case to be freed. */
int tm_key_uri_parse(const char *text, size_t len, struct tm_key_uri *u, struct tm_err *e);
/* The same of a file of one line. */
int tm_key_uri_load(const char *path, struct tm_key_uri *u, struct tm_err *e);
void tm_key_uri_free(struct tm_key_uri *u);
