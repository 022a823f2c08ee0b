#include "ca/audit/export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/audit/head.h"
#include "ca/audit/line.h"

#define BEGIN "tenmint audit export 1"
#define END "tenmint audit end 1"

/* ---- writing ---- */

static int write_line(struct ca_audit_export *x, struct tm_err *e)
{
    buf_putc(&x->line, '\n');
    int rc = buf_failed(&x->line) ? tm_err_set(e, "out of memory")
                                  : tm_file_stream_write(&x->to, x->line.data, x->line.len, e);
    tm_buf_reset(&x->line);
    return rc;
}

static int write_tip(struct ca_audit_export *x, const char *type, struct tm_err *e)
{
    struct ca_audit_head head = {.seq = x->tip.seq, .hash = x->tip.hash, .time_ms = -1};
    snprintf(head.node, sizeof(head.node), "%s", x->node);
    ca_audit_head_write(type, &head, &x->line);
    return write_line(x, e);
}

int ca_audit_export_begin(struct ca_audit_export *x, const char *path, const char *node,
                          const struct ca_audit_tip *before, struct tm_err *e)
{
    *x = (struct ca_audit_export){.node = node, .tip = *before};
    return tm_file_stream_open(&x->to, path, 0640, e) == 0 ? write_tip(x, BEGIN, e) : -1;
}

int ca_audit_export_record(struct ca_audit_export *x, const struct ca_audit_row *row,
                           struct tm_err *e)
{
    x->tip = (struct ca_audit_tip){row->record.seq, row->hash};
    x->records++;
    ca_audit_canonical(&row->record, &x->line);
    return write_line(x, e);
}

int ca_audit_export_commit(struct ca_audit_export *x, struct tm_err *e)
{
    return write_tip(x, END, e) == 0 ? tm_file_stream_commit(&x->to, e) : -1;
}

int ca_audit_export_commit_as(struct ca_audit_export *x, const char *path, struct tm_err *e)
{
    if (snprintf(x->to.path, sizeof(x->to.path), "%s", path) >= (int)sizeof(x->to.path))
        return tm_err_set(e, "write '%s': the path is too long", path);
    return ca_audit_export_commit(x, e);
}

void ca_audit_export_abort(struct ca_audit_export *x)
{
    tm_file_stream_abort(&x->to);
    tm_buf_free(&x->line);
}

/* ---- reading ---- */

static int read_tip(const char *line, size_t len, const char *type, char node[256],
                    struct ca_audit_tip *out, struct tm_err *e)
{
    struct ca_audit_head head;
    if (ca_audit_head_parse(line, len, type, false, &head, e) != 0)
        return -1;
    *out = (struct ca_audit_tip){head.seq, head.hash};
    memcpy(node, head.node, sizeof(head.node));
    return 0;
}

static int take_record(struct ca_audit_walk *w, const char *line, size_t len, struct tm_err *e)
{
    struct ca_audit_line *l = ca_audit_line_read(line, len, e);
    int rc = l != NULL ? ca_audit_walk_record(w, ca_audit_line_record(l), NULL, e) : -1;
    ca_audit_line_free(l);
    return rc;
}

static bool is_end(const char *line)
{
    static const char begin[] = "{\"type\":";
    return strncmp(line, begin, sizeof(begin) - 1) == 0;
}

static void compare_end(struct ca_audit_walk *w, const struct ca_audit_tip *end)
{
    if (end->seq != w->tip.seq || memcmp(&end->hash, &w->tip.hash, sizeof(end->hash)) != 0)
        ca_audit_walk_fault(w, "the records are not those that the file's last line stands for");
}

struct lines { /* of a file */
    FILE *from;
    char *text;
    size_t room;
};

/* The next, without its newline; its length, or -1 at the end. */
static ssize_t next_line(struct lines *l)
{
    ssize_t len = getline(&l->text, &l->room, l->from);
    if (len > 0 && l->text[len - 1] == '\n')
        l->text[--len] = '\0';
    return len;
}

static int read_lines(struct lines *l, const struct ca_audit_head_list *heads,
                      struct ca_audit_walk *w, char node[256], struct tm_err *e)
{
    struct ca_audit_tip tip;
    char end_node[256];
    ssize_t len = next_line(l);
    if (len < 0 || read_tip(l->text, (size_t)len, BEGIN, node, &tip, e) != 0)
        return len < 0 ? tm_err_set(e, "it is empty") : tm_err_wrap(e, "its first line");
    ca_audit_walk_begin(w, node, &tip, heads);
    while ((len = next_line(l)) >= 0 && !is_end(l->text)) {
        if (take_record(w, l->text, (size_t)len, e) != 0)
            return tm_err_wrap(e, "the line behind record %" PRIu64, w->tip.seq);
    }
    if (len < 0)
        return tm_err_set(e, "it is cut off behind record %" PRIu64, w->tip.seq);
    if (read_tip(l->text, (size_t)len, END, end_node, &tip, e) != 0)
        return tm_err_wrap(e, "its last line");
    compare_end(w, &tip);
    return next_line(l) < 0 ? 0 : tm_err_set(e, "something follows its last line");
}

int ca_audit_export_read(const char *path, const struct ca_audit_head_list *heads,
                         struct ca_audit_walk *w, char node[256], struct tm_err *e)
{
    struct lines l = {.from = fopen(path, "re")};
    if (l.from == NULL) {
        tm_err_errno(e, "open '%s'", path);
        return tm_err_mark(e, ERR_UNAVAILABLE);
    }
    int rc = read_lines(&l, heads, w, node, e);
    (void)fclose(l.from);
    free(l.text);
    return rc == 0 ? 0 : tm_err_wrap(e, "'%s' is no whole export of an audit trail", path);
}
