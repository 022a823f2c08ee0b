/* A client with its cache in a scratch directory against a tufrepo. */
#pragma once

#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "tests/support/tufrepo.h"
#include "tuf/client/client.h"

struct tuf_case {
    struct tufrepo *repo;
    char scratch[64]; /* holds what follows */
    char dir[96];     /* the cache */
    const char *url[2];
    struct tuf_client_options o;
    struct tm_err e; /* of the last run */
};

/* The repository, and a cache that trusts its first root. */
static inline void case_start(struct tuf_case *c)
{
    *c = (struct tuf_case){.repo = tufrepo_start()};
    snprintf(c->scratch, sizeof(c->scratch), "/tmp/tenmint-tuf-XXXXXX");
    assert_non_null(mkdtemp(c->scratch));
    snprintf(c->dir, sizeof(c->dir), "%s/cache", c->scratch);
    c->url[0] = tufrepo_url(c->repo);
    c->o = (struct tuf_client_options){.dir = c->dir,
                                       .metadata_urls = c->url,
                                       .metadata_url_count = 1,
                                       .now = TUFREPO_NOW,
                                       .timeout_ms = 2000};
    const struct tm_buf *root = tufrepo_file(c->repo, "1.root.json");
    if (tuf_client_init(c->dir, root->data, root->len, &c->e) != 0)
        fail_msg("%s", c->e.text);
    assert_string_equal(tufrepo_requests(c->repo), "");
}

static inline void case_end(struct tuf_case *c)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", c->scratch);
    assert_int_equal(system(command), 0);
    tufrepo_stop(c->repo);
}

/* A whole run of its own, as a process would make it. */
static inline int case_run(struct tuf_case *c)
{
    c->e = (struct tm_err){0};
    struct tuf_client *client = tuf_client_open(&c->o, &c->e);
    int rc = client != NULL ? tuf_client_refresh(client, &c->e) : -1;
    tuf_client_close(client);
    return rc;
}

static inline void case_good(struct tuf_case *c)
{
    if (case_run(c) != 0)
        fail_msg("an honest repository is refused: %s", c->e.text);
}

/* The run fails and says `reason`. */
static inline void case_bad(struct tuf_case *c, const char *reason)
{
    if (case_run(c) == 0)
        fail_msg("accepted; want '%s'", reason);
    if (strstr(c->e.text, reason) == NULL)
        fail_msg("'%s' does not say '%s'", c->e.text, reason);
}

/* One target in a run of its own, to `out` in the scratch directory (NULL: the cache). */
static inline int case_get(struct tuf_case *c, const char *name, const char *out)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", c->scratch, out != NULL ? out : "");
    c->e = (struct tm_err){0};
    struct tuf_client *client = tuf_client_open(&c->o, &c->e);
    int rc = client != NULL ? tuf_client_refresh(client, &c->e) : -1;
    if (rc == 0)
        rc = tuf_client_get(client, name, out != NULL ? path : NULL, &c->e);
    tuf_client_close(client);
    return rc;
}

static inline void case_get_good(struct tuf_case *c, const char *name, const char *want)
{
    char path[256];
    struct tm_buf b = {0};
    snprintf(path, sizeof(path), "%s/out", c->scratch);
    unlink(path);
    if (case_get(c, name, "out") != 0)
        fail_msg("%s: %s", name, c->e.text);
    assert_int_equal(tm_file_read(path, 1 << 20, &b, &c->e), 0);
    assert_string_equal(tm_buf_str(&b) != NULL ? tm_buf_str(&b) : "", want);
    tm_buf_free(&b);
}

static inline void case_get_bad(struct tuf_case *c, const char *name, const char *reason)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/out", c->scratch);
    unlink(path);
    if (case_get(c, name, "out") == 0)
        fail_msg("%s: accepted; want '%s'", name, reason);
    if (strstr(c->e.text, reason) == NULL)
        fail_msg("%s: '%s' does not say '%s'", name, c->e.text, reason);
    assert_int_equal(access(path, F_OK), -1);
}

/* The version of a file in the cache; 0: there is none. */
static inline int64_t case_stored(const struct tuf_case *c, const char *file)
{
    char path[256];
    struct tm_buf b = {0};
    struct tm_err e;
    int64_t version = 0;
    snprintf(path, sizeof(path), "%s/%s", c->dir, file);
    if (tm_file_read(path, 1 << 24, &b, &e) == 0) {
        json_error_t je;
        json_t *v = json_loadb((const char *)b.data, b.len, 0, &je);
        assert_non_null(v);
        version = json_integer_value(json_object_get(json_object_get(v, "signed"), "version"));
        json_decref(v);
    }
    tm_buf_free(&b);
    return version;
}

/* root, timestamp, snapshot, targets as in the cache. */
static inline void case_expect(const struct tuf_case *c, int64_t root, int64_t timestamp,
                               int64_t snapshot, int64_t targets)
{
    assert_int_equal(case_stored(c, "root.json"), root);
    assert_int_equal(case_stored(c, "timestamp.json"), timestamp);
    assert_int_equal(case_stored(c, "snapshot.json"), snapshot);
    assert_int_equal(case_stored(c, "targets.json"), targets);
}

/* After the attack, an honest repository is accepted again. */
static inline void case_heals(struct tuf_case *c)
{
    tufrepo_release(c->repo, "targets", false);
    case_good(c);
}
