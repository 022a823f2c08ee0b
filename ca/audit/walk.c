#include "ca/audit/walk.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/grow.h"
#include "common/utf8.h"

int ca_audit_head_list_add(struct ca_audit_head_list *l, const struct ca_audit_head *head,
                           struct tm_err *e)
{
    struct ca_audit_head *place = tm_grow(&l->item, &l->count, sizeof(*place), e);
    if (place == NULL)
        return -1;
    *place = *head;
    return 0;
}

static int by_node_and_number(const void *a, const void *b)
{
    const struct ca_audit_head *x = a;
    const struct ca_audit_head *y = b;
    int order = strcmp(x->node, y->node);
    return order != 0 ? order : (x->seq > y->seq) - (x->seq < y->seq);
}

void ca_audit_head_list_sort(struct ca_audit_head_list *l)
{
    if (l->count > 0)
        qsort(l->item, l->count, sizeof(*l->item), by_node_and_number);
}

void ca_audit_head_list_free(struct ca_audit_head_list *l)
{
    free(l->item);
    *l = (struct ca_audit_head_list){0};
}

void ca_audit_walk_fault(struct ca_audit_walk *w, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    tm_utf8_clean(text); /* it may quote a record */
    w->faults++;
    if (w->say != NULL)
        w->say(w->arg, text);
}

static bool is_next(const struct ca_audit_walk *w)
{
    return w->heads != NULL && w->at < w->heads->count &&
           strcmp(w->heads->item[w->at].node, w->node) == 0;
}

/* What the heads say of the record that the walk has come to. */
static void compare_heads(struct ca_audit_walk *w)
{
    for (; is_next(w) && w->heads->item[w->at].seq <= w->tip.seq; w->at++) {
        const struct ca_audit_head *h = &w->heads->item[w->at];
        char time[21];
        if (h->seq < w->tip.seq)
            continue; /* of a record that is missing, which is said, or was taken out */
        if (memcmp(&h->hash, &w->tip.hash, sizeof(h->hash)) == 0) {
            w->confirmed = w->faults == 0 ? h->seq : w->confirmed;
            continue;
        }
        tm_clock_format(h->time_ms / 1000, time);
        ca_audit_walk_fault(
            w,
            "record %" PRIu64
            " or one before it is not what the head of %s vouches for: the trail was written anew",
            h->seq, time);
    }
}

void ca_audit_walk_begin(struct ca_audit_walk *w, const char *node,
                         const struct ca_audit_tip *floor, const struct ca_audit_head_list *heads)
{
    w->node = node;
    w->floor = *floor;
    w->tip = *floor;
    w->heads = heads;
    while (heads != NULL && w->at < heads->count && strcmp(heads->item[w->at].node, node) != 0)
        w->at++;
    compare_heads(w);
}

int ca_audit_walk_record(struct ca_audit_walk *w, const struct ca_audit_record *r,
                         const struct ca_audit_hash *stated, struct tm_err *e)
{
    struct tm_buf line = {0};
    struct ca_audit_hash hash;
    ca_audit_canonical(r, &line);
    if (buf_failed(&line))
        return tm_err_set(e, "out of memory");
    ca_audit_chain(&w->tip.hash, line.data, line.len, &hash);
    tm_buf_free(&line);
    if (r->seq > w->tip.seq + 2)
        ca_audit_walk_fault(w, "records %" PRIu64 " to %" PRIu64 " are missing", w->tip.seq + 1,
                            r->seq - 1);
    else if (r->seq == w->tip.seq + 2)
        ca_audit_walk_fault(w, "record %" PRIu64 " is missing", r->seq - 1);
    else if (r->seq <= w->tip.seq)
        ca_audit_walk_fault(w, "record %" PRIu64 " stands behind record %" PRIu64, r->seq,
                            w->tip.seq);
    else if (strcmp(r->node, w->node) != 0)
        ca_audit_walk_fault(w, "record %" PRIu64 " is of the node '%.100s'", r->seq, r->node);
    else if (stated != NULL && memcmp(stated, &hash, sizeof(hash)) != 0)
        ca_audit_walk_fault(
            w, "record %" PRIu64 " was altered: its hash is not that of what it says", r->seq);
    /* Goes on from what is stated: a second alteration is another fault. */
    w->tip.seq = r->seq;
    w->tip.hash = stated != NULL ? *stated : hash;
    w->records++;
    compare_heads(w);
    return w->seen != NULL ? w->seen(w->arg, r, e) : 0;
}

void ca_audit_walk_end(struct ca_audit_walk *w)
{
    const struct ca_audit_head *last = NULL;
    for (; is_next(w); w->at++)
        last = &w->heads->item[w->at];
    if (last != NULL)
        ca_audit_walk_fault(w,
                            "the trail ends at record %" PRIu64
                            ", but a head vouches for record %" PRIu64 ": %" PRIu64 " were cut off",
                            w->tip.seq, last->seq, last->seq - w->tip.seq);
}
