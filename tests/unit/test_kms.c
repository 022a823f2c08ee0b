/* Keys of key services, against tests/support/fake_kms.py, which knows their documented APIs. */
#include "tests/support/cmocka_all.h"
#include "tests/support/fakekms.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fetch/fetch.h"
#include "common/file.h"
#include "common/kms/internal.h"

static struct fake_kms fake;

static void write_text(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", fake.dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static const char *file_of(const char *name)
{
    static char path[4][128];
    static unsigned at;
    char *to = path[at++ % 4];
    snprintf(to, 128, "%s/%s", fake.dir, name);
    return to;
}

static int start_fake(void **state)
{
    (void)state;
    int rc = fake_kms_start(&fake, NULL);
    setenv("HOME", fake.dir, 1);
    return rc;
}

static int stop_fake(void **state)
{
    (void)state;
    return fake_kms_stop(&fake);
}

/* What the environment says of credentials; NULL ends. Every test begins without any. */
static void environment(const char *const *pairs)
{
    static const char *const all[] = {"AWS_ACCESS_KEY_ID",
                                      "AWS_SECRET_ACCESS_KEY",
                                      "AWS_SESSION_TOKEN",
                                      "AWS_PROFILE",
                                      "AWS_REGION",
                                      "AWS_DEFAULT_REGION",
                                      "AWS_WEB_IDENTITY_TOKEN_FILE",
                                      "AWS_ROLE_ARN",
                                      "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                      "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                                      "AWS_SHARED_CREDENTIALS_FILE",
                                      "AWS_CONFIG_FILE",
                                      "AWS_ENDPOINT_URL",
                                      "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                                      "AWS_EC2_METADATA_DISABLED",
                                      "GOOGLE_APPLICATION_CREDENTIALS",
                                      "GCE_METADATA_HOST",
                                      "AZURE_TENANT_ID",
                                      "AZURE_CLIENT_ID",
                                      "AZURE_CLIENT_SECRET",
                                      "AZURE_FEDERATED_TOKEN_FILE",
                                      "AZURE_AUTHORITY_HOST",
                                      "AZURE_POD_IDENTITY_AUTHORITY_HOST",
                                      "VAULT_ADDR",
                                      "VAULT_TOKEN",
                                      "VAULT_TOKEN_FILE",
                                      "VAULT_NAMESPACE",
                                      "VAULT_SECRET_ID",
                                      "BAO_ADDR",
                                      "BAO_TOKEN"};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        unsetenv(all[i]);
    for (; pairs != NULL && *pairs != NULL; pairs += 2)
        setenv(pairs[0], pairs[1], 1);
}

static void put(const char *path, const char *body)
{
    char url[128];
    snprintf(url, sizeof(url), "%s%s", fake.base, path);
    struct tm_err e = {0};
    struct tm_fetch_response r;
    const struct tm_fetch_request q = {
        .url = url, .post_body = body, .post_len = strlen(body), .put = true};
    if (tm_fetch_run(&q, &r, &e) != 0 || r.status != 200)
        fail_msg("%s", e.text);
    tm_fetch_response_free(&r);
}

static void set_fault(const char *kind, unsigned count)
{
    char body[64];
    snprintf(body, sizeof(body), "{\"kind\":\"%s\",\"count\":%u}", kind, count);
    put("/_fault", body);
}

/* How often the fake did `what`. */
static long stat_of(const char *what)
{
    char url[128], name[40];
    snprintf(url, sizeof(url), "%s/_stats", fake.base);
    snprintf(name, sizeof(name), "\"%s\": ", what);
    struct tm_err e = {0};
    struct tm_fetch_response r;
    const struct tm_fetch_request q = {.url = url};
    assert_int_equal(tm_fetch_run(&q, &r, &e), 0);
    const char *at = strstr(tm_buf_str(&r.body), name);
    long n = at != NULL ? strtol(at + strlen(name), NULL, 10) : 0;
    tm_fetch_response_free(&r);
    return n;
}

/* The URI of one of the fake's keys. */
enum service { AWS, VAULT, GCP, AZURE, SERVICES };
static const char *uri_of(enum service s, const char *key)
{
    static char text[512];
    switch (s) {
    case AWS:
        snprintf(text, sizeof(text), "awskms:alias/%s?region=eu-test-1&endpoint=%s", key,
                 fake.base);
        break;
    case VAULT:
        snprintf(text, sizeof(text), "vault:%s?endpoint=%s", key, fake.base);
        break;
    case GCP:
        snprintf(text, sizeof(text),
                 "gcpkms:projects/p/locations/l/keyRings/r/cryptoKeys/%s/cryptoKeyVersions/1"
                 "?endpoint=%s",
                 key, fake.base);
        break;
    default:
        snprintf(text, sizeof(text), "azurekv:test.vault.azure.net/%s?endpoint=%s", key, fake.base);
    }
    return text;
}

/* The simplest credential of each. */
static void usual_environment(void)
{
    const char *const pairs[] = {"AWS_ACCESS_KEY_ID",
                                 "AKIATEST",
                                 "AWS_SECRET_ACCESS_KEY",
                                 "secret/of+test",
                                 "VAULT_TOKEN_FILE",
                                 file_of("vault-token"),
                                 "GCE_METADATA_HOST",
                                 fake.base + strlen("http://"),
                                 "AZURE_POD_IDENTITY_AUTHORITY_HOST",
                                 fake.base,
                                 NULL};
    write_text("vault-token", "static-token\n");
    environment(pairs);
}

static struct tm_key *open_key(const char *uri, struct tm_err *e)
{
    const struct tm_key_source s = {.uri = uri, .far = tm_kms_here()};
    return tm_key_open(&s, "CA key", e);
}

static struct tm_key *must_open(const char *uri)
{
    struct tm_err e = {0};
    struct tm_key *k = open_key(uri, &e);
    if (k == NULL)
        fail_msg("%s: %s", uri, e.text);
    return k;
}

/* Whether a signature was made that verifies by the bare public key. */
static bool signs_text(struct tm_key *k, const char *hash, bool pss, const char *text,
                       size_t text_len, struct tm_err *e)
{
    unsigned char sig[1024];
    size_t len = sizeof(sig);
    EVP_PKEY_CTX *p = NULL;
    EVP_PKEY *key = tm_key_pkey(k);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = EVP_DigestSignInit_ex(ctx, &p, hash, NULL, NULL, key, NULL) == 1 &&
              (!pss || (EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING) == 1 &&
                        EVP_PKEY_CTX_set_rsa_pss_saltlen(p, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
              EVP_DigestSign(ctx, sig, &len, (const unsigned char *)text, text_len) == 1;
    EVP_MD_CTX_free(ctx);
    if (!ok)
        tm_err_openssl(e, "sign");
    return ok;
}

static bool signs(struct tm_key *k, const char *hash, bool pss, struct tm_err *e)
{
    return signs_text(k, hash, pss, "text", 4, e);
}

static void must_sign(const char *uri, const char *hash, bool pss)
{
    struct tm_err e = {0};
    struct tm_key *k = must_open(uri);
    if (!signs(k, hash, pss, &e))
        fail_msg("%s: %s", uri, e.text);
    assert_true(tm_key_is_slow(k));
    tm_key_free(k);
}

/* The right key at the service: not the one whose public half it shows for others. */
static void is_the_fakes(const char *uri, const char *name)
{
    char pem[32];
    snprintf(pem, sizeof(pem), "%s.pem", name);
    FILE *f = fopen(file_of(pem), "r");
    EVP_PKEY *right = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    struct tm_key *k = must_open(uri);
    assert_int_equal(EVP_PKEY_eq(tm_key_pkey(k), right), 1);
    tm_key_free(k);
    EVP_PKEY_free(right);
}

static void each_service_signs_by_each_kind_of_key_it_has(void **state)
{
    (void)state;
    usual_environment();
    for (int s = AWS; s < SERVICES; s++) {
        must_sign(uri_of(s, "p256"), "SHA256", false);
        must_sign(uri_of(s, "p384"), "SHA384", false);
        must_sign(uri_of(s, "rsa"), "SHA256", false);
        must_sign(uri_of(s, s == GCP ? "pss" : "rsa"), "SHA256", true);
        if (s != AZURE)
            must_sign(uri_of(s, "ed25519"), NULL, false);
        is_the_fakes(uri_of(s, "p256"), "p256");
    }
}

static void what_a_service_does_not_sign_is_said_without_asking_it(void **state)
{
    (void)state;
    usual_environment();
    struct tm_err e = {0};
    struct tm_key *k = must_open(uri_of(GCP, "rsa"));
    assert_false(signs(k, "SHA256", true, &e));
    assert_non_null(strstr(e.text, "signs by RSA_SIGN_PKCS1_2048_SHA256 alone"));
    assert_false(tm_key_is_away(k, &e));
    assert_true(signs(k, "SHA256", false, &e));
    tm_key_free(k);
}

static void one_message_that_is_too_long_stops_no_other(void **state)
{
    (void)state;
    static const char text[5000];
    usual_environment();
    struct tm_err e = {0};
    struct tm_key *k = must_open(uri_of(AWS, "ed25519"));
    assert_false(signs_text(k, NULL, false, text, sizeof(text), &e));
    assert_non_null(strstr(e.text, "at most 4096 bytes"));
    assert_false(tm_key_is_away(k, &e));
    if (!signs(k, NULL, false, &e))
        fail_msg("%s", e.text);
    tm_key_free(k);
}

/* ---- credentials ---- */

static void write_google(const char *kind)
{
    char body[8192], pem[4096] = "", *at = pem;
    FILE *f = fopen(file_of("rsa.pem"), "r");
    for (int c; (c = fgetc(f)) != EOF && at < pem + sizeof(pem) - 3;) {
        if (c == '\n')
            *at++ = '\\', *at++ = 'n';
        else
            *at++ = (char)c;
    }
    fclose(f);
    if (strcmp(kind, "service_account") == 0)
        snprintf(
            body, sizeof(body),
            "{\"type\":\"service_account\",\"client_email\":\"ca@project\",\"private_key\":\"%s"
            "\",\"private_key_id\":\"k1\",\"token_uri\":\"%s/google/token\",\"other\":1}",
            pem, fake.base);
    else if (strcmp(kind, "authorized_user") == 0)
        snprintf(body, sizeof(body),
                 "{\"type\":\"authorized_user\",\"client_id\":\"c\",\"client_secret\":\"client "
                 "secret\",\"refresh_token\":\"refresh\",\"token_uri\":\"%s/google/token\"}",
                 fake.base);
    else
        snprintf(body, sizeof(body),
                 "{\"type\":\"external_account\",\"audience\":\"//iam/workloadIdentityPools/p\","
                 "\"subject_token_type\":\"urn:ietf:params:oauth:token-type:jwt\",\"token_url\":"
                 "\"%s/google/sts\",%s\"credential_source\":{%s}}",
                 fake.base,
                 strcmp(kind, "url") == 0 ? "\"service_account_impersonation_url\":\"@\"," : "",
                 strcmp(kind, "url") == 0
                     ? "\"url\":\"#\",\"format\":{\"type\":\"json\",\"subject_token_field_name\":"
                       "\"id_token\"}"
                     : "\"file\":\"$\"");
    write_text("google.json", "");
    f = fopen(file_of("google.json"), "w");
    for (const char *c = body; *c != '\0'; c++) {
        if (*c == '$')
            fputs(file_of("subject"), f);
        else if (*c == '#')
            fprintf(f, "%s/google/subject", fake.base);
        else if (*c == '@' && c[1] == '"')
            fprintf(f, "%s/google/impersonate", fake.base);
        else
            fputc(*c, f);
    }
    fclose(f);
}

static void aws_takes_its_credentials_from_every_usual_place(void **state)
{
    (void)state;
    char agent[96];
    snprintf(agent, sizeof(agent), "%s/container", fake.base);
    write_text("credentials", "[default]\naws_access_key_id = NO\naws_secret_access_key = NO\n"
                              "[team a]\n aws_ignored = 1\naws_access_key_id=AKIATEST\n"
                              "aws_secret_access_key =  secret/of+test \n[z]\n");
    write_text("config", "[profile team a]\nregion = eu-test-1\n");
    write_text("web-identity", "web-identity\n");
    const char *const cases[][12] = {
        {"AWS_ACCESS_KEY_ID", "AKIATEST", "AWS_SECRET_ACCESS_KEY", "secret/of+test", NULL},
        {"AWS_SHARED_CREDENTIALS_FILE", file_of("credentials"), "AWS_CONFIG_FILE",
         file_of("config"), "AWS_PROFILE", "team a", NULL},
        {"AWS_WEB_IDENTITY_TOKEN_FILE", file_of("web-identity"), "AWS_ROLE_ARN",
         "arn:aws:iam::1:role/ca", "AWS_ENDPOINT_URL", fake.base, NULL},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI", agent, "AWS_CONTAINER_AUTHORIZATION_TOKEN",
         "agent-token", NULL},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT", fake.base, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        environment(cases[i]);
        must_sign(uri_of(AWS, "p256"), "SHA256", false);
    }
    char uri[160];
    environment(cases[1]); /* the region is the profile's */
    snprintf(uri, sizeof(uri), "awskms:alias/p256?endpoint=%s", fake.base);
    must_sign(uri, "SHA256", false);
    snprintf(uri, sizeof(uri), "awskms:arn:aws:kms:eu-test-1:1:key/p256?endpoint=%s", fake.base);
    environment(cases[0]); /* the region is the ARN's */
    must_sign(uri, "SHA256", false);
}

static void google_takes_its_credentials_from_every_usual_place(void **state)
{
    (void)state;
    static const char *const kinds[] = {"service_account", "authorized_user", "file", "url"};
    write_text("subject", "subject\n");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        write_google(kinds[i]);
        environment(
            (const char *const[]){"GOOGLE_APPLICATION_CREDENTIALS", file_of("google.json"), NULL});
        must_sign(uri_of(GCP, "p256"), "SHA256", false);
    }
    environment((const char *const[]){"GCE_METADATA_HOST", fake.base + 7, NULL});
    must_sign(uri_of(GCP, "p256"), "SHA256", false);
}

static void azure_takes_its_credentials_from_every_usual_place(void **state)
{
    (void)state;
    write_text("federated", "federated\n");
    const char *const cases[][10] = {
        {"AZURE_TENANT_ID", "tenant", "AZURE_CLIENT_ID", "client", "AZURE_CLIENT_SECRET",
         "client secret", "AZURE_AUTHORITY_HOST", fake.base, NULL},
        {"AZURE_TENANT_ID", "tenant", "AZURE_CLIENT_ID", "client", "AZURE_FEDERATED_TOKEN_FILE",
         file_of("federated"), "AZURE_AUTHORITY_HOST", fake.base, NULL},
        {"AZURE_POD_IDENTITY_AUTHORITY_HOST", fake.base, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        environment(cases[i]);
        must_sign(uri_of(AZURE, "p256"), "SHA256", false);
    }
}

static void vault_takes_its_credentials_from_every_usual_place(void **state)
{
    (void)state;
    char uri[512];
    write_text(".vault-token", "static-token");
    write_text("federated", "federated\n");
    write_text("role", "role\n");
    write_text("secret", "secret\n");
    environment((const char *const[]){"VAULT_ADDR", fake.base, "VAULT_TOKEN", "static-token",
                                      "VAULT_NAMESPACE", "team", NULL});
    must_sign("vault:p256", "SHA256", false);
    environment((const char *const[]){"VAULT_ADDR", fake.base, NULL});
    must_sign("vault:p256?version=2&namespace=team&mount=transit", "SHA256", false);
    snprintf(uri, sizeof(uri), "vault:p256?auth=kubernetes&role=ca&jwt-file=%s",
             file_of("federated"));
    must_sign(uri, "SHA256", false);
    snprintf(uri, sizeof(uri), "vault:p256?auth=jwt&role=ca&jwt-file=%s", file_of("federated"));
    must_sign(uri, "SHA256", false);
    snprintf(uri, sizeof(uri), "vault:p256?auth=approle&role-id-file=%s&secret-id-file=%s",
             file_of("role"), file_of("secret"));
    must_sign(uri, "SHA256", false);
    unlink(file_of(".vault-token"));
}

/* A socket on the loopback that listens; its address as a URL. */
static int listen_somewhere(char url[64])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    snprintf(url, 64, "http://127.0.0.1:%d", ntohs(a.sin_port));
    return fd;
}

static void the_machines_credentials_go_through_no_proxy(void **state)
{
    (void)state;
    char proxy[64], machine[64], page[96];
    snprintf(machine, sizeof(machine), "http://127.0.0.2%s", strrchr(fake.base, ':'));
    snprintf(page, sizeof(page), "%s/container", machine);
    const struct {
        enum service service;
        const char *name, *value;
    } cases[] = {{AWS, "AWS_EC2_METADATA_SERVICE_ENDPOINT", machine},
                 {AWS, "AWS_CONTAINER_CREDENTIALS_FULL_URI", page},
                 {GCP, "GCE_METADATA_HOST", machine + strlen("http://")},
                 {AZURE, "AZURE_POD_IDENTITY_AUTHORITY_HOST", machine}};
    int fd = listen_somewhere(proxy);
    struct pollfd heard = {.fd = fd, .events = POLLIN};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *const pairs[] = {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "agent-token",
                                     cases[i].name, cases[i].value, NULL};
        environment(pairs);
        setenv("http_proxy", proxy, 1);
        must_sign(uri_of(cases[i].service, "p256"), "SHA256", false);
        assert_int_equal(poll(&heard, 1, 0), 0);
    }
    unsetenv("http_proxy");
    close(fd);
}

