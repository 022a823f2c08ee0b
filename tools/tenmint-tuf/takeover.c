/* init --from: a workspace of a repository that others began. */
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "tools/tenmint-tuf/session.h"
#include "tools/tenmint-tuf/takeover.h"
#include "tuf/manager/takeover/takeover.h"
#include "tuf/metadata/metadata.h"

static void print_lines(FILE *to, const char *title, const struct tm_buf *lines, size_t count)
{
    size_t printed = 0;
    if (count == 0)
        return;
    fprintf(to, "%s\n", title);
    for (size_t at = 0; at < lines->len; printed++) {
        const char *line = (const char *)lines->data + at;
        const char *end = memchr(line, '\n', lines->len - at);
        size_t len = end != NULL ? (size_t)(end - line) : lines->len - at;
        fputs("  ", to);
        cli_print_text(to, line, len);
        fputc('\n', to);
        at += len + 1;
    }
    if (count > printed)
        fprintf(to, "  ... and %zu more\n", count - printed);
}

static int tell(const char *dir, const char *from, const struct tuf_takeover *t)
{
    print_lines(stdout, "To know:", &t->notes, t->notes_count);
    if (t->loss_count > 0) {
        struct tm_err e = {0};
        print_lines(stderr, "This cannot be carried:", &t->losses, t->loss_count);
        tm_err_set(&e, "'%.200s' is not taken over, and nothing was written", from);
        return cli_fail(CLI_FAILED, &e);
    }
    printf("wrote %s: roots %lld to %lld, %zu roles, %zu targets, %zu keys, as they are\n"
           "next:\n"
           "  put the private key of each of the policy's online-keys where it says, mode 0600\n"
           "  (or give the role another: tenmint-tuf holder replace OLD NEW --key FILE)\n"
           "  tenmint-tuf propose --dir %s    (says \"nothing to propose\" until something "
           "changes)\n"
           "  serve %s/published in place of what was served before\n",
           dir, (long long)t->first_root, (long long)t->newest_root, t->roles, t->targets,
           t->holders, dir, dir);
    return CLI_OK;
}

int init_from(const char *dir, const char *from, const char *targets, const char *trusted)
{
    struct tuf_takeover t;
    struct tm_buf root = {0};
    struct tm_err e = {0};
    int rc = trusted != NULL ? tm_file_read_text(trusted, TUF_METADATA_MAX, &root, &e) : 0;
    const struct tuf_takeover_options o = {.from = from,
                                           .targets = targets,
                                           .trusted = trusted != NULL ? root.data : NULL,
                                           .trusted_len = root.len,
                                           .now = session_now()};
    if (rc == 0)
        rc = tuf_takeover_run(dir, &o, &t, &e);
    tm_buf_free(&root);
    if (rc != 0)
        return cli_fail(CLI_FAILED, &e);
    int code = tell(dir, from, &t);
    tuf_takeover_free(&t);
    return code;
}
