/* A TUF client from options, the environment and the mirrors noted in the cache. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/yamlmap.h"
#include "tools/tenmint/trust.h"

#define MIRRORS_FILE "mirrors.yaml"
#define CA_CERT_MAX ((size_t)1 << 20)

struct noted {
    struct tm_yamlmap_list metadata_urls, targets_urls;
};

static const struct tm_yamlmap_key noted_keys[] = {
    {"metadata-urls", YAMLMAP_TEXTS, offsetof(struct noted, metadata_urls), 0, 0, NULL},
    {"targets-urls", YAMLMAP_TEXTS, offsetof(struct noted, targets_urls), 0, 0, NULL},
    {0},
};

int trust_dir(const struct trust_source *source, char *out, size_t size, struct tm_err *e)
{
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    int n;
    if (source->dir != NULL)
        n = snprintf(out, size, "%s", source->dir);
    else if (data != NULL && data[0] == '/')
        n = snprintf(out, size, "%s/tenmint/trust", data);
    else if (home != NULL && home[0] == '/')
        n = snprintf(out, size, "%s/.local/share/tenmint/trust", home);
    else
        return tm_err_set(e, "no --dir given, and neither XDG_DATA_HOME nor HOME is set");
    return (size_t)n < size ? 0 : tm_err_set(e, "the cache directory's path is too long");
}

/* A directory must be found again from elsewhere. */
static char *absolute(const char *url)
{
    char *real = strstr(url, "://") == NULL ? realpath(url, NULL) : NULL;
    return real != NULL ? real : strdup(url);
}

static int put_list(struct tm_buf *out, const char *key, const struct cli_list *list,
                    struct tm_err *e)
{
    if (list->count > 0)
        tm_buf_printf(out, "%s:\n", key);
    for (size_t i = 0; i < list->count; i++) {
        char *url = absolute(list->item[i]);
        if (url == NULL)
            return tm_err_set(e, "out of memory");
        tm_buf_puts(out, "  - '");
        for (const char *p = url; *p != '\0'; p++)
            tm_buf_printf(out, *p == '\'' ? "''" : "%c", *p);
        tm_buf_puts(out, "'\n");
        free(url);
    }
    return 0;
}

int trust_note_mirrors(const char *dir, const struct trust_source *source, struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf text = {0};
    int rc = tm_file_join(dir, MIRRORS_FILE, path, sizeof(path), e);
    if (source->metadata_urls.count == 0)
        return rc;
    tm_buf_puts(&text, "# Written by tenmint trust init.\n");
    if (rc == 0)
        rc = put_list(&text, "metadata-urls", &source->metadata_urls, e);
    if (rc == 0)
        rc = put_list(&text, "targets-urls", &source->targets_urls, e);
    if (rc == 0)
        rc = tm_file_write_atomic(path, 0644, text.data, text.len, e);
    tm_buf_free(&text);
    return rc;
}

static int read_noted(const char *dir, struct noted *out, struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf text = {0};
    struct tm_err ignored;
    int rc = tm_file_join(dir, MIRRORS_FILE, path, sizeof(path), e);
    if (rc == 0 && tm_file_read(path, YAMLMAP_FILE_MAX, &text, &ignored) == 0)
        rc = tm_yamlmap_read(path, (const char *)text.data, text.len, noted_keys, out, e);
    tm_buf_free(&text);
    return rc;
}

static int read_file(const char *path, size_t max, const char *what, struct tm_buf *out,
                     struct tm_err *e)
{
    if (path == NULL)
        return 0;
    if (tm_file_read_text(path, max, out, e) != 0)
        return tm_err_wrap(e, "%s", what);
    return tm_buf_str(out) != NULL ? 0 : tm_err_set(e, "out of memory");
}

static void no_mirror(const char *dir, struct tm_err *e)
{
    tm_err_set(e, "no --metadata-url given, and none was noted in '%s' by tenmint trust init", dir);
    tm_err_mark(e, ERR_REFUSED);
}

