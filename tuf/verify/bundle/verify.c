#include "tuf/verify/bundle/verify.h"

#include <string.h>

#include "common/clock.h"
#include "tuf/verify/bundle/dsse.h"
#include "tuf/verify/bundle/path.h"
#include "tuf/verify/bundle/scts.h"
#include "tuf/verify/bundle/artifact_signature.h"
#include "tuf/verify/bundle/timestamp.h"
#include "tuf/verify/bundle/tlog.h"

#define TIMES_MAX (BUNDLE_ENTRIES_MAX + BUNDLE_TIMESTAMPS_MAX + 1)

/* What is known so far. */
struct state {
    const struct tuf_verify_job *job;
    struct tuf_report *report;
    int64_t time_ms[TIMES_MAX]; /* when the signature existed; all of them must fit */
    size_t times;
    bool time_is_now;                                      /* nobody vouches for a time */
    const struct tuf_trust_entry *log[BUNDLE_ENTRIES_MAX]; /* of each entry; NULL: does not count */
    bool log_timed[BUNDLE_ENTRIES_MAX];                    /* its time is in its log's window */
    const struct tuf_trust_entry *ca;
};

static const char *stamp(int64_t ms, char out[21])
{
    tm_clock_format(ms / 1000, out);
    return out;
}

/* The number of different non-NULL entries among the first n. */
static size_t distinct(const struct tuf_trust_entry *const *list, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        bool seen = list[i] == NULL;
        for (size_t j = 0; j < i && !seen; j++)
            seen = list[j] == list[i];
        count += seen ? 0 : 1;
    }
    return count;
}

/* --- signing times --- */

static void add_time(struct state *s, int64_t ms)
{
    if (s->times < TIMES_MAX)
        s->time_ms[s->times++] = ms;
}

/* An entry of an unknown log is no evidence; one of a known log that does not verify is an attack
 * or damage, and fails. */
static void check_entries(struct state *s)
{
    const struct tuf_bundle *b = s->job->bundle;
    for (size_t i = 0; i < b->entries.count; i++) {
        struct tuf_tlog_proof proof;
        struct tm_err e = {0};
        char when[21];
        if (tuf_tlog_check_logged(s->job->root, &b->entries.item[i], &proof, &e) != 0) {
            if (proof.log == NULL)
                tuf_report_note(s->report, "log entry", "%s", e.text);
            else
                tuf_report_fail(s->report, "log entry", "%s", e.text);
            continue;
        }
        s->log[i] = proof.log;
        s->log_timed[i] = proof.has_time;
        if (proof.has_time) {
            add_time(s, proof.time_ms);
            tuf_report_pass(s->report, "log entry", "%s holds it since %s", proof.log->uri,
                            stamp(proof.time_ms, when));
        } else {
            tuf_report_pass(s->report, "log entry", "%s holds it", proof.log->uri);
        }
    }
}

static void check_timestamps(struct state *s)
{
    const struct tuf_bundle *b = s->job->bundle;
    const struct tuf_trust_entry *by[BUNDLE_TIMESTAMPS_MAX] = {0};
    for (size_t i = 0; i < b->timestamp_count; i++) {
        int64_t ms;
        struct tm_err e = {0};
        char when[21];
        if (tuf_timestamp_verify(s->job->root, &b->timestamp[i], b->signature.data,
                                 b->signature.len, &by[i], &ms, &e) != 0) {
            tuf_report_note(s->report, "timestamp", "a signed timestamp does not count: %s",
                            e.text);
            continue;
        }
        add_time(s, ms);
        tuf_report_pass(s->report, "timestamp", "%s by %s", stamp(ms, when), by[i]->uri);
    }
    size_t count = distinct(by, b->timestamp_count);
    if (count >= s->job->timestamps)
        return;
    tuf_report_fail(s->report, "timestamp",
                    "%zu trusted timestamp authorities vouch for a time, %zu "
                    "wanted",
                    count, s->job->timestamps);
    tuf_report_remedy(s->report,
                      "sign with --tsa URL of an authority in the trusted root, or ask for "
                      "fewer --timestamps");
}

