#include "tuf/manager/review/review.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "tuf/metadata/build.h"
#include "tuf/metadata/verify.h"
#include "tuf/manager/policy/words.h"
#include "tuf/manager/review/difference.h"
#include "tuf/manager/review/acted.h"
#include "tuf/manager/review/answer.h"
#include "tuf/manager/review/content.h"

#define ROLES_MAX 40 /* shown, unless all are asked for */

static void indent(const struct tm_buf *lines, const char *prefix, struct tm_buf *out)
{
    const char *p = (const char *)lines->data;
    size_t left = lines->len;
    while (left > 0) {
        const char *end = memchr(p, '\n', left);
        size_t n = end != NULL ? (size_t)(end - p) : left;
        char line[ERR_TEXT_MAX];
        snprintf(line, sizeof(line), "%.*s", (int)n, p);
        tm_buf_puts(out, prefix);
        tuf_words_safe(line, out);
        buf_putc(out, '\n');
        n += end != NULL;
        p += n;
        left -= n;
    }
}

/* ---- signatures ---- */

struct tally {
    const struct tuf_signers *by;
    struct tm_buf *signed_by, *missing;
};

static void tell(void *arg, const char *keyid, enum tuf_verdict v)
{
    struct tally *t = arg;
    struct tm_buf *to = v == TUF_SIGNED ? t->signed_by : t->missing;
    tm_buf_puts(to, to->len > 0 ? ", " : "");
    tuf_words_key(tuf_keys_find(t->by->known, keyid), keyid, to);
    if (v == TUF_BAD)
        tm_buf_puts(to, " BAD SIGNATURE");
    if (v == TUF_UNUSABLE_KEY)
        tm_buf_puts(to, " unusable key");
    if (v == TUF_SAME_KEY)
        tm_buf_puts(to, " the same key again");
}

static void tally_lines(const struct tuf_event_role *r, const struct tuf_signers *by,
                        const char *which, struct tm_buf *out)
{
    struct tm_buf yes = {0};
    struct tm_buf no = {0};
    struct tally t = {.by = by, .signed_by = &yes, .missing = &no};
    int64_t n = tuf_verify_each(r->proposed, by, tell, &t);
    tm_buf_puts(out, "  ");
    tuf_words_safe(r->name, out);
    tm_buf_printf(out, " %" PRId64 "%s: %" PRId64 " of %" PRId64 " signatures%s\n",
                  tuf_metadata_version(r->proposed), which, n, by->threshold,
                  n >= by->threshold ? ": complete" : "");
    if (yes.len > 0)
        tm_buf_printf(out, "    signed:     %s\n", tm_buf_str(&yes));
    if (no.len > 0)
        tm_buf_printf(out, "    %s %s\n",
                      n >= by->threshold ? "could sign:" : "may sign:  ", tm_buf_str(&no));
    tm_buf_free(&yes);
    tm_buf_free(&no);
}

void tuf_review_signatures(const struct tuf_event *ev, struct tm_buf *out)
{
    size_t shown = 0;
    for (size_t i = 0; i < ev->count; i++) {
        const struct tuf_event_role *r = &ev->role[i];
        struct tuf_signers by;
        if (r->proposed == NULL)
            continue;
        if (++shown > ROLES_MAX)
            continue;
        bool old = tuf_event_signers(ev, r->name, true, &by);
        if (old)
            tally_lines(r, &by, " by the OLD root's keys", out);
        if (tuf_event_signers(ev, r->name, false, &by))
            tally_lines(r, &by, old ? " by the NEW root's keys" : "", out);
    }
    if (shown > ROLES_MAX)
        tm_buf_printf(out, "  ... and %zu more roles\n", shown - ROLES_MAX);
}

/* ---- who answers ---- */

static void tell_danger(void *arg, const char *text)
{
    struct tuf_findings *f = arg;
    tuf_findings_danger(f, "%.400s", text);
}

struct asking {
    const struct tuf_event *ev;
    struct tuf_findings *f;
};

static int judge_name(void *arg, const char *name)
{
    const struct asking *a = arg;
    tuf_answer_judge(a->ev, name, tell_danger, a->f);
    return 0;
}

