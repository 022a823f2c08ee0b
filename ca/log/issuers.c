/* issuer/: every certificate that an entry's chain names, there before the entry is. */
#include <string.h>

#include "ca/log/internal.h"

static bool known(const struct log *l, const unsigned char fingerprint[32])
{
    for (size_t i = 0; i < l->issuer_count; i++) {
        if (memcmp(l->issuer[i], fingerprint, 32) == 0)
            return true;
    }
    return false;
}

static int keep(struct log *l, const unsigned char *der, size_t len,
                const unsigned char fingerprint[32], struct err *e)
{
    char name[LOG_ISSUER_NAME];
    log_issuer_name(fingerprint, name);
    if (log_store_keep(&l->issuers, name, der, len, e) != 0 || log_store_sync(&l->issuers, e) != 0)
        return err_wrap(e, "log an issuer");
    if (l->issuer_count < LOG_ISSUERS_KNOWN)
        memcpy(l->issuer[l->issuer_count++], fingerprint, 32);
    return 0;
}

int log_issuers(struct log *l, const struct log_entry *entry, unsigned char *fingerprints,
                struct err *e)
{
    if (entry->issuer_count > LOG_ISSUERS_MAX)
        return err_set(e, "log entry: more than %d issuers", LOG_ISSUERS_MAX);
    for (size_t i = 0; i < entry->issuer_count; i++) {
        unsigned char *fp = fingerprints + 32 * i;
        if (EVP_Digest(entry->issuer[i], entry->issuer_len[i], fp, NULL, EVP_sha256(), NULL) != 1)
            return err_openssl(e, "hash an issuer");
        pthread_mutex_lock(&l->issuer_lock);
        int rc = known(l, fp) ? 0 : keep(l, entry->issuer[i], entry->issuer_len[i], fp, e);
        pthread_mutex_unlock(&l->issuer_lock);
        if (rc != 0)
            return -1;
    }
    return 0;
}
