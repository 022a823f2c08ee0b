/* trust add-*, retire-*, remove-*, show: trusted_root.json and signing_config.v0.2.json in the
 * workspace's targets folder, one command a change. */
#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/pem.h"
#include "tools/tenmint-tuf/commands.h"
#include "tools/tenmint-tuf/session.h"
#include "tuf/manager/state/legacy.h"
#include "tuf/verify/trust/signing_config.h"
#include "tuf/verify/trust/trusted_root.h"

#define TRUSTED_ROOT_NAME "trusted_root.json"
#define SIGNING_CONFIG_NAME "signing_config.v0.2.json"
#define MATERIAL_MAX ((size_t)256 * 1024)

struct kind { /* by the last part of the command's name */
    const char *suffix;
    enum tuf_trust_list list;
    enum tuf_service_kind service; /* SERVICE_KIND_COUNT: signers do not choose it */
    bool trusted;                  /* it has an entry in the trusted root */
};

static const struct kind kinds[] = {
    {"ca", TRUST_CA, SERVICE_CA, true},
    {"tsa", TRUST_TSA, SERVICE_TSA, true},
    {"ctlog", TRUST_CTLOG, SERVICE_KIND_COUNT, true},
    {"log", TRUST_TLOG, SERVICE_TLOG, true},
    {"oidc", TRUST_CA, SERVICE_OIDC, false},
};

static const struct kind *kind_of(const struct cli_command *self)
{
    const char *dash = strchr(self->name, '-');
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (dash != NULL && strcmp(kinds[i].suffix, dash + 1) == 0)
            return &kinds[i];
    }
    return &kinds[0];
}

struct files {              /* both, in memory, with the trusted root as it was */
    struct tuf_workspace w; /* locked, when the folder is a workspace's */
    bool has_workspace;
    char folder[PATH_MAX];
    char root_path[PATH_MAX], config_path[PATH_MAX];
    struct tuf_trusted_root *root, *before;
    struct tuf_signing_config *config;
    bool root_changed, config_changed;
};

static void files_close(struct files *f)
{
    tuf_trusted_root_free(f->root);
    tuf_trusted_root_free(f->before);
    tuf_signing_config_free(f->config);
    if (f->has_workspace)
        tuf_workspace_close(&f->w);
}

/* The folder: given, or the targets of the workspace, which nobody else changes while we edit. */
static int find_folder(const char *dir, const char *folder, bool edit, struct files *f,
                       struct tm_err *e)
{
    if (folder != NULL) {
        if ((size_t)snprintf(f->folder, sizeof(f->folder), "%s", folder) >= sizeof(f->folder))
            return tm_err_set(e, "the path is too long");
        return 0;
    }
    if (tuf_workspace_open(dir != NULL ? dir : ".", &f->w, e) != 0)
        return -1;
    f->has_workspace = true;
    if (edit && tuf_workspace_lock(&f->w, LOCK_WAIT_MS, e) != 0)
        return -1;
    return tuf_workspace_path(&f->w, f->w.policy.targets, f->folder, sizeof(f->folder), e);
}

static int files_open(const char *dir, const char *folder, bool edit, struct files *f,
                      struct tm_err *e)
{
    *f = (struct files){0};
    if (find_folder(dir, folder, edit, f, e) != 0 ||
        (edit && tm_file_mkdirs(f->folder, 0755, e) != 0) ||
        tm_file_join(f->folder, TRUSTED_ROOT_NAME, f->root_path, sizeof(f->root_path), e) != 0 ||
        tm_file_join(f->folder, SIGNING_CONFIG_NAME, f->config_path, sizeof(f->config_path), e) !=
            0)
        return -1;
    bool has_root = access(f->root_path, F_OK) == 0;
    bool has_config = access(f->config_path, F_OK) == 0;
    f->root = has_root ? tuf_trusted_root_load_strict(f->root_path, e) : tuf_trusted_root_new(e);
    f->before = f->root == NULL ? NULL
                : has_root      ? tuf_trusted_root_load_strict(f->root_path, e)
                                : tuf_trusted_root_new(e);
    if (f->before != NULL)
        f->config = has_config ? tuf_signing_config_load_strict(f->config_path, e)
                               : tuf_signing_config_new(e);
    return f->config != NULL ? 0 : -1;
}

