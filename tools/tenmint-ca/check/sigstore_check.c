/* check-config: the signature log and the timestamp authority. A running server may hold the log,
 * so it is looked at only. */
#include <stdio.h>
#include <string.h>

#include "ca/log/engine/reader.h"
#include "ca/log/engine/view.h"
#include "ca/log/signatures/admit.h"
#include "ca/log/signatures/format.h"
#include "ca/tsa/tsa.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/kms/kms.h"
#include "common/transparency/digsig.h"
#include "tools/tenmint-ca/serve/sigstore.h"
#include "tuf/verify/trust/key_details.h"

#define PUBLIC_MAX ((size_t)16 * 1024) /* bytes of a public key's file */

static int check_admitted(struct check_said *k, const char *path, struct tm_err *e)
{
    if (path == NULL)
        return 0;
    X509_STORE *cas = ca_sig_admit_read(path, e);
    if (cas == NULL)
        return tm_err_wrap(e, "only-from '%s'", path);
    X509_STORE_free(cas);
    check_say(k, "  takes only certificates of the CAs in %s", path);
    return 0;
}

/* Of its origin, and why a reader refuses its key. */
#define REFUSED \
    "the signature log '%s' %s: give it the one that 'targets-for: [ecdsa-logs]' makes, " \
    "tenmint-tuf.yaml(5)"

void sigstore_warn_key(const char *origin, const char *public_file)
{
    struct tm_buf text = {0};
    EVP_PKEY *key = tm_file_read_text(public_file, PUBLIC_MAX, &text, NULL) == 0
                        ? tm_digsig_key_read(text.data, text.len, NULL)
                        : NULL;
    const char *refused = key != NULL ? tuf_log_key_refused(key) : NULL;
    if (refused != NULL)
        fprintf(stderr, "warning: " REFUSED "\n", origin, refused);
    EVP_PKEY_free(key);
    tm_buf_free(&text);
}

static int check_log(struct check_said *k, const struct ca_config *c, struct tm_err *e)
{
    const struct ca_config_signatures *s = &c->signatures;
    struct ca_kept_options o;
    struct ca_log_identity identity;
    unsigned char id[sizeof(identity.log_id)];
    struct tm_key_source source = ca_config_key_source(&s->key);
    source.far = tm_kms_here();
    struct tm_key *key = tm_key_open(&source, "signature log's key", e);
    int rc = key != NULL ? ca_log_dir_identity(s->directory, &identity, e) : -1;
    if (rc == 0)
        rc = ca_log_format_signatures.log_id(id, s->origin, tm_key_pkey(key), e);
    const char *refused = key != NULL ? tuf_log_key_refused(tm_key_pkey(key)) : NULL;
    tm_key_free(key);
    if (rc != 0)
        return -1;
    if (strcmp(identity.kind, ca_log_format_signatures.kind) != 0)
        return tm_err_set(e, "'%s' is a log of another kind: %s", s->directory, identity.kind);
    if (strcmp(identity.origin, s->origin) != 0)
        return tm_err_set(e, "'%s' is the log of origin '%s', not '%s'", s->directory,
                          identity.origin, s->origin);
    if (memcmp(identity.log_id, id, sizeof(id)) != 0)
        return tm_err_set(e, "'%s' belongs to another log key", s->directory);
    check_say(k, "signature log: %s in %s", s->origin, s->directory);
    if (refused != NULL)
        check_warn(k, REFUSED, s->origin, refused);
    if (check_admitted(k, s->only_from, e) != 0)
        return -1;
    ca_config_siglog(c, &o);
    check_detector(k, &o);
    return 0;
}

static int check_shards(struct check_said *k, const struct ca_config_signatures *s,
                        struct tm_err *e)
{
    const struct ca_config_retired *r = s->retired.item;
    for (size_t i = 0; i < s->retired.count; i++) {
        bool in_use = false;
        struct ca_log_retired *l = ca_log_retired_look(&ca_log_format_signatures, r[i].directory,
                                                       r[i].public_key, &in_use, e);
        if (l == NULL)
            return -1;
        check_say(k, "  retired   %s in %s, served at %s%s", ca_log_retired_view(l).origin,
                  r[i].directory, r[i].prefix,
                  in_use ? "; a process still writes to it: stop that before this is served" : "");
        ca_log_retired_close(l);
    }
    return 0;
}

static int check_tsa(struct check_said *k, const struct ca_config *c, struct tm_err *e)
{
    char until[21];
    struct tm_key *key = NULL;
    struct ca_tsa *tsa = sigstore_tsa_new(c, NULL, tm_kms_here(), &key, e);
    if (tsa != NULL) {
        tm_clock_format(ca_tsa_not_after(tsa), until);
        check_say(k, "timestamp authority: its chain is valid until %s", until);
    }
    int rc = tsa != NULL ? 0 : -1;
    ca_tsa_free(tsa);
    tm_key_free(key);
    return rc;
}

int sigstore_check(struct check_said *k, const struct ca_config *c, struct tm_err *e)
{
    if ((c->signatures.directory != NULL && check_log(k, c, e) != 0) ||
        check_shards(k, &c->signatures, e) != 0)
        return tm_err_wrap(e, "signature-log");
    return c->tsa.chain != NULL ? check_tsa(k, c, e) : 0;
}
