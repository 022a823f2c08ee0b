/* Issuers' keys over real HTTP: outages, storms, lies, redirects, reloads. */
#include "tests/support/cmocka_all.h"

#include <netinet/in.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "oidc/keys/incluster.h"
#include "oidc/verifier.h"
#include "tests/support/fakeissuer.h"
#include "tests/support/pki.h"

static struct oidc_trust *trust_of(const char *text)
{
    struct oidc_trust *t = NULL;
    struct tm_err e = {0};
    if (oidc_trust_parse("test", text, strlen(text), &t, &e) != 0)
        fail_msg("%s", e.text);
    return t;
}

static struct oidc_trust *trust_one(const char *url, const char *more)
{
    struct tm_buf b = {0};
    tm_buf_printf(&b,
                  "oidc-issuers:\n  \"%s\":\n    issuer-url: \"%s\"\n    client-id: sigstore\n"
                  "    type: email\n%s",
                  url, url, more);
    struct oidc_trust *t = trust_of(tm_buf_str(&b));
    tm_buf_free(&b);
    return t;
}

static struct oidc_verifier *verifier_with(struct oidc_trust *t, int64_t refresh_s,
                                           int64_t interval_s, int64_t timeout_ms)
{
    struct oidc_options o;
    struct tm_err e = {0};
    oidc_options_default(&o);
    o.jwks_refresh_s = refresh_s;
    o.jwks_min_interval_s = interval_s;
    o.fetch_timeout_ms = timeout_ms;
    struct oidc_verifier *v = oidc_verifier_new(t, &o, NULL, &e);
    if (v == NULL)
        fail_msg("%s", e.text);
    oidc_trust_unref(t);
    return v;
}

/* Fetches in milliseconds rather than minutes: the least the options allow. */
static struct oidc_verifier *verifier_for(struct oidc_trust *t, int64_t refresh_s,
                                          int64_t interval_s)
{
    return verifier_with(t, refresh_s, interval_s, 700);
}

static void wake(void *arg)
{
    sem_post(arg);
}

/* Verifies, waiting for keys as a request would. */
static enum oidc_reason ask_token(struct oidc_verifier *v, const struct tm_buf *token)
{
    sem_t sem;
    struct oidc_waiter waiter = {wake, &sem};
    struct oidc_result r;
    struct tm_err e = {0};
    enum oidc_status st;
    sem_init(&sem, 0, 0);
    while ((st = oidc_verify(v, (const char *)token->data, token->len, time(NULL), &waiter, &r,
                             &e)) == OIDC_WAIT) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 10;
        if (sem_timedwait(&sem, &until) != 0)
            fail_msg("nobody woke the waiter");
    }
    sem_destroy(&sem);
    if (st == OIDC_OK)
        oidc_principal_free(&r.principal);
    return st == OIDC_OK ? OIDC_REASON_NONE : r.reason;
}

static enum oidc_reason ask(struct oidc_verifier *v, struct fake_issuer *f)
{
    struct tm_buf token = {0};
    fake_issuer_token(f, NULL, &token);
    enum oidc_reason r = ask_token(v, &token);
    tm_buf_free(&token);
    return r;
}

static void until(atomic_int *count, int want)
{
    for (int i = 0; i < 800 && atomic_load(count) < want; i++)
        usleep(10000);
    assert_true(atomic_load(count) >= want);
}

static void an_outage_keeps_the_last_good_keys(void **state)
{
    (void)state;
    static const int faults[] = {FAKE_DOWN, FAKE_NOT_JSON, FAKE_NO_KEYS, FAKE_OTHER_ISSUER,
                                 FAKE_BIG_KEYS};
    struct fake_issuer f;
    fake_issuer_start(&f, NULL, NULL);
    struct oidc_verifier *v = verifier_for(trust_one(f.url, ""), 0, 0); /* always stale */
    assert_int_equal(ask(v, &f), OIDC_REASON_NONE);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        atomic_store(&f.mode, faults[i]);
        int seen = atomic_load(&f.discoveries);
        until(&f.discoveries, seen + 2); /* the background refresh has met the fault */
        assert_int_equal(ask(v, &f), OIDC_REASON_NONE);
    }
    atomic_store(&f.mode, FAKE_WELL);
    atomic_fetch_add(&f.key_number, 1); /* a rotation during the outage */
    assert_int_equal(ask(v, &f), OIDC_REASON_NONE);
    oidc_verifier_free(v);
    fake_issuer_stop(&f);
}

static void a_storm_of_unknown_kids_makes_few_fetches(void **state)
{
    (void)state;
    struct fake_issuer f;
    fake_issuer_start(&f, NULL, NULL);
    struct oidc_verifier *v = verifier_for(trust_one(f.url, ""), 3600, 1);
    assert_int_equal(ask(v, &f), OIDC_REASON_NONE);
    int64_t begin = tm_clock_mono_ms();
    int before = atomic_load(&f.discoveries);
    int asked = 0;
    for (; tm_clock_mono_ms() - begin < 2500; asked++) {
        struct tm_buf token = {0};
        char kid[32];
        snprintf(kid, sizeof(kid), "made-up-%d", asked);
        char claims[256];
        snprintf(claims, sizeof(claims),
                 "{\"iss\":\"%s\",\"aud\":\"sigstore\",\"sub\":\"s\",\"exp\":9999999999}", f.url);
        fake_issuer_sign(&f, kid, claims, &token);
        assert_int_equal(ask_token(v, &token), OIDC_REASON_KEYS);
        tm_buf_free(&token);
    }
    int fetches = atomic_load(&f.discoveries) - before;
    assert_true(asked > 100);
    assert_true(fetches >= 1 && fetches <= (tm_clock_mono_ms() - begin) / 1000 + 1);
    assert_int_equal(ask(v, &f), OIDC_REASON_NONE);
    oidc_verifier_free(v);
    fake_issuer_stop(&f);
}

