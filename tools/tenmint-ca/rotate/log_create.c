/* log create: a further log, for a new key or a new period; it is put in service by hand. */
#include <errno.h>
#include <libgen.h>
#include <openssl/crypto.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/log/ct/ctlog.h"
#include "ca/log/ct/format.h"
#include "ca/log/engine/create.h"
#include "ca/log/engine/reader.h"
#include "ca/log/signatures/format.h"
#include "ca/log/signatures/siglog.h"
#include "common/kms/kms.h"
#include "common/http/http.h"
#include "common/file.h"
#include "common/key/uri.h"
#include "tools/tenmint-ca/commands.h"
#include "tools/tenmint-ca/init/init_stage.h"
#include "tools/tenmint-ca/rotate/log_create.h"
#include "tools/tenmint-ca/owner.h"
#include "tools/tenmint-ca/setup.h"
#include "tools/tenmint-ca/serve/sigstore.h"
#include "tools/tenmint-log/print.h"

/* A path of its own keeps a shard where clients know it, also when the next one has begun. */
static int check_shard(const struct log_create *n, struct tm_err *e)
{
    char prefix[256];
    if (n->shard == NULL)
        return 0;
    if (!n->signatures)
        return tm_err_set(e, "log create: --shard goes with --signatures; the path of a log of "
                             "certificates is in its origin");
    if ((size_t)snprintf(prefix, sizeof(prefix), "/%s", n->shard) >= sizeof(prefix))
        return tm_err_set(e, "log create: --shard is too long");
    return tm_http_prefix_check("--shard", prefix, e);
}

static int check(const struct log_create *n, struct tm_err *e)
{
    if (n->origin == NULL)
        return tm_err_set(e, "log create: --origin NAME is needed: a name that no log had before");
    if (n->signatures && strpbrk(n->origin, "/:") != NULL)
        return tm_err_set(e, "log create: the origin of a signature log is the bare host name of "
                             "its address, such as rekor.example.com: clients look for that");
    if (check_shard(n, e) != 0 || setup_check_origin("origin", n->origin, e) != 0 ||
        setup_check_device(&n->device, "pkcs11-key", n->device.pkcs11_key, e) != 0)
        return -1;
    int ways =
        (n->device.pkcs11_module != NULL) + (n->device.uri != NULL) + (n->password_file != NULL);
    if (ways != 1)
        return tm_err_set(e, "log create: the key needs either --password-file FILE, a token by "
                             "the --pkcs11 options, or --key-uri");
    return 0;
}

#define BESIDE_MAX ((size_t)1 << 20) /* bytes of a file beside a log */

/* What a new log has beside its directory: in it until that is in its place. */
enum beside { BESIDE_KEY, BESIDE_PUBLIC, BESIDE_URI, BESIDE_LABEL, BESIDES };
static const struct {
    const char *within, *suffix;
    size_t at; /* a path in struct log_create */
} besides[BESIDES] = {
    [BESIDE_KEY] = {".new.key", ".key", offsetof(struct log_create, key)},
    [BESIDE_PUBLIC] = {".new.pem", ".pem", offsetof(struct log_create, public)},
    [BESIDE_URI] = {".new.uri", ".uri", offsetof(struct log_create, uri)},
    [BESIDE_LABEL] = {".new.label", ".label", offsetof(struct log_create, label)},
};

int log_create_names(struct log_create *n, struct tm_err *e)
{
    size_t len = strlen(n->dir);
    while (len > 1 && n->dir[len - 1] == '/')
        len--;
    for (size_t i = 0; i < BESIDES; i++) {
        char *to = (char *)n + besides[i].at;
        if (snprintf(to, PATH_MAX, "%.*s%s", (int)len, n->dir, besides[i].suffix) >= PATH_MAX)
            return tm_err_set(e, "the path is too long");
    }
    return 0;
}

static const char *beside_of(const struct log_create *n, size_t i)
{
    return (const char *)n + besides[i].at;
}

/* Whether it is there already: the same file, or, of another file system, its copy. */
static bool is_beside(const char *from, const struct stat *within, const char *to)
{
    struct stat beside;
    struct tm_buf a = {0}, b = {0};
    if (stat(to, &beside) != 0)
        return false;
    bool same = beside.st_ino == within->st_ino && beside.st_dev == within->st_dev;
    if (!same && beside.st_dev != within->st_dev && tm_file_read(from, BESIDE_MAX, &a, NULL) == 0 &&
        tm_file_read(to, BESIDE_MAX, &b, NULL) == 0)
        same = a.len == b.len && CRYPTO_memcmp(a.data, b.data, a.len) == 0;
    tm_buf_free_secret(&a);
    tm_buf_free_secret(&b);
    return same;
}

