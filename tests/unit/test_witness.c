/* The witness: every status that C2SP tlog-witness names, and what it remembers. */
#include <openssl/ec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/log/witness/request.h"
#include "ca/log/witness/witness.h"
#include "common/file.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/mtree.h"
#include "tests/support/testlog.h"

#define ORIGIN "example.com/log"

struct desk {
    struct testlog t;
    EVP_PKEY *key;
    struct tm_note_key note_key;
    struct ca_witness_log log;
    struct ca_witness *w;
    char dir[300];
    struct tm_buf reply;
};

static void reopen(struct desk *d)
{
    struct tm_err e = {0};
    ca_witness_close(d->w);
    d->w = ca_witness_open(d->dir, &d->note_key, &d->log, 1, &e);
    if (d->w == NULL)
        fail_msg("%s", e.text);
}

static int setup(void **state)
{
    struct tm_err e;
    struct desk *d = calloc(1, sizeof(*d));
    testlog_init(&d->t, ORIGIN);
    testlog_add_many(&d->t, 20);
    d->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    assert_int_equal(tm_note_key_init(&d->note_key, "w.example.com", NOTE_COSIGNATURE, d->key, &e),
                     0);
    d->log = (struct ca_witness_log){ORIGIN, d->t.key};
    snprintf(d->dir, sizeof(d->dir), "%s/witness", d->t.dir);
    reopen(d);
    *state = d;
    return 0;
}

static int teardown(void **state)
{
    struct desk *d = *state;
    ca_witness_close(d->w);
    EVP_PKEY_free(d->key);
    tm_buf_free(&d->reply);
    testlog_free(&d->t);
    free(d);
    return 0;
}

/* add-checkpoint from `old_size` to `size`, with the proof from `proof_from`. */
static unsigned ask_with(struct desk *d, size_t old_size, size_t proof_from, size_t size)
{
    struct ca_witness_request r = {.old_size = old_size};
    struct tm_buf note = {0};
    struct tm_buf body = {0};
    struct tm_err e;
    if (proof_from > 0 && proof_from < size) {
        struct mtree_proof p;
        struct mtree *m = mtree_new((const struct mtree_hash *)d->t.hash, d->t.count);
        mtree_proof(m, proof_from, size, &p);
        memcpy(r.proof, p.hash, p.count * sizeof(r.proof[0]));
        r.count = p.count;
        mtree_free(m);
    }
    testlog_checkpoint(&d->t, size, &note);
    r.note = (const char *)note.data;
    r.note_len = note.len;
    ca_witness_request_put(&r, &body);
    tm_buf_reset(&d->reply);
    unsigned status =
        ca_witness_add_checkpoint(d->w, body.data, body.len, 1700000000000, &d->reply, &e);
    if (status == 200) { /* the log's note with the line that came back verifies */
        struct tm_note n;
        uint64_t when = 0;
        tm_buf_append(&note, d->reply.data, d->reply.len);
        assert_int_equal(tm_note_parse(note.data, note.len, &n, &e), 0);
        assert_int_equal(tm_note_verify(&n, &d->note_key, &when, &e), 0);
        assert_int_equal(when, 1700000000000);
        tm_note_free(&n);
    }
    tm_buf_free(&note);
    tm_buf_free(&body);
    return status;
}

static unsigned ask(struct desk *d, size_t old_size, size_t size)
{
    return ask_with(d, old_size, old_size, size);
}

static void grows(void **state)
{
    struct desk *d = *state;
    assert_int_equal(ask(d, 0, 0), 200);
    assert_int_equal(ask(d, 0, 3), 200);
    assert_int_equal(ask(d, 3, 3), 200);
    assert_int_equal(ask(d, 3, 20), 200);
}

static void conflict_names_the_size(void **state)
{
    struct desk *d = *state;
    assert_int_equal(ask(d, 0, 7), 200);
    assert_int_equal(ask(d, 0, 9), 409);
    assert_string_equal(tm_buf_str(&d->reply), "7\n");
    assert_int_equal(ask(d, 8, 9), 409);
    assert_int_equal(ask(d, 0, 5), 409); /* a rollback */
    assert_string_equal(tm_buf_str(&d->reply), "7\n");
    assert_int_equal(ask(d, 7, 5), 400); /* old size beyond the checkpoint's */
    assert_int_equal(ask(d, 7, 9), 200);
}

static void refuses_a_fork(void **state)
{
    struct desk *d = *state;
    assert_int_equal(ask(d, 0, 20), 200);
    testlog_cut(&d->t, 1);
    testlog_add(&d->t, "https://evil.example.com", "https://git.example.com/evil");
    assert_int_equal(ask(d, 20, 20), 422);
    testlog_add_many(&d->t, 5);
    assert_int_equal(ask(d, 20, 25), 422);
    reopen(d); /* and after a restart */
    assert_int_equal(ask(d, 20, 25), 422);
    testlog_cut(&d->t, 6);
    assert_int_equal(ask(d, 0, 19), 409);
}

