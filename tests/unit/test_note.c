/* Signed notes and checkpoints: the documents' own examples, every signature type, bad input. */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/transparency/note.h"
#include "tests/support/cmocka_all.h"

#define D "\xe2\x80\x94 "

/* C2SP signed-note, "Verifier keys", "Example" */
static const char example_vkey[] =
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
static const char example_note[] =
    "This is an example message.\n\n" D "example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM"
    "=\n";
/* C2SP tlog-cosignature */
static const char cosigned[] =
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n" D
    "example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/"
    "5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n" D
    "witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/"
    "zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

static void the_documents_example_verifies(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_note n;
    struct tm_note_key k;
    struct tm_buf back = {0};
    if (tm_note_vkey_parse(example_vkey, strlen(example_vkey), &k, &e) != 0)
        fail_msg("%s", e.text);
    assert_string_equal(k.name, "example.com/foo");
    assert_int_equal(tm_note_vkey_put(&k, &back, &e), 0);
    assert_string_equal(tm_buf_str(&back), example_vkey);
    assert_int_equal(tm_note_parse(example_note, strlen(example_note), &n, &e), 0);
    assert_int_equal(n.text_len, strlen("This is an example message.\n"));
    uint64_t at = 1;
    if (tm_note_verify(&n, &k, &at, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(at, 0);
    tm_note_free(&n);

    struct tm_buf changed = {0};
    tm_buf_puts(&changed, example_note);
    changed.data[0] ^= 1;
    assert_int_equal(tm_note_parse(changed.data, changed.len, &n, &e), 0);
    assert_int_equal(tm_note_verify(&n, &k, NULL, &e), -1);
    assert_non_null(strstr(e.text, "does not verify"));
    tm_note_free(&n);
    tm_buf_free(&changed);
    tm_buf_free(&back);
    EVP_PKEY_free(k.key);
}

static void the_documents_cosigned_checkpoint_parses(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_note n;
    struct tm_checkpoint c;
    assert_int_equal(tm_note_parse(cosigned, strlen(cosigned), &n, &e), 0);
    assert_int_equal(n.count, 2);
    assert_int_equal(n.signature[1].name_len, strlen("witness.example.com/w1"));
    assert_int_equal(n.signature[1].id[0], 0x8d);
    assert_int_equal(n.signature[1].sig_len, 72);
    assert_int_equal(tm_checkpoint_parse(&n, &c, &e), 0);
    assert_string_equal(c.origin, "example.com/behind-the-sofa");
    assert_int_equal(c.size, 20852163);
    assert_false(c.extended);
    struct tm_buf text = {0};
    tm_checkpoint_text(&c, &text);
    assert_int_equal(text.len, n.text_len);
    assert_memory_equal(text.data, n.text, n.text_len);
    tm_buf_free(&text);
    tm_note_free(&n);
}

static EVP_PKEY *make_key(const char *type)
{
    EVP_PKEY *k = strcmp(type, "ed25519") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                  : strcmp(type, "rsa") == 0   ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
                                               : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    assert_non_null(k);
    return k;
}

static const char tree_text[] =
    "log.example/2026\n42\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

static void make_note(const char *text, const struct tm_note_key *k, size_t keys, uint64_t ms,
                      struct tm_buf *out)
{
    struct tm_err e = {0};
    tm_buf_puts(out, text);
    buf_putc(out, '\n');
    for (size_t i = 0; i < keys; i++) {
        if (tm_note_sign(text, strlen(text), &k[i], ms, out, &e) != 0)
            fail_msg("%s", e.text);
    }
}

static void every_type_round_trips(void **state)
{
    (void)state;
    static const struct {
        enum tm_note_type type;
        const char *key;
        uint64_t time;
    } types[] = {
        {NOTE_ED25519, "ed25519", 0},
        {NOTE_ECDSA, "p256", 0},
        {NOTE_COSIGNATURE, "ed25519", 1763985600000},
        {NOTE_RFC6962, "p256", 1763985600123},
        {NOTE_RFC6962, "rsa", 1763985600123},
    };
    enum { COUNT = sizeof(types) / sizeof(types[0]) };
    struct tm_err e = {0};
    struct tm_note_key k[COUNT];
    struct tm_buf text = {0};
    struct tm_note n;
    for (size_t i = 0; i < COUNT; i++) {
        char name[32];
        snprintf(name, sizeof(name), "key.example/%zu", i);
        assert_int_equal(tm_note_key_init(&k[i], name, types[i].type, make_key(types[i].key), &e),
                         0);
    }
    make_note(tree_text, k, COUNT, 1763985600123, &text);
    assert_int_equal(tm_note_parse(text.data, text.len, &n, &e), 0);
    assert_int_equal(n.count, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        uint64_t at = 7;
        if (tm_note_verify(&n, &k[i], &at, &e) != 0)
            fail_msg("%s", e.text);
        assert_int_equal(at, types[i].time);
        struct tm_note_key other = k[i];
        other.id[3] ^= 1;
        assert_int_equal(tm_note_verify(&n, &other, NULL, &e), -1);
        assert_non_null(strstr(e.text, "no signature"));
    }
    tm_note_free(&n);
    /* another tree under the same signatures */
    char *size = strstr((char *)text.data, "\n42\n");
    assert_non_null(size);
    size[1] = '5';
    assert_int_equal(tm_note_parse(text.data, text.len, &n, &e), 0);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(tm_note_verify(&n, &k[i], NULL, &e), -1);
        EVP_PKEY_free(k[i].key);
    }
    tm_note_free(&n);
    tm_buf_free(&text);
}

/* Built here by hand from RFC 6962 §3.5 and static-ct-api: id, timestamp, then what TLS signs. */
static void tree_head_signature_is_rfc6962s(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_note n;
    struct tm_note_key k;
    struct tm_buf text = {0};
    struct tm_buf head = {0};
    struct tm_buf id = {0};
    struct tm_checkpoint c;
    EVP_PKEY *key = make_key("p256");
    assert_int_equal(tm_note_key_init(&k, "log.example/2026", NOTE_RFC6962, key, &e), 0);
    make_note(tree_text, &k, 1, 0x0102030405060708, &text);
    assert_int_equal(tm_note_parse(text.data, text.len, &n, &e), 0);
    assert_int_equal(tm_checkpoint_parse(&n, &c, &e), 0);
    const unsigned char *sig = n.signature[0].sig;
    assert_memory_equal(sig, "\1\2\3\4\5\6\7\10\4\3", 10);
    tm_buf_append(&head, "\0\1\1\2\3\4\5\6\7\10", 10);
    tm_buf_put_be(&head, 42, 8);
    tm_buf_append(&head, c.root.b, 32);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(
        EVP_DigestVerify(ctx, sig + 12, n.signature[0].sig_len - 12, head.data, head.len), 1);
    EVP_MD_CTX_free(ctx);
    unsigned char *spki = NULL;
    int spki_len = i2d_PUBKEY(key, &spki);
    unsigned char hash[32];
    tm_buf_puts(&id, "log.example/2026\n\x05");
    EVP_Digest(spki, (size_t)spki_len, hash, NULL, EVP_sha256(), NULL);
    tm_buf_append(&id, hash, 32);
    EVP_Digest(id.data, id.len, hash, NULL, EVP_sha256(), NULL);
    assert_memory_equal(n.signature[0].id, hash, 4);
    OPENSSL_free(spki);
    tm_buf_free(&id);
    tm_buf_free(&head);
    tm_buf_free(&text);
    tm_note_free(&n);
    EVP_PKEY_free(key);
}

static void a_damaged_envelope_is_refused(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_note n;
    struct tm_note_key k;
    struct tm_buf text = {0};
    EVP_PKEY *key = make_key("p256");
    assert_int_equal(tm_note_key_init(&k, "log.example", NOTE_RFC6962, key, &e), 0);
    make_note(tree_text, &k, 1, 5, &text);
    assert_int_equal(tm_note_parse(text.data, text.len, &n, &e), 0);
    unsigned char *sig = n.decoded.data + 4;
    size_t whole = n.signature[0].sig_len;
    for (size_t cut = 0; cut < whole; cut++) {
        n.signature[0].sig_len = cut;
        assert_int_equal(tm_note_verify(&n, &k, NULL, &e), -1);
    }
    n.signature[0].sig_len = whole;
    for (size_t i = 0; i < 12; i++) {
        for (unsigned bit = 1; bit < 256; bit <<= 1) {
            sig[i] ^= (unsigned char)bit;
            assert_int_equal(tm_note_verify(&n, &k, NULL, &e), -1);
            sig[i] ^= (unsigned char)bit;
        }
    }
    assert_int_equal(tm_note_verify(&n, &k, NULL, &e), 0);
    tm_note_free(&n);
    tm_buf_free(&text);
    EVP_PKEY_free(key);
}

static void a_second_bad_signature_of_the_key_spoils_the_note(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_note n;
    struct tm_buf text = {0};
    struct tm_note_key k;
    assert_int_equal(tm_note_vkey_parse(example_vkey, strlen(example_vkey), &k, &e), 0);
    tm_buf_puts(&text, example_note);
    tm_buf_puts(&text, D "example.com/foo ");
    tm_b64_encode(B64_STD, "\x53\x0d\x90\x3a ................................", 37, &text);
    buf_putc(&text, '\n');
    assert_int_equal(tm_note_parse(text.data, text.len, &n, &e), 0);
    assert_int_equal(n.count, 2);
    assert_int_equal(tm_note_verify(&n, &k, NULL, &e), -1);
    tm_note_free(&n);
    tm_buf_free(&text);
    EVP_PKEY_free(k.key);
}

static void bad_notes_are_refused(void **state)
{
    (void)state;
#define NOTE_OF(bytes) \
    { \
        bytes, sizeof(bytes) - 1 \
    }
    static const struct {
        const char *text;
        size_t len;
    } bad[] = {
        NOTE_OF(""),
        NOTE_OF("\n"),
        NOTE_OF("text\n"),
        NOTE_OF("text\n\n"),
        NOTE_OF("text\n" D "a AAAAAAA=\n"),
        NOTE_OF("text\n\n" D "a AAAAAAA="),
        NOTE_OF("text\n\n" D "a AAAAAA==\n"), /* an id and nothing else */
        NOTE_OF("text\n\n" D "a AAAAAAA\n"),
        NOTE_OF("text\n\n" D "a AAAAAAA= \n"),
        NOTE_OF("text\n\n" D "a  AAAAAAA=\n"),
        NOTE_OF("text\n\n" D " AAAAAAA=\n"),
        NOTE_OF("text\n\n" D "a+b AAAAAAA=\n"),
        NOTE_OF("text\n\n" D "a\xe2\x80\x83"
                "b AAAAAAA=\n"), /* em space */
        NOTE_OF("text\n\n- a AAAAAAA=\n"),
        NOTE_OF("text\n\n" D "a AAAAAAA=\nmore\n"),
        NOTE_OF("text\n\n" D "a AAAAAAA=\n\n"),
        NOTE_OF("te\0xt\n\n" D "a AAAAAAA=\n"),
        NOTE_OF("te\rxt\n\n" D "a AAAAAAA=\n"),
        NOTE_OF("te\xffxt\n\n" D "a AAAAAAA=\n"),
        NOTE_OF("te\xc0\xaext\n\n" D "a AAAAAAA=\n"),
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct tm_note n;
        struct tm_err e = {0};
        if (tm_note_parse(bad[i].text, bad[i].len, &n, &e) == 0)
            fail_msg("accepted case %zu: %s", i, bad[i].text);
        assert_string_not_equal(e.text, "");
    }
    struct tm_note n;
    struct tm_err e = {0};
    assert_int_equal(tm_note_parse("text\n\n" D "a AAAAAAA=\n", 21, &n, &e), 0);
    tm_note_free(&n);
    struct tm_buf many = {0};
    tm_buf_puts(&many, "text\n\n");
    for (size_t i = 0; i <= NOTE_SIGNATURES_MAX; i++)
        tm_buf_puts(&many, D "a AAAAAAA=\n");
    assert_int_equal(tm_note_parse(many.data, many.len, &n, &e), -1);
    assert_int_equal(tm_note_parse(many.data, many.len - 15, &n, &e), 0);
    tm_note_free(&n);
    tm_buf_free(&many);
}

static void bad_checkpoints_are_refused(void **state)
{
    (void)state;
#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"o\n0\n" ROOT "\n", true},
        {"o\n9223372036854775807\n" ROOT "\n", true},
        {"o\n1\n" ROOT "\nextension\n", true},
        {"o\n9223372036854775808\n" ROOT "\n", false},
        {"o\n99999999999999999999\n" ROOT "\n", false},
        {"o\n01\n" ROOT "\n", false},
        {"o\n1/\n" ROOT "\n", false},
        {"o\n1:\n" ROOT "\n", false},
        {"o\n-1\n" ROOT "\n", false},
        {"o\n+1\n" ROOT "\n", false},
        {"o\n 1\n" ROOT "\n", false},
        {"o\n\n" ROOT "\n", false},
        {"\n1\n" ROOT "\n", false},
        {"o\n1\n", false},
        {"o\n1\nAAAA\n", false},
        {"o\n1\n" ROOT ROOT "\n", false},
        {"o\n1\n" ROOT "\n\nx\n", false},
        {"o\n1\n" ROOT "\nx", false},
        {"o\n1\n" ROOT, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tm_err e = {0};
        struct tm_checkpoint c;
        struct tm_note n = {.text = cases[i].text, .text_len = strlen(cases[i].text)};
        if ((tm_checkpoint_parse(&n, &c, &e) == 0) != cases[i].good)
            fail_msg("case %zu: %s", i, e.text);
    }
    static const char nul[] = "o\0p\n1\n" ROOT "\n";
    struct tm_err e = {0};
    struct tm_checkpoint c;
    const struct tm_note n = {.text = nul, .text_len = sizeof(nul) - 1};
    assert_int_equal(tm_checkpoint_parse(&n, &c, &e), -1);
}

static void bad_verifier_keys_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        "example.com/foo+530d903a+",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/fox+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+BekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U0=",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example com+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct tm_err e = {0};
        struct tm_note_key k;
        if (tm_note_vkey_parse(bad[i], strlen(bad[i]), &k, &e) == 0)
            fail_msg("accepted %s", bad[i]);
        assert_string_not_equal(e.text, "");
    }
}

