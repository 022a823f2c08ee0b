/*
 * A directory that is made whole or not at all: it grows beside its place and is moved there by one
 * rename. What a killed run left is found by its mark, taken away and begun anew.
 */
#ifndef TENMINT_TOOLS_TENMINT_CA_INIT_STAGE_H
#define TENMINT_TOOLS_TENMINT_CA_INIT_STAGE_H

#include <limits.h>
#include <stdbool.h>

#include "common/err.h"

#define INIT_STAGE_MARK ".tenmint-ca-init" /* its file in the folder that grows */

struct init_stage {
    char place[PATH_MAX]; /* where it is to be */
    char dir[PATH_MAX];   /* where it grows: "PLACE.init" */
    int lock;             /* its descriptor: one run at a time; -1: none */
    bool cleared;         /* what an earlier run had left was there */
};

/* -1: the place has files, another run is at work, or "PLACE.init" is somebody else's. */
int init_stage_begin(struct init_stage *s, const char *place, struct tm_err *e);

/* Puts it in its place. -1: it is gone. */
int init_stage_commit(struct init_stage *s, struct tm_err *e);

/* Takes it away. */
void init_stage_drop(struct init_stage *s);

#endif
