/* PROXY heads and forwarding headers: nothing beyond what was given is read or consumed, and one
 * more byte never changes a head that was whole. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/http/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_head(const uint8_t *data, size_t size)
{
    enum tm_http_proxy_head before = PROXY_MORE;
    for (size_t n = 1; n <= size && n <= HTTP_PROXY_HEAD_MAX + 1; n++) {
        struct sockaddr_storage client;
        size_t used = 0;
        bool known = false;
        unsigned char *copy = malloc(n);
        if (copy == NULL)
            return;
        memcpy(copy, data, n);
        enum tm_http_proxy_head now = tm_http_proxy_read(copy, n, &used, &known, &client);
        free(copy);
        if ((now == PROXY_WHOLE && used > n) || (before != PROXY_MORE && now != before) ||
            (now == PROXY_MORE && n > HTTP_PROXY_HEAD_MAX))
            abort();
        before = now;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sockaddr_storage client;
    struct tm_http_network n;
    struct tm_err e;
    if (size == 0)
        return 0;
    read_head(data + 1, size - 1);
    char *text = malloc(size);
    if (text == NULL)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    if (tm_http_network_parse(text, &n, &e) == 0 && n.bits > 128)
        abort();
    if (tm_http_network_parse("192.0.2.0/24", &n, &e) == 0)
        (void)tm_http_proxy_forwarded(data[0] % 2 == 0 ? HTTP_PROXY_FORWARDED
                                                       : HTTP_PROXY_X_FORWARDED_FOR,
                                      text, &n, 1, &client);
    free(text);
    return 0;
}
