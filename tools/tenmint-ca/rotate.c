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
#include <sys/stat.h>
#include <unistd.h>

#include "ca/config/config.h"
#include "ca/signer/create.h"
#include "ca/signer/signer.h"
#include "common/certs.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/key/key.h"
#include "tools/tenmint-ca/commands.h"

struct rotation {
    const char *dir;
    const char *root_key;      /* NULL: DIR/root.key */
    const char *password_file; /* of both keys; NULL: DIR/password */
    const char *key_type;
    bool activate;
    char next[PATH_MAX], part[PATH_MAX], password[PATH_MAX];
    int lock; /* DIR, so that one rotation at a time works on it */
};

static int in(const char *dir, const char *name, char out[PATH_MAX], struct tm_err *e)
{
    return tm_file_join(dir, name, out, PATH_MAX, e);
}

/* Whatever else is missing: `init` left these. */
static int check_ca_folder(const char *dir, struct tm_err *e)
{
    char root[PATH_MAX], chain[PATH_MAX];
    if (in(dir, "root.pem", root, e) != 0 || in(dir, "chain.pem", chain, e) != 0)
        return -1;
    if (access(root, F_OK) == 0 || access(chain, F_OK) == 0)
        return 0;
    tm_err_set(e, "'%s' is no CA's folder: it has neither root.pem nor chain.pem", dir);
    return tm_err_mark(e, ERR_REFUSED);
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
    return 0;
}

/* The pair must be one that a server would take. */
static int check_pair(const char *key, const char *chain, const char *password_file,
                      struct tm_err *e)
{
    struct ca_signer_options o = {
        .backend = "file", .chain_file = chain, .key_file = key, .password_file = password_file};
    struct ca_signer *s = ca_signer_open(&o, tm_clock_wall_ms() / 1000, e);
    ca_signer_unref(s);
    return s != NULL ? 0 : -1;
}

/* Makes way for a new attempt; what is in it was never more than half a pair. */
static void remove_part(const struct rotation *r)
{
    char path[PATH_MAX];
    DIR *d = opendir(r->part);
    for (struct dirent *one = NULL; d != NULL && (one = readdir(d)) != NULL;) {
        if (in(r->part, one->d_name, path, NULL) == 0)
            (void)unlink(path); /* "." and ".." cannot be */
    }
    if (d != NULL)
        closedir(d);
    (void)rmdir(r->part);
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
    if (access(source.file, F_OK) != 0)
        return tm_err_errno(e, "root key '%s' (where is it kept? name it by --root-key)",
                            source.file);
    *key = tm_key_open(&source, "root key", e);
    return *key != NULL ? 0 : -1;
}

/* A pair in r->part. */
static int make_pair(const struct rotation *r, STACK_OF(X509) * root, const struct tm_key *root_key,
                     struct tm_err *e)
{
    char key[PATH_MAX], chain[PATH_MAX];
    struct tm_buf password = {0};
    struct ca_create_options o = {
        .directory = r->part, .key_type = r->key_type, .now_s = tm_clock_wall_ms() / 1000};
    int rc = tm_key_read_secret(r->password_file, NULL, "password", &password, e);
    if (rc == 0) {
        o.password = tm_buf_str(&password);
        rc = ca_create_intermediate(&o, sk_X509_value(root, 0), tm_key_pkey(root_key), e);
    }
    tm_buf_free_secret(&password);
    if (rc != 0 || in(r->part, "intermediate.key", key, e) != 0 ||
        in(r->part, "chain.pem", chain, e) != 0)
        return -1;
    return check_pair(key, chain, r->password_file, e);
}

/* Before anything is written: a key file would be of no use to a CA whose key is elsewhere. */
static int check_backend(const struct rotation *r, struct tm_err *e)
{
    char path[PATH_MAX];
    struct ca_config c;
    if (in(r->dir, "tenmint-ca.yaml", path, e) != 0)
        return -1;
    if (access(path, F_OK) != 0)
        return 0;
    if (ca_config_load(path, &c, e) != 0)
        return -1;
    int rc =
        strcmp(c.ca.backend, "file") == 0
            ? 0
            : tm_err_set(e,
                         "the CA key's backend is '%s' (%s): rotate makes key files only. Make "
                         "the next key and its certificate where that key lives, then put its "
                         "chain and label into the configuration",
                         c.ca.backend, path);
    ca_config_free(&c);
    return rc;
}

static int make_next(const struct rotation *r, struct tm_err *e)
{
    struct tm_key *root_key = NULL;
    STACK_OF(X509) *root = NULL;
    if (access(r->next, F_OK) == 0)
        return tm_err_set(
            e,
            "'%s' is there already: put it in service (--activate) or, if its chain was "
            "never published, remove it",
            r->next);
    if (check_backend(r, e) != 0)
        return -1;
    remove_part(r);
    int rc = open_root(r, &root, &root_key, e);
    if (rc == 0)
        rc = make_pair(r, root, root_key, e);
    if (rc == 0 && rename(r->part, r->next) != 0)
        rc = tm_err_errno(e, "rename '%s' to '%s'", r->part, r->next);
    if (rc != 0)
        remove_part(r);
    tm_key_free(root_key);
    sk_X509_pop_free(root, X509_free);
    return rc == 0 ? tm_file_sync_dir(r->dir, e) : -1;
}

