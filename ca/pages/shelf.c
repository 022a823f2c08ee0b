#include "ca/pages/shelf.h"

#include <stdlib.h>

#include "common/clock.h"

struct ca_shelf {
    const struct ca_shelf_options *options;
    struct ca_head_trust own_trust; /* of ca_shelf_open */
    const struct ca_head_trust *trust;
    struct ca_log_source *own_source; /* likewise, or NULL */
    struct ca_log_source *source;
    struct ca_head head;
    bool known;
};

struct ca_shelf *ca_shelf_of(const struct ca_shelf_options *o, struct ca_log_source *source,
                             const struct ca_head_trust *trust, struct tm_err *e)
{
    struct ca_shelf *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return tm_err_null(e, "out of memory");
    s->options = o;
    s->source = source;
    s->trust = trust;
    return s;
}

struct ca_shelf *ca_shelf_open(const struct ca_shelf_options *o, struct tm_err *e)
{
    struct ca_shelf *s = ca_shelf_of(o, NULL, NULL, e);
    if (s == NULL)
        return NULL;
    s->trust = &s->own_trust;
    if (ca_head_trust_log_key(&s->own_trust, o->public_key, e) == 0) {
        const struct ca_source_options so = {
            .store = {.location = o->location}, .api = SOURCE_TILES, .log_key = s->trust->log_key};
        s->source = s->own_source = ca_log_source_open(&so, e);
    }
    if (s->source != NULL)
        return s;
    tm_err_wrap(e, "log '%s'", o->name);
    ca_shelf_free(s);
    return NULL;
}

void ca_shelf_free(struct ca_shelf *s)
{
    if (s == NULL)
        return;
    ca_head_free(&s->head);
    ca_log_source_free(s->own_source);
    ca_head_trust_free(&s->own_trust);
    free(s);
}

const struct ca_shelf_options *ca_shelf_options_of(const struct ca_shelf *s)
{
    return s->options;
}

struct ca_log_source *ca_shelf_source(const struct ca_shelf *s)
{
    return s->source;
}

int ca_shelf_look(struct ca_shelf *s, struct tm_err *e)
{
    struct tm_buf note = {0};
    struct ca_head head = {0};
    int rc = ca_log_source_checkpoint(s->source, &note, e);
    if (rc == 0)
        rc = ca_head_read(s->trust, note.data, note.len, tm_clock_wall_ms(), &head, e);
    tm_buf_free(&note);
    if (rc != 0)
        return -1;
    if (s->known && head.tree.size != s->head.tree.size)
        ca_tiles_forget(ca_log_source_tiles(s->source));
    ca_head_free(&s->head);
    s->head = head;
    s->known = true;
    return 0;
}

const struct ca_head *ca_shelf_head(const struct ca_shelf *s)
{
    return s->known ? &s->head : NULL;
}

bool ca_shelf_signatures(const struct ca_shelf *s)
{
    return ca_log_source_signatures(s->source);
}

int ca_shelf_entry(struct ca_shelf *s, uint64_t index, struct ca_shelf_entry *out, struct tm_err *e)
{
    *out = (struct ca_shelf_entry){.index = index};
    const struct tm_checkpoint *tree = &s->head.tree;
    struct ca_tiles *tiles = ca_log_source_tiles(s->source);
    if (!s->known || index >= tree->size)
        return 0;
    if (tiles == NULL)
        return tm_err_set(e, "proofs are made of tiles, which this log's API has not");
    if (ca_log_source_entries(s->source, tree->size, index, index + 1, &out->batch, e) != 0)
        return -1;
    out->entry = &out->batch.entry[0];
    tm_entry_leaf_hash(out->entry, &out->leaf);
    if (ca_tiles_inclusion(tiles, tree->size, index, out->proof, &out->proof_count, e) != 0 ||
        tm_merkle_check_inclusion(index, tree->size, &out->leaf, out->proof, out->proof_count,
                                  &tree->root, e) != 0)
        return tm_err_wrap(e, "entry %llu", (unsigned long long)index);
    return 1;
}

void ca_shelf_entry_free(struct ca_shelf_entry *n)
{
    ca_log_batch_free(&n->batch);
    *n = (struct ca_shelf_entry){0};
}
