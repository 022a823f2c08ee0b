/*
 * One line of the transcript: what was proposed, signed, published or refreshed.
 */
#pragma once

#include "tuf/metadata/metadata.h"
#include "tuf/manager/event/statement.h"

struct tuf_line { /* what it points to is its own; NULL and 0: not said */
    int64_t n;    /* from 1 */
    char *time;   /* when it was written, as it is written */
    char *prev;   /* `hash` of the line before it */
    char *hash;   /* SHA-256 of the rest of the line, hex */
    char *what;   /* "proposed", "signed", "published", "refreshed", "taken-over" */
    char *event, *reason, *digest;
    int64_t version[TUF_ROLE_COUNT]; /* published from then on */
    char *root_sha256, *snapshot_sha256;
    /* of a signed one */
    char *holder, *fingerprint;
    bool has_key;
    struct tuf_public_key key;
    struct tuf_statement statement;
    bool states; /* there is a statement */
};

/* Reads one line, and the hash that it should have. -1: free it all the same. */
int tuf_line_parse(const char *text, size_t len, struct tuf_line *out, char computed[65],
                   struct tm_err *e);
/* Sets `hash`, and appends the text with a line feed. */
int tuf_line_write(struct tuf_line *line, struct tm_buf *out, struct tm_err *e);
void tuf_line_free(struct tuf_line *line);

/* Sets a text of a line to a copy. */
int tuf_line_set(char **place, const char *text, struct tm_err *e);

bool tuf_line_is(const struct tuf_line *line, const char *what);
/* "published" or "refreshed". */
bool tuf_line_is_publication(const struct tuf_line *line);
