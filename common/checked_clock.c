#include "common/checked_clock.h"

#include <stdlib.h>
#include <sys/timex.h>
#include <time.h>

#include "common/clock.h"
#include "common/promtext.h"

static int64_t running_ms(void)
{
    struct timespec ts;
    if (clock_gettime(CLOCK_BOOTTIME, &ts) != 0)
        return tm_clock_mono_ms();
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static enum tm_clock_sync kernel_sync(void)
{
    struct timex t = {.modes = 0}; /* only read */
    int state = adjtimex(&t);
    if (state < 0)
        return CLOCK_SYNC_UNKNOWN;
    return state == TIME_ERROR || (t.status & STA_UNSYNC) != 0 ? CLOCK_SYNC_NO : CLOCK_SYNC_YES;
}

const struct tm_clock_source tm_clock_system = {tm_clock_wall_ms, running_ms, kernel_sync};

/* Wall less running. Read twice around, so that a thread that was put aside between the two
 * readings does not look like a clock that was set. */
static int64_t read_place(const struct tm_checked_clock *c, int64_t *wall, int64_t *running)
{
    for (int i = 0;; i++) {
        int64_t before = c->source->running_ms();
        *wall = c->source->wall_ms();
        *running = c->source->running_ms();
        if (*running - before < 100 || i == 8)
            return *wall - *running;
    }
}

void tm_checked_clock_init(struct tm_checked_clock *c, const struct tm_clock_source *source,
                           struct tm_jlog *jlog)
{
    int64_t wall = 0;
    int64_t running = 0;
    *c = (struct tm_checked_clock){.source = source != NULL ? source : &tm_clock_system,
                                   .jlog = jlog,
                                   .slack_ms = CLOCK_SLACK_MS};
    pthread_mutex_init(&c->lock, NULL);
    atomic_init(&c->offset_ms, read_place(c, &wall, &running));
    atomic_init(&c->doubted, false);
}

void tm_checked_clock_free(struct tm_checked_clock *c)
{
    pthread_mutex_destroy(&c->lock);
}

static void doubt(struct tm_checked_clock *c, int64_t place, int64_t running)
{
    c->place_ms = place;
    c->since_ms = running;
    if (atomic_load(&c->doubted))
        return;
    atomic_store(&c->doubted, true);
    c->jumps++;
    jlog(c->jlog, JLOG_ERROR, "the clock jumped: nothing is dated by it until it is right again",
         JLOG_INT("jump_ms", place - atomic_load(&c->offset_ms)), JLOG_END);
}

static void trust(struct tm_checked_clock *c, int64_t place, const char *why)
{
    atomic_store(&c->offset_ms, place);
    atomic_store(&c->doubted, false);
    jlog(c->jlog, JLOG_INFO, "the clock is trusted again", JLOG_STR("detail", why), JLOG_END);
}

/* The slow way: the clock is not where it should be, or was not. The lock is held. */
static bool judge(struct tm_checked_clock *c, int64_t place, int64_t running)
{
    if (llabs(place - atomic_load(&c->offset_ms)) <= c->slack_ms) {
        if (atomic_load(&c->doubted))
            trust(c, atomic_load(&c->offset_ms), "it is back");
    } else if (!atomic_load(&c->doubted) || llabs(place - c->place_ms) > c->slack_ms) {
        doubt(c, place, running);
    } else if (running - c->since_ms >= CLOCK_SETTLE_MS && c->source->sync() == CLOCK_SYNC_YES) {
        trust(c, place, "a time service keeps it where it is now");
    }
    return !atomic_load(&c->doubted);
}

static bool is_trusted(struct tm_checked_clock *c, int64_t *wall, int64_t *apart)
{
    int64_t running = 0;
    int64_t place = read_place(c, wall, &running);
    *apart = place - atomic_load(&c->offset_ms);
    if (llabs(*apart) <= c->slack_ms && !atomic_load(&c->doubted))
        return true;
    pthread_mutex_lock(&c->lock);
    bool trusted = judge(c, place, running);
    *apart = place - atomic_load(&c->offset_ms);
    pthread_mutex_unlock(&c->lock);
    return trusted;
}

int tm_checked_clock_now(struct tm_checked_clock *c, int64_t *ms, struct tm_err *e)
{
    int64_t apart = 0;
    if (is_trusted(c, ms, &apart))
        return 0;
    return tm_err_set(e,
                      "the clock is not trusted: it was set %lld s %s while the server ran. Set it "
                      "right, or if it is right now, restart",
                      (long long)llabs(apart) / 1000, apart > 0 ? "ahead" : "back");
}

struct tm_clock_facts tm_checked_clock_facts(struct tm_checked_clock *c)
{
    struct tm_clock_facts f = {.sync = c->source->sync()};
    int64_t wall = 0;
    f.trusted = is_trusted(c, &wall, &f.apart_ms);
    pthread_mutex_lock(&c->lock);
    f.jumps = c->jumps;
    pthread_mutex_unlock(&c->lock);
    return f;
}

void tm_checked_clock_metrics(struct tm_checked_clock *c, struct tm_buf *out)
{
    const struct tm_clock_facts f = tm_checked_clock_facts(c);
    tm_promtext_head(out, "tenmint_clock_trusted", "gauge",
                     "0: the wall clock jumped, and nothing is issued.");
    tm_buf_printf(out, "tenmint_clock_trusted %d\n", f.trusted ? 1 : 0);
    tm_promtext_head(out, "tenmint_clock_apart_seconds", "gauge",
                     "How far the wall clock is from where it should be.");
    tm_buf_printf(out, "tenmint_clock_apart_seconds %g\n", (double)f.apart_ms / 1000);
    tm_promtext_head(out, "tenmint_clock_jumps_total", "counter",
                     "Times that the wall clock was found to have jumped.");
    tm_buf_printf(out, "tenmint_clock_jumps_total %llu\n", (unsigned long long)f.jumps);
    if (f.sync == CLOCK_SYNC_UNKNOWN)
        return;
    tm_promtext_head(out, "tenmint_clock_synchronised", "gauge",
                     "Whether the kernel says that a time service keeps the clock.");
    tm_buf_printf(out, "tenmint_clock_synchronised %d\n", f.sync == CLOCK_SYNC_YES ? 1 : 0);
}