static void a_token_without_a_key_id_is_tried_against_few_keys(void **state)
{
    (void)state;
    static const struct {
        int strangers;
        bool good;
    } rows[] = {{15, true}, {16, false}};
    for (size_t i = 0; i < 2; i++) {
        struct fake_issuer f;
        struct tm_buf token = {0};
        char claims[256];
        fake_issuer_start(&f, NULL, NULL);
        atomic_store(&f.strangers, rows[i].strangers);
        struct oidc_verifier *v = verifier_for(trust_one(f.url, ""), 3600, 30);
        snprintf(claims, sizeof(claims),
                 "{\"iss\":\"%s\",\"aud\":\"sigstore\",\"sub\":\"s\",\"exp\":9999999999,"
                 "\"email\":\"a@example.com\",\"email_verified\":true}",
                 f.url);
        fake_issuer_sign(&f, NULL, claims, &token);
        assert_int_equal(ask_token(v, &token) == OIDC_REASON_NONE, rows[i].good);
        tm_buf_free(&token);
        oidc_verifier_free(v);
        fake_issuer_stop(&f);
    }
}

static void an_unknown_key_id_is_told_when_to_come_again(void **state)
{
    (void)state;
    struct fake_issuer f;
    struct oidc_result r;
    struct tm_err e = {0};
    struct tm_buf token = {0};
    fake_issuer_start(&f, NULL, NULL);
    struct oidc_verifier *v = verifier_for(trust_one(f.url, ""), 3600, 30);
    assert_int_equal(ask(v, &f), OIDC_REASON_NONE);
    atomic_store(&f.key_number, 7); /* a rotation right after a fetch */
    fake_issuer_token(&f, NULL, &token);
    assert_int_equal(oidc_verify(v, (const char *)token.data, token.len, time(NULL), NULL, &r, &e),
                     OIDC_REFUSED);
    assert_int_equal(r.reason, OIDC_REASON_KEYS);
    assert_in_range(r.retry_after_s, 1, 30);
    if (strstr(e.text, "'k7'") == NULL)
        fail_msg("the key id is not named: %s", e.text);
    assert_int_equal(ask_token(v, &token), OIDC_REASON_KEYS); /* nor does it wait half a minute */
    assert_int_equal(atomic_load(&f.key_fetches), 1);
    oidc_verifier_free(v);
    fake_issuer_stop(&f);
    tm_buf_free(&token);
}

static void a_failed_fetch_is_tried_again_within_seconds(void **state)
{
    (void)state;
    struct fake_issuer f;
    fake_issuer_start(&f, NULL, NULL);
    atomic_store(&f.mode, FAKE_DOWN);
    struct oidc_verifier *v = verifier_for(trust_one(f.url, ""), 3600, 3600);
    enum oidc_reason r = ask(v, &f);
    assert_int_equal(r, OIDC_REASON_KEYS);
    assert_int_equal(ask(v, &f), OIDC_REASON_KEYS); /* no second fetch within its pause */
    until(&f.discoveries, 2);                       /* the background's own, nobody asks */
    atomic_store(&f.mode, FAKE_WELL);
    for (int i = 0; i < 100 && (r = ask(v, &f)) != OIDC_REASON_NONE; i++)
        usleep(100000);
    assert_int_equal(r, OIDC_REASON_NONE);
    assert_in_range(atomic_load(&f.discoveries), 3, 5);
    oidc_verifier_free(v);
    fake_issuer_stop(&f);
}

static void keys_outlive_an_outage_only_as_long_as_allowed(void **state)
{
    (void)state;
    struct oidc_options o;
    struct tm_err e = {0};
    struct fake_issuer f;
    fake_issuer_start(&f, NULL, NULL);
    oidc_options_default(&o);
    o.jwks_refresh_s = 1;
    o.jwks_min_interval_s = 1;
    o.jwks_max_age_s = 3;
    struct oidc_trust *t = trust_one(f.url, "");
    struct oidc_verifier *v = oidc_verifier_new(t, &o, NULL, &e);
    assert_non_null(v);
    assert_int_equal(ask(v, &f), OIDC_REASON_NONE);
    atomic_store(&f.mode, FAKE_DOWN);
    int64_t begin = tm_clock_mono_ms();
    enum oidc_reason r = OIDC_REASON_NONE;
    while (r == OIDC_REASON_NONE && tm_clock_mono_ms() - begin < 10000) {
        usleep(50000);
        r = ask(v, &f);
    }
    assert_int_equal(r, OIDC_REASON_KEYS);
    assert_true(tm_clock_mono_ms() - begin > 1000); /* fetched up to a refresh before the outage */
    atomic_store(&f.mode, FAKE_WELL);
    for (int i = 0; i < 100 && (r = ask(v, &f)) != OIDC_REASON_NONE; i++)
        usleep(100000);
    assert_int_equal(r, OIDC_REASON_NONE);
    oidc_verifier_free(v);
    oidc_trust_unref(t);
    fake_issuer_stop(&f);
}

