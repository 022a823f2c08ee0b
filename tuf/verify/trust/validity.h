/*
 * A validity window: sigstore_common.proto TimeRange. Both ends are inclusive, either may be
 * absent (open). Milliseconds since 1970-01-01T00:00:00Z.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct tuf_validity {
    bool has_start;
    bool has_end;
    int64_t start_ms;
    int64_t end_ms;
};

enum tuf_validity_at { VALIDITY_BEFORE = -1, VALIDITY_INSIDE = 0, VALIDITY_AFTER = 1 };

/* Where the instant lies; the ends are inside. */
enum tuf_validity_at tuf_validity_at(const struct tuf_validity *v, int64_t ms);

/* The two windows share an instant. */
bool tuf_validity_overlap(const struct tuf_validity *a, const struct tuf_validity *b);

#define VALIDITY_TEXT_MAX 80

/* "from 2026-01-02T03:04:05Z to 2027-…", "from …", "until …", "always": for messages. */
const char *tuf_validity_text(const struct tuf_validity *v, char out[VALIDITY_TEXT_MAX]);
