/* The server's configuration file: every key, every refusal, and the nearest-word hints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/config/config.h"
#include "ca/config/proxies.h"
#include "common/file.h"
#include "common/nearest.h"

static int parse(const char *text, struct ca_config *c, struct tm_err *e)
{
    return ca_config_parse("t.yaml", text, strlen(text), c, e);
}

static void a_minimal_file_gets_the_defaults(void **state)
{
    (void)state;
    struct ca_config c;
    struct tm_err e = {0};
    assert_int_equal(parse("ca: {backend: ephemeral}\nissuers-file: i.yaml\n", &c, &e), 0);
    assert_string_equal(c.listen, "127.0.0.1:5555");
    assert_null(c.metrics_listen);
    assert_int_equal(c.max_request_size, 256 * 1024);
    assert_int_equal(c.ca.lifetime, 600 * 1000);
    assert_int_equal(c.oidc.skew, 60 * 1000);
    assert_int_equal(ca_config_log_level(&c), JLOG_INFO);
    assert_false(c.ca.subject_key_id);
    struct tm_http_options ho;
    ca_config_http(&c, &ho);
    assert_true(ho.workers >= 1);
    assert_int_equal(ho.max_body, 256 * 1024);
    ca_config_free(&c);
}

static const char full[] =
    "listen: '[::1]:0'\nmetrics-listen: ':2112'\nworkers: 3\nmax-request-size: 1MiB\n"
    "timeouts: {header: 1s, request: 2s, idle: 3s, wait: 400ms, drain: 0s, start: 5s}\n"
    "connection-limit: 10\nper-address-limit: 0\n"
    "tls: {certificate: c.pem, key: /abs/k.pem}\n"
    "ca:\n  backend: file\n  chain: chain.pem\n  key: key.pem\n  password-env: PW\n"
    "  lifetime: 24h\n  subject-key-id: true\n  client-signing-algorithms: [ed25519, "
    "ecdsa-sha2-256-nistp256]\n"
    "issuers-file: i.yaml\n"
    "oidc: {skew: 5s, max-token-age: 10m, jwks-refresh: 1h, jwks-min-interval: 10s, "
    "jwks-max-age: 2d, "
    "fetch-timeout: 2s, allow-http: true, ca-file: x.pem, engine: libjwt, "
    "kubernetes-ca-file: k.crt, kubernetes-token-file: /abs/token}\n"
    "ct: {scts-required: 2, operators-required: 2, deadline: 300ms, detached: false, logs: {\n"
    "  a: {url: 'https://log.example.com/a', public-key: a.pem, operator: x, host: h:1, tls-ca: "
    "t.pem, timeout: 2s, not-after-start: '2026-01-01T00:00:00Z', not-after-limit: "
    "'2026-07-01T00:00:00Z', allow-http: true},\n"
    "  b: {url: 'http://localhost:1/b', public-key: b.pem}}}\n"
    "reload-interval: 0s\nlog: {level: warn}\n";

static void each_key_is_read(void **state)
{
    (void)state;
    struct ca_config c;
    struct tm_err e = {0};
    if (parse(full, &c, &e) != 0)
        fail_msg("%s", e.text);
    struct tm_http_options ho;
    struct oidc_options oo;
    struct ca_signer_options so;
    ca_config_http(&c, &ho);
    ca_config_oidc(&c, &oo);
    ca_config_signer(&c, &so);
    assert_int_equal(ho.workers, 3);
    assert_int_equal(ho.wait_timeout_ms, 400);
    assert_int_equal(oo.skew_s, 5);
    assert_int_equal(oo.jwks_max_age_s, 2 * 24 * 3600);
    assert_int_equal(oo.max_age_s, 600);
    assert_int_equal(oo.engine, OIDC_ENGINE_LIBJWT);
    assert_true(oo.allow_http);
    assert_string_equal(so.backend, "file");
    assert_string_equal(so.key.password_env, "PW");
    assert_int_equal(c.ca.algorithms.count, 2);
    assert_string_equal(c.ca.algorithms.item[0], "ed25519");
    assert_int_equal(ca_config_log_level(&c), JLOG_WARN);
    struct ca_ct_member m[CT_LOGS_MAX];
    struct ca_ct_options co;
    ca_config_ct(&c, m, &co);
    assert_int_equal(co.count, 2);
    assert_int_equal(co.scts_required, 2);
    assert_int_equal(co.operators_required, 2);
    assert_int_equal(co.deadline_ms, 300);
    assert_string_equal(m[0].log.name, "a");
    assert_string_equal(m[0].operator_name, "x");
    assert_string_equal(m[0].log.host, "h:1");
    assert_string_equal(m[0].log.tls_ca_file, "t.pem");
    assert_int_equal(m[0].log.timeout_ms, 2000);
    assert_int_equal(m[0].log.not_after_start, 1767225600);
    assert_int_equal(m[0].log.not_after_limit, 1782864000);
    assert_true(m[0].log.allow_http);
    assert_null(m[1].operator_name);
    assert_int_equal(m[1].log.not_after_limit, 0);
    ca_config_free(&c);
}

#define OK_TAIL "ca: {backend: ephemeral}\nissuers-file: i.yaml\n"

static void a_bad_value_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "empty"},
        {"# only a comment\n", "empty"},
        {"- a\n", "t.yaml:1: not a mapping"},
        {"listn: x\n" OK_TAIL, "t.yaml:1: unknown key 'listn'; did you mean 'listen'?"},
        {"zebra: x\n" OK_TAIL, "t.yaml:1: unknown key 'zebra'"},
        {OK_TAIL "listen: a:1\nlisten: b:1\n", "t.yaml:4: key 'listen' is given twice"},
        {"ca:\n  backend: ephemeral\n  chian: x\nissuers-file: i\n",
         "t.yaml:3: unknown key 'chian' in 'ca'; did you mean 'chain'?"},
        {"listen: [a]\n" OK_TAIL, "t.yaml:1: 'listen' must be a non-empty string"},
        {"listen: ''\n" OK_TAIL, "non-empty string"},
        {"listen: 127.0.0.1\n" OK_TAIL, "'listen': listen address '127.0.0.1' has no port"},
        {"metrics-listen: a:99999\n" OK_TAIL, "'metrics-listen': listen address 'a:99999' is not"},
        {"listen: '::1:80'\n" OK_TAIL, "in [ ]"},
        {"listen:\n" OK_TAIL, "non-empty string"},
        {"workers: two\n" OK_TAIL, "'workers' must be a number"},
        {"workers: -1\n" OK_TAIL, "'workers' must be a number"},
        {"workers: 1000\n" OK_TAIL, "out of range: 0 to 256"},
        {"max-request-size: 5MiB\n" OK_TAIL, "out of range"},
        {"max-request-size: 1 MB\n" OK_TAIL, "must be a size"},
        {"timeouts: {wait: 10}\n" OK_TAIL, "must be a duration"},
        {"timeouts: {wait: 10y}\n" OK_TAIL, "must be a duration"},
        {"timeouts: {wait: 1ms}\n" OK_TAIL, "out of range"},
        {"timeouts: 5s\n" OK_TAIL, "'timeouts' must be a mapping"},
        {"timeouts:\n" OK_TAIL, "'timeouts' must be a mapping"},
        {"tls: {key: a}\n" OK_TAIL, "needs both"},
        {"listen: :80\nmetrics-listen: :80\n" OK_TAIL, "another port than 'listen'"},
        {"issuers-file: i\n", "needs 'backend'"},
        {"ca: {backend: ephemeral}\n", "'issuers-file' is missing"},
        {"ca: {backend: kms}\nissuers-file: i\n", "'kms' is not one of"},
        {"ca: {backend: file, chain: c}\nissuers-file: i\n", "needs 'key'"},
        {"ca: {backend: file, key: k}\nissuers-file: i\n", "needs 'chain'"},
        {"ca: {backend: ephemeral, chain: c}\nissuers-file: i\n", "remove 'chain'"},
        {"ca: {backend: ephemeral, key: c}\nissuers-file: i\n", "belongs to ca backend file"},
        {"ca: {backend: pkcs11, chain: c}\nissuers-file: i\n", "needs 'pkcs11-module'"},
        {"ca: {backend: file, chain: c, key: k, password-file: a, password-env: b}\n"
         "issuers-file: i\n",
         "not both"},
        {"ca: {backend: ephemeral, lifetime: 25h}\nissuers-file: i\n", "out of range"},
        {"ca: {backend: ephemeral, lifetime: 10ms}\nissuers-file: i\n", "out of range"},
        {"ca: {backend: ephemeral, subject-key-id: yes}\nissuers-file: i\n", "true or false"},
        {"ca: {backend: ephemeral, client-signing-algorithms: ed25519}\nissuers-file: i\n",
         "must be a list"},
        {"ca: {backend: ephemeral, client-signing-algorithms: [[a]]}\nissuers-file: i\n",
         "non-empty string"},
        {OK_TAIL "log: {level: loud}\n", "'loud' is not one of"},
        {OK_TAIL "ct: {logs: {a: {url: 'https://a'}}}\n", "log 'a' needs 'public-key'"},
        {OK_TAIL "ct: {logs: {a: {public-key: k}}}\n", "log 'a' needs 'url'"},
        {OK_TAIL "ct: {logs: {a: {public-key: k, url: 'http://log.example.com'}}}\n",
         "log 'a': 'http://log.example.com' must use https"},
        {OK_TAIL "ct: {logs: {a: {public-key: k, url: 'ftp://x'}}}\n", "not an http or https URL"},
        {OK_TAIL "ct: {logs: {a: {public-key: k, url: 'https://a', host: 'a b'}}}\n",
         "'host' is a name"},
        {OK_TAIL "ct: {logs: {a: {public-key: k, url: 'https://a', not-after-start: 2026}}}\n",
         "'not-after-start' must be a time"},
        {OK_TAIL "ct: {logs: {a: {public-key: k, url: 'https://a', not-after-start: "
                 "'2026-07-01T00:00:00Z', not-after-limit: '2026-07-01T00:00:00Z'}}}\n",
         "'not-after-start' is not before"},
        {OK_TAIL "ct: {logs: {a: {urll: x}}}\n", "unknown key 'urll' in 'a'; did you mean 'url'?"},
        {OK_TAIL "ct: {logs: [a]}\n", "'logs' must be a mapping"},
        {OK_TAIL "ct: {embedded: {key: k, origin: a/b}}\n", "needs 'directory'"},
        {OK_TAIL "ct: {retired: {old: {prefix: /old}}}\n", "'old' needs 'directory'"},
        {OK_TAIL "ct: {retired: {old: {directory: d, prefix: /old}}}\n",
         "'old' needs 'public-key'"},
        {OK_TAIL "ct: {retired: {old: {directory: d, public-key: p}}}\n", "'old' needs 'prefix'"},
        {OK_TAIL "ct: {retired: {old: {directory: d, public-key: p, prefix: old/}}}\n",
         "retired log 'old'"},
        {OK_TAIL
         "ct: {retired: {old: {directory: d, public-key: p, prefix: /x}, older: {directory: "
         "e, public-key: p, prefix: /x}}}\n",
         "'old' and 'older' have the same prefix /x"},
        {OK_TAIL "ct: {retired: {old: {directory: d, public-key: p, prefix: /tuf}}}\n"
                 "tuf: {directory: t}\n",
         "'old' and 'tuf' have the same prefix /tuf"},
        {OK_TAIL "ct: {retired: {old: {directory: d, key: p}}}\n", "unknown key 'key'"},
        {OK_TAIL "ct: {embedded: {key: k, directory: d}}\n", "needs 'origin'"},
        {OK_TAIL "ct: {embedded: {origin: a/b, directory: d}}\n", "needs one of 'key'"},
        {OK_TAIL "ct: {embedded: {origin: a/b, directory: d, key: k, pkcs11-module: m}}\n",
         "needs one of 'key'"},
        {OK_TAIL "ct: {embedded: {origin: a/b, directory: d, pkcs11-module: m}}\n",
         "needs 'pkcs11-token'"},
        {OK_TAIL "ct: {embedded: {origin: a/b, directory: d, key: k, password-file: p, "
                 "password-env: P}}\n",
         "not both"},
        {OK_TAIL "ct: {scts-required: 0}\n", "out of range"},
        {OK_TAIL "ct: {deadline: 30s, logs: {a: {public-key: k, url: 'https://a'}}}\n",
         "must be shorter than timeouts 'wait'"},
        {OK_TAIL "ct: {detached: true, scts-required: 2}\n", "room for one detached SCT"},
        {OK_TAIL "oidc: {engine: x}\n", "'x' is not one of"},
        {OK_TAIL "oidc: {jwks-refresh: 10s}\n", "shorter than"},
        {OK_TAIL "oidc: {jwks-max-age: 1h}\n", "must be longer than 'jwks-refresh'"},
        {OK_TAIL "---\nlisten: b:1\n", "second YAML document"},
        {OK_TAIL "listen: \"a\\0b\"\n", "non-empty string"},
        {OK_TAIL "listen: 'x\n", "t.yaml:"},
        {OK_TAIL "? [a]\n: b\n", "a key must be a string"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ca_config c;
        struct tm_err e = {0};
        assert_int_equal(parse(bad[i].text, &c, &e), -1);
        if (strstr(e.text, bad[i].says) == NULL || strncmp(e.text, "t.yaml", 6) != 0)
            fail_msg("case %zu: '%s' does not say '%s'", i, e.text, bad[i].says);
    }
}

static void a_file_that_is_too_long_is_refused(void **state)
{
    (void)state;
    size_t len = YAMLMAP_FILE_MAX + 1;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, '\n', len);
    struct ca_config c;
    struct tm_err e = {0};
    assert_int_equal(ca_config_parse("t.yaml", text, len, &c, &e), -1);
    free(text);
}

static void paths_start_from_the_files_folder(void **state)
{
    (void)state;
    char dir[] = "/tmp/tenmint-config-XXXXXX";
    char path[64];
    char want[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/c.yaml", dir);
    struct ca_config c;
    struct tm_err e = {0};
    assert_int_equal(tm_file_create(path, 0600, full, sizeof(full) - 1, &e), 0);
    assert_int_equal(ca_config_load(path, &c, &e), 0);
    snprintf(want, sizeof(want), "%s/chain.pem", dir);
    assert_string_equal(c.ca.chain, want);
    assert_string_equal(c.tls.key, "/abs/k.pem");
    ca_config_free(&c);
    assert_int_equal(remove(path), 0);
    assert_int_equal(ca_config_load(path, &c, &e), -1);
    assert_non_null(strstr(e.text, path));
    assert_int_equal(remove(dir), 0);
}

/* The example documents every key: with its comments opened it still parses. */
static void the_reference_file_loads(void **state)
{
    (void)state;
    struct tm_buf text = {0};
    struct ca_config c;
    struct tm_err e = {0};
    if (tm_file_read("config/tenmint-ca.yaml", YAMLMAP_FILE_MAX, &text, &e) != 0)
        skip(); /* not run from the source's root */
    if (ca_config_parse("example", (const char *)text.data, text.len, &c, &e) != 0)
        fail_msg("%s", e.text);
    ca_config_free(&c);
    static const char *const words[] = {"listen",
                                        "metrics-listen",
                                        "workers",
                                        "max-request-size",
                                        "timeouts",
                                        "header",
                                        "request",
                                        "idle",
                                        "wait",
                                        "drain",
                                        "start",
                                        "connection-limit",
                                        "per-address-limit",
                                        "tls",
                                        "certificate",
                                        "key",
                                        "backend",
                                        "chain",
                                        "password-file",
                                        "password-env",
                                        "pkcs11-module",
                                        "pkcs11-token",
                                        "pkcs11-key",
                                        "pkcs11-pin-file",
                                        "pkcs11-pin-env",
                                        "ephemeral-type",
                                        "lifetime",
                                        "subject-key-id",
                                        "client-signing-algorithms",
                                        "issuers-file",
                                        "oidc",
                                        "skew",
                                        "max-token-age",
                                        "jwks-refresh",
                                        "jwks-min-interval",
                                        "jwks-max-age",
                                        "fetch-timeout",
                                        "allow-http",
                                        "ca-file",
                                        "engine",
                                        "reload-interval",
                                        "log",
                                        "level"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        char key[64];
        snprintf(key, sizeof(key), "%s:", words[i]);
        if (strstr(tm_buf_str(&text), key) == NULL)
            fail_msg("the example does not show '%s'", words[i]);
    }
    assert_true(ca_config_is_server((const char *)text.data, text.len));
    tm_buf_free(&text);
    static const char issuers[] = "oidc-issuers:\n  https://a: {type: email}\n";
    assert_false(ca_config_is_server(issuers, sizeof(issuers) - 1));
}

