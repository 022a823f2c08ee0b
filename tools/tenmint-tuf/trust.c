/* trust add-*, retire-*, remove-*, show: trusted_root.json and signing_config.v0.2.json in the
 * workspace's targets folder, one command a change. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "tools/tenmint-tuf/commands.h"
#include "tools/tenmint-tuf/session.h"
#include "tools/tenmint-tuf/trust_files.h"

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

/* ---- add ---- */

struct addition {
    const char *url, *material, *operator_name, *signing_url;
    struct cli_time start, end;
    struct cli_amount version;
    bool no_config;
};

static int add_trust(const struct kind *k, const struct addition *a, struct trust_files *f,
                     const struct tuf_validity *v, struct tm_err *e)
{
    struct tm_buf bytes = {0};
    bool log = k->list == TRUST_CTLOG || k->list == TRUST_TLOG;
    if (a->material == NULL)
        return tm_err_set(e, "give --%s FILE", log ? "key" : "chain");
    int rc = tm_file_read_text(a->material, TRUST_MATERIAL_MAX, &bytes, e);
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

static bool is_served(const struct trust_files *f, enum tuf_service_kind kind, const char *url)
{
    for (size_t i = 0; i < tuf_signing_config_count(f->config, kind); i++) {
        const struct tuf_service *s = tuf_signing_config_service(f->config, kind, i);
        if (strcmp(s->url, url) == 0 && !s->valid.has_end)
            return true;
    }
    return false;
}

static int add_service(const struct kind *k, const struct addition *a, struct trust_files *f,
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
    struct trust_files f = {0};
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
    rc = trust_files_open(dir, folder, true, &f, &e);
    if (rc == 0 && k->trusted)
        rc = add_trust(k, &a, &f, &v, &e);
    if (rc == 0 && k->service != SERVICE_KIND_COUNT && !a.no_config)
        rc = add_service(k, &a, &f, &v, &e);
    if (rc == 0)
        rc = trust_files_save(&f, confirm, &e);
    trust_files_close(&f);
    return rc == 0 ? CLI_OK : cli_fail(CLI_FAILED, &e);
}

/* ---- retire, remove ---- */

/* The service of that URL; none is no fault. */
static int drop_service(const struct kind *k, const char *base, bool retire, int64_t end_ms,
                        struct trust_files *f, struct tm_err *e)
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
static bool url_stays(const struct trust_files *f, enum tuf_trust_list list, const char *url,
                      size_t but)
{
    for (size_t i = 0; i < tuf_trusted_root_count(f->root, list); i++) {
        const struct tuf_trust_entry *t = tuf_trusted_root_entry(f->root, list, i);
        if (i != but && strcmp(t->uri, url) == 0 && !t->valid.has_end)
            return true;
    }
    return false;
}

static int drop(const struct kind *k, const char *what, bool retire, int64_t end_ms,
                struct trust_files *f, struct tm_err *e)
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
    struct trust_files f = {0};
    struct tm_err e = {0};
    int count = 0;
    int rc = cli_parse(self, options, argc, argv, 1, 1, &count);
    if (rc != CLI_GO_ON)
        return rc;
    rc = trust_files_open(dir, folder, true, &f, &e);
    if (rc == 0)
        rc = drop(k, argv[0], retire, end.given ? end.ms : session_now() * 1000, &f, &e);
    if (rc == 0)
        rc = trust_files_save(&f, confirm, &e);
    trust_files_close(&f);
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
    struct trust_files f = {0};
    struct tm_err e = {0};
    int count = 0;
    int rc = cli_parse(self, options, argc, argv, 0, 0, &count);
    if (rc != CLI_GO_ON)
        return rc;
    rc = trust_files_open(dir, folder, false, &f, &e);
    if (rc == 0) {
        show_trust(f.root);
        show_services(f.config);
        trust_files_lint(&f);
    }
    trust_files_close(&f);
    return rc == 0 ? CLI_OK : cli_fail(CLI_FAILED, &e);
}
