/* The ceremony: propose, review, sign, merge. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "tools/shared/printed.h"
#include "tools/tenmint-tuf/issuers.h"
#include "tools/tenmint-tuf/commands.h"
#include "tools/tenmint-tuf/holder.h"
#include "tools/tenmint-tuf/session.h"
#include "tuf/manager/draft/draft.h"
#include "tuf/manager/review/review.h"
#include "tuf/manager/policy/words.h"

#define DIGEST_TYPED 8 /* characters that a person types to say what was reviewed */
#define ROOT_MAX ((size_t)512 * 1024)

int command_propose(const struct cli_command *self, int argc, char **argv)
{
    const char *dir = NULL, *name = NULL, *reason = NULL, *out = NULL;
    struct cli_list renew = {0};
    const struct cli_option options[] = {
        DIR_OPTION(dir),
        {"name", CLI_TEXT, "NAME", "of the event", &name},
        {"reason", CLI_TEXT, "TEXT", "why; every holder reads it", &reason},
        {"renew", CLI_LIST, "ROLE", "a new version of the role although nothing changed", &renew},
        {"out", CLI_TEXT, "PATH", "where the event goes (events/NAME.json); NAME/ makes a folder",
         &out},
        {0},
    };
    struct tuf_workspace w;
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 0);
    if (rc != CLI_GO_ON)
        return rc;
    if (tuf_workspace_open(dir != NULL ? dir : ".", &w, &e) != 0)
        return cli_fail(CLI_CONFIG, &e);
    if (tuf_draft_check_renewals(&w.policy, renew.item, renew.count, &e) != 0) {
        tm_err_wrap(&e, "--renew");
        rc = cli_fail(CLI_USAGE, &e);
    } else {
        rc = session_propose(&w, name, reason, &renew, out);
    }
    tuf_workspace_close(&w);
    return rc;
}

int holder_root(const char *path, struct tuf_metadata **out, struct tm_err *e)
{
    struct tm_buf bytes = {0};
    *out = NULL;
    if (path == NULL)
        return 0;
    if (tm_file_read_text(path, ROOT_MAX, &bytes, e) == 0) {
        *out = tuf_metadata_parse(bytes.data, bytes.len, TUF_ROOT, e);
        if (*out == NULL)
            tm_err_wrap(e, "root '%s'", path);
    }
    tm_buf_free(&bytes);
    return *out != NULL ? 0 : -1;
}

static int show_review(const struct tuf_event *ev, const struct tuf_review *r,
                       struct tuf_review_result *result, struct tm_err *e)
{
    struct tm_buf text = {0};
    int rc = tuf_review_write(ev, r, &text, result, e);
    if (rc == 0)
        fwrite(text.data, 1, text.len, stdout);
    fflush(stdout);
    tm_buf_free(&text);
    return rc;
}

/* In the workspace a review also knows the policy and what is published now. */
static int review_base(const struct tuf_event *ev, const struct tuf_workspace *w,
                       struct tuf_review_result *result, struct tm_buf *out, struct tm_err *e)
{
    struct tuf_published live;
    struct tm_err why = {0};
    if (tuf_workspace_published(w, &live, e) != 0)
        return -1;
    if (tuf_rules_base(ev, &live, &why) != 0) {
        tm_buf_printf(out, "\nWRONG: %s\n", why.text);
        result->errors++;
    }
    tuf_published_free(&live);
    return 0;
}

/* An event that a newer root has overtaken is not signed any more, whoever sends it. */
static void review_seen(const struct holder *h, const struct tuf_event *ev,
                        struct tuf_review_result *result, struct tm_buf *out)
{
    struct tm_err why = {0};
    if (holder_fresh(h, ev, &why) != 0) {
        tm_buf_printf(out, "\nWRONG: %s\n", why.text);
        result->errors++;
    } else if (result->errors == 0) {
        holder_see(h, ev);
    }
}

static int review_code(const struct tuf_review_result *r)
{
    return r->unexplained > 0 ? CLI_REVIEW
           : r->errors > 0    ? CLI_FAILED
           : r->dangers > 0   ? CLI_DANGER
                              : CLI_OK;
}

struct asked { /* as the command line asks for it */
    const char *event, *dir, *trusted;
    struct tuf_review r;
    struct holder h;
    bool json;
};

static int print_review(const struct asked *a, const struct tuf_event *ev,
                        const struct tuf_review_result *r, const struct tm_buf *text,
                        struct tm_err *e)
{
    if (!a->json) {
        fwrite(text->data, 1, text->len, stdout);
        return 0;
    }
    return cli_print_json_indented(
        json_pack("{s:s, s:s, s:I, s:I, s:I, s:o}", "event", ev->name, "digest", r->digest,
                  "errors", (json_int_t)r->errors, "unexplained", (json_int_t)r->unexplained,
                  "dangers", (json_int_t)r->dangers, "says", cli_lines_json(text->data, text->len)),
        e);
}

