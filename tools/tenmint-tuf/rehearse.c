/* rehearse: a rotation on a copy, before it is needed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tenmint-tuf/commands.h"
#include "tools/tenmint-tuf/session.h"
#include "tuf/manager/rehearse/rehearse.h"

static void print_text(const struct tuf_rehearsal *r)
{
    for (size_t i = 0; i < r->count; i++) {
        printf("%s  %s\n", r->step[i].ok ? "ok  " : "FAIL", r->step[i].what);
        if (r->step[i].says[0] == '\0')
            continue;
        printf("      ");
        cli_print_text(stdout, r->step[i].says, strlen(r->step[i].says));
        printf("\n");
    }
    printf("rehearsal '%s' %s\n", tuf_rehearsal_name(r->kind), r->passed ? "passed" : "FAILED");
}

static void print_json(const struct tuf_rehearsal *r)
{
    json_t *steps = json_array();
    for (size_t i = 0; i < r->count; i++)
        json_array_append_new(steps, json_pack("{s:s, s:b, s:s}", "step", r->step[i].what, "ok",
                                               (int)r->step[i].ok, "says", r->step[i].says));
    json_t *all = json_pack("{s:s, s:s, s:s, s:o}", "kind", tuf_rehearsal_name(r->kind), "result",
                            r->passed ? "passed" : "failed", "by", r->by, "steps", steps);
    char *text = json_dumps(all, JSON_INDENT(2));
    if (text != NULL)
        puts(text);
    free(text);
    json_decref(all);
}

int command_rehearse(const struct cli_command *self, int argc, char **argv)
{
    bool json = false;
    const char *dir = NULL;
    const struct cli_option options[] = {CLI_JSON(&json), DIR_OPTION(dir), NO_MORE_OPTIONS};
    struct tuf_rehearsal r = {0};
    struct tm_err e = {0};
    enum tuf_rehearsal_kind kind;
    int count = 0;
    int rc = cli_parse(self, options, argc, argv, 1, 1, &count);
    if (rc != CLI_GO_ON)
        return rc;
    if (tuf_rehearsal_from_name(argv[0], &kind) != 0) {
        tm_err_set(&e, "'%.40s': scheduled, emergency, holder or online", argv[0]);
        return cli_fail_json(json, CLI_USAGE, &e);
    }
    dir = dir != NULL ? dir : ".";
    rc = tuf_rehearse(dir, kind, session_now(), &r, &e);
    if (rc == 0 && (rc = tuf_rehearsal_record(dir, &r, cli_version, &e)) == 0) {
        if (json)
            print_json(&r);
        else
            print_text(&r);
    }
    rc = rc != 0 ? cli_fail_json(json, CLI_FAILED, &e) : r.passed ? CLI_OK : CLI_FAILED;
    tuf_rehearsal_free(&r);
    return rc;
}
