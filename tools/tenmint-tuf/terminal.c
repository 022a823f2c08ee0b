/* Questions to a person. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "tools/tenmint-tuf/session.h"

#define ANSWER_MAX 1024

bool terminal_here(void)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool terminal_colour(void)
{
    const char *no = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0');
}

static int read_answer(struct buf *out)
{
    for (;;) {
        unsigned char c;
        ssize_t n = read(STDIN_FILENO, &c, 1);
        if (n <= 0)
            return -1;
        if (c == '\n')
            return 0;
        if (out->len >= ANSWER_MAX || c == '\0')
            return -1;
        buf_putc(out, c);
    }
}

int terminal_ask(const char *question, bool secret, struct buf *out, struct err *e)
{
    struct termios was;
    struct termios quiet;
    if (!terminal_here())
        return err_set(e, "there is no terminal to ask on");
    fprintf(stderr, "%s", question);
    fflush(stderr);
    bool changed = secret && tcgetattr(STDIN_FILENO, &was) == 0;
    if (changed) {
        quiet = was;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    buf_reset(out);
    int rc = read_answer(out);
    if (changed) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
        fputc('\n', stderr);
    }
    if (rc != 0 || buf_str(out) == NULL)
        return err_set(e, "no answer");
    return 0;
}

int terminal_new_secret(const char *what, struct buf *out, struct err *e)
{
    struct buf again = {0};
    char question[160];
    int rc;
    for (int tries = 0;; tries++) {
        snprintf(question, sizeof(question),
                 "New password for %.60s (12 characters or more): ", what);
        rc = terminal_ask(question, true, out, e);
        if (rc == 0 && out->len < 12) {
            fprintf(stderr, "Too short.\n");
            rc = 1;
        }
        if (rc == 0)
            rc = terminal_ask("The same again: ", true, &again, e);
        if (rc == 0 && (again.len != out->len || memcmp(again.data, out->data, out->len) != 0)) {
            fprintf(stderr, "They differ.\n");
            rc = 1;
        }
        if (rc <= 0)
            break;
        if (tries == 2) {
            rc = err_set(e, "no password was chosen");
            break;
        }
    }
    buf_free_secret(&again);
    return rc;
}
