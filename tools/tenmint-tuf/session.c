#include "tools/tenmint-tuf/session.h"

#include <stdio.h>
#include <string.h>

#include "common/kms/kms.h"
#include "common/clock.h"
#include "common/file.h"
#include "tools/tenmint-tuf/issuers.h"
#include "tuf/manager/review/answer.h"
#include "tuf/manager/report/open.h"
#include "tuf/manager/review/rules.h"
#include "tuf/manager/evidence/transcript.h"
#include "tuf/manager/state/legacy.h"

int64_t session_now(void)
{
    return tm_clock_wall_ms() / 1000;
}

/* ---- keys ---- */

static bool is_encrypted(const char *path)
{
    struct tm_buf pem = {0};
    bool yes = tm_file_read_secret(path, (size_t)64 * 1024, &pem, NULL) == 0 && pem.len > 0 &&
               memmem(pem.data, pem.len, "ENCRYPTED", strlen("ENCRYPTED")) != NULL;
    tm_buf_free_secret(&pem);
    return yes;
}

static bool should_ask(const struct tm_key_source *s)
{
    if (!terminal_here())
        return false;
    if (s->pkcs11_module != NULL)
        return s->pin_file == NULL && s->pin_env == NULL;
    return s->file != NULL && s->password_file == NULL && s->password_env == NULL &&
           is_encrypted(s->file);
}

struct tm_key *session_key(struct tm_key_source *source, struct tm_err *e)
{
    struct tm_buf secret = {0};
    char question[200];
    struct tm_key *key = NULL;
    if (source->file == NULL && source->env == NULL && !tm_key_source_is_elsewhere(source))
        return tm_err_null(e, "which key? Give --key FILE, --key-env NAME, --key-uri URI, or "
                              "--pkcs11-module with --pkcs11-token and --pkcs11-key");
    source->far = tm_kms_here();
    if (!should_ask(source)) {
        key = tm_key_open(source, "key", e);
        if (key == NULL && strstr(e->text, "is encrypted") != NULL)
            tm_err_wrap(e, "use --password-file or --password-env, or a terminal");
        return key;
    }
    snprintf(question, sizeof(question),
             "%s of %.120s: ", source->pkcs11_module != NULL ? "PIN" : "Password",
             source->pkcs11_module != NULL && source->pkcs11_token != NULL ? source->pkcs11_token
             : source->file != NULL                                        ? source->file
                                                                           : "the key");
    /* A token counts wrong PINs and locks itself: one try. */
    for (int tries = source->pkcs11_module != NULL ? 1 : 3; tries > 0 && key == NULL; tries--) {
        if (terminal_ask(question, true, &secret, e) != 0)
            break;
        source->secret = tm_buf_str(&secret);
        key = tm_key_open(source, "key", e);
        source->secret = NULL;
        if (key == NULL && tries > 1)
            fprintf(stderr, "%s\n", e->text);
    }
    tm_buf_free_secret(&secret);
    return key;
}

/* ---- proposing ---- */

/* What it follows. */
static void default_name(const struct tuf_published *p, char *out, size_t size)
{
    snprintf(out, size, "after-root-%lld-targets-%lld", (long long)tuf_published_root_version(p),
             p->targets != NULL ? (long long)tuf_metadata_version(p->targets) : 0);
}

static int record(struct tuf_workspace *w, const struct tuf_event *ev, int64_t now,
                  struct tm_err *e)
{
    char hex[65];
    return tuf_event_digest(ev, hex, e) == 0
               ? tuf_transcript_propose(w->transcript, ev, hex, now, e)
               : -1;
}

static int event_path(const struct tuf_workspace *w, const char *name, const char *given, char *out,
                      size_t size, struct tm_err *e)
{
    char dir[PATH_MAX];
    char file[POLICY_NAME_MAX + 8];
    if (given != NULL) {
        if ((size_t)snprintf(out, size, "%s", given) >= size)
            return tm_err_set(e, "the path is too long");
        return 0;
    }
    snprintf(file, sizeof(file), "%s.json", name);
    if (tuf_workspace_path(w, "events", dir, sizeof(dir), e) != 0 ||
        tm_file_mkdirs(dir, 0755, e) != 0)
        return -1;
    return tm_file_join(dir, file, out, size, e);
}

void session_tell(void *arg, const char *text)
{
    (void)arg;
    cli_print_text(stdout, text, strlen(text));
    printf("\n");
}

