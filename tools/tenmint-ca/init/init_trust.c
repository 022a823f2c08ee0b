#include "tools/tenmint-ca/init/init_trust.h"

#include <limits.h>
#include <openssl/ec.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "common/key/key.h"
#include "tuf/manager/draft/draft.h"
#include "tuf/manager/evidence/transcript.h"
#include "tuf/manager/policy/keyring.h"
#include "tuf/manager/publish/publish.h"
#include "tuf/verify/trust/signing_config.h"
#include "tuf/verify/trust/trusted_root.h"

#define ADDRESS_MAX 512
#define MATERIAL_MAX ((size_t)64 * 1024)

static const char policy_text[] =
    "# Who may sign what, for how long. Change it, then run `tenmint-tuf propose`.\n"
    "# Every key of this file: config/tenmint-tuf.yaml in the source.\n"
    "published: published   # the tree that is served\n"
    "targets: targets       # every file in it is published\n"
    "\n"
    "# expiry: how long a version lasts. signing: how long before its end the next is signed.\n"
    "roles:\n"
    "  root:      {holders: [" INIT_TRUST_HOLDER "], threshold: 1, expiry: 365d, signing: 60d}\n"
    "  targets:   {holders: [" INIT_TRUST_HOLDER "], threshold: 1, expiry: 365d, signing: 60d}\n"
    "  snapshot:  {holders: [online], threshold: 1, expiry: 21d, signing: 7d}\n"
    "  timestamp: {holders: [online], threshold: 1, expiry: 7d, signing: 4d}\n"
    "\n"
    "# What `refresh` and `publish` sign with, unattended.\n"
    "online-keys:\n"
    "  online: {file: ../" INIT_TRUST_ONLINE_KEY "}\n";

/* ---- what clients trust and ask ---- */

/* The places of the services below one address; the paths are those that clients append. */
static const struct service {
    enum tuf_trust_list list;
    const char *path;             /* in the trusted root */
    enum tuf_service_kind signer; /* SERVICE_KIND_COUNT: signers do not choose it */
    const char *signer_path;
    int64_t version;
} services[] = {
    {TRUST_CA, "", SERVICE_CA, "", 1},
    {TRUST_CTLOG, "/log", SERVICE_KIND_COUNT, NULL, 0},
    {TRUST_TLOG, "", SERVICE_TLOG, "", 2},
    {TRUST_TSA, "", SERVICE_TSA, "/api/v1/timestamp", 1},
};
#define SERVICES (sizeof(services) / sizeof(services[0]))

static const char *material_of(const struct init_trust *t, enum tuf_trust_list list)
{
    return list == TRUST_CA     ? t->ca_chain
           : list == TRUST_TSA  ? t->tsa_chain
           : list == TRUST_TLOG ? t->signature_key
                                : t->ct_key;
}

static int add_trust(const struct init_trust *t, const struct service *s,
                     const struct tuf_validity *v, struct tuf_trusted_root *root, struct tm_err *e)
{
    char url[ADDRESS_MAX];
    struct tm_buf bytes = {0};
    snprintf(url, sizeof(url), "%s%s", t->url, s->path);
    int rc = tm_file_read(material_of(t, s->list), MATERIAL_MAX, &bytes, e);
    if (rc == 0)
        rc = s->list == TRUST_CTLOG || s->list == TRUST_TLOG
                 ? tuf_trusted_root_add_log(root, s->list, url, bytes.data, bytes.len, v, e)
                 : tuf_trusted_root_add_authority(root, s->list, url, bytes.data, bytes.len, v, e);
    tm_buf_free(&bytes);
    return rc;
}

static int add_service(const struct init_trust *t, const struct service *s,
                       const struct tuf_validity *v, struct tuf_signing_config *config,
                       struct tm_err *e)
{
    char url[ADDRESS_MAX];
    char host[ADDRESS_MAX];
    if (s->signer == SERVICE_KIND_COUNT)
        return 0;
    const char *name = strstr(t->url, "://") + 3;
    snprintf(url, sizeof(url), "%s%s", t->url, s->signer_path);
    snprintf(host, sizeof(host), "%.*s", (int)strcspn(name, ":"), name);
    const struct tuf_service one = {
        .url = url, .major_version = s->version, .valid = *v, .operator_name = host};
    return tuf_signing_config_add(config, s->signer, &one, e);
}

static int write_target(const char *folder, const char *name, const struct tm_buf *text,
                        struct tm_err *e)
{
    char path[PATH_MAX];
    return tm_file_join(folder, name, path, sizeof(path), e) == 0
               ? tm_file_create(path, 0644, text->data, text->len, e)
               : -1;
}

