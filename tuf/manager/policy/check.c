#include <stdlib.h>
#include <string.h>

#include "common/nearest.h"
#include "tuf/metadata/delegation.h"
#include "tuf/manager/policy/internal.h"
#include "tuf/manager/policy/readers.h"

static int check_holders(const struct tuf_policy *p, const struct tuf_policy_role *r,
                         struct tm_err *e)
{
    if (r->holders.count == 0)
        return tm_err_set(e, "role '%s': no 'holders'", r->name);
    for (size_t i = 0; i < r->holders.count; i++) {
        const char *h = r->holders.item[i];
        if (!tuf_policy_name_ok(h))
            return tm_err_set(e,
                              "role '%s': holder '%.80s': a name has letters, digits and ._-@ only",
                              r->name, h);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(r->holders.item[j], h) == 0)
                return tm_err_set(e, "role '%s': holder '%s' is listed twice", r->name, h);
        }
    }
    size_t live = tuf_policy_live_holders(p, r);
    if (r->threshold == 0)
        return tm_err_set(e, "role '%s': no 'threshold'", r->name);
    if ((size_t)r->threshold > live)
        return tm_err_set(e,
                          "role '%s': threshold %lld, but only %zu holder%s (revoked ones do not "
                          "count): nobody could ever sign it",
                          r->name, (long long)r->threshold, live, live == 1 ? "" : "s");
    return 0;
}

static int check_role(const struct tuf_policy *p, const struct tuf_policy_role *r, struct tm_err *e)
{
    if (check_holders(p, r, e) != 0)
        return -1;
    if (r->expiry == 0 || r->signing == 0)
        return tm_err_set(e, "role '%s': no '%s'", r->name, r->expiry == 0 ? "expiry" : "signing");
    if (r->signing >= r->expiry)
        return tm_err_set(e, "role '%s': 'signing' must be shorter than 'expiry'", r->name);
    return 0;
}

/* Offline roles never hang on a key that a server can use, and the online ones always do. */
static int check_separation(const struct tuf_policy *p, const struct tuf_policy_role *r,
                            struct tm_err *e)
{
    bool online = strcmp(r->name, "snapshot") == 0 || strcmp(r->name, "timestamp") == 0;
    for (size_t i = 0; i < r->holders.count; i++) {
        const char *h = r->holders.item[i];
        bool has = tuf_policy_online_key(p, h) != NULL;
        if (online && !has && !tuf_policy_is_revoked(p, h))
            return tm_err_set(e,
                              "role '%s': holder '%s' is not in 'online-keys', which say where its "
                              "private key lives (holder replace OLD NEW --key FILE)",
                              r->name, h);
        if (!online && has && !tuf_policy_is_shared(p, h))
            return tm_err_set(e,
                              "role '%s': '%s' is an online key, which may sign snapshot, "
                              "timestamp and delegated roles only (unless 'shared-keys' lists "
                              "it)",
                              r->name, h);
    }
    return 0;
}

static int check_top_roles(const struct tuf_policy *p, struct tm_err *e)
{
    const struct tuf_policy_role *r = p->roles.item;
    for (size_t i = 0; i < p->roles.count; i++) {
        enum tuf_role role;
        if (tuf_role_from_name(r[i].name, &role) != 0) {
            struct tm_nearest near;
            tm_nearest_init(&near, r[i].name);
            for (int k = 0; k < TUF_ROLE_COUNT; k++)
                tm_nearest_try(&near, tuf_role_name((enum tuf_role)k));
            return tm_err_set(e, "role '%.64s' is none of root, targets, snapshot, timestamp%s%s%s",
                              r[i].name, near.best != NULL ? "; did you mean '" : "",
                              near.best != NULL ? near.best : "",
                              near.best != NULL ? "'?" : " (others go under 'delegations')");
        }
        if (check_role(p, &r[i], e) != 0 || check_separation(p, &r[i], e) != 0)
            return -1;
    }
    for (int k = 0; k < TUF_ROLE_COUNT; k++) {
        const char *name = tuf_role_name((enum tuf_role)k);
        if (tuf_policy_role(p, name) == NULL)
            return tm_err_set(e, "role '%s' is missing under 'roles'", name);
    }
    return 0;
}

/* A delegated role is all online or all offline: one that a server can sign half of is neither. */
static int check_delegated(const struct tuf_policy *p, const struct tuf_policy_role *r,
                           struct tm_err *e)
{
    if (check_role(p, r, e) != 0)
        return -1;
    size_t online = 0;
    for (size_t i = 0; i < r->holders.count; i++)
        online += tuf_policy_online_key(p, r->holders.item[i]) != NULL;
    if (online != 0 && online != r->holders.count)
        return tm_err_set(e, "role '%s' mixes online keys and people's", r->name);
    if (r->directory == NULL)
        return tm_err_set(e, "role '%s': no 'directory' with its targets", r->name);
    return 0;
}

