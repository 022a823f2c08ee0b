/* Trust in the forms of others: each form's exact text, read back by a YAML reader, and archives
 * that tar and Go's inflate can read. */
#include "tests/support/cmocka_all.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "common/b64.h"
#include "common/certs.h"
#include "common/tar.h"
#include "common/yamldoc.h"
#include "tests/support/pki.h"
#include "tuf/verify/trust/export.h"

#define T0 INT64_C(1800000000)
#define DAY INT64_C(86400)
#define YEAR (365 * DAY)
#define WINDOW 32768

struct box {
    struct tuf_trusted_root *r;
    struct tm_buf ca, ctlog, log; /* PEM */
    char notes[2048];
    struct tm_buf out;
};

static void heard(void *arg, const char *text)
{
    struct box *b = arg;
    size_t len = strlen(b->notes);
    snprintf(b->notes + len, sizeof(b->notes) - len, "%s\n", text);
}

static void add_log(struct box *b, enum tuf_trust_list list, const char *type, const char *url,
                    struct tm_buf *pem)
{
    struct tm_err e = {0};
    const struct tuf_validity v = {.has_start = true, .start_ms = (T0 - DAY) * 1000};
    EVP_PKEY *key = pki_key(type);
    pki_public_pem(key, pem);
    if (tuf_trusted_root_add_log(b->r, list, url, pem->data, pem->len, &v, &e) != 0)
        fail_msg("%s", e.text);
    EVP_PKEY_free(key);
}

static void add_ca(struct box *b, const char *uri, struct tm_buf *pem)
{
    struct tm_err e = {0};
    const struct tuf_validity v = {.has_start = true, .start_ms = (T0 - DAY) * 1000};
    EVP_PKEY *key = pki_key("P-256");
    X509 *root = pki_ca("Root", key, NULL, NULL, T0 - 2 * DAY, T0 + YEAR);
    pki_pem(root, pem);
    if (tuf_trusted_root_add_authority(b->r, TRUST_CA, uri, pem->data, pem->len, &v, &e) != 0)
        fail_msg("%s", e.text);
    X509_free(root);
    EVP_PKEY_free(key);
}

static void box_open(struct box *b)
{
    struct tm_err e = {0};
    *b = (struct box){.r = tuf_trusted_root_new(&e)};
    assert_non_null(b->r);
    add_ca(b, "https://ca.example.com", &b->ca);
    add_log(b, TRUST_CTLOG, "P-256", "https://ca.example.com/log", &b->ctlog);
    add_log(b, TRUST_TLOG, "P-256", "https://rekor.example.com", &b->log);
}

static void box_close(struct box *b)
{
    tuf_trusted_root_free(b->r);
    tm_buf_free(&b->ca);
    tm_buf_free(&b->ctlog);
    tm_buf_free(&b->log);
    tm_buf_free(&b->out);
}

static const char *export(struct box *b, const char *form, const struct tuf_export_file *file,
                          size_t count)
{
    struct tm_err e = {0};
    const struct tuf_export x = {.trust = b->r,
                                 .now_ms = T0 * 1000,
                                 .name = "ours",
                                 .issuer = "https://idp.example.com",
                                 .subject = "dev@example.com",
                                 .mirror = "https://tuf.example.com",
                                 .root = "{\"signed\":1}",
                                 .root_len = 12,
                                 .file = file,
                                 .count = count,
                                 .note = heard,
                                 .arg = b};
    b->notes[0] = '\0';
    b->out.len = 0;
    for (size_t i = 0; i < tuf_export_form_count; i++) {
        if (strcmp(tuf_export_forms[i].name, form) != 0)
            continue;
        if (tuf_export_forms[i].write(&x, &b->out, &e) != 0)
            fail_msg("%s", e.text);
        return tm_buf_str(&b->out);
    }
    fail_msg("no form %s", form);
    return NULL;
}

/* ---- the YAML that was written, by a path such as "spec.remote.mirror"; numbers count lists ----
 */

static yaml_node_t *below(yaml_document_t *d, yaml_node_t *n, const char *key)
{
    if (n->type == YAML_SEQUENCE_NODE) {
        yaml_node_item_t *at = n->data.sequence.items.start + atoi(key);
        return at < n->data.sequence.items.top ? yaml_document_get_node(d, *at) : NULL;
    }
    for (yaml_node_pair_t *p = n->data.mapping.pairs.start;
         n->type == YAML_MAPPING_NODE && p < n->data.mapping.pairs.top; p++) {
        yaml_node_t *k = yaml_document_get_node(d, p->key);
        if (strcmp((const char *)k->data.scalar.value, key) == 0)
            return yaml_document_get_node(d, p->value);
    }
    return NULL;
}

