#include "ca/audit/queue.h"

#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

/* All texts lie behind the struct, in one piece. */
struct ca_audit_queued *ca_audit_queued_new(const struct ca_audit_event *ev)
{
    size_t bytes = sizeof(struct ca_audit_queued);
    for (size_t i = 0; i < AUDIT_FIELD_COUNT; i++)
        bytes += strlen(ca_audit_text(ev, i)) + 1;
    struct ca_audit_queued *q = malloc(bytes);
    if (q == NULL)
        return NULL;
    *q = (struct ca_audit_queued){.bytes = bytes, .event = {.kind = ev->kind}};
    char *at = (char *)(q + 1);
    for (size_t i = 0; i < AUDIT_FIELD_COUNT; i++) {
        size_t len = strlen(ca_audit_text(ev, i)) + 1;
        memcpy(at, ca_audit_text(ev, i), len);
        tm_utf8_clean(at);
        ca_audit_set_text(&q->event, i, at);
        at += len;
    }
    return q;
}

void ca_audit_queued_free(struct ca_audit_queued *all)
{
    while (all != NULL) {
        struct ca_audit_queued *next = all->next;
        free(all->spooled);
        free(all);
        all = next;
    }
}

struct ca_audit_record ca_audit_queued_record(const struct ca_audit_queued *q)
{
    return (struct ca_audit_record){.time_ms = q->time_ms,
                                    .process = q->process,
                                    .kind = ca_audit_kinds[q->event.kind].name,
                                    .event = q->event};
}

void ca_audit_queue_init(struct ca_audit_queue *q)
{
    *q = (struct ca_audit_queue){.last = &q->first};
}

void ca_audit_queue_put(struct ca_audit_queue *q, struct ca_audit_queued *one)
{
    *q->last = one;
    q->last = &one->next;
    q->count++;
    q->bytes += one->bytes;
}

struct ca_audit_queued *ca_audit_queue_take(struct ca_audit_queue *q, size_t max)
{
    struct ca_audit_queued *taken = NULL;
    struct ca_audit_queued **end = &taken;
    for (; q->first != NULL && max > 0; max--) {
        struct ca_audit_queued *one = q->first;
        q->first = one->next;
        q->count--;
        q->bytes -= one->bytes;
        *end = one;
        end = &one->next;
    }
    *end = NULL;
    if (q->first == NULL)
        q->last = &q->first;
    return taken;
}
