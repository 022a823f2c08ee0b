/* check-config: what a file holds, or what is wrong with it. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ca/api/api.h"
#include "ca/api/freeze.h"
#include "ca/config/config.h"
#include "ca/log/engine/reader.h"
#include "ca/log/ct/format.h"
#include "ca/log/engine/view.h"
#include "common/kms/kms.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/transparency/digsig.h"
#include "tools/tenmint-ca/check/check.h"
#include "tools/tenmint-ca/commands.h"
#include "tools/tenmint-ca/serve/approved.h"
#include "tools/tenmint-ca/serve/in_force.h"
#include "tools/tenmint-ca/issuer/issuer.h"
#include "tools/tenmint-ca/serve/repository.h"
#include "tools/tenmint-ca/setup.h"
#include "tools/tenmint-ca/serve/sigstore.h"
#include "tools/tenmint-ca/serve/tls.h"

static void print_issuers(struct check_said *k, const char *path, const struct oidc_trust *trust)
{
    size_t n = oidc_trust_count(trust);
    check_say(k, "%s: %zu trusted issuer%s", path, n, n == 1 ? "" : "s");
    for (size_t i = 0; i < n; i++) {
        const struct oidc_issuer *is = oidc_trust_at(trust, i);
        check_say(k, "  %s %s  type %s, audience %s", is->wildcard ? "wildcard" : "issuer  ",
                  is->url, is->type_name, is->client_id);
    }
}

struct warner { /* of an issuer list */
    struct check_said *k;
    const char *path;
};

static void warn_of_list(void *arg, const char *text)
{
    const struct warner *w = arg;
    check_warn(w->k, "%s: %s", w->path, text);
}

/* `c`: the server's configuration, or defaults; `online`: each issuer is asked for its keys. */
static int check_issuers(struct check_said *k, const char *path, const struct ca_config *c,
                         bool allow_http, bool online, struct tm_err *e)
{
    struct oidc_trust *trust = NULL;
    if (oidc_trust_load(path, &trust, e) != 0)
        return -1;
    int rc = oidc_trust_check_http(trust, allow_http, e);
    if (rc == 0) {
        struct warner w = {k, path};
        print_issuers(k, path, trust);
        oidc_trust_warn(trust, warn_of_list, &w);
        if (online)
            issuer_warn_unreachable(k, path, trust, c);
    } else {
        tm_err_wrap(e, "%s", path);
    }
    oidc_trust_unref(trust);
    return rc;
}

static int check_signer(struct check_said *k, const struct ca_config *c, struct tm_err *e)
{
    struct ca_signer_options so;
    char until[21];
    char root[PATH_MAX];
    if (strcmp(c->ca.backend, "ephemeral") == 0) {
        check_say(k, "CA: ephemeral, a new key at each start");
        return 0;
    }
    ca_config_signer(c, &so);
    so.key.far = tm_kms_here();
    if (setup_root_beside(so.chain_file, root))
        check_warn(k, "the root key '%s' lies beside the server's files: move it offline", root);
    struct ca_signer *s = ca_signer_open(&so, tm_clock_wall_ms() / 1000, e);
    if (s == NULL)
        return -1;
    const struct ca_signer_chain *chain = ca_signer_chain(s);
    tm_clock_format(chain->not_after, until);
    check_say(k, "CA: backend %s, chain of %zu certificate%s, issuing CA valid until %s",
              c->ca.backend, chain->count, chain->count == 1 ? "" : "s", until);
    ca_signer_unref(s);
    return 0;
}

/* Counts for the policy; nothing is logged here. */
static const struct ca_issue_log stands_for_embedded = {.needs_precert = true};

/* Whether the directory is the log that the configuration means. */
static int check_identity(const struct ca_kept_options *o, EVP_PKEY *key,
                          unsigned char log_id[DIGSIG_LOG_ID], struct tm_err *e)
{
    struct ca_log_identity identity;
    if (tm_digsig_log_id(key, log_id, e) != 0 ||
        ca_log_dir_identity(o->directory, &identity, e) != 0)
        return -1;
    if (strcmp(identity.origin, o->origin) != 0)
        return tm_err_set(e, "'%s' is the log of origin '%s', not '%s'", o->directory,
                          identity.origin, o->origin);
    if (memcmp(identity.log_id, log_id, DIGSIG_LOG_ID) != 0)
        return tm_err_set(e, "'%s' belongs to another log key", o->directory);
    return 0;
}

