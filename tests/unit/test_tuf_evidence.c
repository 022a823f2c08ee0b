/* The transcript judged by the tree: whoever cuts, deletes or rewrites it is found out. */
#include "tests/unit/tuf_case.h"

#include <sys/syscall.h>

#include "tuf/manager/evidence/complete.h"
#include "tuf/manager/evidence/kept.h"

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
    (void)unlink(v->path); /* it may be deleted already */
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
    expect_missed(&v, "it has 0 lines, and the signed root 2 names line 3");
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

static void sign_by_all(struct evidence *v, struct tuf_metadata *m, const struct tuf_metadata *root)
{
    struct tuf_signers by;
    tuf_root_signers(root, tuf_metadata_role(m), &by);
    for (size_t i = 0; i < by.role->keyids.count; i++) {
        const struct tuf_public_key *key = tuf_keys_find(by.known, by.role->keyids.item[i]);
        assert_int_equal(tuf_metadata_sign(m, key, case_key(&v->c, tuf_key_owner(key)), &v->c.e),
                         0);
    }
}

/* Signs the newest root or the timestamp anew with another head (taken), or as older versions wrote
 * it (NULL). */
static void put_head(struct evidence *v, enum tuf_role role, json_t *head)
{
    char path[PATH_MAX];
    struct tm_buf text = {0};
    struct tuf_published p;
    snprintf(path, sizeof(path), "%s/published", v->c.dir);
    assert_int_equal(tuf_published_load(path, &p, &v->c.e), 0);
    json_t *envelope = tuf_envelope_of(tuf_published_role(&p, role));
    json_object_del(json_object_get(envelope, "signed"), TUF_TRANSCRIPT_MEMBER);
    if (head != NULL)
        json_object_set_new(json_object_get(envelope, "signed"), TUF_TRANSCRIPT_MEMBER, head);
    struct tuf_metadata *m = tuf_metadata_from_json(envelope, role, &v->c.e);
    assert_non_null(m);
    sign_by_all(v, m, tuf_published_root(&p));
    assert_int_equal(tuf_metadata_dump(m, true, tm_jsondump_to_buf, &text, &v->c.e), 0);
    snprintf(path, sizeof(path), "published/%s.json", tuf_role_name(role));
    case_file(&v->c, path, tm_buf_str(&text));
    snprintf(path, sizeof(path), "published/%lld.root.json", (long long)tuf_metadata_version(m));
    if (role == TUF_ROOT)
        case_file(&v->c, path, tm_buf_str(&text));
    tm_buf_free(&text);
    tuf_metadata_free(m);
    tuf_published_free(&p);
}

/* Whoever has the online key signs a timestamp that names no line, or the end of a forged record;
 * what the holders signed with root 2 is the third line, and stays. */
static void the_root_alone_finds_what_the_online_key_would_hide(void **state)
{
    (void)state;
    static const size_t second = 1;
    struct evidence v;
    struct tuf_evidence found;
    open_evidence(&v);
    put_head(&v, TUF_TIMESTAMP, NULL);
    assert_int_equal(check(&v, &found), 0);
    assert_false(found.headed);
    assert_int_equal(found.held, 3);
    write_anew(&v, 2, NULL, 0);
    expect_missed(&v, "it has 2 lines, and the signed root 2 names line 3: its end was cut off");
    assert_int_equal(unlink(v.path), 0);
    expect_missed(&v, "it has 0 lines, and the signed root 2 names line 3");
    write_anew(&v, v.count, &second, 1);
    expect_missed(&v, "line 3 is not the one that the signed root 2 names");
    struct tuf_transcript_tail t;
    assert_int_equal(tuf_transcript_tail(v.path, &t, &v.c.e), 0);
    put_head(&v, TUF_TIMESTAMP,
             json_pack("{s:I, s:s}", "lines", (json_int_t)t.n, "sha256", t.hash));
    expect_missed(&v, "line 3 is not the one that the signed root 2 names");
    put_head(&v, TUF_ROOT, NULL); /* but for the holders */
    if (check(&v, &found) != 0)
        fail_msg("%s", v.c.e.text);
    close_evidence(&v);
}

