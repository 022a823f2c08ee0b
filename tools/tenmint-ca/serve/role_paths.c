/* What each process may open, and whose rights it has: by the configuration alone. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/sandbox/sandbox.h"
#include "oidc/trust/trust.h"
#include "tools/tenmint-ca/serve/roles.h"

#define PATHS_MAX 96
/* External logs have a key and a CA file each, and there may be CT_LOGS_MAX. */
_Static_assert(PATHS_MAX >= 2 * CT_LOGS_MAX + 16 && PATHS_MAX >= 2 * CA_CONFIG_RETIRED_MAX + 8,
               "room for every path of a role");

struct paths {
    struct tm_sandbox_path path[PATHS_MAX];
    char *owned[PATHS_MAX]; /* those that were made here */
    size_t count, owned_count;
    bool failed;
};

/* A file that is named so may be replaced: the kernel knows it by what it is, not by its name, so
 * the parent opens what is there then (roles_open_for). */
static void allow(struct paths *p, const char *path, enum tm_sandbox_use use)
{
    if (path == NULL)
        return;
    if (p->count < PATHS_MAX)
        p->path[p->count++] = (struct tm_sandbox_path){path, use};
    else
        p->failed = true;
}

/* The same, of a path that was made here, which it takes; NULL: out of memory. */
static void allow_made(struct paths *p, char *path, enum tm_sandbox_use use)
{
    if (path == NULL || p->owned_count == PATHS_MAX) {
        p->failed = true;
        free(path);
        return;
    }
    p->owned[p->owned_count++] = path;
    allow(p, path, use);
}

static void allow_read(struct paths *p, const char *path)
{
    allow(p, path, SANDBOX_USE_READ);
}

/* The directory that a file is in. */
static void allow_beside(struct paths *p, const char *file, enum tm_sandbox_use use)
{
    const char *slash = file != NULL ? strrchr(file, '/') : NULL;
    if (file == NULL)
        return;
    allow_made(p,
               slash == NULL   ? strdup(".")
               : slash == file ? strdup("/")
                               : strndup(file, (size_t)(slash - file)),
               use);
}

/* A folder beside a file. */
static void allow_folder_beside(struct paths *p, const char *file, const char *name)
{
    char path[PATH_MAX];
    const char *slash = file != NULL ? strrchr(file, '/') : NULL;
    int len = slash != NULL ? (int)(slash - file) + 1 : 0;
    if (file != NULL && snprintf(path, sizeof(path), "%.*s%s", len, file, name) < PATH_MAX)
        allow_made(p, strdup(path), SANDBOX_USE_READ);
}

static void allow_key(struct paths *p, const struct ca_config_key *k)
{
    allow_read(p, k->file);
    allow_read(p, k->password_file);
    allow_read(p, k->uri_file);
}

static void allow_retired(struct paths *p, const struct tm_yamlmap_entries *retired)
{
    for (size_t i = 0; i < retired->count; i++) {
        const struct ca_config_retired *r = ca_config_retired_at(retired, i);
        allow_read(p, r->directory);
        allow_read(p, r->public_key);
    }
}

/* It is read once, at the start, and replaced by rename, which needs its folder: not what else is
 * in there, which may be a key of another role. */
static void allow_anchor(struct paths *p, const char *anchor)
{
    allow_read(p, anchor);
    allow_beside(p, anchor, SANDBOX_USE_REPLACE);
}

static void log_paths(struct paths *p, const struct ca_config *c)
{
    allow(p, c->ct.embedded.directory, SANDBOX_USE_WRITE);
    allow_anchor(p, c->ct.embedded.anchor);
    allow_key(p, &c->ct.embedded.key);
    allow_retired(p, &c->ct.retired);
}

static void signatures_paths(struct paths *p, const struct ca_config *c)
{
    allow(p, c->signatures.directory, SANDBOX_USE_WRITE);
    allow_anchor(p, c->signatures.anchor);
    allow_key(p, &c->signatures.key);
    allow_read(p, c->signatures.only_from);
    allow_retired(p, &c->signatures.retired);
}

static void timestamps_paths(struct paths *p, const struct ca_config *c)
{
    allow_read(p, c->tsa.chain);
    allow_key(p, &c->tsa.key);
}

/* A publication may put another folder in the tree's place, as a whole or by a link: what is
 * allowed is what is around it. Rules hold for a folder itself, not for its name. */
static void tuf_paths(struct paths *p, const struct ca_config *c)
{
    char real[PATH_MAX];
    struct stat st;
    allow_read(p, c->tuf.directory);
    allow_beside(p, c->tuf.directory, SANDBOX_USE_READ);
    if (lstat(c->tuf.directory, &st) == 0 && S_ISLNK(st.st_mode) &&
        realpath(c->tuf.directory, real) != NULL)
        allow_beside(p, real, SANDBOX_USE_READ);
}

