/* A workspace in a scratch directory with holders' keys, for tests of the repository manager. */
#pragma once

#include <fcntl.h>
#include <openssl/ec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/key/key.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/tufedit.h"
#include "tuf/manager/state/legacy.h"
#include "tuf/manager/draft/draft.h"
#include "tuf/manager/review/review.h"
#include "tuf/manager/evidence/transcript.h"
#include "tuf/manager/policy/keyring.h"
#include "tuf/manager/publish/publish.h"
#include "tuf/manager/publish/tree.h"
#include "tuf/manager/report/audit.h"

#define DAY INT64_C(86400)
#define T0 INT64_C(1800000000) /* 2027-01-15T08:00:00Z */

#define CASE_POLICY \
    "roles:\n" \
    "  root: {holders: [alice, bob, carol], threshold: 2, expiry: 365d, signing: 60d}\n" \
    "  targets: {holders: [alice, bob, carol], threshold: 2, expiry: 365d, signing: 60d}\n" \
    "  snapshot: {holders: [online], threshold: 1, expiry: 21d, signing: 7d}\n" \
    "  timestamp: {holders: [online], threshold: 1, expiry: 7d, signing: 4d}\n" \
    "online-keys:\n" \
    "  online: {file: online.key}\n" \
    "  online2: {file: online2.key}\n"

static const char *const case_names[] = {"alice", "bob",    "carol",  "dave",
                                         "eve",   "online", "online2"};
#define CASE_NAMES (sizeof(case_names) / sizeof(case_names[0]))

struct tuf_case {
    char dir[64];
    EVP_PKEY *key[CASE_NAMES];
    struct tm_err e;
    char heard[1024]; /* what the PEM targets' writer said */
};

__attribute__((unused)) static void case_file(const struct tuf_case *c, const char *name,
                                              const char *text)
{
    char path[PATH_MAX];
    struct tm_err e = {0};
    snprintf(path, sizeof(path), "%s/%s", c->dir, name);
    assert_int_equal(tuf_tree_make_parent(path, &e), 0);
    if (tm_file_write_atomic(path, 0644, text, strlen(text), &e) != 0)
        fail_msg("%s", e.text);
}

__attribute__((unused)) static EVP_PKEY *case_key(const struct tuf_case *c, const char *name)
{
    for (size_t i = 0; i < CASE_NAMES; i++) {
        if (strcmp(case_names[i], name) == 0)
            return c->key[i];
    }
    fail_msg("no key of %s", name);
    return NULL;
}

/* The KEY of NAME, as `holder`'s. */
__attribute__((unused)) static json_t *case_json_key(const struct tuf_case *c, const char *name,
                                                     const char *holder)
{
    struct tuf_public_key key = {0};
    struct tm_err e = {0};
    assert_int_equal(tuf_keyring_make(case_key(c, name), holder, &key, &e), 0);
    json_t *v = tuf_write_key(&key, &e);
    tuf_free_key(&key);
    assert_non_null(v);
    return v;
}

__attribute__((unused)) static void case_open(struct tuf_case *c, const char *policy)
{
    char path[PATH_MAX];
    *c = (struct tuf_case){0};
    snprintf(c->dir, sizeof(c->dir), "/tmp/tenmint-test.XXXXXX");
    assert_non_null(mkdtemp(c->dir));
    case_file(c, "policy.yaml", policy);
    case_file(c, "targets/a.txt", "first target\n");
    for (size_t i = 0; i < CASE_NAMES; i++) {
        c->key[i] = EVP_EC_gen("P-256");
        assert_non_null(c->key[i]);
        snprintf(path, sizeof(path), "%s/keys", c->dir);
        assert_int_equal(tuf_keyring_save(path, case_names[i], c->key[i], false, &c->e), 0);
        snprintf(path, sizeof(path), "%s/%s.key", c->dir, case_names[i]);
        if (strncmp(case_names[i], "online", 6) == 0)
            assert_int_equal(tm_key_write_file(path, c->key[i], NULL, &c->e), 0);
    }
}

