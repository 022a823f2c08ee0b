/* Private keys: PEM files, environment variables, and a real PKCS#11 token (SoftHSM2). */
#include "tests/support/cmocka_all.h"

#include <openssl/pem.h>
#include <p11-kit/p11-kit.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "common/key/key.h"
#include "tests/support/softtoken.h"

static struct softtoken token;

static struct tm_key_source in_token(const char *label)
{
    return (struct tm_key_source){.pkcs11_module = SOFTTOKEN_MODULE,
                                  .pkcs11_token = "tenmint test",
                                  .pkcs11_key = label,
                                  .pin_file = token.pin_file};
}

static struct tm_key *must_open(const struct tm_key_source *s)
{
    struct tm_err e = {0};
    struct tm_key *k = tm_key_open(s, "test key", &e);
    if (k == NULL)
        fail_msg("%s", e.text);
    return k;
}

static void must_generate(const char *label, const char *type)
{
    struct tm_err e = {0};
    struct tm_key_source s = in_token(label);
    if (tm_key_pkcs11_generate(&s, type, &e) != 0)
        fail_msg("%s", e.text);
}

/* What a signature verifies with must be the bare public key: never the token's object. */
static EVP_PKEY *public_half(EVP_PKEY *key)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    assert_true(len > 0);
    const unsigned char *p = der;
    EVP_PKEY *pub = d2i_PUBKEY(NULL, &p, len);
    assert_non_null(pub);
    OPENSSL_free(der);
    return pub;
}

static bool sign_and_verify(EVP_PKEY *key, EVP_PKEY *pub, const char *digest, const char *text)
{
    unsigned char sig[1024];
    size_t len = sizeof(sig);
    const unsigned char *data = (const unsigned char *)text;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_MD_CTX *check = EVP_MD_CTX_new();
    bool ok = EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL) == 1 &&
              EVP_DigestSign(ctx, sig, &len, data, strlen(text)) == 1 &&
              EVP_DigestVerifyInit_ex(check, NULL, digest, NULL, NULL, pub, NULL) == 1 &&
              EVP_DigestVerify(check, sig, len, data, strlen(text)) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_MD_CTX_free(check);
    return ok;
}

static void a_token_makes_keys_and_signs_with_them(void **state)
{
    (void)state;
    static const struct {
        const char *type, *digest;
        int bits;
    } cases[] = {{"p256", "SHA256", 256},
                 {"p384", "SHA384", 384},
                 {"rsa2048", "SHA256", 2048},
                 {"rsa", "SHA256", 3072}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        must_generate(cases[i].type, cases[i].type);
        struct tm_key_source s = in_token(cases[i].type);
        struct tm_key *k = must_open(&s);
        assert_true(tm_key_is_device(k));
        assert_int_equal(EVP_PKEY_get_bits(tm_key_pkey(k)), cases[i].bits);
        EVP_PKEY *pub = public_half(tm_key_pkey(k));
        assert_int_equal(EVP_PKEY_eq(tm_key_pkey(k), pub), 1);
        assert_int_equal(EVP_PKEY_eq(pub, tm_key_pkey(k)), 1);
        assert_true(sign_and_verify(tm_key_pkey(k), pub, cases[i].digest, "in the token"));
        EVP_PKEY_free(pub);
        tm_key_free(k);
    }
}

