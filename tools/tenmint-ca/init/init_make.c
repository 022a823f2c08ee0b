#include "tools/tenmint-ca/init/init_make.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "ca/log/ct/ctlog.h"
#include "ca/log/engine/create.h"
#include "ca/signer/create.h"
#include "common/b64.h"
#include "common/clock.h"
#include "common/file.h"
#include "tools/tenmint-ca/init/audit_init.h"
#include "tools/tenmint-ca/init/init_anchor.h"
#include "tools/tenmint-ca/setup.h"

static const char config_head[] =
    "# tenmint-ca: written by `tenmint-ca init`. Every key: config/tenmint-ca.yaml in the source.\n"
    "listen: %s\n"
    "metrics-listen: 127.0.0.1:2112\n"
    "\n"
    "ca:\n"
    "  chain: chain.pem\n";

static const char config_file_key[] = "  backend: file\n"
                                      "  key: intermediate.key\n"
                                      "  password-file: password\n";

static const char config_tail[] = "\n"
                                  "issuers-file: issuers.yaml\n";

static const char config_log[] = "\nct:\n"
                                 "  embedded:\n"
                                 "    directory: log\n"
                                 "    origin: '%s'\n";

static const char config_log_key[] = "    key: log.key\n"
                                     "    password-file: password\n";

/* In a file, so that a rotation can replace it. */
static const char config_uri_key[] = "  backend: uri\n"
                                     "  key-uri-file: intermediate.uri\n";

static const char issuers_text[] =
    "# Who may get a certificate: the token issuers that are trusted, in Fulcio's format.\n"
    "# Every job of every repository that the issuer serves is accepted: what a job may sign\n"
    "# is for the verifier to decide, by the identity in the certificate.\n"
    "oidc-issuers:\n"
    "  https://token.actions.githubusercontent.com:\n"
    "    issuer-url: https://token.actions.githubusercontent.com\n"
    "    client-id: sigstore\n"
    "    type: github-workflow\n";

static int write_one(const char *dir, const char *name, mode_t mode, const void *data, size_t len,
                     struct tm_err *e)
{
    char path[PATH_MAX];
    if (tm_file_join(dir, name, path, sizeof(path), e) != 0)
        return -1;
    return tm_file_create(path, mode, data, len, e);
}

/* 256 random bits as 43 characters. */
static int make_password(struct tm_buf *out, struct tm_err *e)
{
    unsigned char bytes[32];
    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return tm_err_openssl(e, "make a password");
    tm_b64_encode(B64_URL_BARE, bytes, sizeof(bytes), out);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return tm_buf_str(out) != NULL ? 0 : tm_err_set(e, "out of memory");
}

static int write_uri(const struct init_plan *p, struct tm_err *e)
{
    struct tm_buf line = {0};
    tm_buf_printf(&line, "%s\n", p->device.uri);
    int rc = write_one(p->dir, "intermediate.uri", 0644, line.data, line.len, e);
    tm_buf_free(&line);
    return rc;
}

static int write_config(const struct init_plan *p, struct tm_err *e)
{
    struct tm_buf out = {0};
    tm_buf_printf(&out, config_head, p->all.url != NULL ? p->all.listen : "127.0.0.1:5555");
    if (!tm_key_source_is_elsewhere(&p->device)) {
        tm_buf_puts(&out, config_file_key);
    } else {
        tm_buf_puts(&out, p->device.uri != NULL ? config_uri_key : "  backend: pkcs11\n");
        if (p->device.uri == NULL)
            setup_put_device(&out, "  ", &p->device);
    }
    tm_buf_puts(&out, config_tail);
    audit_init_put_config(p->audit_origin, &p->audit_device, p->anchor, &out);
    if (p->log_origin != NULL) {
        tm_buf_printf(&out, config_log, p->log_origin);
        if (!tm_key_source_is_elsewhere(&p->log_device))
            tm_buf_puts(&out, config_log_key);
        setup_put_device(&out, "    ", &p->log_device);
        setup_put_anchor(&out, "    ", p->anchor, "log");
    }
    if (p->all.url != NULL)
        init_all_put_config(&p->all, p->anchor, &out);
    int rc = p->device.uri != NULL ? write_uri(p, e) : 0;
    if (rc == 0)
        rc = buf_failed(&out) ? tm_err_set(e, "out of memory")
                              : write_one(p->dir, "tenmint-ca.yaml", 0644, out.data, out.len, e);
    tm_buf_free(&out);
    return rc;
}

/* As `audit init` does it, by the configuration that was just written. */
static int make_audit(const struct init_plan *p, struct tm_err *e)
{
    char path[PATH_MAX];
    struct ca_config c;
    if (tm_file_join(p->dir, "tenmint-ca.yaml", path, sizeof(path), e) != 0 ||
        ca_config_load(path, &c, e) != 0)
        return -1;
    int rc = audit_init(&c, &p->owner, e);
    ca_config_free(&c);
    return rc;
}

