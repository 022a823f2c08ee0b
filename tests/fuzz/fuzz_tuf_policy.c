/* The policy: what is accepted holds the rules that everything else builds on, and an edit of its
 * text either fails or leaves a policy that says what was asked for. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tuf/metadata/metadata.h"
#include "tuf/manager/policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_role(const struct policy *p, const struct policy_role *r)
{
    if (r->threshold < 1 || (size_t)r->threshold > policy_live_holders(p, r) ||
        r->signing >= r->expiry || r->signing <= 0)
        abort();
    for (size_t i = 0; i < r->holders.count; i++) {
        if (!policy_name_ok(r->holders.item[i]))
            abort();
    }
}

/* It stands before the role, and no server delegates to people. */
static void check_delegator(const struct policy *p, size_t at)
{
    const struct policy_role *d = p->delegations.item;
    size_t i = 0;
    if (d[at].delegated_by == NULL)
        return;
    while (i < at && strcmp(d[i].name, d[at].delegated_by) != 0)
        i++;
    if (i == at || (policy_is_online(p, &d[i]) && !policy_is_online(p, &d[at])))
        abort();
}

static void check_rules(const struct policy *p)
{
    struct buf warnings = {0};
    for (int k = 0; k < TUF_ROLE_COUNT; k++) {
        const struct policy_role *r = policy_role(p, tuf_role_name((enum tuf_role)k));
        bool online = k == TUF_TIMESTAMP || k == TUF_SNAPSHOT;
        if (r == NULL)
            abort();
        check_role(p, r);
        for (size_t i = 0; i < r->holders.count; i++) {
            if (!online && policy_online_key(p, r->holders.item[i]) != NULL)
                abort(); /* a server could sign root or targets */
        }
    }
    const struct policy_role *d = p->delegations.item;
    for (size_t i = 0; i < p->delegations.count; i++) {
        check_role(p, &d[i]);
        check_delegator(p, i);
    }
    policy_warnings(p, &warnings);
    buf_free(&warnings);
}

static bool same_holders(const struct policy *a, const struct policy *b, const char *role)
{
    const struct policy_role *x = policy_role(a, role);
    const struct policy_role *y = policy_role(b, role);
    bool same = x->holders.count == y->holders.count && x->threshold == y->threshold;
    for (size_t i = 0; same && i < x->holders.count; i++)
        same = strcmp(x->holders.item[i], y->holders.item[i]) == 0;
    return same;
}

/* What an edit that says it went well must have led to. */
static void reparse(struct buf *out, struct policy *after)
{
    struct err e = {0};
    if (policy_parse("fuzz", (const char *)out->data, out->len, after, &e) != 0)
        abort();
    buf_free(out);
}

static void edit_revoked(const char *text, size_t len, const struct policy *p)
{
    const char *holder = policy_role(p, "root")->holders.item[0];
    struct policy after;
    struct buf out = {0};
    struct err e = {0};
    if (policy_edit_revoke("fuzz", text, len, holder, &out, &e) == 0) {
        reparse(&out, &after);
        if (!policy_is_revoked(&after, holder) || after.revoked.count != p->revoked.count + 1)
            abort();
        policy_free(&after);
    }
    buf_free(&out);
}

static void edit_holders(const char *text, size_t len, const struct policy *p)
{
    struct policy after;
    struct buf out = {0};
    struct err e = {0};
    char a[] = "fuzz-a";
    char b[] = "fuzz-b";
    char *names[] = {a, b};
    const struct yamlmap_list holders = {.item = names, .count = 2};
    if (policy_edit_holders("fuzz", text, len, "targets", &holders, &out, &e) == 0) {
        reparse(&out, &after);
        const struct policy_role *now = policy_role(&after, "targets");
        if (now->holders.count != 2 || strcmp(now->holders.item[0], "fuzz-a") != 0 ||
            now->threshold != policy_role(p, "targets")->threshold ||
            !same_holders(p, &after, "root") || !same_holders(p, &after, "timestamp"))
            abort();
        policy_free(&after);
    }
    buf_free(&out);
}

static void edit_online(const char *text, size_t len, const struct policy *p)
{
    struct policy after;
    struct buf out = {0};
    struct err e = {0};
    const struct key_source where = {.file = "a \"quoted\" \\ name"};
    if (policy_edit_online("fuzz", text, len, "fuzz-online", &where, &out, &e) == 0) {
        reparse(&out, &after);
        const struct policy_online *o = policy_online_key(&after, "fuzz-online");
        if (o == NULL || strcmp(o->file, where.file) != 0 ||
            after.online.count != p->online.count + 1 || !same_holders(p, &after, "root"))
            abort();
        policy_free(&after);
    }
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy p;
    struct err e = {0};
    if (policy_parse("fuzz", (const char *)data, size, &p, &e) != 0) {
        if (e.text[0] == '\0')
            abort();
        return 0;
    }
    check_rules(&p);
    edit_revoked((const char *)data, size, &p);
    edit_holders((const char *)data, size, &p);
    edit_online((const char *)data, size, &p);
    policy_free(&p);
    return 0;
}