/* A running server may hold the log's lock, so its key and directory are looked at only. */
static int check_embedded(const struct ca_kept_options *o, unsigned char log_id[DIGSIG_LOG_ID],
                          struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_key_source source = o->key;
    source.far = tm_kms_here();
    struct tm_key *key = tm_key_open(&source, "log key", e);
    int rc = key != NULL ? tm_digsig_check_key(tm_key_pkey(key), e) : -1;
    if (rc == 0)
        rc = tm_file_join(o->directory, "checkpoint", path, sizeof(path), e);
    if (rc == 0 && access(path, R_OK) != 0)
        rc = tm_err_errno(e, "no log in '%s' (tenmint-ca log create makes one)", o->directory);
    if (rc == 0)
        rc = check_identity(o, tm_key_pkey(key), log_id, e);
    tm_key_free(key);
    return rc;
}

static void print_embedded(struct check_said *k, const struct ca_kept_options *o)
{
    check_say(k, "  embedded  %s in %s", o->origin, o->directory);
    check_detector(k, o);
}

static int check_ct(struct check_said *k, const struct ca_config *c, struct tm_err *e)
{
    struct ca_ct_member members[CT_LOGS_MAX];
    struct ca_ct_options o;
    struct ca_kept_options eo;
    unsigned char embedded_id[DIGSIG_LOG_ID];
    ca_config_ct(c, members, &o);
    ca_config_embedded(c, &eo);
    if (eo.directory != NULL && check_embedded(&eo, embedded_id, e) != 0)
        return tm_err_wrap(e, "ct: embedded log");
    if (eo.directory != NULL) {
        o.embedded = &stands_for_embedded;
        o.embedded_id = embedded_id;
    }
    if (o.count == 0 && eo.directory == NULL) {
        check_say(k, "logs: none, certificates carry no SCT");
        return 0;
    }
    struct ca_ct *ct = ca_ct_new(&o, e);
    if (ct == NULL)
        return tm_err_wrap(e, "ct");
    check_say(k, "logs: %zu, %u SCT%s of %u operator%s required, %s",
              o.count + (o.embedded != NULL ? 1 : 0), o.scts_required,
              o.scts_required == 1 ? "" : "s", o.operators_required,
              o.operators_required == 1 ? "" : "s", o.detached ? "detached" : "embedded");
    if (eo.directory != NULL)
        print_embedded(k, &eo);
    for (size_t i = 0; i < o.count; i++)
        check_say(k, "  %s  %s", members[i].log.name, members[i].log.url);
    ca_ct_free(ct);
    return 0;
}

/* The log that a server without a CA serves. */
static int check_log_alone(struct check_said *k, const struct ca_config *c, struct tm_err *e)
{
    struct ca_kept_options eo;
    unsigned char id[DIGSIG_LOG_ID];
    check_say(k, "CA: none, no certificates are issued");
    ca_config_embedded(c, &eo);
    if (eo.directory == NULL)
        return 0;
    if (check_embedded(&eo, id, e) != 0)
        return tm_err_wrap(e, "ct: embedded log");
    print_embedded(k, &eo);
    return 0;
}

static int check_ca(struct check_said *k, const char *path, const struct ca_config *c,
                    struct tm_err *e)
{
    check_say(k, "certificates: %lld s, leaf subject key identifier %s",
              (long long)c->ca.lifetime / 1000, c->ca.subject_key_id ? "on" : "off");
    struct ca_proof_policy *policy =
        ca_proof_policy_new((const char *const *)c->ca.algorithms.item, c->ca.algorithms.count, e);
    if (policy == NULL)
        return tm_err_wrap(e, "%s: client-signing-algorithms", path);
    ca_proof_policy_free(policy);
    return check_signer(k, c, e) == 0 ? check_ct(k, c, e) : -1;
}

static int check_retired(struct check_said *k, const struct ca_config *c, struct tm_err *e)
{
    for (size_t i = 0; i < c->ct.retired.count; i++) {
        const struct ca_config_retired *r = ca_config_retired_at(&c->ct.retired, i);
        bool in_use = false;
        struct ca_log_retired *l =
            ca_log_retired_look(&ca_log_format_ct, r->directory, r->public_key, &in_use, e);
        if (l == NULL)
            return tm_err_wrap(e, "ct");
        check_say(k, "  retired   %s in %s, served at %s%s", ca_log_retired_view(l).origin,
                  r->directory, r->prefix,
                  in_use ? "; a process still writes to it: stop that before this is served" : "");
        ca_log_retired_close(l);
    }
    return 0;
}

static int check_audit_folder(struct check_said *k, const struct ca_config *c,
                              const struct ca_config_audit_places *p,
                              const struct ca_kept_options *heads, struct tm_err *e)
{
    unsigned char id[DIGSIG_LOG_ID];
    if (access(p->spool, W_OK) != 0)
        return tm_err_errno(e, "no audit trail in '%s' (tenmint-ca audit init makes one)",
                            c->audit_store.directory);
    check_say(k, "audit trail: %s of %s in %s", c->audit_store.store, p->node,
              c->audit_store.directory);
    if (heads->origin == NULL) {
        check_warn(k, "there is no log of heads ('origin'): nothing tells a trail that was cut "
                      "off or written anew");
        return 0;
    }
    if (check_embedded(heads, id, e) != 0)
        return -1;
    check_say(k, "  heads  %s", heads->origin);
    if (heads->anchor == NULL && ca_kept_undetected(heads) != NULL)
        check_warn(k,
                   "%s: the log of heads has neither an anchor nor a witness: who has this host "
                   "and its key can write the trail anew",
                   heads->origin);
    else
        check_detector(k, heads);
    return 0;
}