void session_progress(void *arg, const char *what, uint64_t done)
{
    struct cli_progress *line = arg;
    if (line->what != what) {
        cli_progress_end(line);
        cli_progress_begin(line, what, 0, 0);
    }
    cli_progress(line, done);
}

int session_event(const char *path, struct tuf_event *out, struct tm_err *e)
{
    struct cli_progress line = {0};
    const struct tuf_progress told = {session_progress, &line};
    int rc = tuf_event_read(path, &told, out, e);
    cli_progress_end(&line);
    return rc;
}

static int make(struct tuf_workspace *w, const struct tuf_published *p, const char *name,
                const char *reason, const struct cli_list *renew, struct tuf_event *ev,
                struct tm_err *e)
{
    char chosen[POLICY_NAME_MAX + 1];
    struct cli_progress line = {0};
    const struct tuf_progress told = {session_progress, &line};
    default_name(p, chosen, sizeof(chosen));
    struct tuf_draft_options o = {.name = name != NULL ? name : chosen,
                                  .reason = reason,
                                  .now = session_now(),
                                  .renew = renew != NULL ? renew->item : NULL,
                                  .renew_count = renew != NULL ? renew->count : 0,
                                  .progress = &told};
    int rc = tuf_legacy_sync(w, o.now, session_tell, NULL, e);
    if (rc == 0)
        rc = tuf_draft_make(w, p, &o, ev, e);
    cli_progress_end(&line);
    if (rc == 0 && tuf_draft_add_files(w, p, ev, e) != 0) {
        tuf_event_free(ev);
        rc = -1;
    }
    return rc;
}

/* Two events of one version cannot both be published, and the second holds what the first changed
 * in the policy or the folders. */
static void tell_open(const struct tuf_open_events *o)
{
    for (size_t i = 0; i < o->count; i++) {
        const struct tuf_open_event *x = &o->item[i];
        if (x->state == TUF_OPEN_OUTDATED)
            continue;
        printf("the event ");
        cli_print_text(stdout, x->name, strlen(x->name));
        printf(" is open (%.*s)%s%.*s: what it changes in the policy and the folders is in this "
               "one too, and only one of the two can be published\n",
               (int)x->roles.len, (const char *)x->roles.data,
               x->signers.len > 0 ? ", signed by " : ", signed by nobody", (int)x->signers.len,
               x->signers.len > 0 ? (const char *)x->signers.data : "");
    }
}

static void next_steps(const char *path)
{
    printf("wrote %s\n"
           "next: give it to the holders, each of whom runs\n"
           "  tenmint-tuf review %s\n"
           "  tenmint-tuf sign %s --key FILE\n"
           "then gather and publish:\n"
           "  tenmint-tuf merge %s SIGNED...\n"
           "  tenmint-tuf publish %s\n",
           path, path, path, path, path);
}

#define REMOVED_MAX 20 /* named */

struct removals {
    const char *role;
    size_t count;
};

static int tell_removed(void *arg, const char *path, const struct tuf_entry *was,
                        const struct tuf_entry *is, struct tm_err *e)
{
    struct removals *r = arg;
    (void)was;
    (void)e;
    if (is != NULL || ++r->count > REMOVED_MAX)
        return 0;
    printf("removes the target ");
    cli_print_text(stdout, path, strlen(path));
    printf(" from %s: it is not in the folder any more\n", r->role);
    return 0;
}

/* A folder that lost files, such as a fresh clone, must not empty the repository unnoticed. */
static int tell_removals(const struct tuf_event *ev, struct tm_err *e)
{
    struct removals r = {0};
    for (size_t i = 0; i < ev->count; i++) {
        r.role = ev->role[i].name;
        if (ev->role[i].base != NULL && ev->role[i].proposed != NULL &&
            tuf_metadata_role(ev->role[i].proposed) == TUF_TARGETS &&
            tuf_entries_compare(ev->role[i].base, ev->role[i].proposed, tell_removed, &r, e) != 0)
            return -1;
    }
    if (r.count > REMOVED_MAX)
        printf("... removes %zu targets in all\n", r.count);
    return 0;
}

