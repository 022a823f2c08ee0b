/* init: a workspace from a policy file, from options, or from questions on the terminal. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ec.h>

#include "common/file.h"
#include "tools/tenmint-tuf/commands.h"
#include "tools/tenmint-tuf/session.h"
#include "tools/tenmint-tuf/takeover.h"
#include "tools/tenmint-tuf/wizard.h"
#include "tuf/manager/policy/keyring.h"

static void write_holders(const char *names, struct tm_buf *out)
{
    buf_putc(out, '[');
    for (const char *p = names; *p != '\0';) {
        size_t n = strcspn(p, ",");
        size_t skip = strspn(p, " ");
        size_t end = n;
        while (end > skip && p[end - 1] == ' ')
            end--;
        if (end > skip)
            tm_buf_printf(out, "%s%.*s", out->data[out->len - 1] == '[' ? "" : ", ",
                          (int)(end - skip), p + skip);
        p += n + (p[n] == ',');
    }
    buf_putc(out, ']');
}

void wizard_policy(const struct wizard *a, struct tm_buf *out)
{
    struct tm_buf holders = {0};
    write_holders(a->holders, &holders);
    const char *list = tm_buf_str(&holders);
    tm_buf_printf(
        out,
        "# Who may sign what, for how long. Change it, then run `tenmint-tuf propose`.\n"
        "# Every key of this file: config/tenmint-tuf.yaml in the source.\n"
        "published: published   # the tree for web servers\n"
        "targets: targets       # every file in it is published\n"
        "\n"
        "# expiry: how long a version lasts. signing: how long before its end the next is signed.\n"
        "roles:\n"
        "  root:      {holders: %s, threshold: %s, expiry: %s, signing: %s}\n"
        "  targets:   {holders: %s, threshold: %s, expiry: %s, signing: %s}\n"
        "  snapshot:  {holders: [online], threshold: 1, expiry: %s, signing: %s}\n"
        "  timestamp: {holders: [online], threshold: 1, expiry: %s, signing: %s}\n"
        "\n"
        "# What `refresh` and `publish` sign with, unattended.\n"
        "online-keys:\n"
        "  online: {%s}\n",
        list, a->threshold, a->root_expiry, a->root_signing, list, a->threshold, a->root_expiry,
        a->root_signing, a->snapshot_expiry, a->snapshot_signing, a->timestamp_expiry,
        a->timestamp_signing, a->online);
    tm_buf_free(&holders);
}

static int claim(const char *dir, struct tm_err *e)
{
    char path[PATH_MAX];
    static const char *const folders[] = {"keys", "targets", "events"};
    if (tm_file_join(dir, "policy.yaml", path, sizeof(path), e) != 0)
        return -1;
    if (access(path, F_OK) == 0)
        return tm_err_set(e, "'%s' is a workspace already", dir);
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        if (tm_file_join(dir, folders[i], path, sizeof(path), e) != 0 ||
            tm_file_mkdirs(path, 0755, e) != 0)
            return -1;
    }
    return 0;
}

static int write_policy(const char *dir, const char *name, const struct tm_buf *text,
                        struct tm_err *e)
{
    struct tuf_policy p;
    struct tm_buf warnings = {0};
    char path[PATH_MAX];
    if (tuf_policy_parse(name, (const char *)text->data, text->len, &p, e) != 0)
        return -1;
    tuf_policy_warnings(&p, &warnings);
    tuf_policy_free(&p);
    if (warnings.len > 0)
        fprintf(stderr, "To consider:\n%s", tm_buf_str(&warnings));
    tm_buf_free(&warnings);
    if (claim(dir, e) != 0 || tm_file_join(dir, "policy.yaml", path, sizeof(path), e) != 0)
        return -1;
    return tm_file_create(path, 0644, text->data, text->len, e);
}

/* The online key as a plain file that only its user can read: it must sign unattended. */
static int make_online_key(const char *dir, struct tm_err *e)
{
    char path[PATH_MAX];
    char keys[PATH_MAX];
    if (tm_file_join(dir, "online.key", path, sizeof(path), e) != 0 ||
        tm_file_join(dir, "keys", keys, sizeof(keys), e) != 0)
        return -1;
    EVP_PKEY *k = EVP_EC_gen("P-256");
    int rc =
        k == NULL ? tm_err_openssl(e, "make the online key") : tm_key_write_file(path, k, NULL, e);
    if (rc == 0)
        rc = tuf_keyring_save(keys, "online", k, false, e);
    EVP_PKEY_free(k);
    return rc;
}