static int make_log(const struct init_plan *p, const char *password, struct tm_err *e)
{
    char directory[PATH_MAX];
    char key[PATH_MAX];
    char public[PATH_MAX];
    if (tm_file_join(p->dir, "log", directory, sizeof(directory), e) != 0 ||
        tm_file_join(p->dir, "log.key", key, sizeof(key), e) != 0 ||
        tm_file_join(p->dir, "log.pem", public, sizeof(public), e) != 0)
        return -1;
    const struct ca_log_new n = {.directory = directory,
                                 .origin = p->log_origin,
                                 .device = setup_elsewhere(&p->log_device),
                                 .key_file = key,
                                 .password = password,
                                 .public_file = public};
    return ca_log_create_new(&n, ca_ctlog_create, e);
}

/* The root's key stays with root, and so do the files that say what the server does. */
static int give_files(const struct init_plan *p, struct tm_err *e)
{
    static const char *const names[] = {"password", "intermediate.key", "log.key", "log",
                                        "siglog",   "siglog.key",       "tsa.key", "pages"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[PATH_MAX];
        if (tm_file_join(p->dir, names[i], path, sizeof(path), e) != 0 ||
            owner_give(&p->owner, path, e) != 0)
            return -1;
    }
    return owner_admit(&p->owner, p->dir, e);
}

int init_make_asked(const struct init_plan *p, bool made, struct init_asked *out, struct tm_err *e)
{
    const struct tm_key_source *const key[INIT_KEYS] = {
        [INIT_KEY_CA] = &p->device,
        [INIT_KEY_ROOT] = &p->root_device,
        [INIT_KEY_LOG] = p->log_origin != NULL ? &p->log_device : NULL,
        [INIT_KEY_AUDIT] = &p->audit_device,
        [INIT_KEY_SIGNATURES] = p->all.url != NULL ? &p->all.signatures : NULL,
        [INIT_KEY_TIMESTAMPS] = p->all.url != NULL ? &p->all.timestamps : NULL};
    const char *organization =
        p->organization == NULL && made ? CREATE_ORGANIZATION : p->organization;
    const char *key_type = p->key_type == NULL && made ? CREATE_KEY_TYPE : p->key_type;
    *out = (struct init_asked){0};
    if (init_asked_set(&out->url, p->all.url, e) != 0 ||
        init_asked_set(&out->anchor, *p->anchor != '\0' ? p->anchor : NULL, e) != 0 ||
        init_asked_set(&out->log_origin, made ? p->log_origin : p->named_origin, e) != 0 ||
        init_asked_set(&out->organization, organization, e) != 0 ||
        init_asked_set(&out->key_type, key_type, e) != 0)
        return -1;
    for (int i = 0; i < INIT_KEYS; i++) {
        if (key[i] != NULL && (made || init_keys_option(p->keys, i) != NULL) &&
            init_asked_set_key(&out->key[i], key[i], e) != 0)
            return -1;
    }
    return 0;
}

static int write_asked(const struct init_plan *p, struct tm_err *e)
{
    struct init_asked made;
    int rc = init_make_asked(p, true, &made, e);
    if (rc == 0)
        rc = init_asked_write(p->dir, &made, e);
    init_asked_free(&made);
    return rc;
}

int init_make(const struct init_plan *p, struct tm_err *e)
{
    struct tm_buf password = {0};
    int rc = init_anchor_check(p, e);
    if (rc == 0)
        rc = make_password(&password, e);
    if (rc == 0)
        rc = write_one(p->dir, "password", 0600, password.data, password.len, e);
    if (rc == 0) {
        struct ca_create_options o = {.directory = p->dir,
                                      .organization = p->organization,
                                      .key_type = p->key_type,
                                      .password = tm_buf_str(&password),
                                      .device = setup_elsewhere(&p->device),
                                      .root_device = setup_elsewhere(&p->root_device),
                                      .now_s = tm_clock_wall_ms() / 1000};
        rc = p->request ? ca_create_request(&o, NULL, e) : ca_create_ca(&o, e);
    }
    if (rc == 0 && p->log_origin != NULL)
        rc = make_log(p, tm_buf_str(&password), e);
    if (rc == 0 && p->all.url != NULL)
        rc = init_all_make(&p->all, p->dir, tm_buf_str(&password), tm_clock_wall_ms() / 1000, e);
    if (rc == 0)
        rc = write_one(p->dir, "issuers.yaml", 0644, issuers_text, sizeof(issuers_text) - 1, e);
    if (rc == 0)
        rc = write_config(p, e);
    if (rc == 0)
        rc = write_asked(p, e);
    if (rc == 0)
        rc = make_audit(p, e);
    if (rc == 0)
        rc = give_files(p, e);
    tm_buf_free_secret(&password);
    return rc;
}
