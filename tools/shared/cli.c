#include "tools/shared/cli.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "common/buf.h"
#include "common/nearest.h"
#include "common/utf8.h"

static const char *program(void)
{
    return program_invocation_short_name;
}

const char *const cli_exit_table[CLI_EXITS] = {
    [CLI_OK] = "done",
    [CLI_FAILED] = "bad: a check failed, or the work could not be done",
    [CLI_USAGE] = "wrong command line",
    [CLI_CONFIG] = "configuration refused, or the folder is no workspace",
    [CLI_DANGER] = "danger: a fork, a rollback, a change that would harm every client",
    [CLI_FOUND] = "found: somebody must act, or there is a match that was asked for",
    [CLI_UNKNOWN] = "cannot know: a mirror or service is down, a file cannot be read",
    [CLI_REVIEW] = "a review that is wrong: something is missing or cannot be explained",
};

/* A command's own codes: those that each may end with, and what the rest mean here. */
#define LINE_MAX_COLUMNS 100

/* "  LEFT   text", the text's further lines below its first. */
static void print_row(const char *left, int width, const char *text)
{
    int at = printf("  %-*s", width, left);
    int indent = 2 + width;
    while (*text != '\0') {
        int word = (int)strcspn(text, " ");
        if (at + 1 + word > LINE_MAX_COLUMNS && at > indent)
            at = printf("\n%*s", indent, "") - 1;
        at += printf(" %.*s", word, text);
        text += word + (text[word] == ' ');
    }
    putchar('\n');
}

static void print_exit_codes(const char *const *exits)
{
    printf("\nExit codes:\n");
    for (int i = 0; i < CLI_EXITS; i++) {
        bool common = i <= CLI_CONFIG || i == CLI_UNKNOWN;
        if (exits == NULL || exits[i] != NULL || common)
            printf("  %d  %s\n", i,
                   exits != NULL && exits[i] != NULL ? exits[i] : cli_exit_table[i]);
    }
}

static const char *group_of(const struct cli_command *c)
{
    return c->group != NULL ? c->group : "";
}

static const char *gap_of(const struct cli_command *c)
{
    return c->group != NULL ? " " : "";
}

static int suggest(const char *what, const char *word, const struct tm_nearest *near,
                   const char *dashes, struct tm_err *e)
{
    bool any = near->best != NULL;
    return tm_err_set(e, "unknown %s '%s%s'%s%s%s%s", what, dashes, word,
                      any ? "; did you mean '" : "", any ? dashes : "", any ? near->best : "",
                      any ? "'?" : "");
}

/* Whether one of the words asks for JSON. */
static bool asks_json(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0)
            return true;
    }
    return false;
}

static void print_error(int code, const char *text)
{
    json_t *v = json_pack("{s:{s:i, s:s, s:s}}", "error", "code", code, "meaning",
                          cli_exit_table[code], "message", text);
    if (v != NULL) {
        json_dumpf(v, stdout, 0);
        putchar('\n');
    }
    json_decref(v);
}

/* A group's row says its commands, too. */
static void print_command(const struct cli_command *c)
{
    struct tm_buf text = {0};
    tm_buf_puts(&text, c->summary);
    for (size_t i = 0; i < c->count; i++)
        tm_buf_printf(&text, "%s%s%s", i == 0 ? " (" : ", ", c->commands[i].name,
                      i + 1 == c->count ? ")" : "");
    print_row(c->name, 14, text.failed ? c->summary : tm_buf_str(&text));
    tm_buf_free(&text);
}

static void list_commands(const struct cli_command *commands, size_t count)
{
    printf("\nCommands:\n");
    for (size_t i = 0; i < count; i++)
        print_command(&commands[i]);
}

static void list_examples(const struct cli_command *commands, size_t count)
{
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        if (commands[i].examples != NULL)
            printf("%s%s", first ? "\nExamples:\n" : "", commands[i].examples);
        first = first && commands[i].examples == NULL;
    }
}

