#include "tools/tenmint-ca/init_found.h"

#include <limits.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ca/config/config.h"
#include "ca/signer/algorithm.h"
#include "ca/signer/create.h"
#include "common/file.h"
#include "common/key/uri.h"
#include "common/pem.h"
#include "tools/tenmint-ca/check.h"

/* A key of the configuration, and what it has to say. */
struct row {
    const char *key;
    const char *found;  /* NULL: it is not given */
    const char *wanted; /* NULL: anything */
};

static int compare(const struct init_wanted *w, const struct ca_config *c, struct tm_err *e)
{
    const struct row rows[] = {
        {"ct: embedded: origin", c->ct.embedded.origin, w->log_origin},
        {"signature-log: origin", c->signatures.origin, w->signature_origin},
        {"timestamp-authority: chain", c->tsa.chain, NULL},
        {"tuf: directory", c->tuf.directory, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];
        if (r->found == NULL && (w->all || r->wanted != NULL))
            return tm_err_set(e,
                              "it has no '%s', which is asked for: what an earlier init made is "
                              "not added to. Leave --if-missing away, or name another directory",
                              r->key);
        if (r->wanted != NULL && strcmp(r->found, r->wanted) != 0)
            return tm_err_set(e,
                              "its '%s' is '%s', not '%s': a log keeps its name. Ask for the "
                              "address that it was made for, or name another directory",
                              r->key, r->found, r->wanted);
    }
    return w->no_log && c->ct.embedded.origin != NULL
               ? tm_err_set(e, "it has a log, '%s', and --no-log asks for none",
                            c->ct.embedded.origin)
               : 0;
}

/* Clients know the address by the trust root; the configuration has it for people alone. */
static int compare_url(const struct init_wanted *w, const struct ca_config *c, struct tm_err *e)
{
    size_t len = w->url != NULL ? strlen(w->url) : 0;
    for (size_t i = 0; i < c->pages.logs.count && len > 0; i++) {
        const char *found = ca_config_pages_log_at(&c->pages, i)->url;
        if (found != NULL && (strncmp(found, w->url, len) != 0 || found[len] != '/'))
            return tm_err_set(e,
                              "its log is at '%s', not below '%s': signers and verifiers have the "
                              "address that it was made for. Ask for that, or name another "
                              "directory",
                              found, w->url);
    }
    return 0;
}

/* ---- keys ---- */

/* Where a key is: a URI, or what a token calls it, or a file. */
static void name_place(const struct tm_key_source *s, char *out, size_t size)
{
    if (s->uri != NULL)
        snprintf(out, size, "%s", s->uri);
    else if (s->pkcs11_module != NULL)
        snprintf(out, size, "key '%s' of token '%s' by %s", s->pkcs11_key, s->pkcs11_token,
                 s->pkcs11_module);
    else
        snprintf(out, size, "the file %s",
                 s->file != NULL ? s->file : "of an environment variable");
}

#define PLACE_MAX (KEY_URI_MAX + PATH_MAX)

/* `made` is what the configuration names, `what` whose key it is. */
static int compare_key(const struct tm_key_source *made, const struct tm_key_source *wanted,
                       const char *what, const char *option, struct tm_err *e)
{
    char is[PLACE_MAX], to_be[PLACE_MAX];
    struct tm_buf line = {0};
    if (made->uri_file != NULL && tm_file_read(made->uri_file, KEY_URI_MAX + 2, &line, e) != 0)
        return -1;
    if (made->uri_file != NULL)
        snprintf(is, sizeof(is), "%.*s", (int)strcspn(tm_buf_str(&line), "\r\n"),
                 tm_buf_str(&line));
    else
        name_place(made, is, sizeof(is));
    name_place(wanted, to_be, sizeof(to_be));
    tm_buf_free(&line);
    return strcmp(is, to_be) == 0
               ? 0
               : tm_err_set(e,
                            "%s's key is %s, and --%s asks for %s: init moves no key. Ask for the "
                            "first, or have `tenmint-ca rotate` make the second",
                            what, is, option, to_be);
}

