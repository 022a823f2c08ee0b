#include "tools/tenmint-tuf/talk.h"

#include <stdio.h>
#include <string.h>

#include "common/json/jsonstr.h"
#include "tools/shared/cli.h"

/* What others wrote may be in it. */
static void print_line(FILE *to, const char *before, const char *text)
{
    fputs(before, to);
    cli_print_text(to, text, strlen(text));
    fputc('\n', to);
}

static struct tm_buf *next(struct talk_list *list)
{
    if (list->text.len > 0)
        buf_putc(&list->text, ',');
    return &list->text;
}

static void put_text(struct tm_buf *to, const char *text)
{
    tm_jsonstr_put(to, text, strlen(text));
}

void talk_asked(struct talk *t, const char *request, long status, const char *found)
{
    if (!t->json) {
        printf("asked ");
        cli_print_text(stdout, request, strlen(request));
        print_line(stdout, ": ", found);
        return;
    }
    struct tm_buf *to = next(&t->asked);
    tm_buf_printf(to, "{\"status\":%ld,\"request\":", status);
    put_text(to, request);
    tm_buf_printf(to, ",\"found\":");
    put_text(to, found);
    buf_putc(to, '}');
}

void talk_change(void *talk, const char *text, bool danger)
{
    struct talk *t = talk;
    t->danger |= danger;
    if (!t->json) {
        print_line(stdout, danger ? "DANGER: " : "", text);
        return;
    }
    struct tm_buf *to = next(&t->changes);
    tm_buf_printf(to, "{\"danger\":%s,\"text\":", danger ? "true" : "false");
    put_text(to, text);
    buf_putc(to, '}');
}

void talk_step(void *talk, const char *text)
{
    talk_change(talk, text, false);
}

void talk_note(void *talk, const char *text)
{
    struct talk *t = talk;
    if (t->json)
        put_text(next(&t->notes), text);
    else
        print_line(stderr, "note: ", text);
}

void talk_wrote(struct talk *t, const char *path)
{
    if (t->json)
        put_text(next(&t->wrote), path);
    else
        print_line(stdout, "wrote ", path);
}

void talk_end(struct talk *t, bool print)
{
    if (print && t->json)
        printf("{\"asked\":[%s],\"changes\":[%s],\"notes\":[%s],\"wrote\":[%s]}\n",
               tm_buf_str(&t->asked.text), tm_buf_str(&t->changes.text), tm_buf_str(&t->notes.text),
               tm_buf_str(&t->wrote.text));
    tm_buf_free(&t->asked.text);
    tm_buf_free(&t->changes.text);
    tm_buf_free(&t->notes.text);
    tm_buf_free(&t->wrote.text);
}