static void help_program(const struct cli_program *p)
{
    printf("%s %s - %s\n\nUsage: %s COMMAND [OPTION]...\n", p->name, cli_version, p->summary,
           p->name);
    list_commands(p->commands, p->count);
    print_row("version", 14, "print the version");
    print_row("help [COMMAND]", 14, "print this, or a command's help");
    list_examples(p->commands, p->count);
    printf("\n'%s COMMAND --help' lists a command's options.\n", p->name);
    print_exit_codes(NULL);
}

static void help_group(const struct cli_command *g)
{
    printf("Usage: %s %s COMMAND [OPTION]...\n\n%s\n", program(), g->name, g->summary);
    list_commands(g->commands, g->count);
    list_examples(g->commands, g->count);
    printf("\n'%s %s COMMAND --help' lists a command's options.\n", program(), g->name);
}

static void help_command(const struct cli_command *c, const struct cli_option *options)
{
    printf("Usage: %s %s%s%s %s\n\n%s\n", program(), group_of(c), gap_of(c), c->name, c->args,
           c->summary);
    if (options != NULL && options->name != NULL)
        printf("\nOptions:\n");
    for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++) {
        char left[64];
        snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value != NULL ? " " : "",
                 o->value != NULL ? o->value : "");
        print_row(left, 30, o->help);
    }
    if (c->examples != NULL)
        printf("\nExamples:\n%s", c->examples);
    print_exit_codes(c->exits);
}

/* ---- the tables as they are, for completion and the test of the manual pages ---- */

static const char table_word[] = "--table"; /* "PROGRAM help --table"; in no help */

static void table_options(const struct cli_command *c, const struct cli_option *options)
{
    for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++)
        printf("option\t%s%s%s\t%s\t%s\t%s\t%s\n", group_of(c), gap_of(c), c->name, o->name,
               o->value != NULL ? o->value : "", o->help, cli_kind_names[o->kind]);
}

/* A command prints its own options: its table stands inside it. */
static void table_commands(const struct cli_command *commands, size_t count, const char *group)
{
    for (size_t i = 0; i < count; i++) {
        const struct cli_command *c = &commands[i];
        char word[sizeof(table_word)];
        char *words[] = {word, NULL};
        memcpy(word, table_word, sizeof(word));
        printf("command\t%s%s%s\t%s\t%s\n", group, *group != '\0' ? " " : "", c->name,
               c->args != NULL ? c->args : "", c->summary);
        if (c->commands != NULL)
            table_commands(c->commands, c->count, c->name);
        else
            (void)c->run(c, 1, words);
    }
}

