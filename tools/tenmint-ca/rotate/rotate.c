/*
 * rotate: the CA's next intermediate in DIR/next; --activate moves it to where the server looks,
 * which takes it up by itself. In between, verifiers learn of the new chain. Each may be cut off
 * anywhere: DIR/next is whole or not there, and the same command ends a move that was begun.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "ca/config/config.h"
#include "ca/signer/create.h"
#include "ca/signer/signer.h"
#include "common/kms/kms.h"
#include "common/certs.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/key/key.h"
#include "common/key/uri.h"
#include "tools/tenmint-ca/audit/audit_note.h"
#include "tools/tenmint-ca/commands.h"
#include "tools/tenmint-ca/owner.h"
#include "tools/tenmint-ca/rotate/rotate.h"

#define URI_FILE "intermediate.uri"
#define CERTIFICATE_MAX ((size_t)1 << 20)
#define TAKEN "chain.pem.taken" /* an answer to the request, before it is checked */

struct rotation {
    const char *dir;
    const char *root_key;      /* NULL: DIR/root.key */
    const char *password_file; /* of both keys; NULL: DIR/password */
    const char *key_type;
    const char *wanted_uri;   /* at a service, of the new key, which exists */
    const char *wanted_label; /* in a token, of the new key; NULL: one is made up */
    bool activate;
    bool request;            /* for a CA of somebody else's, which gives … */
    const char *certificate; /* … this file: the new certificate and those above it */
    char next[PATH_MAX], part[PATH_MAX], password[PATH_MAX], config_file[PATH_MAX];
    bool configured; /* `config` was read: DIR has one */
    struct ca_config config;
    const char *key_name;         /* of the pair, in DIR and DIR/next: a key's file or its URI's */
    bool token;                   /* the CA's key is in a token, not in a file */
    char label[ROTATE_LABEL_MAX]; /* there: of the new key */
    int lock;                     /* DIR, so that one rotation at a time works on it */
};

static int in(const char *dir, const char *name, char out[PATH_MAX], struct tm_err *e)
{
    return tm_file_join(dir, name, out, PATH_MAX, e);
}

/* Whatever else is missing: `init` left these. */
static int check_ca_folder(const char *dir, struct tm_err *e)
{
    static const char *const left[] = {"root.pem", "chain.pem", CREATE_REQUEST};
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
        char path[PATH_MAX];
        if (in(dir, left[i], path, e) != 0)
            return -1;
        if (access(path, F_OK) == 0)
            return 0;
        if (errno != ENOENT && errno != ENOTDIR)
            return tm_err_errno(e, "'%s'", path);
    }
    tm_err_set(e, "'%s' is no CA's folder: it has neither root.pem nor chain.pem", dir);
    return tm_err_mark(e, ERR_REFUSED);
}

/* Where the CA's key is: without a configuration, in a file. */
static int read_config(struct rotation *r, struct tm_err *e)
{
    if (in(r->dir, "tenmint-ca.yaml", r->config_file, e) != 0)
        return -1;
    if (access(r->config_file, F_OK) != 0)
        return r->wanted_label == NULL
                   ? 0
                   : tm_err_errno(e, "'%s', which says where the token is", r->config_file);
    if (ca_config_load(r->config_file, &r->config, e) != 0)
        return -1;
    r->configured = true;
    const struct ca_config_ca *ca = &r->config.ca;
    r->token = ca->key.module != NULL;
    if (ca->key.uri_file != NULL)
        r->key_name = URI_FILE;
    bool makes = !r->activate && r->certificate == NULL;
    if ((r->wanted_uri != NULL) != (ca->key.uri_file != NULL && makes))
        return tm_err_set(e,
                          r->wanted_uri != NULL
                              ? "--ca-key: the CA's key is not named by 'key-uri-file' (%s)"
                              : "--ca-key URI names the next key: the present one is named by "
                                "'key-uri-file' (%s)",
                          r->config_file);
    if (r->wanted_label != NULL && !r->token)
        return tm_err_set(e, "--pkcs11-key: the CA's key is not in a token (%s)", r->config_file);
    if (!r->token && ca->key.uri_file == NULL &&
        (ca->backend == NULL || strcmp(ca->backend, "file") != 0))
        return tm_err_set(e,
                          "the CA key's backend is '%s' (%s): its keys are made where they live. "
                          "Put the next one and its chain into the configuration",
                          ca->backend != NULL ? ca->backend : "", r->config_file);
    if (r->token && r->wanted_label != NULL)
        snprintf(r->label, sizeof(r->label), "%s", r->wanted_label);
    else if (r->token)
        rotate_next_label(ca->key.label, tm_clock_wall_ms() / 1000, r->label);
    return 0;
}