/* A server that runs as another user could not read what root moves in. */
static int take_owner(const char *from, const char *to, struct tm_err *e)
{
    struct stat have, want;
    if (stat(to, &want) != 0)
        return 0;
    if (stat(from, &have) != 0)
        return tm_err_errno(e, "stat '%s'", from);
    if (have.st_uid == want.st_uid && have.st_gid == want.st_gid)
        return 0;
    return chown(from, want.st_uid, want.st_gid) == 0
               ? 0
               : tm_err_errno(e, "give '%s' the owner of '%s' (run this as root)", from, to);
}

/* Lasting before the next move begins. */
static int move(const struct rotation *r, const char *from, const char *to, struct tm_err *e)
{
    if (take_owner(from, to, e) != 0)
        return -1;
    if (rename(from, to) != 0)
        return tm_err_errno(e, "move '%s' to '%s'", from, to);
    return tm_file_sync_dir(r->dir, e) == 0 ? tm_file_sync_dir(r->next, e) : -1;
}

/* The key first: while the two do not fit, a running server keeps what it has, and after a crash
 * in between the same command ends the move. */
static int activate(const struct rotation *r, struct tm_err *e)
{
    char from_key[PATH_MAX], from_chain[PATH_MAX], to_key[PATH_MAX], to_chain[PATH_MAX];
    if (in(r->next, "intermediate.key", from_key, e) != 0 ||
        in(r->next, "chain.pem", from_chain, e) != 0 ||
        in(r->dir, "intermediate.key", to_key, e) != 0 || in(r->dir, "chain.pem", to_chain, e) != 0)
        return -1;
    if (access(from_chain, F_OK) != 0)
        return tm_err_errno(e, "nothing to put in service: '%s'", from_chain);
    if (access(to_key, F_OK) != 0)
        return tm_err_errno(e, "'%s': only a CA whose key is this file rotates so", to_key);
    bool key_moved = access(from_key, F_OK) != 0 && errno == ENOENT;
    if (check_pair(key_moved ? to_key : from_key, from_chain, r->password_file, e) != 0)
        return tm_err_wrap(e, "the next pair in '%s'", r->next);
    if (!key_moved && move(r, from_key, to_key, e) != 0)
        return -1;
    if (move(r, from_chain, to_chain, e) != 0)
        return -1;
    (void)rmdir(r->next); /* stays when something else is in it */
    return 0;
}

static void print_done(const struct rotation *r)
{
    if (r->activate)
        printf("in service: %s/chain.pem, %s/intermediate.key; a running server takes them up "
               "within its reload-interval\n",
               r->dir, r->dir);
    else
        printf("wrote %s/chain.pem, %s/intermediate.key\n"
               "publish the chain (tenmint-tuf trust add-ca), wait until verifiers have refreshed, "
               "then: tenmint-ca rotate %s --activate\n",
               r->next, r->next, r->dir);
}

int command_rotate(const struct cli_command *self, int argc, char **argv)
{
    struct rotation r = {.lock = -1};
    struct cli_choice key_type = {.of = cli_key_types};
    const struct cli_option options[] = {
        {"activate", CLI_FLAG, NULL, "put DIR/next in service", &r.activate},
        {"root-key", CLI_TEXT, "FILE", "the root's key (DIR/root.key)", &r.root_key},
        {"password-file", CLI_TEXT, "FILE", "password of both keys (DIR/password)",
         &r.password_file},
        {"key-type", CLI_CHOICE, "TYPE", "of the new key: p256 (default), p384, rsa or ed25519",
         &key_type},
        {NULL, CLI_FLAG, NULL, NULL, NULL},
    };
    struct tm_err e = {0};
    int count = 0;
    int rc = cli_parse(self, options, argc, argv, 1, 1, &count);
    if (rc != CLI_GO_ON)
        return rc;
    r.dir = argv[0];
    r.key_type = key_type.value;
    if (r.activate && (r.root_key != NULL || r.key_type != NULL)) {
        tm_err_set(&e, "rotate: --activate takes neither --root-key nor --key-type");
        return cli_fail(CLI_USAGE, &e);
    }
    rc = prepare(&r, &e);
    if (rc == 0)
        rc = r.activate ? activate(&r, &e) : make_next(&r, &e);
    if (r.lock >= 0)
        close(r.lock);
    if (rc != 0)
        return cli_fail(CLI_FAILED, &e);
    print_done(&r);
    return CLI_OK;
}