/* `w`: NULL on a holder's machine. Returns an exit code, or -1. */
static int review(struct asked *a, const struct tuf_workspace *w, struct tm_err *e)
{
    struct tuf_event ev = {0};
    struct tuf_metadata *root = NULL;
    struct tuf_review_result result = {0};
    struct tm_buf text = {0};
    int rc = holder_root(a->trusted, &root, e) == 0 ? session_event(a->event, &ev, e) : -1;
    if (rc == 0) {
        a->r.policy = w != NULL ? &w->policy : NULL;
        a->r.trusted = root;
        rc = tuf_review_write(&ev, &a->r, &text, &result, e);
    }
    if (rc == 0 && w != NULL)
        rc = review_base(&ev, w, &result, &text, e);
    if (rc == 0) {
        review_seen(&a->h, &ev, &result, &text);
        rc = print_review(a, &ev, &result, &text, e);
    }
    tm_buf_free(&text);
    tuf_event_free(&ev);
    tuf_metadata_free(root);
    return rc == 0 ? review_code(&result) : -1;
}

int command_review(const struct cli_command *self, int argc, char **argv)
{
    struct asked a = {.r = {.now = session_now(), .explain = issuers_explain}};
    const struct cli_option options[] = {
        STATE_OPTION(a.h),
        {"trusted", CLI_TEXT, "FILE", "a root that you trust: the event must follow from it",
         &a.trusted},
        {"all", CLI_FLAG, NULL, "every role and target, however many change", &a.r.all},
        {"dir", CLI_TEXT, "DIR",
         "the folder to work in: a workspace; its policy and what it published are compared",
         &a.dir},
        CLI_JSON(&a.json),
        {0},
    };
    struct tuf_workspace w;
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    a.event = argv[0];
    if (a.dir != NULL && tuf_workspace_open(a.dir, &w, &e) != 0)
        return cli_fail_json(a.json, CLI_CONFIG, &e);
    rc = review(&a, a.dir != NULL ? &w : NULL, &e);
    if (a.dir != NULL)
        tuf_workspace_close(&w);
    return rc >= 0 ? rc : cli_fail_json(a.json, CLI_FAILED, &e);
}

/* ---- sign ---- */

/* The digest of what the holder reviewed: given whole, or the start of it typed now. */
static int confirm(const char *actual, const struct cli_digest *given, struct tm_err *e)
{
    struct tm_buf typed = {0};
    int rc;
    if (given->len > 0) {
        if (strcmp(given->hex, actual) != 0)
            return tm_err_set(e,
                              "the event is not the one you reviewed: --digest is %.16s..., the "
                              "event's is %.16s...",
                              given->hex, actual);
        return 0;
    }
    if (!terminal_here())
        return tm_err_set(e, "say what you reviewed: --digest HEX, as review prints it");
    rc = terminal_ask("\nTo sign exactly this, type the first 8 characters of the digest: ", false,
                      &typed, e);
    if (rc == 0 && (typed.len < DIGEST_TYPED || typed.len > 64 ||
                    strncmp(tm_buf_str(&typed), actual, typed.len) != 0))
        rc = tm_err_set(e, "that is not the digest; nothing was signed");
    tm_buf_free(&typed);
    return rc;
}

/* What would harm every client is said also to who gave the digest and reads no review. */
static void say_dangers(const struct tm_buf *review)
{
    static const char head[] = "\nDANGER: ";
    const char *at = memmem(review->data, review->len, head, strlen(head));
    const char *end = at != NULL ? strstr(at + 1, "\n\n") : NULL;
    if (at != NULL && end != NULL)
        fprintf(stderr, "%.*s\n", (int)(end - at - 1), at + 1);
}

/* The review is made in any case: it may forbid to sign. */
static int review_first(const struct tuf_event *ev, const struct tuf_metadata *root, bool quiet,
                        struct tuf_review_result *result, struct tm_err *e)
{
    struct tuf_review r = {
        .now = session_now(), .trusted = root, .explain = issuers_explain, .all = !quiet};
    struct tm_buf text = {0};
    if (!quiet)
        return show_review(ev, &r, result, e);
    int rc = tuf_review_write(ev, &r, &text, result, e);
    if (rc == 0 && result->dangers > 0 && tm_buf_str(&text) != NULL)
        say_dangers(&text);
    tm_buf_free(&text);
    return rc;
}

int holder_sign(const struct holder *h, struct tuf_event *ev, struct tm_key_source *source,
                const struct cli_digest *digest, const struct tuf_metadata *root,
                struct tuf_event_signer *who, int *code, struct tm_err *e)
{
    struct tuf_review_result result;
    int rc = holder_fresh(h, ev, e);
    if (rc == 0)
        rc = review_first(ev, root, digest->len > 0, &result, e);
    if (rc == 0 && result.errors > 0) {
        *code = review_code(&result);
        rc = tm_err_set(e, "the event is wrong (see review): nothing was signed");
    }
    if (rc == 0)
        rc = confirm(result.digest, digest, e);
    if (rc != 0)
        return rc;
    struct tm_key *key = session_key(source, e);
    if (key == NULL)
        return -1;
    if (tm_key_is_device(key))
        fprintf(stderr, "Touch the token if it blinks: several signatures are made.\n");
    rc = tuf_event_sign(ev, tm_key_pkey(key), result.digest, session_now(), who, e);
    if (rc == 0)
        rc = holder_commit(h, source, tm_key_pkey(key), ev, root != NULL, e);
    if (rc == 0)
        holder_see(h, ev);
    tm_key_free(key);
    return rc;
}

