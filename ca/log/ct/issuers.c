#include "ca/log/ct/issuers.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* One entry names the same issuers as the next, so those that are kept are known by their bytes
 * and hashed once. */
static const struct ca_log_issuer *find(const struct ca_log_issuers *x, const unsigned char *der,
                                        size_t len)
{
    for (size_t i = 0; i < x->count; i++) {
        const struct ca_log_issuer *at = &x->known[i];
        if (at->der.len == len && memcmp(at->der.data, der, len) == 0)
            return at;
    }
    return NULL;
}

static void remember(struct ca_log_issuers *x, const unsigned char *der, size_t len,
                     const unsigned char fingerprint[32])
{
    if (x->count == ISSUERS_KNOWN)
        return;
    struct ca_log_issuer *to = &x->known[x->count];
    tm_buf_append(&to->der, der, len);
    if (buf_failed(&to->der)) {
        tm_buf_free(&to->der);
        return;
    }
    memcpy(to->fingerprint, fingerprint, sizeof(to->fingerprint));
    x->count++;
}

static int keep(struct ca_log_issuers *x, const unsigned char *der, size_t len,
                unsigned char fingerprint[32], struct tm_err *e)
{
    char name[LOG_ISSUER_NAME];
    if (EVP_Digest(der, len, fingerprint, NULL, EVP_sha256(), NULL) != 1)
        return tm_err_openssl(e, "hash an issuer");
    ca_log_issuer_name(fingerprint, name);
    if (ca_log_store_keep(&x->store, name, der, len, e) != 0 ||
        ca_log_store_sync(&x->store, e) != 0)
        return tm_err_wrap(e, "log an issuer");
    remember(x, der, len, fingerprint);
    return 0;
}

int ca_log_issuers_keep(struct ca_log_issuers *x, const struct ca_log_entry *entry,
                        unsigned char *fingerprints, struct tm_err *e)
{
    int rc = 0;
    if (entry->issuer_count > LOG_ISSUERS_MAX)
        return tm_err_set(e, "log entry: more than %d issuers", LOG_ISSUERS_MAX);
    pthread_mutex_lock(&x->lock);
    for (size_t i = 0; i < entry->issuer_count && rc == 0; i++) {
        unsigned char *to = fingerprints + 32 * i;
        const struct ca_log_issuer *is = find(x, entry->issuer[i], entry->issuer_len[i]);
        if (is != NULL)
            memcpy(to, is->fingerprint, sizeof(is->fingerprint));
        else
            rc = keep(x, entry->issuer[i], entry->issuer_len[i], to, e);
    }
    pthread_mutex_unlock(&x->lock);
    return rc;
}

int ca_log_issuers_init(struct ca_log_issuers *x, const char *directory, struct tm_err *e)
{
    *x = (struct ca_log_issuers){.directory = strdup(directory)};
    if (x->directory == NULL)
        return tm_err_set(e, "out of memory");
    x->store = (struct ca_log_store){.dir = x->directory, .tmp = LOG_STATE "/issuer.tmp"};
    pthread_mutex_init(&x->lock, NULL);
    return 0;
}

void ca_log_issuers_free(struct ca_log_issuers *x)
{
    if (x->directory == NULL)
        return;
    while (x->count > 0)
        tm_buf_free(&x->known[--x->count].der);
    ca_log_store_free(&x->store);
    pthread_mutex_destroy(&x->lock);
    free(x->directory);
}
