/*
 * Whether a node's records are what was written: their chain walked from its beginning to its end,
 * and held against the heads that a log of heads has. Pure: the records come from a database or
 * from an export.
 */
#pragma once

#include "ca/audit/heads.h"
#include "ca/audit/store.h"

struct ca_audit_head_list {     /* of all nodes, as their log has them */
    struct ca_audit_head *item; /* owned */
    size_t count;
};
int ca_audit_head_list_add(struct ca_audit_head_list *l, const struct ca_audit_head *head,
                           struct tm_err *e);
void ca_audit_head_list_sort(struct ca_audit_head_list *l); /* by node and number: before a walk */
void ca_audit_head_list_free(struct ca_audit_head_list *l);

struct ca_audit_walk {
    const struct ca_audit_head_list *heads; /* sorted; or NULL */
    size_t at;                              /* the next of them */
    const char *node;
    struct ca_audit_tip floor, tip;
    uint64_t records;
    uint64_t confirmed; /* the last record that a head vouches for; 0: none */
    uint64_t faults;
    void (*say)(void *arg, const char *fault); /* each of them; or NULL */
    int (*seen)(void *arg, const struct ca_audit_record *r,
                struct tm_err *e); /* each record; or NULL */
    void *arg;
};

/* `floor`: where the records begin. The walk is the caller's, zeros but for say, seen and arg. */
void ca_audit_walk_begin(struct ca_audit_walk *w, const char *node,
                         const struct ca_audit_tip *floor, const struct ca_audit_head_list *heads);
/* The next record. `stated`: the hash that stands beside it; NULL: none does. -1: out of memory, or
 * `seen` says so. */
int ca_audit_walk_record(struct ca_audit_walk *w, const struct ca_audit_record *r,
                         const struct ca_audit_hash *stated, struct tm_err *e);
/* Another fault of the same records. */
void ca_audit_walk_fault(struct ca_audit_walk *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* After the last: heads that vouch for more than there is are faults. */
void ca_audit_walk_end(struct ca_audit_walk *w);
