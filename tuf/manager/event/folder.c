/*
 * Where an event is: in a file, or in a folder, for git. There event.json is what is proposed and
 * never changes; each signer adds a file signatures/KEYID.json. Branches of two holders merge
 * without a conflict.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/evp.h>

#include "common/file.h"
#include "common/grow.h"
#include "common/json/jsonmap.h"
#include "common/json/strictjson.h"
#include "tuf/metadata/key.h"
#include "tuf/manager/event/internal.h"

#define PROPOSAL "event.json"
#define SIGNATURES "signatures"
#define SIGNER_BYTES_MAX ((size_t)32 << 20)
#define KEYID_LEN (TUF_KEYID_SIZE - 1)

static bool is_folder(const char *path)
{
    struct stat st;
    size_t len = strlen(path);
    return (len > 0 && path[len - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

bool tuf_event_is_there(const char *path)
{
    char proposal[PATH_MAX];
    struct stat st;
    if (is_folder(path))
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

/* ---- the form of a signer's file ---- */

struct signature {
    char *role, *sig;
};

struct signer {
    char *keyid;
    struct {
        struct signature *item;
        size_t count;
    } signatures;
    struct tuf_statement statement;
    bool states; /* it is there */
};

static const struct tm_jsonmap_member each_signature = {JSONMAP_AT(struct signature, sig),
                                                        .kind = JSONMAP_TEXT, .max = 65536};

static const struct tm_jsonmap_member signer_members[] = {
    JSONMAP_NEED(struct signer, "keyid", keyid, TEXT, .min = KEYID_LEN, .max = KEYID_LEN),
    JSONMAP_NEED(struct signer, "signatures", signatures, NAMED, .max = EVENT_ROLES_MAX,
                 .each = &each_signature, .size = sizeof(struct signature)),
    JSONMAP_ROW(struct signer, "statement", statement, OWN, .type = &tuf_statement_type,
                .flags = JSONMAP_NOTED, .has = offsetof(struct signer, states)),
    {0}};
static const struct tm_jsonmap signer_map = {
    .members = signer_members, .size = sizeof(struct signer), .unknown = JSONMAP_REFUSE};

/* ---- reading ---- */

static int add_signature(struct tuf_event *ev, const struct signature *s, const char *keyid,
                         struct tm_err *e)
{
    const struct tuf_event_role *r = tuf_event_find(ev, s->role);
    if (r == NULL || r->proposed == NULL)
        return tm_err_set(e, "signs '%.100s', which is not proposed", s->role);
    if (tuf_signatures_find(tuf_metadata_signature_list(r->proposed), keyid) != NULL)
        return tm_err_set(e, "%.100s: two signatures with keyid '%s'", s->role, keyid);
    return tuf_metadata_put_signature(r->proposed, keyid, s->sig, e);
}

static int add_signer(struct tuf_event *ev, struct signer *s, const char *keyid, struct tm_err *e)
{
    if (strcmp(s->keyid, keyid) != 0 || (s->states && strcmp(s->statement.keyid, keyid) != 0))
        return tm_err_set(e, "it is not of the key that its name says");
    for (size_t i = 0; i < s->signatures.count; i++) {
        if (add_signature(ev, &s->signatures.item[i], keyid, e) != 0)
            return -1;
    }
    for (size_t i = 0; i < ev->statements.count && s->states; i++) {
        if (strcmp(ev->statements.item[i].keyid, keyid) == 0)
            return tm_err_set(e, "two statements by key %.16s...", keyid);
    }
    if (!s->states)
        return 0;
    struct tuf_statement one = s->statement;
    s->statement = (struct tuf_statement){0};
    return tuf_event_put_statement(ev, &one, e);
}

/* False for what a killed run or git left: its name begins with a dot or is a temporary one. */
static bool is_wanted(const char *name)
{
    return name[0] != '.' && strstr(name, ".json.tmp-") == NULL;
}