__attribute__((unused)) static void case_close(struct tuf_case *c)
{
    for (size_t i = 0; i < CASE_NAMES; i++)
        EVP_PKEY_free(c->key[i]);
    tuf_tree_remove(c->dir, NULL);
}

__attribute__((unused)) static void case_heard(void *arg, const char *text)
{
    struct tuf_case *c = arg;
    strncat(c->heard, text, sizeof(c->heard) - strlen(c->heard) - 1);
    strncat(c->heard, "\n", sizeof(c->heard) - strlen(c->heard) - 1);
}

/* -1 with c->e set when it cannot be made. */
__attribute__((unused)) static int case_try_propose(struct tuf_case *c, int64_t now,
                                                    const char *renew, struct tuf_event *ev)
{
    struct tuf_workspace w;
    struct tuf_published p;
    const struct tuf_draft_options o = {.name = "test",
                                        .reason = "a test",
                                        .now = now,
                                        .renew = &renew,
                                        .renew_count = renew != NULL};
    *ev = (struct tuf_event){0};
    if (tuf_workspace_open(c->dir, &w, &c->e) != 0)
        return -1;
    int rc = tuf_published_load(w.published, &p, &c->e);
    if (rc == 0) {
        rc = tuf_legacy_sync(&w, now, case_heard, c, &c->e);
        if (rc == 0)
            rc = tuf_draft_make(&w, &p, &o, ev, &c->e);
        if (rc == 0)
            rc = tuf_draft_add_files(&w, &p, ev, &c->e);
        tuf_published_free(&p);
    }
    tuf_workspace_close(&w);
    return rc;
}

__attribute__((unused)) static void case_propose(struct tuf_case *c, int64_t now, const char *renew,
                                                 struct tuf_event *ev)
{
    if (case_try_propose(c, now, renew, ev) != 0)
        fail_msg("propose: %s", c->e.text);
}

__attribute__((unused)) static int case_try_sign(struct tuf_case *c, struct tuf_event *ev,
                                                 const char *holder, int64_t now)
{
    struct tuf_event_signer who = {0};
    char digest[65];
    int rc = tuf_event_digest(ev, digest, &c->e);
    if (rc == 0)
        rc = tuf_event_sign(ev, case_key(c, holder), digest, now, &who, &c->e);
    tm_buf_free(&who.roles);
    return rc;
}

__attribute__((unused)) static void case_sign(struct tuf_case *c, struct tuf_event *ev,
                                              const char *holder, int64_t now)
{
    if (case_try_sign(c, ev, holder, now) != 0)
        fail_msg("%s signs: %s", holder, c->e.text);
}

__attribute__((unused)) static int case_try_publish(struct tuf_case *c, struct tuf_event *ev,
                                                    int64_t now, bool refresh,
                                                    struct tuf_publish_report *r)
{
    struct tuf_workspace w;
    const struct tuf_publish_options o = {.event = ev, .now = now, .refresh = refresh};
    if (tuf_workspace_open(c->dir, &w, &c->e) != 0)
        return -1;
    int rc = tuf_workspace_lock(&w, 1000, &c->e);
    if (rc == 0)
        rc = tuf_publish_run(&w, &o, r, &c->e);
    tuf_workspace_close(&w);
    return rc;
}

__attribute__((unused)) static struct tuf_publish_report
case_publish(struct tuf_case *c, struct tuf_event *ev, int64_t now)
{
    struct tuf_publish_report r;
    if (case_try_publish(c, ev, now, false, &r) != 0)
        fail_msg("publish: %s", c->e.text);
    return r;
}

__attribute__((unused)) static struct tuf_publish_report case_refresh(struct tuf_case *c,
                                                                      int64_t now)
{
    struct tuf_publish_report r;
    if (case_try_publish(c, NULL, now, true, &r) != 0)
        fail_msg("refresh: %s", c->e.text);
    return r;
}

/* Proposes, signs by alice and bob, publishes. */
__attribute__((unused)) static struct tuf_publish_report case_round(struct tuf_case *c, int64_t now,
                                                                    const char *renew)
{
    struct tuf_event ev;
    case_propose(c, now, renew, &ev);
    case_sign(c, &ev, "alice", now);
    case_sign(c, &ev, "bob", now);
    struct tuf_publish_report r = case_publish(c, &ev, now);
    tuf_event_free(&ev);
    return r;
}

