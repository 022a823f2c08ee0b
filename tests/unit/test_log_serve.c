/* The log over HTTP: every endpoint of RFC 6962 and static-ct-api, what it refuses and how. */
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ca/log/ct/serve.h"
#include "common/b64.h"
#include "common/file.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/logbox.h"
#include "tests/support/mtree.h"
#include "tests/support/pki.h"
#include "tests/support/rawhttp.h"

#define SIZE 300 /* a full tile and a partial one */
#define ISSUERS 2

static const char root_der[] = "the root's DER";

struct site {
    struct logbox box;
    struct ca_ctlog *log;
    struct ca_log_server *server;
    struct tm_http_mount mounts[2];
    struct tm_http_server *http;
    struct tm_merkle_hash leaf[SIZE], root[SIZE + 1];
    struct tm_buf reply;
};

static void say(struct tm_http_exchange *x, unsigned status)
{
    struct tm_buf none = {0};
    tm_http_reply(x, status, "text/plain", &none);
}

static void on_fault(void *ctx, struct tm_http_exchange *x, enum tm_http_fault f)
{
    (void)ctx;
    say(x, f == HTTP_FAULT_METHOD ? 405 : 404);
}

static void roots(void *ctx, void (*add)(void *arg, const unsigned char *der, size_t len),
                  void *arg)
{
    (void)ctx;
    add(arg, (const unsigned char *)root_der, sizeof(root_der));
    add(arg, (const unsigned char *)"2", 1);
}

/* Names below /files/ as they come: tm_http_reply_file has to judge them. */
static enum tm_http_result serve_any(void *ctx, struct tm_http_exchange *x)
{
    const char *dir = ctx;
    const char *name = tm_http_mount_name(x);
    if (!tm_http_reply_file(x, dir, name, tm_http_file_type(name), "max-age=5"))
        say(x, 404);
    return HTTP_DONE;
}

/* The hashes of the tree by a simple implementation that the log does not know. */
static void expect_hashes(struct site *s)
{
    struct mtree_hash leaf[SIZE];
    struct ca_log_dir d = {.path = s->box.dir, .size = SIZE};
    struct ca_log_tiles t = ca_log_dir_tiles(&d);
    for (size_t i = 0; i < SIZE; i++) {
        assert_int_equal(ca_log_tree_leaf(&t, i, SIZE, &s->leaf[i], NULL), 0);
        memcpy(leaf[i].b, s->leaf[i].b, 32);
    }
    struct mtree *oracle = mtree_new(leaf, SIZE);
    for (size_t n = 0; n <= SIZE; n++) {
        struct mtree_hash r = mtree_root(oracle, n);
        memcpy(s->root[n].b, r.b, 32);
    }
    mtree_free(oracle);
}

static int setup(void **state)
{
    struct site *s = calloc(1, sizeof(*s));
    struct tm_err e = {0};
    logbox_init(&s->box);
    assert_int_equal(ca_ctlog_create(&s->box.o, &e), 0);
    s->log = logbox_open(&s->box);
    for (uint64_t i = 0; i < SIZE; i++) {
        struct tm_buf sct = {0};
        uint64_t index = 0;
        assert_int_equal(logbox_add(s->log, i, 64, &sct, &index, &e), 0);
        tm_buf_free(&sct);
    }
    assert_int_equal(ca_log_sync(ca_ctlog_log(s->log), &e), 0);
    expect_hashes(s);
    struct ca_log_serve_options so = {
        .log = ca_ctlog_log(s->log), .prefix = "/log", .roots = roots};
    s->server = ca_log_server_new(&so, &e);
    assert_non_null(s->server);
    s->mounts[0] = ca_log_server_mount(s->server);
    s->mounts[1] =
        (struct tm_http_mount){.prefix = "/files", .handle = serve_any, .ctx = s->box.dir};
    struct tm_http_options o;
    tm_http_options_default(&o);
    o.listen = "127.0.0.1:0";
    o.workers = 2;
    o.fault = on_fault;
    o.mounts = s->mounts;
    o.mount_count = 2;
    s->http = tm_http_server_start(&o, &e);
    assert_non_null(s->http);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct site *s = *state;
    tm_http_server_stop(s->http, 1000);
    tm_http_server_free(s->http);
    ca_log_server_free(s->server);
    ca_ctlog_close(s->log);
    logbox_free(&s->box);
    tm_buf_free(&s->reply);
    free(s);
    return 0;
}

