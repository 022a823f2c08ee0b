/* Our own client on the copy: what it must take, and what it must refuse. */
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "common/hex.h"
#include "tuf/client/client.h"
#include "tuf/manager/policy/keyring.h"
#include "tuf/manager/publish/tree.h"
#include "tuf/manager/rehearse/internal.h"
#include "tuf/manager/state/names.h"
#include "tuf/metadata/build.h"
#include "tuf/metadata/key.h"
#include "tuf/metadata/typesjson.h"

/* ---- clients ---- */

static struct tuf_client *open_client(const struct tuf_copy *c, const char *cache, const char *tree,
                                      int64_t root, struct tm_err *e)
{
    char name[NAMES_MAX];
    char path[PATH_MAX];
    char dir[PATH_MAX];
    const char *const trees[] = {tree};
    struct tm_buf bytes = {0};
    struct tuf_client *client = NULL;
    if (tuf_names_metadata(root, "root", name, sizeof(name), e) == 0 &&
        tm_file_join(c->w.published, name, path, sizeof(path), e) == 0 &&
        tuf_copy_path(c, cache, dir, e) == 0 &&
        tm_file_read(path, TUF_ROOT_BYTES_MAX, &bytes, e) == 0) {
        const struct tuf_client_options o = {.dir = dir,
                                             .root = bytes.data,
                                             .root_len = bytes.len,
                                             .metadata_urls = trees,
                                             .metadata_url_count = 1,
                                             .now = c->now,
                                             .passing = true};
        client = tuf_client_open(&o, e);
    }
    tm_buf_free(&bytes);
    return client;
}

/* Refreshes the client of that cache, and gets the target (NULL: only the metadata). */
static int follow(const struct tuf_copy *c, const char *cache, const char *tree, int64_t root,
                  const char *target, struct tm_err *e)
{
    struct tuf_client *client = open_client(c, cache, tree, root, e);
    int rc = client != NULL ? tuf_client_refresh(client, e) : -1;
    if (rc == 0 && target != NULL)
        rc = tuf_client_get(client, target, NULL, e);
    tuf_client_close(client);
    return rc;
}

static int takes(struct tuf_copy *c, const char *what, const char *cache, int64_t root,
                 const char *target)
{
    struct tm_err e = {0};
    int rc = follow(c, cache, c->w.published, root, target, &e);
    return tm_rehearsal_step(c->out, what, rc, rc != 0 ? &e : NULL);
}

/* How the client's reasons read when it refuses what it was served (tuf/client/client.h). That it
 * could not write its cache, or read the tree, is none of them and proves nothing. */
#define UNSIGNED ": unsigned: "
#define OTHER_CONTENT ": mix-and-match: "
#define NOT_LISTED "' is not among the repository's targets"

#define PLANTED "unsigned.txt" /* a target that no holder signed */

/* One client: 0 when it refuses for that reason, else what happened is in `e`. */
static int refused(const struct tuf_copy *c, const char *cache, const char *tree,
                   const char *target, const char *reason, struct tm_err *e)
{
    if (follow(c, cache, tree, 1, target, e) == 0)
        return tm_err_set(e, "a client took it");
    return strstr(e->text, reason) != NULL
               ? 0
               : tm_err_wrap(e, "a client failed for another reason, which proves nothing");
}

/* By a client that knows only the first root, and (`known`) by one that follows since before. */
static int refuses(struct tuf_copy *c, const char *what, const char *tree, const char *target,
                   const char *reason, bool known)
{
    struct tm_err e = {0};
    char fresh[32];
    snprintf(fresh, sizeof(fresh), "client-%u", ++c->clients);
    int rc = known ? refused(c, "old-client", tree, target, reason, &e) : 0;
    if (rc == 0)
        rc = refused(c, fresh, tree, target, reason, &e);
    return tm_rehearsal_step(c->out, what, rc, &e);
}

int tuf_copy_clients_before(struct tuf_copy *c)
{
    return takes(c, "a client gets a target", "old-client", 1, REHEARSE_BEFORE);
}

