/*
 * An event as a folder, for git: event.json is what is proposed and never changes; each signer adds
 * a file signatures/KEYID.json. Branches of two holders merge without a conflict.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/json/strictjson.h"
#include "tuf/metadata/edit.h"
#include "tuf/metadata/key.h"
#include "tuf/manager/event/internal.h"

#define PROPOSAL "event.json"
#define SIGNATURES "signatures"
#define SIGNER_BYTES_MAX ((size_t)32 << 20)
#define KEYID_LEN (TUF_KEYID_SIZE - 1)

bool tuf_event_is_folder(const char *path)
{
    struct stat st;
    size_t len = strlen(path);
    return (len > 0 && path[len - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

bool tuf_event_is_there(const char *path)
{
    char proposal[PATH_MAX];
    struct stat st;
    if (tuf_event_is_folder(path))
        return tm_file_join(path, PROPOSAL, proposal, sizeof(proposal), NULL) == 0 &&
               lstat(proposal, &st) == 0;
    return lstat(path, &st) == 0;
}

static bool is_keyid(const char *text)
{
    return strlen(text) == KEYID_LEN && strspn(text, "0123456789abcdef") == KEYID_LEN;
}

/* Where signers' files are: a link would lead elsewhere. */
static int signatures_folder(const char *folder, char out[PATH_MAX], struct tm_err *e)
{
    struct stat st;
    if (tm_file_join(folder, SIGNATURES, out, PATH_MAX, e) != 0)
        return -1;
    if (lstat(out, &st) == 0 && !S_ISDIR(st.st_mode))
        return tm_err_set(e, "'%s' is no plain folder", out);
    return 0;
}

/* A plain file, not what a link points to: folders come from outside. */
static int read_plain(const char *path, size_t max, struct tm_buf *text, struct tm_err *e)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return tm_err_errno(e, "'%s'", path);
    if (!S_ISREG(st.st_mode))
        return tm_err_set(e, "'%s' is not a plain file", path);
    return tm_file_read(path, max, text, e);
}

/* ---- reading ---- */

static int add_signature(json_t *tree, const char *role, const char *keyid, const json_t *sig,
                         struct tm_err *e)
{
    json_t *envelope = json_object_get(json_object_get(tree, "proposed"), role);
    json_t *list = json_object_get(envelope, "signatures");
    if (!json_is_array(list) || !json_is_string(sig))
        return tm_err_set(e, "signs '%.100s', which is not proposed, or not by a text", role);
    json_t *entry = json_pack("{s:s, s:s}", "keyid", keyid, "sig", json_string_value(sig));
    return json_array_append_new(list, entry) == 0 ? 0 : tm_err_set(e, "out of memory");
}

/* {"keyid", "signatures": {role: sig}, "statement"} */
static int add_signer(json_t *tree, json_t *signer, const char *keyid, struct tm_err *e)
{
    json_t *signatures = json_object_get(signer, "signatures");
    json_t *statement = json_object_get(signer, "statement");
    const char *named = tm_strictjson_str(signer, "keyid");
    const char *role;
    json_t *sig;
    if (named == NULL || strcmp(named, keyid) != 0)
        return tm_err_set(e, "it is not of the key that its name says");
    if (!json_is_object(signatures) || json_object_size(signer) != (statement != NULL ? 3U : 2U))
        return tm_err_set(e, "it holds keyid, signatures and statement, and nothing else");
    json_object_foreach(signatures, role, sig)
    {
        if (add_signature(tree, role, keyid, sig, e) != 0)
            return -1;
    }
    if (statement == NULL)
        return 0;
    return json_array_append(json_object_get(tree, "statements"), statement) == 0
               ? 0
               : tm_err_set(e, "'statements' is missing or no list");
}

/* False for what a killed run or git left: its name begins with a dot or is a temporary one. */
static bool is_wanted(const char *name)
{
    return name[0] != '.' && strstr(name, ".json.tmp-") == NULL;
}