static int prepare(struct rotation *r, struct tm_err *e)
{
    if (check_ca_folder(r->dir, e) != 0)
        return -1;
    if (in(r->dir, "next", r->next, e) != 0 || in(r->dir, "next.part", r->part, e) != 0 ||
        in(r->dir, "password", r->password, e) != 0)
        return -1;
    if (r->password_file == NULL)
        r->password_file = r->password;
    r->lock = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->lock < 0)
        return tm_err_errno(e, "open directory '%s'", r->dir);
    if (flock(r->lock, LOCK_EX | LOCK_NB) != 0)
        return tm_err_errno(e, "another rotation is at work in '%s'", r->dir);
    return read_config(r, e);
}

/* The pair must be one that a server would take. */
static int check_pair(const struct rotation *r, const char *key, const char *chain,
                      struct tm_err *e)
{
    struct ca_signer_options o = {.backend = "file",
                                  .key = {.file = key, .password_file = r->password_file}};
    if (r->token) {
        ca_config_signer(&r->config, &o);
        o.key.pkcs11_key = r->label;
    } else if (strcmp(r->key_name, URI_FILE) == 0) {
        o.backend = "uri";
        o.key = (struct tm_key_source){.uri_file = key, .far = tm_kms_here()};
    }
    o.chain_file = chain;
    struct ca_signer *s = ca_signer_open(&o, tm_clock_wall_ms() / 1000, e);
    ca_signer_unref(s);
    return s != NULL ? 0 : -1;
}

/* Of an attempt that makes way for a new one: it was never more than half a pair. */
static bool is_any(const char *name)
{
    (void)name;
    return true;
}

/* What a --certificate that was killed left: the request, or a certificate that was not checked. */
static bool is_left(const char *name)
{
    return strcmp(name, CREATE_REQUEST) == 0 || strncmp(name, TAKEN, strlen(TAKEN)) == 0;
}

/* Such files of a folder, and the folder, unless something else is in it. */
static void remove_folder(const char *folder, bool (*such)(const char *name))
{
    char path[PATH_MAX];
    DIR *d = opendir(folder);
    for (struct dirent *one = NULL; d != NULL && (one = readdir(d)) != NULL;) {
        if (such(one->d_name) && in(folder, one->d_name, path, NULL) == 0)
            (void)unlink(path); /* "." and ".." cannot be */
    }
    if (d != NULL)
        closedir(d);
    (void)rmdir(folder);
}

/* What an --activate that was killed after its last move left: neither a chain nor a key nor a
 * request. */
static bool clear_done(const struct rotation *r)
{
    static const char *const parts[] = {"chain.pem", CREATE_REQUEST, ROTATE_LABEL_FILE};
    char path[PATH_MAX];
    if (in(r->next, r->key_name, path, NULL) != 0 || access(path, F_OK) == 0 ||
        access(r->next, F_OK) != 0)
        return false;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (in(r->next, parts[i], path, NULL) != 0 || access(path, F_OK) == 0)
            return false;
    }
    remove_folder(r->next, is_left);
    return access(r->next, F_OK) != 0;
}

static int open_root(const struct rotation *r, STACK_OF(X509) * *root, struct tm_key **key,
                     struct tm_err *e)
{
    char root_file[PATH_MAX], root_key_file[PATH_MAX];
    if (in(r->dir, "root.pem", root_file, e) != 0 || in(r->dir, "root.key", root_key_file, e) != 0)
        return -1;
    struct tm_key_source source = {.file = r->root_key != NULL ? r->root_key : root_key_file,
                                   .password_file = r->password_file};
    *root = tm_certs_load(root_file, e);
    if (*root == NULL)
        return -1;
    if (tm_key_uri_is(source.file))
        source = (struct tm_key_source){.uri = source.file, .far = tm_kms_here()};
    else if (access(source.file, F_OK) != 0)
        return tm_err_errno(e, "root key '%s' (where is it kept? name it by --root-key)",
                            source.file);
    *key = tm_key_open(&source, "root key", e);
    return *key != NULL ? 0 : -1;
}

static int write_uri(const struct rotation *r, const char *path, struct tm_err *e)
{
    struct tm_buf line = {0};
    tm_buf_printf(&line, "%s\n", r->wanted_uri);
    int rc = tm_file_create(path, 0644, line.data, line.len, e);
    tm_buf_free(&line);
    return rc;
}