int tuf_event_folder_add(struct tuf_event *ev, const char *name, const char *text, size_t len,
                         struct tm_err *e)
{
    char keyid[TUF_KEYID_SIZE] = "";
    struct signer s = {0};
    if (strspn(name, "0123456789abcdef") != KEYID_LEN || strcmp(name + KEYID_LEN, ".json") != 0)
        return tm_err_set(e, "it is no signer's file: those are called KEYID.json");
    memcpy(keyid, name, KEYID_LEN);
    int rc = tm_jsonmap_parse(text, len, SIGNER_BYTES_MAX, &signer_map, NULL, &s, e);
    if (rc == 0)
        rc = add_signer(ev, &s, keyid, e);
    tm_jsonmap_free(&signer_map, &s);
    return rc;
}

static int read_signer(struct tuf_event *ev, const char *dir, const char *name, struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf text = {0};
    if (tm_file_join(dir, name, path, sizeof(path), e) != 0)
        return -1;
    int rc = read_plain(path, SIGNER_BYTES_MAX, &text, e);
    if (rc == 0 && tuf_event_folder_add(ev, name, (const char *)text.data, text.len, e) != 0)
        rc = tm_err_wrap(e, "'%s'", path);
    tm_buf_free(&text);
    return rc;
}

static int read_signers(struct tuf_event *ev, const char *folder, struct tm_err *e)
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
            rc = read_signer(ev, dir, names[i]->d_name, e);
        free(names[i]);
    }
    free(names);
    return rc;
}

static int read_proposal(const char *folder, const struct tuf_progress *progress,
                         struct tuf_event *out, struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf text = {0};
    *out = (struct tuf_event){0};
    if (tm_file_join(folder, PROPOSAL, path, sizeof(path), e) != 0)
        return -1;
    int rc = read_plain(path, EVENT_BYTES_MAX, &text, e);
    if (rc == 0 && tuf_event_parse((const char *)text.data, text.len, &text, progress, out, e) != 0)
        rc = tm_err_wrap(e, "'%s'", path);
    tm_buf_free(&text);
    return rc;
}

static int read_folder(const char *folder, const struct tuf_progress *progress,
                       struct tuf_event *out, struct tm_err *e)
{
    return read_proposal(folder, progress, out, e) == 0 ? read_signers(out, folder, e) : -1;
}

int tuf_event_read(const char *path, const struct tuf_progress *progress, struct tuf_event *out,
                   struct tm_err *e)
{
    int rc = is_folder(path) ? read_folder(path, progress, out, e)
                             : tuf_event_read_file(path, progress, out, e);
    if (rc == 0)
        return 0;
    tuf_event_free(out);
    return tm_err_wrap(e, "event '%s'", path);
}

/* ---- writing: the proposal ---- */

static int hash_part(void *ctx, const void *data, size_t len, struct tm_err *e)
{
    return EVP_DigestUpdate(ctx, data, len) == 1 ? 0 : tm_err_openssl(e, "SHA-256");
}

static bool hash_event(const struct tuf_event *ev, bool bare, unsigned char digest[32])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
                tuf_event_dump(ev, bare, hash_part, ctx, NULL) == 0 &&
                EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

/* A file that says so already is left alone, whatever its white space. */
static bool is_written(const char *folder, const struct tuf_event *ev)
{
    struct tuf_event old;
    unsigned char was[32];
    unsigned char is[32];
    bool same = read_proposal(folder, NULL, &old, NULL) == 0 && hash_event(&old, false, was) &&
                hash_event(ev, true, is) && memcmp(was, is, sizeof(was)) == 0;
    tuf_event_free(&old);
    return same;
}

static int write_proposal(const char *folder, const struct tuf_event *ev, struct tm_err *e)
{
    char path[PATH_MAX];
    if (is_written(folder, ev))
        return 0;
    return tm_file_join(folder, PROPOSAL, path, sizeof(path), e) == 0
               ? tuf_event_write_file(path, ev, true, e)
               : -1;
}

/* ---- writing: signers, who borrow all from the event ---- */

struct signers {
    struct signer *item;
    size_t count;
};

static struct signer *signer_of(struct signers *all, const char *keyid, struct tm_err *e)
{
    for (size_t i = 0; i < all->count; i++) {
        if (strcmp(all->item[i].keyid, keyid) == 0)
            return &all->item[i];
    }
    if (!is_keyid(keyid)) /* it becomes a file's name */
        return tm_err_null(e, "keyid '%.80s' is no SHA-256 in hex", keyid);
    if (all->count == TUF_SIGNATURES_MAX)
        return tm_err_null(e, "more than %d signers", TUF_SIGNATURES_MAX);
    struct signer *s = tm_grow(&all->item, &all->count, sizeof(*s), e);
    if (s != NULL)
        s->keyid = (char *)keyid;
    return s;
}

