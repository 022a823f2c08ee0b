/* status, diff, history: looking at what is published. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/shared/printed.h"
#include "tools/shared/terminal.h"
#include "tools/tenmint-tuf/commands.h"
#include "tools/tenmint-tuf/look.h"
#include "tools/shared/rehearsed.h"
#include "tools/tenmint-tuf/session.h"
#include "tuf/manager/evidence/complete.h"
#include "tuf/manager/rehearse/rehearse.h"
#include "tuf/manager/report/status.h"
#include "tuf/manager/review/difference.h"
#include "tuf/manager/policy/words.h"

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
        if (last[k].skipped > 0)
            tm_buf_printf(out, " (%zu steps skipped)", last[k].skipped);
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
        (void)cli_print_json_indented(v, NULL);
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

/* ---- diff ---- */

static void print_words(const char *name, const struct tm_buf *words)
{
    struct tm_buf safe = {0};
    tuf_words_safe(name, &safe);
    printf("%.*s\n%.*s", (int)safe.len, (const char *)safe.data, (int)words->len,
           (const char *)words->data);
    tm_buf_free(&safe);
}

struct trees {
    const struct tuf_published *a, *b;
    json_t *roles; /* NULL: in words, on standard output */
    size_t differ;
};

static void diff_role(const char *name, const struct tuf_metadata *a, const struct tuf_metadata *b,
                      struct trees *t)
{
    struct tm_buf words = {0};
    if (b == NULL || tuf_metadata_equal(a, b))
        return;
    t->differ++;
    tuf_words_difference(a, b, true, &words);
    if (t->roles != NULL)
        json_array_append_new(t->roles, json_pack("{s:s, s:o}", "role", name, "changes",
                                                  cli_lines_json(words.data, words.len)));
    else
        print_words(name, &words);
    tm_buf_free(&words);
}

static int diff_delegated(void *arg, const char *file, const struct tuf_file_info *info,
                          struct tm_err *e)
{
    struct trees *t = arg;
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
        diff_role(name, x, y, t);
    tuf_metadata_free(x);
    tuf_metadata_free(y);
    return 0;
}

static int diff(const struct tuf_published *a, const struct tuf_published *b, bool json,
                struct tm_err *e)
{
    static const enum tuf_role order[] = {TUF_ROOT, TUF_TARGETS, TUF_SNAPSHOT, TUF_TIMESTAMP};
    struct trees t = {.a = a, .b = b, .roles = json ? json_array() : NULL};
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        diff_role(tuf_role_name(order[i]), tuf_published_role(a, order[i]),
                  tuf_published_role(b, order[i]), &t);
    (void)tuf_entries_each(b->snapshot, diff_delegated, &t, NULL);
    if (json)
        return cli_print_json_indented(json_pack("{s:o}", "roles", t.roles), e);
    if (t.differ == 0)
        printf("no difference\n");
    return 0;
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
    bool json = false;
    const struct cli_option options[] = {CLI_JSON(&json), {0}};
    struct look l[2] = {0};
    struct tuf_published p[2] = {0};
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 2);
    if (rc != CLI_GO_ON)
        return rc;
    rc = load_tree(argv[0], &l[0], &p[0], &e) == 0 && load_tree(argv[1], &l[1], &p[1], &e) == 0 &&
                 diff(&p[0], &p[1], json, &e) == 0
             ? CLI_OK
             : cli_fail_json(json, CLI_FAILED, &e);
    for (int i = 0; i < 2; i++) {
        tuf_published_free(&p[i]);
        look_close(&l[i]);
    }
    return rc;
}

/* ---- history ---- */

/* A line's texts and the versions that it says, as tuf_line has them. */
struct line_member {
    const char *name, *text;
};
#define LINE_MEMBERS 5
static const enum tuf_role line_roles[] = {TUF_ROOT, TUF_TARGETS, TUF_SNAPSHOT, TUF_TIMESTAMP};
#define LINE_ROLES (sizeof(line_roles) / sizeof(line_roles[0]))

static void line_members(const struct tuf_line *l, struct line_member out[LINE_MEMBERS])
{
    const struct line_member members[LINE_MEMBERS] = {{"holder", l->holder},
                                                      {"event", l->event},
                                                      {"reason", l->reason},
                                                      {"fingerprint", l->fingerprint},
                                                      {"digest", l->digest}};
    memcpy(out, members, sizeof(members));
}

