/* Content of targets that travels with an event, so that a review on another machine can say what
 * is in them. Whatever an event says, a content counts only for the hash that the metadata pin. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "common/hex.h"
#include "tuf/manager/event/internal.h"

/* The place of a path among the files, or where it would stand. */
static size_t place_of(const struct tuf_event_files *f, const char *path, bool *found)
{
    size_t low = 0;
    size_t high = f->count;
    *found = false;
    while (low < high && !*found) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(path, f->item[middle].path);
        *found = order == 0;
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return *found ? high : low;
}

static struct tuf_event_file *file_of(struct tuf_event_files *f, const char *path, struct tm_err *e)
{
    bool found;
    size_t at = place_of(f, path, &found);
    if (found)
        return &f->item[at];
    void *grown = realloc(f->item, (f->count + 1) * sizeof(*f->item));
    char *copy = strdup(path);
    if (grown != NULL)
        f->item = grown;
    if (grown == NULL || copy == NULL) {
        free(copy);
        return tm_err_null(e, "out of memory");
    }
    memmove(f->item + at + 1, f->item + at, (f->count - at) * sizeof(*f->item));
    f->count++;
    f->item[at] = (struct tuf_event_file){.path = copy};
    return &f->item[at];
}

int tuf_event_side_add(struct tuf_event_side *side, const void *data, size_t len, struct tm_err *e)
{
    unsigned char digest[32];
    struct tuf_event_copy one = {0};
    if (EVP_Digest(len > 0 ? data : "", len, digest, NULL, EVP_sha256(), NULL) != 1)
        return tm_err_openssl(e, "SHA-256");
    tm_hex_encode(digest, sizeof(digest), one.sha256);
    for (size_t i = 0; i < side->count; i++) {
        if (strcmp(side->copy[i].sha256, one.sha256) == 0)
            return 0;
    }
    if (side->count == EVENT_COPIES_MAX)
        return tm_err_set(e, "it has more than %d contents on one side", EVENT_COPIES_MAX);
    struct tuf_event_copy *place = tm_grow(&side->copy, &side->count, sizeof(*place), e);
    if (place == NULL)
        return -1;
    tm_buf_append(&one.data, data, len);
    *place = one;
    return buf_failed(&one.data) ? tm_err_set(e, "out of memory") : 0;
}

int tuf_event_add_content(struct tuf_event *ev, const char *path, bool after,
                          const struct tm_buf *data, struct tm_err *e)
{
    struct tuf_event_file *f = file_of(&ev->files, path, e);
    return f != NULL ? tuf_event_side_add(&f->side[after], data->data, data->len, e) : -1;
}

enum tuf_content tuf_event_content(const struct tuf_event *ev, const char *path, bool after,
                                   const struct tuf_file_info *pin, struct tm_buf *out)
{
    bool found;
    size_t at = place_of(&ev->files, path, &found);
    const struct tuf_event_side *side = found ? &ev->files.item[at].side[after] : NULL;
    if (side == NULL || side->count == 0)
        return TUF_CONTENT_MISSING;
    for (size_t i = 0; i < side->count && pin->hash_count > 0; i++) {
        const struct tm_buf *data = &side->copy[i].data;
        if (tuf_file_check(pin, data->data, data->len, NULL) != 0)
            continue;
        tm_buf_append(out, data->data, data->len);
        return TUF_CONTENT_THERE;
    }
    return TUF_CONTENT_WRONG;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct tuf_event_file *)a)->path,
                  ((const struct tuf_event_file *)b)->path);
}

void tuf_event_files_sort(struct tuf_event_files *f)
{
    if (f->count > 0)
        qsort(f->item, f->count, sizeof(*f->item), by_path);
}

void tuf_event_side_free(struct tuf_event_side *side)
{
    for (size_t i = 0; i < side->count; i++)
        tm_buf_free(&side->copy[i].data);
    free(side->copy);
    *side = (struct tuf_event_side){0};
}

void tuf_event_files_free(struct tuf_event_files *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->item[i].path);
        tuf_event_side_free(&f->item[i].side[0]);
        tuf_event_side_free(&f->item[i].side[1]);
    }
    free(f->item);
    *f = (struct tuf_event_files){0};
}
