#include "tools/tenmint-tuf/holder.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/file.h"
#include "tuf/manager/policy/keyring.h"
#include "tuf/manager/event/record.h"
#include "tuf/metadata/key.h"

static int state_folder(const struct holder *h, char *out, size_t size, struct tm_err *e)
{
    const char *xdg = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int n = -1;
    if (h->state != NULL)
        n = snprintf(out, size, "%s", h->state);
    else if (xdg != NULL && xdg[0] == '/')
        n = snprintf(out, size, "%s/tenmint-tuf", xdg);
    else if (home != NULL && home[0] == '/')
        n = snprintf(out, size, "%s/.local/state/tenmint-tuf", home);
    if (n < 0 || (size_t)n >= size)
        return tm_err_set(e, "no folder to remember what was seen and signed: give --state DIR");
    return tm_file_mkdirs(out, 0700, e);
}

static int state_path(const struct holder *h, const char *name, char *out, size_t size,
                      struct tm_err *e)
{
    char dir[PATH_MAX];
    return state_folder(h, dir, sizeof(dir), e) == 0 ? tm_file_join(dir, name, out, size, e) : -1;
}

/* A key in a file has its record beside it, so that it travels with it. */
static int record_path(const struct holder *h, const struct tm_key_source *source, EVP_PKEY *pkey,
                       char *out, size_t size, struct tm_err *e)
{
    char hex[65];
    char name[80];
    if (h->state == NULL && source->file != NULL)
        return (size_t)snprintf(out, size, "%s.signed.json", source->file) < size
                   ? 0
                   : tm_err_set(e, "the path is too long");
    struct tuf_public_key key = {0};
    int rc = tuf_key_of(pkey, &key, e) == 0 ? tuf_key_fingerprint(&key, hex, e) : -1;
    tuf_free_key(&key);
    snprintf(name, sizeof(name), "%s.signed.json", rc == 0 ? hex : "");
    return rc == 0 ? state_path(h, name, out, size, e) : -1;
}

int holder_fresh(const struct holder *h, const struct tuf_event *ev, struct tm_err *e)
{
    char path[PATH_MAX];
    struct tuf_record r;
    if (state_path(h, "seen.json", path, sizeof(path), NULL) != 0)
        return 0;
    if (tuf_record_read(path, &r, e) != 0)
        return -1;
    int rc = tuf_record_fresh(&r, ev, e);
    tuf_record_free(&r);
    return rc;
}

void holder_see(const struct holder *h, const struct tuf_event *ev)
{
    char path[PATH_MAX];
    struct tuf_record r;
    if (state_path(h, "seen.json", path, sizeof(path), NULL) != 0 ||
        tuf_record_read(path, &r, NULL) != 0)
        return;
    if (tuf_record_see(&r, ev, NULL) == 1)
        (void)tuf_record_write(path, &r, NULL);
    tuf_record_free(&r);
}

int holder_commit(const struct holder *h, const struct tm_key_source *source, EVP_PKEY *pkey,
                  const struct tuf_event *ev, bool compared, struct tm_err *e)
{
    char path[PATH_MAX];
    struct tuf_record r;
    if (record_path(h, source, pkey, path, sizeof(path), e) != 0 ||
        tuf_record_read(path, &r, e) != 0)
        return -1;
    int rc = tuf_record_fresh(&r, ev, e);
    if (rc == 0 && !compared && tuf_record_late(&r, ev))
        rc = tm_err_set(e,
                        "the chain of the event begins at root %lld, which this key's record does "
                        "not know: give --trusted FILE, a root that you kept",
                        (long long)tuf_metadata_version(ev->roots[0]));
    if (rc == 0)
        rc = tuf_record_check(&r, ev, pkey, h->again.item, h->again.count, e);
    if (rc == 0 && tuf_record_rival(&r, ev))
        fprintf(stderr, "note: this key has signed another first root: is this one of another "
                        "repository? Of the same it would be a second truth for new clients\n");
    if (rc == 0 && (tuf_record_see(&r, ev, e) < 0 || tuf_record_sign(&r, ev, pkey, e) != 0))
        rc = -1;
    if (rc == 0 && tuf_record_write(path, &r, e) != 0)
        rc = tm_err_wrap(e, "what is signed must be written down (--state DIR says where else)");
    tuf_record_free(&r);
    return rc;
}