/* "" when it is not there. */
static char *at(const struct box *b, const char *path)
{
    struct tm_err e = {0};
    struct tm_yamldoc d = {.name = "export", .max = (size_t)1 << 22, .e = &e};
    yaml_node_t *n = NULL;
    char copy[200];
    char *rest = NULL;
    if (tm_yamldoc_open(&d, (const char *)b->out.data, b->out.len, &n) != 0)
        fail_msg("%s", e.text);
    snprintf(copy, sizeof(copy), "%s", path);
    for (char *k = strtok_r(copy, ".", &rest); k != NULL && n != NULL;
         k = strtok_r(NULL, ".", &rest))
        n = below(&d.doc, n, k);
    char *value =
        strdup(n != NULL && n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : "");
    tm_yamldoc_close(&d);
    return value;
}

static void assert_at(const struct box *b, const char *path, const char *expected)
{
    char *value = at(b, path);
    if (strcmp(value, expected) != 0)
        fail_msg("%s is '%s', not '%s'", path, value, expected);
    free(value);
}

/* The base64 there. */
static void assert_b64(const struct box *b, const char *path, const struct tm_buf *expected)
{
    struct tm_buf bytes = {0};
    char *value = at(b, path);
    assert_int_equal(tm_b64_decode(B64_STD, value, strlen(value), &bytes), 0);
    assert_int_equal(bytes.len, expected->len);
    assert_memory_equal(bytes.data, expected->data, bytes.len);
    tm_buf_free(&bytes);
    free(value);
}

static void policy_controller_gets_the_mirror(void **state)
{
    (void)state;
    struct box b;
    box_open(&b);
    assert_string_equal(export(&b, "policy-controller", NULL, 0),
                        "apiVersion: policy.sigstore.dev/v1alpha1\n"
                        "kind: TrustRoot\n"
                        "metadata:\n"
                        "  name: \"ours\"\n"
                        "spec:\n"
                        "  remote:\n"
                        "    mirror: \"https://tuf.example.com\"\n"
                        "    targets: targets\n"
                        "    trustedRootTarget: trusted_root.json\n"
                        "    root: eyJzaWduZWQiOjF9\n");
    assert_at(&b, "spec.remote.mirror", "https://tuf.example.com");
    assert_string_equal(b.notes, "");
    box_close(&b);
}

static void policy_controller_gets_the_keys(void **state)
{
    (void)state;
    struct box b;
    box_open(&b);
    export(&b, "policy-controller-keys", NULL, 0);
    assert_at(&b, "kind", "TrustRoot");
    assert_at(&b, "spec.sigstoreKeys.certificateAuthorities.0.uri", "https://ca.example.com");
    assert_at(&b, "spec.sigstoreKeys.certificateAuthorities.0.subject.commonName", "Root");
    assert_b64(&b, "spec.sigstoreKeys.certificateAuthorities.0.certChain", &b.ca);
    assert_at(&b, "spec.sigstoreKeys.tLogs.0.baseURL", "https://rekor.example.com");
    assert_at(&b, "spec.sigstoreKeys.tLogs.0.hashAlgorithm", "sha-256");
    assert_b64(&b, "spec.sigstoreKeys.tLogs.0.publicKey", &b.log);
    assert_b64(&b, "spec.sigstoreKeys.ctLogs.0.publicKey", &b.ctlog);
    assert_at(&b, "spec.sigstoreKeys.timestampAuthorities.0.uri", "");
    box_close(&b);
}

static void an_ended_entry_is_left_out_and_named(void **state)
{
    (void)state;
    static const char *const forms[] = {"policy-controller-keys", "kyverno", "connaisseur", "pem"};
    struct tm_err e = {0};
    struct box b;
    struct tm_buf pem = {0};
    box_open(&b);
    add_ca(&b, "https://old.example.com", &pem);
    size_t i = 0;
    assert_int_equal(tuf_trusted_root_find(b.r, TRUST_CA, "https://old.example.com", &i, &e), 0);
    assert_int_equal(tuf_trusted_root_retire(b.r, TRUST_CA, i, T0 * 1000, &e), 0);
    for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
        const char *text = export(&b, forms[f], NULL, 0);
        assert_null(strstr(text, "old.example.com"));
        assert_non_null(strstr(b.notes, "(https://old.example.com) has ended and is left out"));
    }
    tm_buf_free(&pem);
    box_close(&b);
}

