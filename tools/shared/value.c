#include "tools/shared/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/hex.h"
#include "common/quantity.h"
#include "common/utf8.h"

#define WANT_MAX 256
#define TOO_OFTEN "--%s: given too often: at most %d"

const char *const cli_key_types[] = {"p256", "p384", "p521", "rsa", "ed25519", NULL};

const char *const cli_kind_names[CLI_KINDS] = {
    [CLI_FLAG] = "flag",         [CLI_TEXT] = "text",     [CLI_LIST] = "list",
    [CLI_NAMES] = "names",       [CLI_NUMBER] = "number", [CLI_SIZE] = "size",
    [CLI_DURATION] = "duration", [CLI_TIME] = "time",     [CLI_CHOICE] = "choice",
    [CLI_PAIRS] = "pairs",       [CLI_DIGEST] = "digest"};

/* What a terminal would not show as itself is a '?'. */
static int refuse(const char *name, const char *want, const char *text, struct tm_err *e)
{
    struct tm_buf shown = {0};
    tm_utf8_put(&shown, text, strlen(text));
    const char *value = tm_buf_str(&shown);
    tm_err_set(e, "--%s: want %s, not '%.60s'", name, want, value != NULL ? value : "?");
    tm_buf_free(&shown);
    return -1;
}

static int given_twice(const char *name, struct tm_err *e)
{
    return tm_err_set(e, "--%s: given twice", name);
}

/* ---- numbers, sizes, durations ---- */

int cli_value_number(const char *text, int64_t min, int64_t max, int64_t *out)
{
    int64_t v;
    if (tm_quantity_count(text, &v) != 0 || v < min || v > max)
        return -1;
    *out = v;
    return 0;
}

static int read_duration(const char *text, int64_t *out_ms)
{
    int64_t seconds;
    if (tm_quantity_duration(text, out_ms) == 0)
        return 0;
    return tm_quantity_count(text, &seconds) == 0 && !__builtin_mul_overflow(seconds, 1000, out_ms)
               ? 0
               : -1;
}

static void print_duration(int64_t ms, char *out, size_t size)
{
    if (ms % 1000 != 0)
        snprintf(out, size, "%" PRId64 "ms", ms);
    else
        snprintf(out, size, "%" PRId64 "s", ms / 1000);
}

static void print_bytes(int64_t v, char *out, size_t size)
{
    snprintf(out, size, "%" PRId64, v);
}

static const struct amount {
    int (*read)(const char *text, int64_t *out);
    void (*print)(int64_t v, char *out, size_t size);
    const char *what;
} amounts[] = {
    [CLI_NUMBER] = {tm_quantity_count, print_bytes, "a number"},
    [CLI_SIZE] = {tm_quantity_size, print_bytes, "a size such as 4096, 256KiB or 4MiB,"},
    [CLI_DURATION] = {read_duration, print_duration, "a duration such as 30s, 15m or 24h,"},
};

static void want_amount(const struct amount *k, const struct cli_amount *a, char *out, size_t size)
{
    char min[24], max[24] = "";
    k->print(a->min, min, sizeof(min));
    if (a->max < INT64_MAX)
        k->print(a->max, max, sizeof(max));
    snprintf(out, size, "%s%s%s from %s%s%s", a->word != NULL ? a->word : "",
             a->word != NULL ? " or " : "", k->what, min, max[0] != '\0' ? " to " : " on", max);
}

static int read_amount(enum cli_kind kind, const char *name, const char *text, struct cli_amount *a,
                       struct tm_err *e)
{
    char want[WANT_MAX];
    int64_t v;
    if (a->given)
        return given_twice(name, e);
    a->is_word = a->word != NULL && strcmp(text, a->word) == 0;
    if (!a->is_word && (amounts[kind].read(text, &v) != 0 || v < a->min || v > a->max)) {
        want_amount(&amounts[kind], a, want, sizeof(want));
        return refuse(name, want, text, e);
    }
    a->value = a->is_word ? a->value : v;
    a->given = true;
    return 0;
}

/* ---- times ---- */

int cli_value_time(const char *text, int64_t now_ms, int64_t *out_ms)
{
    char day[24];
    int64_t v;
    if (strcmp(text, "now") == 0)
        v = now_ms;
    else if (tm_quantity_duration(text, &v) == 0)
        v = now_ms - v;
    else if (strlen(text) == 10) {
        snprintf(day, sizeof(day), "%sT00:00:00Z", text);
        if (tm_clock_parse_rfc3339(day, false, &v) != 0)
            return -1;
    } else if (tm_clock_parse_rfc3339(text, false, &v) != 0)
        return -1;
    if (v < 0)
        return -1;
    *out_ms = v;
    return 0;
}

static int read_time(const char *name, const char *text, struct cli_time *t, struct tm_err *e)
{
    if (t->given)
        return given_twice(name, e);
    t->given = cli_value_time(text, tm_clock_wall_ms(), &t->ms) == 0;
    return t->given ? 0
                    : refuse(name,
                             "a time such as 2026-11-24T12:00:00Z, 2026-11-24, now, or 24h for so "
                             "long ago",
                             text, e);
}

/* ---- words ---- */

static const char *word_of(const struct cli_choice *c, size_t i)
{
    return c->of != NULL ? c->of[i] : c->nth(i);
}

