/*
 * The emergency stop: a file beside the issuer list says whose certificates are not issued for now,
 * and why. A command writes it and the server looks at it by itself, so it holds over restarts.
 * While it cannot be read nothing is issued.
 *
 *     {"stopped": [{"reason": "runner image taken over", "by": "root", "since": 1790000000},
 *                  {"issuer": "https://gitlab.example.com", "reason": "…", …}]}
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/jlog.h"

#define CA_FREEZE_REASON_MAX 500 /* bytes */
#define CA_FREEZE_ENTRIES_MAX 256
#define CA_FREEZE_LOOK_MS 200 /* a change is seen so late at most */

struct ca_freeze_entry { /* text is owned */
    char *issuer;        /* URL, or the pattern of a wildcard; NULL: all issuance */
    char *reason, *by;
    int64_t since; /* Unix seconds */
};

struct ca_freeze_list {
    struct ca_freeze_entry *entry;
    size_t count;
};

/* A file that is not there stops nothing. -1 with `e` set; in either case to be freed. */
int ca_freeze_read(const char *path, struct ca_freeze_list *out, struct tm_err *e);
/* Replaces the file as a whole; without entries it goes away. */
int ca_freeze_write(const char *path, const struct ca_freeze_list *list, struct tm_err *e);
void ca_freeze_free_list(struct ca_freeze_list *list);

/* Appends {"stopped": […]} with a newline: what the file holds. */
int ca_freeze_put(const struct ca_freeze_list *list, struct tm_buf *out, struct tm_err *e);

/* Which entry names exactly this issuer (NULL: all issuance); list->count: none. */
size_t ca_freeze_at(const struct ca_freeze_list *list, const char *issuer);

struct ca_freeze; /* the file, as the server knows it; any thread */

/* `path` and `log` are borrowed. NULL with `e` set. */
struct ca_freeze *ca_freeze_new(const char *path, struct tm_jlog *log, struct tm_err *e);
void ca_freeze_free(struct ca_freeze *f); /* NULL is fine */

/* 0: it may be issued; -1: it is stopped, and `why` is the reason. `issuer`: of the token, `entry`:
 * what admits it in the issuer list; both NULL asks for all issuance. */
int ca_freeze_check(struct ca_freeze *f, const char *issuer, const char *entry, struct tm_err *why);

void ca_freeze_metrics(struct ca_freeze *f, struct tm_buf *out); /* Prometheus text */
