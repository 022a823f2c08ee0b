/*
 * The embedded log in a process of its own. The issuer's process has a struct ca_ct_far in place of
 * a log; the log's process has a struct ca_ct_desk, which enters what it is sent and signs the SCT
 * that follows from the entry. No message of theirs carries bytes to be signed.
 */
#pragma once

#include "ca/ct/embedded.h"
#include "ca/log/ct/serve.h"
#include "common/ipc/loop.h"

/* ---- where certificates are issued ---- */

struct ca_ct_far;

/* Takes `fd`, whose other end is served by a ca_ct_desk, and waits until that says which log it
 * has: NULL with `e` set when it does not. One thread of its own. */
struct ca_ct_far *ca_ct_far_new(int fd, struct tm_err *e);
/* What is under way fails; nobody is called afterwards. NULL is fine. */
void ca_ct_far_free(struct ca_ct_far *f);

/* Lives as long as `f`. Its SCTs are taken to be right but for their log's id: whoever can make
 * this log's process lie has its key. */
const struct ca_issue_log *ca_ct_far_issue_log(const struct ca_ct_far *f);
const unsigned char *ca_ct_far_id(const struct ca_ct_far *f); /* 32 bytes */

/* From now on entries are sent by ca_ct_far_round only: for who calls that after several. */
void ca_ct_far_batch(struct ca_ct_far *f);
void ca_ct_far_round(void *far); /* a struct ca_ct_far. Any thread */

/* The root under which certificates are issued from now on, for who reads the log. */
void ca_ct_far_set_root(struct ca_ct_far *f, const unsigned char *der, size_t len);

/* ---- where the log is ---- */

struct ca_ct_desk;

/* Takes `fd`. `log` outlives it. Serves on a thread of its own once it was started. */
struct ca_ct_desk *ca_ct_desk_new(int fd, struct ca_ct_embedded *log, struct tm_err *e);
int ca_ct_desk_start(struct ca_ct_desk *d, struct tm_err *e);
/* What is being entered is waited for. Before `log` is closed; NULL is fine. */
void ca_ct_desk_free(struct ca_ct_desk *d);

/* For ca_log_serve_options.roots; `desk` is a struct ca_ct_desk. Any thread. */
void ca_ct_desk_roots(void *desk, log_root_fn add, void *arg);