int tuf_event_folder_add(json_t *tree, const char *name, const char *text, size_t len,
                         struct tm_err *e)
{
    char keyid[TUF_KEYID_SIZE] = "";
    if (strspn(name, "0123456789abcdef") != KEYID_LEN || strcmp(name + KEYID_LEN, ".json") != 0)
        return tm_err_set(e, "it is no signer's file: those are called KEYID.json");
    memcpy(keyid, name, KEYID_LEN);
    json_t *signer = tm_strictjson_parse(text, len, SIGNER_BYTES_MAX, e);
    int rc = signer != NULL ? add_signer(tree, signer, keyid, e) : -1;
    json_decref(signer);
    return rc;
}

static int read_signer(json_t *tree, const char *dir, const char *name, struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf text = {0};
    if (tm_file_join(dir, name, path, sizeof(path), e) != 0)
        return -1;
    int rc = read_plain(path, SIGNER_BYTES_MAX, &text, e);
    if (rc == 0 && tuf_event_folder_add(tree, name, (const char *)text.data, text.len, e) != 0)
        rc = tm_err_wrap(e, "'%s'", path);
    tm_buf_free(&text);
    return rc;
}

static int read_signers(json_t *tree, const char *folder, struct tm_err *e)
{
    char dir[PATH_MAX];
    struct dirent **names = NULL;
    if (signatures_folder(folder, dir, e) != 0)
        return -1;
    int count = scandir(dir, &names, NULL, alphasort);
    if (count < 0)
        return errno == ENOENT ? 0 : tm_err_errno(e, "read '%s'", dir);
    int rc = count <= TUF_SIGNATURES_MAX ? 0 : tm_err_set(e, "'%s' holds too many files", dir);
    for (int i = 0; i < count; i++) {
        if (rc == 0 && is_wanted(names[i]->d_name))
            rc = read_signer(tree, dir, names[i]->d_name, e);
        free(names[i]);
    }
    free(names);
    return rc;
}

static int read_proposal(const char *folder, struct tuf_event *out, struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf text = {0};
    *out = (struct tuf_event){0};
    if (tm_file_join(folder, PROPOSAL, path, sizeof(path), e) != 0)
        return -1;
    int rc = read_plain(path, EVENT_BYTES_MAX, &text, e);
    if (rc == 0 && tuf_event_parse_tree((const char *)text.data, text.len, out, e) != 0)
        rc = tm_err_wrap(e, "'%s'", path);
    tm_buf_free(&text);
    return rc;
}

int tuf_event_folder_read(const char *folder, struct tuf_event *out, struct tm_err *e)
{
    return read_proposal(folder, out, e) == 0 ? read_signers(out->tree, folder, e) : -1;
}

/* ---- writing ---- */

/* The signer's object, made when there is none. Borrowed. */
static json_t *signer_of(json_t *signers, const char *keyid)
{
    json_t *signer = json_object_get(signers, keyid);
    if (signer == NULL && keyid != NULL &&
        json_object_set_new(signers, keyid,
                            json_pack("{s:s, s:{}}", "keyid", keyid, "signatures")) == 0)
        signer = json_object_get(signers, keyid);
    return signer;
}

int tuf_event_folder_split(const json_t *tree, json_t **proposal, json_t **signers,
                           struct tm_err *e)
{
    json_t *proposed = json_object();
    const char *role;
    json_t *envelope;
    size_t i;
    json_t *entry;
    int bad = 0;
    *proposal = json_copy((json_t *)tree);
    *signers = json_object();
    json_object_foreach(json_object_get(tree, "proposed"), role, envelope)
    {
        json_t *bare = json_copy(envelope);
        bad |= json_object_set_new(bare, "signatures", json_array());
        bad |= json_object_set_new(proposed, role, bare);
        json_array_foreach(json_object_get(envelope, "signatures"), i, entry)
        {
            json_t *signer = signer_of(*signers, tm_strictjson_str(entry, "keyid"));
            bad |= json_object_set(json_object_get(signer, "signatures"), role,
                                   json_object_get(entry, "sig"));
        }
    }
    json_array_foreach(json_object_get(tree, "statements"), i, entry)
    {
        const char *keyid = tm_strictjson_str(json_object_get(entry, "signed"), "keyid");
        bad |= json_object_set(signer_of(*signers, keyid), "statement", entry);
    }
    bad |= json_object_set_new(*proposal, "proposed", proposed);
    bad |= json_object_set_new(*proposal, "statements", json_array());
    return bad == 0 ? 0 : tm_err_set(e, "out of memory");
}