/* One request; the status. `headers`: further lines, or "". */
static int request(struct site *s, const char *method, const char *path, const char *headers)
{
    struct tm_buf b = {0};
    tm_buf_printf(&b, "%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n", method, path, headers);
    int status = raw_ask(tm_http_server_address(s->http), tm_buf_str(&b), &s->reply);
    tm_buf_free(&b);
    return status;
}

static int get(struct site *s, const char *path)
{
    return request(s, "GET", path, "");
}

static size_t body_length(struct site *s)
{
    return s->reply.len - (size_t)(raw_body(&s->reply) - (const char *)s->reply.data);
}

/* The header's value in the last reply is `want`. */
static bool has_header(struct site *s, const char *name, const char *want)
{
    struct tm_buf line = {0};
    tm_buf_printf(&line, "\r\n%s: %s\r\n", name, want);
    bool there = strcasestr(tm_buf_str(&s->reply), tm_buf_str(&line)) != NULL;
    tm_buf_free(&line);
    return there;
}

static json_t *get_json(struct site *s, const char *path)
{
    int status = get(s, path);
    if (status != 200)
        fail_msg("%s: %d %s", path, status, raw_body(&s->reply));
    assert_true(has_header(s, "Content-Type", "application/json"));
    assert_true(has_header(s, "Cache-Control", "no-cache"));
    json_t *j = json_loadb(raw_body(&s->reply), body_length(s), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(j);
    return j;
}

static void take_b64(const json_t *v, struct tm_buf *out)
{
    tm_buf_reset(out);
    assert_true(json_is_string(v));
    assert_int_equal(tm_b64_decode(B64_STD, json_string_value(v), json_string_length(v), out), 0);
}

static size_t take_proof(const json_t *list, struct tm_merkle_hash *out)
{
    struct tm_buf b = {0};
    size_t i;
    const json_t *v;
    assert_true(json_is_array(list) && json_array_size(list) <= MERKLE_PROOF_MAX);
    json_array_foreach(list, i, v)
    {
        take_b64(v, &b);
        assert_int_equal(b.len, MERKLE_HASH);
        memcpy(out[i].b, b.data, MERKLE_HASH);
    }
    tm_buf_free(&b);
    return i;
}

/* A leaf hash as a query parameter. */
static const char *query_hash(const struct tm_merkle_hash *h)
{
    static char out[160];
    struct tm_buf b = {0};
    size_t n = 0;
    tm_b64_encode(B64_STD, h->b, MERKLE_HASH, &b);
    for (const char *p = tm_buf_str(&b); *p != '\0'; p++) {
        bool plain = *p != '+' && *p != '/' && *p != '=';
        n += (size_t)snprintf(out + n, sizeof(out) - n, plain ? "%c" : "%%%02X", *p);
    }
    tm_buf_free(&b);
    return out;
}

static void sth(void **state)
{
    struct site *s = *state;
    struct tm_buf b = {0};
    struct tm_buf text = {0};
    struct tm_buf line = {0};
    struct tm_checkpoint c = logbox_checkpoint(&s->box);
    json_t *j = get_json(s, "/log/ct/v1/get-sth");
    assert_int_equal(json_object_size(j), 4);
    assert_int_equal(json_integer_value(json_object_get(j, "tree_size")), SIZE);
    take_b64(json_object_get(j, "sha256_root_hash"), &b);
    assert_int_equal(b.len, MERKLE_HASH);
    assert_memory_equal(b.data, s->root[SIZE].b, MERKLE_HASH);
    /* Time and signature are the checkpoint's: together they are its signature line. */
    take_b64(json_object_get(j, "tree_head_signature"), &b);
    tm_buf_put_be(&line, (unsigned long long)json_integer_value(json_object_get(j, "timestamp")),
                  8);
    tm_buf_append(&line, b.data, b.len);
    (void)ca_log_checkpoint(ca_ctlog_log(s->log), &text);
    struct tm_note n;
    struct tm_err e = {0};
    assert_int_equal(tm_note_parse(text.data, text.len, &n, &e), 0);
    assert_int_equal(n.signature[0].sig_len, line.len);
    assert_memory_equal(n.signature[0].sig, line.data, line.len);
    assert_int_equal(c.size, SIZE);
    tm_note_free(&n);
    tm_buf_free(&line);
    tm_buf_free(&text);
    tm_buf_free(&b);
    json_decref(j);
}

static void consistency(void **state)
{
    struct site *s = *state;
    static const uint64_t size[] = {1, 2, 7, 8, 255, 256, 257, 299, 300};
    struct tm_merkle_hash p[MERKLE_PROOF_MAX];
    struct tm_err e = {0};
    char path[128];
    for (size_t i = 0; i < 9; i++) {
        for (size_t k = i; k < 9; k++) {
            snprintf(path, sizeof(path), "/log/ct/v1/get-sth-consistency?first=%d&second=%d",
                     (int)size[i], (int)size[k]);
            json_t *j = get_json(s, path);
            size_t n = take_proof(json_object_get(j, "consistency"), p);
            if (tm_merkle_check_consistency(size[i], &s->root[size[i]], size[k], &s->root[size[k]],
                                            p, n, &e) != 0)
                fail_msg("%s: %s", path, e.text);
            json_decref(j);
        }
    }
    json_t *j = get_json(s, "/log/ct/v1/get-sth-consistency?first=0&second=5");
    assert_int_equal(json_array_size(json_object_get(j, "consistency")), 0);
    json_decref(j);
}

static void check_inclusion(struct site *s, uint64_t index, uint64_t size, const json_t *path)
{
    struct tm_merkle_hash p[MERKLE_PROOF_MAX];
    struct tm_err e = {0};
    size_t n = take_proof(path, p);
    if (tm_merkle_check_inclusion(index, size, &s->leaf[index], p, n, &s->root[size], &e) != 0)
        fail_msg("entry %d of %d: %s", (int)index, (int)size, e.text);
}

static void proofs(void **state)
{
    struct site *s = *state;
    static const struct {
        uint64_t index, size;
    } row[] = {{0, 1}, {0, 300}, {255, 256}, {255, 300}, {256, 257}, {299, 300}, {100, 150}};
    char path[256];
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        snprintf(path, sizeof(path), "/log/ct/v1/get-proof-by-hash?tree_size=%d&hash=%s",
                 (int)row[i].size, query_hash(&s->leaf[row[i].index]));
        json_t *j = get_json(s, path);
        assert_int_equal(json_integer_value(json_object_get(j, "leaf_index")), row[i].index);
        check_inclusion(s, row[i].index, row[i].size, json_object_get(j, "audit_path"));
        json_decref(j);
        snprintf(path, sizeof(path), "/log/ct/v1/get-entry-and-proof?leaf_index=%d&tree_size=%d",
                 (int)row[i].index, (int)row[i].size);
        j = get_json(s, path);
        assert_int_equal(json_object_size(j), 3);
        check_inclusion(s, row[i].index, row[i].size, json_object_get(j, "audit_path"));
        json_decref(j);
    }
}

