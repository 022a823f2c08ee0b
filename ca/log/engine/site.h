/*
 * Which log this is and where it lives: set when it is opened, and then only read, by any thread.
 */
#pragma once

#include "ca/log/engine/log.h"
#include "ca/log/engine/redate.h"
#include "common/checked_clock.h"

struct ca_log_site {
    struct ca_log_options o;
    const struct ca_log_format *format;
    char *directory, *origin, *anchor; /* owned; `o` may outlive what it was filled with */
    unsigned char id[32];
    struct tm_note_key note_key;
    int lock_fd; /* -1: not locked */
    struct ca_log_excuse excuse;
    struct tm_checked_clock *clock; /* owned */
};

/* Checks the options. On -1 there is nothing to free. */
int ca_log_site_init(struct ca_log_site *s, const struct ca_log_options *o, struct tm_err *e);
void ca_log_site_free(struct ca_log_site *s); /* gives the lock back */

/* One writer: -1 while another process has the log open. */
int ca_log_site_lock(struct ca_log_site *s, struct tm_err *e);

/* 0: no log is there, and its directories are made. */
int ca_log_site_prepare(const struct ca_log_site *s, struct tm_err *e);
/* Makes a log of what was prepared. */
int ca_log_site_write_identity(const struct ca_log_site *s, struct tm_err *e);
/* 0: the directory is this log's, and the anchor is not in it. */
int ca_log_site_check(struct ca_log_site *s, struct tm_err *e);

/* What the log is dated by. -1: the clock is in doubt. */
int ca_log_now(const struct ca_log_site *s, int64_t *ms, struct tm_err *e);
/* A time that the log was dated by lies so far in the future that it cannot go on from there. */
bool ca_log_is_ahead(uint64_t time_ms, int64_t now_ms);
void ca_log_say(const struct ca_log_site *s, enum tm_jlog_level level, const char *message,
                const struct tm_err *e);
