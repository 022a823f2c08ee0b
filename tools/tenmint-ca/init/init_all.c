#include "tools/tenmint-ca/init/init_all.h"

#include <stdio.h>
#include <string.h>

#include "ca/log/engine/create.h"
#include "ca/log/signatures/siglog.h"
#include "ca/signer/create.h"
#include "common/file.h"
#include "common/http/http.h"
#include "tools/tenmint-ca/init/init_trust.h"
#include "tools/tenmint-ca/setup.h"
#include "tools/tenmint-ca/serve/sigstore.h"

/* Clients append paths of their own, and look for the bare host in the signature log's name. */
int init_all_read_url(struct init_all *a, struct tm_err *e)
{
    bool tls = strncmp(a->url, "https://", 8) == 0;
    size_t scheme = tls ? 8 : strncmp(a->url, "http://", 7) == 0 ? 7 : 0;
    const char *rest = a->url + scheme;
    size_t len = strcspn(rest, ":");
    bool plain =
        scheme != 0 && strspn(rest, "abcdefghijklmnopqrstuvwxyz"
                                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:") == strlen(rest);
    if (!plain || len == 0 || strlen(rest) > 200)
        return tm_err_set(e,
                          "--url: '%.100s' is no address such as https://sigstore.example.com: "
                          "scheme, host and perhaps a port, without a path",
                          a->url);
    snprintf(a->authority, sizeof(a->authority), "%s", rest);
    snprintf(a->host, sizeof(a->host), "%.*s", (int)len, rest);
    snprintf(a->log_origin, sizeof(a->log_origin), "%s/log", rest);
    if (!tls && strcmp(a->host, "localhost") != 0 && strncmp(a->host, "127.", 4) != 0)
        return tm_err_set(e, "--url: plain http is for this machine only: https://%s", rest);
    snprintf(a->listen, sizeof(a->listen), "%s%s", tls ? "127.0.0.1:5555" : rest,
             tls || rest[len] == ':' ? "" : ":80");
    if (ca_log_origin_check(a->host, e) != 0 || ca_log_origin_check(a->log_origin, e) != 0 ||
        tm_http_listen_check(a->listen, e) != 0)
        return tm_err_wrap(e, "--url");
    return 0;
}

struct paths {
    char log[PATH_MAX], log_key[PATH_MAX], log_public[PATH_MAX];
    char ca_chain[PATH_MAX], tsa_chain[PATH_MAX], ct_public[PATH_MAX];
    char trust[PATH_MAX], holder[PATH_MAX], pages[PATH_MAX];
};

static int name_paths(const char *dir, struct paths *p, struct tm_err *e)
{
    const struct {
        const char *name;
        char *path;
    } rows[] = {
        {"siglog", p->log},
        {"siglog.key", p->log_key},
        {"siglog.pem", p->log_public},
        {"chain.pem", p->ca_chain},
        {"tsa.pem", p->tsa_chain},
        {"log.pem", p->ct_public},
        {"tuf", p->trust},
        {"pages", p->pages},
        {"tuf-" INIT_TRUST_HOLDER ".key", p->holder},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (tm_file_join(dir, rows[i].name, rows[i].path, PATH_MAX, e) != 0)
            return -1;
    }
    return 0;
}

int init_all_make(const struct init_all *a, const char *dir, const char *password, int64_t now_s,
                  struct tm_err *e)
{
    struct paths p;
    if (name_paths(dir, &p, e) != 0)
        return -1;
    const struct ca_log_new log = {.directory = p.log,
                                   .origin = a->host,
                                   .device = setup_elsewhere(&a->signatures),
                                   .key_file = p.log_key,
                                   .password = password,
                                   .public_file = p.log_public};
    /* Timestamps are signed by what every client knows. */
    bool known = a->key_type != NULL && strcmp(a->key_type, "ed25519") != 0;
    const struct ca_create_options tsa = {.directory = dir,
                                          .organization = a->organization,
                                          .key_type = known ? a->key_type : NULL,
                                          .password = password,
                                          .device = setup_elsewhere(&a->timestamps),
                                          .now_s = now_s};
    const struct init_trust trust = {.dir = p.trust,
                                     .url = a->url,
                                     .ca_chain = p.ca_chain,
                                     .tsa_chain = p.tsa_chain,
                                     .ct_key = p.ct_public,
                                     .signature_key = p.log_public,
                                     .holder_key = p.holder,
                                     .password = password,
                                     .now_s = now_s};
    if (ca_log_create_new(&log, ca_siglog_create, e) != 0)
        return tm_err_wrap(e, "signature log");
    sigstore_warn_key(a->host, p.log_public);
    if (ca_create_tsa(&tsa, e) != 0)
        return tm_err_wrap(e, "timestamp authority");
    return tm_file_mkdirs(p.pages, 0700, e) == 0 ? init_trust_make(&trust, e) : -1;
}

static void put_key(struct tm_buf *out, const struct tm_key_source *s, const char *file)
{
    if (setup_elsewhere(s) != NULL)
        setup_put_device(out, "  ", s);
    else
        tm_buf_printf(out, "  key: %s\n  password-file: password\n", file);
}

void init_all_put_config(const struct init_all *a, const char *anchor, struct tm_buf *out)
{
    tm_buf_printf(out, "\nsignature-log:\n  directory: siglog\n  origin: '%s'\n", a->host);
    put_key(out, &a->signatures, "siglog.key");
    setup_put_anchor(out, "  ", anchor, "siglog");
    tm_buf_puts(out, "\ntimestamp-authority:\n  chain: tsa.pem\n");
    put_key(out, &a->timestamps, "tsa.key");
    tm_buf_puts(out, "\ntuf:\n  directory: tuf/published\n");
    tm_buf_printf(out,
                  "\n# For people: the service's state at its address, and a search of its logs.\n"
                  "pages:\n  directory: pages\n  title: '%s'\n  logs:\n"
                  "    certificates: {directory: log, public-key: log.pem, url: '%s/log'}\n"
                  "    signatures: {directory: siglog, public-key: siglog.pem, url: '%s/api/v2'}\n",
                  a->host, a->url, a->url);
}

void init_all_print(const struct init_all *a, const char *dir)
{
    printf("  siglog/           the signature log, '%s'; siglog.pem is its public key\n"
           "  tsa.pem           the timestamp authority's chain\n"
           "  tuf/              the TUF repository, as a workspace of tenmint-tuf\n"
           "  pages/            the index by which the page at %s/ finds entries\n"
           "move these offline too; with them the trust root and the authority are renewed:\n"
           "  tuf-" INIT_TRUST_HOLDER ".key, tsa-root.key, tsa-intermediate.key\n"
           "keep its dates fresh, by a timer (config/tenmint-tuf-refresh.timer):\n"
           "  tenmint-tuf refresh --dir %s/tuf\n"
           "a person more for the trust root: tenmint-tuf holder add, README, Ceremony\n"
           "a verifier or signer starts with %s/tuf/published/1.root.json:\n"
           "  tenmint trust init --root 1.root.json --metadata-url %s/tuf\n",
           a->host, a->url, dir, dir, a->url);
}
