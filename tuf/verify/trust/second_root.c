#include "tuf/verify/trust/second_root.h"

#include <string.h>

#include "tuf/verify/trust/key_details.h"

static bool by_ecdsa(enum tuf_trust_list list, const struct tuf_trust_entry *entry)
{
    return list != TRUST_TLOG || tuf_log_key_refused(entry->key) == NULL;
}

const struct tuf_second_root tuf_second_roots[] = {
    {"ecdsa-logs", "trusted_root.ecdsa-logs.json", by_ecdsa}, {NULL, NULL, NULL}};

const struct tuf_second_root *tuf_second_root_named(const char *word)
{
    for (const struct tuf_second_root *s = tuf_second_roots; s->word != NULL; s++) {
        if (strcmp(s->word, word) == 0)
            return s;
    }
    return NULL;
}

static int narrow(const struct tuf_second_root *s, struct tuf_trusted_root *r, struct tm_err *e)
{
    for (size_t l = 0; l < TRUST_LIST_COUNT; l++) {
        enum tuf_trust_list list = (enum tuf_trust_list)l;
        for (size_t i = tuf_trusted_root_count(r, list); i-- > 0;) {
            if (!s->takes(list, tuf_trusted_root_entry(r, list, i)) &&
                tuf_trusted_root_remove(r, list, i, e) != 0)
                return -1;
        }
    }
    return 0;
}

int tuf_second_root_make(const struct tuf_second_root *s, const void *json, size_t len,
                         struct tm_buf *out, struct tm_err *e)
{
    struct tuf_trusted_root *r = tuf_trusted_root_parse_strict(json, len, e);
    int rc = r != NULL ? narrow(s, r, e) : -1;
    if (rc == 0)
        rc = tuf_trusted_root_write(r, out, e);
    tuf_trusted_root_free(r);
    return rc == 0 ? 0 : tm_err_wrap(e, "the target '%s'", s->target);
}