static void a_wrong_place_says_what_to_do(void **state)
{
    (void)state;
    write_text("federated", "no\n");
    char jwt[256];
    snprintf(jwt, sizeof(jwt), "vault:p256?endpoint=%s&auth=jwt&role=ca&jwt-file=%s", fake.base,
             file_of("federated"));
    const struct {
        const char *uri, *env[6], *why;
    } cases[] = {
        {"awskms:alias/p256", {NULL}, "in which region?"},
        {"awskms:alias/../x?region=r", {NULL}, "is no name"},
        {"awskms:alias/x?region=r",
         {"AWS_EC2_METADATA_DISABLED", "true", NULL},
         "no AWS credential"},
        {"awskms:alias/x?region=r", {"AWS_ACCESS_KEY_ID", "A", NULL}, "go together"},
        {"awskms:alias/x?region=r&endpoint=http://kms.example", {NULL}, "must use https"},
        {"vault:p256", {NULL}, "VAULT_ADDR"},
        {"vault:p256?endpoint=https://v.example", {NULL}, "no token: set VAULT_TOKEN"},
        {"vault:p256?endpoint=https://v.example&auth=ldap", {NULL}, "is not one of"},
        {"vault:p256?endpoint=https://v.example&auth=jwt", {NULL}, "auth=jwt needs 'role'"},
        {"vault:a/b?endpoint=https://v.example", {NULL}, "no '/' in its name"},
        {jwt, {NULL}, "invalid role or secret ID"},
        {"gcpkms:projects/p/keys/k", {NULL}, "is not projects/P/"},
        {"gcpkms:projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1",
         {"GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent", NULL},
         "/nonexistent"},
        {"azurekv:test/key", {NULL}, "is not NAME.vault.azure.net"},
        {"azurekv:test.vault.azure.net", {NULL}, "is not NAME.vault.azure.net"},
        {"azurekv:test.vault.azure.net/k", {"AZURE_CLIENT_SECRET", "x", NULL}, "AZURE_TENANT_ID"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tm_err e = {0};
        environment(cases[i].env);
        assert_null(open_key(cases[i].uri, &e));
        if (strstr(e.text, cases[i].why) == NULL)
            fail_msg("%s: wanted '%s' in: %s", cases[i].uri, cases[i].why, e.text);
    }
    usual_environment();
    for (int s = AWS; s < SERVICES; s++) {
        struct tm_err e = {0};
        assert_null(open_key(uri_of(s, "missing"), &e));
        assert_non_null(strstr(e.text, "no such"));
    }
}

/* ---- faults ---- */

static void what_passes_is_asked_again(void **state)
{
    (void)state;
    static const struct {
        enum service service;
        const char *kind;
    } cases[] = {{AWS, "500"}, {AWS, "throttle"}, {VAULT, "503"},
                 {GCP, "429"}, {GCP, "lost"},     {AZURE, "429"}};
    usual_environment();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tm_err e = {0};
        struct tm_key *k = must_open(uri_of(cases[i].service, "p256"));
        long before = stat_of("fault");
        set_fault(cases[i].kind, 1);
        if (!signs(k, "SHA256", false, &e))
            fail_msg("%d %s: %s", cases[i].service, cases[i].kind, e.text);
        assert_int_equal(stat_of("fault"), before + 1);
        tm_key_free(k);
    }
}

