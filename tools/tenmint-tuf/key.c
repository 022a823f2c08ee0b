/* key new, import, show. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "common/file.h"
#include "tools/shared/printed.h"
#include "tools/tenmint-tuf/commands.h"
#include "tools/tenmint-tuf/session.h"
#include "tuf/metadata/key.h"
#include "tuf/manager/policy/keyring.h"

static const char *const key_types[] = {"p256", "p384", "ed25519", "rsa", NULL};

/* One key under two names would count as two people to everybody who reads names. */
static int check_twin(const char *keys, const char *holder, EVP_PKEY *pkey, struct tm_err *e)
{
    char name[KEYRING_NAME_MAX + 1];
    int found = tuf_keyring_twin(keys, holder, pkey, name, e);
    return found == 1 ? tm_err_set(e,
                                   "this is the key of '%s' already: each holder has a key of "
                                   "their own",
                                   name)
                      : found;
}

static EVP_PKEY *generate(const char *type, struct tm_err *e)
{
    EVP_PKEY *k = NULL;
    if (strcmp(type, "ed25519") == 0)
        k = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    else if (strcmp(type, "p256") == 0)
        k = EVP_EC_gen("P-256");
    else if (strcmp(type, "p384") == 0)
        k = EVP_EC_gen("P-384");
    else if (strcmp(type, "rsa") == 0)
        k = EVP_RSA_gen(3072);
    if (k == NULL)
        tm_err_openssl(e, "make a key of type %s", type);
    return k;
}

/* The holder's own key as others must see it. */
static int print_key(EVP_PKEY *pkey, const char *holder, bool json, struct tm_err *e)
{
    char keyid[TUF_KEYID_SIZE];
    char hex[65];
    struct tuf_public_key key = {0};
    int rc = tuf_keyring_make(pkey, holder, &key, e);
    if (rc == 0 && (tuf_key_hash(&key, keyid, e) != 0 || tuf_key_fingerprint(&key, hex, e) != 0))
        rc = -1;
    if (rc == 0 && json)
        rc = cli_print_json(json_pack("{s:s, s:s, s:s, s:s}", "holder", holder, "fingerprint", hex,
                                      "keyid", keyid, "scheme", key.scheme),
                            e);
    else if (rc == 0)
        printf("holder       %s\nfingerprint  %s\nkeyid        %s\nscheme       %s\n", holder, hex,
               keyid, key.scheme);
    tuf_free_key(&key);
    return rc;
}

/* The password of a new file: by the options, else typed twice. Empty with --no-password. */
static int new_password(const struct tm_key_source *s, bool none, const char *holder,
                        struct tm_buf *out, struct tm_err *e)
{
    if (none)
        return 0;
    if (s->password_file == NULL && s->password_env == NULL) {
        if (!terminal_here())
            return tm_err_set(e,
                              "a password for the key file: --password-file, --password-env, or a "
                              "terminal (or --no-password)");
        return terminal_new_secret(holder, out, e);
    }
    if (tm_key_read_secret(s->password_file, s->password_env, "password", out, e) != 0)
        return -1;
    return out->len > 0 ? 0 : tm_err_set(e, "the password is empty");
}

static EVP_PKEY *new_file(const struct tm_key_source *s, const char *type, bool plain,
                          const char *holder, struct tm_err *e)
{
    struct tm_buf password = {0};
    EVP_PKEY *pkey = NULL;
    if (access(s->file, F_OK) == 0)
        tm_err_set(e, "'%s' exists: a key is never written over", s->file);
    else if (new_password(s, plain, holder, &password, e) == 0)
        pkey = generate(type, e);
    if (pkey != NULL &&
        tm_key_write_file(s->file, pkey, plain ? NULL : tm_buf_str(&password), e) != 0) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    tm_buf_free_secret(&password);
    return pkey;
}

