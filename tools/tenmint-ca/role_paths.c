/* What each process may open, and whose rights it has: by the configuration alone. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/sandbox/sandbox.h"
#include "tools/tenmint-ca/roles.h"

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

static void allow(struct paths *p, const char *path, bool write)
{
    if (path != NULL && p->count < PATHS_MAX)
        p->path[p->count++] = (struct tm_sandbox_path){path, write};
}

/* A file that is replaced while we run is another file: the directory it is in stays. */
static void allow_beside(struct paths *p, const char *file, bool write)
{
    const char *slash = file != NULL ? strrchr(file, '/') : NULL;
    if (file == NULL || p->owned_count == PATHS_MAX)
        return;
    char *dir = slash == NULL   ? strdup(".")
                : slash == file ? strdup("/")
                                : strndup(file, (size_t)(slash - file));
    p->failed = p->failed || dir == NULL;
    p->owned[p->owned_count++] = dir;
    allow(p, dir, write);
}

/* Read once, at the start. */
static void allow_key(struct paths *p, const struct ca_config_key *k)
{
    allow(p, k->file, false);
    allow(p, k->password_file, false);
}

static void allow_retired(struct paths *p, const struct tm_yamlmap_entries *retired)
{
    for (size_t i = 0; i < retired->count; i++) {
        const struct ca_config_retired *r = ca_config_retired_at(retired, i);
        allow(p, r->directory, false);
        allow(p, r->public_key, false);
    }
}

static void log_paths(struct paths *p, const struct ca_config *c)
{
    allow(p, c->ct.embedded.directory, true);
    allow_beside(p, c->ct.embedded.anchor, true);
    allow_key(p, &c->ct.embedded.key);
    allow_retired(p, &c->ct.retired);
}

static void signatures_paths(struct paths *p, const struct ca_config *c)
{
    allow(p, c->signatures.directory, true);
    allow_beside(p, c->signatures.anchor, true);
    allow_key(p, &c->signatures.key);
    allow_beside(p, c->signatures.only_from, false);
    allow_retired(p, &c->signatures.retired);
}

static bool in_one_folder(const char *a, const char *b)
{
    const char *x = a != NULL ? strrchr(a, '/') : NULL;
    const char *y = b != NULL ? strrchr(b, '/') : NULL;
    return x != NULL && y != NULL && x - a == y - b && strncmp(a, b, (size_t)(x - a)) == 0;
}

/* Where another process's key lies, only the file itself may be read: one that is renamed into its
 * place is seen after a restart, one that is written over at once. */
static void allow_apart(struct paths *p, const struct ca_config *c, const char *file)
{
    const char *const others[] = {c->ca.key.file, c->ct.embedded.key.file, c->signatures.key.file};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (in_one_folder(file, others[i])) {
            allow(p, file, false);
            return;
        }
    }
    allow_beside(p, file, false);
}

/* Chain and key may be replaced, and are then read again. */
static void timestamps_paths(struct paths *p, const struct ca_config *c)
{
    allow_apart(p, c, c->tsa.chain);
    allow_apart(p, c, c->tsa.key.file);
    allow_apart(p, c, c->tsa.key.password_file);
}

/* The tree may be a link that each publication sets anew. */
static void tuf_paths(struct paths *p, const struct ca_config *c)
{
    char real[PATH_MAX];
    struct stat st;
    allow(p, c->tuf.directory, false);
    if (lstat(c->tuf.directory, &st) != 0 || !S_ISLNK(st.st_mode) ||
        realpath(c->tuf.directory, real) == NULL)
        return;
    allow_beside(p, c->tuf.directory, false);
    allow_beside(p, real, false);
}

/* All of it may be replaced, and is then read again. */
static void issuer_paths(struct paths *p, const struct ca_config *c)
{
    const char *const files[] = {c->ca.chain,
                                 c->ca.key.file,
                                 c->ca.key.password_file,
                                 c->issuers_file,
                                 c->oidc.ca_file,
                                 c->oidc.kubernetes_ca_file,
                                 c->oidc.kubernetes_token_file};
    const struct ca_config_ct_log *logs = c->ct.logs.item;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        allow_beside(p, files[i], false);
    for (size_t i = 0; i < c->ct.logs.count; i++) {
        allow(p, logs[i].public_key, false);
        allow(p, logs[i].tls_ca, false);
    }
    allow_beside(p, c->audit_file, true);
}

/* What name look-ups and TLS read: neither /etc nor /run as a whole, where the service's keys and
 * passwords are. */
static void fetch_paths(struct paths *p, const struct ca_config *c)
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
    (void)c;
    for (size_t i = 0; i < sizeof(read) / sizeof(read[0]); i++)
        allow(p, read[i], false);
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
    [ROLE_LOG] = {log_paths, offsetof(struct ca_config_users, log)},
    [ROLE_SIGNATURES] = {signatures_paths, offsetof(struct ca_config_users, signatures)},
    [ROLE_TIMESTAMPS] = {timestamps_paths, offsetof(struct ca_config_users, timestamps)},
    [ROLE_TUF] = {tuf_paths, offsetof(struct ca_config_users, tuf)},
    [ROLE_ISSUER] = {issuer_paths, offsetof(struct ca_config_users, issuer)},
    [ROLE_FRONT] = {no_paths, offsetof(struct ca_config_users, front)},
};

static const char *user_of(const struct ca_config *c, enum role_name role)
{
    const char *own = *(char *const *)((const char *)&c->users + roles[role].user);
    return own != NULL ? own : c->user;
}

static int confine(const struct ca_config *c, enum role_name role, struct tm_err *e)
{
    struct paths p = {0};
    const struct ca_config_key *key = roles_key(c, role);
    if (key != NULL && key->module != NULL)
        return 0; /* a token's module does what it likes with files */
    roles[role].paths(&p, c);
    int rc = p.failed ? tm_err_set(e, "out of memory") : tm_sandbox_paths(p.path, p.count, e);
    while (p.owned_count > 0)
        free(p.owned[--p.owned_count]);
    return rc;
}

int roles_begin(const struct ca_config *c, enum role_name role, struct tm_err *e)
{
    roles_forget_secrets(c, role);
    if (tm_sandbox_begin(e) != 0 || tm_sandbox_user(user_of(c, role), e) != 0)
        return -1;
    return confine(c, role, e);
}
