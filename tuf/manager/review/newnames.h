/*
 * Names that are new to a role, and on which clients do not act: what else they could be taken for.
 */
#pragma once

#include "tuf/manager/event/event.h"
#include "tuf/manager/review/findings.h"

struct tuf_first { /* of several names that one sentence is about */
    size_t count;
    char name[256];
};

struct tuf_new_names { /* begins as zeros */
    struct tuf_first resembling, moved;
};

void tuf_new_names_note(struct tuf_new_names *n, const struct tuf_event *ev, const char *path,
                        const struct tuf_entry *is);
/* One danger for each kind. */
void tuf_new_names_judge(const struct tuf_new_names *n, struct tuf_findings *f);