/* In a token it is made; a key that a URI names is there. */
static struct tm_key *new_elsewhere(struct tm_key_source *s, const char *type, struct tm_err *e)
{
    struct tm_buf pin = {0};
    struct tm_key *key = NULL;
    if (s->uri != NULL)
        return session_key(s, e);
    if (s->pkcs11_token == NULL || s->pkcs11_key == NULL)
        return tm_err_null(e, "a key in a token needs --pkcs11-token and --pkcs11-key");
    if (s->pin_file == NULL && s->pin_env == NULL && terminal_here() &&
        terminal_ask("PIN: ", true, &pin, e) == 0)
        s->secret = tm_buf_str(&pin);
    key = tm_key_make(s, type, "key", e);
    s->secret = NULL;
    tm_buf_free_secret(&pin);
    return key;
}

/* `out`, or the keys of the workspace, which must be one. */
static int keys_folder(const char *dir, const char *out, char *path, size_t size, struct tm_err *e)
{
    struct tuf_workspace w;
    if (out == NULL) {
        if (tuf_workspace_open(dir != NULL ? dir : ".", &w, e) != 0)
            return -1;
        snprintf(path, size, "%s", w.keys);
        tuf_workspace_close(&w);
        return 0;
    }
    if ((size_t)snprintf(path, size, "%s", out) >= size)
        return tm_err_set(e, "the path is too long");
    return 0;
}

/* Before there is a private key whose public half has no place. */
static int check_free(const char *keys, const char *pub, struct tm_err *e)
{
    char path[PATH_MAX];
    if (tm_file_join(keys, pub, path, sizeof(path), e) != 0)
        return -1;
    return access(path, F_OK) != 0
               ? 0
               : tm_err_set(e, "'%s' exists: the name has a key already; take another name", path);
}

int command_key_new(const struct cli_command *self, int argc, char **argv)
{
    struct tm_key_source s = {0};
    const char *dir = NULL, *out = NULL;
    struct cli_choice type = {.value = key_types[0], .of = key_types};
    bool plain = false;
    const struct cli_option options[] = {
        KEY_OPTIONS(s),
        {"type", CLI_CHOICE, "TYPE", "p256 (default), p384, ed25519 or rsa", &type},
        {"no-password", CLI_FLAG, NULL, "a plain key file: for an online key on a guarded machine",
         &plain},
        {"out", CLI_TEXT, "FOLDER", "where NAME.pub goes (keys/ of the workspace)", &out},
        DIR_OPTION(dir),
        {0},
    };
    char keys[PATH_MAX];
    char pub[PATH_MAX];
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    const char *holder = argv[0];
    struct tm_key *token = NULL;
    EVP_PKEY *pkey = NULL;
    snprintf(pub, sizeof(pub), "%.80s.pub", holder);
    if (!tuf_policy_name_ok(holder))
        tm_err_set(&e, "'%.80s' is no name for a holder: letters, digits and ._-@", holder);
    else if ((s.file != NULL) + (s.pkcs11_module != NULL) + (s.uri != NULL) != 1)
        tm_err_set(&e, "where is the private key to live? Give --key FILE, --pkcs11-module with "
                       "--pkcs11-token and --pkcs11-key, or --key-uri URI of one that is there");
    else if (keys_folder(dir, out, keys, sizeof(keys), &e) != 0 || check_free(keys, pub, &e) != 0)
        pkey = NULL; /* `e` says why */
    else if (s.file != NULL)
        pkey = new_file(&s, type.value, plain, holder, &e);
    else if ((token = new_elsewhere(&s, type.value, &e)) != NULL &&
             EVP_PKEY_up_ref(tm_key_pkey(token)) == 1)
        pkey = tm_key_pkey(token);
    rc = pkey != NULL && check_twin(keys, holder, pkey, &e) == 0 &&
                 tuf_keyring_save(keys, holder, pkey, false, &e) == 0 &&
                 print_key(pkey, holder, false, &e) == 0
             ? 0
             : -1;
    EVP_PKEY_free(pkey);
    tm_key_free(token); /* only now: the public half refers to it */
    if (rc != 0)
        return cli_fail(CLI_FAILED, &e);
    printf("wrote %s/%s: the public key, for the workspace\n", keys, pub);
    if (s.file != NULL)
        printf("wrote %s: the private key; keep it, and a copy elsewhere\n", s.file);
    return CLI_OK;
}