/* Each proposal names the end of the record as it is then, and that alone is no change. */
static void a_proposal_names_the_record_as_it_is(void **state)
{
    (void)state;
    struct evidence v;
    struct tuf_event ev;
    open_evidence(&v);
    case_propose(&v.c, T0 + 6 * DAY, NULL, &ev);
    assert_int_equal(tuf_event_proposed_count(&ev), 0);
    tuf_event_free(&ev);
    case_propose(&v.c, T0 + 6 * DAY, "targets", &ev);
    const struct tuf_signed *s = tuf_metadata_signed(tuf_event_find(&ev, "targets")->proposed);
    assert_true(s->has_transcript);
    assert_int_equal(s->transcript.lines, 7);
    assert_non_null(strstr(v.line[6], s->transcript.sha256));
    tuf_event_free(&ev);
    close_evidence(&v);
}

/* One that was made beside another record than this one's would be missed ever after. */
static void an_event_of_another_record_is_not_published(void **state)
{
    (void)state;
    struct evidence v;
    struct tuf_event ev;
    struct tuf_publish_report r;
    open_evidence(&v);
    case_propose(&v.c, T0 + 6 * DAY, "targets", &ev);
    case_sign(&v.c, &ev, "alice", T0 + 6 * DAY);
    case_sign(&v.c, &ev, "bob", T0 + 6 * DAY);
    write_anew(&v, v.count, NULL, 0);
    assert_int_equal(case_try_publish(&v.c, &ev, T0 + 6 * DAY, false, &r), -1);
    assert_says(&v.c, "targets 2 names a line of the transcript that is not here");
    tuf_event_free(&ev);
    close_evidence(&v);
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
    put_head(&v, TUF_ROOT, NULL);
    put_head(&v, TUF_TIMESTAMP, NULL);
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
        put_head(&v, TUF_TIMESTAMP, json_loads(heads[i], JSON_DECODE_ANY, NULL));
        expect_missed(&v, "timestamp 3: its 'x-tenmint-transcript' is no line's number and hash");
        put_head(&v, TUF_TIMESTAMP, NULL);
        put_head(&v, TUF_ROOT, json_loads(heads[i], JSON_DECODE_ANY, NULL));
        expect_missed(&v, "root 2: its 'x-tenmint-transcript' is no line's number and hash");
        put_head(&v, TUF_ROOT, NULL);
    }
    close_evidence(&v);
}

/* What the kept files are told to be; the caller frees it. */
static char *kept_faults(struct evidence *v)
{
    char dir[PATH_MAX];
    struct tuf_published p;
    struct tuf_evidence found;
    struct tuf_kept kept = {0};
    struct tm_buf faults = {0};
    snprintf(dir, sizeof(dir), "%s/published", v->c.dir);
    assert_int_equal(tuf_published_load(dir, &p, &v->c.e), 0);
    if (tuf_evidence_check(v->path, &p, tuf_kept_line, &kept, &found, &v->c.e) != 0 ||
        tuf_kept_check(&kept, &p, &faults, &v->c.e) != 0)
        fail_msg("%s", v->c.e.text);
    char *text = strdup(faults.len > 0 ? tm_buf_str(&faults) : "");
    tm_buf_free(&faults);
    tuf_kept_free(&kept);
    tuf_published_free(&p);
    return text;
}

static void expect_kept(struct evidence *v, const char *fault)
{
    char *told = kept_faults(v);
    const char *line = strchr(told, '\n');
    if (fault == NULL && told[0] != '\0')
        fail_msg("told of '%s'", told);
    if (fault != NULL && (strstr(told, fault) == NULL || line == NULL || line[1] != '\0'))
        fail_msg("'%s' instead of the one line '%s'", told, fault);
    free(told);
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
    expect_kept(&v, NULL); /* what it would have brought is not missed */
    case_refresh(&v.c, T0 + 11 * DAY);
    assert_int_equal(check(&v, &found), 0);
    expect_kept(&v, NULL); /* and one of two lines about a version is right */
    tm_buf_free(&before);
    close_evidence(&v);
}

