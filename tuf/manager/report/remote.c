#include "tuf/manager/report/remote.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/fetch/again.h"
#include "common/file.h"
#include "tuf/metadata/metadata.h"
#include "tuf/manager/state/names.h"

#define ROOTS_MAX 1024
#define ROLES_MAX 20000
#define BYTES_MAX ((size_t)1 << 30) /* of one copy: nothing is verified before it is here */
#define URL_MAX 4096

struct copy {
    const char *url;
    const char *dir;
    size_t *total; /* bytes so far */
    struct tm_err *e;
};

bool tuf_remote_is_url(const char *where)
{
    return strncmp(where, "http://", 7) == 0 || strncmp(where, "https://", 8) == 0;
}

/* 1: fetched, 0: there is none (404, or 403 as object stores say), -1. */
static int get(const struct copy *c, const char *name, struct tm_fetch_response *resp)
{
    char url[URL_MAX];
    size_t len = strlen(c->url);
    while (len > 0 && c->url[len - 1] == '/')
        len--;
    if ((size_t)snprintf(url, sizeof(url), "%.*s/%s", (int)len, c->url, name) >= sizeof(url))
        return tm_err_set(c->e, "the URL is too long");
    /* Signatures protect the content; plain http is fine for it. */
    const struct tm_fetch_request req = {
        .url = url, .allow_http = true, .timeout_ms = 60000, .max_bytes = (size_t)64 << 20};
    if (tm_fetch_run_again(&req, resp, c->e) != 0) /* it names the URL */
        return -1;
    if (resp->status == 404 || resp->status == 403)
        return 0;
    if (resp->status == 200)
        return 1;
    tm_err_set(c->e, "'%s' answers HTTP %ld", url, resp->status);
    return tm_err_mark(c->e, ERR_UNAVAILABLE);
}

int tuf_remote_has(const char *url, const char *name, struct tm_err *e)
{
    size_t total = 0;
    const struct copy c = {.url = url, .dir = "", .total = &total, .e = e};
    struct tm_fetch_response resp = {0};
    int rc = get(&c, name, &resp);
    tm_fetch_response_free(&resp);
    return rc;
}

/* Fetches, writes, and parses when a role is given. 1, 0 or -1 as get(). */
static int copy_one(const struct copy *c, const char *name, enum tuf_role role,
                    struct tuf_metadata **out)
{
    struct tm_fetch_response resp = {0};
    char path[PATH_MAX];
    int rc = get(c, name, &resp);
    if (rc == 1 && (*c->total += resp.body.len) > BYTES_MAX)
        rc = tm_err_set(c->e, "'%s' has more than %zu MiB of metadata", c->url, BYTES_MAX >> 20);
    if (rc == 1 && (tm_file_join(c->dir, name, path, sizeof(path), c->e) != 0 ||
                    tm_file_write_atomic(path, 0644, resp.body.data, resp.body.len, c->e) != 0))
        rc = -1;
    if (rc == 1 && out != NULL) {
        *out = tuf_metadata_parse(resp.body.data, resp.body.len, role, c->e);
        if (*out == NULL)
            rc = tm_err_wrap(c->e, "'%s' of '%s'", name, c->url);
    }
    tm_fetch_response_free(&resp);
    return rc;
}

/* Others' chains may begin at another root than 1: back from the newest, as root.json has it. */
static int copy_roots_back(const struct copy *c)
{
    struct tuf_metadata *newest = NULL;
    char name[NAMES_MAX];
    int rc = copy_one(c, "root.json", TUF_ROOT, &newest);
    int64_t version = newest != NULL ? tuf_metadata_version(newest) : 0;
    tuf_metadata_free(newest);
    if (rc == 0)
        tm_err_set(c->e, "'%s' has neither 1.root.json nor root.json: no TUF repository", c->url);
    for (int64_t v = version; rc == 1 && v > 0 && v > version - ROOTS_MAX; v--) {
        rc = tuf_names_metadata(v, "root", name, sizeof(name), c->e);
        if (rc == 0)
            rc = copy_one(c, name, TUF_ROOT, NULL);
        if (rc == 0 && v < version)
            return 0;
    }
    return rc == 1 ? 0 : -1;
}

static int copy_roots(const struct copy *c)
{
    char name[NAMES_MAX];
    for (int64_t v = 1; v <= ROOTS_MAX; v++) {
        int rc = tuf_names_metadata(v, "root", name, sizeof(name), c->e);
        if (rc == 0)
            rc = copy_one(c, name, TUF_ROOT, NULL);
        if (rc < 0)
            return -1;
        if (rc == 0)
            return v > 1 ? 0 : copy_roots_back(c);
    }
    return tm_err_set(c->e, "more than %d roots", ROOTS_MAX);
}

static int must(const struct copy *c, const char *name, int rc)
{
    return rc == 1 ? 0 : rc < 0 ? -1 : tm_err_set(c->e, "'%s' has no %s", c->url, name);
}

static int copy_role(void *arg, const char *file, const struct tuf_file_info *info,
                     struct tm_err *e)
{
    const struct copy *c = arg;
    char role[TUF_ROLE_NAME_MAX + 1];
    char name[NAMES_MAX];
    size_t len = strlen(file);
    if (len < 6 || len - 5 >= sizeof(role))
        return 0;
    snprintf(role, sizeof(role), "%.*s", (int)(len - 5), file);
    if (tuf_names_metadata(info->version, role, name, sizeof(name), e) != 0)
        return -1;
    /* Roles that are no longer delegated to may be gone; targets may not. */
    int rc = copy_one(c, name, TUF_TARGETS, NULL);
    return rc < 0 || (rc == 0 && strcmp(role, "targets") == 0) ? must(c, name, rc) : 0;
}

static int copy_listed(const struct copy *c, const struct tuf_metadata *snapshot)
{
    if (tuf_entries_count(snapshot) > ROLES_MAX)
        return tm_err_set(c->e, "the snapshot of '%s' lists more than %d roles", c->url, ROLES_MAX);
    return tuf_entries_each(snapshot, copy_role, (void *)c, c->e);
}

int tuf_remote_copy(const char *url, const char *dir, struct tm_err *e)
{
    size_t total = 0;
    const struct copy c = {.url = url, .dir = dir, .total = &total, .e = e};
    struct tuf_metadata *timestamp = NULL;
    struct tuf_metadata *snapshot = NULL;
    struct tuf_file_info info;
    char name[NAMES_MAX];
    int rc = copy_roots(&c);
    if (rc == 0)
        rc = must(&c, "timestamp.json", copy_one(&c, "timestamp.json", TUF_TIMESTAMP, &timestamp));
    if (rc == 0) {
        tuf_timestamp_snapshot(timestamp, &info);
        rc = tuf_names_metadata(info.version, "snapshot", name, sizeof(name), e);
    }
    if (rc == 0)
        rc = must(&c, name, copy_one(&c, name, TUF_SNAPSHOT, &snapshot));
    if (rc == 0)
        rc = copy_listed(&c, snapshot);
    tuf_metadata_free(timestamp);
    tuf_metadata_free(snapshot);
    return rc;
}
