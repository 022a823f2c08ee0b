#include "tools/tenmint-tuf/wizard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/quantity.h"
#include "tools/tenmint-tuf/session.h"

void wizard_defaults(struct wizard *a)
{
    *a = (struct wizard){
        .threshold = "2",
        .root_expiry = "365d",
        .root_signing = "60d",
        .snapshot_expiry = "21d",
        .snapshot_signing = "7d",
        .timestamp_expiry = "7d",
        .timestamp_signing = "4d",
        .online = "file: online.key",
    };
}

static size_t count_names(const char *list)
{
    size_t n = 0;
    for (const char *p = list; *p != '\0';) {
        size_t len = strcspn(p, ",");
        n += strspn(p, " ") < len;
        p += len + (p[len] == ',');
    }
    return n;
}

static bool names_ok(const char *list)
{
    char copy[1024];
    char *rest = NULL;
    snprintf(copy, sizeof(copy), "%s", list);
    for (char *p = strtok_r(copy, ",", &rest); p != NULL; p = strtok_r(NULL, ",", &rest)) {
        p += strspn(p, " ");
        for (size_t n = strlen(p); n > 0 && p[n - 1] == ' '; n--)
            p[n - 1] = '\0';
        if (!tuf_policy_name_ok(p))
            return false;
    }
    return count_names(list) > 0;
}

static bool threshold_ok(const char *answer, size_t holders)
{
    int64_t n;
    return cli_value_number(answer, 1, (int64_t)holders, &n) == 0;
}

static bool period_ok(const char *answer)
{
    int64_t ms;
    return tm_quantity_duration(answer, &ms) == 0 && ms > 0;
}

/* Asks until the answer is fit; an empty one takes what `answer` holds. */
static int ask(const char *question, char *answer, size_t size, bool (*fit)(const char *),
               const char *advice, struct tm_err *e)
{
    struct tm_buf typed = {0};
    char prompt[400];
    int rc = 1;
    for (int tries = 0; tries < 5 && rc == 1; tries++) {
        snprintf(prompt, sizeof(prompt), answer[0] != '\0' ? "%s [%s]: " : "%s%s: ", question,
                 answer);
        if (terminal_ask(prompt, false, &typed, e) != 0) {
            rc = -1;
            break;
        }
        const char *text = typed.len > 0 ? tm_buf_str(&typed) : answer;
        if (strlen(text) < size && fit(text)) {
            if (text != answer)
                snprintf(answer, size, "%s", text);
            rc = 0;
        } else {
            fprintf(stderr, "%s\n", advice);
        }
    }
    tm_buf_free(&typed);
    return rc == 1 ? tm_err_set(e, "no fit answer") : rc;
}

static bool any(const char *answer)
{
    return answer[0] != '\0' && strpbrk(answer, "\"'{}\n,") == NULL;
}

static bool where_ok(const char *answer)
{
    return strcmp(answer, "file") == 0 || strcmp(answer, "env") == 0 ||
           strcmp(answer, "pkcs11") == 0;
}

static int ask_online(struct wizard *a, bool *own, struct tm_err *e)
{
    char where[16] = "file";
    char name[128] = "TENMINT_TUF_ONLINE_KEY";
    char module[200] = "/usr/lib/softhsm/libsofthsm2.so";
    char token[64] = "tenmint";
    if (ask("Where does the online key live: file, env or pkcs11?", where, sizeof(where), where_ok,
            "file: a key file that this machine keeps; env: a variable; pkcs11: a token", e) != 0)
        return -1;
    *own = strcmp(where, "file") == 0;
    if (*own)
        return 0;
    if (strcmp(where, "env") == 0) {
        if (ask("Name of the variable", name, sizeof(name), any, "A name, please.", e) != 0)
            return -1;
        snprintf(a->online, sizeof(a->online), "env: %s", name);
        return 0;
    }
    if (ask("PKCS#11 module", module, sizeof(module), any, "A path, please.", e) != 0 ||
        ask("Token label", token, sizeof(token), any, "A label, please.", e) != 0)
        return -1;
    snprintf(a->online, sizeof(a->online),
             "pkcs11-module: %s, pkcs11-token: %s, pkcs11-key: tuf-online, pkcs11-pin-env: "
             "TENMINT_TUF_PIN",
             module, token);
    return 0;
}

static int ask_threshold(struct wizard *a, struct tm_err *e)
{
    size_t holders = count_names(a->holders);
    struct tm_buf typed = {0};
    int rc = 1;
    snprintf(a->threshold, sizeof(a->threshold), "%zu", holders / 2 + 1);
    for (int tries = 0; tries < 5 && rc == 1; tries++) {
        char prompt[200];
        snprintf(prompt, sizeof(prompt),
                 "How many of the %zu must sign? More is safer against theft, fewer against loss "
                 "[%s]: ",
                 holders, a->threshold);
        rc = terminal_ask(prompt, false, &typed, e);
        const char *text = rc == 0 && typed.len > 0 ? tm_buf_str(&typed) : a->threshold;
        if (rc == 0 && threshold_ok(text, holders)) {
            if (text != a->threshold)
                snprintf(a->threshold, sizeof(a->threshold), "%.20s", text);
        } else if (rc == 0) {
            fprintf(stderr, "A number from 1 to %zu, please.\n", holders);
            rc = 1;
        }
    }
    tm_buf_free(&typed);
    return rc == 1 ? tm_err_set(e, "no fit answer") : rc;
}

int wizard_run(struct wizard *a, bool *own_online, struct tm_err *e)
{
    static const char days[] = "A number and a unit, such as 365d or 12h.";
    fprintf(stderr, "A new TUF repository. Enter takes what is in brackets.\n\n");
    if (ask("Who holds the root and targets keys? Names, with commas", a->holders,
            sizeof(a->holders), names_ok, "Names of letters, digits and ._-@, with commas.",
            e) != 0 ||
        ask_threshold(a, e) != 0 ||
        ask("How long does a root or targets version last?", a->root_expiry, sizeof(a->root_expiry),
            period_ok, days, e) != 0 ||
        ask("How long before its end do you gather signatures for the next?", a->root_signing,
            sizeof(a->root_signing), period_ok, days, e) != 0 ||
        ask("How long does a timestamp last? A stolen key can be hidden from clients so long",
            a->timestamp_expiry, sizeof(a->timestamp_expiry), period_ok, days, e) != 0 ||
        ask("How long before its end is the next timestamp signed?", a->timestamp_signing,
            sizeof(a->timestamp_signing), period_ok, days, e) != 0)
        return -1;
    return ask_online(a, own_online, e);
}