int tuf_copy_clients_after(struct tuf_copy *c)
{
    bool withdrawn = c->kind == TUF_REHEARSE_EMERGENCY;
    if (takes(c, "a client from before follows, and gets the new target", "old-client", 1,
              REHEARSE_AFTER) != 0 ||
        takes(c, "a client that begins with the first root gets the new target", "new-client", 1,
              REHEARSE_AFTER) != 0 ||
        takes(c, "a client that begins with the new root gets it", "newest-client", 2,
              REHEARSE_AFTER) != 0)
        return -1;
    return withdrawn
               ? refuses(c, "the withdrawn target is refused", c->w.published, REHEARSE_BEFORE,
                         NOT_LISTED, true)
               : takes(c, "the target from before is still good", "old-client", 1, REHEARSE_BEFORE);
}

/* ---- what an attacker serves ---- */

/* The published tree once more, to be spoiled. */
static int spoil(struct tuf_copy *c, char tree[PATH_MAX], struct tm_err *e)
{
    char name[32];
    snprintf(name, sizeof(name), "spoiled-%u", ++c->clients);
    return tuf_copy_path(c, name, tree, e) == 0 ? tuf_tree_link(c->w.published, tree, NULL, e) : -1;
}

static int put(const char *tree, const char *name, const struct tm_buf *text, struct tm_err *e)
{
    char path[PATH_MAX];
    return tm_file_join(tree, name, path, sizeof(path), e) == 0 &&
                   tuf_tree_make_parent(path, e) == 0
               ? tm_file_write_passing(path, 0644, text->data, text->len, e)
               : -1;
}

/* One digit of a signature is another. */
static int damage(const struct tuf_copy *c, const char *tree, struct tm_err *e)
{
    static const char mark[] = "\"sig\": \"";
    char path[PATH_MAX];
    struct tm_buf text = {0};
    int rc = tm_file_join(c->w.published, "timestamp.json", path, sizeof(path), e) == 0
                 ? tm_file_read(path, TUF_TIMESTAMP_BYTES_MAX, &text, e)
                 : -1;
    char *at = rc == 0 && tm_buf_str(&text) != NULL ? strstr((char *)text.data, mark) : NULL;
    if (rc == 0 && at == NULL)
        rc = tm_err_set(e, "'%s' has no signature", path);
    if (rc == 0) {
        char *digit = at + strlen(mark) + 40;
        *digit = *digit == '0' ? '1' : '0';
        rc = put(tree, "timestamp.json", &text, e);
    }
    tm_buf_free(&text);
    return rc;
}

static int sign_as(struct tuf_metadata *m, const struct tuf_actor *a, struct tm_err *e)
{
    struct tuf_public_key key = {0};
    char keyid[TUF_KEYID_SIZE];
    int rc = tuf_keyring_make(a->key, a->name, &key, e);
    if (rc == 0)
        rc = tuf_key_hash(&key, keyid, e);
    if (rc == 0 && tuf_text_set(&key.keyid, keyid) != 0)
        rc = tm_err_set(e, "out of memory");
    if (rc == 0)
        rc = tuf_metadata_sign(m, &key, a->key, e);
    tuf_free_key(&key);
    return rc;
}

static bool holds(const struct tuf_policy_role *r, const struct tuf_actor *a)
{
    for (size_t k = 0; k < r->holders.count; k++) {
        if (strcmp(r->holders.item[k], a->name) == 0)
            return true;
    }
    return false;
}

/* By so many of those who may, and (`retired`) by those who may no more. */
static int sign_by(const struct tuf_copy *c, struct tuf_metadata *m, const char *role, int64_t most,
                   bool retired, struct tm_err *e)
{
    const struct tuf_policy_role *r = tuf_policy_role(&c->w.policy, role);
    int64_t good = 0;
    int rc = 0;
    for (size_t i = 0; i < c->count && rc == 0; i++) {
        const struct tuf_actor *a = &c->actor[i];
        bool may = holds(r, a) && good < most;
        if (may || (retired && a->retired))
            rc = sign_as(m, a, e);
        good += may;
    }
    return rc;
}

/* The file's name of that version; timestamps have none in theirs. */
static int put_role(const char *tree, const struct tuf_metadata *m, struct tm_err *e)
{
    enum tuf_role role = tuf_metadata_role(m);
    struct tm_buf text = {0};
    char name[NAMES_MAX] = "timestamp.json";
    int rc = tuf_metadata_dump(m, true, tm_jsondump_to_buf, &text, e);
    if (rc == 0 && role != TUF_TIMESTAMP)
        rc =
            tuf_names_metadata(tuf_metadata_version(m), tuf_role_name(role), name, sizeof(name), e);
    if (rc == 0)
        rc = put(tree, name, &text, e);
    tm_buf_free(&text);
    return rc;
}

