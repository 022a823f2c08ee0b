#include "tools/tenmint/token_look.h"

#include <inttypes.h>

#include "common/clock.h"
#include "oidc/token/claim.h"

static void put_audience(const json_t *aud, struct tm_buf *out)
{
    size_t i;
    const json_t *one;
    if (json_is_string(aud)) {
        tm_buf_printf(out, "'%.80s'", json_string_value(aud));
    } else if (json_array_size(aud) > 0) {
        json_array_foreach(aud, i, one)
            tm_buf_printf(out, "%s'%.60s'", i > 0 ? " and " : "",
                          json_is_string(one) ? json_string_value(one) : "?");
    } else {
        tm_buf_puts(out, "no audience");
    }
}

static void put_length(int64_t s, struct tm_buf *out)
{
    if (s < 120)
        tm_buf_printf(out, "%" PRId64 " s", s);
    else if (s < 7200)
        tm_buf_printf(out, "%" PRId64 " min", s / 60);
    else
        tm_buf_printf(out, "%" PRId64 " h", s / 3600);
}

/* 0: the claim is no time that can be shown. */
static int64_t time_of(const json_t *claims, const char *name)
{
    struct tm_err ignored = {0};
    double at = 0;
    oidc_claim_time(claims, name, &at, &ignored);
    return (int64_t)at;
}

void token_look(const struct oidc_token *t, int64_t now_s, struct tm_buf *out)
{
    int64_t end = time_of(t->claims, "exp");
    int64_t begin = time_of(t->claims, "nbf");
    char at[21];
    if (begin == 0)
        begin = time_of(t->claims, "iat");
    tm_buf_printf(out, "the token is of issuer '%.120s' for audience ", t->iss);
    put_audience(oidc_claim_find(t->claims, "aud"), out);
    tm_clock_format(end != 0 && end <= now_s ? end : begin, at);
    if (end == 0) {
        tm_buf_puts(out, " and has no expiry");
    } else if (end <= now_s) {
        tm_buf_printf(out, " and expired at %s, ", at);
        put_length(now_s - end, out);
        tm_buf_puts(out, " ago by this machine's clock: get a fresh one");
    } else if (begin > now_s) {
        tm_buf_printf(out, " and begins at %s, in ", at);
        put_length(begin - now_s, out);
        tm_buf_puts(out, " by this machine's clock");
    } else {
        tm_buf_puts(out, " and expires in ");
        put_length(end - now_s, out);
        tm_buf_puts(out, ": does this CA trust that issuer and audience?");
    }
}
