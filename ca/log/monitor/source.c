#include <stdlib.h>
#include <string.h>

#include "ca/log/monitor/source_internal.h"
#include "common/transparency/note.h"

/* "https://ct.example.com/2026/" is called "ct.example.com/2026". */
static char *origin_of(const char *url)
{
    const char *start = strstr(url, "://");
    char *name = strdup(start != NULL ? start + 3 : url);
    for (size_t n = name != NULL ? strlen(name) : 0; n > 1 && name[n - 1] == '/'; n--)
        name[n - 1] = '\0';
    return name;
}

/* A static-ct-api log has a checkpoint; what has none must speak RFC 6962. */
static int choose(struct log_source *s, struct err *e)
{
    struct buf note = {0};
    int rc = store_get(s->store, "checkpoint", NOTE_BYTES_MAX, &note, e);
    buf_free(&note);
    if (rc < 0)
        return -1;
    s->api = rc > 0 ? SOURCE_TILES : SOURCE_RFC6962;
    return 0;
}

static int open_parts(struct log_source *s, const struct source_options *o, struct err *e)
{
    s->store = store_open(&o->store, e);
    if (s->store == NULL)
        return -1;
    s->api = store_is_url(o->store.location) ? o->api : SOURCE_TILES;
    if (s->api == SOURCE_ANY && choose(s, e) != 0)
        return -1;
    s->ops = s->api == SOURCE_TILES ? &source_tiles_ops : &source_rfc6962_ops;
    if (s->api == SOURCE_TILES) {
        s->tiles = tiles_new(s->store, e);
        return s->tiles != NULL ? 0 : -1;
    }
    s->origin = o->origin != NULL ? strdup(o->origin) : origin_of(o->store.location);
    if (s->origin == NULL)
        return err_set(e, "out of memory");
    struct note_key key;
    if (o->log_key == NULL)
        return 0;
    if (note_key_init(&key, s->origin, NOTE_RFC6962, o->log_key, e) != 0)
        return -1;
    memcpy(s->key_id, key.id, sizeof(s->key_id));
    return 0;
}

struct log_source *log_source_open(const struct source_options *o, struct err *e)
{
    struct log_source *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        err_set(e, "out of memory");
        return NULL;
    }
    if (open_parts(s, o, e) != 0) {
        log_source_free(s);
        return NULL;
    }
    return s;
}

void log_source_free(struct log_source *s)
{
    if (s == NULL)
        return;
    tiles_free(s->tiles);
    store_free(s->store);
    free(s->origin);
    free(s);
}

enum source_api log_source_api(const struct log_source *s)
{
    return s->api;
}

struct store *log_source_store(struct log_source *s)
{
    return s->store;
}

struct tiles *log_source_tiles(struct log_source *s)
{
    return s->tiles;
}

int log_source_checkpoint(struct log_source *s, struct buf *note, struct err *e)
{
    return s->ops->checkpoint(s, note, e);
}

int log_source_consistency(struct log_source *s, uint64_t old_size, uint64_t new_size,
                           struct merkle_hash *proof, size_t *count, struct err *e)
{
    *count = 0;
    if (old_size == 0 || old_size == new_size)
        return 0;
    return s->ops->consistency(s, old_size, new_size, proof, count, e);
}

int log_source_frontier(struct log_source *s, uint64_t tree_size, uint64_t size,
                        struct frontier *out, struct err *e)
{
    *out = (struct frontier){0};
    return size > 0 ? s->ops->frontier(s, tree_size, size, out, e) : 0;
}

int log_source_entries(struct log_source *s, uint64_t tree_size, uint64_t first, uint64_t end,
                       struct log_batch *out, struct err *e)
{
    *out = (struct log_batch){.first = first};
    if (s->ops->entries(s, tree_size, first, end, out, e) == 0)
        return 0;
    log_batch_free(out);
    return -1;
}

void log_batch_free(struct log_batch *b)
{
    free(b->entry);
    buf_free(&b->raw);
    b->entry = NULL;
    b->count = 0;
}
