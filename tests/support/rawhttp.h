/*
 * A client of one socket, for tests that need to misbehave: bytes out, one reply in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

/* Connects to "127.0.0.1:PORT"; reads time out after 10 s. Aborts the test program on failure. */
int raw_dial(const char *address);

/* 0, or -1 when the peer has closed. */
int raw_put(int fd, const void *data, size_t len);
int raw_puts(int fd, const char *text);

/* Reads one reply with its body by Content-Length or in chunks (none if `head_only`) into `out`,
 * replacing it. The status, or 0 when the peer closed. */
int raw_reply(int fd, bool head_only, struct tm_buf *out);

/* The peer closes at once; false: it sent something, or did nothing for so long. */
#define RAW_CLOSED_MS 3000
bool raw_closed(int fd);

/* One request on a connection of its own. */
int raw_ask(const char *address, const char *request, struct tm_buf *out);

/* A JSON POST on a connection of its own. `headers`: further "Name: value\r\n" lines, or "". */
int raw_post(const char *address, const char *path, const char *headers, const char *body,
             struct tm_buf *out);

/* Where the body of a reply begins. */
const char *raw_body(struct tm_buf *reply);