void holder_say_signed(struct tuf_event_signer *who, const char *path, const struct tuf_event *ev)
{
    struct tm_buf text = {0};
    tm_buf_puts(&text, "signed by ");
    tuf_words_safe(who->holder, &text);
    tm_buf_printf(&text, " (fingerprint %s): ", who->fingerprint);
    tuf_words_safe(tm_buf_str(&who->roles), &text);
    tm_buf_printf(&text, "\nwrote %s\n\nSignatures\n", path);
    tuf_review_signatures(ev, &text);
    fwrite(text.data, 1, text.len, stdout);
    tm_buf_free(&text);
}

int command_sign(const struct cli_command *self, int argc, char **argv)
{
    struct tm_key_source source = {0};
    struct holder h = {0};
    struct cli_digest digest = DIGEST_INIT;
    const char *trusted = NULL, *out = NULL;
    const struct cli_option options[] = {
        KEY_OPTIONS(source),
        STATE_OPTION(h),
        AGAIN_OPTION(h),
        DIGEST_OPTION(digest),
        {"trusted", CLI_TEXT, "FILE", "a root that you trust: the event must follow from it",
         &trusted},
        {"out", CLI_TEXT, "FILE", "write the signed event here, not over the given one", &out},
        {0},
    };
    struct tuf_event ev = {0};
    struct tuf_event_signer who = {0};
    struct tuf_metadata *root = NULL;
    struct tm_err e = {0};
    int code = CLI_FAILED;
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    rc = holder_root(trusted, &root, &e) == 0 ? session_event(argv[0], &ev, &e) : -1;
    if (rc == 0)
        rc = holder_sign(&h, &ev, &source, &digest, root, &who, &code, &e);
    if (rc == 0)
        rc = tuf_event_write(out != NULL ? out : argv[0], &ev, &e);
    if (rc == 0)
        holder_say_signed(&who, out != NULL ? out : argv[0], &ev);
    tm_buf_free(&who.roles);
    tuf_event_free(&ev);
    tuf_metadata_free(root);
    return rc != 0 ? cli_fail(code, &e) : CLI_OK;
}

/* ---- merge ---- */

/* A file of many targets is large: what it adds is taken out of each before the next is read. */
static int read_added(const char *path, struct tuf_event_added *out, struct tm_err *e)
{
    struct tuf_event from = {0};
    int rc = session_event(path, &from, e);
    if (rc == 0 && tuf_event_added(&from, out, e) != 0)
        rc = tm_err_wrap(e, "merge '%s'", path);
    tuf_event_free(&from);
    return rc;
}

static int merge_one(struct tuf_event *ev, const char *path, const struct tuf_event_added *from,
                     struct tm_err *e)
{
    int added = tuf_event_take(ev, from, e);
    if (added < 0)
        return tm_err_wrap(e, "merge '%s'", path);
    printf("%s: %d signature%s added\n", path, added, added == 1 ? "" : "s");
    return 0;
}

/* The files paths[1] to paths[count - 1] into the event of paths[0], which is read last. */
static int merge_all(char **paths, int count, struct tuf_event *ev, struct tm_err *e)
{
    struct tuf_event_added *from = calloc((size_t)count, sizeof(*from));
    int rc = from != NULL ? 0 : tm_err_set(e, "out of memory");
    for (int i = 1; i < count && rc == 0; i++)
        rc = read_added(paths[i], &from[i], e);
    if (rc == 0)
        rc = session_event(paths[0], ev, e);
    if (rc == 0 && tuf_event_check_signatures(ev, e) != 0)
        rc = tm_err_wrap(e, "event '%s'", paths[0]);
    for (int i = 1; i < count && rc == 0; i++)
        rc = merge_one(ev, paths[i], &from[i], e);
    for (int i = 1; i < count && from != NULL; i++)
        tuf_event_added_free(&from[i]);
    free(from);
    return rc;
}

int command_merge(const struct cli_command *self, int argc, char **argv)
{
    const struct cli_option options[] = {{0}};
    struct tuf_event ev = {0};
    struct tm_err e = {0};
    struct tm_buf text = {0};
    int count = 0;
    int rc = cli_parse_some(self, options, argc, argv, 2, 1000, &count);
    if (rc != CLI_GO_ON)
        return rc;
    rc = merge_all(argv, count, &ev, &e);
    if (rc == 0)
        rc = tuf_event_write(argv[0], &ev, &e);
    if (rc == 0) {
        tuf_review_signatures(&ev, &text);
        printf("wrote %s\n\nSignatures\n%s", argv[0], tm_buf_str(&text));
        if (tuf_rules_thresholds(&ev, &e) == 0)
            printf("complete: tenmint-tuf publish %s\n", argv[0]);
    }
    tm_buf_free(&text);
    tuf_event_free(&ev);
    return rc != 0 ? cli_fail(CLI_FAILED, &e) : CLI_OK;
}