static void establish_time(struct state *s)
{
    char when[21];
    if (s->job->has_at) {
        add_time(s, s->job->at_ms);
        tuf_report_note(s->report, "time", "you vouch for %s as the signing time",
                        stamp(s->job->at_ms, when));
    } else if (s->times == 0) {
        add_time(s, s->job->now_ms);
        s->time_is_now = true;
    }
}

/* Without a time of its own, an entry is as old as the signature. */
static void check_log_windows(struct state *s)
{
    char when[21];
    char window[VALIDITY_TEXT_MAX];
    for (size_t i = 0; i < s->job->bundle->entries.count; i++) {
        const struct tuf_trust_entry *log = s->log[i];
        for (size_t t = 0; log != NULL && !s->log_timed[i] && t < s->times; t++) {
            if (tuf_validity_at(&log->valid, s->time_ms[t]) == VALIDITY_INSIDE)
                continue;
            tuf_report_fail(s->report, "log entry",
                            "it was signed at %s, but the trusted root trusts "
                            "the log '%s' %s",
                            stamp(s->time_ms[t], when), log->uri,
                            tuf_validity_text(&log->valid, window));
            break;
        }
    }
}

/* --- certificate --- */

static void explain_time(struct state *s)
{
    X509 *leaf = s->job->bundle->leaf;
    char from[21];
    char to[21];
    stamp(tuf_path_not_before_ms(leaf), from);
    stamp(tuf_path_not_after_ms(leaf), to);
    if (s->time_is_now)
        tuf_report_remedy(
            s->report,
            "nothing trusted says when it was signed, so the certificate (%s to %s) is "
            "judged now: verify within its life, sign with a timestamp (--tsa) or a log, "
            "or vouch for the time by --at",
            from, to);
    else
        tuf_report_remedy(s->report,
                          "a signature made between %s and %s, and a trusted root that "
                          "trusts its CA then",
                          from, to);
}

static void check_path(struct state *s)
{
    X509 *leaf = s->job->bundle->leaf;
    char when[21];
    struct tm_err e = {0};
    const struct tuf_trust_entry *ca = NULL;
    int64_t issued = tuf_path_not_before_ms(leaf);
    if (tuf_path_find(s->job->root, leaf, issued, &ca, &e) != 0) {
        tuf_report_fail(s->report, "certificate", "when it was issued, %s: %s", stamp(issued, when),
                        e.text);
        tuf_report_remedy(s->report,
                          "a trusted root that has this CA with a window around that time "
                          "(tenmint trust refresh gets the newest)");
        return;
    }
    for (size_t i = 0; i < s->times; i++) {
        if (tuf_path_holds(ca, leaf, s->time_ms[i]) ||
            tuf_path_find(s->job->root, leaf, s->time_ms[i], &ca, &e) == 0)
            continue;
        tuf_report_fail(s->report, "certificate", "%s %s: %s",
                        s->time_is_now ? "now," : "signed at", stamp(s->time_ms[i], when), e.text);
        explain_time(s);
        return;
    }
    s->ca = ca;
    tuf_report_pass(s->report, "certificate", "issued by %s, valid %s %s%s", ca->uri,
                    s->time_is_now ? "now," : "when signed,", stamp(s->time_ms[0], when),
                    s->time_is_now ? " (no trusted time of signing: it must verify within its life)"
                                   : "");
}

static void check_certificate(struct state *s)
{
    const struct tuf_verify_job *job = s->job;
    check_path(s);
    if (s->ca != NULL)
        tuf_scts_check(job->root,
                       &(struct tuf_scts_of){job->bundle->leaf, sk_X509_value(s->ca->chain, 0),
                                             job->detached_scts},
                       job->scts, job->now_ms, s->report);
    else if (job->scts > 0)
        tuf_report_note(s->report, "sct",
                        "not checked: an SCT is for a certificate with its issuer");
    tuf_identity_check(&job->policy, job->bundle->leaf, s->ca != NULL, s->report);
}

/* --- signature and artifact --- */

static EVP_PKEY *signing_key(const struct tuf_verify_job *job)
{
    return job->bundle->leaf != NULL ? X509_get0_pubkey(job->bundle->leaf) : job->key;
}

