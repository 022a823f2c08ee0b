#include "ca/signer/reload.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/gate.h"

#define WATCHED 4

struct signer_holder {
    struct gate gate;
    struct signer *_Atomic current;
    struct signer_options options; /* strings owned */
    struct file_stamp seen[WATCHED];
};

/* The option strings, so that copying and freeing them is one loop each. */
static const char **option_string(struct signer_options *o, size_t i)
{
    const char **const all[] = {
        &o->backend,         &o->chain_file,     &o->key_file,       &o->password_file,
        &o->password_env,    &o->pkcs11_module,  &o->pkcs11_token,   &o->pkcs11_key,
        &o->pkcs11_pin_file, &o->pkcs11_pin_env, &o->ephemeral_type,
    };
    return i < sizeof(all) / sizeof(all[0]) ? all[i] : NULL;
}

static int copy_options(struct signer_options *o)
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
static bool look(struct signer_holder *h)
{
    const char *const files[WATCHED] = {h->options.chain_file, h->options.key_file,
                                        h->options.password_file, h->options.pkcs11_pin_file};
    bool changed = false;
    for (size_t i = 0; i < WATCHED; i++) {
        if (file_stamp_renew(files[i], &h->seen[i]))
            changed = true;
    }
    return changed;
}

struct signer_holder *signer_holder_new(const struct signer_options *o, int64_t now_s,
                                        struct err *e)
{
    struct signer_holder *h = calloc(1, sizeof(*h));
    if (h == NULL) {
        err_set(e, "out of memory");
        return NULL;
    }
    h->options = *o;
    int rc = copy_options(&h->options) == 0 ? 0 : err_set(e, "out of memory");
    if (rc == 0) {
        /* Before the open: a change during it is then seen by the next poll. */
        look(h);
        h->current = signer_open(&h->options, now_s, e);
    }
    if (h->current == NULL) {
        signer_holder_free(h);
        return NULL;
    }
    return h;
}

void signer_holder_free(struct signer_holder *h)
{
    if (h == NULL)
        return;
    signer_unref(h->current);
    const char **s;
    for (size_t i = 0; (s = option_string(&h->options, i)) != NULL; i++)
        free((char *)*s);
    free(h);
}

struct signer *signer_holder_get(struct signer_holder *h)
{
    unsigned at = gate_enter(&h->gate);
    struct signer *s = signer_ref(atomic_load(&h->current));
    gate_leave(&h->gate, at);
    return s;
}

int signer_holder_reload(struct signer_holder *h, int64_t now_s, struct err *e)
{
    struct signer *next = signer_open(&h->options, now_s, e);
    if (next == NULL)
        return err_wrap(e, "reload of the CA key failed, the old one stays in force");
    struct signer *old = atomic_exchange(&h->current, next);
    gate_wait(&h->gate);
    signer_unref(old);
    return 1;
}

int signer_holder_poll(struct signer_holder *h, int64_t now_s, struct err *e)
{
    return look(h) ? signer_holder_reload(h, now_s, e) : 0;
}
