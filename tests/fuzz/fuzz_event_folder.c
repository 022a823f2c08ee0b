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
static bool read_folder(const uint8_t *data, size_t size, struct event *out)
{
    struct err e = {0};
    size_t len;
    char *text = next_part(&data, &size, &len);
    int rc = event_parse_tree(text, len, out, &e);
    free(text);
    while (rc == 0 && size > 0) {
        char *name = next_part(&data, &size, &len);
        text = next_part(&data, &size, &len);
        rc = event_folder_add(out->tree, name, text, len, &e);
        free(name);
        free(text);
    }
    if (rc == 0)
        rc = event_load(out, &e);
    must(rc == 0 || e.text[0] != '\0');
    if (rc != 0)
        event_free(out);
    return rc == 0;
}

/* What the files of the split hold, put together. */
static void join(const struct event *ev, const json_t *proposal, json_t *signers, struct event *out)
{
    struct err e = {0};
    struct buf first = {0};
    const char *keyid;
    json_t *signer;
    must(event_dump(ev, proposal, jsondump_to_buf, &first, &e) == 0);
    must(event_parse_tree((const char *)first.data, first.len, out, &e) == 0);
    json_object_foreach(signers, keyid, signer)
    {
        char name[TUF_ROLE_NAME_MAX];
        char *text = json_dumps(signer, 0);
        snprintf(name, sizeof(name), "%s.json", keyid);
        must(text != NULL && event_folder_add(out->tree, name, text, strlen(text), &e) == 0);
        free(text);
    }
    must(event_load(out, &e) == 0);
    buf_free(&first);
}

static void again(const struct event *ev)
{
    struct err e = {0};
    struct event other;
    json_t *proposal = NULL;
    json_t *signers = NULL;
    char first[65];
    char second[65];
    bool sound = event_check_signatures(ev, &e) == 0;
    int rc = event_folder_split(ev->tree, &proposal, &signers, &e);
    if (sound) { /* only then does each keyid sign and state once */
        must(rc == 0);
        join(ev, proposal, signers, &other);
        must(event_digest(ev, first, &e) == 0 && event_digest(&other, second, &e) == 0);
        must(strcmp(first, second) == 0 && event_check_signatures(&other, &e) == 0);
        must(event_merge(&other, ev, &e) == 0);
        event_free(&other);
    }
    json_decref(proposal);
    json_decref(signers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct event ev;
    if (read_folder(data, size, &ev)) {
        again(&ev);
        event_free(&ev);
    }
    return 0;
}