static void check_hint(struct state *s)
{
    const struct tuf_bundle *b = s->job->bundle;
    const struct tuf_artifact *a = s->job->artifact;
    if (!b->has_digest || !a->has[b->digest_algorithm] ||
        memcmp(b->digest.data, a->digest[b->digest_algorithm], b->digest.len) == 0)
        return;
    tuf_report_fail(s->report, "artifact", "the bundle is about another artifact: its %s differs",
                    tuf_digest_table[b->digest_algorithm].name);
    tuf_report_remedy(s->report, "the artifact that was signed, unchanged");
}

static void check_message(struct state *s)
{
    const struct tuf_bundle *b = s->job->bundle;
    struct tm_err e = {0};
    if (s->job->artifact == NULL) {
        tuf_report_fail(s->report, "signature",
                        "no artifact was given: nothing shows what was signed");
        tuf_report_remedy(s->report, "name the signed file, '-' for standard input, or --digest");
        return;
    }
    check_hint(s);
    if (tuf_artifact_signature_verify(signing_key(s->job), s->job->artifact, b->signature.data,
                                      b->signature.len, &e) == 0) {
        tuf_report_pass(s->report, "signature", "over the artifact, by the %s",
                        b->leaf != NULL ? "certificate's key" : "key given");
        return;
    }
    tuf_report_fail(s->report, "signature", "%s", e.text);
    tuf_report_remedy(s->report, "the artifact that was signed, unchanged, and the signature and "
                                 "certificate that belong together");
}

static void check_statement(struct state *s)
{
    const struct tuf_verify_job *job = s->job;
    const struct tuf_bundle *b = job->bundle;
    bool in_toto = strcmp(b->payload_type, DSSE_IN_TOTO) == 0;
    struct tm_err e = {0};
    if (job->artifact == NULL && !job->artifact_waived) {
        tuf_report_fail(s->report, "artifact",
                        "no artifact was given: nothing shows what the "
                        "attestation is about");
        tuf_report_remedy(s->report, "name the file, --digest, or --no-artifact");
    } else if (job->artifact != NULL && !in_toto) {
        tuf_report_fail(s->report, "artifact", "the envelope holds '%s', which names no artifact",
                        b->payload_type);
        tuf_report_remedy(s->report, "an in-toto attestation (" DSSE_IN_TOTO "), or --no-artifact");
    } else if (job->artifact != NULL) {
        if (tuf_dsse_check_subject(b->payload.data, b->payload.len, job->artifact, &e) == 0)
            tuf_report_pass(s->report, "artifact", "the attestation is about it");
        else
            tuf_report_fail(s->report, "artifact", "%s", e.text);
    }
    if (job->predicate_type == NULL)
        return;
    if (in_toto &&
        tuf_dsse_check_predicate(b->payload.data, b->payload.len, job->predicate_type, &e) == 0)
        tuf_report_pass(s->report, "predicate", "%s", job->predicate_type);
    else
        tuf_report_fail(s->report, "predicate", "%s",
                        in_toto ? e.text : "the envelope holds no in-toto statement");
}

static void check_envelope(struct state *s)
{
    const struct tuf_bundle *b = s->job->bundle;
    struct tm_buf pae = {0};
    struct tuf_artifact signed_bytes = {0};
    struct tm_err e = {0};
    tuf_dsse_pae(b->payload_type, b->payload.data, b->payload.len, &pae);
    int rc = buf_failed(&pae) ? tm_err_set(&e, "out of memory")
                              : tuf_artifact_from_bytes(pae.data, pae.len, &signed_bytes, &e);
    if (rc == 0)
        rc = tuf_artifact_signature_verify(signing_key(s->job), &signed_bytes, b->signature.data,
                                           b->signature.len, &e);
    if (rc == 0)
        tuf_report_pass(s->report, "signature", "over the envelope (%s)", b->payload_type);
    else
        tuf_report_fail(s->report, "signature", "%s", e.text);
    tuf_artifact_free(&signed_bytes);
    tm_buf_free(&pae);
    check_statement(s);
}

