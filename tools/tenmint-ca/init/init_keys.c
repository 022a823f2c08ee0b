#include "tools/tenmint-ca/init/init_keys.h"

#include <string.h>

#include "common/kms/kms.h"

static const char *const label_options[INIT_KEYS] = {
    "pkcs11-key",       "pkcs11-root-key",          "pkcs11-log-key",
    "pkcs11-audit-key", "pkcs11-signature-log-key", "pkcs11-timestamp-key"};

static const char *const uri_options[INIT_KEYS] = {
    "ca-key", "root-key", "log-key", "audit-key", "signature-log-key", "timestamp-key"};

const char *init_keys_option(const struct init_keys *k, enum init_key key)
{
    return k->uri[key] != NULL     ? uri_options[key]
           : k->label[key] != NULL ? label_options[key]
                                   : NULL;
}

/* A key that exists, at a service or in a token. */
static int choose_uri(struct tm_key_source *key, const char *uri, const char *option,
                      struct tm_err *e)
{
    struct tm_key_uri u;
    if (tm_key_uri_parse(uri, strlen(uri), &u, e) != 0)
        return tm_err_wrap(e, "--%s", option);
    tm_key_uri_free(&u);
    *key = (struct tm_key_source){.uri = uri, .far = tm_kms_here()};
    return 0;
}

static int check_labels(const struct init_keys *k, bool all, struct tm_err *e)
{
    for (int i = 0; i < INIT_KEYS; i++) {
        const char *option = init_keys_option(k, i);
        if (i >= INIT_KEY_SIGNATURES && option != NULL && !all)
            return tm_err_set(e, "--%s goes with --all", option);
        if (k->label[i] != NULL && k->uri[i] != NULL)
            return tm_err_set(e, "--%s and --%s exclude each other", uri_options[i],
                              label_options[i]);
        for (int n = 0; n < i; n++) {
            if (k->label[i] != NULL && k->label[n] != NULL && strcmp(k->label[i], k->label[n]) == 0)
                return tm_err_set(e, "--%s and --%s are the same: each needs a key of its own",
                                  label_options[n], label_options[i]);
        }
    }
    return 0;
}

int init_keys_choose(const struct init_keys *k, bool all,
                     struct tm_key_source *const key[INIT_KEYS], struct tm_err *e)
{
    bool any = false;
    if (check_labels(k, all, e) != 0)
        return -1;
    for (int i = INIT_KEYS - 1; i >= 0; i--) {
        any = any || k->label[i] != NULL;
        if ((k->label[i] != NULL || (i == INIT_KEY_CA && !any)) &&
            setup_check_device(&k->token, label_options[i], k->label[i], e) != 0)
            return -1;
        if (k->uri[i] != NULL && choose_uri(key[i], k->uri[i], uri_options[i], e) != 0)
            return -1;
        if (k->label[i] == NULL)
            continue;
        *key[i] = k->token;
        key[i]->pkcs11_key = k->label[i];
    }
    return 0;
}

int init_keys_absolute(struct init_keys *k, struct tm_key_source *const key[INIT_KEYS],
                       struct tm_err *e)
{
    if (setup_absolute(&k->token, &k->room, e) != 0)
        return -1;
    for (int i = 0; i < INIT_KEYS; i++) {
        if (key[i]->pkcs11_module == NULL)
            continue;
        key[i]->pkcs11_module = k->token.pkcs11_module;
        key[i]->pin_file = k->token.pin_file;
    }
    return 0;
}