static void a_server_s_file_is_told_by_its_keys_however_they_are_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool server;
    } rows[] = {
        {"\"listen\": \"127.0.0.1:0\"\n", true},
        {"listen : 127.0.0.1:0\n", true},
        {"? listen\n: 127.0.0.1:0\n", true},
        {"{oidc-issuers: {}, listen: '127.0.0.1:0'}\n", true},
        {"  ca: {backend: ephemeral}\n", true},
        {"oidc-issuers:\n  'https://a':\n    type: email\n", false},
        {"# about:\n# the key\noidc-issuers: |\n  a\n\n", false},
        {"- listen: x\n", false},
        {"listen: [\n", false}, /* whatever it is, it is not read */
        {"", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(ca_config_is_server(rows[i].text, strlen(rows[i].text)), rows[i].server);
}

static void a_mistyped_key_names_the_nearest(void **state)
{
    (void)state;
    assert_int_equal(tm_nearest_distance("", ""), 0);
    assert_int_equal(tm_nearest_distance("abc", ""), 3);
    assert_int_equal(tm_nearest_distance("kitten", "sitting"), 3);
    assert_int_equal(tm_nearest_distance("cofnig", "config"), 1); /* a swap */
    assert_int_equal(tm_nearest_distance("a", "b"), 1);
    char longest[80];
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_true(tm_nearest_distance(longest, "a") == SIZE_MAX);
    struct tm_nearest n;
    tm_nearest_init(&n, "metrics-listn");
    tm_nearest_try(&n, "listen");
    tm_nearest_try(&n, "metrics-listen");
    assert_string_equal(n.best, "metrics-listen");
    tm_nearest_init(&n, "xyz");
    tm_nearest_try(&n, "listen");
    assert_null(n.best);
}

struct named {
    struct tm_buf text;
};

static void name_key(void *arg, const char *key, enum tm_yamlmap_change change)
{
    struct named *n = arg;
    tm_buf_printf(&n->text, "%s%s ",
                  change == YAMLMAP_ADDED     ? "+"
                  : change == YAMLMAP_REMOVED ? "-"
                                              : "",
                  key);
}

#define HEAD "issuers-file: i.yaml\n"
#define LOGS(extra) \
    "ct: {logs: {a: {url: 'https://a.example', public-key: a.pem" extra "}, " \
    "b: {url: 'https://b.example', public-key: b.pem}}}\n"

static void a_difference_is_named_by_its_key(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after, *named;
    } cases[] = {
        {HEAD "ca: {backend: ephemeral}\n", "ca: {backend: ephemeral}\n" HEAD, ""},
        {HEAD "ca: {backend: ephemeral}\n", HEAD "workers: 2\nca: {backend: ephemeral}\n",
         "workers "},
        {HEAD "ca: {backend: ephemeral}\n",
         HEAD "ca: {backend: ephemeral, lifetime: 5m, subject-key-id: true}\ntimeouts: {wait: 9s}\n"
              "tuf: {directory: t}\n",
         "timeouts.wait ca.lifetime ca.subject-key-id tuf.directory "},
        {HEAD "ca: {backend: ephemeral}\n" LOGS(""),
         HEAD "ca: {backend: ephemeral}\n" LOGS(", timeout: 3s"), "ct.logs.a.timeout "},
        {HEAD
         "ca: {backend: ephemeral}\nct: {logs: {a: {url: 'https://a.example', public-key: a}}}\n",
         HEAD
         "ca: {backend: ephemeral}\nct: {logs: {c: {url: 'https://a.example', public-key: a}}}\n",
         "-ct.logs.a +ct.logs.c "},
        {HEAD "ca: {backend: ephemeral, client-signing-algorithms: [ECDSA_SHA_256]}\n",
         HEAD "ca: {backend: ephemeral, client-signing-algorithms: [ED25519]}\n",
         "ca.client-signing-algorithms "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ca_config a;
        struct ca_config b;
        struct tm_err e = {0};
        struct named n = {0};
        if (ca_config_parse("a", cases[i].before, strlen(cases[i].before), &a, &e) != 0 ||
            ca_config_parse("b", cases[i].after, strlen(cases[i].after), &b, &e) != 0)
            fail_msg("case %zu: %s", i, e.text);
        ca_config_diff(&a, &b, name_key, &n);
        tm_buf_puts(&n.text, "");
        assert_string_equal(n.text.len > 0 ? tm_buf_str(&n.text) : "", cases[i].named);
        tm_buf_free(&n.text);
        ca_config_free(&a);
        ca_config_free(&b);
    }
}

static void every_path_begins_at_the_folder_of_the_file(void **state)
{
    (void)state;
    static const char text[] =
        "issuers-file: i.yaml\n"
        "tls: {certificate: t.pem, key: t.key}\n"
        "ca: {backend: file, chain: c.pem, key: c.key, password-file: c.pw}\n"
        "oidc: {ca-file: o.pem, kubernetes-ca-file: k.pem, kubernetes-token-file: k.token}\n"
        "ct: {embedded: {directory: log, origin: example.com/log, key: l.key, password-file: l.pw,"
        " anchor: a}, retired: {r: {directory: old, public-key: old.pem, prefix: /old}},"
        " logs: {x: {url: 'https://x.example', public-key: x.pem, tls-ca: xca.pem}}}\n"
        "tuf: {directory: tuf}\n"
        "audit-file: audit.log\n";
    struct ca_config c;
    struct tm_err e = {0};
    if (ca_config_parse("/etc/x/ca.yaml", text, sizeof(text) - 1, &c, &e) != 0)
        fail_msg("%s", e.text);
    const struct ca_config_ct_log *log = c.ct.logs.item;
    const struct ca_config_retired *retired = c.ct.retired.item;
    const char *const paths[][2] = {
        {c.issuers_file, "i.yaml"},
        {c.tls.certificate, "t.pem"},
        {c.tls.key, "t.key"},
        {c.ca.chain, "c.pem"},
        {c.ca.key.file, "c.key"},
        {c.ca.key.password_file, "c.pw"},
        {c.oidc.ca_file, "o.pem"},
        {c.oidc.kubernetes_ca_file, "k.pem"},
        {c.oidc.kubernetes_token_file, "k.token"},
        {c.ct.embedded.directory, "log"},
        {c.ct.embedded.key.file, "l.key"},
        {c.ct.embedded.key.password_file, "l.pw"},
        {c.ct.embedded.anchor, "a"},
        {retired->directory, "old"},
        {retired->public_key, "old.pem"},
        {log->public_key, "x.pem"},
        {log->tls_ca, "xca.pem"},
        {c.tuf.directory, "tuf"},
        {c.audit_file, "audit.log"},
    };
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_int_equal(strncmp(paths[i][0], "/etc/x/", 7), 0);
        assert_string_equal(paths[i][0] + 7, paths[i][1]);
    }
    ca_config_free(&c);
}

