/* trusted_root.json, as the published metadata pins it. */
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "tuf/manager/pages/internal.h"
#include "tuf/manager/review/acted.h"
#include "tuf/verify/trust/trusted_root.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define DAY_S INT64_C(86400)
#define SOON_S (90 * DAY_S)       /* what ends sooner is marked */
#define AXIS_S (15 * 365 * DAY_S) /* at most, before and after now */

/* ---- finding the file ---- */

/* The role that a client asks first has the last word, as in the client's own search. */
static bool find(const struct tuf_published *live, const struct tuf_metadata *m,
                 const struct tuf_path *path, size_t *visits, struct tuf_file_info *out)
{
    struct tuf_delegation d;
    size_t at = 0;
    if (m == NULL || tuf_targets_find(m, path->text, out))
        return m != NULL;
    while ((*visits)++ < TUF_DELEGATIONS_MAX && tuf_delegation_next(m, path, &at, &d)) {
        struct tuf_metadata *below = NULL;
        bool found = tuf_published_delegated_by(live, m, d.name, &below, NULL) == 0 &&
                     find(live, below, path, visits, out);
        tuf_metadata_free(below);
        if (found || d.terminating)
            return found;
    }
    return false;
}

/* NULL with `e` set, also where there is none. */
static struct tuf_trusted_root *load(const struct tuf_published *live, struct tm_err *e)
{
    struct tuf_path path;
    struct tuf_file_info info;
    struct tm_buf bytes = {0};
    size_t visits = 0;
    struct tuf_trusted_root *r = NULL;
    if (tuf_path_init(&path, TRUSTED_ROOT_TARGET, e) != 0)
        return NULL;
    if (!find(live, live->targets, &path, &visits, &info))
        return tm_err_null(e, "the metadata lists no " TRUSTED_ROOT_TARGET);
    if (tuf_pages_content(live, TRUSTED_ROOT_TARGET, &info, TRUSTED_ROOT_BYTES_MAX, &bytes, e) == 0)
        r = tuf_trusted_root_parse(bytes.data, bytes.len, e);
    tm_buf_free(&bytes);
    return r;
}

/* ---- one entry ---- */