static int write_targets(const struct init_trust *t, const char *folder, struct tm_err *e)
{
    const struct tuf_validity v = {.has_start = true, .start_ms = t->now_s * 1000};
    struct tm_buf root_text = {0};
    struct tm_buf config_text = {0};
    struct tuf_trusted_root *root = tuf_trusted_root_new(e);
    struct tuf_signing_config *config = root != NULL ? tuf_signing_config_new(e) : NULL;
    int rc = config != NULL ? 0 : -1;
    for (size_t i = 0; i < SERVICES && rc == 0; i++) {
        rc = add_trust(t, &services[i], &v, root, e);
        if (rc == 0)
            rc = add_service(t, &services[i], &v, config, e);
    }
    if (rc == 0)
        rc = tuf_trusted_root_write(root, &root_text, e);
    if (rc == 0)
        rc = tuf_signing_config_write(config, &config_text, e);
    if (rc == 0)
        rc = write_target(folder, "trusted_root.json", &root_text, e);
    if (rc == 0)
        rc = write_target(folder, "signing_config.v0.2.json", &config_text, e);
    tm_buf_free(&root_text);
    tm_buf_free(&config_text);
    tuf_trusted_root_free(root);
    tuf_signing_config_free(config);
    return rc;
}

/* ---- the workspace ---- */

/* `password` NULL: the key must sign unattended, and only its file's mode protects it. */
static int make_key(const char *keys, const char *holder, const char *path, const char *password,
                    struct tm_err *e)
{
    EVP_PKEY *k = EVP_EC_gen("P-256");
    int rc = k == NULL ? tm_err_openssl(e, "make the key of '%s'", holder)
                       : tm_key_write_file(path, k, password, e);
    if (rc == 0)
        rc = tuf_keyring_save(keys, holder, k, false, e);
    EVP_PKEY_free(k);
    return rc;
}

static int make_workspace(const struct init_trust *t, struct tm_err *e)
{
    char keys[PATH_MAX];
    char targets[PATH_MAX];
    char online[PATH_MAX];
    char policy[PATH_MAX];
    if (tm_file_join(t->dir, "keys", keys, sizeof(keys), e) != 0 ||
        tm_file_join(t->dir, "targets", targets, sizeof(targets), e) != 0 ||
        tm_file_join(t->dir, "../" INIT_TRUST_ONLINE_KEY, online, sizeof(online), e) != 0 ||
        tm_file_join(t->dir, "policy.yaml", policy, sizeof(policy), e) != 0 ||
        tm_file_mkdirs(targets, 0755, e) != 0 ||
        make_key(keys, INIT_TRUST_HOLDER, t->holder_key, t->password, e) != 0 ||
        make_key(keys, "online", online, NULL, e) != 0 || write_targets(t, targets, e) != 0)
        return -1;
    return tm_file_create(policy, 0644, policy_text, sizeof(policy_text) - 1, e);
}

/* ---- the first version ---- */

/* Whoever made the keys a moment ago needs no review of what they sign first. */
static int sign(struct tuf_workspace *w, const struct init_trust *t, struct tuf_event *ev,
                struct tm_err *e)
{
    char digest[65];
    struct tuf_event_signer who = {0};
    const struct tm_key_source source = {.file = t->holder_key, .secret = t->password};
    if (tuf_event_digest(ev, digest, e) != 0 ||
        tuf_transcript_propose(w->transcript, ev, digest, t->now_s, e) != 0)
        return -1;
    struct tm_key *key = tm_key_open(&source, "holder's key", e);
    int rc = key != NULL ? tuf_event_sign(ev, tm_key_pkey(key), digest, t->now_s, &who, e) : -1;
    tm_key_free(key);
    tm_buf_free(&who.roles);
    return rc;
}

static int publish(struct tuf_workspace *w, const struct init_trust *t, struct tm_err *e)
{
    const struct tuf_draft_options d = {
        .name = "first", .reason = "tenmint-ca init --all", .now = t->now_s};
    struct tuf_published live;
    struct tuf_event ev = {0};
    struct tuf_publish_report report;
    if (tuf_published_load(w->published, &live, e) != 0)
        return -1;
    int rc = tuf_draft_make(w, &live, &d, &ev, e);
    if (rc == 0)
        rc = sign(w, t, &ev, e);
    const struct tuf_publish_options o = {.event = &ev, .now = t->now_s};
    if (rc == 0)
        rc = tuf_publish_run(w, &o, &report, e);
    tuf_event_free(&ev);
    tuf_published_free(&live);
    return rc;
}

int init_trust_make(const struct init_trust *t, struct tm_err *e)
{
    struct tuf_workspace w;
    if (make_workspace(t, e) != 0 || tuf_workspace_open(t->dir, &w, e) != 0)
        return tm_err_wrap(e, "TUF repository");
    int rc = tuf_workspace_lock(&w, 0, e);
    if (rc == 0)
        rc = publish(&w, t, e);
    tuf_workspace_close(&w);
    return rc == 0 ? 0 : tm_err_wrap(e, "TUF repository");
}
