/*
 * Targets that no client would find.
 */
#pragma once

#include "tuf/manager/event/event.h"

struct tuf_unreached { /* targets of a delegated role where no client looks for them */
    size_t count;
    char first[256]; /* cut when longer */
};
int tuf_event_unreached(const struct tuf_event *ev, const struct tuf_event_role *role,
                        struct tuf_unreached *out, struct tm_err *e);
