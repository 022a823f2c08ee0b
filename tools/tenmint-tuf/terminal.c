/* Questions to a person. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "tools/tenmint-tuf/session.h"

#define ANSWER_MAX 1024

bool terminal_here(void)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

/* While a secret is typed: echo is off, and the signals that end or stop a program wait in
 * `signals` until the terminal is as it was. */
struct hush {
    struct termios terminal;
    sigset_t mask;
    int signals; /* a signalfd; -1: not hushed */
};

static struct hush hush_start(void)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    struct hush h = {.signals = -1};
    struct termios quiet;
    sigset_t wait;
    sigemptyset(&wait);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        sigaddset(&wait, ends[i]);
    if (tcgetattr(STDIN_FILENO, &h.terminal) != 0)
        return h;
    pthread_sigmask(SIG_BLOCK, &wait, &h.mask);
    h.signals = signalfd(-1, &wait, SFD_CLOEXEC);
    if (h.signals < 0) {
        pthread_sigmask(SIG_SETMASK, &h.mask, NULL);
        return h;
    }
    quiet = h.terminal;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    return h;
}

static void hush_end(struct hush *h)
{
    if (h->signals < 0)
        return;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &h->terminal);
    fputc('\n', stderr);
    close(h->signals);
    pthread_sigmask(SIG_SETMASK, &h->mask, NULL);
}

/* 0, -1, or the number of a signal that came instead. `signals` may be -1. */
static int read_answer(int signals, struct tm_buf *out)
{
    tm_buf_reset(out);
    tm_buf_reserve(out, ANSWER_MAX + 1); /* a secret is never moved */
    for (;;) {
        struct pollfd wait[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                {.fd = signals, .events = POLLIN}};
        struct signalfd_siginfo info;
        unsigned char c;
        if (poll(wait, 2, -1) < 0)
            return -1;
        if (wait[1].revents != 0)
            return read(signals, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : -1;
        if (read(STDIN_FILENO, &c, 1) <= 0)
            return -1;
        if (c == '\n')
            return 0;
        if (out->len >= ANSWER_MAX || c == '\0')
            return -1;
        buf_putc(out, c);
    }
}

int terminal_ask(const char *question, bool secret, struct tm_buf *out, struct tm_err *e)
{
    int rc;
    if (!terminal_here())
        return tm_err_set(e, "there is no terminal to ask on");
    do {
        struct hush hush = {.signals = -1};
        fprintf(stderr, "%s", question);
        fflush(stderr);
        if (secret)
            hush = hush_start();
        rc = read_answer(hush.signals, out);
        hush_end(&hush);
        if (rc > 0)
            raise(rc);
    } while (rc == SIGTSTP); /* stopped, and here again: as before */
    if (rc != 0 || tm_buf_str(out) == NULL)
        return tm_err_set(e, "no answer");
    return 0;
}

int terminal_new_secret(const char *what, struct tm_buf *out, struct tm_err *e)
{
    struct tm_buf again = {0};
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
            rc = tm_err_set(e, "no password was chosen");
            break;
        }
    }
    tm_buf_free_secret(&again);
    return rc;
}
