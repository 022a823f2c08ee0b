#include "tests/support/tufrepo.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "common/json/strictjson.h"
#include "tests/support/tufrepo_http.h"
#include "tests/support/tufedit.h"

#define ROLES_MAX 64
#define SIGNERS_MAX 8

#define need(cond) need_at((cond), #cond, __LINE__)

static void need_at(bool ok, const char *what, int line)
{
    if (!ok) {
        fprintf(stderr, "tufrepo.c:%d: %s\n", line, what);
        abort();
    }
}

struct role {
    char name[64];
    json_t *body;
    EVP_PKEY *signer[SIGNERS_MAX];
    size_t signers;
};

struct tufrepo {
    struct fileserver http;
    struct role role[ROLES_MAX];
    size_t roles;
};

static struct role *find(struct tufrepo *r, const char *name)
{
    for (size_t i = 0; i < r->roles; i++) {
        if (strcmp(r->role[i].name, name) == 0)
            return &r->role[i];
    }
    return NULL;
}

static struct role *get(struct tufrepo *r, const char *name)
{
    struct role *role = find(r, name);
    need(role != NULL);
    return role;
}

json_t *tufrepo_body(struct tufrepo *r, const char *role)
{
    return get(r, role)->body;
}

int64_t tufrepo_version(struct tufrepo *r, const char *role)
{
    return json_integer_value(json_object_get(get(r, role)->body, "version"));
}

void tufrepo_set_version(struct tufrepo *r, const char *role, int64_t version)
{
    need(tuf_signed_set_version(get(r, role)->body, version) == 0);
}

void tufrepo_set_expires(struct tufrepo *r, const char *role, int64_t seconds)
{
    need(tuf_signed_set_expires(get(r, role)->body, seconds) == 0);
}

json_t *tufrepo_root_role(struct tufrepo *r, const char *role)
{
    return json_object_get(json_object_get(get(r, "root")->body, "roles"), role);
}

/* ---- keys ---- */

static EVP_PKEY *new_signer(struct role *role)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    need(key != NULL && role->signers < SIGNERS_MAX);
    role->signer[role->signers++] = key;
    return key;
}

/* Where a role's keys and keyids are listed: root, or the first delegator. */
static bool listing(struct tufrepo *r, const char *name, json_t **keys, json_t **keyids)
{
    json_t *top = tufrepo_root_role(r, name);
    if (top != NULL) {
        *keys = json_object_get(get(r, "root")->body, "keys");
        *keyids = json_object_get(top, "keyids");
        return true;
    }
    for (size_t i = 0; i < r->roles; i++) {
        json_t *d = json_object_get(r->role[i].body, "delegations");
        size_t j;
        json_t *v;
        json_array_foreach(json_object_get(d, "roles"), j, v)
        {
            if (strcmp(json_string_value(json_object_get(v, "name")), name) != 0)
                continue;
            *keys = json_object_get(d, "keys");
            *keyids = json_object_get(v, "keyids");
            return true;
        }
    }
    return false;
}

static void list_key(json_t *keys, json_t *keyids, EVP_PKEY *pkey)
{
    struct tm_err e = {0};
    char keyid[TUF_KEYID_SIZE];
    json_t *key = tuf_key_from_pkey(pkey, &e);
    need(key != NULL && tuf_keys_add(keys, keyids, key, keyid, &e) == 0);
}

void tufrepo_add_key(struct tufrepo *r, const char *role)
{
    json_t *keys;
    json_t *keyids;
    need(listing(r, role, &keys, &keyids));
    list_key(keys, keyids, new_signer(get(r, role)));
}

void tufrepo_rotate(struct tufrepo *r, const char *role)
{
    json_t *keys;
    json_t *keyids;
    need(listing(r, role, &keys, &keyids));
    json_array_clear(keyids);
    if (strcmp(role, "root") != 0)
        tufrepo_drop_signers(r, role);
    list_key(keys, keyids, new_signer(get(r, role)));
}

void tufrepo_drop_signers(struct tufrepo *r, const char *role)
{
    struct role *x = get(r, role);
    for (size_t i = 0; i < x->signers; i++)
        EVP_PKEY_free(x->signer[i]);
    x->signers = 0;
}