/* The next version of the role, not signed; takes over `entries`. A timestamp names the next
 * snapshot. */
static struct tuf_metadata *next_of(const struct tuf_published *live, enum tuf_role role,
                                    struct tuf_entries *entries, struct tm_err *e)
{
    struct tuf_signed s = {0};
    struct tuf_metadata *m = NULL;
    if (tuf_copy_signed(tuf_metadata_signed(tuf_published_role(live, role)), &s, e) == 0) {
        s.version++;
        if (role == TUF_TIMESTAMP) {
            tuf_free_entry(&s.timestamp.snapshot);
            s.timestamp.snapshot =
                (struct tuf_entry){.version = tuf_metadata_version(live->snapshot) + 1};
        }
        m = tuf_metadata_make(&s, entries, e);
    } else {
        tuf_entries_free(entries);
    }
    tuf_free_signed(&s);
    return m;
}

/* The next version of root or timestamp, by retired keys and one less than the threshold. */
static int forge(const struct tuf_copy *c, const char *tree, enum tuf_role role, struct tm_err *e)
{
    struct tuf_published live;
    const char *name = tuf_role_name(role);
    if (tuf_workspace_published(&c->w, &live, e) != 0)
        return -1;
    struct tuf_metadata *m = next_of(&live, role, NULL, e);
    int64_t few = tuf_policy_role(&c->w.policy, name)->threshold - 1;
    int rc = m != NULL ? sign_by(c, m, name, few, true, e) : -1;
    if (rc == 0)
        rc = put_role(tree, m, e);
    tuf_metadata_free(m);
    tuf_published_free(&live);
    return rc;
}

/* ---- a target more, by who has the online keys and no holder's ---- */

static const char planted_text[] = "unsigned\n";

/* The file, called as a target's is, and its entry. */
static int plant_file(const char *tree, struct tuf_entries *to, struct tm_err *e)
{
    const size_t len = strlen(planted_text);
    const struct tm_buf bytes = {.data = (unsigned char *)planted_text, .len = len};
    unsigned char hash[32];
    char hex[65];
    struct tm_buf name = {0};
    if (EVP_Digest(planted_text, len, hash, NULL, EVP_sha256(), NULL) != 1)
        return tm_err_openssl(e, "SHA-256");
    tm_hex_encode(hash, sizeof(hash), hex);
    tuf_names_target(PLANTED, hex, &name);
    int rc = tm_buf_str(&name) != NULL ? put(tree, tm_buf_str(&name), &bytes, e)
                                       : tm_err_set(e, "out of memory");
    tm_buf_free(&name);
    struct tuf_entry entry = {0};
    if (rc == 0)
        rc = tuf_entry_pin(&entry, 0, (int64_t)len, hex) == 0
                 ? tuf_entries_put(to, PLANTED, &entry, e)
                 : tm_err_set(e, "out of memory");
    tuf_free_entry(&entry);
    return rc;
}

/* All that the live snapshot lists, and the next version of targets. */
static int next_meta(const struct tuf_published *live, struct tuf_entries *to, struct tm_err *e)
{
    static const char targets[] = "targets.json";
    const struct tuf_entry next = {.version = tuf_metadata_version(live->targets) + 1};
    struct tm_buf name = {0};
    int rc = tuf_entries_put(to, targets, &next, e);
    for (size_t i = 0; i < tuf_entries_count(live->snapshot) && rc == 0; i++) {
        struct tuf_entry entry = {0};
        rc = tuf_entry_get(live->snapshot, i, &name, &entry, e);
        if (rc == 0 && strcmp(tm_buf_str(&name), targets) != 0)
            rc = tuf_entries_put(to, tm_buf_str(&name), &entry, e);
        tuf_free_entry(&entry);
    }
    tm_buf_free(&name);
    return rc;
}

/* The next version with those entries (taken over; NULL: it has none), signed by whoever signs it
 * online; targets by nobody. */
