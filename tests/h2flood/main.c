/* h2flood ADDRESS KIND MS: floods a server of HTTP/2, one connection after the other, for so long;
 * prints the connections and frames. Without a KIND: lists them. For tests on loopback only. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tests/support/h2flood.h"

int main(int argc, char **argv)
{
    const struct h2flood_kind *k = h2flood_kinds;
    for (; argc < 4 && k->name != NULL; k++)
        puts(k->name);
    if (argc < 4)
        return 0;
    while (k->name != NULL && strcmp(k->name, argv[2]) != 0)
        k++;
    if (k->name == NULL || strncmp(argv[1], "127.0.0.1:", 10) != 0)
        return 2;
    int64_t until = tm_clock_mono_ms() + strtol(argv[3], NULL, 10);
    unsigned connections = 0;
    uint64_t frames = 0;
    for (int64_t now = tm_clock_mono_ms(); now < until; now = tm_clock_mono_ms()) {
        frames += h2flood(argv[1], k, "/api/v2/signingCert", 1000000, (int)(until - now));
        connections++;
    }
    printf("%u %" PRIu64 "\n", connections, frames);
    return 0;
}
