/* A version of targets is in memory once: an event carries the published one beside the proposed,
 * and nobody asks for either once the new tree is staged. Of a million targets each takes 150 MB.
 */
#include <string.h>

#include "tuf/metadata/build.h"
#include "tuf/manager/publish/internal.h"

static const struct tuf_event_role *targets_of(const struct tuf_publication *p)
{
    return p->o->event != NULL ? tuf_event_find(p->o->event, tuf_role_name(TUF_TARGETS)) : NULL;
}

int tuf_publication_lend_base(struct tuf_publication *p, struct tm_err *e)
{
    const struct tuf_event_role *r = targets_of(p);
    if (r == NULL || r->base == NULL || r->proposed == NULL)
        return 0;
    if (tuf_metadata_sha256(r->base, p->base_sha256, e) != 0)
        return -1;
    p->base_version = tuf_metadata_version(r->base);
    tuf_event_let_go(p->o->event, r->name, false);
    return 0;
}

/* The live one, or, of an event that was published already, the one before. */
int tuf_publication_take_base(struct tuf_publication *p, struct tm_err *e)
{
    const struct tuf_metadata *live = p->live.targets;
    const char *name = tuf_role_name(TUF_TARGETS);
    struct tuf_metadata *before = NULL;
    char hex[65] = "";
    int rc = 0;
    if (p->base_version == 0)
        return 0;
    if (live != NULL && tuf_metadata_version(live) != p->base_version)
        live = before = tuf_published_version(&p->live, name, p->base_version, NULL);
    if (live != NULL)
        rc = tuf_metadata_sha256(live, hex, e);
    if (rc == 0 && strcmp(hex, p->base_sha256) != 0)
        rc = tm_err_set(e,
                        "refused: stale event: targets: what it says was published as version %lld "
                        "is not what is here: propose again",
                        (long long)p->base_version);
    if (rc == 0)
        rc = tuf_event_add_reference(p->o->event, name, live, e);
    tuf_metadata_free(before);
    return rc;
}

void tuf_publication_let_go(struct tuf_publication *p)
{
    const char *name = tuf_role_name(TUF_TARGETS);
    if (targets_of(p) != NULL) {
        tuf_event_let_go(p->o->event, name, false);
        tuf_event_let_go(p->o->event, name, true);
    }
    tuf_metadata_free(p->live.targets);
    p->live.targets = NULL;
    p->targets = NULL;
}