static int put_next(const struct tuf_copy *c, const char *tree, const struct tuf_published *live,
                    enum tuf_role role, struct tuf_entries *entries, struct tm_err *e)
{
    struct tuf_metadata *m = next_of(live, role, entries, e);
    int rc = m != NULL ? 0 : -1;
    if (rc == 0 && role != TUF_TARGETS)
        rc = sign_by(c, m, tuf_role_name(role), INT64_MAX, false, e);
    if (rc == 0)
        rc = put_role(tree, m, e);
    tuf_metadata_free(m);
    return rc;
}

static int plant_entries(const struct tuf_copy *c, const char *tree,
                         const struct tuf_published *live, struct tm_err *e)
{
    struct tuf_entries *targets = tuf_entries_copy(live->targets, e);
    struct tuf_entries *meta = tuf_entries_new(TUF_SNAPSHOT, 0, e);
    if (targets == NULL || meta == NULL || plant_file(tree, targets, e) != 0 ||
        next_meta(live, meta, e) != 0) {
        tuf_entries_free(targets);
        tuf_entries_free(meta);
        return -1;
    }
    int rc = put_next(c, tree, live, TUF_TARGETS, targets, e);
    if (rc != 0)
        tuf_entries_free(meta);
    else
        rc = put_next(c, tree, live, TUF_SNAPSHOT, meta, e);
    return rc == 0 ? put_next(c, tree, live, TUF_TIMESTAMP, NULL, e) : -1;
}

/* targets.json with a target more that no holder signed, under a snapshot and a timestamp that are
 * signed as they should be: the online keys are stolen. */
static int plant(const struct tuf_copy *c, const char *tree, struct tm_err *e)
{
    struct tuf_published live;
    if (tuf_workspace_published(&c->w, &live, e) != 0)
        return -1;
    int rc = plant_entries(c, tree, &live, e);
    tuf_published_free(&live);
    return rc;
}

/* Other content in the place of a target's. */
static int alter(const struct tuf_copy *c, const char *tree, struct tm_err *e)
{
    struct tuf_published live;
    struct tuf_file_info info;
    static const char text[] = "after the rotatioN\n";
    const struct tm_buf bytes = {.data = (unsigned char *)text, .len = strlen(text)};
    struct tm_buf name = {0};
    if (tuf_workspace_published(&c->w, &live, e) != 0)
        return -1;
    int rc = -1;
    if (tuf_targets_find(live.targets, REHEARSE_AFTER, &info) && tuf_names_hash(&info) != NULL) {
        tuf_names_target(REHEARSE_AFTER, tuf_names_hash(&info), &name);
        rc = tm_buf_str(&name) != NULL ? put(tree, tm_buf_str(&name), &bytes, e) : -1;
    }
    tm_buf_free(&name);
    tuf_published_free(&live);
    return rc == 0 ? 0 : tm_err_set(e, "the target cannot be altered");
}

static int forge_retired(const struct tuf_copy *c, const char *tree, struct tm_err *e)
{
    return forge(c, tree, c->kind == TUF_REHEARSE_ONLINE ? TUF_TIMESTAMP : TUF_ROOT, e);
}

int tuf_copy_denials(struct tuf_copy *c)
{
    static const struct {
        const char *what;
        int (*make)(const struct tuf_copy *c, const char *tree, struct tm_err *e);
        const char *target; /* NULL: the metadata is enough */
        const char *reason;
        bool known; /* also to one that follows: not what it has the good copy of */
    } denials[] = {
        {"a damaged signature is refused", damage, NULL, UNSIGNED, true},
        {"what a retired key signed is refused", forge_retired, NULL, UNSIGNED, true},
        {"a target that nobody signed is refused", plant, PLANTED, UNSIGNED, true},
        {"a target with other content is refused", alter, REHEARSE_AFTER, OTHER_CONTENT, false},
    };
    for (size_t i = 0; i < sizeof(denials) / sizeof(denials[0]); i++) {
        char tree[PATH_MAX];
        struct tm_err e = {0};
        if (spoil(c, tree, &e) != 0 || denials[i].make(c, tree, &e) != 0)
            return tm_rehearsal_step(c->out, denials[i].what, -1, &e);
        if (refuses(c, denials[i].what, tree, denials[i].target, denials[i].reason,
                    denials[i].known) != 0)
            return -1;
    }
    return 0;
}