static void judge_answers(const struct tuf_event *ev, struct tuf_findings *f)
{
    struct asking a = {ev, f};
    const struct tuf_acted_names names = tuf_acted_names_of(ev);
    tuf_acted_on_each(&names, judge_name, &a);
    tuf_answer_standings(ev, tell_danger, f);
    tuf_answer_shadows(ev, tell_danger, f);
}

/* ---- the whole ---- */

static void head_part(const struct tuf_event *ev, const struct tuf_review *r, struct tm_buf *out)
{
    const struct tuf_event_role *root = tuf_event_find(ev, "root");
    struct tm_err e = {0};
    char hex[65];
    char date[21];
    tm_buf_puts(out, "Event   ");
    tuf_words_safe(ev->name, out);
    tm_buf_puts(out, "\nReason  ");
    tuf_words_safe(ev->reason, out);
    tm_clock_format(ev->created, date);
    tm_buf_printf(out, "\nMade    %s\n", date);
    if (ev->root_count == 0 || root == NULL || root->base == NULL) {
        tm_buf_puts(out, "Follows nothing: this is the first root of a new repository\n");
        return;
    }
    if (tuf_metadata_sha256(root->base, hex, &e) == 0)
        tm_buf_printf(out,
                      "Follows published root %" PRId64 ", sha256 of its signed part %.32s...\n",
                      tuf_event_root_version(ev), hex);
    if (r->trusted != NULL && tuf_rules_trusted(ev, r->trusted, &e) == 0)
        tm_buf_printf(out, "        which follows from your own root %" PRId64 "\n",
                      tuf_metadata_version(r->trusted));
    else if (r->trusted == NULL)
        tm_buf_puts(out, "        NOT compared with a root of your own: use --trusted FILE\n");
}

static void roles_part(const struct tuf_event *ev, bool all, struct tm_buf *out)
{
    size_t shown = 0;
    tm_buf_puts(out, "\nChanges\n");
    for (size_t i = 0; i < ev->count; i++) {
        const struct tuf_event_role *r = &ev->role[i];
        if (r->proposed == NULL || (++shown > ROLES_MAX && !all))
            continue;
        tuf_words_safe(r->name, out);
        buf_putc(out, '\n');
        tuf_words_difference(r->base, r->proposed, all, out);
    }
    if (shown > ROLES_MAX && !all)
        tm_buf_printf(out, "... and %zu more roles (--all shows them)\n", shown - ROLES_MAX);
    if (shown == 0)
        tm_buf_puts(out, "  none\n");
}

static void findings_part(const struct tuf_findings *f, struct tm_buf *out)
{
    if (f->warnings.len > 0) {
        tm_buf_puts(out, "\nTo consider\n");
        indent(&f->warnings, "  ", out);
    }
    if (f->danger_count > 0) {
        tm_buf_puts(out, "\nDANGER: this would harm, or could harm, every client\n");
        indent(&f->dangers, "  ", out);
    }
    if (f->error_count > 0) {
        tm_buf_puts(out, "\nWRONG: do not sign\n");
        indent(&f->errors, "  ", out);
    }
}

int tuf_review_write(const struct tuf_event *ev, const struct tuf_review *r, struct tm_buf *out,
                     struct tuf_review_result *result, struct tm_err *e)
{
    struct tuf_findings f;
    struct tm_err why = {0};
    *result = (struct tuf_review_result){0};
    if (tuf_event_digest(ev, result->digest, e) != 0)
        return -1;
    tuf_rules_judge(ev, r->policy, r->now, &f);
    if (r->trusted != NULL && tuf_rules_trusted(ev, r->trusted, &why) != 0)
        tuf_findings_error(&f, "%s", why.text);
    judge_answers(ev, &f);
    head_part(ev, r, out);
    roles_part(ev, r->all, out);
    int rc = tuf_content_write(ev, r->now, r->all, r->explain, out, &f, e);
    tm_buf_puts(out, "\nSignatures\n");
    tuf_review_signatures(ev, out);
    findings_part(&f, out);
    tm_buf_printf(out, "\nDigest  %s\n", result->digest);
    result->errors = f.error_count;
    result->unexplained = f.unexplained;
    result->dangers = f.danger_count;
    tuf_findings_free(&f);
    return rc == 0 && buf_failed(out) ? tm_err_set(e, "out of memory") : rc;
}
