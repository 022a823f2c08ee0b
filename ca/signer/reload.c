#include "ca/signer/reload.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/gate.h"

#define WATCHED 5

struct ca_signer_holder {
    struct tm_gate gate;
    struct ca_signer *_Atomic current;
    struct ca_signer_options options; /* strings owned */
    struct tm_file_stamp seen[WATCHED];
};

/* The option strings, so that copying and freeing them is one loop each. */
static const char **option_string(struct ca_signer_options *o, size_t i)
{
    const char **const all[] = {
        &o->backend,           &o->chain_file,       &o->ephemeral_type,    &o->key.file,
        &o->key.password_file, &o->key.password_env, &o->key.pkcs11_module, &o->key.pkcs11_token,
        &o->key.pkcs11_key,    &o->key.pin_file,     &o->key.pin_env,       &o->key.uri,
        &o->key.uri_file,
    };
    return i < sizeof(all) / sizeof(all[0]) ? all[i] : NULL;
}

static int copy_options(struct ca_signer_options *o)
{
    int rc = 0;
    const char **s;
    for (size_t i = 0; (s = option_string(o, i)) != NULL; i++) {
        if (*s == NULL)
            continue;
        *s = strdup(*s);
        if (*s == NULL)
            rc = -1;
    }
    return rc;
}

/* Takes the stamps of now; whether they are others than before. */
static bool look(struct ca_signer_holder *h)
{
    const struct tm_key_source *key = &h->options.key;
    const char *const files[WATCHED] = {h->options.chain_file, key->file, key->password_file,
                                        key->pin_file, key->uri_file};
    bool changed = false;
    for (size_t i = 0; i < WATCHED; i++) {
        if (tm_file_stamp_renew(files[i], &h->seen[i]))
            changed = true;
    }
    return changed;
}

struct ca_signer_holder *ca_signer_holder_new(const struct ca_signer_options *o, int64_t now_s,
                                              struct tm_err *e)
{
    struct ca_signer_holder *h = calloc(1, sizeof(*h));
    if (h == NULL)
        return tm_err_null(e, "out of memory");
    h->options = *o;
    int rc = copy_options(&h->options) == 0 ? 0 : tm_err_set(e, "out of memory");
    if (rc == 0) {
        /* Before the open: a change during it is then seen by the next poll. */
        look(h);
        h->current = ca_signer_open(&h->options, now_s, e);
    }
    if (h->current == NULL) {
        ca_signer_holder_free(h);
        return NULL;
    }
    return h;
}

void ca_signer_holder_free(struct ca_signer_holder *h)
{
    if (h == NULL)
        return;
    ca_signer_unref(h->current);
    const char **s;
    for (size_t i = 0; (s = option_string(&h->options, i)) != NULL; i++)
        free((char *)*s);
    free(h);
}

struct ca_signer *ca_signer_holder_get(struct ca_signer_holder *h)
{
    unsigned at = tm_gate_enter(&h->gate);
    struct ca_signer *s = ca_signer_ref(atomic_load(&h->current));
    tm_gate_leave(&h->gate, at);
    return s;
}

int ca_signer_holder_reload(struct ca_signer_holder *h, int64_t now_s, struct tm_err *e)
{
    struct ca_signer *next = ca_signer_open(&h->options, now_s, e);
    if (next == NULL)
        return tm_err_wrap(e, "reload of the CA key failed, the old one stays in force");
    struct ca_signer *old = atomic_exchange(&h->current, next);
    tm_gate_wait(&h->gate);
    ca_signer_unref(old);
    return 1;
}

int ca_signer_holder_poll(struct ca_signer_holder *h, int64_t now_s, struct tm_err *e)
{
    return look(h) ? ca_signer_holder_reload(h, now_s, e) : 0;
}
