/* The copy: a CA of the same kinds of keys and the same settings, made by `init`, in a folder of
 * its own; and the live CA's issuer list, where that is rehearsed. */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/signer/algorithm.h"
#include "common/certs.h"
#include "common/file.h"
#include "common/hex.h"
#include "common/yamledit.h"
#include "tools/tenmint-ca/issuer/issuer.h"
#include "tools/tenmint-ca/rehearse/rehearse.h"
#include "tuf/manager/publish/tree.h"

#define COPY_NAME "tenmint-rehearsal."
#define FILE_BYTES_MAX ((size_t)16 << 20)
#define SETTLED_S 60 /* a folder that is younger may be about to be locked */

static int in_copy(const struct rehearse_copy *c, const char *name, char out[PATH_MAX],
                   struct tm_err *e)
{
    return tm_file_join(c->dir, name, out, PATH_MAX, e);
}

static int put(const struct rehearse_copy *c, const char *name, const void *data, size_t len,
               struct tm_err *e)
{
    char path[PATH_MAX];
    return in_copy(c, name, path, e) == 0 ? tm_file_write_passing(path, 0600, data, len, e) : -1;
}

static int get(const struct rehearse_copy *c, const char *name, struct tm_buf *out,
               struct tm_err *e)
{
    char path[PATH_MAX];
    return in_copy(c, name, path, e) == 0 ? tm_file_read(path, FILE_BYTES_MAX, out, e) : -1;
}

int rehearse_copy_file(const struct rehearse_copy *c, const char *from, const char *to,
                       struct tm_err *e)
{
    struct tm_buf bytes = {0};
    int rc = get(c, from, &bytes, e);
    if (rc == 0)
        rc = put(c, to, bytes.data, bytes.len, e);
    tm_buf_free_secret(&bytes);
    return rc;
}

/* ---- the folder ---- */

/* What a killed run left: its lock is free. */
static void sweep_one(const char *path, int64_t now)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && st.st_mtime < now - SETTLED_S &&
        flock(fd, LOCK_EX | LOCK_NB) == 0)
        (void)tuf_tree_remove(path, NULL);
    close(fd);
}

static void sweep(const char *work, int64_t now)
{
    DIR *d = opendir(work);
    struct dirent *entry;
    while (d != NULL && (entry = readdir(d)) != NULL) {
        char path[PATH_MAX];
        if (strncmp(entry->d_name, COPY_NAME, strlen(COPY_NAME)) == 0 &&
            tm_file_join(work, entry->d_name, path, sizeof(path), NULL) == 0)
            sweep_one(path, now);
    }
    if (d != NULL)
        closedir(d);
}

static int make_folder(struct rehearse_copy *c, const char *work, struct tm_err *e)
{
    char real[PATH_MAX]; /* the copy's configuration outlives no change of directory */
    if (realpath(work, real) == NULL)
        return tm_err_errno(e, "'%s'", work);
    sweep(real, c->out->time);
    if (tm_file_join(real, COPY_NAME "XXXXXX", c->dir, sizeof(c->dir), e) != 0 ||
        mkdtemp(c->dir) == NULL) {
        c->dir[0] = '\0';
        return tm_err_errno(e, "make a folder in '%s'", real);
    }
    c->lock = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return c->lock >= 0 && flock(c->lock, LOCK_EX | LOCK_NB) == 0
               ? 0
               : tm_err_errno(e, "lock '%s'", c->dir);
}

static int listen_somewhere(struct rehearse_copy *c, struct tm_err *e)
{
    struct sockaddr_in a;
    socklen_t len = sizeof(a);
    if (tm_http_listen_open("127.0.0.1:0", &c->listener, e) != 0)
        return -1;
    if (getsockname(c->listener, (struct sockaddr *)&a, &len) != 0)
        return tm_err_errno(e, "a port for the copy");
    snprintf(c->url, sizeof(c->url), "http://127.0.0.1:%u", (unsigned)ntohs(a.sin_port));
    return 0;
}

/* ---- what it is like ---- */

/* The option's words in front of a value that may have blanks; it has no '\'' (init refuses it). */
struct alike {
    const char *key_type;
    char organization[64];
};

