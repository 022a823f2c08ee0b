/*
 * rotate: the CA's next intermediate in DIR/next; --activate moves it to where the server looks,
 * which takes it up by itself. In between, verifiers learn of the new chain.
 */
#include <errno.h>
#include <limits.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
    char next[PATH_MAX], password[PATH_MAX];
};

static int in(const char *dir, const char *name, char out[PATH_MAX], struct err *e)
{
    return file_join(dir, name, out, PATH_MAX, e);
}

static int prepare(struct rotation *r, struct err *e)
{
    if (in(r->dir, "next", r->next, e) != 0 || in(r->dir, "password", r->password, e) != 0)
        return -1;
    if (r->password_file == NULL)
        r->password_file = r->password;
    return 0;
}

static int make_next(const struct rotation *r, struct err *e)
{
    char root_file[PATH_MAX], root_key_file[PATH_MAX];
    struct buf password = {0};
    struct key *root_key = NULL;
    STACK_OF(X509) *root = NULL;
    int rc = -1;
    if (in(r->dir, "root.pem", root_file, e) != 0 || in(r->dir, "root.key", root_key_file, e) != 0)
        return -1;
    struct key_source source = {.file = r->root_key != NULL ? r->root_key : root_key_file,
                                .password_file = r->password_file};
    struct create_options o = {
        .directory = r->next, .key_type = r->key_type, .now_s = clock_wall_ms() / 1000};
    root = certs_load(root_file, e);
    if (root != NULL)
        root_key = key_open(&source, "root key", e);
    if (root_key != NULL &&
        key_read_secret(r->password_file, NULL, "password", &password, e) == 0) {
        o.password = buf_str(&password);
        rc = create_intermediate(&o, sk_X509_value(root, 0), key_pkey(root_key), e);
    }
    buf_free_secret(&password);
    key_free(root_key);
    sk_X509_pop_free(root, X509_free);
    return rc;
}

/* The pair must be one that a server would take. */
static int check_next(const char *key, const char *chain, const char *password_file, struct err *e)
{
    struct signer_options o = {
        .backend = "file", .chain_file = chain, .key_file = key, .password_file = password_file};
    struct signer *s = signer_open(&o, clock_wall_ms() / 1000, e);
    signer_unref(s);
    return s != NULL ? 0 : -1;
}

/* The key first: while the two do not fit, a running server keeps what it has, and after a crash
 * in between the same command ends the move. */
static int activate(const struct rotation *r, struct err *e)
{
    char from_key[PATH_MAX], from_chain[PATH_MAX], to_key[PATH_MAX], to_chain[PATH_MAX];
    if (in(r->next, "intermediate.key", from_key, e) != 0 ||
        in(r->next, "chain.pem", from_chain, e) != 0 ||
        in(r->dir, "intermediate.key", to_key, e) != 0 || in(r->dir, "chain.pem", to_chain, e) != 0)
        return -1;
    if (access(from_chain, F_OK) != 0)
        return err_errno(e, "nothing to put in service: '%s'", from_chain);
    bool key_moved = access(from_key, F_OK) != 0 && errno == ENOENT;
    if (check_next(key_moved ? to_key : from_key, from_chain, r->password_file, e) != 0)
        return err_wrap(e, "the next pair in '%s'", r->next);
    if (!key_moved && rename(from_key, to_key) != 0)
        return err_errno(e, "move '%s' to '%s'", from_key, to_key);
    if (rename(from_chain, to_chain) != 0)
        return err_errno(e, "move '%s' to '%s'", from_chain, to_chain);
    (void)rmdir(r->next); /* stays when something else is in it */
    return file_sync_dir(r->dir, e);
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
    struct rotation r = {0};
    const struct cli_option options[] = {
        {"activate", CLI_FLAG, NULL, "put DIR/next in service", &r.activate},
        {"root-key", CLI_TEXT, "FILE", "the root's key (DIR/root.key)", &r.root_key},
        {"password-file", CLI_TEXT, "FILE", "password of both keys (DIR/password)",
         &r.password_file},
        {"key-type", CLI_TEXT, "TYPE", "of the new key: p256 (default), p384, rsa or ed25519",
         &r.key_type},
        {NULL, CLI_FLAG, NULL, NULL, NULL},
    };
    struct err e = {0};
    int count = 0;
    int rc = cli_parse(self, options, argc, argv, 1, 1, &count);
    if (rc != CLI_GO_ON)
        return rc;
    r.dir = argv[0];
    if (r.activate && (r.root_key != NULL || r.key_type != NULL)) {
        err_set(&e, "rotate: --activate takes neither --root-key nor --key-type");
        return cli_fail(CLI_USAGE, &e);
    }
    rc = prepare(&r, &e);
    if (rc == 0)
        rc = r.activate ? activate(&r, &e) : make_next(&r, &e);
    if (rc != 0)
        return cli_fail(CLI_FAILED, &e);
    print_done(&r);
    return CLI_OK;
}
