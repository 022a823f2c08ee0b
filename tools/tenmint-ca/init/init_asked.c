#include "tools/tenmint-ca/init/init_asked.h"

#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "common/json/jsonfile.h"
#include "tools/tenmint-ca/check/check.h"

#define RECORD_MAX ((size_t)1 << 16)

#define MEMBER(member, at) \
    { \
        .name = member, JSONMAP_AT(struct init_asked, at), .kind = JSONMAP_TEXT \
    }
/* As the options are called. */
static const struct tm_jsonmap_member members[] = {
    MEMBER("url", url),
    MEMBER("anchor", anchor),
    MEMBER("log-origin", log_origin),
    MEMBER("organization", organization),
    MEMBER("key-type", key_type),
    MEMBER("ca-key", key[INIT_KEY_CA]),
    MEMBER("root-key", key[INIT_KEY_ROOT]),
    MEMBER("log-key", key[INIT_KEY_LOG]),
    MEMBER("audit-key", key[INIT_KEY_AUDIT]),
    MEMBER("signature-log-key", key[INIT_KEY_SIGNATURES]),
    MEMBER("timestamp-key", key[INIT_KEY_TIMESTAMPS]),
    {0}};
static const struct tm_jsonmap map = {members, sizeof(struct init_asked),
                                      .unknown = JSONMAP_REFUSE};

int init_asked_set(char **to, const char *text, struct tm_err *e)
{
    *to = text != NULL ? strdup(text) : NULL;
    return *to != NULL || text == NULL ? 0 : tm_err_set(e, "out of memory");
}

/* Modules and PINs say how a token is reached, which changes; key and token stay. */
int init_asked_set_key(char **to, const struct tm_key_source *s, struct tm_err *e)
{
    char place[KEY_URI_MAX + 1];
    if (s->pkcs11_module == NULL)
        return init_asked_set(to, s->uri != NULL ? s->uri : INIT_ASKED_IN_FILE, e);
    snprintf(place, sizeof(place), "key '%s' of token '%s'", s->pkcs11_key, s->pkcs11_token);
    return init_asked_set(to, place, e);
}

void init_asked_free(struct init_asked *a)
{
    tm_jsonmap_free(&map, a);
}

int init_asked_write(const char *dir, const struct init_asked *made, struct tm_err *e)
{
    char path[PATH_MAX];
    return tm_file_join(dir, INIT_ASKED_FILE, path, sizeof(path), e) == 0
               ? tm_jsonfile_write(path, 0644, &map, made, e)
               : -1;
}

static int compare_one(const char *option, const char *made, const char *said, struct tm_err *e)
{
    if (said == NULL || (made != NULL && strcmp(made, said) == 0))
        return 0;
    return tm_err_set(e,
                      "--%s asks for '%s', and init was asked for %s%s%s: what it made is neither "
                      "changed nor added to. Ask for the same, or name another directory",
                      option, said, made != NULL ? "'" : "none", made != NULL ? made : "",
                      made != NULL ? "'" : "");
}

static int compare(const struct init_asked *made, const struct init_asked *said,
                   const char *const option[INIT_KEYS], struct tm_err *e)
{
    if (compare_one("url", made->url, said->url, e) != 0 ||
        compare_one("anchor", made->anchor, said->anchor, e) != 0 ||
        compare_one("log-origin", made->log_origin, said->log_origin, e) != 0 ||
        compare_one("organization", made->organization, said->organization, e) != 0 ||
        compare_one("key-type", made->key_type, said->key_type, e) != 0)
        return -1;
    for (int i = 0; i < INIT_KEYS; i++) {
        if (compare_one(option[i], made->key[i], said->key[i], e) != 0)
            return -1;
    }
    return 0;
}

int init_asked_check(const char *dir, const struct init_asked *said, bool no_log,
                     const char *const option[INIT_KEYS], struct tm_err *e)
{
    char path[PATH_MAX], record[PATH_MAX];
    struct init_asked made = {0};
    if (tm_file_join(dir, "tenmint-ca.yaml", path, sizeof(path), e) != 0)
        return -1;
    if (check_server_quietly(path, e) != 0)
        return tm_err_wrap(
            e,
            "'%s' has files and is not whole; nothing was changed. Restore it from a "
            "backup, or move it away to begin anew",
            dir);
    int rc = tm_file_join(dir, INIT_ASKED_FILE, record, sizeof(record), e);
    if (rc == 0)
        rc = tm_jsonfile_read(record, RECORD_MAX, &map, &made, e);
    if (rc == 1)
        fprintf(stderr,
                "warning: '%s' has no " INIT_ASKED_FILE ", which says what init was asked for (a "
                "version before that made it): the options are not compared with it\n",
                dir);
    else if (rc == 0 && no_log && made.log_origin != NULL)
        rc = tm_err_set(e, "it has a log, '%s', and --no-log asks for none", made.log_origin);
    else if (rc == 0)
        rc = compare(&made, said, option, e);
    init_asked_free(&made);
    return rc >= 0 ? 0 : tm_err_wrap(e, "'%s'", dir);
}