/* The live CA's kind of key and its organization, from its chain: the keys stay where they are. */
static int look_at_chain(const char *chain, struct alike *out, struct tm_err *e)
{
    STACK_OF(X509) *certs = tm_certs_load(chain, e);
    if (certs == NULL)
        return -1;
    X509 *first = sk_X509_value(certs, 0);
    const struct ca_signer_algorithm_row *row = ca_signer_algorithm_for(X509_get0_pubkey(first), e);
    out->key_type = row != NULL ? row->name : NULL;
    if (X509_NAME_get_text_by_NID(X509_get_subject_name(first), NID_organizationName,
                                  out->organization, sizeof(out->organization)) <= 0)
        snprintf(out->organization, sizeof(out->organization), "tenmint");
    sk_X509_pop_free(certs, X509_free);
    return row != NULL ? 0 : -1;
}

static int make_ca(struct rehearse_copy *c, const struct rehearse_live *live, struct tm_err *e)
{
    struct alike like = {0};
    char words[512], said[REHEARSE_SAID_MAX];
    bool missing = false;
    if (live->config->ca.chain != NULL && look_at_chain(live->config->ca.chain, &like, e) != 0)
        return -1;
    for (char *p = like.organization; *p != '\0'; p++)
        *p = *p == ' ' || *p == '$' ? '_' : *p; /* a command line is cut at blanks */
    snprintf(words, sizeof(words), "tenmint-ca init $C --all --url $U --key-type %s %s%s%s",
             like.key_type != NULL ? like.key_type : "p256",
             like.organization[0] != '\0' ? "--organization " : "", like.organization,
             geteuid() == 0 ? " --user root" : "");
    int code = rehearse_run(c, words, said, &missing, e);
    if (code > 0)
        tm_err_set(e, "init: %s", said);
    return code == 0 ? 0 : -1;
}

/* ---- its settings ---- */

struct setting {
    const char *path[4];
    char value[64];
};

static void milliseconds(struct setting *s, const char *section, const char *key, int64_t ms)
{
    *s = (struct setting){.path = {section, key}};
    snprintf(s->value, sizeof(s->value), "%lldms", (long long)ms);
}

static int edit_config(const struct rehearse_copy *c, const struct setting *s, struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf was = {0};
    struct tm_buf is = {0};
    int rc = in_copy(c, "ca/tenmint-ca.yaml", path, e);
    if (rc == 0)
        rc = tm_file_read_text(path, YAMLMAP_FILE_MAX, &was, e);
    if (rc == 0)
        rc = tm_yamledit_set(path, tm_buf_str(&was), was.len, s->path, s->value, &is, e);
    if (rc == 0)
        rc = tm_file_write_passing(path, 0644, is.data, is.len, e);
    tm_buf_free(&was);
    tm_buf_free(&is);
    return rc;
}

/* Those of the live configuration that decide who gets a certificate and what it is like; places,
 * listeners, stores and services are the copy's own. */
static int take_settings(const struct rehearse_copy *c, const struct ca_config *live,
                         struct tm_err *e)
{
    struct setting s[] = {
        {.path = {"metrics-listen"}, .value = "127.0.0.1:0"},
        {.path = {"ca", "subject-key-id"}},
        {.path = {"oidc", "allow-http"}},
        {.path = {"oidc", "engine"}},
        {.path = {"signature-log", "checkpoint-interval"}, .value = "100ms"}, /* nobody waits */
        {{0}, ""},
        {{0}, ""},
        {{0}, ""},
    };
    snprintf(s[1].value, sizeof(s[1].value), "%s", live->ca.subject_key_id ? "true" : "false");
    snprintf(s[2].value, sizeof(s[2].value), "%s", live->oidc.allow_http ? "true" : "false");
    snprintf(s[3].value, sizeof(s[3].value), "%s", live->oidc.engine);
    milliseconds(&s[5], "ca", "lifetime", live->ca.lifetime);
    milliseconds(&s[6], "oidc", "skew", live->oidc.skew);
    milliseconds(&s[7], "oidc", "max-token-age", live->oidc.max_token_age);
    for (size_t i = 0; i < sizeof(s) / sizeof(s[0]); i++) {
        if (edit_config(c, &s[i], e) != 0)
            return -1;
    }
    return 0;
}