static void an_entry_of_the_future_is_left_out_and_named(void **state)
{
    (void)state;
    static const char *const forms[] = {"policy-controller-keys", "kyverno", "connaisseur", "pem"};
    const struct tuf_validity v = {.has_start = true, .start_ms = (T0 + DAY) * 1000};
    struct tm_err e = {0};
    struct box b;
    struct tm_buf pem = {0};
    box_open(&b);
    EVP_PKEY *key = pki_key("P-256");
    pki_public_pem(key, &pem);
    assert_int_equal(tuf_trusted_root_add_log(b.r, TRUST_TLOG, "https://next.example.com", pem.data,
                                              pem.len, &v, &e),
                     0);
    for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
        const char *text = export(&b, forms[f], NULL, 0);
        assert_null(strstr(text, "next.example.com"));
        assert_non_null(strstr(b.notes, "(https://next.example.com) is not valid yet"));
    }
    EVP_PKEY_free(key);
    tm_buf_free(&pem);
    box_close(&b);
}

static void a_log_of_ed25519_is_told_to_break_policy_controller(void **state)
{
    (void)state;
    struct box b;
    struct tm_buf pem = {0};
    box_open(&b);
    export(&b, "policy-controller", NULL, 0);
    assert_string_equal(b.notes, "");
    add_log(&b, TRUST_TLOG, "ED25519", "https://log2.example.com", &pem);
    export(&b, "policy-controller", NULL, 0);
    assert_non_null(strstr(b.notes, "policy-controller refuses the whole trusted root"));
    tm_buf_free(&pem);
    box_close(&b);
}

static void kyverno_gets_an_attestor(void **state)
{
    (void)state;
    struct box b;
    box_open(&b);
    export(&b, "kyverno", NULL, 0);
    assert_at(&b, "attestors.0.count", "1");
    assert_at(&b, "attestors.0.entries.0.keyless.issuer", "https://idp.example.com");
    assert_at(&b, "attestors.0.entries.0.keyless.subject", "dev@example.com");
    assert_at(&b, "attestors.0.entries.0.keyless.roots", tm_buf_str(&b.ca));
    assert_at(&b, "attestors.0.entries.0.keyless.rekor.url", "https://rekor.example.com");
    assert_at(&b, "attestors.0.entries.0.keyless.rekor.pubkey", tm_buf_str(&b.log));
    assert_at(&b, "attestors.0.entries.0.keyless.ctlog.pubkey", tm_buf_str(&b.ctlog));
    assert_at(&b, "attestors.0.entries.0.keyless.ctlog.ignoreSCT", "");
    box_close(&b);
}

static void kyverno_without_logs_is_told_so(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct box b;
    box_open(&b);
    assert_int_equal(tuf_trusted_root_remove(b.r, TRUST_TLOG, 0, &e), 0);
    assert_int_equal(tuf_trusted_root_remove(b.r, TRUST_CTLOG, 0, &e), 0);
    export(&b, "kyverno", NULL, 0);
    assert_at(&b, "attestors.0.entries.0.keyless.rekor.ignoreTlog", "true");
    assert_at(&b, "attestors.0.entries.0.keyless.ctlog.ignoreSCT", "true");
    assert_non_null(strstr(b.notes, "there is no log of signatures"));
    assert_non_null(strstr(b.notes, "there is no CT log"));
    box_close(&b);
}

static void connaisseur_gets_a_validator(void **state)
{
    (void)state;
    struct box b;
    box_open(&b);
    export(&b, "connaisseur", NULL, 0);
    assert_at(&b, "0.name", "ours");
    assert_at(&b, "0.type", "cosign");
    assert_at(&b, "0.host.rekor", "https://rekor.example.com");
    assert_at(&b, "0.host.rekorPubkey", tm_buf_str(&b.log));
    assert_at(&b, "0.host.ctLogPubkey", tm_buf_str(&b.ctlog));
    assert_at(&b, "0.host.fulcioCert", tm_buf_str(&b.ca));
    assert_at(&b, "0.trustRoots.0.keyless.subject", "dev@example.com");
    box_close(&b);
}

static void pem_has_a_line_before_each_block(void **state)
{
    (void)state;
    struct box b;
    char expected[8192];
    box_open(&b);
    snprintf(expected, sizeof(expected),
             "# certificate authority https://ca.example.com, from 2027-01-14T08:00:00Z\n%s"
             "# CT log https://ca.example.com/log, from 2027-01-14T08:00:00Z\n%s"
             "# transparency log https://rekor.example.com, from 2027-01-14T08:00:00Z\n%s",
             tm_buf_str(&b.ca), tm_buf_str(&b.ctlog), tm_buf_str(&b.log));
    assert_string_equal(export(&b, "pem", NULL, 0), expected);
    box_close(&b);
}

/* ---- archives ---- */