int command_key_import(const struct cli_command *self, int argc, char **argv)
{
    struct cli_digest fingerprint = {.sha256_only = true};
    const char *dir = NULL;
    bool replace = false;
    const struct cli_option options[] = {
        {"fingerprint", CLI_DIGEST, "HEX", "what the holder read out; refused if it differs",
         &fingerprint},
        {"replace", CLI_FLAG, NULL, "the holder has a new key", &replace},
        DIR_OPTION(dir),
        {0},
    };
    char keys[PATH_MAX];
    char hex[65] = "";
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 2);
    if (rc != CLI_GO_ON)
        return rc;
    EVP_PKEY *pkey = tuf_keyring_read_public(argv[1], &e);
    struct tuf_public_key key = {0};
    rc = pkey != NULL && tuf_keyring_make(pkey, argv[0], &key, &e) == 0
             ? tuf_key_fingerprint(&key, hex, &e)
             : -1;
    if (rc == 0 && fingerprint.len > 0 && strcmp(fingerprint.hex, hex) != 0)
        rc = tm_err_set(&e, "'%s' has fingerprint %s, not the one given", argv[1], hex);
    if (rc == 0)
        rc = keys_folder(dir, NULL, keys, sizeof(keys), &e);
    if (rc == 0)
        rc = check_twin(keys, argv[0], pkey, &e);
    if (rc == 0)
        rc = tuf_keyring_save(keys, argv[0], pkey, replace, &e);
    if (rc == 0)
        rc = print_key(pkey, argv[0], false, &e);
    tuf_free_key(&key);
    EVP_PKEY_free(pkey);
    if (rc != 0)
        return cli_fail(CLI_FAILED, &e);
    if (fingerprint.len == 0)
        printf("Compare the fingerprint with what the holder reads out (tenmint-tuf key show).\n");
    return CLI_OK;
}

int command_key_show(const struct cli_command *self, int argc, char **argv)
{
    struct tm_key_source s = {0};
    const char *dir = NULL;
    bool json = false;
    const struct cli_option options[] = {
        KEY_OPTIONS(s),
        CLI_JSON(&json),
        DIR_OPTION(dir),
        {0},
    };
    char keys[PATH_MAX];
    struct tm_err e = {0};
    struct tm_key *key = NULL;
    EVP_PKEY *pkey = NULL;
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    if (s.file != NULL || s.env != NULL || tm_key_source_is_elsewhere(&s)) {
        key = session_key(&s, &e);
        rc = key != NULL ? print_key(tm_key_pkey(key), argv[0], json, &e) : -1;
    } else if (strchr(argv[0], '/') != NULL || access(argv[0], F_OK) == 0) {
        pkey = tuf_keyring_read_public(argv[0], &e);
        rc = pkey != NULL ? print_key(pkey, "?", json, &e) : -1;
    } else {
        rc = keys_folder(dir, NULL, keys, sizeof(keys), &e);
        struct tuf_public_key k = {0};
        struct tuf_key decoded = {0};
        rc = rc == 0 && tuf_keyring_read(keys, argv[0], &k, &e) == 0 &&
                     tuf_key_open(&k, &decoded, &e) == 0
                 ? print_key(decoded.pkey, argv[0], json, &e)
                 : -1;
        tuf_key_free(&decoded);
        tuf_free_key(&k);
    }
    EVP_PKEY_free(pkey);
    tm_key_free(key);
    return rc == 0 ? CLI_OK : cli_fail_json(json, CLI_FAILED, &e);
}
