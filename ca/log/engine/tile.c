/* Where a tile lies: C2SP tlog-tiles, and static-ct-api, "Merkle Tree" and "Log entries". */
#include <string.h>

#include "ca/log/engine/reader.h"

#define GROUP 1000U /* a path element's three digits */

static int parse_level(const char **p, int *level)
{
    static const struct {
        const char *head;
        int level;
    } named[] = {{"tile/data/", TILE_LEVEL_DATA}, {"tile/entries/", TILE_LEVEL_ENTRIES}};
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        size_t len = strlen(named[i].head);
        if (strncmp(*p, named[i].head, len) != 0)
            continue;
        *level = named[i].level;
        *p += len;
        return 0;
    }
    if (strncmp(*p, "tile/", 5) != 0 || (*p)[5] < '0' || (*p)[5] >= '0' + LOG_TILE_LEVELS ||
        (*p)[6] != '/')
        return -1;
    *level = (*p)[5] - '0';
    *p += 7;
    return 0;
}

static int three_digits(const char *p, unsigned *out)
{
    *out = 0;
    for (size_t i = 0; i < 3; i++) {
        if (p[i] < '0' || p[i] > '9')
            return -1;
        *out = *out * 10 + (unsigned)(p[i] - '0');
    }
    return 0;
}

static int parse_number(const char **p, uint64_t *n)
{
    unsigned d = 0;
    *n = 0;
    for (size_t elements = 0; elements < 5; elements++) {
        bool more = **p == 'x';
        if (three_digits(*p + (more ? 1 : 0), &d) != 0 || (more && elements == 0 && d == 0))
            return -1; /* a leading x000 would be a second name of the tile */
        *n = *n * GROUP + d;
        *p += more ? 4 : 3;
        if (!more)
            return *n <= LOG_SIZE_MAX ? 0 : -1;
        if (*(*p)++ != '/')
            return -1;
    }
    return -1;
}

static int parse_width(const char *p, unsigned *width)
{
    size_t len = strlen(p);
    *width = 0;
    if (len == 0 || len > 3 || p[0] == '0')
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (p[i] < '0' || p[i] > '9')
            return -1;
        *width = *width * 10 + (unsigned)(p[i] - '0');
    }
    return *width < TILE_WIDTH ? 0 : -1;
}

int ca_log_tile_path_parse(const char *path, int *level, uint64_t *n, unsigned *width)
{
    if (strlen(path) >= TILE_PATH_MAX || parse_level(&path, level) != 0 ||
        parse_number(&path, n) != 0)
        return -1;
    *width = TILE_WIDTH;
    if (*path == '\0')
        return 0;
    return strncmp(path, ".p/", 3) == 0 ? parse_width(path + 3, width) : -1;
}

unsigned ca_log_tile_width(uint64_t size, unsigned level, uint64_t n)
{
    uint64_t hashes = size >> (8 * level);
    if (hashes / TILE_WIDTH > n)
        return TILE_WIDTH;
    return hashes / TILE_WIDTH == n ? (unsigned)(hashes % TILE_WIDTH) : 0;
}