static void pages_paths(struct paths *p, const struct ca_config *c)
{
    allow(p, c->pages.directory, SANDBOX_USE_WRITE);
    allow_read(p, c->ca.chain);
    allow_read(p, c->tsa.chain);
    for (size_t i = 0; i < c->pages.logs.count; i++) {
        const struct ca_config_pages_log *l = ca_config_pages_log_at(&c->pages, i);
        allow_read(p, l->directory);
        allow_read(p, l->public_key);
    }
    if (c->tuf.directory != NULL)
        tuf_paths(p, c);
}

static void issuer_paths(struct paths *p, const struct ca_config *c)
{
    const struct ca_config_ct_log *logs = c->ct.logs.item;
    struct oidc_options oidc; /* with the places that a cluster has by default */
    ca_config_oidc(c, &oidc);
    allow_key(p, &c->ca.key);
    allow_read(p, c->ca.chain);
    allow_read(p, c->issuers_file);
    allow_read(p, c->freeze_file);
    allow_read(p, c->rehearsals.file);
    allow_folder_beside(p, c->issuers_file, TRUST_JWKS_FOLDER);
    if (c->approved.mirror != NULL && c->approved.mirror[0] == '/')
        allow_read(p, c->approved.mirror);
    allow_read(p, c->approved.root);
    allow_folder_beside(p, c->approved.root, TRUST_JWKS_FOLDER);
    allow_read(p, c->approved.ca_file);
    allow(p, c->approved.directory, SANDBOX_USE_WRITE);
    allow_read(p, oidc.ca_file);
    allow_read(p, oidc.kubernetes_ca_file);
    allow_read(p, oidc.kubernetes_token_file);
    for (size_t i = 0; i < c->ct.logs.count; i++) {
        allow_read(p, logs[i].public_key);
        allow_read(p, logs[i].tls_ca);
    }
    allow(p, c->audit_file, SANDBOX_USE_WRITE);
    allow_beside(p, c->audit_file, SANDBOX_USE_LIST); /* a name that was made is synced */
}

/* What name look-ups and TLS read: neither /etc nor /run as a whole, where the service's keys and
 * passwords are. */
static void network_paths(struct paths *p)
{
    static const char *const read[] = {"/etc/resolv.conf",
                                       "/etc/hosts",
                                       "/etc/host.conf",
                                       "/etc/nsswitch.conf",
                                       "/etc/gai.conf",
                                       "/etc/services",
                                       "/etc/protocols",
                                       "/etc/networks",
                                       "/etc/ld.so.cache",
                                       "/etc/localtime",
                                       "/etc/resolvconf",
                                       "/etc/ssl",
                                       "/etc/pki",
                                       "/etc/ca-certificates",
                                       "/etc/crypto-policies",
                                       "/run/resolvconf",
                                       "/run/systemd/resolve",
                                       "/run/NetworkManager",
                                       "/run/nscd",
                                       "/usr",
                                       "/lib",
                                       "/lib64",
                                       "/dev/null",
                                       "/dev/random",
                                       "/dev/urandom",
                                       "/proc/sys/net",
                                       "/var/lib/ca-certificates"};
    for (size_t i = 0; i < sizeof(read) / sizeof(read[0]); i++)
        allow_read(p, read[i]);
}

static void fetch_paths(struct paths *p, const struct ca_config *c)
{
    network_paths(p);
    allow_read(p, c->limits.store_password_file);
    allow_read(p, c->limits.store_ca_file);
}

static void keys_paths(struct paths *p, const struct ca_config *c)
{
    const struct ca_config_key *keys[CA_CONFIG_KEYS];
    ca_config_keys(c, keys);
    for (size_t i = 0; i < CA_CONFIG_KEYS; i++)
        allow_read(p, keys[i]->uri_file);
    network_paths(p);
}

/* The file alone: what is beside it may be a key of the server. */
static void allow_credential(void *paths, const char *path)
{
    allow_made(paths, strdup(path), SANDBOX_USE_READ);
}

/* Files that others replace, as a cluster's tokens are: the parent opens what is there then. */
static void allow_credentials(struct paths *p, const struct ca_config *c)
{
    const struct ca_config_key *keys[CA_CONFIG_KEYS];
    ca_config_keys(c, keys);
    for (size_t i = 0; i < CA_CONFIG_KEYS; i++) {
        struct tm_key_uri u = {0};
        bool named = keys[i]->uri != NULL || keys[i]->uri_file != NULL;
        if (named && ca_config_key_uri(keys[i], &u, NULL) == 0 && tm_key_uri_is_remote(&u))
            tm_kms_files(&u, allow_credential, p);
        tm_key_uri_free(&u);
    }
}

static void audit_paths(struct paths *p, const struct ca_config *c)
{
    const struct ca_config_audit *a = &c->audit_store;
    allow(p, a->directory, SANDBOX_USE_WRITE);
    allow(p, a->archive, SANDBOX_USE_WRITE);
    allow_anchor(p, a->anchor);
    allow_key(p, &a->key);
    allow_read(p, a->dsn_file);
    if (a->dsn_file != NULL)
        network_paths(p); /* names and TLS of the database */
}

