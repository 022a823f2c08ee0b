#include "common/quantity.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

static int quantity(const char *text, const struct unit *units, size_t count, int64_t *out)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 18)
        return -1;
    int64_t v = strtoll(text, NULL, 10);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text + digits, units[i].name) == 0)
            return __builtin_mul_overflow(v, units[i].factor, out) ? -1 : 0;
    }
    return -1;
}

int tm_quantity_count(const char *text, int64_t *out)
{
    static const struct unit units[] = {{"", 1}};
    return quantity(text, units, sizeof(units) / sizeof(units[0]), out);
}

int tm_quantity_duration(const char *text, int64_t *out_ms)
{
    static const struct unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    return quantity(text, units, sizeof(units) / sizeof(units[0]), out_ms);
}

int tm_quantity_size(const char *text, int64_t *out_bytes)
{
    static const struct unit units[] = {{"", 1}, {"KiB", 1024}, {"MiB", 1048576}};
    return quantity(text, units, sizeof(units) / sizeof(units[0]), out_bytes);
}
