/* log watch: a monitor. One look, or one after the other. */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "ca/log/monitor/match.h"
#include "ca/log/monitor/watch.h"
#include "common/clock.h"
#include "tools/shared/printed.h"
#include "tools/tenmint-log/commands.h"
#include "tools/tenmint-log/print.h"
#include "tools/tenmint-log/target.h"

#define WATCH_DURATION_MAX_MS (3650LL * 86400000)
#define STATE_PATH_MAX 3800

struct watcher {
    struct ca_watch_options o;
    struct log_target target;
    struct ca_identities mine;
    bool has_mine, json, fail_on_match;
    uint64_t matched, near; /* in this look */
    struct log_unreadable unreadable;
    char evidence[STATE_PATH_MAX + 16];
};

/* A certificate that cannot be read may be hiding whose it is: with --json each is reported. */
static int on_entry(void *ctx, uint64_t index, const struct tm_entry *n, struct tm_err *e)
{
    struct watcher *w = ctx;
    struct tm_err why = {0};
    enum ca_filter_result r = FILTER_MISS;
    if (!w->has_mine)
        return 0;
    if (ca_identities_entry(&w->mine, n, &r, &why) != 0) {
        log_unreadable_add(&w->unreadable, index, &why);
        return w->json ? cli_print_json(log_entry_json(index, n), e) : 0;
    }
    w->near += r == FILTER_NEAR ? 1 : 0;
    if (r != FILTER_MATCH)
        return 0;
    if (w->json)
        return w->matched++, cli_print_json(log_entry_json(index, n), e);
    if (w->matched++ == 0)
        log_print_header(n);
    log_print_row(index, n);
    return 0;
}

/* Reports are out before the state says that they were. */
static int on_advance(void *ctx, const struct tm_frontier *f, struct tm_err *e)
{
    (void)ctx;
    (void)f;
    return log_flush(e);
}

static void say(const struct watcher *w, const struct ca_head *h, uint64_t before)
{
    if (w->json)
        return;
    log_print_origin(stderr, h);
    fprintf(stderr, ": size %" PRIu64 ", %" PRIu64 " new, %" PRIu64 " matching%s\n", h->tree.size,
            h->tree.size - before, w->matched,
            h->verified ? "" : "; signature NOT CHECKED: no --key");
    if (w->near > 0)
        fprintf(stderr, "%" PRIu64 " differ from yours only in case, or in a slash at the end\n",
                w->near);
}

static int look(struct watcher *w, struct tm_err *e)
{
    static const int exits[] = {[WATCH_OK] = CLI_OK,
                                [WATCH_FAILED] = CLI_FAILED,
                                [WATCH_ROLLBACK] = CLI_DANGER,
                                [WATCH_FORK] = CLI_DANGER};
    struct ca_watch_state state;
    struct ca_head h;
    if (ca_watch_state_load(w->o.state_path, &state, e) != 0)
        return CLI_FAILED;
    w->matched = 0;
    w->near = 0;
    w->unreadable = (struct log_unreadable){0};
    w->o.now_ms = tm_clock_wall_ms();
    uint64_t before = state.at.size;
    enum ca_watch_result r = ca_watch_look(&w->o, &state, &h, e);
    if (r == WATCH_OK)
        say(w, &h, before);
    if (r == WATCH_ROLLBACK || r == WATCH_FORK)
        fprintf(stderr, "both checkpoints are in %s/\n", w->o.evidence_dir);
    uint64_t size = h.tree.size;
    ca_head_free(&h);
    ca_watch_state_free(&state);
    if (log_flush(e) != 0)
        return CLI_FAILED;
    if (r != WATCH_OK)
        return exits[r];
    if (w->fail_on_match && w->matched > 0)
        return CLI_FOUND;
    return log_unreadable_end(&w->unreadable, size - before, e);
}

/* Looks until a signal; a log that cannot be reached is looked at again, one that forks is not. */
static int look_on(struct watcher *w, int64_t interval_ms, struct tm_err *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    struct timespec pause = {.tv_sec = interval_ms / 1000,
                             .tv_nsec = (interval_ms % 1000) * 1000000};
    for (;;) {
        int rc = look(w, e);
        if (rc == CLI_DANGER || rc == CLI_FOUND)
            return rc;
        if (rc != CLI_OK)
            (void)cli_fail_json(w->json, rc, e);
        if (sigtimedwait(&set, NULL, &pause) > 0)
            return CLI_OK;
    }
}