static void next_steps(const char *dir, bool made_online)
{
    printf("wrote %s/policy.yaml\n", dir);
    if (made_online)
        printf("wrote %s/online.key and %s/keys/online.pub: what signs snapshot and timestamp; the "
               "key is not encrypted: keep the file on the online machine alone\n",
               dir, dir);
    printf("next:\n"
           "  each holder, on a machine of the holder's own:\n"
           "    tenmint-tuf key new NAME --key NAME.key --out .\n"
           "  here, for each: tenmint-tuf key import NAME NAME.pub --fingerprint HEX --dir %s\n"
           "  put what is to be published into %s/targets, then: tenmint-tuf propose --dir %s\n",
           dir, dir, dir);
}

static int from_answers(const char *dir, struct wizard *a, bool own_online, struct tm_err *e)
{
    struct tm_buf text = {0};
    wizard_policy(a, &text);
    int rc = tm_buf_str(&text) == NULL ? tm_err_set(e, "out of memory")
                                       : write_policy(dir, "the policy", &text, e);
    tm_buf_free(&text);
    return rc == 0 && own_online ? make_online_key(dir, e) : rc;
}

static int from_file(const char *dir, const char *path, struct tm_err *e)
{
    struct tm_buf text = {0};
    int rc = tm_file_read(path, YAMLMAP_FILE_MAX, &text, e);
    if (rc == 0)
        rc = write_policy(dir, path, &text, e);
    tm_buf_free(&text);
    return rc;
}

/* As somebody at the terminal would have typed them. */
static int join_names(const struct cli_list *names, char *out, size_t size, struct tm_err *e)
{
    size_t len = 0;
    for (size_t i = 0; i < names->count && len < size; i++)
        len += (size_t)snprintf(out + len, size - len, "%s%s", i > 0 ? "," : "", names->item[i]);
    return len < size ? 0 : tm_err_set(e, "--holders: the names are too long");
}

int command_init(const struct cli_command *self, int argc, char **argv)
{
    const char *policy = NULL;
    const char *from = NULL, *targets = NULL, *trusted = NULL;
    struct cli_list holders = {0};
    struct cli_amount threshold = {.min = 1, .max = CLI_LIST_MAX};
    const struct cli_option options[] = {
        {"policy", CLI_TEXT, "FILE", "take this policy (config/tenmint-tuf.yaml is an example)",
         &policy},
        {"holders", CLI_NAMES, "A,B,C", "who holds root and targets keys, instead of questions",
         &holders},
        {"threshold", CLI_NUMBER, "N", "how many of them must sign; with --holders", &threshold},
        {"from", CLI_TEXT, "DIR|URL", "take over a repository that others began, as it is", &from},
        {"targets", CLI_TEXT, "DIR|URL", "with --from: its target files (beside its metadata)",
         &targets},
        {"trusted", CLI_TEXT, "FILE",
         "a root that you trust: with --from, the history begins there", &trusted},
        {0},
    };
    struct wizard a;
    struct tm_err e = {0};
    int count = 0;
    int rc = cli_parse_some(self, options, argc, argv, 1, 1, &count);
    if (rc != CLI_GO_ON)
        return rc;
    if (from != NULL && policy == NULL && holders.count == 0 && !threshold.given)
        return init_from(argv[0], from, targets, trusted);
    if (from != NULL || targets != NULL || trusted != NULL) {
        tm_err_set(&e, "--targets and --trusted go with --from, which makes the policy itself");
        return cli_fail(CLI_USAGE, &e);
    }
    wizard_defaults(&a);
    bool own_online = policy == NULL;
    if (policy != NULL) {
        rc = from_file(argv[0], policy, &e);
    } else if (holders.count > 0 && threshold.given) {
        snprintf(a.threshold, sizeof(a.threshold), "%lld", (long long)threshold.value);
        rc = join_names(&holders, a.holders, sizeof(a.holders), &e);
        if (rc == 0)
            rc = from_answers(argv[0], &a, true, &e);
    } else if (holders.count == 0 && !threshold.given && terminal_here()) {
        rc = wizard_run(&a, &own_online, &e) == 0 ? from_answers(argv[0], &a, own_online, &e) : -1;
    } else {
        tm_err_set(&e,
                   "give --policy FILE, or --holders with --threshold, or run it on a terminal");
        return cli_fail(CLI_USAGE, &e);
    }
    if (rc != 0)
        return cli_fail(CLI_FAILED, &e);
    next_steps(argv[0], own_online);
    return CLI_OK;
}
