/*
 * A directory that is made whole or not at all: it grows beside its place and is moved there by one
 * rename. What a killed run left is found by its mark, taken away and begun anew.
 */
#pragma once

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

enum init_stage_state {
    INIT_STAGE_FAILED = -1, /* also: "PLACE.init" is somebody else's */
    INIT_STAGE_BEGUN,
    INIT_STAGE_TAKEN, /* the place has files */
    INIT_STAGE_BUSY,  /* another run is at work: look again */
};

/* `e` is set, and nothing is held, in every state but BEGUN. What is begun while the place is empty
 * is the only one: it stays empty until commit, whoever else asks. */
enum init_stage_state init_stage_begin(struct init_stage *s, const char *place, struct tm_err *e);

/* Puts it in its place. -1: it is gone. */
int init_stage_commit(struct init_stage *s, struct tm_err *e);

/* Takes it away. */
void init_stage_drop(struct init_stage *s);