/* ---- whose tokens ---- */

static const char drill_list[] = "oidc-issuers:\n"
                                 "  " REHEARSE_ISSUER_URL ":\n"
                                 "    issuer-url: " REHEARSE_ISSUER_URL "\n"
                                 "    client-id: sigstore\n"
                                 "    type: email\n"
                                 "    jwks-file: rehearsal.json\n";

/* Keys that the list pins lie beside it. */
static int copy_pinned(const struct rehearse_copy *c, const char *list,
                       const struct oidc_issuer *issuer, struct tm_err *e)
{
    char from[PATH_MAX], name[PATH_MAX], folder[PATH_MAX];
    struct tm_buf bytes = {0};
    const char *slash = strrchr(list, '/');
    if (issuer->jwks_file == NULL)
        return 0;
    snprintf(folder, sizeof(folder), "%.*s" TRUST_JWKS_FOLDER,
             slash != NULL ? (int)(slash - list) + 1 : 0, list);
    int rc = tm_file_join(folder, issuer->jwks_file, from, sizeof(from), e);
    if (rc == 0)
        rc = tm_file_join("ca/" TRUST_JWKS_FOLDER, issuer->jwks_file, name, sizeof(name), e);
    if (rc == 0)
        rc = tm_file_read(from, FILE_BYTES_MAX, &bytes, e);
    if (rc == 0)
        rc = put(c, name, bytes.data, bytes.len, e);
    tm_buf_free(&bytes);
    return rc;
}

static int disable(const struct issuer_list *l, const struct oidc_issuer *issuer,
                   struct tm_buf *text, struct tm_err *e)
{
    struct tm_buf out = {0};
    const struct oidc_list_text list = {l->path, tm_buf_str(text), text->len};
    if (issuer->disabled)
        return 0;
    if (oidc_edit_disable(&list, issuer->url, true, &out, e) != 0) {
        tm_buf_free(&out);
        return -1;
    }
    tm_buf_free(text);
    *text = out;
    return 0;
}

/* The operator's own text, so that what cannot be edited in it is found out; nobody of it is asked
 * for keys, or let in, as each is disabled. */
static int copy_list(const struct rehearse_copy *c, const char *config_file, struct tm_err *e)
{
    struct issuer_list l;
    struct tm_buf text = {0};
    int rc = issuer_list_open(config_file, &l, e);
    if (rc == 0)
        tm_buf_append(&text, l.text.data, l.text.len);
    for (size_t i = 0; rc == 0 && i < oidc_trust_count(l.trust); i++) {
        rc = copy_pinned(c, l.path, oidc_trust_at(l.trust, i), e);
        if (rc == 0)
            rc = disable(&l, oidc_trust_at(l.trust, i), &text, e);
    }
    if (rc == 0)
        rc = put(c, "ca/issuers.yaml", text.data, text.len, e);
    if (rc == 0)
        rc = put(c, "list.yaml", text.data, text.len, e);
    tm_buf_free(&text);
    issuer_list_close(&l);
    return rc;
}

static int give_issuers(struct rehearse_copy *c, const struct rehearse_live *live, bool with_list,
                        struct tm_err *e)
{
    char folder[PATH_MAX];
    if (in_copy(c, "ca/" TRUST_JWKS_FOLDER, folder, e) != 0 ||
        tm_file_mkdirs(folder, 0755, e) != 0 || rehearse_issuer_key(c, e) != 0)
        return -1;
    return with_list ? copy_list(c, live->config_file, e)
                     : put(c, "ca/issuers.yaml", drill_list, sizeof(drill_list) - 1, e);
}

/* ---- the whole ---- */

static int put_artifacts(const struct rehearse_copy *c, struct tm_err *e)
{
    static const char *const names[] = {"old", "new", "late", "other"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (put(c, names[i], names[i], strlen(names[i]), e) != 0)
            return -1;
    }
    return 0;
}

