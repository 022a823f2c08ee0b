/*
 * Command lines: a program is a table of commands, a command a table of options or, for a
 * group (`tenmint-ca log ...`), of commands again. Unknown words get the nearest known one;
 * --help is made from the tables.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/err.h"
#include "tools/shared/value.h"

/* Exit codes of every program here; what each means stands once, in cli_exit_table. */
enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,  /* bad: a check failed, or the work could not be done */
    CLI_USAGE = 2,   /* the command line is wrong */
    CLI_CONFIG = 3,  /* a configuration, or a folder that is no workspace, is refused */
    CLI_DANGER = 4,  /* a fork, a rollback, a change that would harm every client */
    CLI_FOUND = 5,   /* somebody must act, or a match that was asked for */
    CLI_UNKNOWN = 6, /* cannot know: a service is down, a file cannot be read */
    CLI_REVIEW = 7,  /* what is reviewed is wrong: something is missing or cannot be explained */
    CLI_EXITS,
    CLI_GO_ON = -1, /* from cli_parse only: no exit yet */
};

extern const char *const cli_exit_table[CLI_EXITS];

struct cli_option {
    const char *name;   /* without dashes; NULL ends the table */
    enum cli_kind kind; /* and what `dest` is: value.h */
    const char *value;  /* what the value is called in the help; NULL for a flag */
    const char *help;   /* one line */
    void *dest;
};

struct cli_command {
    const char *name;
    const char *group;            /* the name of the group that it is in; NULL: the program's own */
    const char *args;             /* "--config FILE", "DIR": after the name in the usage line */
    const char *summary;          /* one line */
    const char *examples;         /* lines, each ended by a newline; or NULL */
    const char *exits[CLI_EXITS]; /* by code: its meaning here; required for 4, 5 and 7 */
    int (*run)(const struct cli_command *self, int argc, char **argv); /* argv after the name */
    const struct cli_command *commands; /* a group's, in place of `run` */
    size_t count;                       /* of `commands` */
};

struct cli_program {
    const char *name;
    const char *summary;
    const struct cli_command *commands;
    size_t count;
};

extern const char cli_version[]; /* of all programs */

/*
 * Finds and runs the command; serves help, --help and --version itself. The exit code.
 * `help --table`, which no help names, prints the tables, a line each, tabs between: "command",
 * its name, arguments, summary; "option", its command, name, value, help, kind.
 */
int cli_main(const struct cli_program *p, int argc, char **argv);

/*
 * Parses a command's words. Positional ones, of which there must be as many as `words`, are moved
 * to the front of argv. CLI_GO_ON, or the code to exit with: CLI_OK after --help, CLI_USAGE after
 * saying what is wrong.
 */
int cli_parse(const struct cli_command *c, const struct cli_option *options, int argc, char **argv,
              int words);
/* As cli_parse, for min..max positional words; their number goes to *count. */
int cli_parse_some(const struct cli_command *c, const struct cli_option *options, int argc,
                   char **argv, int min, int max, int *count);

/* "NAME: text" on standard error. The code to exit with: `code`, but for CLI_FAILED what the kind
 * of the error says. */
int cli_fail(int code, const struct tm_err *e);

/* --json means this in every command that has it: what it has to say, and a failure, is JSON on
 * standard output. */
#define CLI_JSON(dest) \
    { \
        "json", CLI_FLAG, NULL, "print JSON: one object", dest \
    }
#define CLI_JSON_LINES(dest) \
    { \
        "json", CLI_FLAG, NULL, "print JSON: an object a line", dest \
    }

/* As cli_fail; with `json` also an object on standard output, a line:
 * {"error": {"code": 6, "meaning": "cannot know: …", "message": "…"}}
 * cli_parse does so for the words of a command that has --json, cli_main for those of none. */
int cli_fail_json(bool json, int code, const struct tm_err *e);

/* Prints what others wrote: what a terminal would not show as itself is a '?'. */
void cli_print_text(FILE *to, const void *text, size_t len);
