/* An event as a folder: event.json, and after a NUL each the name and the content of signers'
 * files. What loads can be taken apart, and makes the same event again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tuf/manager/event/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* The text up to the next NUL or the end, as a copy of just that size: what reads on is noticed. */
static char *next_part(const uint8_t **at, size_t *left, size_t *len)
{
    const uint8_t *nul = memchr(*at, '\0', *left);
    *len = nul != NULL ? (size_t)(nul - *at) : *left;
    char *part = malloc(*len + 1);
    must(part != NULL);
    memcpy(part, *at, *len);
    part[*len] = '\0';
    size_t step = *len + (nul != NULL);
    *at += step;
    *left -= step;
    return part;
}

/* False: refused. */
static bool read_folder(const uint8_t *data, size_t size, struct tuf_event *out)
{
    struct tm_err e = {0};
    size_t len;
    char *text = next_part(&data, &size, &len);
    int rc = tuf_event_parse(text, len, NULL, NULL, out, &e);
    free(text);
    while (rc == 0 && size > 0) {
        char *name = next_part(&data, &size, &len);
        text = next_part(&data, &size, &len);
        rc = tuf_event_folder_add(out, name, text, len, &e);
        free(name);
        free(text);
    }
    must(rc == 0 || e.text[0] != '\0');
    if (rc != 0)
        tuf_event_free(out);
    return rc == 0;
}

static int add(void *ev, const char *name, const struct tm_buf *text, struct tm_err *e)
{
    return tuf_event_folder_add(ev, name, (const char *)text->data, text->len, e);
}

/* Taken apart into the files of a folder and put together it is the same. */
static void again(const struct tuf_event *ev)
{
    struct tm_err e = {0};
    struct tuf_event other;
    struct tm_buf bare = {0};
    char first[65];
    char second[65];
    bool sound = tuf_event_check_signatures(ev, &e) == 0;
    must(tuf_event_dump(ev, true, tm_jsondump_to_buf, &bare, &e) == 0);
    must(tuf_event_parse((const char *)bare.data, bare.len, NULL, NULL, &other, &e) == 0);
    must(other.statements.count == 0);
    int rc = tuf_event_folder_signers(ev, add, &other, &e);
    if (sound) { /* only then is each keyid a file's name */
        must(rc == 0);
        must(tuf_event_digest(ev, first, &e) == 0 && tuf_event_digest(&other, second, &e) == 0);
        must(strcmp(first, second) == 0 && tuf_event_check_signatures(&other, &e) == 0);
        must(tuf_event_merge(&other, ev, &e) == 0);
    }
    tuf_event_free(&other);
    tm_buf_free(&bare);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tuf_event ev;
    if (read_folder(data, size, &ev)) {
        again(&ev);
        tuf_event_free(&ev);
    }
    return 0;
}