struct tuf_client *trust_open(const struct trust_source *source, struct tm_err *e)
{
    char dir[PATH_MAX];
    struct noted noted = {0};
    struct tm_buf root = {0};
    struct tm_buf ca = {0};
    struct tuf_client *c = NULL;
    struct tuf_client_options o = {.dir = dir,
                                   .metadata_urls = source->metadata_urls.item,
                                   .metadata_url_count = source->metadata_urls.count,
                                   .target_urls = source->targets_urls.item,
                                   .target_url_count = source->targets_urls.count,
                                   .offline = source->offline,
                                   .patient = true,
                                   .tries = source->tries,
                                   .allow_http = source->allow_http};
    if (trust_dir(source, dir, sizeof(dir), e) != 0 ||
        read_file(source->root, TUF_ROOT_BYTES_MAX, "root file", &root, e) != 0 ||
        read_file(source->ca_cert, CA_CERT_MAX, "CA certificates", &ca, e) != 0)
        goto out;
    if (o.metadata_url_count == 0 && !source->offline) {
        if (read_noted(dir, &noted, e) != 0)
            goto out;
        o.metadata_urls = (const char *const *)noted.metadata_urls.item;
        o.metadata_url_count = noted.metadata_urls.count;
        if (o.target_url_count == 0) {
            o.target_urls = (const char *const *)noted.targets_urls.item;
            o.target_url_count = noted.targets_urls.count;
        }
    }
    o.root = source->root != NULL ? root.data : NULL;
    o.root_len = root.len;
    o.ca_pem = source->ca_cert != NULL ? tm_buf_str(&ca) : NULL;
    if (o.metadata_url_count == 0 && !source->offline)
        no_mirror(dir, e);
    else
        c = tuf_client_open(&o, e);
out:
    tm_yamlmap_free(noted_keys, &noted);
    tm_buf_free(&root);
    tm_buf_free(&ca);
    return c;
}

static bool is_web(const char *url)
{
    return strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0;
}

int trust_web_mirror(const struct trust_source *source, struct tm_buf *out, struct tm_err *e)
{
    char dir[PATH_MAX];
    struct noted noted = {0};
    int rc = trust_dir(source, dir, sizeof(dir), e);
    for (size_t i = 0; i < source->metadata_urls.count && out->len == 0; i++) {
        if (is_web(source->metadata_urls.item[i]))
            tm_buf_puts(out, source->metadata_urls.item[i]);
    }
    if (rc == 0 && out->len == 0)
        rc = read_noted(dir, &noted, e);
    for (size_t i = 0; i < noted.metadata_urls.count && out->len == 0; i++) {
        if (is_web(noted.metadata_urls.item[i]))
            tm_buf_puts(out, noted.metadata_urls.item[i]);
    }
    tm_yamlmap_free(noted_keys, &noted);
    if (rc == 0 && out->len == 0)
        rc = tm_err_set(e, "which address is the repository served at? No http mirror is given or "
                           "noted: give --mirror URL");
    return rc;
}

/* What a reason of the client means to the person at the keyboard. */
static const struct {
    const char *reason, *advice;
} advices[] = {
    {"rollback: from the given root",
     "try another mirror; if that is not what you want, begin anew "
     "by tenmint trust init --root FILE"},
    {"freeze:", "compare this machine's clock; try another mirror; else the repository's keepers "
                "must renew the role"},
    {"rollback:", "the mirror serves older files than were seen before: try another, and tell the "
                  "repository's keepers"},
    {"mix-and-match:", "the mirror's files do not belong together: publishing may be under way, "
                       "so try again, then another mirror"},
    {"unsigned:", "the mirror serves another repository, or was tampered with: check the URL and "
                  "the root file"},
    {"holds no trusted root", "run tenmint trust init --root FILE"},
    {"offline, and the cache", "run once without --offline"},
};

struct tuf_client *trust_refreshed(const struct trust_source *source, struct tm_err *e)
{
    struct tuf_client *c = trust_open(source, e);
    if (c != NULL && tuf_client_refresh(c, e) == 0)
        return c;
    tuf_client_close(c);
    for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
        if (strstr(e->text, advices[i].reason) != NULL) {
            size_t len = strlen(e->text);
            snprintf(e->text + len, sizeof(e->text) - len, " (%s)", advices[i].advice);
            break;
        }
    }
    return NULL;
}