static int compare_keys(const struct init_wanted *w, const struct ca_config *c, struct tm_err *e)
{
    const struct {
        const char *what;
        const struct ca_config_key *key;
    } rows[INIT_KEYS] = {
        [INIT_KEY_CA] = {"the CA", &c->ca.key},
        [INIT_KEY_LOG] = {"the log", &c->ct.embedded.key},
        [INIT_KEY_AUDIT] = {"the log of audit heads", &c->audit_store.key},
        [INIT_KEY_SIGNATURES] = {"the signature log", &c->signatures.key},
        [INIT_KEY_TIMESTAMPS] = {"the timestamp authority", &c->tsa.key},
    };
    for (int i = 0; i < INIT_KEYS; i++) {
        if (w->key_option[i] == NULL || rows[i].key == NULL)
            continue;
        const struct tm_key_source made = ca_config_key_source(rows[i].key);
        if (compare_key(&made, w->key[i], rows[i].what, w->key_option[i], e) != 0)
            return -1;
    }
    return 0;
}

/* The configuration does not name it: a file that `init` made says that it is no token's. */
static int compare_root(const struct init_wanted *w, struct tm_err *e)
{
    char path[PATH_MAX];
    if (w->key_option[INIT_KEY_ROOT] == NULL)
        return 0;
    if (tm_file_join(w->dir, "root.key", path, sizeof(path), e) != 0)
        return -1;
    return access(path, F_OK) != 0
               ? 0
               : tm_err_set(e, "the root's key is the file '%s', and --%s asks for another", path,
                            w->key_option[INIT_KEY_ROOT]);
}

/* ---- the CA's certificate ---- */

static int compare_certificate(const struct init_wanted *w, X509 *cert, struct tm_err *e)
{
    char o[256] = "";
    const struct ca_signer_algorithm_row *row = ca_signer_algorithm_for(X509_get0_pubkey(cert), e);
    if (row == NULL)
        return -1;
    if (w->key_type != NULL && strcmp(row->name, w->key_type) != 0)
        return tm_err_set(e,
                          "the CA's key is %s, and --key-type asks for %s: init makes no other "
                          "key. `tenmint-ca rotate` does",
                          row->name, w->key_type);
    (void)X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_organizationName, o,
                                    sizeof(o));
    return w->organization == NULL || strcmp(o, w->organization) == 0
               ? 0
               : tm_err_set(e, "the CA is of '%s', not of '%s' as --organization asks", o,
                            w->organization);
}

static int compare_ca(const struct init_wanted *w, const struct ca_config *c, struct tm_err *e)
{
    if (c->ca.chain == NULL || (w->key_type == NULL && w->organization == NULL))
        return 0;
    BIO *in = BIO_new_file(c->ca.chain, "r");
    X509 *cert = in != NULL ? PEM_read_bio_X509(in, NULL, tm_pem_no_password, NULL) : NULL;
    int rc = cert != NULL ? compare_certificate(w, cert, e)
                          : tm_err_openssl(e, "'%s': read a certificate", c->ca.chain);
    X509_free(cert);
    BIO_free(in);
    return rc;
}

int init_found_check(const struct init_wanted *w, struct tm_err *e)
{
    char path[PATH_MAX];
    struct ca_config c;
    if (tm_file_join(w->dir, "tenmint-ca.yaml", path, sizeof(path), e) != 0)
        return -1;
    if (check_server_config(path, false, e) != 0)
        return tm_err_wrap(
            e,
            "'%s' has files and is not whole; nothing was changed. Restore it from a "
            "backup, or move it away to begin anew",
            w->dir);
    if (ca_config_load(path, &c, e) != 0)
        return -1;
    int rc = compare(w, &c, e);
    if (rc == 0)
        rc = compare_url(w, &c, e);
    if (rc == 0)
        rc = compare_keys(w, &c, e);
    if (rc == 0)
        rc = compare_root(w, e);
    if (rc == 0)
        rc = compare_ca(w, &c, e);
    ca_config_free(&c);
    return rc == 0 ? 0 : tm_err_wrap(e, "'%s'", w->dir);
}
