#include "common/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 1000000
#define DEPTH_MAX 1000
#define HEAP_MAX_KIB 8192

struct tm_pattern {
    pcre2_code *code;
    pcre2_match_context *limits;
};

struct tm_pattern *tm_pattern_new(const char *text, enum tm_pattern_extent extent, struct tm_err *e)
{
    const uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY |
                             (extent == PATTERN_WHOLE ? PCRE2_ANCHORED | PCRE2_ENDANCHORED : 0);
    int code = 0;
    PCRE2_SIZE at = 0;
    if (strlen(text) > PATTERN_MAX)
        return tm_err_null(e, "the regular expression is longer than %d bytes", PATTERN_MAX);
    struct tm_pattern *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return tm_err_null(e, "out of memory");
    p->code = pcre2_compile((PCRE2_SPTR)text, strlen(text), options, &code, &at, NULL);
    if (p->code == NULL) {
        PCRE2_UCHAR why[128] = "";
        pcre2_get_error_message(code, why, sizeof(why));
        tm_err_set(e, "regular expression '%.200s', at character %zu: %s", text, (size_t)at + 1,
                   (const char *)why);
        tm_pattern_free(p);
        return NULL;
    }
    p->limits = pcre2_match_context_create(NULL);
    if (p->limits == NULL) {
        tm_err_set(e, "out of memory");
        tm_pattern_free(p);
        return NULL;
    }
    pcre2_set_match_limit(p->limits, STEPS_MAX);
    pcre2_set_depth_limit(p->limits, DEPTH_MAX);
    pcre2_set_heap_limit(p->limits, HEAP_MAX_KIB);
    return p;
}

void tm_pattern_free(struct tm_pattern *p)
{
    if (p == NULL)
        return;
    pcre2_code_free(p->code);
    pcre2_match_context_free(p->limits);
    free(p);
}

int tm_pattern_match(const struct tm_pattern *p, const char *text, size_t len, struct tm_err *e)
{
    pcre2_match_data *data = pcre2_match_data_create(1, NULL); /* each thread its own */
    if (data == NULL)
        return tm_err_set(e, "out of memory");
    int rc = pcre2_match(p->code, (PCRE2_SPTR)text, len, 0, 0, data, p->limits);
    pcre2_match_data_free(data);
    if (rc >= 0)
        return 1;
    if (rc == PCRE2_ERROR_NOMATCH)
        return 0;
    PCRE2_UCHAR why[128] = "";
    pcre2_get_error_message(rc, why, sizeof(why));
    return tm_err_set(e, "the regular expression could not be matched: %s", (const char *)why);
}