/* ---- publishing ---- */

void tufrepo_sign(struct tufrepo *r, const char *role, struct tm_buf *out)
{
    struct role *x = get(r, role);
    struct tm_err e = {0};
    json_t *envelope = tuf_envelope_new(json_incref(x->body));
    need(envelope != NULL);
    for (size_t i = 0; i < x->signers; i++) {
        char keyid[TUF_KEYID_SIZE];
        json_t *key = tuf_key_from_pkey(x->signer[i], &e);
        need(key != NULL && tuf_key_id(key, keyid, &e) == 0);
        json_t *sig = tuf_sign(x->body, keyid, key, x->signer[i], &e);
        need(sig != NULL && tuf_envelope_put_signature(envelope, sig) == 0);
        json_decref(key);
    }
    tm_buf_reset(out);
    need(tuf_envelope_dump(envelope, true, out, &e) == 0);
    json_decref(envelope);
}

static void file_of(struct tufrepo *r, const char *role, char out[512])
{
    char encoded[TUF_ROLE_NAME_MAX + 1];
    need(tuf_role_encode(role, encoded));
    if (strcmp(role, "timestamp") == 0)
        snprintf(out, 512, "timestamp.json");
    else
        snprintf(out, 512, "%" PRId64 ".%s.json", tufrepo_version(r, role), encoded);
}

void tufrepo_publish(struct tufrepo *r, const char *role)
{
    struct tm_buf b = {0};
    char path[512];
    tufrepo_sign(r, role, &b);
    file_of(r, role, path);
    tufrepo_put(r, path, b.data, b.len);
    tm_buf_free(&b);
}

void tufrepo_bump(struct tufrepo *r, const char *role)
{
    tufrepo_set_version(r, role, tufrepo_version(r, role) + 1);
    tufrepo_publish(r, role);
}

static void list_in(struct tufrepo *r, const char *where, const char *role, bool pinned)
{
    char path[512];
    char name[512];
    file_of(r, role, path);
    snprintf(name, sizeof(name), "%s.json", role);
    const struct tm_buf *f = pinned ? tufrepo_file(r, path) : NULL;
    json_t *entry = tuf_meta_entry(tufrepo_version(r, role), f != NULL ? f->data : NULL,
                                   f != NULL ? f->len : 0);
    need(json_object_set_new(json_object_get(get(r, where)->body, "meta"), name, entry) == 0);
}

void tufrepo_release(struct tufrepo *r, const char *role, bool pinned)
{
    if (role != NULL)
        tufrepo_bump(r, role);
    for (size_t i = 0; i < r->roles; i++) {
        if (strcmp(json_string_value(json_object_get(r->role[i].body, "_type")), "targets") == 0)
            list_in(r, "snapshot", r->role[i].name, pinned);
    }
    tufrepo_bump(r, "snapshot");
    list_in(r, "timestamp", "snapshot", pinned);
    tufrepo_bump(r, "timestamp");
}

static struct role *add_role(struct tufrepo *r, const char *name, enum tuf_role type)
{
    need(r->roles < ROLES_MAX);
    struct role *role = &r->role[r->roles++];
    snprintf(role->name, sizeof(role->name), "%s", name);
    role->body = tuf_signed_new(type, 1, TUFREPO_EXPIRES);
    need(role->body != NULL);
    return role;
}

void tufrepo_add_target(struct tufrepo *r, const char *role, const char *name, const char *data)
{
    const char *slash = strrchr(name, '/');
    size_t dir = slash != NULL ? (size_t)(slash - name) + 1 : 0;
    struct tm_buf path = {0};
    json_t *entry = tuf_target_entry(data, strlen(data));
    tm_buf_printf(&path, "targets/%.*s%s.%s", (int)dir, name,
                  json_string_value(json_object_get(json_object_get(entry, "hashes"), "sha256")),
                  name + dir);
    tufrepo_put(r, tm_buf_str(&path), data, strlen(data));
    need(json_object_set_new(json_object_get(get(r, role)->body, "targets"), name, entry) == 0);
    tm_buf_free(&path);
}

