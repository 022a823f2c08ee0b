/* Our JSON parser against jansson's: the same texts accepted, the same values made. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/strictjson.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned depth_of(const json_t *v)
{
    unsigned deepest = 0;
    const char *key;
    json_t *child;
    size_t i;
    if (json_is_object(v)) {
        json_object_foreach((json_t *)v, key, child)
        {
            unsigned d = depth_of(child);
            deepest = d > deepest ? d : deepest;
        }
        return deepest + 1;
    }
    if (!json_is_array(v))
        return 0;
    json_array_foreach(v, i, child)
    {
        unsigned d = depth_of(child);
        deepest = d > deepest ? d : deepest;
    }
    return deepest + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    json_error_t je;
    json_t *ours = strictjson_parse((const char *)data, size, size, &e);
    json_t *theirs =
        json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);
    if (ours == NULL && e.text[0] == '\0')
        abort();
    if (ours != NULL && (theirs == NULL || json_equal(ours, theirs) != 1))
        abort();
    /* jansson takes a NUL byte after the value for the end. */
    if (ours == NULL && theirs != NULL && memchr(data, 0, size) == NULL &&
        depth_of(theirs) <= STRICTJSON_DEPTH_MAX)
        abort();
    json_decref(ours);
    json_decref(theirs);
    ours = strictjson_parse_first((const char *)data, size, size, &e);
    theirs = json_loadb((const char *)data, size,
                        JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &je);
    /* jansson reads a byte beyond a top-level number or word, so only containers compare. */
    if (json_is_object(ours) && (theirs == NULL || json_equal(ours, theirs) != 1))
        abort();
    json_decref(ours);
    json_decref(theirs);
    return 0;
}
