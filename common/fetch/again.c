#include "common/fetch/again.h"

#include <errno.h>
#include <openssl/rand.h>
#include <time.h>

#define FIRST_PAUSE_MS 500
#define PAUSE_MAX_MS 30000

bool tm_fetch_may_pass(int rc, const struct tm_fetch_response *resp)
{
    if (rc != 0)
        return resp->lost;
    return resp->status == 429 || (resp->status >= 502 && resp->status <= 504);
}

int64_t tm_fetch_pause_ms(unsigned tried, int64_t retry_after_s)
{
    int64_t ms = FIRST_PAUSE_MS;
    unsigned char chance = 0;
    for (unsigned i = 1; i < tried && ms < PAUSE_MAX_MS; i++)
        ms *= 2;
    if (retry_after_s >= PAUSE_MAX_MS / 1000)
        ms = PAUSE_MAX_MS;
    else if (ms < retry_after_s * 1000)
        ms = retry_after_s * 1000;
    if (RAND_bytes(&chance, 1) != 1)
        chance = 0; /* then without */
    ms += ms * chance / 1024;
    return ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
}

void tm_fetch_pause(unsigned tried, int64_t retry_after_s)
{
    int64_t ms = tm_fetch_pause_ms(tried, retry_after_s);
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

int tm_fetch_run_again(const struct tm_fetch_request *req, struct tm_fetch_response *resp,
                       struct tm_err *e)
{
    unsigned tries = req->tries > 0 ? req->tries : TM_FETCH_TRIES;
    for (unsigned tried = 1;; tried++) {
        int rc = tm_fetch_run(req, resp, e);
        if (!tm_fetch_may_pass(rc, resp))
            return rc;
        if (tried >= tries)
            return rc == 0 ? 0 : tm_err_wrap(e, "tried %u times", tried);
        int64_t retry_after_s = resp->retry_after_s;
        tm_fetch_response_free(resp);
        tm_fetch_pause(tried, retry_after_s);
    }
}