static int collect_role(struct signers *all, const struct tuf_event_role *r, struct tm_err *e)
{
    const struct tuf_signatures *list = tuf_metadata_signature_list(r->proposed);
    for (size_t i = 0; i < list->count; i++) {
        struct signer *s = signer_of(all, list->item[i].keyid, e);
        struct signature *place =
            s != NULL ? tm_grow(&s->signatures.item, &s->signatures.count, sizeof(*place), e)
                      : NULL;
        if (place == NULL)
            return -1;
        *place = (struct signature){r->name, list->item[i].sig};
    }
    return 0;
}

static int collect(const struct tuf_event *ev, struct signers *all, struct tm_err *e)
{
    for (size_t i = 0; i < ev->count; i++) {
        if (ev->role[i].proposed != NULL && collect_role(all, &ev->role[i], e) != 0)
            return -1;
    }
    for (size_t i = 0; i < ev->statements.count; i++) {
        struct signer *s = signer_of(all, ev->statements.item[i].keyid, e);
        if (s == NULL)
            return -1;
        s->statement = ev->statements.item[i];
        s->states = true;
    }
    return 0;
}

static int dump(const json_t *v, struct tm_buf *out, struct tm_err *e)
{
    const struct tm_jsondump_to to = {.indented = true, .write = tm_jsondump_to_buf, .arg = out};
    return tm_jsondump(v, &to, e) == 0 ? tm_jsondump_to_buf(out, "\n", 1, e) : -1;
}

static int write_signer(const struct signer *s, tuf_signer_fn each, void *arg, struct tm_err *e)
{
    char name[TUF_KEYID_SIZE + 8];
    struct tm_buf text = {0};
    json_t *v = tm_jsonmap_write(&signer_map, s, e);
    int rc = v != NULL ? dump(v, &text, e) : -1;
    snprintf(name, sizeof(name), "%s.json", s->keyid);
    if (rc == 0)
        rc = each(arg, name, &text, e);
    json_decref(v);
    tm_buf_free(&text);
    return rc;
}

int tuf_event_folder_signers(const struct tuf_event *ev, tuf_signer_fn each, void *arg,
                             struct tm_err *e)
{
    struct signers all = {0};
    int rc = collect(ev, &all, e);
    for (size_t i = 0; i < all.count && rc == 0; i++)
        rc = write_signer(&all.item[i], each, arg, e);
    for (size_t i = 0; i < all.count; i++)
        free(all.item[i].signatures.item);
    free(all.item);
    return rc;
}

/* A file that holds the same is left alone, whatever its white space. */
static int put_signer(void *dir, const char *name, const struct tm_buf *text, struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf was = {0};
    if (tm_file_join(dir, name, path, sizeof(path), e) != 0)
        return -1;
    json_t *old = read_plain(path, SIGNER_BYTES_MAX, &was, NULL) == 0
                      ? tm_strictjson_parse((const char *)was.data, was.len, SIGNER_BYTES_MAX, NULL)
                      : NULL;
    tm_buf_reset(&was);
    bool same = old != NULL && dump(old, &was, NULL) == 0 && was.len == text->len &&
                memcmp(was.data, text->data, was.len) == 0;
    json_decref(old);
    tm_buf_free(&was);
    return same ? 0 : tm_file_write_atomic(path, 0644, text->data, text->len, e);
}

static int write_folder(const char *folder, const struct tuf_event *ev, struct tm_err *e)
{
    char dir[PATH_MAX];
    if (signatures_folder(folder, dir, e) != 0 || tm_file_mkdirs(dir, 0755, e) != 0 ||
        write_proposal(folder, ev, e) != 0)
        return -1;
    return tuf_event_folder_signers(ev, put_signer, dir, e);
}

int tuf_event_write(const char *path, const struct tuf_event *ev, struct tm_err *e)
{
    return is_folder(path) ? write_folder(path, ev, e) : tuf_event_write_file(path, ev, false, e);
}
