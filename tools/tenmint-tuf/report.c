/* status, verify, diff, history: looking at what is published. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/shared/terminal.h"
#include "common/clock.h"
#include "tools/tenmint-tuf/commands.h"
#include "tools/tenmint-tuf/look.h"
#include "tools/shared/rehearsed.h"
#include "tools/tenmint-tuf/session.h"
#include "tuf/manager/evidence/complete.h"
#include "tuf/manager/evidence/kept.h"
#include "tuf/manager/report/audit.h"
#include "tuf/manager/rehearse/rehearse.h"
#include "tuf/manager/report/status.h"
#include "tuf/manager/review/difference.h"
#include "tuf/manager/policy/words.h"

static int print_json(json_t *v)
{
    char *text = json_dumps(v, JSON_INDENT(2));
    int rc = text != NULL && puts(text) >= 0 ? 0 : -1;
    free(text);
    json_decref(v);
    return rc;
}

/* When each kind of rotation was rehearsed last. */
static void put_rehearsed(const struct tm_rehearsed *last, int64_t now, struct tm_buf *out)
{
    tm_buf_puts(out, "\nrehearsed:");
    for (int k = 0; k < TUF_REHEARSAL_KINDS; k++) {
        char when[40] = "never";
        if (last[k].time != 0)
            tuf_words_relative(last[k].time, now, when);
        tm_buf_printf(out, "%s %s %s%s", k > 0 ? "," : "", tuf_rehearsal_names[k], when,
                      last[k].time != 0 && !last[k].passed ? " (FAILED)" : "");
    }
    buf_putc(out, '\n');
}

struct status_form { /* as the command line asks for it */
    bool json, prometheus;
    struct cli_choice colour;
};

/* `last`: of a workspace, or NULL. */
static int print_status(const struct tuf_status *s, const struct tuf_open_events *open,
                        const struct tm_rehearsed *last, const struct status_form *form)
{
    struct tm_buf out = {0};
    int64_t now = session_now();
    if (form->json) {
        json_t *v = tuf_status_json(s, open, now);
        if (last != NULL)
            json_object_set_new(v, "rehearsed",
                                cli_rehearsed_json(tuf_rehearsal_names, TUF_REHEARSAL_KINDS, last));
        print_json(v);
    } else {
        if (form->prometheus)
            tuf_status_prometheus(s, open, &out);
        else
            tuf_status_table(s, open, now, cli_colour(&form->colour), &out);
        if (last != NULL && !form->prometheus)
            put_rehearsed(last, now, &out);
        fwrite(out.data, 1, out.len, stdout);
    }
    tm_buf_free(&out);
    return s->level != STATUS_FINE || tuf_open_events_waiting(open) > 0 ? CLI_FOUND : CLI_OK;
}

/* A workspace whose first event waits has nothing published, and somebody must act. */
static int first_event(const struct tuf_open_events *open, const struct status_form *form)
{
    struct tuf_status none = {0};
    return print_status(&none, open, NULL, form);
}

int command_status(const struct cli_command *self, int argc, char **argv)
{
    struct status_form form = {.colour = CLI_COLOUR_INIT};
    const char *dir = NULL;
    const struct cli_option options[] = {
        CLI_JSON(&form.json),
        {"prometheus", CLI_FLAG, NULL, "as Prometheus text, for the textfile collector",
         &form.prometheus},
        CLI_COLOUR(&form.colour),
        DIR_OPTION(dir),
        {0},
    };
    struct look l;
    struct tuf_published p;
    struct tuf_status s = {0};
    struct tm_err e = {0};
    int count = 0;
    int rc = cli_parse_some(self, options, argc, argv, 0, 1, &count);
    if (rc != CLI_GO_ON)
        return rc;
    const char *where = count > 0 ? argv[0] : dir != NULL ? dir : ".";
    if (look_open(where, &l, &e) != 0)
        return cli_fail_json(form.json, CLI_FAILED, &e);
    if (look_load(&l, &p, &e) != 0) {
        rc = cli_fail_json(form.json, CLI_FAILED, &e);
    } else {
        struct tuf_open_events open = {0};
        struct tm_rehearsed last[TUF_REHEARSAL_KINDS] = {0};
        if (look_open_events(&l, where, &p, &open, &e) != 0 ||
            (l.workspace && tuf_rehearsals_last(where, last, &e) != 0))
            rc = cli_fail_json(form.json, CLI_FAILED, &e);
        else if (p.root_count == 0 && open.count > 0)
            rc = first_event(&open, &form);
        else if (tuf_status_read(&p, session_now(), &s, &e) != 0)
            rc = cli_fail_json(form.json, CLI_FAILED, &e);
        else
            rc = print_status(&s, &open, l.workspace ? last : NULL, &form);
        if (rc == CLI_OK || rc == CLI_FOUND)
            tuf_status_free(&s);
        tuf_open_events_free(&open);
        tuf_published_free(&p);
    }
    look_close(&l);
    return rc;
}

/* ---- verify ---- */

