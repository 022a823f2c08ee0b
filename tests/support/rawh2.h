/*
 * A client of HTTP/2 on one socket, by nghttp2: requests at once, each with its reply; and frames
 * byte by byte, for tests that need to misbehave.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

#define RAWH2_REPLIES 256

struct rawh2_reply {
    int32_t id; /* of the stream; 0: not used */
    unsigned status;
    struct tm_buf head, body, trailers; /* of the first and last: "name: value\n" … */
    bool closed;
    uint32_t error; /* of the stream's end */
    const char *send;
    size_t send_len, sent;
};

struct rawh2 {
    int fd;
    struct nghttp2_session *session;
    struct rawh2_reply reply[RAWH2_REPLIES];
    size_t count;
    bool over;       /* the server has closed the connection */
    bool goaway;     /* it has said that it will, */
    int32_t last_id; /* which streams it serves, */
    uint32_t why;    /* and why */
};

/* Plain text, with prior knowledge. Aborts the test program on failure. */
void rawh2_open(struct rawh2 *h, const char *address);
void rawh2_close(struct rawh2 *h);
/* Makes room for further requests: none is under way. */
void rawh2_forget(struct rawh2 *h);

/* Sends a request; `headers` are further "name: value\n" lines, or "". `body` NULL: none; it is
 * borrowed until the reply is there. */
struct rawh2_reply *rawh2_ask(struct rawh2 *h, const char *method, const char *path,
                              const char *headers, const void *body, size_t len);
/* Until the reply's end, or that of the connection, at most 20 s. False: the connection ended. */
bool rawh2_wait(struct rawh2 *h, struct rawh2_reply *r);
/* Sends what there is, waits at most so long, reads once. */
void rawh2_turn(struct rawh2 *h, int ms);
/* Reads and answers what comes for so long, or until the connection's end. */
void rawh2_run(struct rawh2 *h, int ms);

/* One frame as it is; -1: the server has closed. After it the session knows nothing of its own. */
int rawh2_frame(int fd, uint8_t type, uint8_t flags, uint32_t stream, const void *data, size_t len);
/* The preface and empty settings on a socket. */
int rawh2_preface(int fd);
/* A block of header fields that asks for `path`, by literals alone. */
void rawh2_block(const char *method, const char *path, struct tm_buf *out);