/* leaf_input hashes to the leaf; extra_data is the precertificate and its chain. */
static void tuf_check_entry(struct site *s, uint64_t i, const json_t *entry)
{
    struct tm_buf b = {0};
    struct tm_merkle_hash h;
    struct ca_log_entry want = logbox_entry(i, 64);
    take_b64(json_object_get(entry, "leaf_input"), &b);
    tm_merkle_leaf(b.data, b.len, &h);
    assert_true(tm_merkle_equal(&h, &s->leaf[i]));
    take_b64(json_object_get(entry, "extra_data"), &b);
    struct tm_bytes in = bytes_of(b.data, b.len);
    size_t len = 0;
    const unsigned char *precert = tm_bytes_vector(&in, 3, &len);
    assert_int_equal(len, 64);
    assert_memory_equal(precert, want.precert, 64);
    const unsigned char *list = tm_bytes_vector(&in, 3, &len);
    assert_true(tm_bytes_end(&in));
    struct tm_bytes chain = bytes_of(list, len);
    for (size_t k = 0; k < ISSUERS; k++) {
        const unsigned char *one = tm_bytes_vector(&chain, 3, &len);
        assert_int_equal(len, want.issuer_len[k]);
        assert_memory_equal(one, want.issuer[k], len);
    }
    assert_true(tm_bytes_end(&chain));
    tm_buf_free(&b);
}