/* A fault from the start: no keys, KEYS as the reason, and it heals. */
static void refused_then_healed(int mode, const char *elsewhere)
{
    struct fake_issuer f;
    fake_issuer_start(&f, NULL, NULL);
    atomic_store(&f.mode, mode);
    atomic_store(&f.delay_ms, 1500); /* over the fetch timeout */
    snprintf(f.elsewhere, sizeof(f.elsewhere), "%s", elsewhere);
    struct oidc_verifier *v = verifier_for(trust_one(f.url, ""), 3600, 1);
    enum oidc_reason r = ask(v, &f);
    if (r != OIDC_REASON_KEYS)
        fail_msg("mode %d: %s", mode, oidc_reason_name(r));
    atomic_store(&f.mode, FAKE_WELL);
    for (int i = 0; i < 50 && (r = ask(v, &f)) != OIDC_REASON_NONE; i++)
        usleep(100000);
    assert_int_equal(r, OIDC_REASON_NONE);
    oidc_verifier_free(v);
    fake_issuer_stop(&f);
}

static void bad_discovery_is_refused_and_heals(void **state)
{
    (void)state;
    static const int modes[] = {FAKE_DOWN,     FAKE_NOT_JSON, FAKE_OTHER_ISSUER, FAKE_BIG_DISCOVERY,
                                FAKE_BIG_KEYS, FAKE_NO_KEYS,  FAKE_SLOW};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        refused_then_healed(modes[i], "");
}

static void a_redirect_to_another_host_is_refused(void **state)
{
    (void)state;
    struct fake_issuer other;
    char to[128];
    fake_issuer_start(&other, NULL, NULL);
    snprintf(to, sizeof(to), "%s/moved", other.url); /* same address, another port */
    refused_then_healed(FAKE_REDIRECT_AWAY, to);
    refused_then_healed(FAKE_REDIRECT_AWAY, "file:///etc/passwd");
    refused_then_healed(FAKE_REDIRECT_AWAY, "http://user@127.0.0.1/");
    assert_int_equal(atomic_load(&other.discoveries), 0);
    fake_issuer_stop(&other);
    struct fake_issuer f;
    fake_issuer_start(&f, NULL, NULL);
    atomic_store(&f.mode, FAKE_REDIRECT_HERE);
    struct oidc_verifier *v = verifier_for(trust_one(f.url, ""), 3600, 1);
    assert_int_equal(ask(v, &f), OIDC_REASON_NONE);
    oidc_verifier_free(v);
    fake_issuer_stop(&f);
}

static void slow_issuers_do_not_hold_up_others(void **state)
{
    (void)state;
    enum { SLOW = 12 };
    struct fake_issuer slow[SLOW];
    struct fake_issuer well;
    struct tm_buf text = {0};
    tm_buf_puts(&text, "oidc-issuers:\n");
    fake_issuer_start(&well, NULL, NULL);
    for (int i = 0; i <= SLOW; i++) {
        struct fake_issuer *f = i < SLOW ? &slow[i] : &well;
        if (i < SLOW) {
            fake_issuer_start(f, NULL, NULL);
            atomic_store(&f->mode, FAKE_SLOW);
            atomic_store(&f->delay_ms, 1500);
        }
        tm_buf_printf(&text, "  \"%s\": {issuer-url: \"%s\", client-id: sigstore, type: email}\n",
                      f->url, f->url);
    }
    struct oidc_trust *t = trust_of(tm_buf_str(&text));
    int64_t begin = tm_clock_mono_ms();
    struct oidc_verifier *v = verifier_for(t, 3600, 1);
    assert_int_equal(ask(v, &well), OIDC_REASON_NONE);
    assert_true(tm_clock_mono_ms() - begin < 600); /* less than one slow one's time-out */
    for (int i = 0; i < SLOW; i++)
        assert_int_equal(ask(v, &slow[i]), OIDC_REASON_KEYS);
    oidc_verifier_free(v); /* while fetches may be under way */
    for (int i = 0; i < SLOW; i++)
        fake_issuer_stop(&slow[i]);
    fake_issuer_stop(&well);
    tm_buf_free(&text);
}

static struct oidc_trust *trust_ca(const char *url, struct tm_buf *pem)
{
    struct tm_buf more = {0};
    tm_buf_puts(&more, "    ca-cert: |\n");
    char *copy = strdup(tm_buf_str(pem));
    for (char *save = NULL, *line = strtok_r(copy, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save))
        tm_buf_printf(&more, "      %s\n", line);
    struct oidc_trust *t = trust_one(url, tm_buf_str(&more));
    free(copy);
    tm_buf_free(&more);
    return t;
}

static void an_issuers_ca_certificate_follows_reloads(void **state)
{
    (void)state;
    struct tm_buf cert = {0};
    struct tm_buf key = {0};
    struct tm_buf wrong = {0};
    struct tm_buf unused = {0};
    struct fake_issuer f;
    pki_tls(&cert, &key);
    pki_tls(&wrong, &unused);
    fake_issuer_start(&f, tm_buf_str(&cert), tm_buf_str(&key));
    /* A busy machine takes its time to read all CAs and shake hands. */
    struct oidc_verifier *v = verifier_with(trust_one(f.url, ""), 3600, 1, 10000);
    assert_int_equal(ask(v, &f), OIDC_REASON_KEYS); /* nobody vouches for its TLS */
    struct oidc_trust *right = trust_ca(f.url, &cert);
    oidc_verifier_set_trust(v, right);
    assert_int_equal(ask(v, &f), OIDC_REASON_NONE); /* at once, without a restart */
    struct oidc_trust *other = trust_ca(f.url, &wrong);
    oidc_verifier_set_trust(v, other);
    assert_int_equal(ask(v, &f), OIDC_REASON_KEYS); /* nor do the keys had before stay */
    oidc_verifier_set_trust(v, right);
    assert_int_equal(ask(v, &f), OIDC_REASON_NONE);
    int had = atomic_load(&f.key_fetches);
    oidc_verifier_set_trust(v, right); /* nothing changed: the keys stay, nothing is fetched */
    assert_int_equal(ask(v, &f), OIDC_REASON_NONE);
    assert_int_equal(atomic_load(&f.key_fetches), had);
    oidc_trust_unref(right);
    oidc_trust_unref(other);
    oidc_verifier_free(v);
    fake_issuer_stop(&f);
    tm_buf_free(&cert);
    tm_buf_free(&key);
    tm_buf_free(&wrong);
    tm_buf_free(&unused);
}