static int check_audit(struct check_said *k, const struct ca_config *c, struct tm_err *e)
{
    struct ca_config_audit_places p = {0};
    struct ca_audit_keeper_options o;
    struct ca_kept_options heads;
    if (c->audit_store.store == NULL)
        return 0;
    int rc = ca_config_audit(c, &p, &o, &heads, e);
    if (rc == 0)
        rc = check_audit_folder(k, c, &p, &heads, e);
    ca_config_audit_free(&p);
    return rc == 0 ? 0 : tm_err_wrap(e, "audit-store");
}

static int check_tls(struct check_said *k, const struct ca_config *c, struct tm_err *e)
{
    struct tls_pair pair;
    char until[21];
    if (c->tls.certificate == NULL)
        return 0;
    int rc = tls_read(c->tls.certificate, c->tls.key, &pair, e);
    tm_clock_format(pair.not_after, until);
    if (rc == 0)
        check_say(k, "TLS: certificate valid until %s", until);
    tls_free(&pair);
    return rc;
}

static int check_tuf(struct check_said *k, const struct ca_config *c, struct tm_err *e)
{
    if (c->tuf.directory == NULL)
        return 0;
    struct repository *r = repository_new(c->tuf.directory, ca_config_tuf_prefix(c), e);
    if (r == NULL)
        return tm_err_wrap(e, "tuf");
    check_say(k, "TUF repository: %s at %s", c->tuf.directory, ca_config_tuf_prefix(c));
    repository_free(r);
    return 0;
}

/* What the server has last accepted; nobody is asked. */
static int check_approved(struct check_said *k, const struct ca_config *c, struct tm_err *e)
{
    struct approved_list l;
    struct tm_err why = {0};
    struct oidc_trust *trust = NULL;
    int rc = 0;
    if (approved_read(&c->approved, NULL, true, &l, &why) != 0) {
        check_warn(k, "no approved issuer list has been accepted yet: %s", why.text);
    } else {
        check_say(k, "%s: version %lld, signed by %s", l.name, (long long)l.version, l.signers);
        rc = oidc_trust_parse(l.name, tm_buf_str(&l.text), l.text.len, &trust, e);
    }
    if (trust != NULL)
        print_issuers(k, l.name, trust);
    oidc_trust_unref(trust);
    approved_free(&l);
    return rc;
}

static int check_trust(struct check_said *k, const struct ca_config *c, bool online,
                       struct tm_err *e)
{
    return c->issuers_file != NULL
               ? check_issuers(k, c->issuers_file, c, c->oidc.allow_http, online, e)
               : check_approved(k, c, e);
}

static int print_stopped(struct check_said *k, const struct ca_config *c, struct tm_err *e)
{
    struct ca_freeze_list list = {0};
    int rc = c->freeze_file != NULL ? ca_freeze_read(c->freeze_file, &list, e) : 0;
    for (size_t i = 0; i < list.count; i++) {
        const struct ca_freeze_entry *x = &list.entry[i];
        check_warn(k, "issuance is stopped%s%s: %s", x->issuer != NULL ? " for " : "",
                   x->issuer != NULL ? x->issuer : "", x->reason);
    }
    ca_freeze_free_list(&list);
    return rc;
}

static int check_token_store(struct check_said *k, const struct ca_config *c, bool online,
                             struct tm_err *e)
{
    if (c->limits.store == NULL)
        return 0;
    check_say(k, "used tokens: %s", c->limits.store);
    if (!online)
        return 0;
    struct ca_redis_options o;
    ca_config_once_store(c, &o);
    struct tm_err how = {0};
    enum ca_redis_evicts evicts;
    struct ca_redis *r = ca_redis_open(&o, e);
    int rc = r != NULL ? ca_redis_ask_evicts(r, &evicts, &how, e) : -1;
    ca_redis_close(r);
    if (rc == 0 && evicts == REDIS_EVICTS && !ca_config_once_optional(c))
        rc = tm_err_set(e, "it may evict keys (%s): want maxmemory-policy noeviction", how.text);
    if (rc != 0)
        return tm_err_wrap(e, "the store of used tokens");
    if (evicts != REDIS_EVICTS_NOT)
        check_warn(k, "the store of used tokens %s: %s",
                   evicts == REDIS_EVICTS ? "may evict keys"
                                          : "does not say whether it evicts keys",
                   how.text);
    return 0;
}