static void entries(void **state)
{
    struct site *s = *state;
    static const struct {
        uint64_t start, end, count;
    } row[] = {
        {0, 0, 1},
        {3, 9, 7},
        {0, 255, 256},
        {250, 260, 6},                    /* to the tile's end */
        {256, 299, 44},                   /* the partial tile */
        {299, 4000, 1},                   /* beyond the tree: what there is */
        {0, 9223372036854775807ULL, 256}, /* no overflow */
    };
    char path[128];
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        snprintf(path, sizeof(path), "/log/ct/v1/get-entries?start=%llu&end=%llu",
                 (unsigned long long)row[i].start, (unsigned long long)row[i].end);
        json_t *j = get_json(s, path);
        const json_t *list = json_object_get(j, "entries");
        assert_int_equal(json_array_size(list), row[i].count);
        for (size_t k = 0; k < row[i].count; k++)
            tuf_check_entry(s, row[i].start + k, json_array_get(list, k));
        json_decref(j);
    }
}

static void accepted_roots(void **state)
{
    struct site *s = *state;
    struct tm_buf b = {0};
    json_t *j = get_json(s, "/log/ct/v1/get-roots");
    const json_t *list = json_object_get(j, "certificates");
    assert_int_equal(json_array_size(list), 2);
    take_b64(json_array_get(list, 0), &b);
    assert_int_equal(b.len, sizeof(root_der));
    assert_memory_equal(b.data, root_der, b.len);
    tm_buf_free(&b);
    json_decref(j);
}

static void put_issuer(const char *log_dir, X509 *cert)
{
    struct tm_buf der = {0};
    unsigned char hash[32];
    char path[PATH_MAX];
    size_t at = (size_t)snprintf(path, sizeof(path), "%s/issuer/", log_dir);
    int len = i2d_X509(cert, NULL);
    unsigned char *to = tm_buf_reserve(&der, (size_t)len);
    assert_int_equal(i2d_X509(cert, &to), len);
    assert_int_equal(EVP_Digest(der.data, (size_t)len, hash, NULL, EVP_sha256(), NULL), 1);
    for (int i = 0; i < 32; i++)
        at += (size_t)snprintf(path + at, sizeof(path) - at, "%02x", hash[i]);
    struct tm_err e = {0};
    assert_int_equal(tm_file_write_atomic(path, 0644, der.data, (size_t)len, &e), 0);
    tm_buf_free(&der);
}

/* After a change of the CA, earlier entries' chains still end in the root before. */
static void roots_of_earlier_chains(void **state)
{
    struct site *s = *state;
    char path[PATH_MAX];
    int64_t now = (int64_t)time(NULL);
    EVP_PKEY *k = pki_key("P-256");
    X509 *root = pki_ca("before", k, NULL, NULL, now, now + 100);
    X509 *intermediate = pki_ca("below", k, root, k, now, now + 100);
    snprintf(path, sizeof(path), "%s/issuer", s->box.dir);
    (void)mkdir(path, 0755);
    put_issuer(s->box.dir, root);
    put_issuer(s->box.dir, intermediate);
    json_t *j = get_json(s, "/log/ct/v1/get-roots");
    const json_t *list = json_object_get(j, "certificates");
    assert_int_equal(json_array_size(list), 3); /* the two in force, and this one */
    struct tm_buf b = {0};
    take_b64(json_array_get(list, 2), &b);
    const unsigned char *p = b.data;
    X509 *got = d2i_X509(NULL, &p, (long)b.len);
    assert_int_equal(X509_cmp(got, root), 0);
    json_decref(j);
    X509_free(got);
    X509_free(root);
    X509_free(intermediate);
    EVP_PKEY_free(k);
    tm_buf_free(&b);
}