static void check_content(struct state *s)
{
    const struct tuf_bundle *b = s->job->bundle;
    if (s->job->predicate_type != NULL && b->content != BUNDLE_DSSE) {
        tuf_report_fail(s->report, "predicate",
                        "a predicate is wanted, but this is no attestation");
        tuf_report_remedy(s->report, "the bundle of the attestation, or no --predicate-type");
    }
    if (b->content == BUNDLE_MESSAGE)
        check_message(s);
    else if (b->content == BUNDLE_DSSE)
        check_envelope(s);
    else if (s->job->artifact != NULL)
        tuf_report_fail(s->report, "signature", "an artifact was given, but no signature over it");
    else
        tuf_report_note(s->report, "signature",
                        "none was given: this is about the certificate alone");
}

/* --- the log's entries are about this --- */

static bool holds_a_time(const struct state *s, const struct tuf_validity *v)
{
    for (size_t t = 0; t < s->times; t++) {
        if (tuf_validity_at(v, s->time_ms[t]) == VALIDITY_INSIDE)
            return true;
    }
    return false;
}

/* A signature from before a log's window could not be in it. A log that cannot be used here was
 * there all the same. */
static bool log_was_there(const struct state *s)
{
    const struct tuf_trusted_root *root = s->job->root;
    const struct tuf_trust_entry *log;
    const struct tuf_trust_left_out *out;
    bool any = false;
    for (size_t i = 0; (log = tuf_trusted_root_entry(root, TRUST_TLOG, i)) != NULL; i++) {
        any = true;
        if (holds_a_time(s, &log->valid))
            return true;
    }
    for (size_t i = 0; (out = tuf_trusted_root_left_out(root, i)) != NULL; i++) {
        if (out->list == TRUST_TLOG && holds_a_time(s, &out->valid))
            return true;
    }
    if (any)
        tuf_report_note(s->report, "log entry",
                        "the trusted root has no transparency log from when it was signed");
    return false;
}

static void check_bodies(struct state *s)
{
    const struct tuf_verify_job *job = s->job;
    const struct tuf_bundle *b = job->bundle;
    for (size_t i = 0; i < b->entries.count; i++) {
        struct tm_err e = {0};
        if (s->log[i] == NULL ||
            tuf_tlog_check_body(&b->entries.item[i], b, job->key, job->artifact, &e) == 0)
            continue;
        s->log[i] = NULL;
        tuf_report_fail(s->report, "log entry", "%s", e.text);
        tuf_report_remedy(s->report, "the bundle that was made when this signature was logged");
    }
    size_t count = distinct(s->log, b->entries.count);
    size_t wanted = job->tlogs == 0 && job->tlogs_by_time && log_was_there(s) ? 1 : job->tlogs;
    if (count >= wanted)
        return;
    tuf_report_fail(s->report, "log entry",
                    "%zu trusted transparency logs hold this signature, %zu "
                    "wanted",
                    count, wanted);
    tuf_report_remedy(s->report,
                      "a bundle with an entry by a log of the trusted root, or --tlogs %zu", count);
}

int tuf_verify_run(const struct tuf_verify_job *job, struct tuf_report *r)
{
    struct state s = {.job = job, .report = r};
    if (job->bundle->leaf == NULL && job->key == NULL) {
        tuf_report_fail(r, "certificate", "the bundle is signed by a key, not by a certificate");
        tuf_report_remedy(
            r, "give the key that you trust by --key, or use a bundle with a certificate");
        return -1;
    }
    if (job->bundle->leaf != NULL && job->key != NULL) {
        tuf_report_fail(r, "certificate",
                        "a key was given, but the bundle is signed by a certificate");
        tuf_report_remedy(r, "leave --key away and say whom you expect by --issuer and --identity");
        return -1;
    }
    const struct tuf_trust_left_out *out;
    for (size_t i = 0; (out = tuf_trusted_root_left_out(job->root, i)) != NULL; i++)
        tuf_report_note(r, "trusted root", "%s", out->note);
    check_entries(&s);
    check_timestamps(&s);
    establish_time(&s);
    check_log_windows(&s);
    if (job->bundle->leaf != NULL)
        check_certificate(&s);
    check_content(&s);
    check_bodies(&s);
    return tuf_report_ok(r) ? 0 : -1;
}