static void proxies_of_the_command_line_replace_the_files(void **state)
{
    struct tm_err e = {0};
    struct ca_config c;
    static const char *const one[] = {"10.0.0.1"}, *const two[] = {"10.0.0.0/8", "fd00::/8"},
                             *const odd[] = {"10.0.0.1", ""};
    (void)state;
    assert_int_equal(ca_config_default(&c, &e), 0);
    assert_int_equal(ca_config_use_proxies(&c, NULL, 0, NULL, &e), 0);
    assert_int_equal(c.proxies.addresses.count, 0);
    assert_int_equal(ca_config_use_proxies(&c, one, 1, "forwarded", &e), 0);
    assert_int_equal(ca_config_use_proxies(&c, two, 2, NULL, &e), 0);
    assert_int_equal(c.proxies.addresses.count, 2);
    assert_string_equal(c.proxies.addresses.item[1], "fd00::/8");
    assert_string_equal(c.proxies.way, "forwarded");
    assert_int_equal(ca_config_use_proxies(&c, odd, 2, NULL, &e), -1);
    assert_int_equal(ca_config_use_proxies(&c, one, 1, "by-hand", &e), -1);
    assert_non_null(strstr(e.text, "must be one of proxy-protocol"));
    ca_config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_minimal_file_gets_the_defaults),
        cmocka_unit_test(each_key_is_read),
        cmocka_unit_test(a_bad_value_is_refused_with_its_line),
        cmocka_unit_test(a_file_that_is_too_long_is_refused),
        cmocka_unit_test(paths_start_from_the_files_folder),
        cmocka_unit_test(the_reference_file_loads),
        cmocka_unit_test(a_difference_is_named_by_its_key),
        cmocka_unit_test(every_path_begins_at_the_folder_of_the_file),
        cmocka_unit_test(proxies_of_the_command_line_replace_the_files),
        cmocka_unit_test(a_server_s_file_is_told_by_its_keys_however_they_are_written),
        cmocka_unit_test(a_mistyped_key_names_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
