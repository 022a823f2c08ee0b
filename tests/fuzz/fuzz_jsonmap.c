/* The table reader over every kind: what a strict reader takes a tolerant one takes too, and what
 * was read is written and read again as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json/jsonmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct item {
    char *name;
    int64_t size;
};
struct entry {
    char *name;
    struct item item;
};
struct all {
    int64_t loose;
    char *name;
    bool on;
    bool has_size;
    int64_t size;
    struct tm_buf raw, hex;
    int colour;
    struct item inner;
    struct tm_jsonmap_list list, texts, named;
    json_t *tree;
    json_t *rest;
};

static const struct tm_jsonmap_name colours[] = {{"RED", 1, 1}, {"GREEN", 2, 2}, {NULL, 0, 0}};

static const struct tm_jsonmap_member item_members[] = {
    JSONMAP_ROW(struct item, "name", name, TEXT, .max = 9),
    JSONMAP_ROW(struct item, "size", size, INTEGER, .min = -5, .max = 99),
    {0}};
static const struct tm_jsonmap item_map = {.members = item_members, .size = sizeof(struct item)};
static const struct tm_jsonmap_member an_item = {.kind = JSONMAP_OBJECT, .map = &item_map};
static const struct tm_jsonmap_member an_entry = {JSONMAP_AT(struct entry, item),
                                                  .kind = JSONMAP_OBJECT, .map = &item_map};
static const struct tm_jsonmap_member a_text = {.kind = JSONMAP_TEXT, .max = 9};

static const struct tm_jsonmap_member all_members[] = {
    JSONMAP_ROW(struct all, "name", name, TEXT, .min = 1, .max = 9),
    JSONMAP_ROW(struct all, "on", on, BOOL),
    JSONMAP_ROW(struct all, "size", size, INTEGER, .flags = JSONMAP_NOTED | JSONMAP_NULL,
                .has = offsetof(struct all, has_size)),
    JSONMAP_ROW(struct all, "raw", raw, BASE64, .max = 9),
    JSONMAP_ROW(struct all, "hex", hex, HEX, .min = 2, .max = 9),
    JSONMAP_ROW(struct all, "colour", colour, ENUM, .names = colours),
    JSONMAP_ROW(struct all, "inner", inner, OBJECT, .map = &item_map),
    JSONMAP_ROW(struct all, "list", list, LIST, .each = &an_item, .size = sizeof(struct item),
                .max = 3),
    JSONMAP_ROW(struct all, "texts", texts, LIST, .each = &a_text, .size = sizeof(char *)),
    JSONMAP_ROW(struct all, "named", named, NAMED, .each = &an_entry, .size = sizeof(struct entry)),
    JSONMAP_ROW(struct all, "tree", tree, TREE),
    JSONMAP_ROW(struct all, "loose", loose, INTEGER, .min = 1, .max = 9,
                .flags = JSONMAP_LOOSE | JSONMAP_OMIT),
    {0}};
static const struct tm_jsonmap all_map = {.members = all_members,
                                          .size = sizeof(struct all),
                                          .unknown = JSONMAP_KEEP,
                                          .rest = offsetof(struct all, rest)};

struct message {
    char *name;
    struct tm_buf key;
    int64_t number;
    int colour;
    struct tm_jsonmap_list nested;
};
static const struct tm_jsonmap_member a_message = {.kind = JSONMAP_OBJECT, .map = &item_map};
static const struct tm_jsonmap_member message_members[] = {
    JSONMAP_ROW(struct message, "name", name, TEXT),
    JSONMAP_ROW(struct message, "publicKey", key, BASE64),
    JSONMAP_ROW(struct message, "bigNumber", number, INTEGER),
    JSONMAP_ROW(struct message, "colour", colour, ENUM, .names = colours),
    JSONMAP_ROW(struct message, "nested", nested, LIST, .each = &a_message,
                .size = sizeof(struct item)),
    {0}};
static const struct tm_jsonmap message_map = {.members = message_members,
                                              .size = sizeof(struct message),
                                              .unknown = JSONMAP_IGNORE,
                                              .proto = true};

static json_t *read_and_write(const json_t *v, const struct tm_jsonmap *map, bool strict,
                              void *place)
{
    const struct tm_jsonmap_how how = {.strict = strict};
    struct tm_err e = {0};
    json_t *again = NULL;
    memset(place, 0, map->size);
    if (tm_jsonmap_read(v, map, &how, place, &e) == 0) {
        again = tm_jsonmap_write(map, place, &e);
        if (again == NULL)
            abort();
    } else if (e.text[0] == '\0') {
        abort();
    }
    tm_jsonmap_free(map, place);
    return again;
}

static void check(const json_t *v, const struct tm_jsonmap *map, void *place)
{
    json_t *strict = read_and_write(v, map, true, place);
    json_t *tolerant = read_and_write(v, map, false, place);
    if (strict != NULL && (tolerant == NULL || !json_equal(strict, tolerant)))
        abort();
    json_t *again = tolerant != NULL ? read_and_write(tolerant, map, false, place) : NULL;
    if (tolerant != NULL && (again == NULL || !json_equal(again, tolerant)))
        abort();
    json_decref(strict);
    json_decref(tolerant);
    json_decref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct all all;
    struct message message;
    json_error_t je;
    json_t *v = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, &je);
    if (v == NULL)
        return 0;
    check(v, &all_map, &all);
    check(v, &message_map, &message);
    json_decref(v);
    return 0;
}