/* The number of the delegation called `name` among the first `count`; -1: there is none. */
static int number_of(const struct tuf_policy *p, const char *name, size_t count)
{
    const struct tuf_policy_role *r = p->delegations.item;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(r[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

static int no_delegator(const struct tuf_policy *p, const struct tuf_policy_role *r,
                        const char *name, size_t before, struct tm_err *e)
{
    struct tm_nearest near;
    tm_nearest_init(&near, name);
    tm_nearest_try(&near, tuf_role_name(TUF_TARGETS));
    for (size_t i = 0; i < before; i++)
        tm_nearest_try(&near, ((const struct tuf_policy_role *)p->delegations.item)[i].name);
    if (strcmp(r->name, name) == 0)
        return tm_err_set(e, "delegation '%s' cannot be delegated by itself", r->name);
    if (number_of(p, name, p->delegations.count) >= 0)
        return tm_err_set(e,
                          "delegation '%s': 'delegated-by' names '%s', which must stand before it",
                          r->name, name);
    return tm_err_set(e,
                      "delegation '%s': 'delegated-by' names '%.64s', which is neither targets nor "
                      "under 'delegations'%s%s%s",
                      r->name, name, near.best != NULL ? "; did you mean '" : "",
                      near.best != NULL ? near.best : "", near.best != NULL ? "'?" : "");
}

/* Number `i` of its delegators is one of the `before` delegations that stand before it: then there
 * is no circle. An online role that chose people's keys would put a server above them. *depth: how
 * many roles below targets the role is, by the delegators so far. */
static int check_delegator(const struct tuf_policy *p, const struct tuf_policy_role *r, size_t i,
                           size_t before, const unsigned *depths, unsigned *depth, struct tm_err *e)
{
    const struct tuf_policy_role *all = p->delegations.item;
    const char *name = tuf_policy_delegator(r, i);
    for (size_t k = 0; k < i; k++) {
        if (strcmp(tuf_policy_delegator(r, k), name) == 0)
            return tm_err_set(e, "delegation '%s': '%s' delegates to it twice", r->name, name);
    }
    if (strcmp(name, tuf_role_name(TUF_TARGETS)) == 0)
        return 0;
    int at = number_of(p, name, before);
    if (at < 0)
        return no_delegator(p, r, name, before, e);
    if (tuf_policy_is_online(p, &all[at]) && !tuf_policy_is_online(p, r))
        return tm_err_set(e,
                          "delegation '%s' is signed by people, but '%s' above it by online keys: "
                          "a server would choose who they are",
                          r->name, name);
    if (depths[at] + 1 > *depth)
        *depth = depths[at] + 1;
    if (*depth > TUF_DELEGATIONS_MAX)
        return tm_err_set(e,
                          "delegation '%s' is more than %d roles below targets: no client goes "
                          "there",
                          r->name, TUF_DELEGATIONS_MAX);
    return 0;
}

static int check_delegators(const struct tuf_policy *p, const struct tuf_policy_role *r,
                            size_t before, const unsigned *depths, unsigned *depth,
                            struct tm_err *e)
{
    *depth = 1;
    for (size_t i = 0; tuf_policy_delegator(r, i) != NULL; i++) {
        if (check_delegator(p, r, i, before, depths, depth, e) != 0)
            return -1;
    }
    return 0;
}

static int check_delegation(const struct tuf_policy *p, const struct tuf_policy_role *r,
                            struct tm_err *e)
{
    enum tuf_role role;
    if (tuf_role_from_name(r->name, &role) == 0)
        return tm_err_set(e, "a delegation cannot be called '%s'", r->name);
    if (strlen(r->name) > TUF_ROLE_NAME_MAX)
        return tm_err_set(e, "delegation '%.40s...': the name is over %d bytes", r->name,
                          TUF_ROLE_NAME_MAX);
    if ((r->paths.count == 0) == (r->hash_prefixes.count == 0))
        return tm_err_set(e, "delegation '%s' needs either 'paths' or 'path-hash-prefixes'",
                          r->name);
    for (size_t i = 0; i < r->hash_prefixes.count; i++) {
        const char *h = r->hash_prefixes.item[i];
        if (strspn(h, "0123456789abcdef") != strlen(h) || strlen(h) > 64)
            return tm_err_set(e, "delegation '%s': hash prefix '%.70s' is not lower-case hex",
                              r->name, h);
    }
    return check_delegated(p, r, e);
}

static const char *shared_delegator(const struct tuf_policy_role *a,
                                    const struct tuf_policy_role *b)
{
    const char *name;
    for (size_t i = 0; (name = tuf_policy_delegator(a, i)) != NULL; i++) {
        if (tuf_policy_is_below(b, name))
            return name;
    }
    return NULL;
}

static int check_bins(const struct tuf_policy *p, const unsigned *depths, struct tm_err *e)
{
    unsigned depth;
    const struct tuf_policy_role *r = p->delegations.item;
    if (p->bin_bits == 0)
        return tm_err_set(e, "'bins': no 'bits' (10 makes 1024 bins)");
    if (!tuf_policy_name_ok(p->bin_prefix))
        return tm_err_set(e, "'bins': prefix '%.80s' has letters, digits and ._-@ only",
                          p->bin_prefix);
    for (size_t i = 0; i < p->delegations.count; i++) {
        const char *both = shared_delegator(&r[i], &p->bins);
        if (both != NULL)
            return tm_err_set(
                e,
                "'bins' and delegation '%s' exclude each other under one role (TAP 15): "
                "'%s' has both ('delegated-by' puts one below another role)",
                r[i].name, both);
        if (strcmp(r[i].name, "bins") == 0 || tuf_policy_delegation(p, r[i].name) == &p->bins)
            return tm_err_set(e, "delegation '%s' has a name of the hash bins", r[i].name);
    }
    if (check_delegated(p, &p->bins, e) != 0)
        return -1;
    return check_delegators(p, &p->bins, p->delegations.count, depths, &depth, e);
}

static int check_all(const struct tuf_policy *p, unsigned *depths, struct tm_err *e)
{
    const struct tuf_policy_role *r = p->delegations.item;
    size_t delegators = 1; /* targets */
    for (size_t i = 0; i < p->delegations.count; i++) {
        if (check_delegation(p, &r[i], e) != 0 ||
            check_delegators(p, &r[i], i, depths, &depths[i], e) != 0)
            return -1;
        delegators += tuf_policy_delegates(p, r[i].name);
    }
    if (delegators > TUF_DELEGATORS_MAX)
        return tm_err_set(e, "more than %d roles delegate to others", TUF_DELEGATORS_MAX);
    bool bins = p->bin_bits > 0 || p->bins.holders.count > 0 || p->bins.directory != NULL;
    return bins ? check_bins(p, depths, e) : 0;
}

static int check_delegations(const struct tuf_policy *p, struct tm_err *e)
{
    unsigned *depths = calloc(p->delegations.count + 1, sizeof(*depths));
    int rc = depths != NULL ? check_all(p, depths, e) : tm_err_set(e, "out of memory");
    free(depths);
    return rc;
}

/* The delegation or hash bins of that name; NULL: neither. */
static const struct tuf_policy_role *below_targets(const struct tuf_policy *p, const char *name)
{
    int at = number_of(p, name, p->delegations.count);
    if (at >= 0)
        return (const struct tuf_policy_role *)p->delegations.item + at;
    return p->bin_bits > 0 && strcmp(name, p->bins.name) == 0 ? &p->bins : NULL;
}

static int check_online_trust(const struct tuf_policy *p, struct tm_err *e)
{
    const struct tuf_policy_role *d = p->delegations.item;
    for (size_t i = 0; i < p->online_trust.count; i++) {
        const char *name = p->online_trust.item[i];
        const struct tuf_policy_role *r = below_targets(p, name);
        struct tm_nearest near;
        if (r != NULL && tuf_policy_is_online(p, r))
            continue;
        if (r != NULL)
            return tm_err_set(e, "'online-trust': '%.64s' is signed by people: it needs no leave",
                              name);
        tm_nearest_init(&near, name);
        tm_nearest_try(&near, "bins");
        for (size_t k = 0; k < p->delegations.count; k++)
            tm_nearest_try(&near, d[k].name);
        return tm_err_set(e, "'online-trust': '%.64s' is no delegation here, nor 'bins'%s%s%s",
                          name, near.best != NULL ? "; did you mean '" : "",
                          near.best != NULL ? near.best : "", near.best != NULL ? "'?" : "");
    }
    return 0;
}

static int check_online(const struct tuf_policy *p, struct tm_err *e)
{
    const struct tuf_policy_online *o = p->online.item;
    for (size_t i = 0; i < p->online.count; i++) {
        int ways = (o[i].file != NULL) + (o[i].env != NULL) + (o[i].pkcs11_module != NULL) +
                   (o[i].uri != NULL);
        if (!tuf_policy_name_ok(o[i].name))
            return tm_err_set(e, "online key '%.80s': a name has letters, digits and ._-@ only",
                              o[i].name);
        if (ways != 1)
            return tm_err_set(
                e, "online key '%s' needs exactly one of 'file', 'env', 'pkcs11-module', 'key-uri'",
                o[i].name);
        if (o[i].pkcs11_module != NULL && (o[i].pkcs11_token == NULL || o[i].pkcs11_key == NULL))
            return tm_err_set(e, "online key '%s' needs 'pkcs11-token' and 'pkcs11-key'",
                              o[i].name);
    }
    return 0;
}

static bool one_of(const char *word, const char *const *words)
{
    while (*words != NULL && strcmp(*words, word) != 0)
        words++;
    return *words != NULL;
}

static const char *const usages[] = {"Fulcio", "Rekor", "CTFE", "TSA", "Unknown", NULL};
static const char *const states[] = {"Active", "Expired", NULL};

bool tuf_policy_custom_ok(const char *usage, const char *status)
{
    return usage != NULL && one_of(usage, usages) && status != NULL && one_of(status, states);
}

static int check_customs(const struct tuf_policy *p, struct tm_err *e)
{
    const struct tuf_policy_custom *c = p->customs.item;
    for (size_t i = 0; i < p->customs.count; i++) {
        if (c[i].usage == NULL || !one_of(c[i].usage, usages))
            return tm_err_set(e,
                              "custom of '%s': 'usage' must be Fulcio, Rekor, CTFE, TSA or Unknown",
                              c[i].name);
        if (c[i].status == NULL || !one_of(c[i].status, states))
            return tm_err_set(e, "custom of '%s': 'status' must be Active or Expired", c[i].name);
    }
    return 0;
}

int tuf_policy_judge(const struct tuf_policy *p, struct tm_err *e)
{
    static const char *const written[] = {"legacy-pem", "ecdsa-logs", NULL};
    for (size_t i = 0; i < p->revoked.count; i++) {
        if (!tuf_policy_name_ok(p->revoked.item[i]))
            return tm_err_set(e, "'revoked': '%.80s' is not a holder's name", p->revoked.item[i]);
    }
    for (size_t i = 0; i < p->targets_for.count; i++) {
        const char *word = p->targets_for.item[i];
        if (!one_of(word, written))
            return tm_err_set(e,
                              "'targets-for': '%.80s' is not known here; there are legacy-pem and "
                              "ecdsa-logs",
                              word);
    }
    if (check_online(p, e) != 0 || check_top_roles(p, e) != 0 || check_delegations(p, e) != 0 ||
        check_online_trust(p, e) != 0)
        return -1;
    return tuf_readers_check(&p->readers, e) == 0 ? check_customs(p, e) : -1;
}

static void warn_role(const struct tuf_policy *p, const struct tuf_policy_role *r,
                      struct tm_buf *out)
{
    size_t live = tuf_policy_live_holders(p, r);
    if (tuf_policy_is_online(p, r))
        return;
    if (r->threshold == 1)
        tm_buf_printf(out, "role '%s': threshold 1: one stolen key is enough to sign it\n",
                      r->name);
    if (live < (size_t)r->threshold + 1)
        tm_buf_printf(
            out,
            "role '%s': %zu holder%s for threshold %lld: one lost key and nobody can sign it "
            "any more\n",
            r->name, live, live == 1 ? "" : "s", (long long)r->threshold);
}

void tuf_policy_warnings(const struct tuf_policy *p, struct tm_buf *out)
{
    const struct tuf_policy_role *root = tuf_policy_role(p, "root");
    const struct tuf_policy_role *timestamp = tuf_policy_role(p, "timestamp");
    const struct tuf_policy_role *d = p->delegations.item;
    warn_role(p, root, out);
    warn_role(p, tuf_policy_role(p, "targets"), out);
    for (size_t i = 0; i < p->delegations.count; i++)
        warn_role(p, &d[i], out);
    for (size_t i = 0; i < p->shared_keys.count; i++)
        tm_buf_printf(out,
                      "'shared-keys': '%s' signs without people, and root or targets too: whoever "
                      "takes the server takes those\n",
                      p->shared_keys.item[i]);
    for (size_t i = 0; i < p->online_trust.count; i++)
        tm_buf_printf(out,
                      "'online-trust': whoever takes the server's key of '%s' says whom clients "
                      "trust\n",
                      p->online_trust.item[i]);
    if (root->signing < INT64_C(14) * 86400000)
        tm_buf_puts(out, "role 'root': less than 14 days to gather signatures before it expires\n");
    if (timestamp->expiry > INT64_C(31) * 86400000)
        tm_buf_puts(out,
                    "role 'timestamp': a revoked key can be kept from clients for over 31 days\n");
}
