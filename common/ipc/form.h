/*
 * What processes of one service say to each other: messages of fixed forms. A form is a C struct
 * and a table that says which members travel, of which kind and how long they may be; the two
 * functions here write and read any of them. What is read is another process's word: every length
 * is held against the form and against what is there, and nothing may be left over.
 *
 *   struct question { uint64_t id; const char *name; struct tm_ipc_bytes body; int file; };
 *   static const struct tm_ipc_field question_fields[] = {
 *       TM_IPC_FIELD(struct question, id, IPC_U64, 0),
 *       TM_IPC_FIELD(struct question, name, IPC_TEXT, 255), ... };
 */
#pragma once

#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

enum tm_ipc_kind {
    IPC_U64,   /* uint64_t or int64_t, the machine's own order: both ends are one program */
    IPC_BYTES, /* struct tm_ipc_bytes */
    IPC_TEXT,  /* const char *: NULL, or ends at its first NUL */
    IPC_FD,    /* int: an open descriptor, or -1; at most one field of a form */
};

struct tm_ipc_bytes { /* borrowed; after reading it points into the message */
    const unsigned char *data;
    size_t len;
};

struct tm_ipc_field {
    enum tm_ipc_kind kind;
    size_t at;  /* offset of the member */
    size_t max; /* BYTES, TEXT: bytes, a text's NUL not counted */
};
#define TM_IPC_FIELD(type, member, kind, max) \
    { \
        (kind), offsetof(type, member), (max) \
    }

struct tm_ipc_form {
    const char *name; /* in errors */
    size_t size;      /* of the struct */
    const struct tm_ipc_field *field;
    size_t count;
};
#define TM_IPC_FORM(type, fields) \
    { \
#type, sizeof(type), (fields), sizeof(fields) / sizeof((fields)[0]) \
    }

/* Appends the message. -1: a member is longer than its field allows, or memory is out: nothing
 * was appended that counts (the buffer is as before). */
int tm_ipc_form_put(const struct tm_ipc_form *f, const void *msg, struct tm_buf *out,
                    struct tm_err *e);

/* Reads a whole message of exactly `len` bytes into the struct at `msg`, whose texts and bytes
 * point into `data`. `fd`: what came with it, -1: nothing; the struct gets it. -1: not of this
 * form, and the descriptor stays the caller's. */
int tm_ipc_form_take(const struct tm_ipc_form *f, const unsigned char *data, size_t len, int fd,
                     void *msg, struct tm_err *e);

/* The descriptor that the message holds, or -1. */
int tm_ipc_form_fd(const struct tm_ipc_form *f, const void *msg);