/* By the tree that it is about; one that cannot be loaded has its faults told already. `whole`: its
 * old versions are there too. */
static int verify_transcript(const char *dir, const char *path, bool whole, struct tm_err *e)
{
    struct tuf_published p = {0};
    struct tuf_evidence found = {0};
    struct tuf_kept kept = {0};
    struct tm_buf faults = {0};
    int rc = tuf_published_look(dir, &p, e);
    if (rc == 0)
        rc = tuf_evidence_check(path, &p, tuf_kept_line, &kept, &found, e);
    if (rc == 0 && whole)
        rc = tuf_kept_check(&kept, &p, &faults, e);
    if (rc == 0 && faults.len > 0) {
        fwrite(faults.data, 1, faults.len, stderr);
        rc = tm_err_set(e, "'%s' does not keep what it published", dir);
    }
    if (rc == 0) {
        printf("transcript: %lld lines, unbroken, one for every published version; every statement "
               "is by its key; %s\n",
               (long long)found.lines,
               found.headed
                   ? "the signed timestamp names the last of its publication"
                   : "no signed timestamp names its end yet (the next publication's will)");
        if (found.held > 0)
            printf("the holders signed what it said up to line %lld\n", (long long)found.held);
    }
    tuf_kept_free(&kept);
    tm_buf_free(&faults);
    tuf_published_free(&p);
    return rc;
}

static int print_audit(const struct tuf_audit *a, const char *where)
{
    if (a->notes.len > 0)
        fwrite(a->notes.data, 1, a->notes.len, stdout);
    if (a->faults.len > 0) {
        fwrite(a->faults.data, 1, a->faults.len, stderr);
        return CLI_FAILED;
    }
    printf("%s: good. %zu root%s, through which our client refreshes; %zu delegated role%s, "
           "%zu target%s\n",
           where, a->roots, a->roots == 1 ? "" : "s", a->delegated, a->delegated == 1 ? "" : "s",
           a->targets, a->targets == 1 ? "" : "s");
    return CLI_OK;
}

int command_verify(const struct cli_command *self, int argc, char **argv)
{
    const char *transcript = NULL;
    const struct cli_option options[] = {
        {"transcript", CLI_TEXT, "FILE", "check this copy of the transcript against the tree",
         &transcript},
        {0},
    };
    struct look l;
    struct cli_progress line = {0};
    const struct tuf_progress told = {session_progress, &line};
    struct tuf_audit a = {0};
    struct tm_err e = {0};
    int count = 0;
    int rc = cli_parse_some(self, options, argc, argv, 0, 1, &count);
    if (rc != CLI_GO_ON)
        return rc;
    const char *where = count > 0 ? argv[0] : ".";
    if (look_open(where, &l, &e) != 0)
        return cli_fail(CLI_FAILED, &e);
    const struct tuf_audit_options o = {
        .now = session_now(), .files = !l.temporary, .first_root = l.first_root, .progress = &told};
    rc = tuf_audit_tree(l.dir, &o, &a, &e);
    cli_progress_end(&line);
    if (rc == 0)
        rc = print_audit(&a, where);
    else
        rc = cli_fail(CLI_FAILED, &e);
    if (transcript == NULL && l.workspace)
        transcript = l.transcript;
    if (transcript != NULL && verify_transcript(l.dir, transcript, !l.temporary, &e) != 0)
        rc = cli_fail(CLI_FAILED, &e);
    tuf_audit_free(&a);
    look_close(&l);
    return rc;
}

/* ---- diff ---- */

static void diff_role(const char *name, const struct tuf_metadata *a, const struct tuf_metadata *b,
                      struct tm_buf *out)
{
    if (b == NULL || tuf_metadata_equal(a, b))
        return;
    tuf_words_safe(name, out);
    buf_putc(out, '\n');
    tuf_words_difference(a, b, true, out);
}

struct trees {
    const struct tuf_published *a, *b;
    struct tm_buf *out;
};

static int diff_delegated(void *arg, const char *file, const struct tuf_file_info *info,
                          struct tm_err *e)
{
    const struct trees *t = arg;
    char name[TUF_ROLE_NAME_MAX + 1];
    struct tuf_metadata *x = NULL;
    struct tuf_metadata *y = NULL;
    size_t len = strlen(file);
    (void)info;
    (void)e;
    if (len < 6 || len - 5 >= sizeof(name) || strcmp(file, "targets.json") == 0)
        return 0;
    snprintf(name, sizeof(name), "%.*s", (int)(len - 5), file);
    if (tuf_published_delegated(t->b, name, &y, NULL) == 0 &&
        tuf_published_delegated(t->a, name, &x, NULL) == 0)
        diff_role(name, x, y, t->out);
    tuf_metadata_free(x);
    tuf_metadata_free(y);
    return 0;
}