/* A refusal is JSON with the member that RFC 6962 §4 names, and says which parameter. */
static void check_refusal(struct site *s, const char *method, const char *path, int want,
                          const char *words)
{
    int status = request(s, method, path, "Content-Length: 0\r\n");
    if (status != want)
        fail_msg("%s %s: %d, want %d: %s", method, path, status, want, raw_body(&s->reply));
    assert_true(has_header(s, "Content-Type", "application/json"));
    assert_true(has_header(s, "Cache-Control", "no-cache"));
    json_t *j = json_loadb(raw_body(&s->reply), body_length(s), JSON_REJECT_DUPLICATES, NULL);
    const char *said = json_string_value(json_object_get(j, "error_message"));
    if (said == NULL || strstr(said, words) == NULL)
        fail_msg("%s: no '%s' in %s", path, words, raw_body(&s->reply));
    json_decref(j);
}

#define HASH "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%3D"

static void bad_parameters(void **state)
{
    struct site *s = *state;
    static const struct {
        const char *query;
        int status;
        const char *words;
    } row[] = {
        {"get-entries", 400, "'start'"},
        {"get-entries?start=1", 400, "'end'"},
        {"get-entries?end=1", 400, "'start'"},
        {"get-entries?start=&end=1", 400, "'start'"},
        {"get-entries?start&end=1", 400, "'start'"},
        {"get-entries?start=2&end=1", 400, "start <= end"},
        {"get-entries?start=300&end=300", 400, "start < 300"},
        {"get-entries?start=-1&end=1", 400, "'start'"},
        {"get-entries?start=0&end=-1", 400, "'end'"},
        {"get-entries?start=0x1&end=1", 400, "'start'"},
        {"get-entries?start=1.0&end=1", 400, "'start'"},
        {"get-entries?start=%2B1&end=1", 400, "'start'"},
        {"get-entries?start=%201&end=1", 400, "'start'"},
        {"get-entries?start=1%00&end=1", 400, "'start'"},
        {"get-entries?start=0&end=18446744073709551616", 400, "'end'"},
        {"get-entries?start=18446744073709551615&end=18446744073709551615", 400, "'start'"},
        {"get-entries?start=9999999999999999999&end=9999999999999999999", 400, "start < 300"},
        {"get-sth-consistency", 400, "'first'"},
        {"get-sth-consistency?first=1", 400, "'second'"},
        {"get-sth-consistency?first=2&second=1", 400, "first <= second"},
        {"get-sth-consistency?first=1&second=301", 400, "second <= 300"},
        {"get-sth-consistency?first=-1&second=2", 400, "'first'"},
        {"get-sth-consistency?first=1&second=99999999999999999999", 400, "'second'"},
        {"get-proof-by-hash", 400, "'tree_size'"},
        {"get-proof-by-hash?tree_size=300", 400, "'hash'"},
        {"get-proof-by-hash?tree_size=0&hash=" HASH, 400, "1 to 300"},
        {"get-proof-by-hash?tree_size=301&hash=" HASH, 400, "1 to 300"},
        {"get-proof-by-hash?tree_size=-3&hash=" HASH, 400, "'tree_size'"},
        {"get-proof-by-hash?tree_size=300&hash=", 400, "'hash'"},
        {"get-proof-by-hash?tree_size=300&hash=AAAA", 400, "'hash'"},
        {"get-proof-by-hash?tree_size=300&hash=" HASH HASH, 400, "'hash'"},
        {"get-proof-by-hash?tree_size=300&hash=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 400,
         "'hash'"},
        {"get-proof-by-hash?tree_size=300&hash=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-%3D", 400,
         "'hash'"},
        {"get-proof-by-hash?tree_size=300&hash=" HASH, 404, "no entry"},
        {"get-entry-and-proof", 400, "'leaf_index'"},
        {"get-entry-and-proof?leaf_index=0", 400, "'tree_size'"},
        {"get-entry-and-proof?leaf_index=5&tree_size=5", 400, "below tree_size"},
        {"get-entry-and-proof?leaf_index=0&tree_size=0", 400, "1 to 300"},
        {"get-entry-and-proof?leaf_index=0&tree_size=301", 400, "1 to 300"},
        {"get-entry-and-proof?leaf_index=-1&tree_size=3", 400, "'leaf_index'"},
        {"", 404, "no such endpoint"},
        {"get-sth/", 404, "no such endpoint"},
        {"get-STH", 404, "no such endpoint"},
        {"add-chain", 403, "its own certificate authority"},
    };
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        char path[256];
        snprintf(path, sizeof(path), "/log/ct/v1/%s", row[i].query);
        check_refusal(s, "GET", path, row[i].status, row[i].words);
    }
    /* An entry that is there, but not in the older tree that is asked about. */
    char path[256];
    snprintf(path, sizeof(path), "/log/ct/v1/get-proof-by-hash?tree_size=100&hash=%s",
             query_hash(&s->leaf[100]));
    check_refusal(s, "GET", path, 404, "tree of 100");
}