void tufrepo_delegate(struct tufrepo *r, const char *parent, const char *role, const char *pattern,
                      bool terminating)
{
    json_t *body = get(r, parent)->body;
    json_t *d = json_object_get(body, "delegations");
    if (d == NULL) {
        d = json_pack("{s:{}, s:[]}", "keys", "roles");
        need(json_object_set_new(body, "delegations", d) == 0);
    }
    json_t *entry = json_pack("{s:s, s:[], s:i, s:b, s:[s]}", "name", role, "keyids", "threshold",
                              1, "terminating", terminating, "paths", pattern);
    bool fresh = find(r, role) == NULL;
    struct role *x = fresh ? add_role(r, role, TUF_TARGETS) : get(r, role);
    EVP_PKEY *key = fresh ? new_signer(x) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    list_key(json_object_get(d, "keys"), json_object_get(entry, "keyids"), key);
    need(json_array_append_new(json_object_get(d, "roles"), entry) == 0);
    if (fresh)
        tufrepo_publish(r, role);
    else
        EVP_PKEY_free(key);
}

/* ---- life ---- */

struct tufrepo *tufrepo_start(void)
{
    struct tufrepo *r = calloc(1, sizeof(*r));
    need(r != NULL);
    for (int i = 0; i < TUF_ROLE_COUNT; i++)
        add_role(r, tuf_role_name((enum tuf_role)i), (enum tuf_role)i);
    for (int i = 0; i < TUF_ROLE_COUNT; i++)
        tufrepo_add_key(r, tuf_role_name((enum tuf_role)i));
    fileserver_start(&r->http);
    tufrepo_add_target(r, "targets", "file1", "content of file1");
    tufrepo_publish(r, "root");
    tufrepo_publish(r, "targets");
    list_in(r, "snapshot", "targets", false);
    tufrepo_publish(r, "snapshot");
    list_in(r, "timestamp", "snapshot", false);
    tufrepo_publish(r, "timestamp");
    return r;
}

void tufrepo_stop(struct tufrepo *r)
{
    fileserver_stop(&r->http);
    for (size_t i = 0; i < r->roles; i++) {
        tufrepo_drop_signers(r, r->role[i].name);
        json_decref(r->role[i].body);
    }
    free(r);
}

const char *tufrepo_url(const struct tufrepo *r)
{
    return r->http.url;
}

/* ---- what is served ---- */

void tufrepo_put(struct tufrepo *r, const char *path, const void *data, size_t len)
{
    pthread_mutex_lock(&r->http.lock);
    struct served *f = fileserver_find(&r->http, path, true);
    tm_buf_reset(&f->bytes);
    tm_buf_append(&f->bytes, data, len);
    f->status = 200;
    f->manner = TUFREPO_HONEST;
    pthread_mutex_unlock(&r->http.lock);
}

void tufrepo_remove(struct tufrepo *r, const char *path)
{
    tufrepo_status(r, path, 404);
}

const struct tm_buf *tufrepo_file(struct tufrepo *r, const char *path)
{
    pthread_mutex_lock(&r->http.lock);
    const struct served *f = fileserver_find(&r->http, path, false);
    pthread_mutex_unlock(&r->http.lock);
    return f != NULL && f->status == 200 ? &f->bytes : NULL;
}

void tufrepo_behave(struct tufrepo *r, const char *path, enum tufrepo_manner manner)
{
    pthread_mutex_lock(&r->http.lock);
    fileserver_find(&r->http, path, true)->manner = manner;
    pthread_mutex_unlock(&r->http.lock);
}

void tufrepo_status(struct tufrepo *r, const char *path, int status)
{
    pthread_mutex_lock(&r->http.lock);
    struct served *f = fileserver_find(&r->http, path, true);
    f->status = status;
    f->manner = TUFREPO_HONEST;
    pthread_mutex_unlock(&r->http.lock);
}

const char *tufrepo_requests(struct tufrepo *r)
{
    pthread_mutex_lock(&r->http.lock);
    tm_buf_reset(&r->http.taken);
    tm_buf_append(&r->http.taken, r->http.requests.data, r->http.requests.len);
    tm_buf_reset(&r->http.requests);
    pthread_mutex_unlock(&r->http.lock);
    return tm_buf_str(&r->http.taken);
}
