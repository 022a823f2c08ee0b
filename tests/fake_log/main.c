/*
 * A transparency log on loopback that takes certificates and answers as its mode says: good, or
 * wrong in one of many ways. Prints its URL, then the file of its public key. Each line on
 * standard input is a new mode. For tests only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/fakelog.h"

static int find_mode(const char *name)
{
    for (int i = 0; i < FAKELOG_MODES; i++) {
        if (strcmp(fakelog_mode_names[i], name) == 0)
            return i;
    }
    return -1;
}

int main(int argc, char **argv)
{
    struct fakelog log;
    char line[64];
    fakelog_start(&log, argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0);
    printf("%s\n%s\n", log.url, log.key_file);
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        int mode = find_mode(line);
        if (mode < 0)
            fprintf(stderr, "unknown mode '%s'\n", line);
        else
            atomic_store(&log.mode, (enum fakelog_mode)mode);
    }
    fakelog_stop(&log);
    return 0;
}
