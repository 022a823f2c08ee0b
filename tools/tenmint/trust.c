/* tenmint trust: the trusted root of keys, by TUF. */
#include "tools/tenmint/trust.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "tools/tenmint/commands.h"

/* The version of the root that the cache trusts; 0: none that can be read. */
static int64_t trusted_version(const char *dir)
{
    char path[PATH_MAX];
    struct tm_buf b = {0};
    struct tm_err ignored;
    struct tuf_metadata *m = NULL;
    if (tm_file_join(dir, "root.json", path, sizeof(path), &ignored) == 0 &&
        tm_file_read(path, TUF_ROOT_BYTES_MAX, &b, &ignored) == 0)
        m = tuf_metadata_parse(b.data, b.len, TUF_ROOT, &ignored);
    int64_t version = m != NULL ? tuf_metadata_version(m) : 0;
    tuf_metadata_free(m);
    tm_buf_free(&b);
    return version;
}

static int init_from(const struct trust_source *source, struct tm_err *e)
{
    int64_t before = 0;
    char dir[PATH_MAX];
    struct tm_buf root = {0};
    int rc = trust_dir(source, dir, sizeof(dir), e);
    if (rc == 0)
        rc = tm_file_read_text(source->root, TUF_ROOT_BYTES_MAX, &root, e);
    if (rc == 0)
        before = trusted_version(dir);
    if (rc == 0 && tuf_client_init(dir, root.data, root.len, e) != 0)
        rc = tm_err_wrap(e, "'%s' is no root to trust", source->root);
    if (rc == 0)
        rc = trust_note_mirrors(dir, source, e);
    if (rc == 0)
        printf("trusted root written to %s/root.json\n", dir);
    if (rc == 0 && trusted_version(dir) < before)
        fprintf(stderr,
                "tenmint: warning: the cache trusted root version %" PRId64
                " before; it begins anew at version %" PRId64 "\n",
                before, trusted_version(dir));
    tm_buf_free(&root);
    return rc;
}

int command_trust_init(const struct cli_command *self, int argc, char **argv)
{
    struct trust_source source = {0};
    const struct cli_option options[] = {
        {"root", CLI_TEXT, "FILE", "the root file to trust, got by a way that you trust",
         &source.root},
        {"dir", CLI_TEXT, "DIR",
         "the folder to work in: the trust's cache (~/.local/share/tenmint/trust)", &source.dir},
        {"metadata-url", CLI_LIST, "URL", "note this mirror for later runs; repeatable",
         &source.metadata_urls},
        {"targets-url", CLI_LIST, "URL", "note this mirror of targets; repeatable",
         &source.targets_urls},
        {0}};
    struct tm_err e = {0};
    int code = cli_parse(self, options, argc, argv, 0);
    if (code != CLI_GO_ON)
        return code;
    if (source.root == NULL) {
        tm_err_set(&e, "trust init: --root FILE is missing");
        return cli_fail(CLI_USAGE, &e);
    }
    return init_from(&source, &e) == 0 ? CLI_OK : cli_fail(CLI_FAILED, &e);
}

/* refresh and show differ in whether requests are sent. */
static int report(const struct cli_command *self, int argc, char **argv, bool offline)
{
    struct trust_source source = {.offline = false};
    bool json = false;
    char dir[PATH_MAX];
    const struct cli_option options[] = {TRUST_OPTIONS(&source), CLI_JSON(&json), {0}};
    struct tm_err e = {0};
    int code = cli_parse(self, options, argc, argv, 0);
    if (code != CLI_GO_ON)
        return code;
    source.offline = source.offline || offline;
    struct tuf_client *c =
        trust_dir(&source, dir, sizeof(dir), &e) == 0 ? trust_refreshed(&source, &e) : NULL;
    if (c == NULL)
        return cli_fail_json(json, CLI_FAILED, &e);
    trust_report(c, dir, json);
    tuf_client_close(c);
    return CLI_OK;
}

int command_trust_refresh(const struct cli_command *self, int argc, char **argv)
{
    return report(self, argc, argv, false);
}

int command_trust_show(const struct cli_command *self, int argc, char **argv)
{
    return report(self, argc, argv, true);
}

struct places {
    const char *out;     /* a file */
    const char *out_dir; /* file names as in the cache */
};

/* Where the target goes; below --out-dir it is named as in the cache, without folders. */
static int place(const struct tuf_client *c, const char *name, const struct places *to, char *path,
                 size_t size, struct tm_err *e)
{
    char cached[PATH_MAX];
    if (to->out != NULL)
        return (size_t)snprintf(path, size, "%s", to->out) < size
                   ? 0
                   : tm_err_set(e, "--out: the path is too long");
    if (tuf_client_target_path(c, name, cached, sizeof(cached), e) != 0)
        return -1;
    return tm_file_join(to->out_dir, strrchr(cached, '/') + 1, path, size, e);
}

static int get_one(struct tuf_client *c, const char *name, const struct places *to,
                   struct tm_err *e)
{
    char path[PATH_MAX];
    bool cache = to->out == NULL && to->out_dir == NULL;
    if (cache ? tuf_client_target_path(c, name, path, sizeof(path), e) != 0
              : place(c, name, to, path, sizeof(path), e) != 0)
        return -1;
    if (tuf_client_get(c, name, cache ? NULL : path, e) != 0)
        return -1;
    printf("%s\n", path);
    return 0;
}

int command_trust_get(const struct cli_command *self, int argc, char **argv)
{
    struct trust_source source = {0};
    struct places to = {0};
    bool config = false;
    const struct cli_option options[] = {
        TRUST_OPTIONS(&source),
        {"out", CLI_TEXT, "FILE", "write the target here (one target)", &to.out},
        {"out-dir", CLI_TEXT, "DIR", "write targets below this directory; made when missing",
         &to.out_dir},
        {"client-trust-config", CLI_FLAG, NULL,
         "print trusted root and signing configuration as one ClientTrustConfig", &config},
        {0}};
    struct tm_err e = {0};
    int count = 0;
    int code = cli_parse_some(self, options, argc, argv, 0, INT_MAX, &count);
    if (code != CLI_GO_ON)
        return code;
    if (config ? count > 0 || to.out_dir != NULL : count == 0) {
        tm_err_set(&e, "trust get: name the targets, or give --client-trust-config alone (with "
                       "--out FILE)");
        return cli_fail(CLI_USAGE, &e);
    }
    if (to.out != NULL && (to.out_dir != NULL || count > 1)) {
        tm_err_set(&e, "trust get: --out takes one target, and not --out-dir besides");
        return cli_fail(CLI_USAGE, &e);
    }
    struct tuf_client *c = trust_refreshed(&source, &e);
    int rc = c != NULL ? 0 : -1;
    if (rc == 0 && to.out_dir != NULL)
        rc = tm_file_mkdirs(to.out_dir, 0755, &e);
    if (rc == 0 && config)
        rc = trust_write_client_config(c, to.out, &e);
    for (int i = 0; i < count && rc == 0; i++)
        rc = get_one(c, argv[i], &to, &e);
    tuf_client_close(c);
    return rc == 0 ? CLI_OK : cli_fail(CLI_FAILED, &e);
}