static void what_does_not_pass_fails_at_once_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *why;
    } cases[] = {{"denied", "it answers 40"},
                 {"wrong-signature", "no signature by this key"},
                 {"wrong-key", "no signature by this key"},
                 {"junk", "its answer"}};
    usual_environment();
    for (int s = AWS; s < SERVICES; s++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct tm_err e = {0};
            if (s == VAULT && i == 0)
                continue; /* its 403 says the same of an ended token, and is tried with a new one */
            struct tm_key *k = must_open(uri_of(s, "p256"));
            set_fault(cases[i].kind, 1);
            assert_false(signs(k, "SHA256", false, &e));
            if (strstr(e.text, cases[i].why) == NULL)
                fail_msg("%d %s: %s", s, cases[i].kind, e.text);
            assert_null(strstr(e.text, "secret"));
            tm_key_free(k);
        }
    }
}

static void may_not_sign(enum service s, const char *kind, const char *why)
{
    struct tm_err e = {0};
    struct tm_key *k = must_open(uri_of(s, "p256"));
    set_fault(kind, 1);
    if (signs(k, "SHA256", false, &e) || strstr(e.text, why) == NULL)
        fail_msg("%d %s: wanted '%s' in: %s", s, kind, why, e.text);
    assert_null(strstr(e.text, "static-token"));
    assert_true(tm_key_is_away(k, &e)); /* so the metric and the readiness say it */
    set_fault("none", 0);
    tm_key_free(k);
}

