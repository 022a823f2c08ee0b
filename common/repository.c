#include "common/repository.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct tm_repository tm_repository_bare(const char *p, size_t len)
{
    const char *scheme = memmem(p, len, "://", 3);
    if (scheme != NULL) {
        len -= (size_t)(scheme + 3 - p);
        p = scheme + 3;
    } else if (len > 4 && strncasecmp(p, "git@", 4) == 0) {
        p += 4;
        len -= 4;
    }
    while (len > 0 && p[len - 1] == '/')
        len--;
    if (len > 4 && strncasecmp(p + len - 4, ".git", 4) == 0)
        len -= 4;
    while (len > 0 && p[len - 1] == '/')
        len--;
    return (struct tm_repository){p, len};
}

struct tm_repository tm_repository_path(struct tm_repository r)
{
    const char *slash = r.len > 0 ? memchr(r.p, '/', r.len) : NULL;
    if (slash == NULL)
        return (struct tm_repository){r.p, 0};
    return (struct tm_repository){slash + 1, r.len - (size_t)(slash + 1 - r.p)};
}

void tm_repository_put(struct tm_repository r, struct tm_buf *out)
{
    for (size_t i = 0; i < r.len; i++)
        buf_putc(out, r.p[i] == ':' ? '/' : (unsigned char)tolower((unsigned char)r.p[i]));
}