/* What publish will refuse is said before anybody signs it. */
static void tell_legacy(const struct tuf_workspace *w, const struct tuf_published *p,
                        const struct tuf_event *ev)
{
    const struct tuf_event_role *top = tuf_event_find(ev, "targets");
    const struct tuf_metadata *targets = top != NULL ? top->proposed : p->targets;
    for (size_t i = 0; i < ev->count && targets != NULL; i++) {
        const struct tuf_event_role *r = &ev->role[i];
        const struct tuf_policy_role *rule = tuf_policy_delegation(&w->policy, r->name);
        struct tm_err e = {0};
        if (r->proposed == NULL || tuf_metadata_role(r->proposed) != TUF_TARGETS)
            continue;
        const char *dir = r == top ? w->policy.targets : rule != NULL ? rule->directory : NULL;
        if (tuf_legacy_check(w, targets, r->proposed, dir, ev->created, ev->created, &e) != 0) {
            printf("to consider: publish will refuse this: ");
            session_tell(NULL, e.text);
        }
    }
}

/* What others could not read is said before anybody signs it. */
static int check_readers(const struct tuf_workspace *w, const struct tuf_event *ev,
                         struct tm_err *e)
{
    struct tuf_findings f = {0};
    int rc = 0;
    tuf_rules_readers(ev, &w->policy, &f);
    if (f.warnings.len > 0 && tm_buf_str(&f.warnings) != NULL)
        printf("to consider: %s", tm_buf_str(&f.warnings));
    if (f.error_count > 0 && tm_buf_str(&f.errors) != NULL)
        rc =
            tm_err_set(e, "%.*s", (int)strcspn(tm_buf_str(&f.errors), "\n"), tm_buf_str(&f.errors));
    tuf_findings_free(&f);
    return rc;
}

static void tell_words(void *arg, const char *text, bool dangerous)
{
    (void)arg;
    printf("%s", dangerous ? "DANGER: " : "");
    session_tell(NULL, text);
}

static void tell_danger(void *arg, const char *text)
{
    tell_words(arg, text, true);
}

static int propose(struct tuf_workspace *w, struct tuf_published *p, const char *name,
                   const char *reason, const struct cli_list *renew, const char *out)
{
    struct tuf_event ev = {0};
    struct tuf_open_events open = {0};
    struct tm_err e = {0};
    char path[PATH_MAX];
    /* Before there is another: each may be as large. */
    if (tuf_open_events_read(w, p, &open, &e) != 0 ||
        make(w, p, name, reason, renew, &ev, &e) != 0) {
        tuf_open_events_free(&open);
        return cli_fail(CLI_FAILED, &e);
    }
    if (tuf_event_proposed_count(&ev) == 0) {
        printf("nothing to propose: what is published is what the policy asks for, and no role is "
               "in its signing period (--renew ROLE makes a new version all the same)\n");
        tuf_open_events_free(&open);
        tuf_event_free(&ev);
        return CLI_OK;
    }
    int rc = check_readers(w, &ev, &e);
    if (rc == 0)
        rc = event_path(w, ev.name, out, path, sizeof(path), &e);
    if (rc == 0 && tuf_event_is_there(path))
        rc = tm_err_set(&e, "'%s' exists: signatures may be in it; use --name or --out", path);
    if (rc == 0)
        rc = record(w, &ev, session_now(), &e);
    if (rc == 0)
        rc = tuf_event_write(path, &ev, &e);
    if (rc == 0)
        rc = tuf_open_events_note(w, p, &ev, path, &e);
    if (rc == 0) {
        tell_open(&open);
        tell_legacy(w, p, &ev);
        tuf_answer_standings(&ev, tell_danger, NULL);
        rc = tell_removals(&ev, &e);
    }
    if (rc == 0)
        rc = tuf_content_explain(&ev, issuers_explain, tell_words, NULL, &e);
    tuf_open_events_free(&open);
    tuf_event_free(&ev);
    if (rc != 0)
        return cli_fail(CLI_FAILED, &e);
    next_steps(path);
    return CLI_OK;
}

int session_propose(struct tuf_workspace *w, const char *name, const char *reason,
                    const struct cli_list *renew, const char *out)
{
    struct tuf_published p;
    struct tm_err e = {0};
    if (tuf_workspace_lock(w, LOCK_WAIT_MS, &e) != 0 || tuf_workspace_published(w, &p, &e) != 0)
        return cli_fail(CLI_FAILED, &e);
    int code = propose(w, &p, name, reason != NULL ? reason : "", renew, out);
    tuf_published_free(&p);
    return code;
}