static const struct cli_command *find(const struct cli_command *commands, size_t count,
                                      const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static bool is_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* argv[0] is none; what follows it may ask for JSON all the same. */
static int unknown_command(const struct cli_command *commands, size_t count, int argc, char **argv,
                           const struct cli_command *group)
{
    struct tm_nearest near;
    tm_nearest_init(&near, argv[0]);
    for (size_t i = 0; i < count; i++)
        tm_nearest_try(&near, commands[i].name);
    tm_nearest_try(&near, "help");
    if (group == NULL)
        tm_nearest_try(&near, "version");
    struct tm_err e;
    if (argv[0][0] == '-')
        (void)tm_err_set(&e, "a command comes first, and then its options: '%.64s'", argv[0]);
    else
        (void)suggest("command", argv[0], &near, "", &e);
    fprintf(stderr, "%s: %s\n", program(), e.text);
    fprintf(stderr, "Try '%s help%s%s'.\n", program(), group != NULL ? " " : "",
            group != NULL ? group->name : "");
    if (asks_json(argc, argv))
        print_error(CLI_USAGE, e.text);
    return CLI_USAGE;
}

/* "PROGRAM help WORD..." and "PROGRAM GROUP help WORD..." */
static int help_about(const struct cli_command *commands, size_t count, int argc, char **argv,
                      const struct cli_command *group)
{
    static char help_word[] = "--help";
    char *words[] = {help_word, NULL};
    const struct cli_command *c = find(commands, count, argv[0]);
    if (c == NULL)
        return unknown_command(commands, count, argc, argv, group);
    if (c->commands == NULL)
        return c->run(c, 1, words);
    if (argc > 1)
        return help_about(c->commands, c->count, argc - 1, argv + 1, c);
    help_group(c);
    return CLI_OK;
}

static int run_group(const struct cli_command *g, int argc, char **argv)
{
    if (argc < 1) {
        fprintf(stderr, "%s %s: a command is missing. Try '%s help %s'.\n", program(), g->name,
                program(), g->name);
        return CLI_USAGE;
    }
    if (is_help(argv[0]) && argc > 1)
        return help_about(g->commands, g->count, argc - 1, argv + 1, g);
    if (is_help(argv[0])) {
        help_group(g);
        return CLI_OK;
    }
    const struct cli_command *c = find(g->commands, g->count, argv[0]);
    return c != NULL ? c->run(c, argc - 1, argv + 1)
                     : unknown_command(g->commands, g->count, argc, argv, g);
}

static int dispatch(const struct cli_program *p, int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "%s: a command is missing. Try '%s help'.\n", p->name, p->name);
        return CLI_USAGE;
    }
    const char *name = argv[1];
    bool version = strcmp(name, "version") == 0 || strcmp(name, "--version") == 0;
    if (version && argc > 2) {
        fprintf(stderr, "%s %s: one word too many: %s\n", p->name, name, argv[2]);
        return CLI_USAGE;
    }
    if (version) {
        printf("%s %s\n", p->name, cli_version);
        return CLI_OK;
    }
    if (is_help(name) && argc == 3 && strcmp(argv[2], table_word) == 0) {
        table_commands(p->commands, p->count, "");
        return CLI_OK;
    }
    if (is_help(name) && argc > 2)
        return help_about(p->commands, p->count, argc - 2, argv + 2, NULL);
    if (is_help(name)) {
        help_program(p);
        return CLI_OK;
    }
    const struct cli_command *c = find(p->commands, p->count, name);
    if (c == NULL)
        return unknown_command(p->commands, p->count, argc - 1, argv + 1, NULL);
    return c->commands != NULL ? run_group(c, argc - 2, argv + 2) : c->run(c, argc - 2, argv + 2);
}

/* Output that a full disk has cut off is no output. */
int cli_main(const struct cli_program *p, int argc, char **argv)
{
    int code = dispatch(p, argc, argv);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "%s: cannot write its output: %s\n", p->name, strerror(errno));
    return code == CLI_OK ? CLI_FAILED : code;
}

static int usage(struct tm_err *e, const char *what, const char *word)
{
    (void)tm_err_set(e, "%s%s%s", what, word != NULL ? ": " : "", word != NULL ? word : "");
    return CLI_USAGE;
}

static int unknown_option(struct tm_err *e, const struct cli_option *options, const char *name)
{
    struct tm_nearest near;
    tm_nearest_init(&near, name);
    for (const struct cli_option *o = options; o->name != NULL; o++)
        tm_nearest_try(&near, o->name);
    (void)suggest("option", name, &near, "--", e);
    return CLI_USAGE;
}

