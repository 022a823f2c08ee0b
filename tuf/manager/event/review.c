#include "tuf/manager/event/review.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "tuf/metadata/build.h"
#include "tuf/metadata/verify.h"
#include "tuf/manager/report/words.h"
#include "tuf/verify/trust/trusted_root.h"

#define TRUSTED_ROOT "trusted_root.json"
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
    tuf_words_key(json_object_get(t->by->keys, keyid), keyid, to);
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

/* ---- targets that travel along ---- */

struct change {
    struct tm_buf *out;
    bool danger;
};

static void tell_change(void *arg, const char *text, bool danger)
{
    struct change *c = arg;
    tm_buf_puts(c->out, danger ? "    DANGER: " : "    ");
    tuf_words_safe(text, c->out);
    buf_putc(c->out, '\n');
    c->danger |= danger;
}

/* One side of a target: what the metadata pins, and the copy in the event. */
struct side {
    bool listed; /* by the metadata */
    int there;   /* as tuf_event_file() says */
    bool good;   /* the copy is what is pinned */
    struct tm_buf data;
};

static void side_load(const struct tuf_event *ev, const char *path, bool after, struct side *s)
{
    const struct tuf_event_role *t = tuf_event_find(ev, "targets");
    const struct tuf_metadata *m = t == NULL ? NULL : after ? t->proposed : t->base;
    struct tuf_file_info info;
    struct tm_err e = {0};
    *s = (struct side){0};
    s->listed = m != NULL && tuf_targets_find(m, path, &info);
    s->there = tuf_event_file(ev, path, after, &s->data, &e);
    s->good =
        s->there == 1 && s->listed && tuf_file_check(&info, s->data.data, s->data.len, NULL) == 0;
}

static void trusted_root_lines(const struct tm_buf *before, const struct tm_buf *after,
                               int64_t made, struct tm_buf *out)
{
    struct tm_err e = {0};
    struct change c = {.out = out};
    struct tuf_trusted_root *was = before->len > 0
                                       ? tuf_trusted_root_parse(before->data, before->len, NULL)
                                       : tuf_trusted_root_new(NULL);
    struct tuf_trusted_root *is = tuf_trusted_root_parse(after->data, after->len, &e);
    if (was != NULL && is != NULL) {
        tuf_trusted_root_diff(was, is, made * 1000, tell_change, &c);
    } else if (is == NULL) {
        tm_buf_puts(out, "    DANGER: no client can read the new file: ");
        tuf_words_safe(e.text, out);
        buf_putc(out, '\n');
    }
    tuf_trusted_root_free(was);
    tuf_trusted_root_free(is);
}

static void file_lines(const struct tuf_event *ev, const char *path, int64_t made,
                       struct tm_buf *out)
{
    struct side before;
    struct side after;
    side_load(ev, path, false, &before);
    side_load(ev, path, true, &after);
    tm_buf_puts(out, "  ");
    tuf_words_safe(path, out);
    if ((before.there != 0 && !before.good) || (after.there != 0 && !after.good)) {
        tm_buf_puts(out, ": the copy in the event is NOT what the metadata pins; ignore it\n");
    } else if (after.there == 0) {
        tm_buf_puts(out, after.listed ? ": its content is not in the event\n" : ": removed\n");
    } else {
        tm_buf_printf(
            out, ": %s (%zu bytes)%s\n", before.listed ? "changed" : "new", after.data.len,
            before.listed && before.there == 0 ? "; the old content is not in the event" : "");
        if (strcmp(path, TRUSTED_ROOT) == 0)
            trusted_root_lines(&before.data, &after.data, made, out);
    }
    tm_buf_free(&before.data);
    tm_buf_free(&after.data);
}

static void files_part(const struct tuf_event *ev, int64_t made, struct tm_buf *out)
{
    const char *path;
    json_t *value;
    json_t *files = json_object_get(ev->tree, "files");
    if (json_object_size(files) == 0)
        return;
    tm_buf_puts(out, "\nContent of changed targets\n");
    json_object_foreach(files, path, value)
    {
        file_lines(ev, path, made, out);
    }
}

