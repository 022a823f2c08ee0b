#include "ca/log/ct/ctlog.h"

#include <stdlib.h>
#include <string.h>

#include "ca/log/ct/format.h"
#include "ca/log/ct/issuers.h"
#include "ca/log/ct/leaf.h"
#include "common/transparency/digsig.h"

struct ca_ctlog {
    struct ca_log *log;
    const char *key_remedy;
    struct tm_digsig_signer *signer; /* of SCTs */
    struct ca_log_issuers issuers;
};

static struct ca_log_options of_certificates(const struct ca_log_options *o)
{
    struct ca_log_options made = *o;
    made.format = &ca_log_format_ct;
    return made;
}

int ca_ctlog_create(const struct ca_log_options *o, struct tm_err *e)
{
    const struct ca_log_options made = of_certificates(o);
    return ca_log_create(&made, e);
}

struct ca_ctlog *ca_ctlog_open(const struct ca_log_options *o, struct tm_err *e)
{
    const struct ca_log_options made = of_certificates(o);
    struct ca_ctlog *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return tm_err_null(e, "out of memory");
    c->key_remedy = o->key_remedy;
    if (ca_log_issuers_init(&c->issuers, o->directory, e) == 0 &&
        (c->log = ca_log_open(&made, e)) != NULL &&
        (c->signer = tm_digsig_signer_new(o->key, e)) != NULL)
        return c;
    ca_ctlog_close(c);
    return NULL;
}

void ca_ctlog_close(struct ca_ctlog *c)
{
    if (c == NULL)
        return;
    ca_log_close(c->log);
    tm_digsig_signer_free(c->signer);
    ca_log_issuers_free(&c->issuers);
    free(c);
}

struct ca_log *ca_ctlog_log(const struct ca_ctlog *c)
{
    return c->log;
}

int ca_ctlog_add(struct ca_ctlog *c, const struct ca_log_entry *entry, void (*wake)(void *arg),
                 void *arg, struct ca_log_ticket **ticket, struct tm_err *e)
{
    unsigned char fingerprints[LOG_ISSUERS_MAX * 32];
    struct ca_log_draft draft;
    if (ca_log_check(c->log, e) != 0 ||
        ca_log_issuers_keep(&c->issuers, entry, fingerprints, e) != 0 ||
        ca_leaf_draft_init(&draft, entry, fingerprints, e) != 0)
        return -1;
    return ca_log_append(c->log, &draft, wake, arg, ticket, e);
}

/* The digitally-signed part of the SCT. */
static int sign(const struct ca_ctlog *c, const struct ca_log_draft *d, struct tm_buf *out,
                struct tm_err *e)
{
    struct tm_buf data = {0};
    ca_leaf_draft_signed(d, &data);
    int rc = buf_failed(&data) ? tm_err_set(e, "out of memory")
                               : tm_digsig_signer_sign(c->signer, data.data, data.len, out, e);
    tm_buf_free(&data);
    return rc == 0 ? 0 : ca_log_key_failed(c->key_remedy, e);
}

enum ca_log_outcome ca_ctlog_collect(const struct ca_ctlog *c, const struct ca_log_ticket *ticket,
                                     struct tm_buf *sct, uint64_t *index, struct tm_err *e)
{
    enum ca_log_outcome outcome = ca_log_poll(ticket, e);
    if (outcome != LOG_DONE)
        return outcome;
    if (ca_log_check(c->log, e) != 0)
        return LOG_FAILED;
    const struct ca_log_place place = ca_log_ticket_place(ticket);
    struct tm_buf signature = {0};
    struct tm_sct s = {.timestamp_ms = place.timestamp_ms};
    memcpy(s.log_id, ca_log_id(c->log), sizeof(s.log_id));
    s.extensions = ca_leaf_draft_extensions(place.draft, &s.extensions_len);
    if (sign(c, place.draft, &signature, e) != 0) {
        outcome = LOG_FAILED;
    } else {
        s.signature = signature.data;
        s.signature_len = signature.len;
        tm_sct_put(&s, sct);
        *index = place.index;
    }
    tm_buf_free(&signature);
    return outcome;
}
