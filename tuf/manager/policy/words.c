#include "tuf/manager/policy/words.h"

#include <stdio.h>
#include <string.h>

#include "common/utf8.h"
#include "tuf/metadata/key.h"

void tuf_words_safe(const char *text, struct tm_buf *out)
{
    tm_utf8_put(out, text, strlen(text));
}

void tuf_words_period(int64_t seconds, char out[24])
{
    static const struct {
        int64_t unit;
        char letter;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t i = 0;
    while (seconds % units[i].unit != 0)
        i++;
    snprintf(out, 24, "%lld%c", (long long)(seconds / units[i].unit), units[i].letter);
}

void tuf_words_relative(int64_t when, int64_t now, char out[40])
{
    static const struct {
        int64_t unit;
        const char *name;
    } units[] = {{INT64_C(365) * 86400, "year"},
                 {86400, "day"},
                 {3600, "hour"},
                 {60, "minute"},
                 {1, "second"}};
    int64_t gap = when >= now ? when - now : now - when;
    size_t i = 0;
    while (units[i].unit > 1 && gap < 2 * units[i].unit)
        i++;
    int64_t n = gap / units[i].unit;
    snprintf(out, 40, "%s%lld %s%s%s", when >= now ? "in " : "", (long long)n, units[i].name,
             n == 1 ? "" : "s", when >= now ? "" : " ago");
}

void tuf_words_key(const struct tuf_public_key *key, const char *keyid, struct tm_buf *out)
{
    char hex[65];
    char start[17];
    const char *owner = key != NULL ? tuf_key_owner(key) : "";
    bool usable = key != NULL && tuf_key_fingerprint(key, hex, NULL) == 0;
    snprintf(start, sizeof(start), "%.16s", usable ? hex : keyid);
    tuf_words_safe(owner[0] != '\0' ? owner : "key", out);
    tm_buf_puts(out, usable ? " (" : " (keyid ");
    tuf_words_safe(start, out);
    buf_putc(out, ')');
}