static void methods(void **state)
{
    struct site *s = *state;
    check_refusal(s, "POST", "/log/ct/v1/add-chain", 403, "its own certificate authority");
    check_refusal(s, "POST", "/log/ct/v1/add-pre-chain", 403, "its own certificate authority");
    check_refusal(s, "POST", "/log/ct/v1/get-sth", 405, "only GET");
    assert_true(has_header(s, "Allow", "GET, HEAD, OPTIONS"));
    check_refusal(s, "POST", "/log/checkpoint", 405, "only GET");
    assert_true(has_header(s, "Allow", "GET, HEAD, OPTIONS"));
    assert_int_equal(request(s, "PUT", "/log/checkpoint", "Content-Length: 0\r\n"), 405);
    assert_true(has_header(s, "Allow", "GET, HEAD, OPTIONS"));
    assert_int_equal(request(s, "DELETE", "/log/tile/0/000", ""), 405);
    assert_int_equal(request(s, "OPTIONS", "/log/checkpoint", ""), 204);
    assert_true(has_header(s, "Allow", "GET, HEAD, OPTIONS"));
    /* HEAD tells what GET would, without the body. */
    static const char *const path[] = {"/log/checkpoint", "/log/ct/v1/get-sth", "/log/tile/0/000",
                                       "/log/tile/data/001.p/44", "/log/log.v3.json"};
    for (size_t i = 0; i < sizeof(path) / sizeof(path[0]); i++) {
        char length[32];
        assert_int_equal(get(s, path[i]), 200);
        snprintf(length, sizeof(length), "%zu", body_length(s));
        assert_int_equal(request(s, "HEAD", path[i], ""), 200);
        assert_true(has_header(s, "Content-Length", length));
        assert_int_equal(body_length(s), 0);
    }
    assert_int_equal(request(s, "HEAD", "/log/ct/v1/get-entries?start=2&end=1", ""), 400);
    assert_int_equal(request(s, "HEAD", "/log/tile/0/001", ""), 404);
}

static void check_file(struct site *s, const char *path, const char *type, const void *want,
                       size_t len)
{
    assert_int_equal(get(s, path), 200);
    if (!has_header(s, "Content-Type", type))
        fail_msg("%s", tm_buf_str(&s->reply));
    assert_int_equal(body_length(s), len);
    assert_memory_equal(raw_body(&s->reply), want, len);
}