/* To another file system, where the log's folder is a link that leads there. */
static int copy_beside(const char *from, const struct stat *within, const char *to,
                       struct tm_err *e)
{
    struct tm_buf bytes = {0};
    char part[PATH_MAX];
    int rc = snprintf(part, sizeof(part), "%s.part", to) < (int)sizeof(part)
                 ? tm_file_read(from, BESIDE_MAX, &bytes, e)
                 : tm_err_set(e, "'%s': the path is too long", to);
    if (rc == 0)
        rc = tm_file_write_atomic(part, within->st_mode & 07777, bytes.data, bytes.len, e);
    if (rc == 0 && geteuid() == 0 && chown(part, within->st_uid, within->st_gid) != 0)
        rc = tm_err_errno(e, "give '%s' its owner", part);
    if (rc == 0 && link(part, to) != 0)
        rc = tm_err_errno(e, "move '%s' to '%s'", part, to);
    (void)unlink(part);
    tm_buf_free_secret(&bytes);
    return rc;
}

/* By a link, which replaces no file of that name; a run that was killed goes on here. */
static int put_beside(const char *dir, const char *name, const char *to, struct tm_err *e)
{
    struct stat within;
    char from[PATH_MAX];
    if (tm_file_join(dir, name, from, sizeof(from), e) != 0)
        return -1;
    if (stat(from, &within) != 0)
        return errno == ENOENT ? 0 : tm_err_errno(e, "'%s'", from);
    if (!is_beside(from, &within, to) && link(from, to) != 0) {
        if (errno != EXDEV)
            return tm_err_errno(e, "move '%s' to '%s'", from, to);
        if (copy_beside(from, &within, to, e) != 0)
            return -1;
    }
    return unlink(from) == 0 ? 0 : tm_err_errno(e, "remove '%s'", from);
}

/* In its place, and not all beside it. */
static bool is_unfinished(const struct log_create *n)
{
    bool found = false;
    for (size_t i = 0; i < BESIDES; i++)
        found |= tm_file_is_in(n->dir, besides[i].within);
    return found;
}

static int finish(const struct log_create *n, struct tm_err *e)
{
    char parent[PATH_MAX];
    snprintf(parent, sizeof(parent), "%s", n->public);
    for (size_t i = 0; i < BESIDES; i++) {
        if (put_beside(n->dir, besides[i].within, beside_of(n, i), e) != 0)
            return -1;
    }
    return tm_file_sync_dir(dirname(parent), e) == 0 ? tm_file_sync_dir(n->dir, e) : -1;
}

/* ---- what a killed run left in its place ---- */

/* Which key the directory is for; its file may be beside it already. */
static int check_left_key(const struct log_create *n, const struct ca_log_format *format,
                          const struct ca_log_identity *left, struct tm_err *e)
{
    char within[PATH_MAX];
    unsigned char id[32];
    struct tm_key_source source = {
        .file = tm_file_is_in(n->dir, besides[BESIDE_KEY].within) ? within : n->key,
        .password_file = n->password_file,
        .password_env = n->password_env};
    bool device = setup_elsewhere(&n->device) != NULL;
    if (tm_file_join(n->dir, besides[BESIDE_KEY].within, within, sizeof(within), e) != 0)
        return -1;
    if ((access(source.file, F_OK) == 0) == device)
        return tm_err_set(e, device ? "its key is a file, and one elsewhere is asked for"
                                    : "its key is no file, and one in a file is asked for");
    struct tm_key *key = tm_key_open(device ? &n->device : &source, "log key", e);
    int rc = key != NULL ? format->log_id(id, left->origin, tm_key_pkey(key), e) : -1;
    if (rc == 0 && memcmp(id, left->log_id, sizeof(id)) != 0)
        rc = tm_err_set(e, "its key is another one");
    tm_key_free(key);
    return rc;
}

static int check_left(const struct log_create *n, struct tm_err *e)
{
    const struct ca_log_format *format =
        n->signatures ? &ca_log_format_signatures : &ca_log_format_ct;
    struct ca_log_identity left;
    int rc = ca_log_dir_identity(n->dir, &left, e);
    if (rc == 0 && strcmp(left.kind, format->kind) != 0)
        rc = tm_err_set(e, "it is a '%s', not a '%s'", left.kind, format->kind);
    if (rc == 0 && strcmp(left.origin, n->origin) != 0)
        rc = tm_err_set(e, "its origin is '%s', not '%s'", left.origin, n->origin);
    if (rc == 0)
        rc = check_left_key(n, format, &left, e);
    return rc == 0 ? 0
                   : tm_err_wrap(e,
                                 "'%s' is there from a run that was cut off, and is not what is "
                                 "asked for now: ask for the same, or move it away",
                                 n->dir);
}

