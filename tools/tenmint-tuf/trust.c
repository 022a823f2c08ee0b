/* trust retire-*, remove-*, show: trusted_root.json and signing_config.v0.2.json in the workspace's
 * targets folder, one command a change. */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "tools/tenmint-tuf/commands.h"
#include "tools/tenmint-tuf/trust_files.h"

/* ---- retire, remove ---- */

/* The service of that URL; none is no fault. */
static int drop_service(const struct trust_kind *k, const char *base, bool retire, int64_t end_ms,
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

static int drop(const struct trust_kind *k, const char *what, bool retire, int64_t end_ms,
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
    const struct trust_kind *k = trust_kind_of(self);
    const char *dir = NULL, *folder = NULL;
    struct cli_time end = {0};
    struct talk talk = {0};
    bool confirm = false;
    const struct cli_option all[] = {
        {"end", CLI_TIME, "TIME", "its last second (now): not before its last certificate ends",
         &end},
        {"confirm", CLI_FLAG, NULL, "yes, although signatures that verified will not", &confirm},
        CLI_JSON(&talk.json),
        TRUST_FOLDER_OPTIONS(folder, dir),
        {0},
    };
    const struct cli_option *options = retire ? all : all + 1;
    struct trust_files f = {0};
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    rc = trust_files_open(dir, folder, true, &f, &e);
    if (rc == 0)
        rc = drop(k, argv[0], retire, end.given ? end.ms : session_now() * 1000, &f, &e);
    if (rc == 0)
        rc = trust_files_save(&f, confirm, &talk, &e);
    trust_files_close(&f);
    talk_end(&talk, rc == 0);
    return rc == 0 ? CLI_OK : cli_fail_json(talk.json, CLI_FAILED, &e);
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
    char under[TRUST_UNDER_MAX];
    char when[VALIDITY_TEXT_MAX];
    for (int list = 0; list < TRUST_LIST_COUNT; list++) {
        for (size_t i = 0; i < tuf_trusted_root_count(r, (enum tuf_trust_list)list); i++) {
            const struct tuf_trust_entry *t =
                tuf_trusted_root_entry(r, (enum tuf_trust_list)list, i);
            printf("%-24s %.16s  ", tuf_trust_list_name((enum tuf_trust_list)list),
                   tuf_trust_entry_fingerprint((enum tuf_trust_list)list, t, id));
            cli_print_text(stdout, t->uri, strlen(t->uri));
            printf("  %s%s\n", tuf_validity_text(&t->valid, when),
                   tuf_trust_entry_under((enum tuf_trust_list)list, t, under));
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
        TRUST_FOLDER_OPTIONS(folder, dir),
        {0},
    };
    struct trust_files f = {0};
    struct talk talk = {0};
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 0);
    if (rc != CLI_GO_ON)
        return rc;
    rc = trust_files_open(dir, folder, false, &f, &e);
    if (rc == 0) {
        show_trust(f.root);
        show_services(f.config);
        tuf_trusted_root_lint(f.root, tm_clock_wall_ms(), talk_note, &talk);
    }
    trust_files_close(&f);
    return rc == 0 ? CLI_OK : cli_fail(CLI_FAILED, &e);
}
