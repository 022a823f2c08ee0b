/* What each role does in its own process when it begins, and what the configuration gives it. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/api/api.h"
#include "tools/shared/cli.h"
#include "tools/tenmint-ca/serve/roles.h"
#include "tools/tenmint-ca/serve/sigstore.h"

static size_t log_mounts(const struct ca_config *c, struct tm_http_mount *out)
{
    size_t count = 0;
    if (c->ct.embedded.directory != NULL)
        out[count++].prefix = ca_config_embedded_prefix(c);
    for (size_t i = 0; i < c->ct.retired.count; i++)
        out[count++].prefix = ca_config_retired_at(&c->ct.retired, i)->prefix;
    return count;
}

static size_t tuf_mounts(const struct ca_config *c, struct tm_http_mount *out)
{
    if (c->tuf.directory == NULL)
        return 0;
    out[0].prefix = ca_config_tuf_prefix(c);
    return 1;
}

static size_t pages_mounts(const struct ca_config *c, struct tm_http_mount *out)
{
    if (c->pages.directory == NULL)
        return 0;
    out[0].prefix = CA_CONFIG_PAGES_PREFIX;
    return 1;
}

const char *const *roles_routes(const struct ca_config *c, enum role_name role)
{
    static const char *const none[] = {NULL};
    static const char *const pages[] = {"/", "/search", NULL};
    return role == ROLE_PAGES && c->pages.directory != NULL ? pages : none;
}

size_t roles_mounts(const struct ca_config *c, enum role_name role,
                    struct tm_http_mount out[ROLES_MOUNTS_MAX])
{
    static size_t (*const by_role[ROLE_COUNT])(const struct ca_config *, struct tm_http_mount *) = {
        [ROLE_LOG] = log_mounts,
        [ROLE_SIGNATURES] = sigstore_log_prefixes,
        [ROLE_TIMESTAMPS] = sigstore_tsa_prefixes,
        [ROLE_TUF] = tuf_mounts,
        [ROLE_PAGES] = pages_mounts,
    };
    memset(out, 0, ROLES_MOUNTS_MAX * sizeof(*out));
    return by_role[role] != NULL ? by_role[role](c, out) : 0;
}

unsigned roles_absent(const struct ca_config *c)
{
    bool ct = c->ct.embedded.directory != NULL || c->ct.retired.count > 0;
    bool signatures = c->signatures.directory != NULL || c->signatures.retired.count > 0;
    return (ca_config_has_ca(c) ? 0U : CA_API_CERTIFICATES) | (ct ? 0U : CA_API_CT_LOG) |
           (signatures ? 0U : CA_API_SIGNATURE_LOG) |
           (c->tsa.chain != NULL ? 0U : CA_API_TIMESTAMPS) |
           (c->tuf.directory != NULL ? 0U : CA_API_TUF);
}

void roles_take_lanes(struct roles *r, enum role_name role, int fd[HTTP_FAR_CHANNELS_MAX])
{
    for (size_t i = 0; i < r->lanes[role]; i++)
        fd[i] = tm_process_take(r->group, r->front_to[role][i]);
}

int roles_open_keys(struct roles *r, enum role_name role, struct tm_kms_asker **out,
                    struct tm_key_far *far, struct tm_err *e)
{
    int fd = tm_process_take(r->group, r->keys_of[role]);
    *out = fd >= 0 ? tm_kms_asker_new(fd, e) : NULL;
    if (fd >= 0 && *out == NULL)
        return -1;
    if (fd >= 0)
        *far = tm_kms_asker_far(*out);
    return 0;
}

const struct ca_config_key *roles_key(const struct ca_config *c, enum role_name role)
{
    const struct ca_config_key *const keys[ROLE_COUNT] = {[ROLE_ISSUER] = &c->ca.key,
                                                          [ROLE_AUDIT] = &c->audit_store.key,
                                                          [ROLE_LOG] = &c->ct.embedded.key,
                                                          [ROLE_SIGNATURES] = &c->signatures.key,
                                                          [ROLE_TIMESTAMPS] = &c->tsa.key};
    return role < ROLE_COUNT ? keys[role] : NULL;
}

static void forget(const char *name)
{
    char *value = name != NULL ? getenv(name) : NULL;
    if (value == NULL)
        return;
    OPENSSL_cleanse(value, strlen(value));
    (void)unsetenv(name);
}

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Two keys may share a variable, or a token's PIN. */
static bool is_needed(const struct ca_config_key *own, const char *name)
{
    return own != NULL && (same(own->password_env, name) || same(own->pin_env, name));
}

void roles_forget_secrets(const struct ca_config *c, enum role_name role)
{
    for (size_t i = 0; role != ROLE_KEYS && tm_kms_secret_variables[i] != NULL; i++)
        forget(tm_kms_secret_variables[i]);
    const struct ca_config_key *keys[CA_CONFIG_KEYS];
    const struct ca_config_key *own = roles_key(c, role);
    ca_config_keys(c, keys);
    for (size_t i = 0; i < CA_CONFIG_KEYS; i++) {
        if (!is_needed(own, keys[i]->password_env))
            forget(keys[i]->password_env);
        if (!is_needed(own, keys[i]->pin_env))
            forget(keys[i]->pin_env);
    }
}

/* As it is: it may be the front, whose log has a thread, and which cannot look at a descriptor. */
void roles_breach(const struct tm_err *why)
{
    struct tm_buf line = {0};
    const struct tm_jlog_field fields[] = {JLOG_STR("detail", why->text), JLOG_END};
    tm_jlog_line(&line, JLOG_ERROR, "a process of the server sent what is not of its protocol",
                 fields);
    if (!buf_failed(&line))
        (void)tm_file_write_all(STDOUT_FILENO, line.data, line.len);
    _exit(CLI_FAILED);
}
