#include "ca/api/once.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ca/api/ledger.h"

_Static_assert(OIDC_TOKEN_USE_ID == LEDGER_KEY, "a token's id is a key");

struct image { /* what one process after the other may have */
    bool begun;
    int64_t begin_s;
    max_align_t row[];
};

struct memory {
    struct image *image;
    size_t size;
    struct ca_ledger *ledger;
};

static enum ca_once_status claim(void *memory, struct ca_once_claim *claim, int64_t now_s,
                                 const struct oidc_waiter *waiter, void **ticket, struct tm_err *e)
{
    (void)waiter;
    (void)ticket;
    const struct memory *m = memory;
    const struct oidc_token_use *use = claim->use;
    int64_t *until = ca_ledger_open(m->ledger, use->id, now_s, false);
    if (until == NULL) {
        tm_err_set(e, "too many tokens in use: there is no room to remember another");
        return ONCE_UNKNOWN;
    }
    claim->held = *until <= now_s;
    if (claim->held)
        *until = use->until_s;
    ca_ledger_close(m->ledger, use->id);
    if (!claim->held)
        return ONCE_USED;
    if (use->from_s > m->image->begin_s)
        return ONCE_FIRST;
    tm_err_set(e, "the token may have been used before this server began to remember");
    return ONCE_YOUNG;
}

bool ca_once_memory_knows(const struct ca_once *o, const struct oidc_token_use *use, int64_t now_s)
{
    const struct memory *m = o->ctx;
    const int64_t *until = ca_ledger_open(m->ledger, use->id, now_s, false);
    bool known = until != NULL && *until > now_s;
    if (until != NULL)
        ca_ledger_close(m->ledger, use->id);
    return known;
}

static void release(void *memory, const struct ca_once_claim *claim, int64_t now_s)
{
    const struct memory *m = memory;
    const struct oidc_token_use *use = claim->use;
    int64_t *until = claim->held ? ca_ledger_open(m->ledger, use->id, now_s, false) : NULL;
    if (until == NULL)
        return;
    *until = 0;
    ca_ledger_close(m->ledger, use->id);
}

static size_t image_size(size_t sets)
{
    return sizeof(struct image) + LEDGER_BYTES(sets);
}

/* Of a size that nobody who has it can change: what is mapped cannot be taken away. */
int ca_once_memory_open(struct tm_err *e)
{
    int fd = memfd_create("used-tokens", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && ftruncate(fd, (off_t)image_size(ONCE_SETS)) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        return fd;
    (void)tm_err_errno(e, "memory for used tokens");
    if (fd >= 0)
        close(fd);
    return -1;
}

struct ca_once *ca_once_memory_new(int fd, size_t sets, int64_t begin_s, struct tm_err *e)
{
    size_t size = image_size(sets);
    int flags = fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (fd >= 0)
        close(fd);
    struct ca_once *o = calloc(1, sizeof(*o));
    struct memory *m = calloc(1, sizeof(*m));
    if (at == MAP_FAILED || o == NULL || m == NULL) {
        if (at != MAP_FAILED)
            (void)munmap(at, size);
        free(m);
        free(o);
        return tm_err_null(e, "used tokens: out of memory");
    }
    *m = (struct memory){.image = at, .size = size};
    *o = (struct ca_once){.ctx = m, .claim = claim, .release = release};
    m->ledger = ca_ledger_new(sets, m->image->row, e);
    if (m->ledger == NULL) {
        ca_once_memory_free(o);
        return NULL;
    }
    if (!m->image->begun)
        m->image->begin_s = begin_s;
    m->image->begun = true;
    return o;
}

void ca_once_memory_free(struct ca_once *o)
{
    if (o == NULL)
        return;
    struct memory *m = o->ctx;
    ca_ledger_free(m->ledger);
    (void)munmap(m->image, m->size);
    free(m);
    free(o);
}