static int check_free(const struct log_create *n, struct tm_err *e)
{
    for (size_t i = 0; i < BESIDES; i++) {
        if (access(beside_of(n, i), F_OK) == 0)
            return tm_err_set(e, "'%s' exists", beside_of(n, i));
    }
    return 0;
}

/* What names a key elsewhere, for whoever puts the log into a configuration later. */
static int write_name(const struct log_create *n, const char *dir, struct tm_err *e)
{
    char path[PATH_MAX];
    char line[KEY_URI_MAX + 2];
    const struct tm_key_source *d = &n->device;
    const char *name = d->uri != NULL ? d->uri : d->pkcs11_key;
    if (setup_elsewhere(d) == NULL)
        return 0;
    int len = snprintf(line, sizeof(line), "%s\n", name);
    if (len < 0 || (size_t)len >= sizeof(line))
        return tm_err_set(e, "the key's name is too long");
    return tm_file_join(dir, besides[d->uri != NULL ? BESIDE_URI : BESIDE_LABEL].within, path,
                        sizeof(path), e) == 0
               ? tm_file_write_atomic(path, 0644, line, (size_t)len, e)
               : -1;
}

/* What must not be the server's to change stays ours: all but the key. */
static int keep_ours(const char *dir, struct tm_err *e)
{
    char path[PATH_MAX];
    for (size_t i = BESIDE_PUBLIC; i < BESIDES; i++) {
        if (tm_file_join(dir, besides[i].within, path, sizeof(path), e) != 0)
            return -1;
        if (chown(path, geteuid(), getegid()) != 0 && errno != ENOENT)
            return tm_err_errno(e, "'%s'", path);
    }
    return 0;
}

/* All of it in the folder that grows. */
static int make_within(const struct log_create *n, const char *dir, const char *password,
                       struct tm_err *e)
{
    char key[PATH_MAX];
    char public[PATH_MAX];
    bool device = setup_elsewhere(&n->device) != NULL;
    const struct ca_log_new o = {.directory = dir,
                                 .origin = n->origin,
                                 .device = device ? &n->device : NULL,
                                 .key_file = key,
                                 .password = device ? NULL : password,
                                 .public_file = public};
    mode_t mask = umask(0);
    umask(mask);
    if (tm_file_join(dir, besides[BESIDE_KEY].within, key, sizeof(key), e) != 0 ||
        tm_file_join(dir, besides[BESIDE_PUBLIC].within, public, sizeof(public), e) != 0 ||
        ca_log_create_new(&o, n->signatures ? ca_siglog_create : ca_ctlog_create, e) != 0 ||
        write_name(n, dir, e) != 0)
        return -1;
    if (chmod(dir, 0755 & ~mask) != 0)
        return tm_err_errno(e, "'%s'", dir);
    if (owner_give(&n->owner, dir, e) != 0 || !n->owner.given)
        return n->owner.given ? -1 : 0;
    return keep_ours(dir, e);
}

static int read_password(const struct log_create *n, struct tm_buf *out, struct tm_err *e)
{
    const char *from = n->password_file != NULL ? n->password_file : n->password_env;
    if (setup_elsewhere(&n->device) != NULL)
        return 0;
    if (tm_key_read_secret(n->password_file, n->password_env, "password", out, e) != 0)
        return -1;
    return out->len > 0 ? 0 : tm_err_set(e, "the password in '%s' is empty", from);
}

int log_create_make(const struct log_create *n, struct tm_err *e)
{
    struct tm_buf password = {0};
    struct init_stage stage;
    if (is_unfinished(n))
        return check_left(n, e) == 0 ? finish(n, e) : -1;
    int rc = read_password(n, &password, e);
    if (rc == 0 && access(n->dir, F_OK) == 0)
        rc = setup_directory_is_empty(n->dir, e) == 0 ? 0 : -1;
    if (rc == 0)
        rc = check_free(n, e);
    if (rc == 0 && init_stage_begin(&stage, n->dir, e) != INIT_STAGE_BEGUN)
        rc = -1;
    if (rc == 0 && (rc = make_within(n, stage.dir, tm_buf_str(&password), e)) != 0)
        init_stage_drop(&stage);
    else if (rc == 0)
        rc = init_stage_commit(&stage, e);
    tm_buf_free_secret(&password);
    if (rc == 0)
        rc = finish(n, e);
    if (rc == 0 && n->signatures)
        sigstore_warn_key(n->origin, n->public);
    return rc;
}

