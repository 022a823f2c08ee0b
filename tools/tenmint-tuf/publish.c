/* publish and refresh: what the online machine does. */
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "common/jlog.h"
#include "tools/tenmint-tuf/commands.h"
#include "tools/tenmint-tuf/session.h"
#include "tuf/manager/publish/publish.h"

#define WATCH_MIN_S 1
#define WATCH_MAX_S 86400
#define CLOCK_OPTION(o) \
    { \
        "clock-ok", CLI_FLAG, NULL, "the clock is right, though the transcript has a later time", \
            &(o).clock_ok \
    }

static void print_report(const struct tuf_workspace *w, const struct tuf_publish_report *r)
{
    if (!r->changed) {
        printf("nothing to do: root %lld, targets %lld, snapshot %lld, timestamp %lld stand\n",
               (long long)r->root, (long long)r->targets, (long long)r->snapshot,
               (long long)r->timestamp);
        return;
    }
    printf("published in %s: root %lld, targets %lld, snapshot %lld, timestamp %lld\n",
           w->published, (long long)r->root, (long long)r->targets, (long long)r->snapshot,
           (long long)r->timestamp);
    if (r->delegated > 0)
        printf("%zu delegated role%s renewed\n", r->delegated, r->delegated == 1 ? "" : "s");
    printf("our own client refreshed from the first root through all %lld, and from the state "
           "before; %zu file%s%s\n",
           (long long)r->root, r->files, r->files == 1 ? "" : "s",
           r->exchanged ? ", the whole tree switched at once" : "");
}

/* `o` is complete but for the event. */
static int publish(const char *dir, const char *path, struct tuf_publish_options o)
{
    struct tuf_workspace w;
    struct tuf_event ev = {0};
    struct tuf_publish_report report;
    struct tm_err e = {0};
    struct cli_progress line = {0};
    const struct tuf_progress told = {session_progress, &line};
    if (tuf_workspace_open(dir != NULL ? dir : ".", &w, &e) != 0)
        return cli_fail(CLI_CONFIG, &e);
    o.progress = &told;
    int rc = path != NULL ? tuf_event_read(path, &told, &ev, &e) : 0;
    if (rc == 0)
        rc = tuf_workspace_lock(&w, LOCK_WAIT_MS, &e);
    o.event = path != NULL ? &ev : NULL;
    if (rc == 0)
        rc = tuf_publish_run(&w, &o, &report, &e);
    cli_progress_end(&line);
    if (rc == 0)
        print_report(&w, &report);
    tuf_event_free(&ev);
    tuf_workspace_close(&w);
    return rc == 0 ? CLI_OK : cli_fail(CLI_FAILED, &e);
}

int command_publish(const struct cli_command *self, int argc, char **argv)
{
    const char *dir = NULL;
    struct tuf_publish_options o = {.now = session_now()};
    const struct cli_option options[] = {
        DIR_OPTION(dir),
        {"force", CLI_FLAG, NULL, "a new snapshot and timestamp although nothing changed",
         &o.force},
        CLOCK_OPTION(o),
        {"allow-gap", CLI_FLAG, NULL,
         "if the file system cannot switch whole trees: file by file, clients may fail meanwhile",
         &o.allow_gap},
        {0},
    };
    int count = 0;
    int rc = cli_parse_some(self, options, argc, argv, 0, 1, &count);
    return rc != CLI_GO_ON ? rc : publish(dir, count > 0 ? argv[0] : NULL, o);
}

/* ---- refresh ---- */

static int refresh_once(const char *dir, const struct tuf_publish_options *options,
                        struct tuf_publish_report *report, struct tm_err *e)
{
    struct tuf_workspace w;
    struct tuf_publish_options o = *options;
    o.refresh = true;
    o.now = session_now();
    if (tuf_workspace_open(dir, &w, e) != 0)
        return -1;
    int rc = tuf_workspace_lock(&w, LOCK_WAIT_MS, e);
    if (rc == 0)
        rc = tuf_publish_run(&w, &o, report, e);
    tuf_workspace_close(&w);
    return rc;
}

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
    (void)sig;
    stopped = 1;
}

/* Looks again and again; a failure is logged and tried again at the next look. */
static int watch(const char *dir, const struct tuf_publish_options *o, long seconds)
{
    struct tm_jlog *log = tm_jlog_new(STDOUT_FILENO, JLOG_INFO);
    struct sigaction sa = {.sa_handler = stop};
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
    for (bool first = true; !stopped; first = false) {
        struct tuf_publish_report r = {0};
        struct tm_err e = {0};
        bool done = refresh_once(dir, o, &r, &e) == 0;
        if (!done && first && e.kind == ERR_REFUSED) { /* no other look will find a workspace */
            tm_jlog_free(log);
            return cli_fail(CLI_FAILED, &e);
        }
        if (!done)
            jlog(log, JLOG_ERROR, "refresh failed", JLOG_STR("reason", e.text), JLOG_END);
        else if (r.changed)
            jlog(log, JLOG_INFO, "refreshed", JLOG_INT("timestamp", r.timestamp),
                 JLOG_INT("snapshot", r.snapshot), JLOG_END);
        struct timespec pause = {.tv_sec = seconds};
        if (!stopped)
            nanosleep(&pause, NULL);
    }
    tm_jlog_free(log);
    return CLI_OK;
}

int command_refresh(const struct cli_command *self, int argc, char **argv)
{
    const char *dir = NULL;
    struct cli_amount every = {.min = WATCH_MIN_S * 1000, .max = WATCH_MAX_S * 1000};
    struct tuf_publish_options o = {0};
    const struct cli_option options[] = {
        DIR_OPTION(dir),
        {"force", CLI_FLAG, NULL, "re-sign although nothing is due", &o.force},
        CLOCK_OPTION(o),
        {"watch", CLI_DURATION, "DURATION", "stay, and look again this often, until SIGTERM",
         &every},
        {0},
    };
    struct tuf_publish_report report = {0};
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 0);
    if (rc != CLI_GO_ON)
        return rc;
    dir = dir != NULL ? dir : ".";
    if (every.given) {
        o.force = false;
        return watch(dir, &o, every.value / 1000);
    }
    if (refresh_once(dir, &o, &report, &e) != 0)
        return cli_fail(CLI_FAILED, &e);
    if (report.changed)
        printf("refreshed: snapshot %lld, timestamp %lld\n", (long long)report.snapshot,
               (long long)report.timestamp);
    else
        printf("nothing is due: snapshot %lld, timestamp %lld stand\n", (long long)report.snapshot,
               (long long)report.timestamp);
    return CLI_OK;
}