static void a_key_must_suit_its_type(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_note_key k;
    EVP_PKEY *ec = make_key("p256");
    EVP_PKEY *ed = make_key("ed25519");
    assert_int_equal(tm_note_key_init(&k, "a", NOTE_ED25519, ec, &e), -1);
    assert_int_equal(tm_note_key_init(&k, "a", NOTE_COSIGNATURE, ec, &e), -1);
    assert_int_equal(tm_note_key_init(&k, "a", NOTE_RFC6962, ed, &e), -1);
    assert_int_equal(tm_note_key_init(&k, "a", NOTE_ECDSA, ed, &e), -1);
    assert_int_equal(tm_note_key_init(&k, "a", (enum tm_note_type)3, ed, &e), -1);
    assert_int_equal(tm_note_key_init(&k, "", NOTE_ED25519, ed, &e), -1);
    assert_int_equal(tm_note_key_init(&k, "a b", NOTE_ED25519, ed, &e), -1);
    assert_int_equal(tm_note_key_init(&k, "a", NOTE_ED25519, ed, &e), 0);
    struct tm_buf out = {0};
    assert_int_equal(tm_note_key_init(&k, "a", NOTE_RFC6962, ec, &e), 0);
    static const char extended[] = "o\n1\n" ROOT "\nx\n";
    assert_int_equal(tm_note_sign(extended, strlen(extended), &k, 1, &out, &e), -1);
    assert_non_null(strstr(e.text, "extension"));
    tm_buf_free(&out);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(ed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documents_example_verifies),
        cmocka_unit_test(the_documents_cosigned_checkpoint_parses),
        cmocka_unit_test(every_type_round_trips),
        cmocka_unit_test(tree_head_signature_is_rfc6962s),
        cmocka_unit_test(a_damaged_envelope_is_refused),
        cmocka_unit_test(a_second_bad_signature_of_the_key_spoils_the_note),
        cmocka_unit_test(bad_notes_are_refused),
        cmocka_unit_test(bad_checkpoints_are_refused),
        cmocka_unit_test(bad_verifier_keys_are_refused),
        cmocka_unit_test(a_key_must_suit_its_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