static void count_issuers(void *arg, const struct oidc_issuer_stats *s)
{
    (void)s;
    ++*(int *)arg;
}

static void a_removed_issuer_is_refused_and_left_alone(void **state)
{
    (void)state;
    struct fake_issuer f;
    struct fake_issuer g;
    fake_issuer_start(&f, NULL, NULL);
    fake_issuer_start(&g, NULL, NULL);
    struct oidc_verifier *v = verifier_for(trust_one(f.url, ""), 0, 0);
    assert_int_equal(ask(v, &f), OIDC_REASON_NONE);
    struct oidc_trust *only_g = trust_one(g.url, "");
    oidc_verifier_set_trust(v, only_g);
    assert_int_equal(ask(v, &f), OIDC_REASON_ISSUER);
    assert_int_equal(ask(v, &g), OIDC_REASON_NONE);
    usleep(800000); /* what was under way ends */
    int seen = atomic_load(&f.discoveries);
    int live = atomic_load(&g.discoveries);
    until(&g.discoveries, live + 2);
    assert_int_equal(atomic_load(&f.discoveries), seen);
    int issuers = 0;
    oidc_verifier_stats(v, count_issuers, &issuers);
    assert_int_equal(issuers, 1);
    oidc_trust_unref(only_g);
    oidc_verifier_free(v);
    fake_issuer_stop(&f);
    fake_issuer_stop(&g);
}

static struct oidc_verifier *verifier_for_wildcard(const char *url, int64_t interval_s)
{
    struct tm_buf text = {0};
    tm_buf_printf(&text, "meta-issuers:\n  \"%s/*\": {client-id: sigstore, type: email}\n", url);
    struct oidc_verifier *v = verifier_for(trust_of(tm_buf_str(&text)), 3600, interval_s);
    tm_buf_free(&text);
    return v;
}

static enum oidc_reason ask_tenant(struct oidc_verifier *v, struct fake_issuer *f, const char *name)
{
    struct tm_buf token = {0};
    char iss[96];
    snprintf(iss, sizeof(iss), "%s/%s", f->url, name);
    fake_issuer_token(f, iss, &token);
    enum oidc_reason r = ask_token(v, &token);
    tm_buf_free(&token);
    return r;
}

/* Tokens are not believed yet when their issuer's keys are looked for, so anybody can name any
 * issuer that a wildcard admits. */
static void made_up_wildcard_issuers_neither_evict_nor_lock_out_real_ones(void **state)
{
    (void)state;
    struct fake_issuer f;
    char name[32];
    fake_issuer_start(&f, NULL, NULL);
    struct oidc_verifier *v = verifier_for_wildcard(f.url, 30);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "before-%d", i);
        assert_int_equal(ask_tenant(v, &f, name), OIDC_REASON_KEYS);
    }
    int issuers = 0;
    oidc_verifier_stats(v, count_issuers, &issuers);
    assert_int_equal(issuers, 0); /* their names are no metric's labels */
    assert_int_equal(ask_tenant(v, &f, "tenant"), OIDC_REASON_NONE); /* new, among them */
    int had = atomic_load(&f.key_fetches);
    for (int i = 0; i < 1300; i++) {
        snprintf(name, sizeof(name), "after-%d", i);
        assert_int_equal(ask_tenant(v, &f, name), OIDC_REASON_KEYS);
    }
    assert_int_equal(ask_tenant(v, &f, "tenant"), OIDC_REASON_NONE);
    assert_int_equal(atomic_load(&f.key_fetches), had); /* it was never forgotten */
    oidc_verifier_stats(v, count_issuers, &issuers);
    assert_int_equal(issuers, 1);
    oidc_verifier_free(v);
    fake_issuer_stop(&f);
}

