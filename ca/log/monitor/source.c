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
static int choose(struct ca_log_source *s, struct tm_err *e)
{
    struct tm_buf note = {0};
    int rc = ca_store_get(s->store, "checkpoint", NOTE_BYTES_MAX, &note, e);
    tm_buf_free(&note);
    if (rc < 0)
        return -1;
    s->api = rc > 0 ? SOURCE_TILES : SOURCE_RFC6962;
    return 0;
}

static int open_parts(struct ca_log_source *s, const struct ca_source_options *o, struct tm_err *e)
{
    s->store = ca_store_open(&o->store, e);
    if (s->store == NULL)
        return -1;
    s->api = ca_store_is_url(o->store.location) ? o->api : SOURCE_TILES;
    if (s->api == SOURCE_ANY && choose(s, e) != 0)
        return -1;
    s->ops = s->api == SOURCE_TILES ? &ca_source_tiles_ops : &ca_source_rfc6962_ops;
    if (s->api == SOURCE_TILES) {
        s->tiles = ca_tiles_new(s->store, e);
        return s->tiles != NULL ? 0 : -1;
    }
    s->origin = o->origin != NULL ? strdup(o->origin) : origin_of(o->store.location);
    if (s->origin == NULL)
        return tm_err_set(e, "out of memory");
    struct tm_note_key key;
    if (o->log_key == NULL)
        return 0;
    if (tm_note_key_init(&key, s->origin, NOTE_RFC6962, o->log_key, e) != 0)
        return -1;
    memcpy(s->key_id, key.id, sizeof(s->key_id));
    return 0;
}

struct ca_log_source *ca_log_source_open(const struct ca_source_options *o, struct tm_err *e)
{
    struct ca_log_source *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return tm_err_null(e, "out of memory");
    if (open_parts(s, o, e) != 0) {
        ca_log_source_free(s);
        return NULL;
    }
    return s;
}

void ca_log_source_free(struct ca_log_source *s)
{
    if (s == NULL)
        return;
    ca_tiles_free(s->tiles);
    ca_store_free(s->store);
    free(s->origin);
    free(s);
}

enum ca_source_api ca_log_source_api(const struct ca_log_source *s)
{
    return s->api;
}

bool ca_log_source_signatures(const struct ca_log_source *s)
{
    return s->tiles != NULL && ca_tiles_data_level(s->tiles) == TILE_LEVEL_ENTRIES;
}

struct ca_store *ca_log_source_store(struct ca_log_source *s)
{
    return s->store;
}

struct ca_tiles *ca_log_source_tiles(struct ca_log_source *s)
{
    return s->tiles;
}

int ca_log_source_checkpoint(struct ca_log_source *s, struct tm_buf *note, struct tm_err *e)
{
    return s->ops->checkpoint(s, note, e);
}

int ca_log_source_consistency(struct ca_log_source *s, uint64_t old_size, uint64_t new_size,
                              struct tm_merkle_hash *proof, size_t *count, struct tm_err *e)
{
    *count = 0;
    if (old_size == 0 || old_size == new_size)
        return 0;
    return s->ops->consistency(s, old_size, new_size, proof, count, e);
}

int ca_log_source_frontier(struct ca_log_source *s, uint64_t tree_size, uint64_t size,
                           struct tm_frontier *out, struct tm_err *e)
{
    *out = (struct tm_frontier){0};
    return size > 0 ? s->ops->frontier(s, tree_size, size, out, e) : 0;
}

int ca_log_source_entries(struct ca_log_source *s, uint64_t tree_size, uint64_t first, uint64_t end,
                          struct ca_log_batch *out, struct tm_err *e)
{
    *out = (struct ca_log_batch){.first = first};
    if (s->ops->entries(s, tree_size, first, end, out, e) == 0)
        return 0;
    ca_log_batch_free(out);
    return -1;
}

void ca_log_batch_free(struct ca_log_batch *b)
{
    free(b->entry);
    tm_buf_free(&b->raw);
    b->entry = NULL;
    b->count = 0;
}