/* A file that says so already is left alone, whatever its white space. */
static bool is_written(const char *folder, const struct tuf_event *ev, const json_t *proposal)
{
    struct tuf_event old;
    bool same = read_proposal(folder, &old, NULL) == 0 && json_equal(old.tree, proposal) == 1 &&
                tuf_event_load(&old, NULL) == 0 && old.count == ev->count;
    for (size_t i = 0; i < ev->count && same; i++) {
        const struct tuf_event_role *r = &ev->role[i];
        /* Equal trees have their roles in one order, or are looked through. */
        const struct tuf_event_role *o =
            strcmp(old.role[i].name, r->name) == 0 ? &old.role[i] : tuf_event_find(&old, r->name);
        same = o != NULL && tuf_metadata_equal(o->base, r->base) &&
               tuf_metadata_equal(o->proposed, r->proposed);
    }
    tuf_event_free(&old);
    return same;
}

static int write_proposal(const char *folder, const struct tuf_event *ev, const json_t *proposal,
                          struct tm_err *e)
{
    char path[PATH_MAX];
    if (is_written(folder, ev, proposal))
        return 0;
    return tm_file_join(folder, PROPOSAL, path, sizeof(path), e) == 0
               ? tuf_event_write_file(path, ev, proposal, true, e)
               : -1;
}

static int write_signer(const char *dir, const char *keyid, const json_t *signer, struct tm_err *e)
{
    char name[TUF_KEYID_SIZE + 8];
    char path[PATH_MAX];
    struct tm_buf text = {0};
    snprintf(name, sizeof(name), "%s.json", keyid);
    if (tm_file_join(dir, name, path, sizeof(path), e) != 0)
        return -1;
    json_t *old =
        read_plain(path, SIGNER_BYTES_MAX, &text, NULL) == 0
            ? tm_strictjson_parse((const char *)text.data, text.len, SIGNER_BYTES_MAX, NULL)
            : NULL;
    bool same = old != NULL && json_equal(old, signer) == 1;
    tm_buf_reset(&text);
    int rc = same ? 0 : tuf_envelope_dump(signer, true, &text, e);
    if (rc == 0 && !same)
        rc = tm_file_write_atomic(path, 0644, text.data, text.len, e);
    json_decref(old);
    tm_buf_free(&text);
    return rc;
}

int tuf_event_folder_write(const char *folder, const struct tuf_event *ev, struct tm_err *e)
{
    char dir[PATH_MAX];
    json_t *proposal = NULL;
    json_t *signers = NULL;
    const char *keyid;
    json_t *signer;
    int rc = tuf_event_folder_split(ev->tree, &proposal, &signers, e);
    if (rc == 0)
        rc = signatures_folder(folder, dir, e);
    if (rc == 0)
        rc = tm_file_mkdirs(dir, 0755, e);
    if (rc == 0)
        rc = write_proposal(folder, ev, proposal, e);
    json_object_foreach(signers, keyid, signer)
    {
        if (rc == 0 && !is_keyid(keyid)) /* it becomes a file's name */
            rc = tm_err_set(e, "keyid '%.80s' is no SHA-256 in hex", keyid);
        if (rc == 0)
            rc = write_signer(dir, keyid, signer, e);
    }
    json_decref(proposal);
    json_decref(signers);
    return rc;
}
