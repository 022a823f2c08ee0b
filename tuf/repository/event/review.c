#include "tuf/repository/event/review.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tuf/metadata/canonical.h"
#include "tuf/metadata/verify.h"
#include "tuf/repository/report/words.h"
#include "tuf/sigstore/trusted_root.h"

static void indent(const struct buf *lines, const char *prefix, struct buf *out)
{
    const char *p = (const char *)lines->data;
    size_t left = lines->len;
    while (left > 0) {
        const char *end = memchr(p, '\n', left);
        size_t n = end != NULL ? (size_t)(end - p) : left;
        char line[ERR_TEXT_MAX];
        snprintf(line, sizeof(line), "%.*s", (int)n, p);
        buf_puts(out, prefix);
        words_safe(line, out);
        buf_putc(out, '\n');
        n += end != NULL;
        p += n;
        left -= n;
    }
}

/* ---- signatures ---- */

struct tally {
    const struct tuf_signers *by;
    struct buf *signed_by, *missing;
};

static void tell(void *arg, const char *keyid, enum tuf_verdict v)
{
    struct tally *t = arg;
    struct buf *to = v == TUF_SIGNED ? t->signed_by : t->missing;
    buf_puts(to, to->len > 0 ? ", " : "");
    words_key(json_object_get(t->by->keys, keyid), keyid, to);
    if (v == TUF_BAD)
        buf_puts(to, " BAD SIGNATURE");
    if (v == TUF_UNUSABLE_KEY)
        buf_puts(to, " unusable key");
    if (v == TUF_SAME_KEY)
        buf_puts(to, " the same key again");
}

static void tally_lines(const struct event_role *r, const struct tuf_signers *by, const char *which,
                        struct buf *out)
{
    struct buf yes = {0};
    struct buf no = {0};
    struct tally t = {.by = by, .signed_by = &yes, .missing = &no};
    int64_t n = tuf_verify_each(r->proposed, by, tell, &t);
    buf_puts(out, "  ");
    words_safe(r->name, out);
    buf_printf(out, " %" PRId64 "%s: %" PRId64 " of %" PRId64 " signatures%s\n",
               tuf_metadata_version(r->proposed), which, n, by->threshold,
               n >= by->threshold ? ": complete" : "");
    if (yes.len > 0)
        buf_printf(out, "    signed:     %s\n", buf_str(&yes));
    if (no.len > 0)
        buf_printf(out, "    %s %s\n",
                   n >= by->threshold ? "could sign:" : "may sign:  ", buf_str(&no));
    buf_free(&yes);
    buf_free(&no);
}

#define TALLIES_MAX 40

void review_signatures(const struct event *ev, struct buf *out)
{
    size_t shown = 0;
    for (size_t i = 0; i < ev->count; i++) {
        const struct event_role *r = &ev->role[i];
        struct tuf_signers by;
        if (r->proposed == NULL)
            continue;
        if (++shown > TALLIES_MAX)
            continue;
        bool old = event_signers(ev, r->name, true, &by);
        if (old)
            tally_lines(r, &by, " by the OLD root's keys", out);
        if (event_signers(ev, r->name, false, &by))
            tally_lines(r, &by, old ? " by the NEW root's keys" : "", out);
    }
    if (shown > TALLIES_MAX)
        buf_printf(out, "  ... and %zu more roles\n", shown - TALLIES_MAX);
}

/* ---- targets that travel along ---- */

struct change {
    struct buf *out;
    bool danger;
};

static void tell_change(void *arg, const char *text, bool danger)
{
    struct change *c = arg;
    buf_puts(c->out, danger ? "    DANGER: " : "    ");
    words_safe(text, c->out);
    buf_putc(c->out, '\n');
    c->danger |= danger;
}

static bool matches(const struct event *ev, const char *path, bool after, const struct buf *data)
{
    const struct event_role *t = event_find(ev, "targets");
    const struct tuf_metadata *m = t == NULL ? NULL : after ? t->proposed : t->base;
    struct tuf_file_info info;
    return m != NULL && tuf_targets_find(m, path, &info) &&
           tuf_file_check(&info, data->data, data->len, NULL) == 0;
}

static void trusted_root_lines(const struct buf *before, const struct buf *after, struct buf *out)
{
    struct err e = {0};
    struct change c = {.out = out};
    struct trusted_root *was = before->len > 0 ? trusted_root_parse(before->data, before->len, NULL)
                                               : trusted_root_new(NULL);
    struct trusted_root *is = trusted_root_parse(after->data, after->len, &e);
    if (was != NULL && is != NULL) {
        trusted_root_diff(was, is, tell_change, &c);
    } else if (is == NULL) {
        buf_puts(out, "    DANGER: no client can read the new file: ");
        words_safe(e.text, out);
        buf_putc(out, '\n');
    }
    trusted_root_free(was);
    trusted_root_free(is);
}