static int diff(const struct tuf_published *a, const struct tuf_published *b)
{
    static const enum tuf_role order[] = {TUF_ROOT, TUF_TARGETS, TUF_SNAPSHOT, TUF_TIMESTAMP};
    struct tm_buf out = {0};
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        diff_role(tuf_role_name(order[i]), tuf_published_role(a, order[i]),
                  tuf_published_role(b, order[i]), &out);
    struct trees t = {a, b, &out};
    (void)tuf_entries_each(b->snapshot, diff_delegated, &t, NULL);
    if (out.len == 0)
        printf("no difference\n");
    else
        fwrite(out.data, 1, out.len, stdout);
    tm_buf_free(&out);
    return CLI_OK;
}

static int load_tree(const char *where, struct look *l, struct tuf_published *p, struct tm_err *e)
{
    if (look_open(where, l, e) != 0)
        return -1;
    if (look_load(l, p, e) != 0)
        return -1;
    return p->root_count > 0 ? 0 : tuf_published_missing(where, e);
}

int command_diff(const struct cli_command *self, int argc, char **argv)
{
    const struct cli_option options[] = {{0}};
    struct look l[2] = {0};
    struct tuf_published p[2] = {0};
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 2);
    if (rc != CLI_GO_ON)
        return rc;
    rc = load_tree(argv[0], &l[0], &p[0], &e) == 0 && load_tree(argv[1], &l[1], &p[1], &e) == 0
             ? diff(&p[0], &p[1])
             : cli_fail(CLI_FAILED, &e);
    for (int i = 0; i < 2; i++) {
        tuf_published_free(&p[i]);
        look_close(&l[i]);
    }
    return rc;
}

/* ---- history ---- */

static int print_line(void *arg, const struct tuf_line *l, struct tm_err *e)
{
    (void)arg;
    (void)e;
    const struct {
        const char *name, *text;
    } members[] = {{"holder", l->holder},
                   {"event", l->event},
                   {"reason", l->reason},
                   {"fingerprint", l->fingerprint},
                   {"digest", l->digest}};
    static const enum tuf_role order[] = {TUF_ROOT, TUF_TARGETS, TUF_SNAPSHOT, TUF_TIMESTAMP};
    struct tm_buf line = {0};
    tm_buf_printf(&line, "%4lld  ", (long long)l->n);
    tuf_words_safe(l->time != NULL ? l->time : "?", &line);
    tm_buf_puts(&line, "  ");
    tuf_words_safe(l->what, &line);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (members[i].text == NULL || members[i].text[0] == '\0')
            continue;
        tm_buf_printf(&line, "  %s=", members[i].name);
        tuf_words_safe(members[i].text, &line);
    }
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if (l->version[order[i]] != 0)
            tm_buf_printf(&line, "  %s=%lld", tuf_role_name(order[i]),
                          (long long)l->version[order[i]]);
    }
    puts(tm_buf_str(&line) != NULL ? tm_buf_str(&line) : "out of memory");
    tm_buf_free(&line);
    return 0;
}

static void print_roots(const struct tuf_published *p)
{
    if (p->unread.len > 0)
        fwrite(p->unread.data, 1, p->unread.len, stdout);
    for (size_t i = 0; i < p->root_count; i++) {
        struct tm_buf out = {0};
        tuf_words_difference(i > 0 ? p->roots[i - 1] : NULL, p->roots[i], true, &out);
        printf("root %lld\n%s", (long long)tuf_metadata_version(p->roots[i]),
               tm_buf_str(&out) != NULL ? tm_buf_str(&out) : "");
        tm_buf_free(&out);
    }
}

/* What can be read of a tree by others that no client can follow. */
static void print_unfollowed(const struct look *l)
{
    struct tuf_published p;
    if (l->workspace || l->dir[0] == '\0' || tuf_published_history(l->dir, &p, NULL) != 0)
        return;
    print_roots(&p);
    fflush(stdout);
    tuf_published_free(&p);
}

int command_history(const struct cli_command *self, int argc, char **argv)
{
    bool transcript = false;
    const struct cli_option options[] = {
        {"lines", CLI_FLAG, NULL, "the transcript of the workspace, line by line, checked",
         &transcript},
        {0},
    };
    struct look l = {0};
    struct tuf_published p = {0};
    struct tuf_evidence found;
    struct tm_err e = {0};
    int count = 0;
    int rc = cli_parse_some(self, options, argc, argv, 0, 1, &count);
    if (rc != CLI_GO_ON)
        return rc;
    const char *where = count > 0 ? argv[0] : ".";
    rc = load_tree(where, &l, &p, &e);
    if (rc != 0 && !transcript)
        print_unfollowed(&l);
    if (rc == 0 && transcript && !l.workspace) {
        tm_err_set(&e, "'%s' is no workspace, so there is no transcript", where);
        rc = tm_err_mark(&e, ERR_REFUSED);
    }
    if (rc == 0 && !transcript)
        print_roots(&p);
    if (rc == 0 && l.workspace)
        rc = tuf_evidence_check(l.transcript, &p, transcript ? print_line : NULL, NULL, &found, &e);
    tuf_published_free(&p);
    look_close(&l);
    return rc == 0 ? CLI_OK : cli_fail(CLI_FAILED, &e);
}