static void count_wake(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

/* How many of `count` tokens would be waited for; the others are refused at once. */
static int waits_of(struct oidc_verifier *v, struct fake_issuer *f, const char *url,
                    const char *prefix, int distinct, int count, atomic_int *woken)
{
    int waits = 0;
    struct oidc_waiter waiter = {count_wake, woken};
    for (int i = 0; i < count; i++) {
        struct tm_buf token = {0};
        struct oidc_result r;
        struct tm_err e = {0};
        char iss[96];
        snprintf(iss, sizeof(iss), "%s/%s-%d", url, prefix, i % distinct);
        fake_issuer_token(f, iss, &token);
        enum oidc_status st =
            oidc_verify(v, (const char *)token.data, token.len, time(NULL), &waiter, &r, &e);
        waits += st == OIDC_WAIT;
        if (st != OIDC_WAIT) {
            assert_int_equal(r.reason, OIDC_REASON_KEYS);
            assert_in_range(r.retry_after_s, 1, 2);
        }
        tm_buf_free(&token);
    }
    return waits;
}

static void a_wildcards_fetches_and_those_who_wait_for_them_are_few(void **state)
{
    (void)state;
    struct fake_issuer f;
    atomic_int woken = 0;
    char silent[64];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(fd, 512), 0); /* connections are taken, and never answered */
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    snprintf(silent, sizeof(silent), "http://127.0.0.1:%d", ntohs(at.sin_port));
    fake_issuer_start(&f, NULL, NULL); /* signs the tokens */
    struct oidc_verifier *v = verifier_for_wildcard(silent, 1);
    assert_int_equal(waits_of(v, &f, silent, "slow", 200, 200, &woken), 16);
    assert_int_equal(waits_of(v, &f, silent, "slow", 1, 500, &woken), 256 - 16);
    for (int i = 0; i < 500 && atomic_load(&woken) < 256; i++)
        usleep(10000); /* the time-out of the fetches */
    assert_int_equal(atomic_load(&woken), 256);
    usleep(1100000);
    assert_int_equal(waits_of(v, &f, silent, "again", 200, 200, &woken),
                     16); /* places are given back */
    oidc_verifier_free(v);
    assert_int_equal(atomic_load(&woken), 256 + 16);
    fake_issuer_stop(&f);
    close(fd);
}

/* A key that its issuer withdrew must not be trusted for longer because a wildcard admits it. */
static void a_wildcards_issuer_is_refreshed_while_used_and_then_forgotten(void **state)
{
    (void)state;
    struct fake_issuer f;
    struct tm_buf text = {0};
    struct tm_buf old = {0};
    char real[96];
    int issuers = 0;
    fake_issuer_start(&f, NULL, NULL);
    snprintf(real, sizeof(real), "%s/tenant", f.url);
    tm_buf_printf(&text, "meta-issuers:\n  \"%s/*\": {client-id: sigstore, type: email}\n", f.url);
    struct oidc_verifier *v = verifier_for(trust_of(tm_buf_str(&text)), 1, 1);
    fake_issuer_token(&f, real, &old);
    assert_int_equal(ask_token(v, &old), OIDC_REASON_NONE);
    atomic_fetch_add(&f.key_number, 1); /* k0 is withdrawn */
    int seen = atomic_load(&f.key_fetches);
    enum oidc_reason r = OIDC_REASON_NONE;
    for (int i = 0; i < 60 && r == OIDC_REASON_NONE; i++) {
        r = ask_token(v, &old);
        usleep(100000);
    }
    assert_int_equal(r, OIDC_REASON_KEYS); /* it might still be published */
    assert_true(atomic_load(&f.key_fetches) > seen);
    oidc_verifier_stats(v, count_issuers, &issuers);
    assert_int_equal(issuers, 1);
    for (int i = 0; i < 60 && issuers != 0; i++) { /* nobody asks any more */
        usleep(100000);
        issuers = 0;
        oidc_verifier_stats(v, count_issuers, &issuers);
    }
    assert_int_equal(issuers, 0);
    oidc_verifier_free(v);
    fake_issuer_stop(&f);
    tm_buf_free(&text);
    tm_buf_free(&old);
}

static void write_text(const char *path, const char *text)
{
    struct tm_err e = {0};
    if (tm_file_write_atomic(path, 0600, text, strlen(text), &e) != 0)
        fail_msg("%s", e.text);
}

static enum oidc_reason ask_kubernetes(struct oidc_verifier *v, struct fake_issuer *f)
{
    struct tm_buf token = {0};
    char claims[512];
    snprintf(claims, sizeof(claims),
             "{\"iss\":\"%s\",\"aud\":\"sigstore\",\"sub\":\"system:serviceaccount:ns:sa\","
             "\"exp\":9999999999,\"kubernetes.io\":{\"namespace\":\"ns\",\"serviceaccount\":"
             "{\"name\":\"sa\",\"uid\":\"1\"}}}",
             f->url);
    fake_issuer_sign(f, "k0", claims, &token);
    enum oidc_reason r = ask_token(v, &token);
    tm_buf_free(&token);
    return r;
}