static void an_answer_for_something_else_is_refused_by_name(void **state)
{
    (void)state;
    usual_environment();
    may_not_sign(AWS, "other-key", "of another key, 'other' in place of 'p256'");
    may_not_sign(AWS, "other-algorithm", "of another algorithm, 'ECDSA_SHA_512'");
    may_not_sign(GCP, "other-key", "of another key, 'projects/p/locations/l/keyRings/r/");
    may_not_sign(GCP, "other-version", "of another key, 'projects/p/locations/l/keyRings/r/");
    may_not_sign(AZURE, "other-key", "of another key, 'other/");
    may_not_sign(AZURE, "other-version", "of another version, '00000000000000000000000000000000'");
    may_not_sign(VAULT, "other-version", "of another version, 'vault:v1:");
    for (int s = AWS; s < SERVICES; s++) {
        may_not_sign(s, "huge", "answers with more than 65536 bytes");
        may_not_sign(s, "wrong-key", "no signature by this key");
        may_not_sign(s, "wrong-signature", "no signature by this key");
    }
}

/* What was the newest version, or what an alias named, when the key was opened. */
static void a_rotation_at_the_service_changes_no_open_key(void **state)
{
    (void)state;
    struct tm_key *k[SERVICES];
    usual_environment();
    for (int s = AWS; s < SERVICES; s++)
        k[s] = must_open(uri_of(s, "tsa"));
    put("/_rotate", "{\"name\":\"aws-tsa\"}");
    put("/_rotate", "{\"name\":\"vault-tsa\"}");
    put("/_rotate", "{\"name\":\"azure-tsa\"}");
    for (int s = AWS; s < SERVICES; s++) {
        struct tm_err e = {0};
        if (!signs(k[s], "SHA256", false, &e))
            fail_msg("%d: %s", s, e.text);
        struct tm_key *next = must_open(uri_of(s, "tsa"));
        assert_int_equal(EVP_PKEY_eq(tm_key_pkey(next), tm_key_pkey(k[s])), s == GCP);
        if (!signs(next, "SHA256", false, &e))
            fail_msg("%d, the next: %s", s, e.text);
        tm_key_free(next);
        tm_key_free(k[s]);
    }
}