/* A pair in r->part, or in the token and there. */
static int make_pair(const struct rotation *r, STACK_OF(X509) * root, const struct tm_key *root_key,
                     struct tm_err *e)
{
    char key[PATH_MAX], chain[PATH_MAX];
    struct tm_buf password = {0};
    struct tm_key_source device = {0};
    struct ca_create_options o = {
        .directory = r->part, .key_type = r->key_type, .now_s = tm_clock_wall_ms() / 1000};
    if (r->token) {
        device = ca_config_key_source(&r->config.ca.key);
        device.pkcs11_key = r->label;
        o.device = &device;
    } else if (r->wanted_uri != NULL) {
        device = (struct tm_key_source){.uri = r->wanted_uri, .far = tm_kms_here()};
        o.device = &device;
    }
    int rc =
        o.device != NULL ? 0 : tm_key_read_secret(r->password_file, NULL, "password", &password, e);
    if (rc == 0) {
        o.password = tm_buf_str(&password);
        X509 *above = sk_X509_value(root, 0);
        rc = r->request ? ca_create_request(&o, X509_get_subject_name(above), e)
                        : ca_create_intermediate(&o, above, tm_key_pkey(root_key), e);
    }
    tm_buf_free_secret(&password);
    if (rc != 0 || in(r->part, r->key_name, key, e) != 0 ||
        in(r->part, "chain.pem", chain, e) != 0 ||
        (r->token && rotate_write_label(r->part, r->label, e) != 0) ||
        (r->wanted_uri != NULL && write_uri(r, key, e) != 0))
        return -1;
    return r->request ? 0 : check_pair(r, key, chain, e);
}

/* The certificate in service, whose name the next one has. */
static int open_present(const struct rotation *r, STACK_OF(X509) * *chain, struct tm_err *e)
{
    char path[PATH_MAX];
    if (in(r->dir, "chain.pem", path, e) != 0)
        return -1;
    *chain = tm_certs_load(path, e);
    return *chain != NULL ? 0 : -1;
}

static int make_next(const struct rotation *r, struct tm_err *e)
{
    struct tm_key *root_key = NULL;
    STACK_OF(X509) *root = NULL;
    (void)clear_done(r);
    if (access(r->next, F_OK) == 0)
        return tm_err_set(
            e,
            "'%s' is there already: put it in service (--activate; where a request waits there, "
            "--certificate before) or, if its chain was never published, remove it",
            r->next);
    remove_folder(r->part, is_any);
    int rc = r->request ? open_present(r, &root, e) : open_root(r, &root, &root_key, e);
    if (rc == 0)
        rc = make_pair(r, root, root_key, e);
    if (rc == 0 && rename(r->part, r->next) != 0)
        rc = tm_err_errno(e, "rename '%s' to '%s'", r->part, r->next);
    if (rc != 0)
        remove_folder(r->part, is_any);
    tm_key_free(root_key);
    sk_X509_pop_free(root, X509_free);
    return rc == 0 ? tm_file_sync_dir(r->dir, e) : -1;
}

/* Lasting before the next move begins. */
static int move(const struct rotation *r, const char *from, const char *to, struct tm_err *e)
{
    if (owner_take(from, to, e) != 0)
        return -1;
    if (rename(from, to) != 0)
        return tm_err_errno(e, "move '%s' to '%s'", from, to);
    return tm_file_sync_dir(r->dir, e) == 0 ? tm_file_sync_dir(r->next, e) : -1;
}

/* The key first: while the two do not fit, a running server keeps what it has, and after a crash
 * in between the same command ends the move. */
static int activate_file(const struct rotation *r, struct tm_err *e)
{
    char from_key[PATH_MAX], from_chain[PATH_MAX], to_key[PATH_MAX], to_chain[PATH_MAX];
    if (in(r->next, r->key_name, from_key, e) != 0 ||
        in(r->next, "chain.pem", from_chain, e) != 0 || in(r->dir, r->key_name, to_key, e) != 0 ||
        in(r->dir, "chain.pem", to_chain, e) != 0)
        return -1;
    if (access(from_chain, F_OK) != 0)
        return tm_err_errno(e, "nothing to put in service: '%s'", from_chain);
    if (access(to_key, F_OK) != 0)
        return tm_err_errno(e, "'%s': only a CA whose key is this file rotates so", to_key);
    bool key_moved = access(from_key, F_OK) != 0 && errno == ENOENT;
    if (check_pair(r, key_moved ? to_key : from_key, from_chain, e) != 0)
        return tm_err_wrap(e, "the next pair in '%s'", r->next);
    if (!key_moved && move(r, from_key, to_key, e) != 0)
        return -1;
    if (move(r, from_chain, to_chain, e) != 0)
        return -1;
    remove_folder(r->next, is_left);
    return 0;
}