static bool same_entry(const struct tuf_metadata *a, const struct tuf_metadata *b, const char *path)
{
    json_t *x = a != NULL ? tuf_entry_named(a, path) : NULL;
    json_t *y = tuf_entry_named(b, path);
    bool same = x == y || json_equal(x, y) == 1;
    json_decref(x);
    json_decref(y);
    return same;
}

/* Whom verifiers will trust is told from both copies. An event that leaves one out, or brings a
 * wrong one, would hide what goes. */
static void judge_trusted_root(const struct tuf_event *ev, struct tuf_findings *f)
{
    const struct tuf_event_role *t = tuf_event_find(ev, "targets");
    struct side before;
    struct side after;
    if (t == NULL || t->proposed == NULL || same_entry(t->base, t->proposed, TRUSTED_ROOT))
        return;
    side_load(ev, TRUSTED_ROOT, false, &before);
    side_load(ev, TRUSTED_ROOT, true, &after);
    if ((before.listed && !before.good) || (after.listed && !after.good)) {
        tm_buf_puts(&f->errors,
                    TRUSTED_ROOT " changes, but the event does not hold its old and new "
                                 "content: what changes in it cannot be shown\n");
        f->error_count++;
    }
    tm_buf_free(&before.data);
    tm_buf_free(&after.data);
}

/* ---- the whole ---- */

static void head_part(const struct tuf_event *ev, const struct tuf_review *r, struct tm_buf *out)
{
    const struct tuf_event_role *root = tuf_event_find(ev, "root");
    struct tm_err e = {0};
    char hex[65];
    tm_buf_puts(out, "Event   ");
    tuf_words_safe(tuf_event_name(ev), out);
    tm_buf_puts(out, "\nReason  ");
    tuf_words_safe(tuf_event_reason(ev), out);
    tm_buf_printf(out, "\nMade    %s\n", tuf_event_created(ev));
    if (ev->root_count == 0 || root == NULL || root->base == NULL) {
        tm_buf_puts(out, "Follows nothing: this is the first root of a new repository\n");
        return;
    }
    if (tuf_metadata_sha256(root->base, hex, &e) == 0)
        tm_buf_printf(out, "Follows published root %zu, sha256 of its signed part %.32s...\n",
                      ev->root_count, hex);
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

static int64_t made_at(const struct tuf_event *ev, int64_t now)
{
    int64_t created = now;
    return tm_clock_parse(tuf_event_created(ev), &created) == 0 && created < now ? created : now;
}

int tuf_review_write(const struct tuf_event *ev, const struct tuf_review *r, struct tm_buf *out,
                     size_t *errors, struct tm_err *e)
{
    struct tuf_findings f;
    struct tm_err why = {0};
    char hex[65];
    if (tuf_event_digest(ev, hex, e) != 0)
        return -1;
    tuf_rules_judge(ev, r->policy, r->now, &f);
    if (r->trusted != NULL && tuf_rules_trusted(ev, r->trusted, &why) != 0) {
        tm_buf_printf(&f.errors, "%s\n", why.text);
        f.error_count++;
    }
    judge_trusted_root(ev, &f);
    head_part(ev, r, out);
    roles_part(ev, r->all, out);
    files_part(ev, made_at(ev, r->now), out);
    tm_buf_puts(out, "\nSignatures\n");
    tuf_review_signatures(ev, out);
    if (f.warnings.len > 0) {
        tm_buf_puts(out, "\nTo consider\n");
        indent(&f.warnings, "  ", out);
    }
    if (f.error_count > 0) {
        tm_buf_puts(out, "\nWRONG: do not sign\n");
        indent(&f.errors, "  ", out);
    }
    tm_buf_printf(out, "\nDigest  %s\n", hex);
    *errors = f.error_count;
    tuf_findings_free(&f);
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}
