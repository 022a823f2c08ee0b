#include "tuf/manager/review/newnames.h"

#include <stdio.h>
#include <string.h>

#include "tuf/metadata/typesjson.h"
#include "tuf/manager/review/acted.h"
#include "tuf/manager/review/answer.h"

static void note(struct tuf_first *f, const char *name)
{
    if (f->count++ == 0)
        snprintf(f->name, sizeof(f->name), "%s", name);
}

/* Byte by byte: two names that look the same are to be told apart. */
static void note_bytes(struct tuf_first *f, const char *name)
{
    size_t at = 0;
    if (f->count++ > 0)
        return;
    for (const char *p = name; *p != '\0' && at + 4 < sizeof(f->name); p++)
        at += (size_t)snprintf(f->name + at, sizeof(f->name) - at,
                               *p > ' ' && *p <= '~' ? "%c" : "%%%02X", (unsigned char)*p);
}

/* A name that no role changed, but that is new to this one: what else it could be taken for. */
void tuf_new_names_note(struct tuf_new_names *n, const struct tuf_event *ev, const char *path,
                        const struct tuf_entry *is)
{
    struct tuf_entry found;
    const struct tuf_acted_names names = tuf_acted_names_of(ev);
    if (tuf_acted_on_resembles(&names, path))
        note_bytes(&n->resembling, path);
    if (tuf_answer_before(ev, path, &found) &&
        !(found.length == is->length && tuf_hashes_equal(&found.hashes, &is->hashes)))
        note(&n->moved, path);
    tuf_free_entry(&found);
}

void tuf_new_names_judge(const struct tuf_new_names *n, struct tuf_findings *f)
{
    if (n->resembling.count > 0)
        tuf_findings_danger(f,
                            "%.250s (%zu in all) is not a name that clients act on, but could be "
                            "taken for one",
                            n->resembling.name, n->resembling.count);
    if (n->moved.count > 0)
        tuf_findings_danger(f,
                            "%.250s (%zu in all) is listed by another role than before, with other "
                            "content",
                            n->moved.name, n->moved.count);
}
