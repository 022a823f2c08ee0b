#include "ca/pages/search.h"

#include <stdlib.h>

#define CANDIDATES (CA_QUESTION_TERMS * CA_SEARCH_ROWS)

static int newest_first(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;
    return *x < *y ? 1 : *x > *y ? -1 : 0;
}

/* The places that any of the terms names, each once, the newest first; *full: a term has more. */
static int gather(const struct ca_search *s, uint64_t at[CANDIDATES], size_t *count, bool *full,
                  struct tm_err *e)
{
    size_t n = 0;
    *full = false;
    for (size_t i = 0; i < s->question->terms; i++) {
        size_t found = 0;
        if (ca_book_find(s->book, s->log, &s->question->term[i], s->before, at + n, CA_SEARCH_ROWS,
                         &found, e) != 0)
            return -1;
        *full |= found == CA_SEARCH_ROWS;
        n += found;
    }
    qsort(at, n, sizeof(*at), newest_first);
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        if (*count == 0 || at[i] != at[*count - 1])
            at[(*count)++] = at[i];
    }
    return 0;
}

int ca_search_run(const struct ca_search *s, struct ca_search_found *out, struct tm_err *e)
{
    uint64_t at[CANDIDATES];
    size_t count = 0;
    bool full = false;
    *out = (struct ca_search_found){0};
    if (gather(s, at, &count, &full, e) != 0)
        return -1;
    out->more = full || count > CA_SEARCH_ROWS;
    for (size_t i = 0; i < count && i < CA_SEARCH_ROWS; i++) {
        struct ca_shelf_entry *n = &out->entry[out->count];
        int rc = ca_shelf_entry(s->shelf, at[i], n, e);
        out->next = at[i];
        if (rc > 0 && ca_question_fits(s->question, n->entry))
            out->count++;
        else
            ca_shelf_entry_free(n);
        if (rc < 0)
            return -1;
    }
    return 0;
}

void ca_search_free(struct ca_search_found *f)
{
    for (size_t i = 0; i < f->count; i++)
        ca_shelf_entry_free(&f->entry[i]);
    f->count = 0;
}