static int fingerprint_of(struct rehearse_copy *c, struct tm_err *e)
{
    char path[PATH_MAX];
    STACK_OF(X509) *chain =
        in_copy(c, "ca/chain.pem", path, e) == 0 ? tm_certs_load(path, e) : NULL;
    if (chain == NULL)
        return -1;
    const char *text = tm_certs_fingerprint(sk_X509_value(chain, 0), c->fingerprint);
    sk_X509_pop_free(chain, X509_free);
    return text[0] != '\0' ? 0 : tm_err_openssl(e, "SHA-256");
}

int rehearse_copy_open(const struct rehearse_live *live, const char *work, bool with_list,
                       struct rehearse_copy *c, struct tm_err *e)
{
    c->lock = c->listener = c->signals = -1;
    if (rehearse_run_begin(c, e) == 0 && make_folder(c, work, e) == 0 &&
        listen_somewhere(c, e) == 0 && make_ca(c, live, e) == 0 &&
        take_settings(c, live->config, e) == 0 && fingerprint_of(c, e) == 0 &&
        give_issuers(c, live, with_list, e) == 0 && put_artifacts(c, e) == 0)
        return 0;
    rehearse_copy_close(c);
    return tm_err_wrap(e, "the copy");
}

void rehearse_copy_close(struct rehearse_copy *c)
{
    rehearse_server_stop(c);
    if (c->listener >= 0)
        close(c->listener);
    if (c->dir[0] != '\0')
        (void)tuf_tree_remove(c->dir, NULL);
    if (c->lock >= 0)
        close(c->lock);
    if (c->signals >= 0)
        close(c->signals);
    EVP_PKEY_free(c->issuer);
    EVP_PKEY_free(c->retired_issuer);
    EVP_PKEY_free(c->stranger);
    c->lock = c->listener = c->signals = -1;
    c->dir[0] = '\0';
    c->issuer = c->retired_issuer = c->stranger = NULL;
}

/* ---- damage ---- */

int rehearse_damage(struct rehearse_copy *c, struct tm_err *e)
{
    static const char section[] = "\"messageSignature\"", key[] = "\"signature\"";
    struct tm_buf bundle = {0};
    if (get(c, "old.json", &bundle, e) != 0)
        return -1;
    char *text = (char *)(uintptr_t)tm_buf_str(&bundle);
    char *at = text != NULL ? strstr(text, section) : NULL;
    at = at != NULL ? strstr(at, key) : NULL;
    at = at != NULL ? strchr(at + strlen(key), '"') : NULL; /* the value's base64 begins there */
    int rc = at != NULL && strlen(at) > 32 ? 0 : tm_err_set(e, "'old.json' holds no signature");
    if (rc == 0) {
        at[24] = at[24] == 'A' ? 'B' : 'A'; /* in the middle of the first number of the signature */
        rc = put(c, "damaged.json", bundle.data, bundle.len, e);
    }
    tm_buf_free(&bundle);
    return rc;
}

/* ---- the live CA ---- */

static int add_file(EVP_MD_CTX *md, const char *path, struct tm_err *e)
{
    struct tm_buf bytes = {0};
    if (path == NULL || access(path, F_OK) != 0)
        return 0;
    int rc = tm_file_read(path, FILE_BYTES_MAX, &bytes, e);
    if (rc == 0 && (EVP_DigestUpdate(md, path, strlen(path) + 1) != 1 ||
                    EVP_DigestUpdate(md, bytes.data, bytes.len) != 1))
        rc = tm_err_openssl(e, "SHA-256");
    tm_buf_free(&bytes);
    return rc;
}

int rehearse_live_digest(const struct rehearse_live *live, char out[65], struct tm_err *e)
{
    const struct ca_config *c = live->config;
    const char *const files[] = {live->config_file, c->ca.chain, c->issuers_file, c->freeze_file,
                                 c->tsa.chain};
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int rc = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1
                 ? 0
                 : tm_err_openssl(e, "SHA-256");
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && rc == 0; i++)
        rc = add_file(md, files[i], e);
    if (rc == 0 && EVP_DigestFinal_ex(md, digest, &len) != 1)
        rc = tm_err_openssl(e, "SHA-256");
    if (rc == 0)
        tm_hex_encode(digest, len, out);
    EVP_MD_CTX_free(md);
    return rc;
}
