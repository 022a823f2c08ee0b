/* How long versions last, where others' metadata say it, and where they do not. */
#include <inttypes.h>

#include "common/clock.h"
#include "tuf/manager/takeover/internal.h"

#define DAY INT64_C(86400)
#define MINUTE INT64_C(60)
#define EXPIRY_MAX (3650 * DAY) /* of a policy */

struct guess {
    int64_t expiry, signing; /* days */
};

/* What `init` proposes for a repository of one's own. */
static const struct guess guesses[TUF_ROLE_COUNT] = {
    [TUF_ROOT] = {365, 60},
    [TUF_TARGETS] = {365, 60},
    [TUF_SNAPSHOT] = {21, 7},
    [TUF_TIMESTAMP] = {7, 4},
};

/* Where tuf-on-ci writes them: of the online roles into root's role. */
static const struct tuf_periods *said(const struct tuf_taken_role *r, enum tuf_role role)
{
    if (role == TUF_TIMESTAMP || role == TUF_SNAPSHOT)
        return &r->keys->periods;
    return r->m != NULL ? &tuf_metadata_signed(r->m)->periods : NULL;
}

/* A longer life than ours is as long as the one that is left; a role near its end gets a signing
 * period that does not call for the next version at once. */
static void guess(struct tuf_plan *p, struct tuf_taken_role *r, enum tuf_role role)
{
    int64_t left = r->m != NULL ? tuf_metadata_expires(r->m) - p->now : 0;
    r->expiry = guesses[role].expiry * DAY;
    r->signing = guesses[role].signing * DAY;
    if (left > r->expiry)
        r->expiry = (left + DAY - 1) / DAY * DAY;
    if (left > 2 * MINUTE && left <= r->signing)
        r->signing = left / 2 >= DAY ? left / 2 / DAY * DAY : left / 2 / MINUTE * MINUTE;
    if (r->signing < MINUTE)
        r->signing = MINUTE;
    tuf_plan_note(p,
                  "role '%s' does not say how long its versions last: %" PRId64
                  " days, and the next is signed %" PRId64 " hours before; see the policy",
                  r->name, r->expiry / DAY, r->signing / 3600);
}

void tuf_plan_periods(struct tuf_plan *p, struct tuf_taken_role *r)
{
    enum tuf_role role = TUF_TARGETS;
    tuf_role_from_name(r->by == NULL ? r->name : "targets", &role);
    const struct tuf_periods *s = said(r, role);
    r->expiry = s != NULL ? tuf_period_expiry(s) : 0;
    r->signing = s != NULL ? tuf_period_signing(s) : 0;
    if (r->expiry > 0 && r->signing == 0)
        r->signing = r->expiry / 2; /* as tuf-on-ci reads it */
    if (r->expiry <= 0 || r->signing <= 0 || r->signing >= r->expiry)
        guess(p, r, role);
    if (r->expiry > EXPIRY_MAX) {
        tuf_plan_note(p, "role '%s': versions last %" PRId64 " days, and 3650 from now on", r->name,
                      r->expiry / DAY);
        r->expiry = EXPIRY_MAX;
        if (r->signing >= r->expiry)
            r->signing = r->expiry / 2;
    }
    if (r->m != NULL && tuf_metadata_expired(r->m, p->now)) {
        char date[21];
        tm_clock_format(tuf_metadata_expires(r->m), date);
        tuf_plan_note(p, "role '%s' expired %s: its next version waits", r->name, date);
    }
}
