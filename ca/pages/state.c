#include <inttypes.h>

#include "ca/pages/pages.h"
#include "ca/pages/words.h"

#define DAY ((int64_t)86400)
#define SOON (45 * DAY)     /* as the alert on the CA's certificate has it */
#define KEYS_OLD (6 * 3600) /* as the alert on issuers' keys */
#define CHECKPOINT_OLD 120  /* seconds: likewise */

/* ---- words ---- */

static void say_for(struct tm_buf *out, int64_t seconds)
{
    static const struct {
        int64_t unit;
        const char *name;
    } units[] = {{365 * DAY, "year"}, {DAY, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    size_t i = 0;
    seconds = seconds < 0 ? -seconds : seconds;
    while (i < 4 && seconds < 2 * units[i].unit)
        i++;
    int64_t n = (seconds + units[i].unit / 2) / units[i].unit;
    tm_buf_printf(out, "%" PRId64 " %s%s", n, units[i].name, n == 1 ? "" : "s");
}

static enum tm_html_tone tone_of_end(int64_t end, int64_t now, int64_t soon)
{
    return end <= now ? TM_HTML_BAD : end - now < soon ? TM_HTML_WARN : TM_HTML_GOOD;
}

/* "in 3 days" or "3 days ago", as a badge. */
static void badge_when(struct tm_html *h, enum tm_html_tone tone, int64_t when, int64_t now)
{
    struct tm_buf b = {0};
    if (when > now)
        tm_buf_puts(&b, "in ");
    say_for(&b, when - now);
    if (when <= now)
        tm_buf_puts(&b, " ago");
    tm_html_badge(h, tone, tm_buf_str(&b));
    h->out.failed |= buf_failed(&b);
    tm_buf_free(&b);
}

static void cell_number(struct tm_html_table *t, uint64_t v)
{
    tm_html_cell(t);
    tm_html_printf(t->h, "%" PRIu64, v);
}

/* ---- sections ---- */

static void verdict(struct tm_html *h, const struct ca_page_state *s)
{
    static const struct {
        enum tm_html_tone tone;
        const char *word, *text;
    } words[] = {
        [CA_PAGE_READY_UNKNOWN] = {TM_HTML_PLAIN, "unknown", "Nobody said whether it can do all."},
        [CA_PAGE_READY] = {TM_HTML_GOOD, "ready", "Everything that it is for can be done."},
        [CA_PAGE_NOT_READY] = {TM_HTML_BAD, "not ready",
                               "Something that it needs is away. What is not sure yet gets 503: "
                               "ask again later."},
    };
    tm_html_open(h, "p");
    tm_html_class(h, "verdict");
    tm_html_badge(h, words[s->ready].tone, words[s->ready].word);
    tm_html_printf(h, " %s", words[s->ready].text);
    tm_html_close(h);
}

static void say_certificates(struct tm_html *h, const struct ca_page_state *s)
{
    static const char *const columns[] = {"Certificate", "What for", "Ends", "SHA-256"};
    struct tm_html_table t;
    if (s->certificates == 0)
        return;
    tm_html_section(h, "certificates", "Certificates of this service");
    tm_html_table_begin(&t, h, "Certificates", columns, 4);
    for (size_t i = 0; i < s->certificates; i++) {
        const struct ca_page_certificate *c = &s->certificate[i];
        tm_html_row(&t);
        tm_html_cell_text(&t, c->subject);
        tm_html_cell_text(&t, c->role);
        tm_html_cell(&t);
        badge_when(h, tone_of_end(c->to, s->now, SOON), c->to, s->now);
        tm_html_text(h, " ");
        tm_html_time(h, c->to);
        tm_html_cell(&t);
        tm_html_element(h, "code", c->fingerprint);
    }
    tm_html_table_end(&t);
    tm_html_close(h);
}

static void say_issuer(struct tm_html_table *t, const struct ca_page_issuer *i)
{
    struct tm_buf age = {0};
    tm_html_row(t);
    tm_html_cell_text(t, i->url);
    cell_number(t, i->keys);
    tm_html_cell(t);
    if (i->age_s < 0) {
        tm_html_badge(t->h, TM_HTML_WARN, "no keys yet");
    } else {
        say_for(&age, i->age_s);
        tm_buf_puts(&age, " old");
        tm_html_badge(t->h, i->age_s > KEYS_OLD ? TM_HTML_WARN : TM_HTML_GOOD, tm_buf_str(&age));
    }
    cell_number(t, i->failures);
    t->h->out.failed |= buf_failed(&age);
    tm_buf_free(&age);
}

static void say_issuers(struct tm_html *h, const struct ca_page_state *s)
{
    static const char *const columns[] = {"Issuer", "Keys", "Age of its keys", "Failed fetches"};
    struct tm_html_table t;
    if (!s->issues)
        return;
    tm_html_section(h, "issuers", "Whose tokens are trusted");
    if (s->issuers == 0) {
        tm_html_element(h, "p", "No issuer's keys are known yet.");
    } else {
        tm_html_table_begin(&t, h, "Token issuers", columns, 4);
        for (size_t i = 0; i < s->issuers; i++)
            say_issuer(&t, &s->issuer[i]);
        tm_html_table_end(&t);
    }
    tm_html_close(h);
}

static void say_checkpoint(struct tm_html_table *t, const struct ca_page_log *l, int64_t now)
{
    int64_t when = l->head != NULL ? (int64_t)(l->head->timestamp_ms / 1000) : 0;
    tm_html_cell(t);
    if (l->head == NULL)
        tm_html_badge(t->h, TM_HTML_BAD, "not believed");
    else if (when > 0)
        badge_when(t->h, now - when > CHECKPOINT_OLD ? TM_HTML_WARN : TM_HTML_GOOD, when, now);
    else
        tm_html_badge(t->h, TM_HTML_GOOD, "signed");
    if (l->head != NULL && l->head->signatures > 1)
        tm_html_printf(t->h, " and %zu more signatures", l->head->signatures - 1);
    if (l->trouble != NULL)
        tm_html_printf(t->h, " %s", l->trouble);
}

static void say_index(struct tm_html_table *t, const struct ca_page_log *l)
{
    tm_html_cell(t);
    if (!l->indexed)
        tm_html_text(t->h, "not read yet");
    else if (l->head != NULL && l->in_index == l->head->tree.size)
        tm_html_text(t->h, "all");
    else
        tm_html_printf(t->h, "%" PRIu64 " entries so far", l->in_index);
    if (l->damaged > 0) {
        tm_html_text(t->h, " ");
        tm_html_badge(t->h, TM_HTML_WARN, "some cannot be read");
    }
}

static void say_logs(struct tm_html *h, const struct ca_page_state *s)
{
    static const char *const columns[] = {"Log", "Of", "Entries", "Checkpoint", "Searchable"};
    struct tm_html_table t;
    if (s->logs == 0)
        return;
    tm_html_section(h, "logs", "Transparency logs");
    tm_html_table_begin(&t, h, "Logs", columns, 5);
    for (size_t i = 0; i < s->logs; i++) {
        const struct ca_page_log *l = &s->log[i];
        tm_html_row(&t);
        tm_html_cell_text(&t, l->head != NULL ? l->head->tree.origin : l->name);
        tm_html_cell_text(&t, l->signatures ? "signatures" : "certificates");
        cell_number(&t, l->head != NULL ? l->head->tree.size : 0);
        say_checkpoint(&t, l, s->now);
        say_index(&t, l);
    }
    tm_html_table_end(&t);
    tm_html_close(h);
}

static void say_roles(struct tm_html *h, const struct ca_page_state *s)
{
    static const char *const columns[] = {"Role", "Version", "Signatures", "Ends"};
    struct tm_html_table t;
    if (s->roles == 0)
        return;
    tm_html_section(h, "roles", "Trust root (TUF)");
    tm_html_table_begin(&t, h, "TUF roles", columns, 4);
    for (size_t i = 0; i < s->roles; i++) {
        const struct ca_page_role *r = &s->role[i];
        bool enough = r->signatures >= r->threshold;
        tm_html_row(&t);
        tm_html_cell_text(&t, r->name);
        cell_number(&t, (uint64_t)r->version);
        tm_html_cell(&t);
        tm_html_printf(h, "%" PRIu64 " of %" PRIu64 " ", r->signatures, r->threshold);
        if (!enough)
            tm_html_badge(h, TM_HTML_BAD, "too few");
        tm_html_cell(&t);
        badge_when(h, tone_of_end(r->expires, s->now, DAY), r->expires, s->now);
        tm_html_text(h, " ");
        tm_html_time(h, r->expires);
    }
    tm_html_table_end(&t);
    tm_html_close(h);
}

void ca_page_head(struct tm_html *h, const struct ca_head *head, int64_t now)
{
    int64_t when = (int64_t)(head->timestamp_ms / 1000);
    tm_html_section(h, "head", "Signed tree head");
    tm_html_open(h, "p");
    tm_html_badge(h, head->verified ? TM_HTML_GOOD : TM_HTML_BAD,
                  head->verified ? "signature good" : "signature not checked");
    tm_html_printf(h, " %" PRIu64 " entries", head->tree.size);
    if (when > 0) {
        tm_html_text(h, ", signed ");
        tm_html_time(h, when);
        tm_html_text(h, " ");
        badge_when(h, TM_HTML_PLAIN, when, now);
    }
    tm_html_close(h);
    tm_html_facts(h);
    ca_words_hex(h, "Root hash", head->tree.root.b, MERKLE_HASH);
    ca_words_hex(h, "Key id", head->key_id, sizeof(head->key_id));
    tm_html_fact_begin(h, "Trusted witnesses");
    tm_html_printf(h, "%zu cosigned it", head->cosigned);
    tm_html_fact_end(h);
    tm_html_close(h);
    tm_html_close(h);
}

void ca_page_state(struct tm_html *h, const struct ca_page_site *site,
                   const struct ca_page_state *s)
{
    ca_page_begin(
        h, site, CA_PAGE_STATE, "State of the service",
        "A private Sigstore: certificates for CI jobs, transparency logs, and the root of "
        "trust that verifiers follow.");
    verdict(h, s);
    if (site->live && s->logs > 0)
        ca_page_search_form(h, NULL);
    say_logs(h, s);
    say_certificates(h, s);
    say_issuers(h, s);
    say_roles(h, s);
    ca_page_end(h, s->now, s->version);
}