static void refuses_bad_proofs(void **state)
{
    struct desk *d = *state;
    assert_int_equal(ask_with(d, 0, 3, 9), 422); /* a proof where none belongs */
    assert_int_equal(ask(d, 0, 5), 200);
    assert_int_equal(ask_with(d, 5, 0, 9), 422); /* none where one does */
    assert_int_equal(ask_with(d, 5, 4, 9), 422); /* another's */
    assert_int_equal(ask_with(d, 5, 3, 5), 422); /* one between equals */
    assert_int_equal(ask(d, 5, 9), 200);
}

static void refuses_strangers(void **state)
{
    struct desk *d = *state;
    EVP_PKEY *right = d->t.note_key.key;
    EVP_PKEY *other = EVP_EC_gen("P-256");
    d->t.note_key.key = other; /* the right name and id, a wrong signature */
    assert_int_equal(ask(d, 0, 3), 403);
    d->t.note_key.key = right;
    d->t.note_key.id[0] ^= 1; /* a key that is not known */
    assert_int_equal(ask(d, 0, 3), 403);
    d->t.note_key.id[0] ^= 1;
    strcpy(d->t.origin, "example.com/other");
    assert_int_equal(ask(d, 0, 3), 404);
    EVP_PKEY_free(other);
}

static void refuses_bad_bodies(void **state)
{
    struct desk *d = *state;
    static const char *const bad[] = {"",
                                      "old",
                                      "old \n\nx",
                                      "old 01\n\nx",
                                      "old -1\n\nx",
                                      "old 1",
                                      "old 1\n",
                                      "old 1\n\n",
                                      "old 1\nAAAA\n\nx",
                                      "old 9999999999999999999\n\nx",
                                      "old 1 \n\nx",
                                      "new 1\n\nx",
                                      "old 0\n\nnot a note\n"};
    struct tm_err e;
    struct tm_buf many = {0};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(
            ca_witness_add_checkpoint(d->w, bad[i], strlen(bad[i]), 1700000000000, &d->reply, &e),
            400);
    tm_buf_puts(&many, "old 1\n");
    for (int i = 0; i < WITNESS_PROOF_MAX + 1; i++)
        tm_buf_puts(&many, "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n");
    tm_buf_puts(&many, "\nx");
    assert_int_equal(
        ca_witness_add_checkpoint(d->w, many.data, many.len, 1700000000000, &d->reply, &e), 400);
    tm_buf_free(&many);
}

static void serves_what_it_cosigned(void **state)
{
    struct desk *d = *state;
    char hash[WITNESS_HASH_TEXT];
    struct tm_note n;
    struct tm_checkpoint cp;
    struct tm_err e;
    ca_witness_origin_hash(ORIGIN, hash);
    assert_int_equal(ca_witness_checkpoint(d->w, hash, &d->reply), 404);
    assert_int_equal(ask(d, 0, 6), 200);
    for (int i = 0; i < 2; i++) {
        tm_buf_reset(&d->reply);
        assert_int_equal(ca_witness_checkpoint(d->w, hash, &d->reply), 200);
        assert_int_equal(tm_note_parse(d->reply.data, d->reply.len, &n, &e), 0);
        assert_int_equal(n.count, 2);
        assert_int_equal(tm_checkpoint_parse(&n, &cp, &e), 0);
        assert_int_equal(cp.size, 6);
        assert_int_equal(tm_note_verify(&n, &d->note_key, NULL, &e), 0);
        assert_int_equal(tm_note_verify(&n, &d->t.note_key, NULL, &e), 0);
        tm_note_free(&n);
        reopen(d);
    }
    assert_int_equal(ca_witness_checkpoint(d->w, "0000", &d->reply), 404);
}

/* A memory that is damaged is not taken for none; and it has one owner. */
static void guards_its_memory(void **state)
{
    struct desk *d = *state;
    char path[512];
    char hash[WITNESS_HASH_TEXT];
    struct tm_err e = {0};
    assert_int_equal(ask(d, 0, 6), 200);
    assert_null(ca_witness_open(d->dir, &d->note_key, &d->log, 1, &e));
    assert_non_null(strstr(e.text, "in use"));
    ca_witness_close(d->w);
    d->w = NULL;
    ca_witness_origin_hash(ORIGIN, hash);
    snprintf(path, sizeof(path), "witness/%s.checkpoint", hash);
    testlog_damage(&d->t, path, 20);
    assert_null(ca_witness_open(d->dir, &d->note_key, &d->log, 1, &e));
    assert_non_null(strstr(e.text, hash));
}

int main(void)
{
#define DESK(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        DESK(grows),
        DESK(conflict_names_the_size),
        DESK(refuses_a_fork),
        DESK(refuses_bad_proofs),
        DESK(refuses_strangers),
        DESK(refuses_bad_bodies),
        DESK(serves_what_it_cosigned),
        DESK(guards_its_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
