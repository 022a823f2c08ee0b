#include "tuf/manager/state/names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tuf/metadata/metadata.h"

int tuf_names_metadata(int64_t version, const char *role, char *out, size_t size, struct tm_err *e)
{
    size_t at = (size_t)snprintf(out, size, "%lld.", (long long)version);
    for (const unsigned char *p = (const unsigned char *)role; *p != '\0'; p++) {
        bool plain = isalnum(*p) || *p == '.' || *p == '_' || *p == '-' || *p == '~';
        if (at + 4 >= size)
            return tm_err_set(e, "role '%.40s...': the name is too long for a file", role);
        at += (size_t)snprintf(out + at, size - at, plain ? "%c" : "%%%02X", *p);
    }
    if ((size_t)snprintf(out + at, size - at, ".json") >= size - at)
        return tm_err_set(e, "role '%.40s...': the name is too long for a file", role);
    return 0;
}

void tuf_names_target(const char *path, const char *sha256, struct tm_buf *out)
{
    const char *slash = strrchr(path, '/');
    size_t dir = slash != NULL ? (size_t)(slash - path) + 1 : 0;
    tm_buf_puts(out, "targets/");
    tm_buf_append(out, path, dir);
    tm_buf_printf(out, "%s.%s", sha256, path + dir);
}

const char *tuf_names_hash(const struct tuf_file_info *info)
{
    static const char *const known[] = {"sha256", "sha512"};
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < info->hash_count; i++) {
            if (strcmp(info->hash[i].algorithm, known[k]) == 0)
                return info->hash[i].hex;
        }
    }
    return NULL;
}

int tuf_names_target_ok(const char *path, struct tm_err *e)
{
    if (path[0] == '\0' || strlen(path) > TUF_TARGET_PATH_MAX)
        return tm_err_set(e, "target '%.60s': the path is empty or over %d bytes", path,
                          TUF_TARGET_PATH_MAX);
    for (const char *seg = path;;) {
        size_t len = strcspn(seg, "/");
        if (len == 0 || (len == 1 && seg[0] == '.') || (len == 2 && seg[0] == '.' && seg[1] == '.'))
            return tm_err_set(e,
                              "target '%.200s': a path is relative, without empty, '.' or '..' "
                              "parts",
                              path);
        for (size_t i = 0; i < len; i++) {
            unsigned char c = (unsigned char)seg[i];
            if (c < 0x20 || c == 0x7f || c == '\\')
                return tm_err_set(
                    e, "target '%.200s': a path holds no control bytes or backslashes", path);
        }
        if (seg[len] == '\0')
            return 0;
        seg += len + 1;
    }
}
