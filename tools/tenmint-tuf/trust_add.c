/* trust add-*: a service comes into trusted_root.json and signing_config.v0.2.json, once it has
 * been asked whether clients could use it so. */
#include <stdio.h>
#include <string.h>

#include "common/fetch/fetch.h"
#include "common/file.h"
#include "tools/tenmint-tuf/ask.h"
#include "tools/tenmint-tuf/commands.h"
#include "tools/tenmint-tuf/trust_files.h"

#define ASK_MS 4000

struct addition { /* as it stands on the command line */
    const char *url, *material, *operator_name, *signing_url, *ca_file;
    struct cli_time start, end;
    struct cli_amount version, timeout;
    bool no_config, offline;
};

/* How each list's services are asked. */
static int (*const asks[])(struct ask *a, struct tm_err *e) = {
    [TRUST_CA] = ask_ca, [TRUST_TSA] = ask_tsa, [TRUST_CTLOG] = ask_ctlog, [TRUST_TLOG] = ask_log};

static bool is_log(const struct trust_kind *k)
{
    return k->list == TRUST_CTLOG || k->list == TRUST_TLOG;
}

static int add_trust(const struct trust_kind *k, const struct ask *a, struct trust_files *f,
                     const struct tuf_validity *v, struct tm_err *e)
{
    if (a->material.len == 0)
        return tm_err_set(e, "give --%s FILE", is_log(k) ? "key" : "chain");
    int rc = is_log(k) ? tuf_trusted_root_add_log(f->root, k->list, a->url, a->material.data,
                                                  a->material.len, v, e)
                       : tuf_trusted_root_add_authority(f->root, k->list, a->url, a->material.data,
                                                        a->material.len, v, e);
    f->root_changed = rc == 0;
    return rc != 0 && a->file != NULL ? tm_err_wrap(e, "'%s'", a->file) : rc;
}

static const struct tuf_service *served(const struct trust_files *f, enum tuf_service_kind kind,
                                        const char *url)
{
    for (size_t i = 0; i < tuf_signing_config_count(f->config, kind); i++) {
        const struct tuf_service *s = tuf_signing_config_service(f->config, kind, i);
        if (strcmp(s->url, url) == 0 && !s->valid.has_end)
            return s;
    }
    return NULL;
}

/* A new key or chain at an old address: signers need not be told, unless of another API. */
static int stays_served(const struct tuf_service *s, const struct ask *a, struct tm_err *e)
{
    if (s->major_version != a->version)
        return tm_err_set(e,
                          "signers are told of API %lld at %.200s: retire what "
                          "is there before you add API %lld",
                          (long long)s->major_version, s->url, (long long)a->version);
    ask_note(a, "signers are told of %.200s already", s->url);
    return 0;
}

static int add_service(const struct trust_kind *k, const struct addition *given,
                       const struct ask *a, struct trust_files *f, const struct tuf_validity *v,
                       struct tm_err *e)
{
    char url[SIGNING_CONFIG_URL_MAX];
    char operator_name[256];
    const char *host = NULL;
    tuf_signing_config_url(k->service, a->signing_url, url);
    const struct tuf_service *old = k->trusted ? served(f, k->service, url) : NULL;
    if (old != NULL)
        return stays_served(old, a, e);
    size_t len = tuf_trust_host(a->url, &host);
    snprintf(operator_name, sizeof(operator_name), "%.*s", (int)len, host);
    const struct tuf_service s = {
        .url = url,
        .major_version = a->version,
        .valid = *v,
        .operator_name =
            (char *)(given->operator_name != NULL ? given->operator_name : operator_name)};
    if (tuf_signing_config_add(f->config, k->service, &s, e) != 0)
        return tm_err_wrap(e, "signing configuration");
    f->config_changed = true;
    return 0;
}

/* Whatever serves it, an address is one, and holds nothing that is not for everyone: it is
 * published. */
static int check_url(const char *option, const char *url, struct tm_err *e)
{
    const char *host = strstr(url, "://");
    if (host != NULL && host[3] != '\0' && host[3] != '/' &&
        (strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0) &&
        strpbrk(url, "?#@") == NULL && tm_fetch_check_url(url, true, NULL) == 0)
        return 0;
    return tm_err_set(e,
                      "--%s is no address such as https://ca.example.com, without a user, a query "
                      "or a fragment",
                      option);
}

static int check_words(const struct addition *given, struct tm_err *e)
{
    if (given->url == NULL)
        return tm_err_set(e, "give --url URL");
    if (check_url("url", given->url, e) != 0)
        return -1;
    return given->signing_url == NULL ? 0 : check_url("signing-url", given->signing_url, e);
}

/* Nothing answers at the address: what was given whole is taken as it is, and said. */
static int take_as_given(const struct trust_kind *k, const struct addition *given, struct ask *a,
                         struct tm_err *e)
{
    char text[ERR_TEXT_MAX + 320];
    if (a->reached)
        return tm_err_wrap(e, "cannot be asked, and --offline is not given");
    if (given->material == NULL)
        return tm_err_wrap(e, "cannot be asked, and --%s is not given",
                           is_log(k) ? "key" : "chain");
    a->version = given->version.given ? given->version.value : 1;
    snprintf(text, sizeof(text),
             "not asked: %.200s cannot be reached (%s); what was given is taken as it is",
             given->url, e->text);
    talk_note(a->talk, text);
    *e = (struct tm_err){0};
    return 0;
}

