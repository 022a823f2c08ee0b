#include "tools/shared/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/nearest.h"

static const char *program(void)
{
    return program_invocation_short_name;
}

static const char exit_codes[] = "Exit codes: 0 done, 1 failed, 2 wrong command line, "
                                 "3 configuration refused.\n";

static void suggest(const char *what, const char *word, const struct nearest *near,
                    const char *dashes)
{
    fprintf(stderr, "%s: unknown %s '%s%s'", program(), what, dashes, word);
    if (near->best != NULL)
        fprintf(stderr, "; did you mean '%s%s'?", dashes, near->best);
    fputc('\n', stderr);
}

static void help_program(const struct cli_program *p)
{
    printf("%s %s - %s\n\nUsage: %s COMMAND [OPTION]...\n\nCommands:\n", p->name, p->version,
           p->summary, p->name);
    for (size_t i = 0; i < p->count; i++)
        printf("  %-14s %s\n", p->commands[i].name, p->commands[i].summary);
    printf("  %-14s %s\n", "version", "print the version");
    printf("  %-14s %s\n", "help [COMMAND]", "print this, or a command's help");
    for (size_t i = 0; i < p->count; i++) {
        if (p->commands[i].examples != NULL)
            printf("%s%s", i == 0 ? "\nExamples:\n" : "", p->commands[i].examples);
    }
    printf("\n'%s COMMAND --help' lists a command's options.\n%s", p->name, exit_codes);
}

static void help_command(const struct cli_command *c, const struct cli_option *options)
{
    printf("Usage: %s %s %s\n\n%s\n", program(), c->name, c->args, c->summary);
    if (options != NULL && options->name != NULL)
        printf("\nOptions:\n");
    for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++) {
        char left[64];
        snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value != NULL ? " " : "",
                 o->value != NULL ? o->value : "");
        printf("  %-30s %s\n", left, o->help);
    }
    if (c->examples != NULL)
        printf("\nExamples:\n%s", c->examples);
    printf("\n%s", exit_codes);
}

static const struct cli_command *find(const struct cli_program *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->commands[i].name, name) == 0)
            return &p->commands[i];
    }
    return NULL;
}

static int unknown_command(const struct cli_program *p, const char *name)
{
    struct nearest near;
    nearest_init(&near, name);
    for (size_t i = 0; i < p->count; i++)
        nearest_try(&near, p->commands[i].name);
    nearest_try(&near, "help");
    nearest_try(&near, "version");
    suggest("command", name, &near, "");
    fprintf(stderr, "Try '%s help'.\n", p->name);
    return CLI_USAGE;
}

int cli_main(const struct cli_program *p, int argc, char **argv)
{
    static char help_word[] = "--help";
    if (argc < 2) {
        fprintf(stderr, "%s: a command is missing. Try '%s help'.\n", p->name, p->name);
        return CLI_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0) {
        printf("%s %s\n", p->name, p->version);
        return CLI_OK;
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        if (argc < 3) {
            help_program(p);
            return CLI_OK;
        }
        const struct cli_command *c = find(p, argv[2]);
        char *words[] = {help_word, NULL};
        return c != NULL ? c->run(c, 1, words) : unknown_command(p, argv[2]);
    }
    const struct cli_command *c = find(p, name);
    return c != NULL ? c->run(c, argc - 2, argv + 2) : unknown_command(p, name);
}

static int usage(const struct cli_command *c, const char *what, const char *word)
{
    fprintf(stderr, "%s %s: %s%s%s\nTry '%s %s --help'.\n", program(), c->name, what,
            word != NULL ? ": " : "", word != NULL ? word : "", program(), c->name);
    return CLI_USAGE;
}

static int unknown_option(const struct cli_command *c, const struct cli_option *options,
                          const char *name)
{
    struct nearest near;
    nearest_init(&near, name);
    for (const struct cli_option *o = options; o->name != NULL; o++)
        nearest_try(&near, o->name);
    suggest("option", name, &near, "--");
    fprintf(stderr, "Try '%s %s --help'.\n", program(), c->name);
    return CLI_USAGE;
}

/* Handles argv[*i], which begins with "--"; moves *i over a value in the next word. */
static int take_option(const struct cli_command *c, const struct cli_option *options, int argc,
                       char **argv, int *i)
{
    char name[64];
    const char *word = argv[*i] + 2;
    const char *eq = strchr(word, '=');
    size_t len = eq != NULL ? (size_t)(eq - word) : strlen(word);
    if (len >= sizeof(name))
        return usage(c, "unknown option", argv[*i]);
    memcpy(name, word, len);
    name[len] = '\0';
    const struct cli_option *o = options;
    while (o->name != NULL && strcmp(o->name, name) != 0)
        o++;
    if (o->name == NULL)
        return unknown_option(c, options, name);
    if (o->kind == CLI_FLAG) {
        if (eq != NULL)
            return usage(c, "this option takes no value", argv[*i]);
        *(bool *)o->dest = true;
        return CLI_GO_ON;
    }
    if (eq == NULL && *i + 1 >= argc)
        return usage(c, "a value is missing after", argv[*i]);
    if (*(const char **)o->dest != NULL)
        return usage(c, "given twice", argv[*i]);
    *(const char **)o->dest = eq != NULL ? eq + 1 : argv[++*i];
    return CLI_GO_ON;
}

int cli_parse(const struct cli_command *c, const struct cli_option *options, int argc, char **argv,
              int min, int max, int *count)
{
    bool words_only = false;
    *count = 0;
    for (int i = 0; i < argc; i++) {
        if (!words_only && strcmp(argv[i], "--") == 0) {
            words_only = true;
        } else if (!words_only && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            help_command(c, options);
            return CLI_OK;
        } else if (!words_only && argv[i][0] == '-' && argv[i][1] == '-') {
            int rc = take_option(c, options, argc, argv, &i);
            if (rc != CLI_GO_ON)
                return rc;
        } else if (!words_only && argv[i][0] == '-' && argv[i][1] != '\0') {
            return usage(c, "unknown option (options begin with two dashes)", argv[i]);
        } else {
            argv[(*count)++] = argv[i];
        }
    }
    if (*count < min)
        return usage(c, "something is missing; usage", c->args);
    if (*count > max)
        return usage(c, "one word too many", argv[max]);
    return CLI_GO_ON;
}

int cli_fail(int code, const struct err *e)
{
    fprintf(stderr, "%s: %s\n", program(), e->text);
    return code;
}
