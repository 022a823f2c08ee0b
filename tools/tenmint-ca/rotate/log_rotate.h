/*
 * log rotate in three parts: what there is and what the next log is called, the configuration's
 * text with the next log in it, and the command.
 */
#pragma once

#include <limits.h>

#include "ca/config/config.h"
#include "common/key/uri.h"
#include "tools/tenmint-ca/rotate/log_create.h"

#define LOG_ROTATE_API "/api/v2" /* what clients of Rekor v2 append to a log's address */
#define LOG_ROTATE_TEXT 512

/* What differs between the two kinds of logs. */
struct log_rotate_kind {
    const char *what;
    const char *section[3], *retired[3];
    const char *may[4];                     /* change with it: struct config_edit */
    const char *add, *add_options, *retire; /* tenmint-tuf trust … */
};

struct log_now { /* as configured; borrowed */
    const char *directory, *origin, *prefix, *anchor;
    const struct ca_config_key *key;
    const struct tm_yamlmap_entries *retired;
    size_t witnesses;
};

struct log_rotation {
    const char *name; /* of the next: a period, such as 2027 */
    const char *wanted_origin, *public_key, *label, *uri, *user;
    bool signatures, activate, json;
    char *file; /* the configuration; owned */
    struct ca_config config;
    const struct log_rotate_kind *kind;
    struct log_now now;
    char dir[PATH_MAX], origin[LOG_ROTATE_TEXT], prefix[LOG_ROTATE_TEXT], old_public[PATH_MAX];
    char url[LOG_ROTATE_TEXT], old_url[LOG_ROTATE_TEXT]; /* where clients find them */
    char new_label[LOG_ROTATE_TEXT];
    char kept[KEY_URI_MAX + 1]; /* what the first run was told of its key */
    struct log_create next;
};

/* Loads the configuration that rotates. -1: nothing is held. */
int log_rotate_look(struct log_rotation *r, const char *file, struct tm_err *e);

/* The next log's key, names and addresses, from the present one's. */
int log_rotate_plan(struct log_rotation *r, struct tm_err *e);

/* r->kind and r->now, of r->config. */
void log_rotate_take_now(struct log_rotation *r);

/* "log" and "log-2026" are followed by "log-2027". */
int log_rotate_follow(const char *text, char separator, const char *name, char *out, size_t size,
                      struct tm_err *e);

/* The page that shows the present log; NULL: none does. */
const struct ca_config_pages_log *log_rotate_shown(const struct log_rotation *r);

/* Puts the next log into the configuration's file, and the present one under 'retired': all of it,
 * or -1 and the file as it was. */
int log_rotate_activate(struct log_rotation *r, struct tm_err *e);
