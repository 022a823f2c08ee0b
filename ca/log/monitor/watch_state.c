/* The monitor's memory: a JSON file, replaced whole. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ca/log/monitor/watch.h"
#include "common/file.h"
#include "common/json/jsonfile.h"

#define STATE_MAX ((size_t)256 * 1024)
#define STATE_VERSION 1
#define PEAKS_MAX 64 /* of a struct tm_frontier */

struct peaks {
    struct tm_buf *item;
    size_t count;
};

struct state {
    int64_t version;
    char *checkpoint; /* a note's text */
    int64_t read;     /* entries */
    struct peaks frontier;
};

static const struct tm_jsonmap_member peak = {
    .kind = JSONMAP_BASE64, .min = MERKLE_HASH, .max = MERKLE_HASH};
static const struct tm_jsonmap_member members[] = {
    JSONMAP_NEED(struct state, "version", version, INTEGER),
    JSONMAP_NEED(struct state, "checkpoint", checkpoint, TEXT),
    JSONMAP_NEED(struct state, "read", read, INTEGER, .max = INT64_MAX),
    JSONMAP_NEED(struct state, "frontier", frontier, LIST, .each = &peak,
                 .size = sizeof(struct tm_buf), .max = PEAKS_MAX),
    {0},
};
static const struct tm_jsonmap map = {
    .members = members, .size = sizeof(struct state), .unknown = JSONMAP_IGNORE};

/* Both parts must be of one tree, as far as that can be told: two roots at one size must agree. */
static int check(const struct ca_watch_state *s, struct tm_err *e)
{
    struct tm_merkle_hash root;
    if (s->at.size > s->tree.size)
        return tm_err_set(e, "it has read more entries than its checkpoint has");
    tm_frontier_root(&s->at, &root);
    if (s->at.size == s->tree.size && !tm_merkle_equal(&root, &s->tree.root))
        return tm_err_set(e, "its frontier is not its checkpoint's");
    return 0;
}

static int take_frontier(const struct state *s, struct tm_frontier *f, struct tm_err *e)
{
    f->size = (uint64_t)s->read;
    if (s->frontier.count != tm_frontier_peaks(f->size))
        return tm_err_set(e, "'frontier' does not suit its size");
    for (size_t i = 0; i < s->frontier.count; i++)
        memcpy(f->peak[i].b, s->frontier.item[i].data, MERKLE_HASH);
    return 0;
}

static int take(const struct state *s, struct ca_watch_state *out, struct tm_err *e)
{
    struct tm_note n;
    if (s->version != STATE_VERSION)
        return tm_err_set(e, "its version is not %d", STATE_VERSION);
    tm_buf_puts(&out->note, s->checkpoint);
    if (buf_failed(&out->note))
        return tm_err_set(e, "out of memory");
    if (tm_note_parse(out->note.data, out->note.len, &n, e) != 0)
        return -1;
    int rc = tm_checkpoint_parse(&n, &out->tree, e);
    tm_note_free(&n);
    if (rc == 0)
        rc = take_frontier(s, &out->at, e);
    if (rc == 0)
        rc = check(out, e);
    out->known = rc == 0;
    return rc;
}

int ca_watch_state_load(const char *path, struct ca_watch_state *out, struct tm_err *e)
{
    struct state s = {0};
    *out = (struct ca_watch_state){0};
    int rc = tm_jsonfile_read(path, STATE_MAX, &map, &s, e);
    if (rc == 0 && take(&s, out, e) != 0)
        rc = tm_err_wrap(e, "'%s'", path);
    if (rc < 0)
        tm_err_wrap(e,
                    "state (what was seen is lost without it: restore it, or move it away to begin "
                    "anew)");
    tm_jsonmap_free(&map, &s);
    if (rc < 0)
        ca_watch_state_free(out);
    return rc < 0 ? -1 : 0;
}

int ca_watch_state_save(const char *path, const struct ca_watch_state *s, struct tm_err *e)
{
    struct tm_buf peaks[PEAKS_MAX];
    struct state out = {.version = STATE_VERSION,
                        .checkpoint = strndup((const char *)s->note.data, s->note.len),
                        .read = (int64_t)s->at.size,
                        .frontier = {peaks, tm_frontier_peaks(s->at.size)}};
    for (size_t i = 0; i < out.frontier.count; i++) /* views */
        peaks[i] = (struct tm_buf){.data = (unsigned char *)s->at.peak[i].b, .len = MERKLE_HASH};
    int rc = tm_jsonfile_write(path, 0644, &map, &out, e);
    free(out.checkpoint);
    return rc == 0 ? 0 : tm_err_wrap(e, "save the state");
}

void ca_watch_state_free(struct ca_watch_state *s)
{
    tm_buf_free(&s->note);
    *s = (struct ca_watch_state){0};
}