static void no_paths(struct paths *p, const struct ca_config *c)
{
    (void)p;
    (void)c;
}

static const struct {
    void (*paths)(struct paths *p, const struct ca_config *c);
    size_t user; /* where the configuration has its name */
} roles[ROLE_COUNT] = {
    [ROLE_FETCH] = {fetch_paths, offsetof(struct ca_config_users, fetch)},
    [ROLE_KEYS] = {keys_paths, offsetof(struct ca_config_users, keys)},
    [ROLE_AUDIT] = {audit_paths, offsetof(struct ca_config_users, audit)},
    [ROLE_LOG] = {log_paths, offsetof(struct ca_config_users, log)},
    [ROLE_SIGNATURES] = {signatures_paths, offsetof(struct ca_config_users, signatures)},
    [ROLE_TIMESTAMPS] = {timestamps_paths, offsetof(struct ca_config_users, timestamps)},
    [ROLE_TUF] = {tuf_paths, offsetof(struct ca_config_users, tuf)},
    [ROLE_PAGES] = {pages_paths, offsetof(struct ca_config_users, pages)},
    [ROLE_ISSUER] = {issuer_paths, offsetof(struct ca_config_users, issuer)},
    [ROLE_FRONT] = {no_paths, offsetof(struct ca_config_users, front)},
};

static const char *user_of(const struct ca_config *c, enum role_name role)
{
    const char *own = *(char *const *)((const char *)&c->users + roles[role].user);
    return own != NULL ? own : c->user;
}

static void all_paths(struct paths *p, const struct ca_config *c, enum role_name role)
{
    roles[role].paths(p, c);
    if (role == ROLE_KEYS)
        allow_credentials(p, c);
}

static void forget(struct paths *p)
{
    while (p->owned_count > 0)
        free(p->owned[--p->owned_count]);
}

static int confine(const struct roles *r, enum role_name role, struct tm_err *e)
{
    struct paths p = {0};
    if (r->place[role] == CA_KEY_IN_TOKEN)
        return 0; /* a token's module does what it likes with files */
    all_paths(&p, r->config, role);
    int rc = p.failed ? tm_err_set(e, "more than %d paths, or out of memory", PATHS_MAX)
                      : tm_sandbox_paths(p.path, p.count, e);
    forget(&p);
    return rc;
}

/* Whether the configuration names the very path for this role. */
static bool is_its_file(const struct ca_config *c, enum role_name role, const char *path,
                        bool append)
{
    struct paths p = {0};
    bool found = false;
    all_paths(&p, c, role);
    for (size_t i = 0; i < p.count && !found; i++)
        found = p.path[i].path != NULL && strcmp(p.path[i].path, path) == 0 &&
                (append ? p.path[i].use == SANDBOX_USE_WRITE : p.path[i].use <= SANDBOX_USE_WRITE);
    forget(&p);
    return found;
}

/* Whether the issuer list names the path, as a file with an issuer's keys. */
static bool holds_keys(const struct roles *r, const char *path)
{
    struct oidc_trust *trust = NULL;
    struct tm_err e = {0};
    bool found = false;
    int rc = r->issuers != NULL ? oidc_trust_parse("", r->issuers, strlen(r->issuers), &trust, &e)
             : r->config->issuers_file != NULL
                 ? oidc_trust_load(r->config->issuers_file, &trust, &e)
                 : -1;
    if (rc != 0)
        return false;
    for (size_t i = 0; i < oidc_trust_count(trust) && !found; i++) {
        const char *file = oidc_trust_at(trust, i)->jwks_file;
        found = file != NULL && strcmp(file, path) == 0;
    }
    oidc_trust_unref(trust);
    return found;
}

int roles_open_for(void *ctx, unsigned role, const char *path, bool append)
{
    const struct roles *r = ctx;
    bool its = is_its_file(r->config, role, path, append) ||
               (role == ROLE_ISSUER && !append && holds_keys(r, path));
    if (its)
        return tm_file_open(path, append);
    errno = EACCES;
    return -1;
}

static int ask_parent(void *ctx, const char *path, bool append)
{
    return tm_process_open(ctx, path, append);
}

int roles_begin(struct roles *r, enum role_name role, struct tm_err *e)
{
    const struct ca_config *c = r->config;
    for (size_t i = 0; i < r->parents_count; i++) {
        if (r->parents[i] >= 0)
            close(r->parents[i]);
    }
    tm_file_on_denied(ask_parent, r->group);
    roles_forget_secrets(c, role);
    if (tm_sandbox_begin(e) != 0 || tm_sandbox_user(user_of(c, role), e) != 0)
        return -1;
    return confine(r, role, e);
}
