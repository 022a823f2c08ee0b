#include "tests/support/softtoken.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"

static void must(bool done, const char *what)
{
    if (!done) {
        fprintf(stderr, "softtoken: cannot %s\n", what);
        abort();
    }
}

void softtoken_add(const char *label)
{
    char command[256];
    snprintf(command, sizeof(command),
             "softhsm2-util --init-token --free --label '%s' --pin %s --so-pin 87654321 >/dev/null",
             label, SOFTTOKEN_PIN);
    must(system(command) == 0, command);
}

struct softtoken softtoken_make(const char *label)
{
    struct softtoken t = {"/tmp/tenmint-token-XXXXXX", ""};
    char conf[96];
    char text[160];
    struct tm_err e = {0};
    must(mkdtemp(t.dir) != NULL, "make a directory");
    snprintf(conf, sizeof(conf), "%s/conf", t.dir);
    snprintf(t.pin_file, sizeof(t.pin_file), "%s/pin", t.dir);
    int n = snprintf(text, sizeof(text), "directories.tokendir = %s\nlog.level = ERROR\n", t.dir);
    must(tm_file_create(conf, 0600, text, (size_t)n, &e) == 0, e.text);
    must(tm_file_create(t.pin_file, 0600, SOFTTOKEN_PIN "\n", 7, &e) == 0, e.text);
    setenv("SOFTHSM2_CONF", conf, 1);
    softtoken_add(label);
    return t;
}

void softtoken_remove(struct softtoken *t)
{
    char command[96];
    snprintf(command, sizeof(command), "rm -rf '%s'", t->dir);
    must(system(command) == 0, command);
}
