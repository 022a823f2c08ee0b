#include "common/clock.h"

#include <string.h>
#include <time.h>

/* The years 1 to 9999, as protobuf has them. */
#define TIME_MIN_MS (-62135596800000LL)
#define TIME_MAX_MS 253402300799999LL

static int64_t read_ms(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t tm_clock_wall_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

int64_t tm_clock_mono_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

int64_t tm_clock_mono_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void put_digits(char *to, int n, int v)
{
    for (; n > 0; v /= 10)
        to[--n] = (char)('0' + v % 10);
}

/* By hand: every certificate and log line has one, and snprintf takes ten times as long. */
void tm_clock_format(int64_t seconds, char out[21])
{
    struct tm tm;
    time_t t = (time_t)seconds;
    if (gmtime_r(&t, &tm) == NULL || tm.tm_year < -1900 || tm.tm_year > 8099) {
        memcpy(out, "invalid-time", sizeof("invalid-time"));
        return;
    }
    memcpy(out, "0000-00-00T00:00:00Z", 21);
    put_digits(out, 4, tm.tm_year + 1900);
    put_digits(out + 5, 2, tm.tm_mon + 1);
    put_digits(out + 8, 2, tm.tm_mday);
    put_digits(out + 11, 2, tm.tm_hour);
    put_digits(out + 14, 2, tm.tm_min);
    put_digits(out + 17, 2, tm.tm_sec);
}

static int digits(const char *p, int n)
{
    int v = 0;
    for (int i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return -1;
        v = v * 10 + (p[i] - '0');
    }
    return v;
}

int tm_clock_parse(const char *text, int64_t *seconds)
{
    if (strlen(text) != 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
        text[13] != ':' || text[16] != ':' || text[19] != 'Z')
        return -1;
    int year = digits(text, 4);
    int month = digits(text + 5, 2);
    int day = digits(text + 8, 2);
    int hour = digits(text + 11, 2);
    int minute = digits(text + 14, 2);
    int second = digits(text + 17, 2);
    if (year < 0 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 ||
        minute > 59 || second < 0 || second > 59)
        return -1;
    struct tm tm = {.tm_year = year - 1900,
                    .tm_mon = month - 1,
                    .tm_mday = day,
                    .tm_hour = hour,
                    .tm_min = minute,
                    .tm_sec = second};
    time_t t = timegm(&tm);
    /* timegm normalises 31 February; a date that changes was never a date. */
    if (tm.tm_mday != day || tm.tm_mon != month - 1)
        return -1;
    *seconds = t;
    return 0;
}

/* ".123456789" at *p to nanoseconds; *p moves over it. */
static int read_fraction(const char **p, int64_t *nanos)
{
    int64_t unit = 100000000;
    *nanos = 0;
    if (**p != '.')
        return 0;
    const char *first = ++*p;
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        if (unit == 0)
            return -1;
        *nanos += (**p - '0') * unit;
        unit /= 10;
    }
    return *p > first ? 0 : -1;
}

/* "Z" or "+hh:mm" to seconds east of UTC; nothing may follow. */
static int read_offset(const char *p, int64_t *offset)
{
    *offset = 0;
    if (strcmp(p, "Z") == 0)
        return 0;
    if (strlen(p) != 6 || (p[0] != '+' && p[0] != '-') || p[3] != ':')
        return -1;
    for (int i = 1; i < 6; i++) {
        if (i != 3 && (p[i] < '0' || p[i] > '9'))
            return -1;
    }
    int hours = (p[1] - '0') * 10 + p[2] - '0';
    int minutes = (p[4] - '0') * 10 + p[5] - '0';
    if (hours > 23 || minutes > 59)
        return -1;
    int east = (hours * 60 + minutes) * 60;
    *offset = p[0] == '-' ? -east : east;
    return 0;
}

int tm_clock_parse_rfc3339(const char *text, bool round_up, int64_t *ms)
{
    char whole[21];
    int64_t seconds;
    int64_t nanos;
    int64_t offset;
    if (strlen(text) < 20 || strlen(text) > 35)
        return -1;
    memcpy(whole, text, 19);
    memcpy(whole + 19, "Z", 2);
    const char *rest = text + 19;
    if (tm_clock_parse(whole, &seconds) != 0 || read_fraction(&rest, &nanos) != 0 ||
        read_offset(rest, &offset) != 0)
        return -1;
    *ms = (seconds - offset) * 1000 + (nanos + (round_up ? 999999 : 0)) / 1000000;
    return *ms >= TIME_MIN_MS && *ms <= TIME_MAX_MS ? 0 : -1;
}