static void static_ct(void **state)
{
    struct site *s = *state;
    struct tm_buf note = {0};
    char name[128] = "/log/issuer/";
    unsigned char digest[32];
    static const unsigned char issuer[] = "the issuing CA";
    (void)ca_log_checkpoint(ca_ctlog_log(s->log), &note);
    check_file(s, "/log/checkpoint", "text/plain; charset=utf-8", note.data, note.len);
    assert_true(has_header(s, "Cache-Control", "no-cache"));
    check_file(s, "/log/checkpoint?x=1", "text/plain; charset=utf-8", note.data, note.len);
    check_file(s, "/log/tile/0/000", "application/octet-stream", s->leaf, 256 * sizeof(s->leaf[0]));
    assert_true(has_header(s, "Cache-Control", "public, max-age=31536000, immutable"));
    check_file(s, "/log/tile/0/001.p/44", "application/octet-stream", s->leaf + 256,
               44 * sizeof(s->leaf[0]));
    check_file(s, "/log/tile/1/000.p/1", "application/octet-stream", s->root[256].b, 32);
    assert_int_equal(EVP_Digest(issuer, sizeof(issuer), digest, NULL, EVP_sha256(), NULL), 1);
    for (size_t i = 0; i < 32; i++)
        snprintf(name + 12 + 2 * i, 3, "%02x", digest[i]);
    check_file(s, name, "application/pkix-cert", issuer, sizeof(issuer));
    assert_true(has_header(s, "Cache-Control", "public, max-age=31536000, immutable"));
    json_t *j = get_json(s, "/log/log.v3.json");
    assert_string_equal(json_string_value(json_object_get(j, "description")), s->box.o.origin);
    struct tm_buf b = {0};
    take_b64(json_object_get(j, "log_id"), &b);
    assert_memory_equal(b.data, ca_log_id(ca_ctlog_log(s->log)), 32);
    tm_buf_free(&b);
    tm_buf_free(&note);
    json_decref(j);
}

/* The log's own files, other names of a tile, and ways out of the directory. */
static void what_is_not_served(void **state)
{
    struct site *s = *state;
    static const char *const path[] = {
        "/log/",
        "/log//checkpoint",
        "/log/checkpoint/",
        "/log/checkpoint%00",
        "/log/./checkpoint",
        "/log/state/identity",
        "/log/state/journal",
        "/log/state/lock",
        "/log/tile/",
        "/log/tile/0",
        "/log/tile/0/",
        "/log/tile/0/001",
        "/log/tile/0/001.p/45",
        "/log/tile/0/001.p/044",
        "/log/tile/0/x000/000",
        "/log/tile/9/000",
        "/log/tile/data/000.p/256",
        "/log/tile/0/000%00.p",
        "/log/tile/0/../0/000",
        "/log/tile/0/%2e%2e/000",
        "/log/tile/0/..%2f..%2fstate%2fidentity",
        "/log/issuer/",
        "/log/issuer/00",
        "/log/issuer/../state/identity",
        "/log/issuer/0000000000000000000000000000000000000000000000000000000000000000",
        "/log/issuer/00000000000000000000000000000000000000000000000000000000000000000",
        "/log/issuer/000000000000000000000000000000000000000000000000000000000000000G",
    };
    for (size_t i = 0; i < sizeof(path) / sizeof(path[0]); i++)
        check_refusal(s, "GET", path[i], 404, "no such file");
    assert_int_equal(get(s, "/log"), 404);
    assert_int_equal(get(s, "/logs/checkpoint"), 404);
    assert_int_equal(get(s, "/x/log/checkpoint"), 404);
}

/* What a client may have kept is not sent again. */
static void validators(void **state)
{
    struct site *s = *state;
    char line[160];
    char tag[80];
    assert_int_equal(get(s, "/log/tile/0/000"), 200);
    const char *at = strcasestr(tm_buf_str(&s->reply), "\r\nETag: ");
    assert_non_null(at);
    assert_int_equal(sscanf(at + 8, "%79[^\r]", tag), 1);
    snprintf(line, sizeof(line), "If-None-Match: \"other\", W/%s\r\n", tag);
    assert_int_equal(request(s, "GET", "/log/tile/0/000", line), 304);
    assert_int_equal(body_length(s), 0);
    assert_true(has_header(s, "ETag", tag));
    assert_true(has_header(s, "Cache-Control", "public, max-age=31536000, immutable"));
    assert_int_equal(request(s, "GET", "/log/tile/0/000", "If-None-Match: *\r\n"), 304);
    assert_int_equal(request(s, "GET", "/log/tile/0/001.p/44", line), 200);
}