static int read_choice(const char *name, const char *text, struct cli_choice *c, struct tm_err *e)
{
    char want[WANT_MAX] = "";
    size_t len = 0;
    if (c->given)
        return given_twice(name, e);
    const char *word;
    for (size_t i = 0; (word = word_of(c, i)) != NULL; i++) {
        if (strcmp(word, text) == 0) {
            c->value = word;
            c->given = true;
            return 0;
        }
        const char *gap = i == 0 ? "" : word_of(c, i + 1) != NULL ? ", " : " or ";
        len += (size_t)snprintf(want + len, sizeof(want) - len, "%s%s", gap, word);
        if (len >= sizeof(want))
            len = sizeof(want) - 1;
    }
    return refuse(name, want, text, e);
}

static int read_text(const char *name, const char *text, const char **slot, struct tm_err *e)
{
    if (*slot != NULL)
        return given_twice(name, e);
    *slot = text;
    return *text != '\0' ? 0 : tm_err_set(e, "--%s: the value is empty", name);
}

static int add(const char *name, const char *text, struct cli_list *list, struct tm_err *e)
{
    if (list->count == CLI_LIST_MAX)
        return tm_err_set(e, TOO_OFTEN, name, CLI_LIST_MAX);
    return read_text(name, text, &list->item[list->count++], e);
}

/* The first of the names in *text without the spaces around it; *text moves behind its comma, or
 * becomes NULL. */
static char *next_name(char **text, size_t *len)
{
    char *p = *text + strspn(*text, " ");
    size_t n = strcspn(p, ",");
    *text = p[n] == ',' ? p + n + 1 : NULL;
    while (n > 0 && p[n - 1] == ' ')
        n--;
    *len = n;
    return p;
}

static int read_names(const char *name, char *text, struct cli_list *list, struct tm_err *e)
{
    size_t len;
    if (list->count > 0)
        return given_twice(name, e);
    for (char *rest = text; rest != NULL;) {
        (void)next_name(&rest, &len);
        if (len == 0)
            return refuse(name, "names with commas between them", text, e);
    }
    for (char *rest = text; rest != NULL;) {
        char *item = next_name(&rest, &len);
        item[len] = '\0';
        if (add(name, item, list, e) != 0)
            return -1;
    }
    return 0;
}

static int read_pair(const char *name, char *text, struct cli_pairs *p, struct tm_err *e)
{
    char want[WANT_MAX];
    size_t len = strcspn(text, "=");
    if (len == 0 || text[len] == '\0' || text[len + 1] == '\0') {
        snprintf(want, sizeof(want), "NAME=VALUE such as %s", p->like);
        return refuse(name, want, text, e);
    }
    if (p->count == CLI_LIST_MAX)
        return tm_err_set(e, TOO_OFTEN, name, CLI_LIST_MAX);
    p->item[p->count++] = (struct cli_pair){text, len, text + len + 1};
    return 0;
}

/* ---- digests ---- */

static const struct {
    const char *prefix;
    size_t len;
} digests[] = {{"sha256:", 32}, {"sha384:", 48}, {"sha512:", CLI_DIGEST_MAX}};

/* The length that `text` must then have in bytes; *hex is what stands behind its prefix. 0: no
 * digest has this length, or not this one. */
static size_t digest_len(const char *text, const char **hex)
{
    *hex = text;
    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
        size_t prefix = strlen(digests[i].prefix);
        bool named = strncmp(text, digests[i].prefix, prefix) == 0;
        if (strlen(named ? text + prefix : text) == 2 * digests[i].len) {
            *hex = named ? text + prefix : text;
            return digests[i].len;
        }
    }
    return 0;
}

static int read_digest(const char *name, const char *text, struct cli_digest *d, struct tm_err *e)
{
    struct tm_buf bytes = {0};
    const char *hex;
    if (d->len > 0)
        return given_twice(name, e);
    size_t len = digest_len(text, &hex);
    if (len > 0 && (!d->sha256_only || len == 32) && tm_hex_decode(hex, 2 * len, &bytes) == 0) {
        d->len = len;
        memcpy(d->bytes, bytes.data, len);
        tm_hex_encode(d->bytes, len, d->hex);
    }
    tm_buf_free(&bytes);
    return d->len > 0 ? 0
                      : refuse(name,
                               d->sha256_only ? "a SHA-256, 64 hexadecimal digits,"
                                              : "a digest of 32, 48 or 64 bytes in hexadecimal",
                               text, e);
}

int cli_value_read(enum cli_kind kind, const char *name, char *text, void *dest, struct tm_err *e)
{
    switch (kind) {
    case CLI_FLAG:
        break;
    case CLI_TEXT:
        return read_text(name, text, dest, e);
    case CLI_LIST:
        return add(name, text, dest, e);
    case CLI_NAMES:
        return read_names(name, text, dest, e);
    case CLI_NUMBER:
    case CLI_SIZE:
    case CLI_DURATION:
        return read_amount(kind, name, text, dest, e);
    case CLI_TIME:
        return read_time(name, text, dest, e);
    case CLI_CHOICE:
        return read_choice(name, text, dest, e);
    case CLI_PAIRS:
        return read_pair(name, text, dest, e);
    case CLI_DIGEST:
        return read_digest(name, text, dest, e);
    case CLI_KINDS:
        break;
    }
    return tm_err_set(e, "internal error: kind of --%s", name);
}