/* No request, and no credential, goes where a service points. */
static void a_redirect_takes_no_credential_to_another_host(void **state)
{
    (void)state;
    static const char refused[] = "redirects";
    long before = stat_of("elsewhere");
    usual_environment();
    for (int s = AWS; s < SERVICES; s++) {
        struct tm_err e = {0};
        may_not_sign(s, "moved", "redirects a POST: refused");
        set_fault("all-moved", 1000);
        assert_null(open_key(uri_of(s, "p256"), &e)); /* GET, and logins */
        if (strstr(e.text, refused) == NULL)
            fail_msg("%d: %s", s, e.text);
        set_fault("none", 0);
    }
    assert_int_equal(stat_of("elsewhere"), before);
}

static void a_service_by_tls_is_asked_by_its_right_name_alone(void **state)
{
    (void)state;
    static const struct {
        const char *host, *why;
        bool ca;
    } cases[] = {{"127.0.0.1", NULL, true},
                 {"localhost", "for another name", true},
                 {"127.0.0.1", "no CA that is trusted here", false}};
    char uri[256];
    usual_environment();
    long port = stat_of("tls");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tm_err e = {0};
        snprintf(uri, sizeof(uri), "vault:p256?endpoint=https://%s:%ld%s%s", cases[i].host, port,
                 cases[i].ca ? "&ca-file=" : "", cases[i].ca ? file_of("ca.pem") : "");
        struct tm_key *k = open_key(uri, &e);
        if ((k != NULL) != (cases[i].why == NULL) ||
            (k == NULL && strstr(e.text, cases[i].why) == NULL))
            fail_msg("%s: %s", uri, e.text);
        if (k != NULL && !signs(k, "SHA256", false, &e))
            fail_msg("%s: %s", uri, e.text);
        tm_key_free(k);
    }
}

