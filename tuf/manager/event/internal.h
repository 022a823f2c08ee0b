/* Shared by the files of this folder. */
#pragma once

#include "tuf/metadata/delegation.h"
#include "tuf/manager/event/event.h"

#define EVENT_COPIES_MAX 16 /* contents of one path on one side */

/* ---- event.c ---- */

/* Puts metadata (taken over, also on failure) where there is none yet. */
int tuf_event_put(struct tuf_event *ev, const char *role, bool proposed, struct tuf_metadata *m,
                  struct tm_err *e);
/* The next root of the chain (taken over, also on failure); after the last, it is root's base. */
int tuf_event_put_root(struct tuf_event *ev, struct tuf_metadata *m, struct tm_err *e);
int tuf_event_end_roots(struct tuf_event *ev, struct tm_err *e);

/* ---- digest.c ---- */

/* Version and hash of everything published, or proposed. -1: free it all the same. */
int tuf_event_reviewed(const struct tuf_event *ev, bool proposed, struct tuf_reviewed_list *out,
                       struct tm_err *e);

/* ---- content.c ---- */

int tuf_event_side_add(struct tuf_event_side *side, const void *data, size_t len, struct tm_err *e);
void tuf_event_side_free(struct tuf_event_side *side);
void tuf_event_files_sort(struct tuf_event_files *f);
void tuf_event_files_free(struct tuf_event_files *f);

/* ---- statement.c ---- */

/* int64_t, Unix seconds */
extern const struct tm_jsonmap_type tuf_event_time_type;

/* ---- check.c ---- */

/* ---- sign.c ---- */

/* Puts a statement (taken over, also on failure) in place of the same key's. */
int tuf_event_put_statement(struct tuf_event *ev, struct tuf_statement *s, struct tm_err *e);

/* ---- file.c ---- */

int tuf_event_read_file(const char *path, const struct tuf_progress *progress,
                        struct tuf_event *out, struct tm_err *e);
/* `bare`: only the proposal. */
int tuf_event_write_file(const char *path, const struct tuf_event *ev, bool bare, struct tm_err *e);

/* ---- folder.c ---- */

/* Adds what a file signatures/`name` holds to the proposal. */
int tuf_event_folder_add(struct tuf_event *ev, const char *name, const char *text, size_t len,
                         struct tm_err *e);
/* Calls back with the name and the text of each signer's file. -1 ends it. */
typedef int (*tuf_signer_fn)(void *arg, const char *name, const struct tm_buf *text,
                             struct tm_err *e);
int tuf_event_folder_signers(const struct tuf_event *ev, tuf_signer_fn each, void *arg,
                             struct tm_err *e);
