#include "tuf/manager/evidence/ceremonies.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/grow.h"

/* Statements of an event that is not published yet. */
struct reading {
    struct tuf_ceremonies *out;
    struct tuf_ceremony *open; /* by event digest; what is never published goes at the end */
    size_t open_count;
};

static void ceremony_free(struct tuf_ceremony *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free(c->signer[i].holder);
        free(c->signer[i].fingerprint);
    }
    free(c->signer);
    free(c->event);
    free(c->reason);
    free(c->digest);
    *c = (struct tuf_ceremony){0};
}

/* The place among the open ones, or their number. */
static size_t find_open(const struct reading *r, const char *digest)
{
    size_t i = 0;
    while (i < r->open_count && strcmp(r->open[i].digest, digest) != 0)
        i++;
    return i;
}

static int add_signer(struct reading *r, const struct tuf_line *line, struct tm_err *e)
{
    size_t i = find_open(r, line->digest);
    struct tuf_ceremony *c =
        i < r->open_count ? &r->open[i]
                          : tm_grow(&r->open, &r->open_count, sizeof(struct tuf_ceremony), e);
    if (c == NULL || (c->digest == NULL && tuf_line_set(&c->digest, line->digest, e) != 0))
        return -1;
    struct tuf_ceremony_signer *s = tm_grow(&c->signer, &c->count, sizeof(*s), e);
    if (s == NULL)
        return -1;
    s->time = line->states ? line->statement.time : 0;
    return tuf_line_set(&s->holder, line->holder != NULL ? line->holder : "", e) == 0 &&
                   tuf_line_set(&s->fingerprint, line->fingerprint != NULL ? line->fingerprint : "",
                                e) == 0
               ? 0
               : -1;
}

static int add_published(struct reading *r, const struct tuf_line *line, struct tm_err *e)
{
    size_t i = find_open(r, line->digest);
    struct tuf_ceremony *c = tm_grow(&r->out->item, &r->out->count, sizeof(struct tuf_ceremony), e);
    if (c == NULL)
        return -1;
    if (i < r->open_count) { /* its statements come along */
        *c = r->open[i];
        r->open[i] = r->open[--r->open_count];
    }
    memcpy(c->version, line->version, sizeof(c->version));
    if (line->time != NULL && tm_clock_parse(line->time, &c->published) != 0)
        c->published = 0;
    if (c->digest == NULL && tuf_line_set(&c->digest, line->digest, e) != 0)
        return -1;
    return tuf_line_set(&c->event, line->event != NULL ? line->event : "", e) == 0 &&
                   tuf_line_set(&c->reason, line->reason != NULL ? line->reason : "", e) == 0
               ? 0
               : -1;
}

static int read_line(void *arg, const struct tuf_line *line, struct tm_err *e)
{
    struct reading *r = arg;
    if (line->digest == NULL)
        return 0;
    if (tuf_line_is(line, "signed"))
        return add_signer(r, line, e);
    return tuf_line_is(line, "published") ? add_published(r, line, e) : 0;
}

int tuf_ceremonies_read(const char *path, const struct tuf_published *p, struct tuf_ceremonies *out,
                        struct tuf_evidence *found, struct tm_err *e)
{
    struct reading r = {.out = out};
    *out = (struct tuf_ceremonies){0};
    int rc = tuf_evidence_check(path, p, read_line, &r, found, e);
    for (size_t i = 0; i < r.open_count; i++)
        ceremony_free(&r.open[i]);
    free(r.open);
    return rc;
}

void tuf_ceremonies_free(struct tuf_ceremonies *c)
{
    for (size_t i = 0; i < c->count; i++)
        ceremony_free(&c->item[i]);
    free(c->item);
    *c = (struct tuf_ceremonies){0};
}

const struct tuf_ceremony *tuf_ceremonies_of(const struct tuf_ceremonies *c, enum tuf_role role,
                                             int64_t version)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->item[i].version[role] >= version)
            return c->item[i].version[role] == version ? &c->item[i] : NULL;
    }
    return NULL;
}