static void file_lines(const struct event *ev, const char *path, struct buf *out)
{
    struct buf before = {0};
    struct buf after = {0};
    struct err e = {0};
    int had = event_file(ev, path, false, &before, &e);
    int has = event_file(ev, path, true, &after, &e);
    buf_puts(out, "  ");
    words_safe(path, out);
    if (had < 0 || has < 0 || (had > 0 && !matches(ev, path, false, &before)) ||
        (has > 0 && !matches(ev, path, true, &after))) {
        buf_puts(out, ": the copy in the event is NOT what the metadata pins; ignore it\n");
    } else if (has == 0) {
        buf_puts(out, ": removed\n");
    } else {
        buf_printf(out, ": %s (%zu bytes)\n", had > 0 ? "changed" : "new", after.len);
        if (strcmp(path, "trusted_root.json") == 0)
            trusted_root_lines(&before, &after, out);
    }
    buf_free(&before);
    buf_free(&after);
}

static void files_part(const struct event *ev, struct buf *out)
{
    const char *path;
    json_t *value;
    json_t *files = json_object_get(ev->tree, "files");
    if (json_object_size(files) == 0)
        return;
    buf_puts(out, "\nContent of changed targets\n");
    json_object_foreach(files, path, value)
    {
        file_lines(ev, path, out);
    }
}

/* ---- the whole ---- */

static void head_part(const struct event *ev, const struct review *r, struct buf *out)
{
    const struct event_role *root = event_find(ev, "root");
    struct err e = {0};
    char hex[65];
    buf_puts(out, "Event   ");
    words_safe(event_name(ev), out);
    buf_puts(out, "\nReason  ");
    words_safe(event_reason(ev), out);
    buf_printf(out, "\nMade    %s\n", event_created(ev));
    if (ev->root_count == 0 || root == NULL || root->base == NULL) {
        buf_puts(out, "Follows nothing: this is the first root of a new repository\n");
        return;
    }
    if (canonical_sha256(tuf_metadata_signed(root->base), hex, &e) == 0)
        buf_printf(out, "Follows published root %zu, sha256 of its signed part %.32s...\n",
                   ev->root_count, hex);
    if (r->trusted != NULL && rules_trusted(ev, r->trusted, &e) == 0)
        buf_printf(out, "        which follows from your own root %" PRId64 "\n",
                   tuf_metadata_version(r->trusted));
    else if (r->trusted == NULL)
        buf_puts(out, "        NOT compared with a root of your own: use --trusted FILE\n");
}

static void roles_part(const struct event *ev, struct buf *out)
{
    size_t shown = 0;
    buf_puts(out, "\nChanges\n");
    for (size_t i = 0; i < ev->count; i++) {
        const struct event_role *r = &ev->role[i];
        if (r->proposed == NULL || ++shown > TALLIES_MAX)
            continue;
        words_safe(r->name, out);
        buf_putc(out, '\n');
        words_difference(r->base, r->proposed, out);
    }
    if (shown > TALLIES_MAX)
        buf_printf(out, "... and %zu more roles\n", shown - TALLIES_MAX);
    if (shown == 0)
        buf_puts(out, "  none\n");
}

int review_write(const struct event *ev, const struct review *r, struct buf *out, size_t *errors,
                 struct err *e)
{
    struct findings f;
    struct err why = {0};
    char hex[65];
    if (event_digest(ev, hex, e) != 0)
        return -1;
    rules_judge(ev, r->policy, r->now, &f);
    if (r->trusted != NULL && rules_trusted(ev, r->trusted, &why) != 0) {
        buf_printf(&f.errors, "%s\n", why.text);
        f.error_count++;
    }
    head_part(ev, r, out);
    roles_part(ev, out);
    files_part(ev, out);
    buf_puts(out, "\nSignatures\n");
    review_signatures(ev, out);
    if (f.warnings.len > 0) {
        buf_puts(out, "\nTo consider\n");
        indent(&f.warnings, "  ", out);
    }
    if (f.error_count > 0) {
        buf_puts(out, "\nWRONG: do not sign\n");
        indent(&f.errors, "  ", out);
    }
    buf_printf(out, "\nDigest  %s\n", hex);
    *errors = f.error_count;
    findings_free(&f);
    return buf_failed(out) ? err_set(e, "out of memory") : 0;
}
