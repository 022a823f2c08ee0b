/* The transcript judged by the tree: whoever cuts, deletes or rewrites it is found out. */
#include "tests/unit/tuf_case.h"

#include <sys/syscall.h>

#include "tuf/manager/evidence/complete.h"

#define LINES_MAX 64

struct evidence {
    struct tuf_case c;
    char path[PATH_MAX];
    struct tm_buf text;
    char *line[LINES_MAX]; /* borrowed from text */
    size_t count;
};

static void read_lines(struct evidence *v)
{
    tm_buf_reset(&v->text);
    assert_int_equal(tm_file_read(v->path, 1 << 20, &v->text, &v->c.e), 0);
    v->count = 0;
    char *rest = (char *)tm_buf_str(&v->text);
    for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0';)
        v->line[v->count++] = line;
}

/* Two events, of two statements and a publication each, and a refresh. */
static void open_evidence(struct evidence *v)
{
    *v = (struct evidence){0};
    case_open(&v->c, CASE_POLICY);
    snprintf(v->path, sizeof(v->path), "%s/transcript.jsonl", v->c.dir);
    case_round(&v->c, T0, NULL);
    case_round(&v->c, T0 + DAY, "root");
    case_refresh(&v->c, T0 + 5 * DAY);
    read_lines(v);
    assert_int_equal(v->count, 7);
}

static void close_evidence(struct evidence *v)
{
    tm_buf_free(&v->text);
    case_close(&v->c);
}

static int check(struct evidence *v, struct tuf_evidence *found)
{
    char dir[PATH_MAX];
    struct tuf_published p;
    v->c.e = (struct tm_err){0};
    snprintf(dir, sizeof(dir), "%s/published", v->c.dir);
    if (tuf_published_load(dir, &p, &v->c.e) != 0)
        fail_msg("%s", v->c.e.text);
    int rc = tuf_evidence_check(v->path, &p, NULL, NULL, found, &v->c.e);
    tuf_published_free(&p);
    return rc;
}

static void expect_missed(struct evidence *v, const char *why)
{
    struct tuf_evidence found;
    assert_int_equal(check(v, &found), -1);
    assert_says(&v->c, why);
}

/* The first `count` lines but those that are skipped, chained anew, as a forger does. */
static void write_anew(struct evidence *v, size_t count, const size_t *skip, size_t skips)
{
    assert_int_equal(unlink(v->path), 0);
    for (size_t i = 0; i < count; i++) {
        bool left_out = false;
        for (size_t k = 0; k < skips; k++)
            left_out |= skip[k] == i;
        if (left_out)
            continue;
        struct tuf_line line;
        char hash[65];
        assert_int_equal(tuf_line_parse(v->line[i], strlen(v->line[i]), &line, hash, &v->c.e), 0);
        assert_int_equal(tuf_transcript_append(v->path, &line, T0, &v->c.e), 0);
        tuf_line_free(&line);
    }
}

static void a_whole_transcript_is_complete(void **state)
{
    (void)state;
    struct evidence v;
    struct tuf_evidence found;
    open_evidence(&v);
    assert_int_equal(check(&v, &found), 0);
    assert_int_equal(found.lines, 7);
    assert_true(found.headed);
    close_evidence(&v);
}

static void lines_cut_off_its_end_are_missed(void **state)
{
    (void)state;
    struct evidence v;
    open_evidence(&v);
    for (size_t left = 1; left < v.count; left++) {
        write_anew(&v, left, NULL, 0);
        expect_missed(&v, "its end was cut off");
    }
    close_evidence(&v);
}

static void a_deleted_transcript_is_missed(void **state)
{
    (void)state;
    struct evidence v;
    open_evidence(&v);
    assert_int_equal(unlink(v.path), 0);
    expect_missed(&v, "it has 0 lines, and the signed timestamp names line 7");
    close_evidence(&v);
}

