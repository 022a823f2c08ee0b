/*
 * Time as a value that is passed in, so that tests can set it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

int64_t tm_clock_wall_ms(void); /* milliseconds since 1970-01-01T00:00:00Z */
int64_t tm_clock_mono_ms(void); /* milliseconds of a clock that never steps */
int64_t tm_clock_mono_us(void);

/* "2026-11-24T12:00:00Z"; `out` holds 21 bytes. Seconds since the epoch. */
void tm_clock_format(int64_t seconds, char out[21]);

/* Parses exactly "YYYY-MM-DDTHH:MM:SSZ". Returns 0 or -1. */
int tm_clock_parse(const char *text, int64_t *seconds);

/* RFC 3339 as protobuf prints it ("2026-01-02T03:04:05.678Z") or with an offset. `round_up`:
 * to the next millisecond, not the last. 0 or -1. */
int tm_clock_parse_rfc3339(const char *text, bool round_up, int64_t *ms);
