#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/utf8.h"
#include "tuf/verify/trust/internal.h"
#include "tuf/verify/trust/key_details.h"

__attribute__((format(printf, 3, 4))) static void say(trusted_root_tell tell, void *arg,
                                                      const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    tm_utf8_clean(text); /* the addresses are others', and go to terminals */
    tell(arg, text);
}

/* A time at which no entry of the list is valid, between the first start and the last end. */
static void lint_gaps(const struct tuf_trusted_root *r, enum tuf_trust_list list,
                      trusted_root_tell tell, void *arg)
{
    int64_t covered = 0; /* up to here some entry is valid */
    char when[VALIDITY_TEXT_MAX];
    for (size_t i = 0; i < r->count[list]; i++) {
        const struct tuf_validity *v = &r->entry[list][i]->valid;
        if (i > 0 && v->has_start && v->start_ms > covered + 1000) {
            const struct tuf_validity gap = {true, true, covered, v->start_ms};
            say(tell, arg, "no %s is valid %s", tuf_trust_lists[list].name,
                tuf_validity_text(&gap, when));
        }
        if (!v->has_end)
            return;
        covered = i == 0 || v->end_ms > covered ? v->end_ms : covered;
    }
}

static void lint_now(const struct tuf_trusted_root *r, enum tuf_trust_list list, int64_t now_ms,
                     trusted_root_tell tell, void *arg)
{
    for (size_t i = 0; i < r->count[list]; i++) {
        if (tuf_validity_at(&r->entry[list][i]->valid, now_ms) == VALIDITY_INSIDE)
            return;
    }
    say(tell, arg, "no %s is valid now: new signatures will not verify",
        tuf_trust_lists[list].name);
}

static void lint_chains(const struct tuf_trusted_root *r, enum tuf_trust_list list,
                        trusted_root_tell tell, void *arg)
{
    char id[TRUST_FINGERPRINT_MAX];
    for (size_t i = 0; i < r->count[list]; i++) {
        const struct tuf_trust_entry *t = r->entry[list][i];
        struct tuf_validity inside;
        struct tm_err e = {0};
        X509 *anchor = sk_X509_value(t->chain, sk_X509_num(t->chain) - 1);
        if (X509_self_signed(anchor, 0) != 1)
            say(tell, arg,
                "%s %.16s (%.100s): its chain ends below the root, which some verifiers refuse: "
                "add the root, last",
                tuf_trust_lists[list].name, tuf_trust_entry_fingerprint(list, t, id), t->uri);
        if (tuf_authority_check_chain(list, t->chain, &inside, &e) != 0)
            say(tell, arg, "%s %.16s (%.100s): %s", tuf_trust_lists[list].name,
                tuf_trust_entry_fingerprint(list, t, id), t->uri, e.text);
    }
}

static void lint_log_keys(const struct tuf_trusted_root *r, trusted_root_tell tell, void *arg)
{
    char id[TRUST_FINGERPRINT_MAX];
    for (size_t i = 0; i < r->count[TRUST_TLOG]; i++) {
        const struct tuf_trust_entry *t = r->entry[TRUST_TLOG][i];
        const char *refused = tuf_log_key_refused(t->key);
        if (refused != NULL)
            say(tell, arg, "%s %.16s (%.100s) %s", tuf_trust_lists[TRUST_TLOG].name,
                tuf_trust_entry_fingerprint(TRUST_TLOG, t, id), t->uri, refused);
    }
}

void tuf_trusted_root_lint(const struct tuf_trusted_root *r, int64_t now_ms, trusted_root_tell tell,
                           void *arg)
{
    if (r->count[TRUST_TLOG] == 0)
        say(tell, arg,
            "there is no log of signatures (Rekor): sigstore-python refuses such a trusted root");
    if (r->count[TRUST_CTLOG] == 0)
        say(tell, arg,
            "there is no CT log: sigstore-python refuses such a trusted root, and other "
            "verifiers unless told to ask for no SCT");
    lint_now(r, TRUST_CA, now_ms, tell, arg);
    if (r->count[TRUST_CTLOG] > 0)
        lint_now(r, TRUST_CTLOG, now_ms, tell, arg);
    for (size_t l = 0; l < TRUST_LIST_COUNT; l++)
        lint_gaps(r, (enum tuf_trust_list)l, tell, arg);
    lint_log_keys(r, tell, arg);
    lint_chains(r, TRUST_CA, tell, arg);
    lint_chains(r, TRUST_TSA, tell, arg);
}

/* --- diff --- */

struct diff {
    enum tuf_trust_list list;
    int64_t at_ms;
    trusted_root_change change;
    void *arg;
};