/* Any one line, the chain computed anew, and lines put behind it so that none seems cut. */
static void a_line_taken_out_is_missed_whatever_the_chain_says(void **state)
{
    (void)state;
    struct evidence v;
    open_evidence(&v);
    for (size_t i = 0; i < v.count; i++) {
        write_anew(&v, v.count, &i, 1);
        expect_missed(&v, "");
        struct tuf_line filler = {0};
        assert_int_equal(tuf_line_set(&filler.what, "proposed", &v.c.e), 0);
        assert_int_equal(tuf_line_set(&filler.reason, "a filler", &v.c.e), 0);
        assert_int_equal(tuf_transcript_append(v.path, &filler, T0, &v.c.e), 0);
        tuf_line_free(&filler);
        expect_missed(&v, "");
    }
    close_evidence(&v);
}

static void a_changed_line_chained_anew_is_missed(void **state)
{
    (void)state;
    struct evidence v;
    open_evidence(&v);
    write_anew(&v, v.count, NULL, 0); /* all of another time */
    expect_missed(&v, "the chain was computed anew");
    close_evidence(&v);
}

/* Signs the tree's timestamp anew with another head (taken), or as older versions wrote it (NULL).
 */
static void put_head(struct evidence *v, json_t *head)
{
    char path[PATH_MAX];
    struct tm_buf text = {0};
    struct tuf_signers by;
    struct tuf_published p;
    snprintf(path, sizeof(path), "%s/published", v->c.dir);
    assert_int_equal(tuf_published_load(path, &p, &v->c.e), 0);
    json_t *envelope = json_deep_copy(tuf_metadata_frame(p.timestamp));
    json_object_del(json_object_get(envelope, "signed"), EVIDENCE_HEAD);
    if (head != NULL)
        json_object_set_new(json_object_get(envelope, "signed"), EVIDENCE_HEAD, head);
    struct tuf_metadata *m = tuf_metadata_from_json(envelope, TUF_TIMESTAMP, &v->c.e);
    assert_non_null(m);
    tuf_root_signers(tuf_published_root(&p), TUF_TIMESTAMP, &by);
    const struct tuf_public_key *key = tuf_keys_find(by.known, by.role->keyids.item[0]);
    assert_int_equal(tuf_metadata_sign(m, key, case_key(&v->c, "online"), &v->c.e), 0);
    assert_int_equal(tuf_metadata_dump(m, true, tm_jsondump_to_buf, &text, &v->c.e), 0);
    case_file(&v->c, "published/timestamp.json", tm_buf_str(&text));
    tm_buf_free(&text);
    tuf_metadata_free(m);
    tuf_published_free(&p);
}

/* Without a head that is signed, each published version still wants its line. */
static void a_repository_of_an_older_version_is_checked_by_its_versions(void **state)
{
    (void)state;
    struct evidence v;
    struct tuf_evidence found;
    static const size_t first_event[] = {0, 1, 2};
    static const size_t statements[] = {3, 4};
    open_evidence(&v);
    put_head(&v, NULL);
    assert_int_equal(check(&v, &found), 0);
    assert_false(found.headed);
    write_anew(&v, v.count - 1, NULL, 0);
    expect_missed(&v, "timestamp 3 is published and has no line");
    write_anew(&v, v.count, first_event, 3);
    expect_missed(&v, "what published 1 is missing");
    write_anew(&v, v.count, statements, 2);
    expect_missed(&v, "nobody's statement about the event of root 2");
    write_anew(&v, v.count, NULL, 0);
    assert_int_equal(check(&v, &found), 0);
    case_refresh(&v.c, T0 + 10 * DAY); /* the next version names the head */
    assert_int_equal(check(&v, &found), 0);
    assert_true(found.headed);
    close_evidence(&v);
}

static void a_head_of_another_form_is_no_missing_head(void **state)
{
    (void)state;
    static const char *const heads[] = {"7",
                                        "{}",
                                        "{\"lines\": 7}",
                                        "{\"lines\": 0, \"sha256\": \"\"}",
                                        "{\"lines\": \"7\", \"sha256\": \"00\"}",
                                        "[]",
                                        "\"\""};
    struct evidence v;
    open_evidence(&v);
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        put_head(&v, json_loads(heads[i], JSON_DECODE_ANY, NULL));
        expect_missed(&v, "is no line's number and hash");
    }
    close_evidence(&v);
}