/* What stands behind the host is where it is served, by default. */
static const char *prefix_of(const char *origin)
{
    const char *slash = strchr(origin, '/');
    return slash != NULL ? slash : "/log";
}

/* A log of signatures has its own section, at its top level. */
static void put_section(struct tm_buf *out, const struct log_create *n, const char **indent)
{
    *indent = n->signatures ? "  " : "    ";
    tm_buf_puts(out,
                "let verifiers know it before it is used (it cannot be asked yet: --offline):\n");
    if (n->signatures)
        tm_buf_printf(
            out,
            "  tenmint-tuf trust add-log --url https://%s%s%s --key %s --api-version 2 --offline\n",
            n->origin, n->shard != NULL ? "/" : "", n->shard != NULL ? n->shard : "", n->public);
    else
        tm_buf_printf(out, "  tenmint-tuf trust add-ctlog --url https://%s --key %s --offline\n",
                      n->origin, n->public);
    tm_buf_printf(
        out,
        "then put this in place of the server's '%s', and the old log under its 'retired' "
        "with the prefix that it had%s:\n%s",
        n->signatures ? "signature-log" : "embedded",
        n->signatures ? " (/api/v2, if none is named)" : "",
        n->signatures ? "signature-log:\n" : "  embedded:\n");
}

/* As the configuration wants it, with paths that hold from anywhere. */
static int print_done(const struct log_create *n, struct tm_err *e)
{
    char dir[PATH_MAX], key[PATH_MAX], password[PATH_MAX];
    struct tm_buf out = {0};
    const char *indent = NULL;
    bool device = setup_elsewhere(&n->device) != NULL;
    if (realpath(n->dir, dir) == NULL ||
        (!device &&
         (realpath(n->key, key) == NULL || realpath(n->password_file, password) == NULL)))
        return tm_err_errno(e, "'%s'", n->dir);
    tm_buf_printf(&out, "wrote %s, %s%s%s\n", n->dir, device ? "" : n->key, device ? "" : ", ",
                  n->public);
    if (n->device.pkcs11_module != NULL)
        tm_buf_printf(&out, "made its key '%s' in token '%s'; it cannot be read out of it\n",
                      n->device.pkcs11_key, n->device.pkcs11_token);
    put_section(&out, n, &indent);
    setup_put_yaml(&out, indent, "directory", dir);
    setup_put_yaml(&out, indent, "origin", n->origin);
    if (!n->signatures)
        setup_put_yaml(&out, indent, "prefix", prefix_of(n->origin));
    else if (n->shard != NULL)
        tm_buf_printf(&out, "%sprefix: '/%s/api/v2'\n", indent, n->shard);
    if (device) {
        setup_put_device(&out, indent, &n->device);
    } else {
        setup_put_yaml(&out, indent, "key", key);
        setup_put_yaml(&out, indent, "password-file", password);
    }
    const char *text = tm_buf_str(&out);
    int rc =
        text != NULL && fputs(text, stdout) >= 0 ? log_flush(e) : tm_err_set(e, "out of memory");
    tm_buf_free(&out);
    return rc;
}

int command_log_create(const struct cli_command *self, int argc, char **argv)
{
    struct log_create n = {.device.far = tm_kms_here()};
    const char *user = NULL;
    const struct cli_option options[] = {
        {"origin", CLI_TEXT, "NAME",
         "its name for ever, which no log had before, e.g. ca.example.com/log/2027", &n.origin},
        {"signatures", CLI_FLAG, NULL, "a log of signatures (Rekor v2's API), not of certificates",
         &n.signatures},
        {"shard", CLI_TEXT, "PATH",
         "of signatures: its own path at the origin, e.g. 2027, where clients find it", &n.shard},
        {"password-file", CLI_TEXT, "FILE", "encrypts its key, DIR.key; may be the CA's",
         &n.password_file},
        SETUP_DEVICE_OPTIONS(n.device),
        {"pkcs11-key", CLI_TEXT, "LABEL", "the new key, a label that is free",
         &n.device.pkcs11_key},
        {"key-uri", CLI_TEXT, "URI",
         "its key, which exists: awskms:, vault:, gcpkms:, azurekv: or "
         "pkcs11:",
         &n.device.uri},
        OWNER_OPTION(user),
        {0},
    };
    struct setup_paths room;
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    n.dir = argv[0];
    if (check(&n, &e) != 0 || owner_find(user, &n.owner, &e) != 0)
        return cli_fail(CLI_USAGE, &e);
    if (log_create_names(&n, &e) != 0 || setup_absolute(&n.device, &room, &e) != 0 ||
        log_create_make(&n, &e) != 0 || print_done(&n, &e) != 0)
        return cli_fail(CLI_FAILED, &e);
    return CLI_OK;
}
