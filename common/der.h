/*
 * A DER writer for structures whose content we know (open, append, close), and a strict reader
 * for walking into a certificate without decoding all of it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"

enum tm_der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_UTF8_STRING = 0x0c,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_CONTEXT = 0x80,             /* | number: primitive, implicit */
    DER_CONTEXT_CONSTRUCTED = 0xa0, /* | number */
};

/* Starts an element; the result goes to tm_der_close, which sets the length. Nests. */
size_t tm_der_open(struct tm_buf *b, unsigned char tag);
void tm_der_close(struct tm_buf *b, size_t mark);

/* A whole primitive element. */
void tm_der_put(struct tm_buf *b, unsigned char tag, const void *data, size_t len);

/* INTEGER from an unsigned big-endian number: leading zeros go, a sign byte comes if needed. */
void tm_der_put_unsigned(struct tm_buf *b, const unsigned char *be, size_t len);

/* UTCTime to 2049, GeneralizedTime after (RFC 5280 §4.1.2.5). Unix seconds. */
void tm_der_put_time(struct tm_buf *b, int64_t seconds);

struct tm_der_element { /* pointers go into the input */
    unsigned char tag;
    const unsigned char *whole; /* tag, length and value */
    size_t whole_len;
    const unsigned char *value;
    size_t len;
};

/* Takes the element at *p, of *left bytes, and moves past it. -1: truncated, of indefinite or
 * not minimal length, or with a tag number above 30. */
int tm_der_take(const unsigned char **p, size_t *left, struct tm_der_element *out);

/* The same; false also when it has another tag. */
bool tm_der_take_tag(const unsigned char **p, size_t *left, unsigned char tag,
                     struct tm_der_element *out);