/* Tiles that are gone or damaged: an error of the server, which tells nobody its paths. */
static void damaged_data(void **state)
{
    struct site *s = *state;
    char path[256];
    char tile[256];
    snprintf(tile, sizeof(tile), "%s/tile/data/001.p/44", s->box.dir);
    assert_int_equal(truncate(tile, 100), 0);
    check_refusal(s, "GET", "/log/ct/v1/get-entries?start=298&end=299", 500, "cannot be read");
    unlink(tile);
    check_refusal(s, "GET", "/log/ct/v1/get-entries?start=298&end=299", 500, "cannot be read");
    assert_null(strstr(raw_body(&s->reply), s->box.dir));
    check_refusal(s, "GET", "/log/ct/v1/get-entry-and-proof?leaf_index=299&tree_size=300", 500,
                  "cannot be read");
    snprintf(tile, sizeof(tile), "%s/tile/0/000", s->box.dir);
    assert_int_equal(truncate(tile, 33), 0);
    snprintf(path, sizeof(path), "/log/ct/v1/get-proof-by-hash?tree_size=300&hash=%s",
             query_hash(&s->leaf[1]));
    check_refusal(s, "GET", path, 500, "cannot be read");
    check_refusal(s, "GET", "/log/ct/v1/get-sth-consistency?first=3&second=300", 500,
                  "cannot be read");
    /* What needs no damaged tile is served as before. */
    json_decref(get_json(s, "/log/ct/v1/get-sth"));
    json_decref(get_json(s, "/log/ct/v1/get-entries?start=0&end=3"));
}

static void put_file(const char *dir, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void files(void **state)
{
    struct site *s = *state;
    static const struct {
        const char *name, *type;
    } good[] = {
        {"a.json", "application/json"},         {"1.root.json", "application/json"},
        {"a.pem", "application/x-pem-file"},    {"a.crt", "application/pkix-cert"},
        {"a.txt", "text/plain; charset=utf-8"}, {"a-b_C.9", "application/octet-stream"},
        {"empty", "application/octet-stream"},  {"state/lock", "application/octet-stream"},
    };
    static const char *const bad[] = {
        "",        ".hidden", "..",           "../x",     "a/../a.json", "state",      "state/",
        "/a.json", "a.json/", "state//lock",  "%2e%2e/x", "a%5cb",       "a%20b.json", "a%00.json",
        "link",    "no-such", "state/./lock", "a~",       "caf%C3%A9",   "fifo",
    };
    char path[512];
    char other[256];
    for (size_t i = 0; i < 6; i++)
        put_file(s->box.dir, good[i].name, "text");
    put_file(s->box.dir, "empty", "");
    put_file(s->box.dir, ".hidden", "text");
    put_file(s->box.dir, "a~", "text");
    snprintf(other, sizeof(other), "%s/link", s->box.dir);
    assert_int_equal(symlink("a.json", other), 0);
    snprintf(other, sizeof(other), "%s/fifo", s->box.dir);
    assert_int_equal(mkfifo(other, 0600), 0);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(path, sizeof(path), "/files/%s", good[i].name);
        check_file(s, path, good[i].type, "text", i < 6 ? 4 : 0);
        assert_true(has_header(s, "Cache-Control", "max-age=5"));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(path, sizeof(path), "/files/%s", bad[i]);
        if (get(s, path) != 404)
            fail_msg("served '%s': %s", path, tm_buf_str(&s->reply));
    }
}

static void prefixes(void **state)
{
    (void)state;
    static const char *const good[] = {"/log", "/a/b", "/a.b-c_1/2025"};
    static const char *const bad[] = {"",      "/",    "log",  "/log/", "//log",
                                      "/a//b", "/a b", "/a?b", "/a%20", "/.hidden/../x/"};
    struct tm_err e = {0};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(tm_http_prefix_check("it", good[i], &e), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ca_log_serve_options o = {.prefix = bad[i]};
        assert_null(ca_log_server_new(&o, &e));
        assert_non_null(strstr(e.text, "must be a path such as /log"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sth),
        cmocka_unit_test(consistency),
        cmocka_unit_test(proofs),
        cmocka_unit_test(entries),
        cmocka_unit_test(accepted_roots),
        cmocka_unit_test(roots_of_earlier_chains),
        cmocka_unit_test(bad_parameters),
        cmocka_unit_test(methods),
        cmocka_unit_test(static_ct),
        cmocka_unit_test(what_is_not_served),
        cmocka_unit_test(validators),
        cmocka_unit_test(files),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(damaged_data), /* last: it breaks the log */
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
