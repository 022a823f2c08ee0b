#include "tuf/manager/review/content.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/names.h"
#include "tuf/metadata/build.h"
#include "tuf/metadata/typesjson.h"
#include "tuf/manager/policy/words.h"
#include "tuf/manager/review/acted.h"
#include "tuf/manager/review/answer.h"
#include "tuf/manager/review/fields.h"
#include "tuf/manager/review/newnames.h"
#include "tuf/manager/review/textdiff.h"
#include "tuf/verify/trust/signing_config.h"
#include "tuf/verify/trust/trusted_root.h"

#define FILES_MAX 40 /* shown, unless all are asked for */
#define LINES_MAX 40 /* of one, likewise */
#define INDENT "      "

/* One side of a target: what the metadata pins, and the copy in the event. */
struct side {
    bool listed;
    enum tuf_content there;
    struct tm_buf data;
};

struct content {
    const struct tuf_event *ev;
    const struct tuf_event_role *role; /* the one at hand */
    int64_t now;
    bool all;
    tuf_explain_fn explain;
    struct tm_buf *out;    /* of what clients act on */
    struct tm_buf *others; /* of the rest */
    struct tuf_findings *f;
    size_t other_count, left_out, absent;
    struct tuf_new_names names; /* that are not acted on */
    struct tm_names asked[2];   /* paths whose content before and after was asked for */
    size_t total;               /* what propose counts of the contents that are there */
    size_t least;               /* of those that are not, the least that it would have counted */
    char least_name[256];       /* "": none, or all too large */
};

static int side_load(struct content *c, const char *path, bool after, const struct tuf_entry *entry,
                     struct side *s)
{
    struct tuf_file_info pin;
    *s = (struct side){.listed = entry != NULL};
    if (entry == NULL)
        return 0;
    tuf_entry_info(entry, &pin);
    s->there = tuf_event_content(c->ev, path, after, &pin, &s->data);
    c->total += s->data.len;
    return tm_names_put(&c->asked[after], path) < 0 ? -1 : 0;
}

static bool shown(const struct side *s)
{
    return !s->listed || s->there == TUF_CONTENT_THERE;
}

/* ---- what clients act on ---- */

static void unexplained(struct content *c, const char *path, const char *why)
{
    tuf_findings_error(c->f, "%.200s (listed by %.100s) %s", path, c->role->name, why);
    c->f->unexplained++;
}

static void danger_to(struct content *c, struct tm_buf *out, const char *path, const char *text)
{
    tm_buf_puts(out, "    DANGER: ");
    tuf_words_safe(text, out);
    buf_putc(out, '\n');
    tuf_findings_danger(c->f, "%.200s: %.250s", path, text);
}

static void danger(struct content *c, const char *path, const char *text)
{
    danger_to(c, c->out, path, text);
}

struct changes {
    struct content *c;
    const char *path;
    struct tm_buf *out;
};

static void tell_change(void *arg, const char *text, bool dangerous)
{
    struct changes *x = arg;
    if (dangerous) {
        danger_to(x->c, x->out, x->path, text);
        return;
    }
    tm_buf_puts(x->out, "    ");
    tuf_words_safe(text, x->out);
    buf_putc(x->out, '\n');
}

/* Who is trusted from then on, and what stops to verify. */
static void trusted_root_lines(struct content *c, const char *path, const struct tm_buf *before,
                               const struct tm_buf *after)
{
    struct tm_err e = {0};
    struct changes x = {c, path, c->out};
    struct tuf_trusted_root *was =
        before->len > 0 ? tuf_trusted_root_parse_strict(before->data, before->len, NULL) : NULL;
    struct tuf_trusted_root *is = tuf_trusted_root_parse_strict(after->data, after->len, &e);
    if (was == NULL)
        was = tuf_trusted_root_new(NULL);
    if (is == NULL) {
        char text[ERR_TEXT_MAX];
        snprintf(text, sizeof(text), "no client can read the new file: %.400s", e.text);
        danger(c, path, text);
    } else if (was != NULL) {
        tuf_trusted_root_diff(was, is, c->now * 1000, tell_change, &x);
    }
    tuf_trusted_root_free(was);
    tuf_trusted_root_free(is);
}

static bool lists_url(const struct tuf_signing_config *c, enum tuf_service_kind kind,
                      const char *url)
{
    for (size_t i = 0; c != NULL && i < tuf_signing_config_count(c, kind); i++) {
        if (strcmp(tuf_signing_config_service(c, kind, i)->url, url) == 0)
            return true;
    }
    return false;
}

