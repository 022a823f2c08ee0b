/* The policy: what is accepted holds the rules that everything else builds on, and an edit of its
 * text either fails or leaves a policy that says what was asked for. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tuf/metadata/metadata.h"
#include "tuf/manager/policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_role(const struct tuf_policy *p, const struct tuf_policy_role *r)
{
    if (r->threshold < 1 || (size_t)r->threshold > tuf_policy_live_holders(p, r) ||
        r->signing >= r->expiry || r->signing <= 0)
        abort();
    for (size_t i = 0; i < r->holders.count; i++) {
        if (!tuf_policy_name_ok(r->holders.item[i]))
            abort();
    }
}

/* It stands before the role, and no server delegates to people. */
static void check_delegator(const struct tuf_policy *p, size_t at)
{
    const struct tuf_policy_role *d = p->delegations.item;
    const char *name;
    for (size_t k = 0; (name = tuf_policy_delegator(&d[at], k)) != NULL; k++) {
        size_t i = 0;
        if (strcmp(name, tuf_role_name(TUF_TARGETS)) == 0)
            continue;
        while (i < at && strcmp(d[i].name, name) != 0)
            i++;
        if (i == at || (tuf_policy_is_online(p, &d[i]) && !tuf_policy_is_online(p, &d[at])))
            abort();
    }
}

static void check_rules(const struct tuf_policy *p)
{
    struct tm_buf warnings = {0};
    for (int k = 0; k < TUF_ROLE_COUNT; k++) {
        const struct tuf_policy_role *r = tuf_policy_role(p, tuf_role_name((enum tuf_role)k));
        bool online = k == TUF_TIMESTAMP || k == TUF_SNAPSHOT;
        if (r == NULL)
            abort();
        check_role(p, r);
        for (size_t i = 0; i < r->holders.count; i++) {
            if (!online && tuf_policy_online_key(p, r->holders.item[i]) != NULL)
                abort(); /* a server could sign root or targets */
        }
    }
    const struct tuf_policy_role *d = p->delegations.item;
    for (size_t i = 0; i < p->delegations.count; i++) {
        check_role(p, &d[i]);
        check_delegator(p, i);
    }
    tuf_policy_warnings(p, &warnings);
    tm_buf_free(&warnings);
}

static bool same_holders(const struct tuf_policy *a, const struct tuf_policy *b, const char *role)
{
    const struct tuf_policy_role *x = tuf_policy_role(a, role);
    const struct tuf_policy_role *y = tuf_policy_role(b, role);
    bool same = x->holders.count == y->holders.count && x->threshold == y->threshold;
    for (size_t i = 0; same && i < x->holders.count; i++)
        same = strcmp(x->holders.item[i], y->holders.item[i]) == 0;
    return same;
}

/* What an edit that says it went well must have led to. */
static void reparse(struct tm_buf *out, struct tuf_policy *after)
{
    struct tm_err e = {0};
    if (tuf_policy_parse("fuzz", (const char *)out->data, out->len, after, &e) != 0)
        abort();
    tm_buf_free(out);
}

static void edit_revoked(const char *text, size_t len, const struct tuf_policy *p)
{
    const char *holder = tuf_policy_role(p, "root")->holders.item[0];
    struct tuf_policy after;
    struct tm_buf out = {0};
    struct tm_err e = {0};
    if (tuf_policy_edit_revoke("fuzz", text, len, holder, &out, &e) == 0) {
        reparse(&out, &after);
        if (!tuf_policy_is_revoked(&after, holder) || after.revoked.count != p->revoked.count + 1)
            abort();
        tuf_policy_free(&after);
    }
    tm_buf_free(&out);
}

static void edit_holders(const char *text, size_t len, const struct tuf_policy *p)
{
    struct tuf_policy after;
    struct tm_buf out = {0};
    struct tm_err e = {0};
    char a[] = "fuzz-a";
    char b[] = "fuzz-b";
    char *names[] = {a, b};
    const struct tuf_policy_holders edit = {"targets", {.item = names, .count = 2}};
    if (tuf_policy_edit_holders("fuzz", text, len, &edit, 1, &out, &e) == 0) {
        reparse(&out, &after);
        const struct tuf_policy_role *now = tuf_policy_role(&after, "targets");
        if (now->holders.count != 2 || strcmp(now->holders.item[0], "fuzz-a") != 0 ||
            now->threshold != tuf_policy_role(p, "targets")->threshold ||
            !same_holders(p, &after, "root") || !same_holders(p, &after, "timestamp"))
            abort();
        tuf_policy_free(&after);
    }
    tm_buf_free(&out);
}

static void edit_online(const char *text, size_t len, const struct tuf_policy *p)
{
    struct tuf_policy after;
    struct tm_buf out = {0};
    struct tm_err e = {0};
    const struct tm_key_source where = {.file = "a \"quoted\" \\ name"};
    if (tuf_policy_edit_online("fuzz", text, len, "fuzz-online", &where, &out, &e) == 0) {
        reparse(&out, &after);
        const struct tuf_policy_online *o = tuf_policy_online_key(&after, "fuzz-online");
        if (o == NULL || strcmp(o->file, where.file) != 0 ||
            after.online.count != p->online.count + 1 || !same_holders(p, &after, "root"))
            abort();
        tuf_policy_free(&after);
    }
    tm_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tuf_policy p;
    struct tm_err e = {0};
    if (tuf_policy_parse("fuzz", (const char *)data, size, &p, &e) != 0) {
        if (e.text[0] == '\0')
            abort();
        return 0;
    }
    check_rules(&p);
    edit_revoked((const char *)data, size, &p);
    edit_holders((const char *)data, size, &p);
    edit_online((const char *)data, size, &p);
    tuf_policy_free(&p);
    return 0;
}