/* The API server of the cluster: under the cluster's CA, and for service accounts only. */
static void the_clusters_own_issuer_is_asked_with_the_accounts_token(void **state)
{
    (void)state;
    char dir[] = "/tmp/tenmint-k8s-XXXXXX";
    char ca_file[64];
    char token_file[64];
    struct tm_buf cert = {0};
    struct tm_buf key = {0};
    struct fake_issuer f;
    struct oidc_options o;
    struct tm_err e = {0};
    assert_non_null(mkdtemp(dir));
    snprintf(ca_file, sizeof(ca_file), "%s/ca.crt", dir);
    snprintf(token_file, sizeof(token_file), "%s/token", dir);
    pki_tls(&cert, &key);
    fake_issuer_start(&f, tm_buf_str(&cert), tm_buf_str(&key));
    snprintf(f.bearer, sizeof(f.bearer), "account-token-1");
    struct tm_buf text = {0};
    tm_buf_printf(&text,
                  "oidc-issuers:\n  \"%s\": {issuer-url: \"%s\", client-id: sigstore, "
                  "type: kubernetes}\n",
                  f.url, f.url);
    struct oidc_trust *t = trust_of(tm_buf_str(&text));
    oidc_options_default(&o);
    o.jwks_refresh_s = 0; /* always stale: each tick of the refresher fetches */
    o.jwks_min_interval_s = 1;
    o.kubernetes_ca_file = ca_file;
    o.kubernetes_token_file = token_file;
    struct oidc_verifier *v = oidc_verifier_new(t, &o, NULL, &e);
    assert_non_null(v);
    assert_int_equal(ask_kubernetes(v, &f), OIDC_REASON_KEYS); /* no CA, no token */
    write_text(ca_file, tm_buf_str(&cert));
    int seen = atomic_load(&f.discoveries);
    until(&f.discoveries, seen + 1);
    assert_int_equal(ask_kubernetes(v, &f), OIDC_REASON_KEYS); /* 401 without the token */
    write_text(token_file, "account-token-1\n");
    enum oidc_reason r = OIDC_REASON_KEYS;
    for (int i = 0; i < 50 && (r = ask_kubernetes(v, &f)) != OIDC_REASON_NONE; i++)
        usleep(100000);
    assert_int_equal(r, OIDC_REASON_NONE);
    pthread_mutex_lock(&f.lock); /* the kubelet rotates it */
    snprintf(f.bearer, sizeof(f.bearer), "account-token-2");
    pthread_mutex_unlock(&f.lock);
    write_text(token_file, "account-token-2");
    seen = atomic_load(&f.key_fetches);
    until(&f.key_fetches, seen + 1);
    pthread_mutex_lock(&f.lock);
    assert_string_equal(f.seen_bearer, "Bearer account-token-2");
    pthread_mutex_unlock(&f.lock);
    oidc_verifier_free(v);
    oidc_trust_unref(t);

    /* Another type at the same place is asked without it. */
    struct oidc_trust *plain = trust_ca(f.url, &cert);
    v = oidc_verifier_new(plain, &o, NULL, &e);
    assert_int_equal(ask(v, &f), OIDC_REASON_KEYS);
    pthread_mutex_lock(&f.lock);
    assert_string_equal(f.seen_bearer, "");
    pthread_mutex_unlock(&f.lock);
    oidc_verifier_free(v);
    oidc_trust_unref(plain);
    fake_issuer_stop(&f);
    unlink(ca_file);
    unlink(token_file);
    rmdir(dir);
    tm_buf_free(&text);
    tm_buf_free(&cert);
    tm_buf_free(&key);
}

