#include "tools/tenmint/services.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"
#include "tools/shared/cli.h"

#define ROOT_TARGET "trusted_root.json"
#define CONFIG_TARGET "signing_config.v0.2.json"
#define REKOR_VERSION 2 /* v1 has another write API */

bool services_are_known(const struct services_source *s)
{
    char dir[PATH_MAX];
    char path[PATH_MAX];
    struct tm_err ignored;
    if (s->signing_config != NULL || s->trust.root != NULL)
        return true;
    return trust_dir(&s->trust, dir, sizeof(dir), &ignored) == 0 &&
           tm_file_join(dir, "root.json", path, sizeof(path), &ignored) == 0 &&
           tm_file_stamp(path).ino != 0;
}

static int fetch(struct tuf_client *c, struct services *out, struct tm_err *e)
{
    struct tm_buf root = {0};
    struct tm_buf config = {0};
    int rc = tuf_client_read(c, ROOT_TARGET, TRUSTED_ROOT_BYTES_MAX, &root, e);
    if (rc == 0)
        rc = tuf_client_read(c, CONFIG_TARGET, SIGNING_CONFIG_BYTES_MAX, &config, e);
    if (rc == 0 && (out->root = tuf_trusted_root_parse(root.data, root.len, e)) == NULL)
        rc = tm_err_wrap(e, "the TUF target '" ROOT_TARGET "'");
    if (rc == 0 && (out->config = tuf_signing_config_parse(config.data, config.len, e)) == NULL)
        rc = tm_err_wrap(e, "the TUF target '" CONFIG_TARGET "'");
    tm_buf_free(&root);
    tm_buf_free(&config);
    return rc;
}

static int load(const struct services_source *s, struct services *out, struct tm_err *e)
{
    if (s->signing_config == NULL) {
        struct tuf_client *c = trust_refreshed(&s->trust, e);
        int rc = c != NULL ? fetch(c, out, e) : -1;
        tuf_client_close(c);
        return rc;
    }
    out->root = tuf_trusted_root_load(s->trusted_root, e);
    out->config = out->root != NULL ? tuf_signing_config_load(s->signing_config, e) : NULL;
    return out->config != NULL ? 0 : -1;
}

/* The highest major version of each kind's API that is known here. */
static const uint32_t known_version[SERVICE_KIND_COUNT] = {
    [SERVICE_CA] = 1, [SERVICE_OIDC] = 1, [SERVICE_TLOG] = REKOR_VERSION, [SERVICE_TSA] = 1};

/* Says which services a signer passes over that the configuration wants it to use: it may go to
 * fewer, or others, than its writer meant. */
static void tell_left_out(const struct tuf_signing_config *c, int64_t now)
{
    const struct tuf_service *s;
    for (size_t i = 0; tuf_signing_config_left_out(c, i) != NULL; i++)
        fprintf(stderr, "note: signing_config: %s\n", tuf_signing_config_left_out(c, i));
    for (enum tuf_service_kind k = 0; k < SERVICE_KIND_COUNT; k++) {
        for (size_t i = 0; (s = tuf_signing_config_service(c, k, i)) != NULL; i++) {
            if (s->major_version <= known_version[k] ||
                tuf_validity_at(&s->valid, now) != VALIDITY_INSIDE)
                continue;
            fprintf(stderr, "note: signing_config: the %s '", tuf_service_kind_name(k));
            cli_print_text(stderr, s->url, strlen(s->url));
            fprintf(stderr, "' counts for nothing: version %lld of its API is not known here\n",
                    (long long)s->major_version);
        }
    }
}

int services_open(const struct services_source *s, struct services *out, struct tm_err *e)
{
    int64_t now = tm_clock_wall_ms();
    const struct tuf_service *ca[1] = {NULL};
    size_t ca_count = 0;
    if (load(s, out, e) != 0)
        return -1;
    tell_left_out(out->config, now);
    if (tuf_signing_config_select(out->config, SERVICE_CA, now, known_version[SERVICE_CA], ca, 1,
                                  &ca_count, e) != 0 ||
        tuf_signing_config_select(out->config, SERVICE_TLOG, now, known_version[SERVICE_TLOG],
                                  out->log, BUNDLE_ENTRIES_MAX, &out->log_count, e) != 0 ||
        tuf_signing_config_select(out->config, SERVICE_TSA, now, known_version[SERVICE_TSA],
                                  out->tsa, BUNDLE_TIMESTAMPS_MAX, &out->tsa_count, e) != 0)
        return tm_err_wrap(e, "signing_config");
    out->ca = ca_count > 0 ? ca[0] : NULL;
    for (size_t i = 0; i < out->log_count; i++) {
        if (out->log[i]->major_version != REKOR_VERSION)
            return tm_err_set(e,
                              "signing_config: the log '%.200s' is a Rekor v%lld, which is not "
                              "written to: name a v2 beside it",
                              out->log[i]->url, (long long)out->log[i]->major_version);
    }
    return 0;
}

void services_free(struct services *s)
{
    tuf_signing_config_free(s->config);
    tuf_trusted_root_free(s->root);
    *s = (struct services){0};
}