static int64_t seconds(const ASN1_TIME *t)
{
    struct tm tm;
    return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

/* When the first of its certificates ends, or INT64_MAX. */
static int64_t chain_end(const struct tuf_trust_entry *t)
{
    int64_t end = INT64_MAX;
    for (int i = 0; t->chain != NULL && i < sk_X509_num(t->chain); i++) {
        int64_t one = seconds(X509_get0_notAfter(sk_X509_value(t->chain, i)));
        end = one < end ? one : end;
    }
    return end;
}

static int64_t entry_start(const struct tuf_trust_entry *t)
{
    return t->valid.has_start ? t->valid.start_ms / 1000 : INT64_MIN;
}

static int64_t entry_end(const struct tuf_trust_entry *t)
{
    int64_t chain = chain_end(t);
    int64_t said = t->valid.has_end ? t->valid.end_ms / 1000 : INT64_MAX;
    return chain < said ? chain : said;
}

static enum tm_html_tone entry_tone(const struct tuf_trust_entry *t, int64_t now)
{
    int64_t end = entry_end(t);
    if (now > end || now < entry_start(t))
        return TM_HTML_PLAIN;
    return end != INT64_MAX && end - now < SOON_S ? TM_HTML_WARN : TM_HTML_GOOD;
}

static void entry_note(const struct tuf_trust_entry *t, int64_t now, char out[96])
{
    char when[64];
    int64_t end = entry_end(t);
    int64_t start = entry_start(t);
    tuf_pages_when(start > now ? start : end, now, when);
    if (start > now)
        snprintf(out, 96, "begins %s", when);
    else if (end == INT64_MAX)
        snprintf(out, 96, "valid, no end set");
    else
        snprintf(out, 96, "%s %s", end < now ? "ended" : "ends", when);
}

/* The subject's name, or the address without its scheme. */
static const char *entry_name(const struct tuf_trust_entry *t)
{
    const char *host = strstr(t->uri, "://");
    if (t->common_name != NULL && t->common_name[0] != '\0')
        return t->common_name;
    return host != NULL ? host + 3 : t->uri;
}

static void key_kind(const EVP_PKEY *key, struct tm_buf *out)
{
    char group[80] = "";
    const char *type = key != NULL ? EVP_PKEY_get0_type_name(key) : NULL;
    if (type == NULL) {
        tm_buf_puts(out, "a kind that cannot be used here");
        return;
    }
    if (EVP_PKEY_get_group_name((EVP_PKEY *)key, group, sizeof(group), NULL) == 1)
        tm_buf_printf(out, "%s %s", type, group);
    else
        tm_buf_printf(out, "%s, %d bits", type, EVP_PKEY_get_bits(key));
}

static void certificates(const struct tuf_trust_entry *t, struct tm_html *h)
{
    tm_html_open(h, "ul");
    for (int i = 0; i < sk_X509_num(t->chain); i++) {
        X509 *cert = sk_X509_value(t->chain, i);
        char *subject = X509_NAME_oneline(X509_get_subject_name(cert), NULL, 0);
        struct tm_buf kind = {0};
        char until[21];
        tm_clock_format(seconds(X509_get0_notAfter(cert)), until);
        key_kind(X509_get0_pubkey(cert), &kind);
        tm_html_open(h, "li");
        tm_html_text(h, subject);
        tm_html_printf(h, ", until %.10s, %s", until, tm_buf_str(&kind));
        tm_html_close(h);
        tm_buf_free(&kind);
        OPENSSL_free(subject);
    }
    tm_html_close(h);
}

static void entry_facts(enum tuf_trust_list list, const struct tuf_trust_entry *t,
                        struct tm_html *h)
{
    char id[TRUST_FINGERPRINT_MAX];
    char window[VALIDITY_TEXT_MAX];
    struct tm_buf kind = {0};
    bool chain = t->chain != NULL && sk_X509_num(t->chain) > 0;
    tm_html_facts(h);
    tm_html_fact(h, "Address", t->uri);
    if (t->operator_name[0] != '\0')
        tm_html_fact(h, "Operator", t->operator_name);
    tm_html_fact(h, "Trusted", tuf_validity_text(&t->valid, window));
    tm_html_fact_code(h, "Fingerprint", tuf_trust_entry_fingerprint(list, t, id));
    tm_html_fact_begin(h, chain ? "Certificates" : "Key");
    if (chain) {
        certificates(t, h);
    } else {
        key_kind(t->key, &kind);
        tm_html_bytes(h, kind.data, kind.len);
    }
    tm_html_fact_end(h);
    tm_html_close(h);
    tm_buf_free(&kind);
}

/* ---- the lists ---- */

static struct tm_html_axis axis_of(const struct tuf_trusted_root *r, int64_t now)
{
    struct tm_html_axis a = {.from = now - 30 * DAY_S, .to = now + 365 * DAY_S, .now = now};
    for (int list = 0; list < TRUST_LIST_COUNT; list++) {
        for (size_t i = 0; i < tuf_trusted_root_count(r, (enum tuf_trust_list)list); i++) {
            const struct tuf_trust_entry *t =
                tuf_trusted_root_entry(r, (enum tuf_trust_list)list, i);
            int64_t start = entry_start(t);
            int64_t end = entry_end(t);
            a.from = start < a.from && start != INT64_MIN ? start : a.from;
            a.to = end > a.to && end != INT64_MAX ? end : a.to;
        }
    }
    a.from = a.from < now - AXIS_S ? now - AXIS_S : a.from;
    a.to = a.to > now + AXIS_S ? now + AXIS_S : a.to;
    return a;
}

static void trust_list(const struct tuf_trusted_root *r, enum tuf_trust_list list,
                       const struct tm_html_axis *axis, struct tm_html *h)
{
    static const char *const headings[] = {
        [TRUST_CA] = "Certificate authorities",
        [TRUST_TSA] = "Timestamp authorities",
        [TRUST_CTLOG] = "Certificate transparency logs",
        [TRUST_TLOG] = "Transparency logs of signatures",
    };
    size_t count = tuf_trusted_root_count(r, list);
    if (count == 0)
        return;
    tm_html_section(h, NULL, headings[list]);
    tm_html_timeline_begin(h);
    for (size_t i = 0; i < count; i++) {
        const struct tuf_trust_entry *t = tuf_trusted_root_entry(r, list, i);
        char note[96];
        entry_note(t, axis->now, note);
        const struct tm_html_bar bar = {.name = entry_name(t),
                                        .note = note,
                                        .from = entry_start(t),
                                        .to = entry_end(t),
                                        .tone = entry_tone(t, axis->now)};
        tm_html_timeline_bar(h, axis, &bar);
    }
    tm_html_timeline_end(h, axis);
    for (size_t i = 0; i < count; i++) {
        const struct tuf_trust_entry *t = tuf_trusted_root_entry(r, list, i);
        tm_html_element(h, "h3", entry_name(t));
        entry_facts(list, t, h);
    }
    tm_html_close(h);
}

static void lint_line(void *arg, const char *text)
{
    struct tm_buf *lines = arg;
    tm_buf_puts(lines, text);
    buf_putc(lines, '\n');
}

static void to_consider(const struct tuf_trusted_root *r, int64_t now, struct tm_html *h)
{
    struct tm_buf lines = {0};
    tuf_trusted_root_lint(r, now * 1000, lint_line, &lines);
    for (size_t i = 0; tuf_trusted_root_left_out(r, i) != NULL; i++)
        lint_line(&lines, tuf_trusted_root_left_out(r, i)->note);
    if (lines.len > 0) {
        tm_html_section(h, NULL, "To consider");
        (void)tuf_pages_lines(h, &lines);
        tm_html_close(h);
    }
    tm_buf_free(&lines);
}

int tuf_pages_trust(const struct tuf_pages_facts *f, struct tm_html *h, struct tm_err *e)
{
    static const enum tuf_trust_list order[] = {TRUST_CA, TRUST_CTLOG, TRUST_TLOG, TRUST_TSA};
    struct tm_err why = {0};
    struct tuf_trusted_root *r = load(f->in->live, &why);
    (void)e;
    if (r == NULL) { /* a repository may hold other things, or be known by its metadata alone */
        tm_html_open(h, "section");
        tm_html_printf(h, "Nothing can be shown: %s.", why.text);
        tm_html_close(h);
        return 0;
    }
    const struct tm_html_axis axis = axis_of(r, f->in->now);
    for (size_t i = 0; i < COUNT(order); i++)
        trust_list(r, order[i], &axis, h);
    to_consider(r, f->in->now, h);
    tuf_trusted_root_free(r);
    return 0;
}
