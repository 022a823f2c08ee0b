/*
 * What `serve` is between its start and its end: a process that holds the listening sockets and
 * has one generation of the service after the other (parent.h) answer on them. SIGHUP reads the
 * configuration again; where it differs, the next generation begins as soon as the last one has
 * answered what it had, and connections wait meanwhile. What would be refused changes nothing.
 */
#pragma once

#include "ca/config/config.h"
#include "common/buf.h"
#include "tools/tenmint-ca/changes.h"

struct generation {          /* what one is made from; owned */
    struct ca_config config; /* as the command line has it */
    struct ca_config file;   /* as its file alone has it */
    struct tm_buf text;      /* of that file */
    struct tm_buf issuers;   /* the list as text; empty: the configuration's file */
};

struct generations_options { /* borrowed */
    /* Fills `g` from files and command line. -1 with `e` set: then there is nothing to free. */
    int (*read)(void *arg, struct generation *g, struct tm_err *e);
    void *arg;
    const char *config_file;           /* NULL: there is none, and nothing is read again */
    struct changes_unused_list unused; /* keys of it that the command line has, too; room for
                                          CHANGES_UNUSED_MAX */
};

void generation_free(struct generation *g);

/* Serves until SIGTERM or SIGINT, begun with `first`, which it takes. The exit code; what was wrong
 * is said on standard error. No thread may run. */
int generations_run(const struct generations_options *o, struct generation *first);