struct told {
    bool danger;
};

static void tell(void *arg, const char *text, bool danger)
{
    struct told *t = arg;
    t->danger |= danger;
    printf("%s%s\n", danger ? "DANGER: " : "", text);
}

static void tell_lint(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "note: %s\n", text);
}

static int write_root(const struct files *f, struct tm_err *e)
{
    struct tm_buf text = {0};
    int rc = tuf_trusted_root_write(f->root, &text, e);
    if (rc == 0)
        rc = tm_file_write_atomic(f->root_path, 0644, text.data, text.len, e);
    tm_buf_free(&text);
    return rc;
}

static int write_config(const struct files *f, struct tm_err *e)
{
    struct tm_buf text = {0};
    int rc = tuf_signing_config_write(f->config, &text, e);
    if (rc == 0)
        rc = tm_file_write_atomic(f->config_path, 0644, text.data, text.len, e);
    tm_buf_free(&text);
    return rc;
}

/* Whether a PEM file holds the certificate. */
static bool holds(const char *path, const X509 *cert)
{
    struct tm_buf text = {0};
    bool found = false;
    X509 *one;
    BIO *in = tm_file_read_text(path, MATERIAL_MAX, &text, NULL) == 0 && text.len > 0
                  ? BIO_new_mem_buf(text.data, (int)text.len)
                  : NULL;
    while (in != NULL && (one = PEM_read_bio_X509(in, NULL, tm_pem_no_password, NULL)) != NULL) {
        found |= X509_cmp(one, cert) == 0;
        X509_free(one);
    }
    BIO_free(in);
    ERR_clear_error();
    tm_buf_free(&text);
    return found;
}

static bool is_trusted(const struct tuf_trusted_root *r, enum tuf_trust_list list, const X509 *cert)
{
    const struct tuf_trust_entry *t;
    for (size_t i = 0; (t = tuf_trusted_root_entry(r, list, i)) != NULL; i++) {
        if (X509_cmp(sk_X509_value(t->chain, 0), cert) == 0)
            return true;
    }
    return false;
}

/* Older tools go by PEM targets, and would go on to trust what is removed. */
static void tell_copies(const struct files *f, const X509 *cert)
{
    struct dirent **names = NULL;
    char path[PATH_MAX];
    int count = scandir(f->folder, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        if (names[i]->d_name[0] != '.' &&
            tm_file_join(f->folder, names[i]->d_name, path, sizeof(path), NULL) == 0 &&
            holds(path, cert)) {
            printf("note: the target ");
            cli_print_text(stdout, names[i]->d_name, strlen(names[i]->d_name));
            printf(" still holds the removed certificate: older clients trust it by that file\n");
        }
        free(names[i]);
    }
    free(names);
}

static void tell_removed(const struct files *f)
{
    static const enum tuf_trust_list lists[] = {TRUST_CA, TRUST_TSA};
    const struct tuf_trust_entry *t;
    for (size_t l = 0; l < 2; l++) {
        for (size_t i = 0; (t = tuf_trusted_root_entry(f->before, lists[l], i)) != NULL; i++) {
            const X509 *cert = sk_X509_value(t->chain, 0);
            if (!is_trusted(f->root, lists[l], cert))
                tell_copies(f, cert);
        }
    }
}

/* Says what changes; what breaks old signatures, or trusts the past, wants a word more. */
static int files_save(struct files *f, bool confirmed, struct tm_err *e)
{
    struct told t = {0};
    tuf_trusted_root_diff(f->before, f->root, session_now() * 1000, tell, &t);
    if (t.danger && !confirmed)
        return tm_err_set(e, "nothing was written: add --confirm to do that");
    if (f->root_changed && write_root(f, e) != 0)
        return -1;
    if (f->config_changed && write_config(f, e) != 0)
        return f->root_changed ? tm_err_wrap(e, "'%s' is written, but", f->root_path) : -1;
    if (f->root_changed)
        printf("wrote %s\n", f->root_path);
    if (f->config_changed)
        printf("wrote %s\n", f->config_path);
    tuf_trusted_root_lint(f->root, tm_clock_wall_ms(), tell_lint, NULL);
    if (f->has_workspace && tuf_legacy_sync(&f->w, session_now(), session_tell, NULL, e) != 0)
        return -1;
    tell_removed(f);
    if (f->has_workspace)
        printf("next: tenmint-tuf propose --dir %s\n", f->w.dir);
    return 0;
}