/* Where signers go that they did not go before. */
static void signing_config_lines(struct content *c, const char *path, const struct tm_buf *before,
                                 const struct tm_buf *after)
{
    struct tm_err e = {0};
    struct tuf_signing_config *was =
        before->len > 0 ? tuf_signing_config_parse_strict(before->data, before->len, NULL) : NULL;
    struct tuf_signing_config *is = tuf_signing_config_parse_strict(after->data, after->len, &e);
    for (int k = 0; is != NULL && k < SERVICE_KIND_COUNT; k++) {
        for (size_t i = 0; i < tuf_signing_config_count(is, (enum tuf_service_kind)k); i++) {
            const struct tuf_service *s =
                tuf_signing_config_service(is, (enum tuf_service_kind)k, i);
            if (lists_url(was, (enum tuf_service_kind)k, s->url))
                continue;
            tuf_findings_warn(c->f, "signers will use a %s that they did not use before: %.300s",
                              tuf_service_kind_name((enum tuf_service_kind)k), s->url);
        }
    }
    if (is == NULL) {
        char text[ERR_TEXT_MAX];
        snprintf(text, sizeof(text), "no signer can read the new file: %.400s", e.text);
        danger(c, path, text);
    }
    tuf_signing_config_free(was);
    tuf_signing_config_free(is);
}

/* Every field that differs. False: the content is of no form that can be told field by field. */
static bool field_lines(const struct side *before, const struct side *after, struct tm_buf *out)
{
    struct tuf_fields was = {0};
    struct tuf_fields is = {0};
    bool good = (before->data.len == 0 ||
                 tuf_fields_read(before->data.data, before->data.len, &was, NULL) == 0) &&
                (after->data.len == 0 ||
                 tuf_fields_read(after->data.data, after->data.len, &is, NULL) == 0);
    if (good && tuf_fields_difference(&was, &is, INDENT, out) == 0)
        tm_buf_puts(out, INDENT "says the same, written in another way\n");
    tuf_fields_free(&was);
    tuf_fields_free(&is);
    return good;
}

static void size_words(const struct side *before, const struct side *after, struct tm_buf *out)
{
    if (!after->listed)
        tm_buf_puts(out, "is removed\n");
    else if (!before->listed)
        tm_buf_printf(out, "new (%zu bytes)\n", after->data.len);
    else
        tm_buf_printf(out, "changed (%zu bytes, was %zu)\n", after->data.len, before->data.len);
}

static void explain_change(struct content *c, const char *path, const struct side *before,
                           const struct side *after)
{
    tm_buf_puts(c->out, "  ");
    tuf_words_safe(path, c->out);
    tm_buf_puts(c->out, ", listed by ");
    tuf_words_safe(c->role->name, c->out);
    tm_buf_puts(c->out, ": ");
    if (!shown(before) || !shown(after)) {
        const struct side *bad = shown(after) ? before : after;
        tm_buf_puts(c->out, bad->there == TUF_CONTENT_WRONG
                                ? "the copy in the event is NOT what the metadata pins\n"
                                : "its content is not in the event\n");
        unexplained(c, path,
                    "changes, but the event does not hold its old and new content: what changes in "
                    "it cannot be shown");
        return;
    }
    size_words(before, after, c->out);
    if (after->listed && tuf_acted_on_is_root(path))
        trusted_root_lines(c, path, &before->data, &after->data);
    if (after->listed && strcmp(path, SIGNING_CONFIG_TARGET) == 0)
        signing_config_lines(c, path, &before->data, &after->data);
    if (after->listed && c->explain != NULL) {
        struct changes x = {c, path, c->out};
        c->explain(&before->data, &after->data, tell_change, &x);
    }
    if (field_lines(before, after, c->out))
        return;
    if (tuf_textdiff_is_text(&before->data) && tuf_textdiff_is_text(&after->data))
        tuf_textdiff_write(&before->data, &after->data, SIZE_MAX, INDENT, c->out);
    else
        unexplained(c, path, "is neither JSON, PEM nor text: what changes in it cannot be shown");
}

/* ---- the others ---- */

/* What is not there: one side alone is never left out, and both only for their size, or where there
 * was no room for them among the rest. */
static void judge_absent(struct content *c, const char *path, const struct tuf_entry *was,
                         const struct tuf_entry *is, bool one_is_there)
{
    int64_t before = was != NULL ? was->length : 0;
    int64_t after = is != NULL ? is->length : 0;
    c->absent++;
    if (one_is_there) {
        unexplained(c, path, "travels along without the other content that it is compared with");
    } else if (before <= (int64_t)EVENT_FILE_MAX && after <= (int64_t)EVENT_FILE_MAX) {
        size_t need = EVENT_FILE_COST + (size_t)before + (size_t)after;
        if (c->least_name[0] != '\0' && c->least <= need)
            return;
        c->least = need;
        snprintf(c->least_name, sizeof(c->least_name), "%s", path);
    }
}

