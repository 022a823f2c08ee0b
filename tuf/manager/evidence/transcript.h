/*
 * The transcript: what was proposed, signed, published and refreshed, one JSON object a line, each
 * with the hash of the line before it. Whoever keeps one line's hash can tell later that nothing
 * before it was changed. A "signed" line holds the holder's own signed statement and key.
 */
#pragma once

#include "tuf/manager/event/event.h"
#include "tuf/manager/evidence/line.h"

#define TRANSCRIPT_BYTES_MAX ((size_t)512 << 20)

/* Lines to come: their hashes are known before anything is written, so that what is signed can
 * name them. */
struct tuf_transcript_tail {
    size_t size;   /* bytes of the whole lines that are there */
    int64_t n;     /* lines, those to come included */
    char hash[65]; /* of the last one, hex; 64 zeros: there is none */
    struct tm_buf to_come;
};

/* The workspace lock is held from here to tuf_transcript_write(). */
int tuf_transcript_tail(const char *path, struct tuf_transcript_tail *t, struct tm_err *e);
/* Sets number, time, `prev` and `hash` of the line, and chains it. */
int tuf_transcript_chain(struct tuf_transcript_tail *t, struct tuf_line *line, int64_t now,
                         struct tm_err *e);
/* Writes what was chained, and syncs. The rest of a line that a killed run left is cut off. */
int tuf_transcript_write(const char *path, const struct tuf_transcript_tail *t, struct tm_err *e);
void tuf_transcript_tail_free(struct tuf_transcript_tail *t);

/* All of that for one line. The workspace lock is held. */
int tuf_transcript_append(const char *path, struct tuf_line *line, int64_t now, struct tm_err *e);

/* Appends that an event was proposed. */
int tuf_transcript_propose(const char *path, const struct tuf_event *ev, const char *digest,
                           int64_t now, struct tm_err *e);

/* The last whole line, or the last about a publication; without `what` when there is none. */
int tuf_transcript_last(const char *path, struct tuf_line *last, struct tm_err *e);
int tuf_transcript_last_published(const char *path, struct tuf_line *last, struct tm_err *e);

/* The hash of line `n`, as the line says it; "" when there is none. */
int tuf_transcript_hash_of(const char *path, int64_t n, char hash[65], struct tm_err *e);

typedef int (*tuf_line_fn)(void *arg, const struct tuf_line *line, struct tm_err *e);

/* Reads all lines, checks numbers and hashes, and every statement by its key. `each` may be NULL.
 * The number of lines, or -1. A missing file has none. */
int64_t tuf_transcript_verify(const char *path, tuf_line_fn each, void *arg, struct tm_err *e);