static void the_accounts_token_is_for_the_cluster_only(void **state)
{
    (void)state;
    static const struct {
        const char *url, *type;
        bool wildcard, yes;
    } rows[] = {
        {"https://kubernetes.default.svc", "kubernetes", false, true},
        {"https://kubernetes.default.svc.cluster.local", "kubernetes", false, true},
        {"https://kubernetes.default.svc:6443", "kubernetes", false, true},
        {"https://127.0.0.1:6443", "kubernetes", false, true},
        {"https://kubernetes.default.svc", "kubernetes", true, false},
        {"https://kubernetes.default.svc", "email", false, false},
        {"http://kubernetes.default.svc", "kubernetes", false, false},
        {"https://kubernetes.default.svcs", "kubernetes", false, false},
        {"https://kubernetes.default.svc@evil.example", "kubernetes", false, false},
        {"https://oidc.eks.eu-west-1.amazonaws.com/id/A", "kubernetes", false, false},
        {"https://evil.example/https://kubernetes.default.svc", "kubernetes", false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct oidc_issuer is = {
            .url = rows[i].url, .type_name = rows[i].type, .wildcard = rows[i].wildcard};
        if (oidc_incluster_is(&is) != rows[i].yes)
            fail_msg("row %zu: %s", i, rows[i].url);
    }
    char path[] = "/tmp/tenmint-token-XXXXXX";
    struct tm_buf out = {0};
    struct tm_err e = {0};
    close(mkstemp(path));
    write_text(path, "one\r\nX-Evil: two");
    assert_int_equal(oidc_incluster_token(path, &out, &e), -1);
    assert_null(strstr(e.text, "Evil"));
    unlink(path);
    tm_buf_reset(&out);
    assert_int_equal(oidc_incluster_token(path, &out, &e), 0);
    assert_int_equal(out.len, 0);
    tm_buf_free(&out);
}

static void an_issuer_that_nobody_allows_over_http_is_not_asked(void **state)
{
    (void)state;
    struct oidc_trust *t = NULL;
    struct tm_err e = {0};
    static const char text[] = "oidc-issuers:\n  \"http://issuer.example.com\":\n    issuer-url: "
                               "\"http://issuer.example.com\"\n    client-id: sigstore\n"
                               "    type: email\n";
    struct fake_issuer f;
    fake_issuer_start(&f, NULL, NULL);
    if (oidc_trust_parse("test", text, strlen(text), &t, &e) == 0) {
        struct oidc_verifier *v = verifier_for(t, 3600, 1);
        struct tm_buf token = {0};
        fake_issuer_token(&f, "http://issuer.example.com", &token);
        assert_int_equal(ask_token(v, &token), OIDC_REASON_KEYS);
        tm_buf_free(&token);
        oidc_verifier_free(v);
    }
    fake_issuer_stop(&f);
}

static void an_untrusted_issuer_is_named_with_what_is_near(void **state)
{
    (void)state;
    static const struct {
        const char *iss, *says;
    } rows[] = {
        {"http://127.0.0.1:9/", "127.0.0.1:9/' is not trusted (the issuer list has it without"},
        {"http://127.0.0.1:9/with", "/with' is not trusted (the issuer list has it with a slash"},
        {"http://127.0.0.1:99", "'http://127.0.0.1:99' is not trusted"},
        {"/", "'/' is not trusted"},
        {"HTTP://127.0.0.1:9", "is not trusted"},
        {"http://u@127.0.0.1:9", "is not trusted"},
        {"http://127.0.0.1:9?", "is not trusted"},
        {"http://127.1:9", "is not trusted"},
    };
    struct fake_issuer f;
    fake_issuer_start(&f, NULL, NULL);
    struct oidc_verifier *v =
        verifier_for(trust_of("oidc-issuers:\n"
                              "  http://127.0.0.1:9: {issuer-url: http://127.0.0.1:9, client-id: "
                              "sigstore, type: email}\n"
                              "  http://127.0.0.1:9/with/: {issuer-url: http://127.0.0.1:9/with/, "
                              "client-id: sigstore, type: email}\n"),
                     3600, 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tm_buf token = {0};
        struct oidc_result r;
        struct tm_err e = {0};
        fake_issuer_token(&f, rows[i].iss, &token);
        assert_int_equal(
            oidc_verify(v, (const char *)token.data, token.len, time(NULL), NULL, &r, &e),
            OIDC_REFUSED);
        assert_int_equal(r.reason, OIDC_REASON_ISSUER);
        assert_string_equal(r.issuer, "");
        if (strstr(e.text, rows[i].says) == NULL)
            fail_msg("%s: %s", rows[i].iss, e.text);
        tm_buf_free(&token);
    }
    oidc_verifier_free(v);
    fake_issuer_stop(&f);
}

/* ---- terms of an issuer ---- */

static enum oidc_reason ask_with(struct fake_issuer *f, const char *more)
{
    struct oidc_verifier *v = verifier_for(trust_one(f->url, more), 3600, 1);
    enum oidc_reason r = ask(v, f);
    oidc_verifier_free(v);
    return r;
}

static void an_issuers_terms_refuse_each_with_its_own_reason(void **state)
{
    (void)state;
    struct fake_issuer f;
    fake_issuer_start(&f, NULL, NULL);
    assert_int_equal(ask_with(&f, "    not-after: 2020-01-01T00:00:00Z\n"), OIDC_REASON_TERM);
    assert_int_equal(ask_with(&f, "    not-before: 2900-01-01T00:00:00Z\n"), OIDC_REASON_TERM);
    assert_int_equal(ask_with(&f, "    trial: true\n"), OIDC_REASON_TRIAL);
    assert_int_equal(ask_with(&f, "    allow: [{claim: nothing, is: x}]\n"), OIDC_REASON_RULES);
    assert_int_equal(ask_with(&f, "    allow: [{claim: aud, is: sigstore}]\n"), OIDC_REASON_NONE);
    assert_int_equal(ask_with(&f, "    allow: [{all-of: [{claim: aud, is: sigstore}, "
                                  "{claim: aud, is: x}]}]\n"),
                     OIDC_REASON_RULES);
    assert_int_equal(ask_with(&f, "    allow: [{claim: iss, glob: '*:*'}]\n"), OIDC_REASON_RULES);
    assert_int_equal(ask_with(&f, "    allow: [{claim: iss, glob: '**'}]\n"), OIDC_REASON_NONE);
    assert_int_equal(ask_with(&f, "    allow: [{claim: email, glob: 'dev@exampl..com'}]\n"),
                     OIDC_REASON_RULES);
    int asked = atomic_load(&f.discoveries);
    assert_int_equal(ask_with(&f, "    disabled: true\n"), OIDC_REASON_DISABLED);
    assert_int_equal(atomic_load(&f.discoveries), asked); /* nor is it asked for keys */
    fake_issuer_stop(&f);
}

static void an_issuer_comes_into_force_without_a_reload(void **state)
{
    (void)state;
    struct fake_issuer f;
    struct oidc_result r;
    struct tm_err e = {0};
    struct tm_buf token = {0};
    fake_issuer_start(&f, NULL, NULL);
    struct oidc_verifier *v = verifier_for(
        trust_one(f.url, "    not-before: 2026-01-01T00:00:10Z\n    lifetime: 90s\n"), 3600, 1);
    struct tm_buf claims = {0};
    tm_buf_printf(&claims,
                  "{\"iss\":\"%s\",\"aud\":\"sigstore\",\"sub\":\"s\",\"email\":"
                  "\"a@example.com\",\"email_verified\":true,\"exp\":9999999999}",
                  f.url);
    fake_issuer_sign(&f, "k0", tm_buf_str(&claims), &token);
    until(&f.key_fetches, 1); /* the keys are there before */
    const int64_t begins = 1767225610;
    enum oidc_status st = OIDC_REFUSED;
    assert_int_equal(oidc_verify(v, (const char *)token.data, token.len, begins - 1, NULL, &r, &e),
                     OIDC_REFUSED);
    assert_int_equal(r.reason, OIDC_REASON_TERM);
    assert_non_null(strstr(e.text, "trusted from 2026-01-01T00:00:10Z on"));
    for (int i = 0; i < 800 && st != OIDC_OK; i++) {
        st = oidc_verify(v, (const char *)token.data, token.len, begins, NULL, &r, &e);
        usleep(st != OIDC_OK ? 10000 : 0);
    }
    assert_int_equal(st, OIDC_OK);
    assert_int_equal(r.lifetime_s, 90);
    assert_string_equal(r.entry, f.url);
    oidc_principal_free(&r.principal);
    tm_buf_free(&claims);
    tm_buf_free(&token);
    oidc_verifier_free(v);
    fake_issuer_stop(&f);
}

static void a_list_that_nobody_vouches_for_any_more_lets_nobody_in(void **state)
{
    (void)state;
    struct fake_issuer f;
    fake_issuer_start(&f, NULL, NULL);
    struct oidc_verifier *v = verifier_for(trust_one(f.url, ""), 3600, 1);
    oidc_verifier_set_end(v, time(NULL) + 3600);
    assert_int_equal(ask(v, &f), OIDC_REASON_NONE);
    oidc_verifier_set_end(v, time(NULL));
    assert_int_equal(ask(v, &f), OIDC_REASON_OUTDATED);
    oidc_verifier_set_end(v, time(NULL) + 3600); /* renewed */
    assert_int_equal(ask(v, &f), OIDC_REASON_NONE);
    oidc_verifier_free(v);
    fake_issuer_stop(&f);
}

static void write_keys(struct fake_issuer *f, const char *path)
{
    struct tm_buf jwks = {0};
    struct tm_err e = {0};
    fake_issuer_keys(f, &jwks);
    if (tm_file_write_atomic(path, 0644, jwks.data, jwks.len, &e) != 0)
        fail_msg("%s", e.text);
    tm_buf_free(&jwks);
}

static void pinned_keys_are_read_from_their_file_and_again_when_it_changes(void **state)
{
    (void)state;
    char dir[] = "/tmp/tenmint-pinned-XXXXXX";
    char path[64];
    struct fake_issuer f;
    struct tm_err e = {0};
    struct oidc_trust *t = NULL;
    struct tm_buf list = {0};
    assert_non_null(mkdtemp(dir));
    fake_issuer_start(&f, NULL, NULL);
    snprintf(path, sizeof(path), "%s/jwks", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/jwks/keys.json", dir);
    write_keys(&f, path);
    tm_buf_printf(&list,
                  "oidc-issuers:\n  \"%s\": {issuer-url: \"%s\", client-id: sigstore, "
                  "type: email, jwks-file: keys.json}\n",
                  f.url, f.url);
    char name[64];
    snprintf(name, sizeof(name), "%s/list", dir);
    if (oidc_trust_parse(name, (const char *)list.data, list.len, &t, &e) != 0)
        fail_msg("%s", e.text);
    struct oidc_verifier *v = verifier_for(t, 3600, 3600);
    assert_int_equal(ask(v, &f), OIDC_REASON_NONE);
    atomic_fetch_add(&f.key_number, 1);
    assert_int_equal(ask(v, &f), OIDC_REASON_KEYS); /* a key that nobody has pinned */
    assert_int_equal(tm_file_write_atomic(path, 0644, "{", 1, &e), 0);
    usleep(1200000); /* two looks: what is damaged does not replace what is good */
    atomic_fetch_sub(&f.key_number, 1);
    assert_int_equal(ask(v, &f), OIDC_REASON_NONE);
    atomic_fetch_add(&f.key_number, 1);
    write_keys(&f, path);
    enum oidc_reason r = OIDC_REASON_KEYS;
    for (int i = 0; i < 800 && r != OIDC_REASON_NONE; i++) {
        usleep(10000);
        r = ask(v, &f);
    }
    assert_int_equal(r, OIDC_REASON_NONE);
    unlink(path); /* and with the file its keys go */
    for (int i = 0; i < 1500 && r != OIDC_REASON_KEYS; i++) {
        usleep(10000);
        r = ask(v, &f);
    }
    assert_int_equal(r, OIDC_REASON_KEYS);
    write_keys(&f, path);
    for (int i = 0; i < 1500 && r != OIDC_REASON_NONE; i++) {
        usleep(10000);
        r = ask(v, &f);
    }
    assert_int_equal(r, OIDC_REASON_NONE);
    assert_int_equal(atomic_load(&f.discoveries), 0); /* never asked */
    oidc_verifier_free(v);
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    rmdir(dir);
    tm_buf_free(&list);
    fake_issuer_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_outage_keeps_the_last_good_keys),
        cmocka_unit_test(a_storm_of_unknown_kids_makes_few_fetches),
        cmocka_unit_test(a_token_without_a_key_id_is_tried_against_few_keys),
        cmocka_unit_test(an_unknown_key_id_is_told_when_to_come_again),
        cmocka_unit_test(a_failed_fetch_is_tried_again_within_seconds),
        cmocka_unit_test(keys_outlive_an_outage_only_as_long_as_allowed),
        cmocka_unit_test(bad_discovery_is_refused_and_heals),
        cmocka_unit_test(a_redirect_to_another_host_is_refused),
        cmocka_unit_test(slow_issuers_do_not_hold_up_others),
        cmocka_unit_test(an_issuers_ca_certificate_follows_reloads),
        cmocka_unit_test(a_removed_issuer_is_refused_and_left_alone),
        cmocka_unit_test(made_up_wildcard_issuers_neither_evict_nor_lock_out_real_ones),
        cmocka_unit_test(a_wildcards_fetches_and_those_who_wait_for_them_are_few),
        cmocka_unit_test(a_wildcards_issuer_is_refreshed_while_used_and_then_forgotten),
        cmocka_unit_test(the_clusters_own_issuer_is_asked_with_the_accounts_token),
        cmocka_unit_test(the_accounts_token_is_for_the_cluster_only),
        cmocka_unit_test(an_issuer_that_nobody_allows_over_http_is_not_asked),
        cmocka_unit_test(an_untrusted_issuer_is_named_with_what_is_near),
        cmocka_unit_test(an_issuers_terms_refuse_each_with_its_own_reason),
        cmocka_unit_test(an_issuer_comes_into_force_without_a_reload),
        cmocka_unit_test(a_list_that_nobody_vouches_for_any_more_lets_nobody_in),
        cmocka_unit_test(pinned_keys_are_read_from_their_file_and_again_when_it_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