static void tar_lists(const struct tm_buf *tar, const char *expected)
{
    char path[] = "/tmp/tenmint-test.XXXXXX";
    char command[128];
    char listed[4096];
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, tar->data, tar->len) == (ssize_t)tar->len);
    close(fd);
    snprintf(command, sizeof(command), "tar tf %s", path);
    FILE *in = popen(command, "r");
    assert_non_null(in);
    listed[fread(listed, 1, sizeof(listed) - 1, in)] = '\0';
    assert_int_equal(pclose(in), 0);
    unlink(path);
    assert_string_equal(listed, expected);
}

static void the_mirror_is_a_tar(void **state)
{
    (void)state;
    struct box b;
    const struct tuf_export_file files[] = {
        {"1.root.json", "{}", 2},
        {"targets/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef."
         "a-target-with-a-rather-long-name.json",
         "x", 1},
    };
    box_open(&b);
    export(&b, "mirror-tar", files, 2);
    tar_lists(&b.out, "1.root.json\n"
                      "targets/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef."
                      "a-target-with-a-rather-long-name.json\n");
    box_close(&b);
}

static void unpack(const struct box *b, struct tm_buf *tar)
{
    struct tm_buf packed = {0};
    z_stream z = {0};
    unsigned char *to = malloc((size_t)1 << 20);
    char *value = at(b, "spec.repository.mirrorFS");
    assert_int_equal(tm_b64_decode(B64_STD, value, strlen(value), &packed), 0);
    z.next_in = packed.data;
    z.avail_in = (uInt)packed.len;
    z.next_out = to;
    z.avail_out = 1 << 20;
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    tm_buf_append(tar, to, z.total_out);
    inflateEnd(&z);
    free(to);
    free(value);
    tm_buf_free(&packed);
}

/* No file's content but the filler's lies across a multiple of the window. */
static size_t count_whole(const struct tm_buf *tar, const char *but)
{
    size_t n = 0;
    for (size_t i = 0; i + TAR_BLOCK <= tar->len && tar->data[i] != '\0';) {
        const char *name = (const char *)tar->data + i;
        size_t len = (size_t)strtoull(name + 124, NULL, 8);
        size_t from = i + TAR_BLOCK;
        bool filler = strcmp(name, "repository/.padding") == 0;
        if (!filler && strcmp(name, but) != 0 && len > 0) {
            assert_int_equal(from / WINDOW, (from + len - 1) / WINDOW);
            n++;
        }
        i = from + (len + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
    }
    return n;
}

static void no_file_of_the_repository_crosses_a_window(void **state)
{
    (void)state;
    static char big[WINDOW];
    struct box b;
    struct tm_buf tar = {0};
    const struct tuf_export_file files[] = {
        {"1.root.json", big, 20000},     {"timestamp.json", big, 700},
        {"7.snapshot.json", big, 20001}, {"7.targets.json", big, WINDOW},
        {"targets/a", big, 1},           {"targets/b", big, WINDOW - 512},
    };
    memset(big, 'x', sizeof(big));
    box_open(&b);
    export(&b, "policy-controller-repository", files, 6);
    assert_at(&b, "spec.repository.targets", "targets");
    unpack(&b, &tar);
    assert_int_equal(count_whole(&tar, ""), 6);
    assert_null(strstr(b.notes, "reads"));
    tm_buf_free(&tar);
    box_close(&b);
}

static void a_file_too_large_for_policy_controller_is_named(void **state)
{
    (void)state;
    static char big[WINDOW + 1];
    struct box b;
    struct tm_buf tar = {0};
    const struct tuf_export_file files[] = {
        {"timestamp.json", big, 700}, {"7.targets.json", big, sizeof(big)}, {"targets/a", big, 9}};
    box_open(&b);
    export(&b, "policy-controller-repository", files, 3);
    assert_non_null(strstr(b.notes, "7.targets.json has 32769 bytes, and policy-controller reads "
                                    "32768 of a file at most"));
    unpack(&b, &tar);
    assert_int_equal(count_whole(&tar, "repository/7.targets.json"), 2);
    tm_buf_free(&tar);
    box_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policy_controller_gets_the_mirror),
        cmocka_unit_test(policy_controller_gets_the_keys),
        cmocka_unit_test(an_ended_entry_is_left_out_and_named),
        cmocka_unit_test(an_entry_of_the_future_is_left_out_and_named),
        cmocka_unit_test(a_log_of_ed25519_is_told_to_break_policy_controller),
        cmocka_unit_test(kyverno_gets_an_attestor),
        cmocka_unit_test(kyverno_without_logs_is_told_so),
        cmocka_unit_test(connaisseur_gets_a_validator),
        cmocka_unit_test(pem_has_a_line_before_each_block),
        cmocka_unit_test(the_mirror_is_a_tar),
        cmocka_unit_test(no_file_of_the_repository_crosses_a_window),
        cmocka_unit_test(a_file_too_large_for_policy_controller_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