/* ---- add ---- */

struct addition {
    const char *url, *material, *operator_name, *signing_url;
    struct cli_time start, end;
    struct cli_amount version;
    bool no_config;
};

static int add_trust(const struct kind *k, const struct addition *a, struct files *f,
                     const struct tuf_validity *v, struct tm_err *e)
{
    struct tm_buf bytes = {0};
    bool log = k->list == TRUST_CTLOG || k->list == TRUST_TLOG;
    if (a->material == NULL)
        return tm_err_set(e, "give --%s FILE", log ? "key" : "chain");
    int rc = tm_file_read_text(a->material, MATERIAL_MAX, &bytes, e);
    if (rc == 0)
        rc = log ? tuf_trusted_root_add_log(f->root, k->list, a->url, bytes.data, bytes.len, v, e)
                 : tuf_trusted_root_add_authority(f->root, k->list, a->url, bytes.data, bytes.len,
                                                  v, e);
    if (rc != 0)
        tm_err_wrap(e, "'%s'", a->material);
    tm_buf_free(&bytes);
    f->root_changed = rc == 0;
    return rc;
}

static bool is_served(const struct files *f, enum tuf_service_kind kind, const char *url)
{
    for (size_t i = 0; i < tuf_signing_config_count(f->config, kind); i++) {
        const struct tuf_service *s = tuf_signing_config_service(f->config, kind, i);
        if (strcmp(s->url, url) == 0 && !s->valid.has_end)
            return true;
    }
    return false;
}

static int add_service(const struct kind *k, const struct addition *a, struct files *f,
                       const struct tuf_validity *v, struct tm_err *e)
{
    char url[SIGNING_CONFIG_URL_MAX];
    tuf_signing_config_url(k->service, a->signing_url != NULL ? a->signing_url : a->url, url);
    if (is_served(f, k->service, url))
        return 0; /* a new key at the old address: signers need not be told */
    const char *host = strstr(a->url, "://");
    char operator_name[256];
    host = host != NULL ? host + 3 : a->url;
    snprintf(operator_name, sizeof(operator_name), "%.*s", (int)strcspn(host, "/:"), host);
    const struct tuf_service s = {
        .url = url,
        .major_version = a->version.value,
        .valid = *v,
        .operator_name = (char *)(a->operator_name != NULL ? a->operator_name : operator_name)};
    if (tuf_signing_config_add(f->config, k->service, &s, e) != 0)
        return tm_err_wrap(e, "signing configuration");
    f->config_changed = true;
    return 0;
}

/* Whatever serves it, an address is one. */
static int check_url(const char *option, const char *url, struct tm_err *e)
{
    const char *host = strstr(url, "://");
    if (host != NULL && host[3] != '\0' && host[3] != '/' &&
        (strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0))
        return 0;
    return tm_err_set(e, "--%s: '%.100s' is no address such as https://ca.example.com", option,
                      url);
}

