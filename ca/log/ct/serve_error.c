#include <string.h>

#include "ca/log/ct/serve_internal.h"
#include "common/json/jsonstr.h"

void ca_log_serve_error(struct tm_http_exchange *x, unsigned status, const char *message)
{
    struct tm_buf b = {0};
    tm_buf_puts(&b, "{\"error_message\":");
    tm_jsonstr_put(&b, message, strlen(message));
    tm_buf_puts(&b, "}\n");
    tm_http_reply(x, status, "application/json", &b);
    tm_http_reply_header(x, "Cache-Control", LOG_SERVE_BRIEF);
}
