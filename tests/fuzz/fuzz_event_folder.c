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
    int rc = tuf_event_parse_tree(text, len, out, &e);
    free(text);
    while (rc == 0 && size > 0) {
        char *name = next_part(&data, &size, &len);
        text = next_part(&data, &size, &len);
        rc = tuf_event_folder_add(out->tree, name, text, len, &e);
        free(name);
        free(text);
    }
    if (rc == 0)
        rc = tuf_event_load(out, &e);
    must(rc == 0 || e.text[0] != '\0');
    if (rc != 0)
        tuf_event_free(out);
    return rc == 0;
}

/* What the files of the split hold, put together. */
static void join(const struct tuf_event *ev, const json_t *proposal, json_t *signers,
                 struct tuf_event *out)
{
    struct tm_err e = {0};
    struct tm_buf first = {0};
    const char *keyid;
    json_t *signer;
    must(tuf_event_dump(ev, proposal, tm_jsondump_to_buf, &first, &e) == 0);
    must(tuf_event_parse_tree((const char *)first.data, first.len, out, &e) == 0);
    json_object_foreach(signers, keyid, signer)
    {
        char name[TUF_ROLE_NAME_MAX];
        char *text = json_dumps(signer, 0);
        snprintf(name, sizeof(name), "%s.json", keyid);
        must(text != NULL && tuf_event_folder_add(out->tree, name, text, strlen(text), &e) == 0);
        free(text);
    }
    must(tuf_event_load(out, &e) == 0);
    tm_buf_free(&first);
}

static void again(const struct tuf_event *ev)
{
    struct tm_err e = {0};
    struct tuf_event other;
    json_t *proposal = NULL;
    json_t *signers = NULL;
    char first[65];
    char second[65];
    bool sound = tuf_event_check_signatures(ev, &e) == 0;
    int rc = tuf_event_folder_split(ev->tree, &proposal, &signers, &e);
    if (sound) { /* only then does each keyid sign and state once */
        must(rc == 0);
        join(ev, proposal, signers, &other);
        must(tuf_event_digest(ev, first, &e) == 0 && tuf_event_digest(&other, second, &e) == 0);
        must(strcmp(first, second) == 0 && tuf_event_check_signatures(&other, &e) == 0);
        must(tuf_event_merge(&other, ev, &e) == 0);
        tuf_event_free(&other);
    }
    json_decref(proposal);
    json_decref(signers);
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