/* The event's text, as its file has it. */
__attribute__((unused)) static char *case_text(const struct tuf_event *ev)
{
    struct tm_buf text = {0};
    struct tm_err e = {0};
    assert_int_equal(tuf_event_dump(ev, false, tm_jsondump_to_buf, &text, &e), 0);
    char *copy = strdup(tm_buf_str(&text));
    tm_buf_free(&text);
    return copy;
}

/* The published tree is as every reader wants it. How many delegated roles it has. */
/* Each target is told of once, in order. */
__attribute__((unused)) static void case_told(void *arg, const char *what, uint64_t targets)
{
    uint64_t *seen = arg;
    assert_string_equal(what, "targets checked");
    assert_int_equal(targets, (*seen)++);
}

__attribute__((unused)) static size_t case_sound(const struct tuf_case *c, int64_t now)
{
    char dir[PATH_MAX];
    struct tuf_audit a;
    struct tm_err e = {0};
    uint64_t seen = 0;
    const struct tuf_audit_options o = {.now = now,
                                        .first_root = 1,
                                        .files = true,
                                        .progress = &(struct tuf_progress){case_told, &seen}};
    snprintf(dir, sizeof(dir), "%s/published", c->dir);
    if (tuf_audit_tree(dir, &o, &a, &e) != 0)
        fail_msg("%s", e.text);
    if (a.faults.len > 0)
        fail_msg("%s", tm_buf_str(&a.faults));
    assert_int_equal(seen, a.targets);
    size_t delegated = a.delegated;
    tuf_audit_free(&a);
    return delegated;
}

/* An independent copy, as after a trip on a USB stick. */
__attribute__((unused)) static void case_copy(const struct tuf_event *ev, struct tuf_event *out)
{
    char *text = case_text(ev);
    struct tm_err e = {0};
    if (tuf_event_parse(text, strlen(text), NULL, NULL, out, &e) != 0)
        fail_msg("%s", e.text);
    free(text);
}

/* The event's file as a tree, for a forger, and the event of such a tree (taken over). */
__attribute__((unused)) static json_t *case_tree(const struct tuf_event *ev)
{
    char *text = case_text(ev);
    json_t *tree = json_loads(text, 0, NULL);
    assert_non_null(tree);
    free(text);
    return tree;
}

__attribute__((unused)) static int case_try_load(json_t *tree, struct tuf_event *out,
                                                 struct tm_err *e)
{
    char *text = json_dumps(tree, JSON_INDENT(1) | JSON_SORT_KEYS);
    int rc = tuf_event_parse(text, strlen(text), NULL, NULL, out, e);
    free(text);
    json_decref(tree);
    return rc;
}

__attribute__((unused)) static void case_load(json_t *tree, struct tuf_event *out)
{
    struct tm_err e = {0};
    if (case_try_load(tree, out, &e) != 0)
        fail_msg("%s", e.text);
}

/* The envelope of a role in such a tree; `side` is "base" or "proposed". Borrowed. */
__attribute__((unused)) static json_t *case_role(json_t *tree, const char *side, const char *role)
{
    json_t *envelope = json_object_get(json_object_get(tree, side), role);
    assert_non_null(envelope);
    return envelope;
}

/* The event with one member of a role's `signed` replaced; signatures stay. */
__attribute__((unused)) static void case_tamper(struct tuf_event *ev, const char *role,
                                                const char *member, json_t *value)
{
    struct tuf_event out;
    json_t *tree = case_tree(ev);
    json_t *body = json_object_get(case_role(tree, "proposed", role), "signed");
    assert_int_equal(json_object_set_new(body, member, value), 0);
    case_load(tree, &out);
    tuf_event_free(ev);
    *ev = out;
}

#define assert_says(c, part) \
    do { \
        if (strstr((c)->e.text, part) == NULL) \
            fail_msg("'%s' does not say '%s'", (c)->e.text, part); \
    } while (0)