static void tell_change(const struct diff *d, const struct tuf_trust_entry *t, bool danger,
                        const char *what)
{
    char id[TRUST_FINGERPRINT_MAX];
    char text[512];
    snprintf(text, sizeof(text), "%s %.16s (%.150s) %s", tuf_trust_lists[d->list].name,
             tuf_trust_entry_fingerprint(d->list, t, id), t->uri, what);
    tm_utf8_clean(text);
    d->change(d->arg, text, danger);
}

static const struct tuf_trust_entry *twin(const struct tuf_trusted_root *r,
                                          enum tuf_trust_list list, const struct tuf_trust_entry *t)
{
    for (size_t i = 0; i < r->count[list]; i++) {
        if (tuf_trust_entry_same(list, r->entry[list][i], t))
            return r->entry[list][i];
    }
    return NULL;
}

static bool same_window(const struct tuf_validity *a, const struct tuf_validity *b)
{
    return a->has_start == b->has_start && a->has_end == b->has_end &&
           (!a->has_start || a->start_ms == b->start_ms) && (!a->has_end || a->end_ms == b->end_ms);
}

/* Signatures may stop verifying, or the past be reopened. */
static bool dangerous(const struct tuf_validity *was, const struct tuf_validity *is, int64_t at_ms)
{
    bool start_moved =
        was->has_start != is->has_start || (was->has_start && was->start_ms != is->start_ms);
    bool end_earlier =
        is->has_end && (was->has_end ? is->end_ms < was->end_ms : is->end_ms <= at_ms);
    return start_moved || end_earlier;
}

static void diff_entry(const struct diff *d, const struct tuf_trust_entry *was,
                       const struct tuf_trust_entry *is)
{
    char before[VALIDITY_TEXT_MAX];
    char after[VALIDITY_TEXT_MAX];
    char what[256];
    if (!same_window(&was->valid, &is->valid)) {
        bool danger = dangerous(&was->valid, &is->valid, d->at_ms);
        snprintf(what, sizeof(what), "is valid %s, was valid %s%s",
                 tuf_validity_text(&is->valid, after), tuf_validity_text(&was->valid, before),
                 danger ? ": signatures that verify now may stop to, or others begin to" : "");
        tell_change(d, is, danger, what);
    }
    if (strcmp(was->uri, is->uri) != 0) {
        snprintf(what, sizeof(what), "had the address %.150s", was->uri);
        tell_change(d, is, false, what);
    }
    if (was->log_id.len != is->log_id.len ||
        (is->log_id.len > 0 && memcmp(was->log_id.data, is->log_id.data, is->log_id.len) != 0))
        tell_change(d, is, true, "has another log id than before");
}

/* Who compares the first certificate alone would not see that it now hangs from another root. */
static void diff_new(const struct diff *d, const struct tuf_trusted_root *old,
                     const struct tuf_trust_entry *is)
{
    char under[TRUST_UNDER_MAX];
    char when[VALIDITY_TEXT_MAX];
    char what[192];
    bool known = false;
    bool past = !is->valid.has_start || is->valid.start_ms < d->at_ms - TRUST_PAST_MS;
    for (size_t i = 0; i < old->count[d->list]; i++)
        known |= tuf_trust_entry_same_first(d->list, old->entry[d->list][i], is);
    snprintf(what, sizeof(what), "is new%s, valid %s%s%s",
             tuf_trust_entry_under(d->list, is, under), tuf_validity_text(&is->valid, when),
             past ? ": it reaches into the past" : "",
             known ? ": its first certificate was trusted by another chain" : "");
    tell_change(d, is, past || known, what);
}

void tuf_trusted_root_diff(const struct tuf_trusted_root *old, const struct tuf_trusted_root *now,
                           int64_t at_ms, trusted_root_change change, void *arg)
{
    for (size_t l = 0; l < TRUST_LIST_COUNT; l++) {
        const struct diff d = {(enum tuf_trust_list)l, at_ms, change, arg};
        const struct tuf_trust_entry *is;
        const struct tuf_trust_entry *was;
        for (size_t i = 0; (is = tuf_trusted_root_entry(now, d.list, i)) != NULL; i++) {
            was = twin(old, d.list, is);
            if (was != NULL)
                diff_entry(&d, was, is);
            else
                diff_new(&d, old, is);
        }
        for (size_t i = 0; (was = tuf_trusted_root_entry(old, d.list, i)) != NULL; i++) {
            if (twin(now, d.list, was) == NULL)
                tell_change(&d, was, true,
                            "is removed: everything that depends on it stops verifying");
        }
    }
}