static void judge_room(const struct content *c)
{
    if (c->least_name[0] == '\0' || c->total + c->least > EVENT_FILES_MAX)
        return;
    tuf_findings_error(c->f,
                       "%.250s: its content was left out, although it is small and there is room: "
                       "what changes in it cannot be shown",
                       c->least_name);
    c->f->unexplained++;
}

/* What travels along is signed for: nobody is asked about what no changed target is. */
static void judge_files(const struct content *c)
{
    static const char *const when[] = {"before", "after"};
    const struct tuf_event_files *files = &c->ev->files;
    for (size_t i = 0; i < files->count; i++) {
        for (int after = 0; after < 2; after++) {
            const struct tuf_event_file *file = &files->item[i];
            if (file->side[after].count == 0 || tm_names_have(&c->asked[after], file->path))
                continue;
            tuf_findings_error(c->f,
                               "%.200s: a content from %s the change travels along, and no target "
                               "that changes has it",
                               file->path, when[after]);
            c->f->unexplained++;
        }
    }
}

static void other_lines(struct content *c, const char *path, const struct tuf_entry *was,
                        const struct tuf_entry *is, const struct side *before,
                        const struct side *after)
{
    bool wrong = (before->listed && before->there == TUF_CONTENT_WRONG) ||
                 (after->listed && after->there == TUF_CONTENT_WRONG);
    if (!wrong && (!shown(before) || !shown(after))) {
        judge_absent(c, path, was, is,
                     (before->listed && shown(before)) || (after->listed && shown(after)));
        return;
    }
    c->total += EVENT_FILE_COST;
    if (c->other_count == FILES_MAX && !c->all && !wrong) {
        c->left_out++;
        return;
    }
    c->other_count++;
    tm_buf_puts(c->others, "  ");
    tuf_words_safe(path, c->others);
    tm_buf_puts(c->others, ": ");
    if (wrong) {
        tm_buf_puts(c->others, "the copy in the event is NOT what the metadata pins\n");
        unexplained(c, path, "travels along with other content than the metadata pins");
        return;
    }
    size_words(before, after, c->others);
    if (after->listed && c->explain != NULL) {
        struct changes x = {c, path, c->others};
        c->explain(&before->data, &after->data, tell_change, &x);
    }
    if (!tuf_textdiff_is_text(&before->data) || !tuf_textdiff_is_text(&after->data))
        tm_buf_puts(c->others, INDENT "no text\n");
    else if (before->data.len > TEXTDIFF_BYTES_MAX || after->data.len > TEXTDIFF_BYTES_MAX)
        tm_buf_puts(c->others, INDENT "a long text: its lines are not shown\n");
    else
        tuf_textdiff_write(&before->data, &after->data, c->all ? SIZE_MAX : LINES_MAX, INDENT,
                           c->others);
}

/* ---- the walk ---- */

static void answer_danger(void *arg, const char *text)
{
    tuf_findings_danger(arg, "%.400s", text);
}

static bool same_bytes(const struct tuf_entry *a, const struct tuf_entry *b)
{
    return a->length == b->length && tuf_hashes_equal(&a->hashes, &b->hashes);
}

static int each_change(void *arg, const char *path, const struct tuf_entry *was,
                       const struct tuf_entry *is, struct tm_err *e)
{
    struct content *c = arg;
    bool acted = tuf_acted_on(c->ev, path, was, is);
    struct side before;
    struct side after;
    struct tuf_entry found = {0};
    if (was != NULL && is != NULL && same_bytes(was, is))
        return 0; /* custom metadata: the lines of the role tell */
    if (is == NULL && !acted)
        return 0; /* removed: likewise */
    if (was == NULL && acted && tuf_answer_before(c->ev, path, &found))
        was = &found; /* another role listed it */
    int rc = side_load(c, path, false, was, &before);
    if (side_load(c, path, true, is, &after) != 0 || rc != 0)
        rc = tm_err_set(e, "out of memory");
    if (acted) {
        c->total += EVENT_FILE_COST;
        explain_change(c, path, &before, &after);
        tuf_answer_judge(c->ev, path, answer_danger, c->f);
    }
    if (!acted && was == NULL)
        tuf_new_names_note(&c->names, c->ev, path, is);
    if (!acted)
        other_lines(c, path, was, is, &before, &after);
    tm_buf_free(&before.data);
    tm_buf_free(&after.data);
    tuf_free_entry(&found);
    return rc;
}