/* Asks the module itself, not the code under test. */
static void a_key_made_in_the_token_cannot_be_read_out(void **state)
{
    (void)state;
    must_generate("sealed", "p256");
    CK_FUNCTION_LIST *f = p11_kit_module_load(SOFTTOKEN_MODULE, 0);
    assert_non_null(f);
    assert_int_equal(p11_kit_module_initialize(f), CKR_OK);
    CK_SLOT_ID slots[8];
    CK_ULONG count = 8;
    CK_SESSION_HANDLE session = 0;
    assert_int_equal(f->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    assert_int_equal(f->C_OpenSession(slots[0], CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
    assert_int_equal(f->C_Login(session, CKU_USER, (CK_UTF8CHAR *)SOFTTOKEN_PIN, 6), CKR_OK);
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE want[] = {{CKA_CLASS, &class, sizeof(class)}, {CKA_LABEL, (void *)"sealed", 6}};
    CK_OBJECT_HANDLE object = 0;
    assert_int_equal(f->C_FindObjectsInit(session, want, 2), CKR_OK);
    assert_int_equal(f->C_FindObjects(session, &object, 1, &count), CKR_OK);
    assert_int_equal(count, 1);
    f->C_FindObjectsFinal(session);
    CK_BBOOL flag[4] = {0, 1, 0, 0};
    CK_ATTRIBUTE ask[] = {{CKA_SENSITIVE, &flag[0], 1},
                          {CKA_EXTRACTABLE, &flag[1], 1},
                          {CKA_ALWAYS_SENSITIVE, &flag[2], 1},
                          {CKA_NEVER_EXTRACTABLE, &flag[3], 1}};
    assert_int_equal(f->C_GetAttributeValue(session, object, ask, 4), CKR_OK);
    assert_true(flag[0] == CK_TRUE && flag[1] == CK_FALSE && flag[2] == CK_TRUE &&
                flag[3] == CK_TRUE);
    unsigned char secret[256];
    CK_ATTRIBUTE value = {CKA_VALUE, secret, sizeof(secret)};
    assert_int_equal(f->C_GetAttributeValue(session, object, &value, 1), CKR_ATTRIBUTE_SENSITIVE);
    f->C_CloseSession(session);
    p11_kit_module_finalize(f);
    p11_kit_module_release(f);
    struct tm_key_source s = in_token("sealed");
    struct tm_key *k = must_open(&s);
    struct tm_err e = {0};
    char path[96];
    snprintf(path, sizeof(path), "%s/leak.pem", token.dir);
    assert_int_equal(tm_key_write_file(path, tm_key_pkey(k), NULL, &e), -1);
    assert_int_equal(access(path, F_OK), -1);
    tm_key_free(k);
}

struct load {
    EVP_PKEY *key, *pub;
    int bad;
};

static void *sign_many(void *arg)
{
    struct load *l = arg;
    for (int i = 0; i < 50; i++) {
        char text[32];
        snprintf(text, sizeof(text), "message %d", i);
        l->bad += !sign_and_verify(l->key, l->pub, "SHA256", text);
    }
    return NULL;
}

static void many_threads_sign_with_two_keys_while_others_are_opened_and_closed(void **state)
{
    (void)state;
    must_generate("threads ec", "p256");
    must_generate("threads rsa", "rsa2048");
    struct tm_key_source sources[2] = {in_token("threads ec"), in_token("threads rsa")};
    struct tm_key *keys[2] = {must_open(&sources[0]), must_open(&sources[1])};
    EVP_PKEY *pubs[2] = {public_half(tm_key_pkey(keys[0])), public_half(tm_key_pkey(keys[1]))};
    struct load load[24];
    pthread_t thread[24];
    for (size_t i = 0; i < 24; i++) {
        load[i] = (struct load){tm_key_pkey(keys[i % 2]), pubs[i % 2], 0};
        assert_int_equal(pthread_create(&thread[i], NULL, sign_many, &load[i]), 0);
    }
    for (int i = 0; i < 20; i++) /* as a reload does */
        tm_key_free(must_open(&sources[i % 2]));
    for (size_t i = 0; i < 24; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(load[i].bad, 0);
    }
    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY_free(pubs[i]);
        tm_key_free(keys[i]);
    }
}

static void closing_one_key_leaves_the_other_usable(void **state)
{
    (void)state;
    must_generate("pair", "p256");
    struct tm_key_source s = in_token("pair");
    struct tm_key *old = must_open(&s);
    struct tm_key *new = must_open(&s);
    EVP_PKEY *pub = public_half(tm_key_pkey(new));
    tm_key_free(old);
    assert_true(sign_and_verify(tm_key_pkey(new), pub, "SHA256", "after the reload"));
    must_generate("made meanwhile", "p256"); /* another user of the module in this process */
    assert_true(sign_and_verify(tm_key_pkey(new), pub, "SHA256", "after the other's end"));
    EVP_PKEY_free(pub);
    tm_key_free(new);
}

static void a_forked_child_signs_too(void **state)
{
    (void)state;
    must_generate("fork", "p256");
    struct tm_key_source s = in_token("fork");
    struct tm_key *k = must_open(&s);
    EVP_PKEY *pub = public_half(tm_key_pkey(k));
    assert_true(sign_and_verify(tm_key_pkey(k), pub, "SHA256", "parent"));
    pid_t pid = fork();
    if (pid == 0) {
        alarm(20);
        _exit(sign_and_verify(tm_key_pkey(k), pub, "SHA256", "child") ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(sign_and_verify(tm_key_pkey(k), pub, "SHA256", "parent again"));
    EVP_PKEY_free(pub);
    tm_key_free(k);
}

/* The token's files are moved away, as an HSM that is restarted; two keys of one module come back,
 * and so does the first signature after it. */
static void a_token_that_went_away_signs_again_when_it_is_back(void **state)
{
    (void)state;
    char tokens[128], away[128];
    struct tm_err e = {0};
    must_generate("away ec", "p256");
    must_generate("away rsa", "rsa2048");
    struct tm_key_source sources[2] = {in_token("away ec"), in_token("away rsa")};
    struct tm_key *keys[2] = {must_open(&sources[0]), must_open(&sources[1])};
    EVP_PKEY *pubs[2] = {public_half(tm_key_pkey(keys[0])), public_half(tm_key_pkey(keys[1]))};
    snprintf(tokens, sizeof(tokens), "%s", token.dir);
    snprintf(away, sizeof(away), "%s.away", token.dir);
    assert_int_equal(rename(tokens, away), 0);
    bool signs = false;
    for (int i = 0; i < 100 && !tm_key_is_away(keys[0], NULL); i++, usleep(10000))
        signs = sign_and_verify(tm_key_pkey(keys[i % 2]), pubs[i % 2], "SHA256", "away");
    bool is_away = tm_key_is_away(keys[0], &e);
    assert_int_equal(rename(away, tokens), 0);
    assert_false(signs);
    assert_true(is_away);
    assert_string_not_equal(e.text, "");
    for (int i = 0; i < 1000 && tm_key_is_away(keys[0], NULL); i++)
        usleep(10000);
    for (int i = 0; i < 2; i++) {
        assert_true(sign_and_verify(tm_key_pkey(keys[i]), pubs[i], "SHA256", "back"));
        EVP_PKEY_free(pubs[i]);
        tm_key_free(keys[i]);
    }
}

/* Readiness asks, and nobody signs. */
static void a_token_that_nobody_uses_is_seen_to_go(void **state)
{
    (void)state;
    char away[128];
    struct tm_err e = {0};
    must_generate("idle", "p256");
    struct tm_key_source source = in_token("idle");
    struct tm_key *k = must_open(&source);
    snprintf(away, sizeof(away), "%s.away", token.dir);
    assert_int_equal(rename(token.dir, away), 0);
    int rc = tm_key_look(k, &e);
    assert_int_equal(rename(away, token.dir), 0);
    assert_int_equal(rc, -1);
    assert_string_not_equal(e.text, "");
    for (int i = 0; i < 1000 && tm_key_look(k, NULL) != 0; i++)
        usleep(10000);
    assert_int_equal(tm_key_look(k, NULL), 0);
    tm_key_free(k);
}

static void refused(const struct tm_key_source *s, const char *part)
{
    struct tm_err e = {0};
    struct tm_key *k = tm_key_open(s, "test key", &e);
    assert_null(k);
    if (strstr(e.text, part) == NULL || strncmp(e.text, "test key", 8) != 0)
        fail_msg("wanted '%s' in: %s", part, e.text);
    assert_null(strstr(e.text, "999999"));
}

static void wrong_module_token_label_or_pin_say_so(void **state)
{
    (void)state;
    must_generate("right", "p256");
    struct tm_key_source s = in_token("wrong");
    refused(&s, "no private key of token 'tenmint test' is labelled 'wrong'");
    s = in_token("right");
    s.pkcs11_token = "elsewhere";
    refused(&s, "no token is labelled 'elsewhere'");
    s = in_token("right");
    s.pkcs11_module = "/nonexistent/module.so";
    refused(&s, "/nonexistent/module.so: cannot open");
    s.pkcs11_module = token.pin_file; /* a file, but no shared object */
    refused(&s, "file too short");
    s.pkcs11_module = "/lib/x86_64-linux-gnu/libm.so.6"; /* a shared object, but no PKCS#11 */
    if (access(s.pkcs11_module, R_OK) == 0)
        refused(&s, "another kind of library");
    s = in_token("right");
    s.pin_file = NULL;
    s.pin_env = "TENMINT_TEST_PIN";
    unsetenv("TENMINT_TEST_PIN");
    refused(&s, "environment variable TENMINT_TEST_PIN is not set");
    setenv("TENMINT_TEST_PIN", "999999", 1);
    refused(&s, "log in to token 'tenmint test'");
    s.pin_env = NULL; /* no PIN: private keys are not seen */
    refused(&s, "no private key");
    s = in_token("right");
    s.file = "also a file";
    refused(&s, "exactly one");
    s = in_token(NULL);
    refused(&s, "label");
}

static void a_taken_label_or_unknown_type_makes_no_key(void **state)
{
    (void)state;
    struct tm_err e = {0};
    must_generate("taken", "p256");
    struct tm_key_source s = in_token("taken");
    assert_int_equal(tm_key_pkcs11_generate(&s, "p256", &e), -1);
    assert_non_null(strstr(e.text, "already"));
    tm_key_free(must_open(&s));
    s.pkcs11_key = "other";
    assert_int_equal(tm_key_pkcs11_generate(&s, "ed25519", &e), -1);
    assert_non_null(strstr(e.text, "p256, p384"));
    s.pkcs11_token = "nowhere";
    assert_int_equal(tm_key_pkcs11_generate(&s, "p256", &e), -1);
    assert_non_null(strstr(e.text, "no token is labelled 'nowhere'"));
    s = in_token("other");
    setenv("TENMINT_TEST_PIN", "999999", 1);
    s.pin_file = NULL;
    s.pin_env = "TENMINT_TEST_PIN";
    assert_int_equal(tm_key_pkcs11_generate(&s, "p256", &e), -1);
    assert_non_null(strstr(e.text, "log in"));
    assert_null(strstr(e.text, "999999"));
}

static void two_tokens_of_one_label_are_refused(void **state)
{
    (void)state;
    struct tm_err e = {0};
    softtoken_add("twin");
    softtoken_add("twin");
    struct tm_key_source s = in_token("any");
    s.pkcs11_token = "twin";
    refused(&s, "two tokens are labelled 'twin'");
    assert_int_equal(tm_key_pkcs11_generate(&s, "p256", &e), -1);
    assert_non_null(strstr(e.text, "two tokens"));
}

static void files_are_encrypted_private_and_never_written_over(void **state)
{
    (void)state;
    struct tm_err e = {0};
    char path[96];
    struct stat st;
    struct tm_buf text = {0};
    EVP_PKEY *key = EVP_EC_gen("P-384");
    snprintf(path, sizeof(path), "%s/file.key", token.dir);
    assert_int_equal(tm_key_write_file(path, key, "", &e), -1);
    assert_int_equal(tm_key_write_file(path, key, "open sesame", &e), 0);
    assert_int_equal(tm_key_write_file(path, key, "open sesame", &e), -1);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(tm_file_read(path, 16384, &text, &e), 0);
    assert_non_null(strstr(tm_buf_str(&text), "BEGIN ENCRYPTED PRIVATE KEY"));
    tm_buf_free(&text);
    setenv("TENMINT_TEST_PASSWORD", "open sesame", 1);
    struct tm_key_source s = {.file = path, .password_env = "TENMINT_TEST_PASSWORD"};
    struct tm_key *k = must_open(&s);
    assert_false(tm_key_is_device(k));
    assert_int_equal(EVP_PKEY_eq(tm_key_pkey(k), key), 1);
    tm_key_free(k);
    setenv("TENMINT_TEST_PASSWORD", "999999", 1);
    refused(&s, "wrong password?");
    s.password_env = NULL;
    refused(&s, "encrypted");
    chmod(path, 0640);
    refused(&s, "chmod 600");
    s.file = "/nonexistent";
    refused(&s, "No such file");
    EVP_PKEY_free(key);
}

static void a_plain_pem_in_the_environment_works(void **state)
{
    (void)state;
    struct tm_err e = {0};
    char path[96];
    struct tm_buf text = {0};
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    snprintf(path, sizeof(path), "%s/plain.key", token.dir);
    assert_int_equal(tm_key_write_file(path, key, NULL, &e), 0);
    assert_int_equal(tm_file_read_secret(path, 16384, &text, &e), 0);
    setenv("TENMINT_TEST_KEY", tm_buf_str(&text), 1);
    struct tm_key_source s = {.env = "TENMINT_TEST_KEY"};
    struct tm_key *k = must_open(&s);
    assert_int_equal(EVP_PKEY_eq(tm_key_pkey(k), key), 1);
    tm_key_free(k);
    setenv("TENMINT_TEST_KEY", "", 1);
    refused(&s, "empty");
    setenv("TENMINT_TEST_KEY", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 1);
    refused(&s, "not a PEM private key");
    unsetenv("TENMINT_TEST_KEY");
    refused(&s, "not set");
    tm_buf_free_secret(&text);
    EVP_PKEY_free(key);
}

static int make_token(void **state)
{
    (void)state;
    token = softtoken_make("tenmint test");
    return 0;
}

static int remove_token(void **state)
{
    (void)state;
    softtoken_remove(&token);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_makes_keys_and_signs_with_them),
        cmocka_unit_test(a_key_made_in_the_token_cannot_be_read_out),
        cmocka_unit_test(many_threads_sign_with_two_keys_while_others_are_opened_and_closed),
        cmocka_unit_test(closing_one_key_leaves_the_other_usable),
        cmocka_unit_test(a_forked_child_signs_too),
        cmocka_unit_test(a_token_that_went_away_signs_again_when_it_is_back),
        cmocka_unit_test(a_token_that_nobody_uses_is_seen_to_go),
        cmocka_unit_test(wrong_module_token_label_or_pin_say_so),
        cmocka_unit_test(a_taken_label_or_unknown_type_makes_no_key),
        cmocka_unit_test(two_tokens_of_one_label_are_refused),
        cmocka_unit_test(files_are_encrypted_private_and_never_written_over),
        cmocka_unit_test(a_plain_pem_in_the_environment_works),
    };
    return cmocka_run_group_tests(tests, make_token, remove_token);
}
