#include "common/request_id.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/hex.h"

/* The second, then chance: ids of one time are neighbours in the audit trail's index, where ids
 * without order change a page of the database each. */
void tm_request_id(char out[REQUEST_ID_SIZE])
{
    unsigned char bytes[(REQUEST_ID_SIZE - 1) / 2];
    uint32_t second = (uint32_t)(tm_clock_wall_ms() / 1000);
    for (size_t i = 0; i < 4; i++)
        bytes[i] = (unsigned char)(second >> (24 - 8 * i));
    /* The kernel's generator: OpenSSL's costs more for so few bytes. */
    if (getentropy(bytes + 4, sizeof(bytes) - 4) != 0)
        memset(bytes + 4, 0, sizeof(bytes) - 4);
    tm_hex_encode(bytes, sizeof(bytes), out);
}
