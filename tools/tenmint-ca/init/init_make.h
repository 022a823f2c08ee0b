/*
 * What `init` makes, by a plan that its options were checked into: keys, certificates, logs, the
 * configuration, and the record of what was asked for.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "common/err.h"
#include "common/key/key.h"
#include "tools/tenmint-ca/init/init_all.h"
#include "tools/tenmint-ca/init/init_asked.h"
#include "tools/tenmint-ca/init/init_keys.h"
#include "tools/tenmint-ca/owner.h"

#define INIT_ORIGIN_TEXT 512

struct init_plan {
    const char *place, *dir; /* where it is to be, and where it is made */
    const char *organization, *key_type;
    const char *log_origin;              /* NULL: no embedded log */
    char made_up[64];                    /* a name for it that no other has, or "" */
    char audit_origin[INIT_ORIGIN_TEXT]; /* of the log of audit heads */
    struct tm_key_source device;         /* of the CA key; pkcs11_module NULL: the key is a file */
    struct tm_key_source root_device;    /* of the root's, likewise */
    bool request;                        /* no root of ours: a request for the CA's certificate */
    struct tm_key_source log_device;     /* of the log's, likewise */
    struct tm_key_source audit_device;   /* of the log of audit heads, likewise */
    struct owner owner;                  /* of what the server alone may read, or writes */
    struct init_all all;                 /* --all */
    char anchor[PATH_MAX];               /* a folder on other storage, from the root; or "" */
    bool if_missing;                     /* what is there already is checked and left as it is */
    const char *named_origin;            /* NULL: log_origin is made up */
    const struct init_keys *keys;        /* the options that say where they are */
};

/* All of it in the plan's folder, which is there or is made. What a failure leaves is the caller's.
 */
int init_make(const struct init_plan *p, struct tm_err *e);

/* What the options say; `made`: also what is made where they say nothing. Free it also after -1. */
int init_make_asked(const struct init_plan *p, bool made, struct init_asked *out, struct tm_err *e);