/* Handles argv[*i], which begins with "--"; moves *i over a value in the next word. */
static int take_option(const struct cli_option *options, int argc, char **argv, int *i,
                       struct tm_err *e)
{
    char name[64];
    const char *word = argv[*i] + 2;
    const char *eq = strchr(word, '=');
    size_t len = eq != NULL ? (size_t)(eq - word) : strlen(word);
    if (len >= sizeof(name))
        return usage(e, "unknown option", argv[*i]);
    memcpy(name, word, len);
    name[len] = '\0';
    const struct cli_option *o = options;
    while (o->name != NULL && strcmp(o->name, name) != 0)
        o++;
    if (o->name == NULL)
        return unknown_option(e, options, name);
    if (o->kind == CLI_FLAG) {
        if (eq != NULL)
            return usage(e, "this option takes no value", argv[*i]);
        *(bool *)o->dest = true;
        return CLI_GO_ON;
    }
    if (eq == NULL && *i + 1 >= argc)
        return usage(e, "a value is missing after", argv[*i]);
    char *value = eq != NULL ? argv[*i] + 2 + len + 1 : argv[++*i];
    return cli_value_read(o->kind, o->name, value, o->dest, e) == 0 ? CLI_GO_ON : CLI_USAGE;
}

static int parse(const struct cli_command *c, const struct cli_option *options, int argc,
                 char **argv, int min, int max, int *count, struct tm_err *e)
{
    bool words_only = false;
    for (int i = 0; i < argc; i++) {
        if (!words_only && strcmp(argv[i], "--") == 0) {
            words_only = true;
        } else if (!words_only && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            help_command(c, options);
            return CLI_OK;
        } else if (!words_only && argv[i][0] == '-' && argv[i][1] == '-') {
            int rc = take_option(options, argc, argv, &i, e);
            if (rc != CLI_GO_ON)
                return rc;
        } else if (!words_only && argv[i][0] == '-' && argv[i][1] != '\0') {
            return usage(e, "unknown option (options begin with two dashes)", argv[i]);
        } else {
            argv[(*count)++] = argv[i];
        }
    }
    if (*count < min)
        return usage(e, "something is missing; usage", c->args);
    if (*count > max)
        return usage(e, "one word too many", argv[max]);
    return CLI_GO_ON;
}

int cli_parse(const struct cli_command *c, const struct cli_option *options, int argc, char **argv,
              int words)
{
    int count;
    return cli_parse_some(c, options, argc, argv, words, words, &count);
}

int cli_parse_some(const struct cli_command *c, const struct cli_option *options, int argc,
                   char **argv, int min, int max, int *count)
{
    struct tm_err e = {0};
    const struct cli_option *o = options;
    *count = 0;
    if (argc == 1 && strcmp(argv[0], table_word) == 0) {
        table_options(c, options);
        return CLI_OK;
    }
    while (o->name != NULL && strcmp(o->name, "json") != 0)
        o++;
    bool json = o->name != NULL && asks_json(argc, argv); /* before the words are moved */
    int rc = parse(c, options, argc, argv, min, max, count, &e);
    if (rc != CLI_USAGE)
        return rc;
    fprintf(stderr, "%s %s%s%s: %s\nTry '%s %s%s%s --help'.\n", program(), group_of(c), gap_of(c),
            c->name, e.text, program(), group_of(c), gap_of(c), c->name);
    if (json)
        print_error(rc, e.text);
    return rc;
}

static int code_of(int code, const struct tm_err *e)
{
    static const int codes[] = {[ERR_BAD] = CLI_FAILED,
                                [ERR_UNAVAILABLE] = CLI_UNKNOWN,
                                [ERR_REFUSED] = CLI_CONFIG,
                                [ERR_DANGER] = CLI_DANGER};
    return code == CLI_FAILED ? codes[e->kind] : code;
}

int cli_fail(int code, const struct tm_err *e)
{
    fprintf(stderr, "%s: %s\n", program(), e->text);
    return code_of(code, e);
}

int cli_fail_json(bool json, int code, const struct tm_err *e)
{
    int actual = cli_fail(code, e);
    if (json)
        print_error(actual, e->text);
    return actual;
}

void cli_print_text(FILE *to, const void *text, size_t len)
{
    struct tm_buf shown = {0};
    tm_utf8_put(&shown, text, len);
    fwrite(shown.data, 1, shown.len, to);
    tm_buf_free(&shown);
}