int command_trust_add(const struct cli_command *self, int argc, char **argv)
{
    const struct kind *k = kind_of(self);
    struct addition a = {.version = {.value = 1, .min = 1, .max = 100}};
    const char *dir = NULL, *folder = NULL;
    bool confirm = false;
    bool log = k->list == TRUST_CTLOG || k->list == TRUST_TLOG;
    const struct cli_option options[] = {
        {"url", CLI_TEXT, "URL", "its address", &a.url},
        {log ? "key" : "chain", CLI_TEXT, "FILE",
         log ? "its public key, PEM or DER"
             : "its certificates, PEM: the issuing or signing one first, the root last",
         &a.material},
        {"start", CLI_TIME, "TIME", "from when on it counts (now)", &a.start},
        {"end", CLI_TIME, "TIME", "until when (open)", &a.end},
        {"operator", CLI_TEXT, "NAME", "who runs it (the URL's host)", &a.operator_name},
        {"api-version", CLI_NUMBER, "N", "major version of its API (1)", &a.version},
        {"signing-url", CLI_TEXT, "URL", "what signers use, if it differs", &a.signing_url},
        {"verify-only", CLI_FLAG, NULL, "not for signers: leave the signing configuration alone",
         &a.no_config},
        {"confirm", CLI_FLAG, NULL, "yes, although the window reaches into the past", &confirm},
        {"folder", CLI_TEXT, "DIR", "where the two files are (targets/ of the workspace)", &folder},
        DIR_OPTION(dir),
        NO_MORE_OPTIONS,
    };
    struct files f = {0};
    struct tuf_validity v;
    struct tm_err e = {0};
    int count = 0;
    int rc = cli_parse(self, options, argc, argv, 0, 0, &count);
    if (rc != CLI_GO_ON)
        return rc;
    if (a.url == NULL)
        rc = tm_err_set(&e, "give --url URL");
    else
        rc = check_url("url", a.url, &e);
    if (rc == 0 && a.signing_url != NULL)
        rc = check_url("signing-url", a.signing_url, &e);
    if (rc != 0)
        return cli_fail(CLI_USAGE, &e);
    v = (struct tuf_validity){.has_start = true,
                              .start_ms = a.start.given ? a.start.ms : session_now() * 1000,
                              .has_end = a.end.given,
                              .end_ms = a.end.ms};
    rc = files_open(dir, folder, true, &f, &e);
    if (rc == 0 && k->trusted)
        rc = add_trust(k, &a, &f, &v, &e);
    if (rc == 0 && k->service != SERVICE_KIND_COUNT && !a.no_config)
        rc = add_service(k, &a, &f, &v, &e);
    if (rc == 0)
        rc = files_save(&f, confirm, &e);
    files_close(&f);
    return rc == 0 ? CLI_OK : cli_fail(CLI_FAILED, &e);
}

/* ---- retire, remove ---- */

/* The service of that URL; none is no fault. */
static int drop_service(const struct kind *k, const char *base, bool retire, int64_t end_ms,
                        struct files *f, struct tm_err *e)
{
    char url[SIGNING_CONFIG_URL_MAX];
    tuf_signing_config_url(k->service, base, url);
    size_t i;
    struct tm_err ignored = {0};
    if (k->service == SERVICE_KIND_COUNT || url[0] == '\0')
        return 0;
    if (tuf_signing_config_find(f->config, k->service, url, &i, k->trusted ? &ignored : e) != 0)
        return k->trusted ? 0 : -1;
    int rc = retire ? tuf_signing_config_retire(f->config, k->service, i, end_ms, e)
                    : tuf_signing_config_remove(f->config, k->service, i, e);
    f->config_changed = rc == 0;
    return rc == 0 ? 0 : tm_err_wrap(e, "signing configuration");
}

/* Another entry at the same URL takes over: signers go on there. */
static bool url_stays(const struct files *f, enum tuf_trust_list list, const char *url, size_t but)
{
    for (size_t i = 0; i < tuf_trusted_root_count(f->root, list); i++) {
        const struct tuf_trust_entry *t = tuf_trusted_root_entry(f->root, list, i);
        if (i != but && strcmp(t->uri, url) == 0 && !t->valid.has_end)
            return true;
    }
    return false;
}

static int drop(const struct kind *k, const char *what, bool retire, int64_t end_ms,
                struct files *f, struct tm_err *e)
{
    char url[1024];
    size_t i = 0;
    snprintf(url, sizeof(url), "%s", what);
    if (k->trusted) {
        if (tuf_trusted_root_find(f->root, k->list, what, &i, e) != 0)
            return -1;
        snprintf(url, sizeof(url), "%s", tuf_trusted_root_entry(f->root, k->list, i)->uri);
        if (url_stays(f, k->list, url, i))
            url[0] = '\0';
        int rc = retire ? tuf_trusted_root_retire(f->root, k->list, i, end_ms, e)
                        : tuf_trusted_root_remove(f->root, k->list, i, e);
        if (rc != 0)
            return -1;
        f->root_changed = true;
    }
    return drop_service(k, url, retire, end_ms, f, e);
}