/* A copy with another first digit in the text that begins with `value` after `member`. */
static char *changed(const char *text, const char *member, const char *value)
{
    char *copy = strdup(text);
    char *at = strstr(copy, member);
    at = at != NULL ? strstr(at + strlen(member), value) : NULL;
    assert_non_null(at);
    at[1] = at[1] == '3' ? '4' : '3';
    return copy;
}

/* Clients and the live tree do not need the old versions: only the record tells what they were. */
static void an_old_version_that_is_kept_is_the_one_that_was_published(void **state)
{
    (void)state;
    static const struct {
        const char *file, *other, *unsigned_;
    } rows[] = {
        {"1.targets.json", "targets 1 is kept with other content than was",
         "targets 1 is kept with other content or signatures"},
        {"2.targets.json", "targets 2 is kept with other content than was",
         "targets 2 is kept with other content or signatures"},
        {"1.rel.json", "rel 1 is kept with other content than was",
         "rel 1 is kept with other content or signatures"},
        {"1.snapshot.json", "snapshot 1 is kept with other content than was",
         "snapshot 1 is kept without the signatures"},
        {"1.nightly.json", "nightly 1 is kept with other content or signatures",
         "nightly 1 is kept with other content or signatures"},
        {"2.nightly.json", "nightly 2 is kept with other content or signatures",
         "nightly 2 is kept with other content or signatures"},
    };
    struct evidence v = {0};
    case_open(&v.c,
              CASE_POLICY "delegations:\n"
                          "  rel: {holders: [alice, bob], threshold: 2, expiry: 90d, signing: 30d,"
                          " directory: rel, paths: ['rel-*']}\n"
                          "  nightly: {holders: [online], threshold: 1, expiry: 90d, signing: 30d,"
                          " directory: nightly, paths: ['nightly-*']}\n");
    snprintf(v.path, sizeof(v.path), "%s/transcript.jsonl", v.c.dir);
    case_file(&v.c, "nightly/nightly-a", "one\n");
    case_round(&v.c, T0, NULL);
    case_file(&v.c, "nightly/nightly-a", "two\n");
    case_round(&v.c, T0 + DAY, "targets");
    case_file(&v.c, "nightly/nightly-a", "three\n");
    case_round(&v.c, T0 + 2 * DAY, "rel");
    case_round(&v.c, T0 + 3 * DAY, "targets");
    expect_kept(&v, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char name[64];
        char path[PATH_MAX];
        struct tm_buf was = {0};
        snprintf(name, sizeof(name), "published/%s", rows[i].file);
        snprintf(path, sizeof(path), "%s/%s", v.c.dir, name);
        assert_int_equal(tm_file_read(path, 1 << 20, &was, &v.c.e), 0);
        char *other = changed(tm_buf_str(&was), "\"expires\"", "\"20");
        char *unsigned_ = changed(tm_buf_str(&was), "\"sig\":", "\"");
        case_file(&v.c, name, other);
        expect_kept(&v, rows[i].other);
        case_file(&v.c, name, unsigned_);
        expect_kept(&v, rows[i].unsigned_);
        assert_int_equal(unlink(path), 0);
        expect_kept(&v, rows[i].file);
        case_file(&v.c, name, tm_buf_str(&was));
        expect_kept(&v, NULL);
        free(other);
        free(unsigned_);
        tm_buf_free(&was);
    }
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
        cmocka_unit_test(the_root_alone_finds_what_the_online_key_would_hide),
        cmocka_unit_test(a_proposal_names_the_record_as_it_is),
        cmocka_unit_test(an_event_of_another_record_is_not_published),
        cmocka_unit_test(a_line_taken_out_is_missed_whatever_the_chain_says),
        cmocka_unit_test(a_changed_line_chained_anew_is_missed),
        cmocka_unit_test(a_repository_of_an_older_version_is_checked_by_its_versions),
        cmocka_unit_test(lines_of_a_publication_that_was_cut_short_are_no_fault),
        cmocka_unit_test(an_old_version_that_is_kept_is_the_one_that_was_published),
        cmocka_unit_test(unreadable_oldest_roots_are_told_as_history),
        cmocka_unit_test(syncs_do_not_grow_with_the_number_of_roots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