/* ---- the certificate that answers a request ---- */

/* Where a request waits: in DIR/next, or, of `init --csr`, in DIR itself. */
static int find_request(const struct rotation *r, const char **where, char request[PATH_MAX],
                        struct tm_err *e)
{
    char chain[PATH_MAX];
    if (in(r->dir, "chain.pem", chain, e) != 0)
        return -1;
    *where = access(chain, F_OK) == 0 ? r->next : r->dir;
    if (in(*where, CREATE_REQUEST, request, e) != 0)
        return -1;
    return access(request, F_OK) == 0
               ? 0
               : tm_err_errno(e, "no request waits: '%s' (--csr makes one)", request);
}

static int find_label(struct rotation *r, const char *where, struct tm_err *e)
{
    if (where != r->dir)
        return rotate_read_label(where, r->label, e);
    snprintf(r->label, sizeof(r->label), "%s", r->config.ca.key.label);
    return 0;
}

/* Read once, as it may be a pipe: what is checked is what was written. */
static int put_certificate(const struct rotation *r, const char *where, const char *key,
                           const char *chain, struct tm_err *e)
{
    char taken[PATH_MAX];
    struct tm_buf text = {0};
    if (in(where, TAKEN, taken, e) != 0)
        return -1;
    int rc = tm_file_read(r->certificate, CERTIFICATE_MAX, &text, e);
    if (rc == 0)
        rc = tm_file_write_atomic(taken, 0644, text.data, text.len, e);
    tm_buf_free(&text);
    if (rc != 0)
        return -1;
    if (check_pair(r, key, taken, e) != 0)
        rc = tm_err_wrap(e, "'%s', for the request in '%s'", r->certificate, where);
    else if (rename(taken, chain) != 0)
        rc = tm_err_errno(e, "move '%s' to '%s'", taken, chain);
    if (rc != 0)
        (void)unlink(taken);
    return rc == 0 ? tm_file_sync_dir(where, e) : -1;
}

/* What a server would refuse is refused here, and nothing stays of it. */
static int take_certificate(struct rotation *r, struct tm_err *e)
{
    const char *where;
    char request[PATH_MAX], key[PATH_MAX], chain[PATH_MAX];
    if (find_request(r, &where, request, e) != 0 || in(where, r->key_name, key, e) != 0 ||
        in(where, "chain.pem", chain, e) != 0 || (r->token && find_label(r, where, e) != 0) ||
        put_certificate(r, where, key, chain, e) != 0)
        return -1;
    (void)unlink(request);
    if (where == r->dir)
        printf("wrote %s: the server can start; give verifiers its last certificate\n", chain);
    else
        printf("wrote %s\npublish the chain (tenmint-tuf trust add-ca), wait until verifiers have "
               "refreshed, then: tenmint-ca rotate %s --activate\n",
               chain, r->dir);
    return 0;
}

/* The label first: a server that runs keeps what it has until it reads its configuration again. */
static int activate_token(struct rotation *r, struct tm_err *e)
{
    char label[PATH_MAX], from[PATH_MAX], to[PATH_MAX];
    if (in(r->next, ROTATE_LABEL_FILE, label, e) != 0 || in(r->next, "chain.pem", from, e) != 0 ||
        in(r->dir, "chain.pem", to, e) != 0 || rotate_read_label(r->next, r->label, e) != 0)
        return -1;
    bool moved = access(from, F_OK) != 0 && errno == ENOENT;
    if (check_pair(r, NULL, moved ? to : from, e) != 0)
        return tm_err_wrap(e, "the next pair in '%s'", r->next);
    if (rotate_set_label(r->config_file, &r->config, r->label, e) != 0 ||
        (!moved && move(r, from, to, e) != 0))
        return -1;
    (void)unlink(label);
    remove_folder(r->next, is_left);
    return 0;
}

static int activate(struct rotation *r, struct tm_err *e)
{
    if (!clear_done(r))
        return r->token ? activate_token(r, e) : activate_file(r, e);
    if (r->token)
        snprintf(r->label, sizeof(r->label), "%s", r->config.ca.key.label);
    return 0;
}

