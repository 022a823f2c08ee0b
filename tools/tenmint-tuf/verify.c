/* verify: a whole tree, as a client of every root sees it, and its transcript. */
#include <stdio.h>
#include <string.h>

#include "tools/shared/printed.h"
#include "tools/shared/terminal.h"
#include "tools/tenmint-tuf/commands.h"
#include "tools/tenmint-tuf/look.h"
#include "tools/tenmint-tuf/session.h"
#include "tuf/manager/evidence/complete.h"
#include "tuf/manager/evidence/kept.h"
#include "tuf/manager/report/audit.h"

/* By the tree that it is about; one that cannot be loaded has its faults told already. `whole`: its
 * old versions are there too. */
static int verify_transcript(const char *dir, const char *path, bool whole,
                             struct tuf_evidence *found, struct tm_err *e)
{
    struct tuf_published p = {0};
    struct tuf_kept kept = {0};
    struct tm_buf faults = {0};
    int rc = tuf_published_look(dir, &p, e);
    if (rc == 0)
        rc = tuf_evidence_check(path, &p, tuf_kept_line, &kept, found, e);
    if (rc == 0 && whole)
        rc = tuf_kept_check(&kept, &p, &faults, e);
    if (rc == 0 && faults.len > 0) {
        fwrite(faults.data, 1, faults.len, stderr);
        rc = tm_err_set(e, "'%s' does not keep what it published", dir);
    }
    tuf_kept_free(&kept);
    tm_buf_free(&faults);
    tuf_published_free(&p);
    return rc;
}

static void say_transcript(const struct tuf_evidence *found)
{
    printf("transcript: %lld lines, unbroken, one for every published version; every statement "
           "is by its key; %s\n",
           (long long)found->lines,
           found->headed ? "the signed timestamp names the last of its publication"
                         : "no signed timestamp names its end yet (the next publication's will)");
    if (found->held > 0)
        printf("the holders signed what it said up to line %lld\n", (long long)found->held);
}

static void say_audit(const struct tuf_audit *a, const char *where)
{
    fwrite(a->notes.data, 1, a->notes.len, stdout);
    if (a->faults.len > 0)
        return;
    printf("%s: good. %zu root%s, through which our client refreshes; %zu delegated role%s, "
           "%zu target%s\n",
           where, a->roots, a->roots == 1 ? "" : "s", a->delegated, a->delegated == 1 ? "" : "s",
           a->targets, a->targets == 1 ? "" : "s");
}

/* The faults are on standard error; *e has the first. */
static int judge_audit(const struct tuf_audit *a, struct tm_err *e)
{
    if (a->faults.len == 0)
        return 0;
    const char *end = memchr(a->faults.data, '\n', a->faults.len);
    size_t n = end != NULL ? (size_t)(end - (const char *)a->faults.data) : a->faults.len;
    fwrite(a->faults.data, 1, a->faults.len, stderr);
    return tm_err_set(e, "%.*s", (int)n, (const char *)a->faults.data);
}

/* `found`: NULL without a transcript. */
static json_t *verdict_json(const struct tuf_audit *a, const char *where,
                            const struct tuf_evidence *found)
{
    json_t *v =
        json_pack("{s:o, s:I, s:I, s:I, s:o}", "tree", cli_json_text(where, strlen(where)), "roots",
                  (json_int_t)a->roots, "delegated", (json_int_t)a->delegated, "targets",
                  (json_int_t)a->targets, "notes", cli_lines_json(a->notes.data, a->notes.len));
    if (found != NULL)
        json_object_set_new(v, "transcript",
                            json_pack("{s:I, s:b, s:I}", "lines", (json_int_t)found->lines,
                                      "headed", (int)found->headed, "held",
                                      (json_int_t)found->held));
    return v;
}

struct verification { /* as the command line asks for it */
    const char *where, *transcript;
    bool json;
};

static int verify_tree(const struct verification *v, const struct look *l, struct tuf_audit *a,
                       struct tm_err *e)
{
    struct cli_progress line = {0};
    const struct tuf_progress told = {session_progress, &line};
    const struct tuf_audit_options o = {.now = session_now(),
                                        .files = !l->temporary,
                                        .first_root = l->first_root,
                                        .progress = &told};
    int rc = tuf_audit_tree(l->dir, &o, a, e);
    cli_progress_end(&line);
    if (rc == 0 && !v->json)
        say_audit(a, v->where);
    return rc == 0 ? judge_audit(a, e) : -1;
}

/* For people a transcript is checked beside a tree with faults, too; for programs the first failure
 * is the answer. */
static int verify(const struct verification *v, const struct look *l)
{
    struct tuf_audit a = {0};
    struct tuf_evidence found = {0};
    struct tm_err e = {0};
    const char *path = v->transcript == NULL && l->workspace ? l->transcript : v->transcript;
    int rc = verify_tree(v, l, &a, &e);
    if (rc != 0)
        rc = v->json || a.faults.len == 0 ? cli_fail_json(v->json, CLI_FAILED, &e) : CLI_FAILED;
    if (path != NULL && (rc == 0 || !v->json)) {
        if (verify_transcript(l->dir, path, !l->temporary, &found, &e) != 0)
            rc = cli_fail_json(v->json, CLI_FAILED, &e);
        else if (!v->json)
            say_transcript(&found);
    }
    if (rc == 0 && v->json &&
        cli_print_json_indented(verdict_json(&a, v->where, path != NULL ? &found : NULL), &e) != 0)
        rc = cli_fail(CLI_FAILED, &e);
    tuf_audit_free(&a);
    return rc;
}

int command_verify(const struct cli_command *self, int argc, char **argv)
{
    struct verification v = {.where = "."};
    const struct cli_option options[] = {
        {"transcript", CLI_TEXT, "FILE", "check this copy of the transcript against the tree",
         &v.transcript},
        CLI_JSON(&v.json),
        {0},
    };
    struct look l;
    struct tm_err e = {0};
    int count = 0;
    int rc = cli_parse_some(self, options, argc, argv, 0, 1, &count);
    if (rc != CLI_GO_ON)
        return rc;
    if (count > 0)
        v.where = argv[0];
    if (look_open(v.where, &l, &e) != 0)
        return cli_fail_json(v.json, CLI_FAILED, &e);
    rc = verify(&v, &l);
    look_close(&l);
    return rc;
}
