/* report: the repository as pages for people. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/shared/printed.h"
#include "tools/tenmint-tuf/commands.h"
#include "tools/tenmint-tuf/issuers.h"
#include "tools/tenmint-tuf/look.h"
#include "tools/tenmint-tuf/session.h"
#include "tuf/manager/pages/pages.h"
#include "tuf/manager/report/remote.h"

/* An address is its own name; a folder is called as it is, or as the one that "." is. */
static const char *site_of(const char *where, char real[PATH_MAX])
{
    if (tuf_remote_is_url(where) || realpath(where, real) == NULL)
        return where;
    const char *slash = strrchr(real, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : real;
}

static int print_made(const char *dir, const struct tuf_pages *p, bool json)
{
    json_t *pages = json_array();
    for (size_t i = 0; tuf_pages_name(i) != NULL; i++)
        json_array_append_new(pages, json_string(tuf_pages_name(i)));
    if (!json) {
        printf("%zu pages in %s; begin with index.html\n", json_array_size(pages), dir);
        json_decref(pages);
        return CLI_OK;
    }
    json_t *all = json_pack("{s:o, s:o, s:I}", "dir", cli_json_text(dir, strlen(dir)), "pages",
                            pages, "root", (json_int_t)tuf_published_root_version(p->live));
    (void)cli_print_json_indented(all, NULL);
    return CLI_OK;
}

struct report { /* what is looked at */
    struct look look;
    struct tuf_published live;
    struct tuf_status status;
    struct tuf_open_events open;
};

static int gather(const char *where, struct report *r, struct tm_err *e)
{
    if (look_open(where, &r->look, e) != 0)
        return -1;
    if (look_load(&r->look, &r->live, e) != 0)
        return -1;
    if (tuf_status_read(&r->live, session_now(), &r->status, e) != 0)
        return -1;
    return look_open_events(&r->look, where, &r->live, &r->open, e);
}

static void report_free(struct report *r)
{
    tuf_open_events_free(&r->open);
    tuf_status_free(&r->status);
    tuf_published_free(&r->live);
    look_close(&r->look);
}

int command_report(const struct cli_command *self, int argc, char **argv)
{
    bool json = false;
    const char *html = NULL, *dir = NULL, *site = NULL;
    const struct cli_option options[] = {
        {"html", CLI_TEXT, "DIR", "where the pages go", &html},
        {"site", CLI_TEXT, "NAME", "what stands at the top of each (the folder's name, or the URL)",
         &site},
        CLI_JSON(&json),
        DIR_OPTION(dir),
        {0},
    };
    struct report r = {0};
    struct tm_err e = {0};
    char real[PATH_MAX];
    char made_by[160];
    int count = 0;
    int rc = cli_parse_some(self, options, argc, argv, 0, 1, &count);
    if (rc != CLI_GO_ON)
        return rc;
    if (html == NULL) {
        tm_err_set(&e, "say where the pages go: --html DIR");
        return cli_fail_json(json, CLI_USAGE, &e);
    }
    const char *where = count > 0 ? argv[0] : dir != NULL ? dir : ".";
    snprintf(made_by, sizeof(made_by), "tenmint-tuf %s", cli_version);
    rc = gather(where, &r, &e);
    const struct tuf_pages p = {.site = site != NULL ? site : site_of(where, real),
                                .made_by = made_by,
                                .live = &r.live,
                                .status = &r.status,
                                .open = r.look.workspace ? &r.open : NULL,
                                .transcript = r.look.workspace ? r.look.transcript : NULL,
                                .explain = issuers_explain,
                                .now = session_now()};
    if (rc == 0)
        rc = tuf_pages_write(&p, html, &e);
    rc = rc == 0 ? print_made(html, &p, json) : cli_fail_json(json, CLI_FAILED, &e);
    report_free(&r);
    return rc;
}
