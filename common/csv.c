#include "common/csv.h"

#include <string.h>

void tm_csv_field(struct tm_buf *out, const char *text, bool first)
{
    bool formula = *text != '\0' && strchr("=+-@\t\r", *text) != NULL;
    bool quoted = strpbrk(text, ",\"\r\n") != NULL;
    if (!first)
        buf_putc(out, ',');
    if (quoted)
        buf_putc(out, '"');
    if (formula)
        buf_putc(out, '\'');
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"')
            buf_putc(out, '"');
        buf_putc(out, (unsigned char)*p);
    }
    if (quoted)
        buf_putc(out, '"');
}

void tm_csv_end(struct tm_buf *out)
{
    tm_buf_puts(out, "\r\n");
}