/* Reads what the first to come says, up to an empty line, and hangs up. */
struct hearing {
    int fd;
    char text[4096];
};
static void *hear(void *arg)
{
    struct hearing *h = arg;
    size_t len = 0;
    struct pollfd p = {.fd = h->fd, .events = POLLIN};
    int c = poll(&p, 1, 10000) == 1 ? accept(h->fd, NULL, NULL) : -1;
    while (c >= 0 && len + 1 < sizeof(h->text) && strstr(h->text, "\r\n\r\n") == NULL) {
        ssize_t n = recv(c, h->text + len, sizeof(h->text) - 1 - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
        h->text[len] = '\0';
    }
    close(c);
    close(h->fd);
    return NULL;
}

static void a_proxy_sees_the_services_name_and_no_credential(void **state)
{
    (void)state;
    char proxy[64];
    struct tm_err e = {0};
    struct hearing h = {0};
    pthread_t thread;
    usual_environment();
    h.fd = listen_somewhere(proxy);
    setenv("https_proxy", proxy, 1);
    assert_int_equal(pthread_create(&thread, NULL, hear, &h), 0);
    assert_null(open_key("vault:p256?endpoint=https://vault.example", &e));
    pthread_join(thread, NULL);
    unsetenv("https_proxy");
    assert_int_equal(strncmp(h.text, "CONNECT vault.example:443 ", 26), 0);
    assert_null(strstr(h.text, "static-token"));
    /* plain HTTP does not leave the machine: not by a proxy either, whatever loopback's number */
    h = (struct hearing){.fd = listen_somewhere(proxy)};
    struct pollfd heard = {.fd = h.fd, .events = POLLIN};
    char uri[128];
    snprintf(uri, sizeof(uri), "vault:p256?endpoint=http://127.0.0.2%s", strrchr(fake.base, ':'));
    setenv("http_proxy", proxy, 1);
    must_sign(uri, "SHA256", false);
    unsetenv("http_proxy");
    assert_int_equal(poll(&heard, 1, 0), 0);
    close(h.fd);
}

/* The credential is of a login, which is done again: of a token in a file, the file is read again.
 */
static void an_ended_credential_is_renewed_and_the_signature_made(void **state)
{
    (void)state;
    const char *const pairs[] = {"AWS_EC2_METADATA_SERVICE_ENDPOINT",
                                 fake.base,
                                 "GCE_METADATA_HOST",
                                 fake.base + strlen("http://"),
                                 "AZURE_POD_IDENTITY_AUTHORITY_HOST",
                                 fake.base,
                                 NULL};
    char vault[256];
    write_text("role", "role");
    write_text("secret", "secret");
    environment(pairs);
    snprintf(vault, sizeof(vault),
             "vault:p256?endpoint=%s&auth=approle&role-id-file=%s"
             "&secret-id-file=%s",
             fake.base, file_of("role"), file_of("secret"));
    struct tm_key *k[SERVICES];
    struct tm_err e = {0};
    for (int s = AWS; s < SERVICES; s++) {
        k[s] = must_open(s == VAULT ? vault : uri_of(s, "p256"));
        assert_true(signs(k[s], "SHA256", false, &e));
    }
    usleep(2100 * 1000); /* logins are two seconds apart at least */
    put("/_expire", "{}");
    for (int s = AWS; s < SERVICES; s++) {
        long logins = stat_of("login");
        if (!signs(k[s], "SHA256", false, &e))
            fail_msg("%d: %s", s, e.text);
        assert_true(stat_of("login") > logins);
        tm_key_free(k[s]);
    }
}

static void a_service_that_is_down_fails_fast_and_is_used_again_when_it_is_back(void **state)
{
    (void)state;
    usual_environment();
    struct tm_err e = {0};
    struct tm_key *k = must_open(uri_of(AWS, "p256"));
    assert_false(tm_key_is_away(k, &e));
    set_fault("503", 100000);
    assert_false(signs(k, "SHA256", false, &e));
    assert_non_null(strstr(e.text, "tried 4 times"));
    assert_true(tm_key_is_away(k, &e));
    int64_t begun = tm_clock_mono_ms();
    for (int i = 0; i < 20; i++)
        assert_false(signs(k, "SHA256", false, &e));
    assert_true(tm_clock_mono_ms() - begun < 2000);
    set_fault("none", 0);
    bool back = false;
    for (int i = 0; i < 100 && !back; i++, usleep(100 * 1000))
        back = signs(k, "SHA256", false, &e);
    assert_true(back);
    assert_false(tm_key_is_away(k, &e));
    tm_key_free(k);
}

/* ---- many at once ---- */

struct gather {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned made, failed;
};

static void on_done(void *arg, int rc, const struct tm_buf *sig, const struct tm_err *e)
{
    struct gather *g = arg;
    (void)e;
    pthread_mutex_lock(&g->lock);
    if (rc == 0 && sig->len > 0)
        g->made++;
    else
        g->failed++;
    pthread_cond_signal(&g->changed);
    pthread_mutex_unlock(&g->lock);
}

static void many_are_under_way_at_once_and_each_is_answered(void **state)
{
    (void)state;
    enum { MANY = 300 };
    usual_environment();
    struct tm_err e = {0};
    struct tm_key_uri u;
    unsigned char digest[32] = {1};
    const struct tm_key_ask ask = {KEY_SIGN_ECDSA, KEY_SHA256, digest, sizeof(digest)};
    struct gather g = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
    const char *uri = uri_of(VAULT, "p256");
    assert_int_equal(tm_key_uri_parse(uri, strlen(uri), &u, &e), 0);
    struct tm_kms *k = tm_kms_new(&u, &e);
    assert_non_null(k);
    EVP_PKEY *pub = tm_kms_public(k, &e);
    assert_non_null(pub);
    for (int i = 0; i < MANY; i++)
        tm_kms_sign(k, &ask, on_done, &g);
    struct timespec until = {.tv_sec = time(NULL) + 60};
    pthread_mutex_lock(&g.lock);
    while (g.made + g.failed < MANY && pthread_cond_timedwait(&g.changed, &g.lock, &until) == 0)
        ;
    pthread_mutex_unlock(&g.lock);
    assert_int_equal(g.made, MANY);
    set_fault("slow", 5);
    for (int i = 0; i < 5; i++)
        tm_kms_sign(k, &ask, on_done, &g);
    tm_kms_free(k); /* answers what is under way */
    assert_int_equal(g.failed, 5);
    set_fault("none", 0);
    EVP_PKEY_free(pub);
    tm_key_uri_free(&u);
}

/* Longer than an opening may take in all: nothing waits so long. */
static void a_service_that_says_later_does_not_hold_an_opening_or_an_end(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_key_uri u;
    usual_environment();
    const char *uri = uri_of(GCP, "p256");
    assert_int_equal(tm_key_uri_parse(uri, strlen(uri), &u, &e), 0);
    set_fault("later", 30);
    struct tm_kms *k = tm_kms_new(&u, &e);
    int64_t begun = tm_clock_mono_ms();
    assert_null(tm_kms_public(k, &e));
    tm_kms_free(k);
    assert_in_range(tm_clock_mono_ms() - begun, 0, 10000); /* 3 times 30 s when each is waited */
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    /* Its keeper waits for a new credential. */
    set_fault("none", 0);
    k = tm_kms_new(&u, &e);
    EVP_PKEY *pub = tm_kms_public(k, &e);
    assert_non_null(pub);
    set_fault("later", 20);
    long asked = stat_of("later");
    pthread_mutex_lock(&k->lock);
    k->stale = true;
    k->tried_ms = 0;
    pthread_cond_broadcast(&k->wake);
    pthread_mutex_unlock(&k->lock);
    for (int i = 0; i < 1000 && stat_of("later") == asked; i++)
        usleep(10 * 1000);
    assert_int_not_equal(stat_of("later"), asked);
    usleep(100 * 1000);
    begun = tm_clock_mono_ms();
    tm_kms_free(k);
    assert_in_range(tm_clock_mono_ms() - begun, 0, 10000);
    set_fault("none", 0);
    EVP_PKEY_free(pub);
    tm_key_uri_free(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_that_says_later_does_not_hold_an_opening_or_an_end),
        cmocka_unit_test(each_service_signs_by_each_kind_of_key_it_has),
        cmocka_unit_test(what_a_service_does_not_sign_is_said_without_asking_it),
        cmocka_unit_test(one_message_that_is_too_long_stops_no_other),
        cmocka_unit_test(aws_takes_its_credentials_from_every_usual_place),
        cmocka_unit_test(google_takes_its_credentials_from_every_usual_place),
        cmocka_unit_test(azure_takes_its_credentials_from_every_usual_place),
        cmocka_unit_test(vault_takes_its_credentials_from_every_usual_place),
        cmocka_unit_test(the_machines_credentials_go_through_no_proxy),
        cmocka_unit_test(a_wrong_place_says_what_to_do),
        cmocka_unit_test(what_passes_is_asked_again),
        cmocka_unit_test(what_does_not_pass_fails_at_once_with_the_reason),
        cmocka_unit_test(an_answer_for_something_else_is_refused_by_name),
        cmocka_unit_test(a_rotation_at_the_service_changes_no_open_key),
        cmocka_unit_test(a_redirect_takes_no_credential_to_another_host),
        cmocka_unit_test(a_service_by_tls_is_asked_by_its_right_name_alone),
        cmocka_unit_test(a_proxy_sees_the_services_name_and_no_credential),
        cmocka_unit_test(an_ended_credential_is_renewed_and_the_signature_made),
        cmocka_unit_test(a_service_that_is_down_fails_fast_and_is_used_again_when_it_is_back),
        cmocka_unit_test(many_are_under_way_at_once_and_each_is_answered),
    };
    return cmocka_run_group_tests(tests, start_fake, stop_fake);
}
