/* What the two sides of the shared store of used tokens say to each other: each of its messages
 * from any bytes, of which those that are taken are written back byte for byte. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ca/once/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

union message {
    struct ca_once_ask ask;
    struct ca_once_outcome outcome;
    struct ca_once_state state;
};

/* What the handlers rely on. */
static int is_within(unsigned type, const union message *m)
{
    const char *why = type == ONCE_OUTCOME ? m->outcome.why : m->state.why;
    if (type == ONCE_CLAIM || type == ONCE_RELEASE)
        return m->ask.id.len <= OIDC_TOKEN_USE_ID;
    return why == NULL || strlen(why) <= ERR_TEXT_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    union message m;
    struct tm_buf again = {0};
    struct tm_err e = {0};
    if (size == 0)
        return 0;
    unsigned type = data[0] % (unsigned)ca_once_protocol.count;
    const struct tm_ipc_form *form = &ca_once_protocol.form[type];
    if (form->size > sizeof(m))
        abort();
    if (tm_ipc_form_take(form, data + 1, size - 1, -1, &m, &e) != 0) {
        if (e.text[0] == '\0')
            abort();
        return 0;
    }
    if (!is_within(type, &m) || size - 1 > ca_once_protocol.frame_max ||
        tm_ipc_form_put(form, &m, &again, &e) != 0 || again.len != size - 1 ||
        memcmp(again.data, data + 1, again.len) != 0)
        abort();
    tm_buf_free(&again);
    return 0;
}
