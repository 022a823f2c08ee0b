#include "common/promtext.h"

void tm_promtext_head(struct tm_buf *out, const char *name, const char *type, const char *help)
{
    tm_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void tm_promtext_label(struct tm_buf *out, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == '\\' || *value == '"')
            buf_putc(out, '\\');
        if (*value == '\n')
            tm_buf_puts(out, "\\n");
        else
            buf_putc(out, (unsigned char)*value);
    }
}
