/*
 * A fresh SoftHSM2 token in a temporary directory.
 */
#pragma once

#define SOFTTOKEN_MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define SOFTTOKEN_PIN "123456"

struct softtoken {
    char dir[64];
    char pin_file[96]; /* holds SOFTTOKEN_PIN */
};

/* Makes the directory, sets SOFTHSM2_CONF for this process, and a token of that label. Aborts
 * when it cannot. Before the process uses the module. */
struct softtoken softtoken_make(const char *label);
void softtoken_add(const char *label); /* one more token in the same directory */
void softtoken_remove(struct softtoken *t);