static void note(const struct rotation *r)
{
    const struct ca_audit_event ev = {.kind = AUDIT_ROTATION,
                                      .reason = r->activate              ? "CA key put in service"
                                                : r->certificate != NULL ? "CA certificate taken"
                                                : r->request ? "next CA key made, and a request"
                                                             : "next CA key made",
                                      .detail = r->dir,
                                      .after = r->token ? r->label : NULL};
    if (r->configured)
        audit_note_done(&r->config, &ev);
}

static void print_token(const struct rotation *r)
{
    if (r->activate)
        printf("in service: %s/chain.pem and the key '%s' of the token, which %s names now; a "
               "running server takes them up at SIGHUP (systemctl reload tenmint-ca)\n",
               r->dir, r->label, r->config_file);
    else
        printf("made the key '%s' in token '%s', wrote %s/chain.pem\n"
               "publish the chain (tenmint-tuf trust add-ca), wait until verifiers have refreshed, "
               "then: tenmint-ca rotate %s --activate\n",
               r->label, r->config.ca.key.token, r->next, r->dir);
}

static void print_done(const struct rotation *r)
{
    if (r->certificate != NULL)
        return; /* it has been said */
    if (r->request)
        printf("wrote %s/" CREATE_REQUEST ": have it signed, then: tenmint-ca rotate %s "
               "--certificate FILE, a PEM file of the certificate and those above it\n",
               r->next, r->dir);
    else if (r->token)
        print_token(r);
    else if (r->activate)
        printf("in service: %s/chain.pem, %s/%s; a running server takes them up within its "
               "reload-interval\n",
               r->dir, r->dir, r->key_name);
    else
        printf("wrote %s/chain.pem, %s/%s\n"
               "publish the chain (tenmint-tuf trust add-ca), wait until verifiers have refreshed, "
               "then: tenmint-ca rotate %s --activate\n",
               r->next, r->next, r->key_name, r->dir);
}

int command_rotate(const struct cli_command *self, int argc, char **argv)
{
    struct rotation r = {.lock = -1, .key_name = "intermediate.key"};
    struct cli_choice key_type = {.of = cli_key_types};
    const struct cli_option options[] = {
        {"activate", CLI_FLAG, NULL, "put DIR/next in service", &r.activate},
        {"csr", CLI_FLAG, NULL,
         "make a request for a root that is not ours: DIR/next/" CREATE_REQUEST, &r.request},
        {"certificate", CLI_TEXT, "FILE", "what came back: PEM, the certificate and those above it",
         &r.certificate},
        {"root-key", CLI_TEXT, "FILE", "the root's key (DIR/root.key), or its pkcs11: URI",
         &r.root_key},
        {"ca-key", CLI_TEXT, "URI", "the next key, which exists, of a CA whose key is named so",
         &r.wanted_uri},
        {"password-file", CLI_TEXT, "FILE", "password of both keys (DIR/password)",
         &r.password_file},
        {"key-type", CLI_CHOICE, "TYPE", "of the new key: p256 (default), p384, rsa or ed25519",
         &key_type},
        {"pkcs11-key", CLI_TEXT, "LABEL",
         "the new key's label, where the CA's key is in a token (the old one and the time)",
         &r.wanted_label},
        {0},
    };
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    r.dir = argv[0];
    r.key_type = key_type.value;
    if (r.activate && (r.root_key != NULL || r.key_type != NULL || r.wanted_label != NULL)) {
        tm_err_set(&e, "rotate: --activate takes no --root-key, --key-type or --pkcs11-key");
        return cli_fail(CLI_USAGE, &e);
    }
    if (r.activate + r.request + (r.certificate != NULL) > 1 ||
        ((r.request || r.certificate != NULL) && r.root_key != NULL)) {
        tm_err_set(&e, "rotate: of --activate, --csr, --certificate and --root-key one at a time");
        return cli_fail(CLI_USAGE, &e);
    }
    rc = prepare(&r, &e);
    if (rc == 0 && r.certificate != NULL)
        rc = take_certificate(&r, &e);
    else if (rc == 0)
        rc = r.activate ? activate(&r, &e) : make_next(&r, &e);
    if (r.lock >= 0)
        close(r.lock);
    if (rc == 0) {
        note(&r);
        print_done(&r);
    }
    if (r.configured)
        ca_config_free(&r.config);
    return rc == 0 ? CLI_OK : cli_fail(CLI_FAILED, &e);
}
