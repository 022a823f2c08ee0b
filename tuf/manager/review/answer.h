/*
 * Which role answers when a client asks for a target: before and after an event. A delegation that
 * could newly answer for what clients act on gives its keys a say over whom all clients trust.
 */
#pragma once

#include "tuf/manager/event/event.h"

/* The entry that a client finds for `name` in what is published, by the event's word, to be freed
 * by tuf_free_entry(). False: none is known. */
bool tuf_answer_before(const struct tuf_event *ev, const char *name, struct tuf_entry *out);

/* One sentence for each way in which the event changes who answers: `tell` says of what. */
typedef void (*tuf_answer_tell)(void *arg, const char *text);

/* For one name that clients act on. */
void tuf_answer_judge(const struct tuf_event *ev, const char *name, tuf_answer_tell tell,
                      void *arg);

/* What a delegated role lists already, as published, of a name that targets newly says clients act
 * on: no review has explained it. */
struct tuf_standing {
    char role[TUF_ROLE_NAME_MAX + 1];
    struct tuf_entry entry; /* to be freed by tuf_free_entry() */
};
/* False: no delegated role answers for `name` with what stands, as far as the event holds it. */
bool tuf_answer_standing(const struct tuf_event *ev, const char *name, struct tuf_standing *out);

/* The names that the proposed targets adds to the list of what clients act on. */
int tuf_answer_newly(const struct tuf_event *ev,
                     int (*each)(void *arg, const char *name, struct tm_err *e), void *arg,
                     struct tm_err *e);

/* A danger for each of them that a role of other keys than those of targets lists, or whose list
 * the event does not hold. */
void tuf_answer_standings(const struct tuf_event *ev, tuf_answer_tell tell, void *arg);

/* For all others: a delegation that comes to stand before one whose targets it may shadow. */
void tuf_answer_shadows(const struct tuf_event *ev, tuf_answer_tell tell, void *arg);

/* Whether some path fits both patterns; true as well when that is not sure. */
bool tuf_answer_globs_meet(const char *a, const char *b);
