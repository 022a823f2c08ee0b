/*
 * Signatures that were found good. The client meets the same one again as another role's reader
 * (old and new root, a role reached by two ways, a report): the texts say whether it is the same.
 */
#include <stdlib.h>
#include <string.h>

#include "tuf/metadata/internal.h"

struct good {
    struct good *next;
    unsigned char fingerprint[32];
    size_t len;
    unsigned char text[];
};

struct tuf_good_signatures {
    struct good *first;
};

struct tuf_good_signatures *tuf_good_signatures_new(void)
{
    return calloc(1, sizeof(struct tuf_good_signatures));
}

void tuf_good_signatures_free(struct tuf_good_signatures *all)
{
    for (struct good *g = all != NULL ? all->first : NULL; g != NULL;) {
        struct good *next = g->next;
        free(g);
        g = next;
    }
    free(all);
}

const unsigned char *tuf_good_signatures_find(const struct tuf_good_signatures *all,
                                              const struct tm_buf *text)
{
    for (const struct good *g = all->first; g != NULL; g = g->next) {
        if (g->len == text->len && memcmp(g->text, text->data, g->len) == 0)
            return g->fingerprint;
    }
    return NULL;
}

void tuf_good_signatures_add(struct tuf_good_signatures *all, const struct tm_buf *text,
                             const unsigned char fingerprint[32])
{
    struct good *g = buf_failed(text) ? NULL : malloc(sizeof(*g) + text->len);
    if (g == NULL)
        return;
    g->len = text->len;
    memcpy(g->text, text->data, text->len);
    memcpy(g->fingerprint, fingerprint, sizeof(g->fingerprint));
    g->next = all->first;
    all->first = g;
}