/* A run that is killed after its evidence and before the switch leaves lines beyond the head. */
static void lines_of_a_publication_that_was_cut_short_are_no_fault(void **state)
{
    (void)state;
    struct evidence v;
    struct tuf_evidence found;
    char text[65536];
    char path[PATH_MAX];
    open_evidence(&v);
    snprintf(path, sizeof(path), "%s/published/timestamp.json", v.c.dir);
    struct tm_buf before = {0};
    assert_int_equal(tm_file_read(path, sizeof(text) - 1, &before, &v.c.e), 0);
    case_refresh(&v.c, T0 + 10 * DAY);
    case_file(&v.c, "published/timestamp.json", tm_buf_str(&before));
    assert_int_equal(check(&v, &found), 0);
    assert_int_equal(found.lines, 8);
    case_refresh(&v.c, T0 + 11 * DAY);
    assert_int_equal(check(&v, &found), 0);
    tm_buf_free(&before);
    close_evidence(&v);
}

/* Roots before the first that can be read are history to whoever looks, and stop whoever goes on.
 */
static void unreadable_oldest_roots_are_told_as_history(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_published p;
    char dir[PATH_MAX];
    case_open(&c, CASE_POLICY);
    for (int i = 0; i < 3; i++)
        case_round(&c, T0 + i * DAY, i > 0 ? "root" : NULL);
    snprintf(dir, sizeof(dir), "%s/published", c.dir);
    case_file(&c, "published/1.root.json",
              "{\"signed\": {\"expires\": \"2021-12-18T13:28:12.99Z\"}}");
    assert_int_equal(tuf_published_load(dir, &p, &c.e), -1);
    assert_int_equal(tuf_published_look(dir, &p, &c.e), 0);
    assert_int_equal(p.root_count, 2);
    assert_int_equal(tuf_metadata_version(p.roots[0]), 2);
    assert_non_null(strstr(tm_buf_str(&p.unread), "root 1 is history"));
    tuf_published_free(&p);
    char first[PATH_MAX + 16];
    snprintf(first, sizeof(first), "%s/1.root.json", dir);
    assert_int_equal(unlink(first), 0);
    assert_int_equal(tuf_published_look(dir, &p, &c.e), 0);
    assert_int_equal(p.root_count, 2);
    tuf_published_free(&p);
    case_file(&c, "published/3.root.json", "{}"); /* one that follows a good root is no history */
    assert_int_equal(tuf_published_look(dir, &p, &c.e), -1);
    case_close(&c);
}

/* ---- what a publication costs ---- */

static long syncs;

/* In place of the C library's, for the whole program. */
int fsync(int fd)
{
    syncs++;
    return (int)syscall(SYS_fsync, fd);
}

/* Clients that are tried before the switch, and by verify, sync nothing: a publication after many
 * roots costs what one after few does. */
static void syncs_do_not_grow_with_the_number_of_roots(void **state)
{
    (void)state;
    struct tuf_case c;
    long few = 0;
    long many = 0;
    case_open(&c, CASE_POLICY);
    for (int i = 1; i <= 20; i++) {
        syncs = 0;
        struct tuf_publish_report r = case_round(&c, T0 + i * 3600, i > 1 ? "root" : NULL);
        assert_int_equal(r.root, i);
        assert_true(r.chains_checked <= 3);
        few = i == 3 ? syncs : few;
        many = syncs;
    }
    assert_true(few > 0);
    if (many > few)
        fail_msg("%ld syncs to publish root 3, %ld to publish root 20", few, many);
    syncs = 0;
    case_sound(&c, T0 + 21 * 3600);
    assert_int_equal(syncs, 0);
    case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_transcript_is_complete),
        cmocka_unit_test(lines_cut_off_its_end_are_missed),
        cmocka_unit_test(a_deleted_transcript_is_missed),
        cmocka_unit_test(a_head_of_another_form_is_no_missing_head),
        cmocka_unit_test(a_line_taken_out_is_missed_whatever_the_chain_says),
        cmocka_unit_test(a_changed_line_chained_anew_is_missed),
        cmocka_unit_test(a_repository_of_an_older_version_is_checked_by_its_versions),
        cmocka_unit_test(lines_of_a_publication_that_was_cut_short_are_no_fault),
        cmocka_unit_test(unreadable_oldest_roots_are_told_as_history),
        cmocka_unit_test(syncs_do_not_grow_with_the_number_of_roots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