/* `path`: for messages. */
static int check_config(struct check_said *k, const char *path, const struct ca_config *c,
                        bool online, struct tm_err *e)
{
    struct tm_http_options ho;
    ca_config_http(c, &ho);
    check_say(k, "%s: server configuration", path);
    check_say(k, "listen: %s%s, %u worker%s; metrics: %s", c->listen,
              c->tls.certificate != NULL ? " (TLS)" : "", ho.workers, ho.workers == 1 ? "" : "s",
              c->metrics_listen != NULL ? c->metrics_listen : "off");
    int rc = print_stopped(k, c, e);
    if (rc == 0)
        rc = ca_config_has_ca(c) ? check_ca(k, path, c, e) : check_log_alone(k, c, e);
    if (rc == 0)
        rc = check_retired(k, c, e);
    if (rc == 0)
        rc = sigstore_check(k, c, e);
    if (rc == 0)
        rc = check_audit(k, c, e);
    if (rc == 0)
        rc = check_tuf(k, c, e);
    if (rc == 0)
        rc = check_tls(k, c, e);
    if (rc == 0 && ca_config_has_ca(c))
        rc = check_trust(k, c, online, e);
    return rc == 0 ? check_token_store(k, c, online, e) : -1;
}

int check_server_config(struct check_said *k, const char *path, bool online, struct tm_err *e)
{
    struct ca_config c;
    if (ca_config_load(path, &c, e) != 0)
        return -1;
    int rc = check_config(k, path, &c, online, e);
    ca_config_free(&c);
    return rc;
}

static int check_quietly(const char *path, const struct ca_config *c, struct tm_err *e)
{
    struct check_said *k = check_said_new(CHECK_NOTHING);
    int rc = k != NULL ? check_config(k, path, c, false, e) : tm_err_set(e, "out of memory");
    check_said_free(k);
    return rc;
}

int check_server_quietly(const char *path, struct tm_err *e)
{
    struct ca_config c;
    if (ca_config_load(path, &c, e) != 0)
        return -1;
    int rc = check_quietly(path, &c, e);
    ca_config_free(&c);
    return rc;
}

int check_server_edit(const char *path, const struct ca_config *before,
                      const struct ca_config *after, struct tm_err *e)
{
    struct tm_err why = {0};
    struct tm_err is = {0};
    if (check_quietly(path, after, &why) == 0 || check_quietly(path, before, &is) != 0)
        return 0;
    return tm_err_set(e, "'%s' stays as it is, as a server would refuse it after that: %s", path,
                      why.text);
}

static int check_list(struct check_said *k, const char *path, bool online, struct tm_err *e)
{
    struct ca_config c;
    int rc = ca_config_default(&c, e);
    if (rc == 0)
        rc = check_issuers(k, path, &c, true, online, e);
    ca_config_free(&c);
    return rc;
}

static int check_file(struct check_said *k, const char *path, bool online, const char *running,
                      struct tm_err *e)
{
    struct tm_buf text = {0};
    int rc = tm_file_read_text(path, YAMLMAP_FILE_MAX * 16, &text, e);
    bool server = rc == 0 && ca_config_is_server((const char *)text.data, text.len);
    tm_buf_free(&text);
    if (rc == 0)
        rc = server ? check_server_config(k, path, online, e) : check_list(k, path, online, e);
    if (rc != 0)
        return CLI_CONFIG;
    if (server)
        return check_running(k, path, running, e) == 0 ? CLI_OK : CLI_UNKNOWN;
    if (running == NULL)
        return CLI_OK;
    tm_err_set(e, "--running: '%s' is an issuer list, which a server reloads by itself", path);
    return CLI_USAGE;
}

int command_check_config(const struct cli_command *self, int argc, char **argv)
{
    bool online = false, json = false;
    const char *running = NULL;
    const struct cli_option options[] = {
        {"online", CLI_FLAG, NULL,
         "ask each issuer for its keys, and warn of those without; "
         "log in to the store of used tokens",
         &online},
        {"running", CLI_TEXT, "DIR",
         "RUNTIME_DIRECTORY of the server that runs with the file: what a reload would change, "
         "and what is not used (" IN_FORCE_DIRECTORY ", if there is one)",
         &running},
        CLI_JSON(&json),
        {0}};
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    struct check_said *k = check_said_new(json ? CHECK_JSON : CHECK_LINES);
    rc = k != NULL ? check_file(k, argv[0], online, running, &e) : CLI_FAILED;
    if (rc == CLI_OK && check_said_end(k, argv[0], &e) != 0)
        rc = CLI_FAILED;
    check_said_free(k);
    return rc == CLI_OK ? CLI_OK : cli_fail_json(json, rc, &e);
}
