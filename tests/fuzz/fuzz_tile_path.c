/* Names of tiles, as a request asks for them: each tile has one name. */
#include <stdlib.h>
#include <string.h>

#include "ca/log/engine/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* of its exact length, for ASan */
    char again[TILE_PATH_MAX];
    int level = 0;
    uint64_t n = 0;
    unsigned width = 0;
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (ca_log_tile_path_parse(text, &level, &n, &width) == 0) {
        if (level < TILE_LEVEL_ENTRIES || level >= LOG_TILE_LEVELS || n > LOG_SIZE_MAX ||
            width < 1 || width > TILE_WIDTH)
            abort();
        tm_tile_path(level, n, width, again);
        if (strcmp(again, text) != 0)
            abort();
    }
    free(text);
    return 0;
}