static int print_line(void *arg, const struct tuf_line *l, struct tm_err *e)
{
    struct line_member m[LINE_MEMBERS];
    struct tm_buf line = {0};
    (void)arg;
    (void)e;
    line_members(l, m);
    tm_buf_printf(&line, "%4lld  ", (long long)l->n);
    tuf_words_safe(l->time != NULL ? l->time : "?", &line);
    tm_buf_puts(&line, "  ");
    tuf_words_safe(l->what, &line);
    for (size_t i = 0; i < LINE_MEMBERS; i++) {
        if (m[i].text == NULL || m[i].text[0] == '\0')
            continue;
        tm_buf_printf(&line, "  %s=", m[i].name);
        tuf_words_safe(m[i].text, &line);
    }
    for (size_t i = 0; i < LINE_ROLES; i++) {
        if (l->version[line_roles[i]] != 0)
            tm_buf_printf(&line, "  %s=%lld", tuf_role_name(line_roles[i]),
                          (long long)l->version[line_roles[i]]);
    }
    puts(tm_buf_str(&line) != NULL ? tm_buf_str(&line) : "out of memory");
    tm_buf_free(&line);
    return 0;
}

static int add_line(void *list, const struct tuf_line *l, struct tm_err *e)
{
    struct line_member m[LINE_MEMBERS];
    json_t *versions = json_object();
    line_members(l, m);
    for (size_t i = 0; i < LINE_ROLES; i++) {
        if (l->version[line_roles[i]] != 0)
            json_object_set_new(versions, tuf_role_name(line_roles[i]),
                                json_integer((json_int_t)l->version[line_roles[i]]));
    }
    json_t *o = json_pack("{s:I, s:s?, s:s?, s:o}", "line", (json_int_t)l->n, "time", l->time,
                          "what", l->what, "versions", versions);
    for (size_t i = 0; i < LINE_MEMBERS; i++) {
        if (m[i].text != NULL && m[i].text[0] != '\0')
            json_object_set_new(o, m[i].name, json_string(m[i].text));
    }
    return json_array_append_new(list, o) == 0 ? 0 : tm_err_set(e, "out of memory");
}

/* The words of each root's change; to `list`, or, when it is NULL, to standard output. */
static void each_root(const struct tuf_published *p, json_t *list)
{
    for (size_t i = 0; i < p->root_count; i++) {
        struct tm_buf out = {0};
        long long version = tuf_metadata_version(p->roots[i]);
        tuf_words_difference(i > 0 ? p->roots[i - 1] : NULL, p->roots[i], true, &out);
        if (list != NULL)
            json_array_append_new(list, json_pack("{s:I, s:o}", "version", (json_int_t)version,
                                                  "changes", cli_lines_json(out.data, out.len)));
        else
            printf("root %lld\n%s", version, tm_buf_str(&out) != NULL ? tm_buf_str(&out) : "");
        tm_buf_free(&out);
    }
}

static void print_roots(const struct tuf_published *p)
{
    if (p->unread.len > 0)
        fwrite(p->unread.data, 1, p->unread.len, stdout);
    each_root(p, NULL);
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

struct history { /* as the command line asks for it */
    const char *where;
    bool transcript, json;
    json_t *list; /* of roots or lines, with `json` */
};

/* The transcript is checked in either case. */
static int tell(struct history *h, const struct look *l, const struct tuf_published *p,
                struct tm_err *e)
{
    struct tuf_evidence found;
    tuf_line_fn told = !h->transcript ? NULL : h->json ? add_line : print_line;
    if (h->transcript && !l->workspace) {
        tm_err_set(e, "'%s' is no workspace, so there is no transcript", h->where);
        return tm_err_mark(e, ERR_REFUSED);
    }
    if (!h->transcript && !h->json)
        print_roots(p);
    else if (!h->transcript)
        each_root(p, h->list);
    if (l->workspace && tuf_evidence_check(l->transcript, p, told, h->list, &found, e) != 0)
        return -1;
    return h->json ? cli_print_json_indented(
                         json_pack("{s:O}", h->transcript ? "transcript" : "roots", h->list), e)
                   : 0;
}

int command_history(const struct cli_command *self, int argc, char **argv)
{
    struct history h = {.where = "."};
    const struct cli_option options[] = {
        {"lines", CLI_FLAG, NULL, "the transcript of the workspace, line by line, checked",
         &h.transcript},
        CLI_JSON(&h.json),
        {0},
    };
    struct look l = {0};
    struct tuf_published p = {0};
    struct tm_err e = {0};
    int count = 0;
    int rc = cli_parse_some(self, options, argc, argv, 0, 1, &count);
    if (rc != CLI_GO_ON)
        return rc;
    if (count > 0)
        h.where = argv[0];
    h.list = h.json ? json_array() : NULL;
    rc = load_tree(h.where, &l, &p, &e);
    if (rc == 0)
        rc = tell(&h, &l, &p, &e);
    else if (!h.transcript && !h.json)
        print_unfollowed(&l);
    json_decref(h.list);
    tuf_published_free(&p);
    look_close(&l);
    return rc == 0 ? CLI_OK : cli_fail_json(h.json, CLI_FAILED, &e);
}