/* No role changed it, and clients come to act on it. */
static int each_standing(void *arg, const char *path, struct tm_err *e)
{
    struct content *c = arg;
    const struct side before = {0};
    struct tuf_standing s;
    struct side after;
    if (!tuf_answer_standing(c->ev, path, &s))
        return 0;
    c->role = tuf_event_find(c->ev, s.role);
    int rc = side_load(c, path, true, &s.entry, &after);
    c->total += EVENT_FILE_COST;
    explain_change(c, path, &before, &after);
    tm_buf_free(&after.data);
    tuf_free_entry(&s.entry);
    return rc == 0 ? 0 : tm_err_set(e, "out of memory");
}

static void finish_others(const struct content *c, struct tm_buf *out)
{
    if (c->others->len == 0 && c->left_out == 0 && c->absent == 0)
        return;
    tm_buf_puts(out, "\nContent of other changed targets\n");
    tm_buf_append(out, c->others->data, c->others->len);
    if (c->left_out > 0)
        tm_buf_printf(out, "  ... and %zu more (--all shows them)\n", c->left_out);
    if (c->absent > 0)
        tm_buf_printf(out,
                      "  %zu more whose content is not in the event, for its size or their number: "
                      "length and hash above name it\n",
                      c->absent);
}

int tuf_content_write(const struct tuf_event *ev, int64_t now, bool all, tuf_explain_fn explain,
                      struct tm_buf *out, struct tuf_findings *f, struct tm_err *e)
{
    struct tm_buf acted = {0};
    struct tm_buf others = {0};
    struct content c = {.ev = ev,
                        .now = now,
                        .all = all,
                        .explain = explain,
                        .out = &acted,
                        .others = &others,
                        .f = f};
    int rc = 0;
    for (size_t i = 0; i < ev->count && rc == 0; i++) {
        c.role = &ev->role[i];
        if (c.role->proposed != NULL && tuf_metadata_role(c.role->proposed) == TUF_TARGETS)
            rc = tuf_entries_compare(c.role->base, c.role->proposed, each_change, &c, e);
    }
    if (rc == 0)
        rc = tuf_answer_newly(ev, each_standing, &c, e);
    tuf_new_names_judge(&c.names, f);
    judge_room(&c);
    judge_files(&c);
    if (acted.len > 0) {
        tm_buf_puts(out, "\nWhat clients act on\n");
        tm_buf_append(out, acted.data, acted.len);
    }
    finish_others(&c, out);
    if (buf_failed(&acted) || buf_failed(&others))
        rc = tm_err_set(e, "out of memory");
    tm_names_free(&c.asked[0]);
    tm_names_free(&c.asked[1]);
    tm_buf_free(&acted);
    tm_buf_free(&others);
    return rc;
}

/* ---- before a review ---- */

struct words {
    struct content c;
    tuf_explain_tell tell;
    void *arg;
};

static int explain_one(void *arg, const char *path, const struct tuf_entry *was,
                       const struct tuf_entry *is, struct tm_err *e)
{
    struct words *w = arg;
    struct side before;
    struct side after;
    if (is == NULL || (was != NULL && same_bytes(was, is)))
        return 0;
    int rc = side_load(&w->c, path, false, was, &before);
    if (side_load(&w->c, path, true, is, &after) != 0 || rc != 0)
        rc = tm_err_set(e, "out of memory");
    else if (shown(&before) && shown(&after))
        w->c.explain(&before.data, &after.data, w->tell, w->arg);
    tm_buf_free(&before.data);
    tm_buf_free(&after.data);
    return rc;
}

int tuf_content_explain(const struct tuf_event *ev, tuf_explain_fn explain, tuf_explain_tell tell,
                        void *arg, struct tm_err *e)
{
    struct words w = {.c = {.ev = ev, .explain = explain}, .tell = tell, .arg = arg};
    int rc = 0;
    for (size_t i = 0; i < ev->count && rc == 0; i++) {
        const struct tuf_event_role *r = &ev->role[i];
        if (r->proposed != NULL && tuf_metadata_role(r->proposed) == TUF_TARGETS)
            rc = tuf_entries_compare(r->base, r->proposed, explain_one, &w, e);
    }
    tm_names_free(&w.c.asked[0]);
    tm_names_free(&w.c.asked[1]);
    return rc;
}