/* Asks the service, and completes what the person left out; or takes that person's word. */
static int ask(const struct trust_kind *k, const struct addition *given, struct ask *a,
               struct tm_err *e)
{
    struct tm_buf ca = {0};
    int rc = 0;
    if (given->material != NULL &&
        tm_file_read_text(given->material, TRUST_MATERIAL_MAX, &a->material, e) != 0)
        return -1;
    if (given->offline || !k->trusted) {
        a->version = given->version.given ? given->version.value : 1;
        return 0;
    }
    if (given->ca_file != NULL)
        rc = tm_file_read_text(given->ca_file, TRUST_MATERIAL_MAX, &ca, e);
    a->ca_pem = given->ca_file != NULL && rc == 0 ? tm_buf_str(&ca) : NULL;
    if (rc == 0)
        rc = asks[k->list](a, e);
    if (rc != 0 && e->kind == ERR_UNAVAILABLE)
        rc = take_as_given(k, given, a, e);
    a->ca_pem = NULL;
    tm_buf_free(&ca);
    return rc;
}

static int add(const struct trust_kind *k, const struct addition *given, struct trust_files *f,
               struct talk *talk, struct tm_err *e)
{
    int64_t now_ms = session_now() * 1000;
    const struct tuf_validity v = {.has_start = true,
                                   .start_ms = given->start.given ? given->start.ms : now_ms,
                                   .has_end = given->end.given,
                                   .end_ms = given->end.ms};
    struct ask a = {.url = given->url,
                    .signing_url = given->signing_url != NULL ? given->signing_url : given->url,
                    .for_signers = k->service != SERVICE_KIND_COUNT && !given->no_config,
                    .timeout_ms = given->timeout.value,
                    .now_ms = now_ms,
                    .known = f->before,
                    .talk = talk,
                    .version = given->version.given ? given->version.value : 0,
                    .file = given->material};
    int rc = ask(k, given, &a, e);
    if (rc == 0 && k->trusted)
        rc = add_trust(k, &a, f, &v, e);
    if (rc == 0 && a.for_signers)
        rc = add_service(k, given, &a, f, &v, e);
    tm_buf_free(&a.material);
    return rc;
}

int command_trust_add(const struct cli_command *self, int argc, char **argv)
{
    const struct trust_kind *k = trust_kind_of(self);
    struct addition given = {.version = {.value = 1, .min = 1, .max = 100},
                             .timeout = {.value = ASK_MS, .min = 100, .max = 600000}};
    const char *dir = NULL, *folder = NULL;
    bool confirm = false;
    struct talk talk = {0};
    const struct cli_option options[] = {
        {"url", CLI_TEXT, "URL", "its address", &given.url},
        {is_log(k) ? "key" : "chain", CLI_TEXT, "FILE",
         is_log(k) ? "its public key, PEM or DER (as it says)"
                   : "its chain, PEM: the issuing or signing one first, the root last (as it "
                     "says)",
         &given.material},
        {"start", CLI_TIME, "TIME", "from when on it counts (now)", &given.start},
        {"end", CLI_TIME, "TIME", "until when (open)", &given.end},
        {"operator", CLI_TEXT, "NAME", "who runs it (the URL's host)", &given.operator_name},
        {"api-version", CLI_NUMBER, "N", "major version of its API (as it answers)",
         &given.version},
        {"signing-url", CLI_TEXT, "URL", "what signers use, if it differs", &given.signing_url},
        {"verify-only", CLI_FLAG, NULL, "not for signers: leave the signing configuration alone",
         &given.no_config},
        {"offline", CLI_FLAG, NULL, "do not ask the service: what is left out stays so",
         &given.offline},
        {"ca-file", CLI_TEXT, "FILE", "PEM: further CAs for https", &given.ca_file},
        {"timeout", CLI_DURATION, "DURATION", "of one answer (4s)", &given.timeout},
        {"confirm", CLI_FLAG, NULL, "yes, although the window reaches into the past", &confirm},
        CLI_JSON(&talk.json),
        TRUST_FOLDER_OPTIONS(folder, dir),
        {0},
    };
    struct trust_files f = {0};
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 0);
    if (rc != CLI_GO_ON)
        return rc;
    if (check_words(&given, &e) != 0)
        return cli_fail_json(talk.json, CLI_USAGE, &e);
    rc = trust_files_open(dir, folder, true, &f, &e);
    if (rc == 0)
        rc = add(k, &given, &f, &talk, &e);
    if (rc == 0)
        rc = trust_files_save(&f, confirm, &talk, &e);
    trust_files_close(&f);
    talk_end(&talk, rc == 0);
    return rc == 0 ? CLI_OK : cli_fail_json(talk.json, CLI_FAILED, &e);
}