/* One watcher a state: two would write over each other's memory. Held until the process ends. */
static int lock_state(const char *path, struct tm_err *e)
{
    char name[STATE_PATH_MAX + 16];
    if (strlen(path) > STATE_PATH_MAX)
        return tm_err_set(e, "--state: the path is too long");
    snprintf(name, sizeof(name), "%s.lock", path);
    int fd = open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (fd < 0)
        return tm_err_errno(e, "'%s'", name);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    close(fd);
    return tm_err_set(e, "'%s' is in use by another watcher", path);
}

struct words {
    const char *state, *evidence, *mine;
    struct cli_amount start, interval, max_age;
    bool once;
};

static int configure(struct watcher *w, const struct words *x, struct tm_err *e)
{
    if (x->state == NULL)
        return tm_err_set(e, "--state FILE is missing: what was seen must be kept");
    if (w->fail_on_match && x->mine == NULL)
        return tm_err_set(e, "--fail-on-match needs --identities: without, nothing can match");
    if (x->once == x->interval.given)
        return tm_err_set(e, "want either --once or --interval DURATION");
    w->o.max_age_ms = x->max_age.value;
    w->o.start_at_end = x->start.is_word;
    w->o.start = (uint64_t)x->start.value;
    w->o.state_path = x->state;
    snprintf(w->evidence, sizeof(w->evidence), "%.*s.evidence", STATE_PATH_MAX, x->state);
    w->o.evidence_dir = x->evidence != NULL ? x->evidence : w->evidence;
    w->o.sink = (struct ca_scan_sink){w, on_entry, on_advance};
    return 0;
}

int command_log_watch(const struct cli_command *self, int argc, char **argv)
{
    struct log_flags f = LOG_FLAGS_INIT;
    struct words x = {.start = {.max = INT64_MAX, .word = "now"},
                      .interval = {.min = 1, .max = WATCH_DURATION_MAX_MS},
                      .max_age = {.min = 1, .max = WATCH_DURATION_MAX_MS}};
    struct watcher w = {.json = false};
    const struct cli_option options[] = {
        {"state", CLI_TEXT, "FILE", "what was seen so far; made by the first look", &x.state},
        {"identities", CLI_TEXT, "FILE",
         "YAML: lists identity, identity-regexp, repository, issuer: report those", &x.mine},
        {"once", CLI_FLAG, NULL, "one look, as from cron", &x.once},
        {"interval", CLI_DURATION, "DURATION", "look again and again: 30s, 15m", &x.interval},
        {"start", CLI_NUMBER, "N|now", "first look: the first entry to read (0)", &x.start},
        {"max-age", CLI_DURATION, "DURATION", "fail when the checkpoint is older", &x.max_age},
        {"evidence", CLI_TEXT, "DIR", "for the checkpoints of a fork (STATE.evidence)",
         &x.evidence},
        {"fail-on-match", CLI_FLAG, NULL, "exit 5 after reporting a certificate", &w.fail_on_match},
        CLI_JSON_LINES(&w.json),
        LOG_OPTIONS(f),
        {0},
    };
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    if (configure(&w, &x, &e) != 0)
        return cli_fail_json(w.json, CLI_USAGE, &e);
    w.has_mine = x.mine != NULL;
    if (w.has_mine && ca_identities_load(x.mine, &w.mine, &e) != 0)
        return cli_fail_json(w.json, CLI_CONFIG, &e);
    rc = lock_state(x.state, &e) == 0 ? log_target_open(&w.target, argv[0], &f, &e) : CLI_FAILED;
    w.o.source = w.target.source;
    w.o.trust = &w.target.trust;
    if (rc == CLI_OK)
        rc = x.once ? look(&w, &e) : look_on(&w, x.interval.value, &e);
    log_target_close(&w.target);
    ca_identities_free(&w.mine);
    return rc == CLI_OK || rc == CLI_FOUND ? rc : cli_fail_json(w.json, rc, &e);
}