static int run_drop(const struct cli_command *self, int argc, char **argv, bool retire)
{
    const struct kind *k = kind_of(self);
    const char *dir = NULL, *folder = NULL;
    struct cli_time end = {0};
    bool confirm = false;
    const struct cli_option all[] = {
        {"end", CLI_TIME, "TIME", "its last second (now): not before its last certificate ends",
         &end},
        {"confirm", CLI_FLAG, NULL, "yes, although signatures that verified will not", &confirm},
        {"folder", CLI_TEXT, "DIR", "where the two files are (targets/ of the workspace)", &folder},
        DIR_OPTION(dir),
        NO_MORE_OPTIONS,
    };
    const struct cli_option *options = retire ? all : all + 1;
    struct files f = {0};
    struct tm_err e = {0};
    int count = 0;
    int rc = cli_parse(self, options, argc, argv, 1, 1, &count);
    if (rc != CLI_GO_ON)
        return rc;
    rc = files_open(dir, folder, true, &f, &e);
    if (rc == 0)
        rc = drop(k, argv[0], retire, end.given ? end.ms : session_now() * 1000, &f, &e);
    if (rc == 0)
        rc = files_save(&f, confirm, &e);
    files_close(&f);
    return rc == 0 ? CLI_OK : cli_fail(CLI_FAILED, &e);
}

int command_trust_retire(const struct cli_command *self, int argc, char **argv)
{
    return run_drop(self, argc, argv, true);
}

int command_trust_remove(const struct cli_command *self, int argc, char **argv)
{
    return run_drop(self, argc, argv, false);
}

/* ---- show ---- */

static void show_trust(const struct tuf_trusted_root *r)
{
    char id[TRUST_FINGERPRINT_MAX];
    char when[VALIDITY_TEXT_MAX];
    for (int list = 0; list < TRUST_LIST_COUNT; list++) {
        for (size_t i = 0; i < tuf_trusted_root_count(r, (enum tuf_trust_list)list); i++) {
            const struct tuf_trust_entry *t =
                tuf_trusted_root_entry(r, (enum tuf_trust_list)list, i);
            printf("%-24s %.16s  ", tuf_trust_list_name((enum tuf_trust_list)list),
                   tuf_trust_entry_fingerprint((enum tuf_trust_list)list, t, id));
            cli_print_text(stdout, t->uri, strlen(t->uri));
            printf("  %s\n", tuf_validity_text(&t->valid, when));
        }
    }
}

static void show_services(const struct tuf_signing_config *c)
{
    char when[VALIDITY_TEXT_MAX];
    for (int kind = 0; kind < SERVICE_KIND_COUNT; kind++) {
        for (size_t i = 0; i < tuf_signing_config_count(c, (enum tuf_service_kind)kind); i++) {
            const struct tuf_service *s =
                tuf_signing_config_service(c, (enum tuf_service_kind)kind, i);
            printf("signers use %-20s ", tuf_service_kind_name((enum tuf_service_kind)kind));
            cli_print_text(stdout, s->url, strlen(s->url));
            printf("  API %lld  ", (long long)s->major_version);
            cli_print_text(stdout, s->operator_name, strlen(s->operator_name));
            printf("  %s\n", tuf_validity_text(&s->valid, when));
        }
    }
}

int command_trust_show(const struct cli_command *self, int argc, char **argv)
{
    const char *dir = NULL, *folder = NULL;
    const struct cli_option options[] = {
        {"folder", CLI_TEXT, "DIR", "where the two files are (targets/ of the workspace)", &folder},
        DIR_OPTION(dir),
        NO_MORE_OPTIONS,
    };
    struct files f = {0};
    struct tm_err e = {0};
    int count = 0;
    int rc = cli_parse(self, options, argc, argv, 0, 0, &count);
    if (rc != CLI_GO_ON)
        return rc;
    rc = files_open(dir, folder, false, &f, &e);
    if (rc == 0) {
        show_trust(f.root);
        show_services(f.config);
        tuf_trusted_root_lint(f.root, tm_clock_wall_ms(), tell_lint, NULL);
    }
    files_close(&f);
    return rc == 0 ? CLI_OK : cli_fail(CLI_FAILED, &e);
}
