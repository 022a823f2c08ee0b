#include "ca/ct/evidence.h"

#include <stdlib.h>
#include <string.h>

#include "common/b64.h"

/* {"chain":["the certificate","issuing CA",…,"root"]}, RFC 6962 §4.1 */
static void put_body(const struct tm_buf *cert, const struct ca_signer_chain *chain,
                     struct tm_buf *out)
{
    tm_buf_puts(out, "{\"chain\":[\"");
    tm_b64_encode(B64_STD, cert->data, cert->len, out);
    for (size_t i = 0; i < chain->count; i++) {
        tm_buf_puts(out, "\",\"");
        tm_b64_encode(B64_STD, chain->der[i], chain->der_len[i], out);
    }
    tm_buf_puts(out, "\"]}");
}

struct ca_ct_evidence *ca_ct_evidence_new(const struct ca_issue_log_entry *entry,
                                          int64_t deadline_ms, struct tm_err *e)
{
    bool detached = entry->certificate != NULL;
    const struct tm_buf *shown = detached ? entry->certificate : entry->precert;
    const struct tm_buf *logged = detached ? entry->certificate : entry->tbs;
    struct ca_ct_evidence *ev = calloc(1, sizeof(*ev));
    if (ev == NULL || shown == NULL || logged == NULL) {
        free(ev);
        return tm_err_null(e, ev == NULL ? "out of memory" : "nothing to log");
    }
    atomic_init(&ev->refs, 1);
    atomic_init(&ev->abandoned, false);
    ev->path = detached ? "/ct/v1/add-chain" : "/ct/v1/add-pre-chain";
    ev->deadline_ms = deadline_ms;
    put_body(shown, entry->chain, &ev->body);
    tm_buf_append(&ev->cert, logged->data, logged->len);
    memcpy(ev->key_hash, entry->issuer_key_hash, sizeof(ev->key_hash));
    ev->entry = (struct tm_sct_entry){.type = detached ? SCT_X509 : SCT_PRECERT,
                                      .cert = ev->cert.data,
                                      .cert_len = ev->cert.len,
                                      .issuer_key_hash = ev->key_hash};
    if (buf_failed(&ev->body) || buf_failed(&ev->cert)) {
        ca_ct_evidence_unref(ev);
        return tm_err_null(e, "out of memory");
    }
    return ev;
}

struct ca_ct_evidence *ca_ct_evidence_ref(struct ca_ct_evidence *ev)
{
    atomic_fetch_add(&ev->refs, 1);
    return ev;
}

void ca_ct_evidence_unref(struct ca_ct_evidence *ev)
{
    if (ev == NULL || atomic_fetch_sub(&ev->refs, 1) != 1)
        return;
    tm_buf_free(&ev->body);
    tm_buf_free(&ev->cert);
    free(ev);
}

void ca_ct_evidence_abandon(struct ca_ct_evidence *ev)
{
    atomic_store(&ev->abandoned, true);
}
