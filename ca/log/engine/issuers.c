/* issuer/: every certificate that an entry's chain names, there before the entry is. One entry
 * names the same as the next, so those that are kept are known by their bytes and hashed once. */
#include <string.h>

#include "ca/log/engine/internal.h"

static const struct ca_log_issuer *known(const struct ca_log *l, const unsigned char *der,
                                         size_t len)
{
    for (size_t i = 0; i < l->issuer_count; i++) {
        const struct ca_log_issuer *at = &l->issuer[i];
        if (at->der.len == len && memcmp(at->der.data, der, len) == 0)
            return at;
    }
    return NULL;
}

static void remember(struct ca_log *l, const unsigned char *der, size_t len,
                     const unsigned char fingerprint[32])
{
    if (l->issuer_count == LOG_ISSUERS_KNOWN)
        return;
    struct ca_log_issuer *to = &l->issuer[l->issuer_count];
    tm_buf_append(&to->der, der, len);
    if (buf_failed(&to->der)) {
        tm_buf_free(&to->der);
        return;
    }
    memcpy(to->fingerprint, fingerprint, sizeof(to->fingerprint));
    l->issuer_count++;
}

static int keep(struct ca_log *l, const unsigned char *der, size_t len,
                unsigned char fingerprint[32], struct tm_err *e)
{
    char name[LOG_ISSUER_NAME];
    if (EVP_Digest(der, len, fingerprint, NULL, EVP_sha256(), NULL) != 1)
        return tm_err_openssl(e, "hash an issuer");
    ca_log_issuer_name(fingerprint, name);
    if (ca_log_store_keep(&l->issuers, name, der, len, e) != 0 ||
        ca_log_store_sync(&l->issuers, e) != 0)
        return tm_err_wrap(e, "log an issuer");
    remember(l, der, len, fingerprint);
    return 0;
}

int ca_log_issuers(struct ca_log *l, const struct ca_log_entry *entry, unsigned char *fingerprints,
                   struct tm_err *e)
{
    int rc = 0;
    if (entry->issuer_count > LOG_ISSUERS_MAX)
        return tm_err_set(e, "log entry: more than %d issuers", LOG_ISSUERS_MAX);
    pthread_mutex_lock(&l->issuer_lock);
    for (size_t i = 0; i < entry->issuer_count && rc == 0; i++) {
        unsigned char *to = fingerprints + 32 * i;
        const struct ca_log_issuer *is = known(l, entry->issuer[i], entry->issuer_len[i]);
        if (is != NULL)
            memcpy(to, is->fingerprint, sizeof(is->fingerprint));
        else
            rc = keep(l, entry->issuer[i], entry->issuer_len[i], to, e);
    }
    pthread_mutex_unlock(&l->issuer_lock);
    return rc;
}

void ca_log_issuers_forget(struct ca_log *l)
{
    while (l->issuer_count > 0)
        tm_buf_free(&l->issuer[--l->issuer_count].der);
}
