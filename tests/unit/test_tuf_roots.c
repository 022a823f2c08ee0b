/* A repository with more roots than a client takes in one run. */
#include "tests/unit/tuf_case.h"
#include "tuf/metadata/typesjson.h"

#define ROOTS 300

/* The root as version `version`, signed by alice and bob. */
static struct tuf_metadata *next_root(const struct tuf_case *c, const struct tuf_metadata *root,
                                      int64_t version)
{
    static const char *const holders[] = {"alice", "bob"};
    struct tm_err e = {0};
    struct tuf_signed body = {0};
    assert_int_equal(tuf_copy_signed(tuf_metadata_signed(root), &body, &e), 0);
    body.version = version;
    struct tuf_metadata *m = tuf_metadata_make(&body, NULL, &e);
    assert_non_null(m);
    const struct tuf_keys *keys = &tuf_metadata_signed(m)->root.keys;
    for (size_t i = 0; i < keys->count; i++) {
        for (size_t k = 0; k < 2; k++) {
            if (strcmp(tuf_key_owner(&keys->item[i]), holders[k]) == 0)
                assert_int_equal(tuf_metadata_sign(m, &keys->item[i], case_key(c, holders[k]), &e),
                                 0);
        }
    }
    return m;
}

static void publish_roots(struct tuf_case *c, int64_t roots)
{
    struct tuf_published p;
    char dir[PATH_MAX];
    char name[64];
    snprintf(dir, sizeof(dir), "%s/published", c->dir);
    assert_int_equal(tuf_published_load(dir, &p, &c->e), 0);
    for (int64_t v = 2; v <= roots; v++) {
        struct tuf_metadata *m = next_root(c, p.roots[0], v);
        struct tm_buf text = {0};
        assert_int_equal(tuf_metadata_dump(m, true, tm_jsondump_to_buf, &text, &c->e), 0);
        snprintf(name, sizeof(name), "published/%lld.root.json", (long long)v);
        case_file(c, name, tm_buf_str(&text));
        if (v == roots)
            case_file(c, "published/root.json", tm_buf_str(&text));
        tm_buf_free(&text);
        tuf_metadata_free(m);
    }
    tuf_published_free(&p);
}

static void three_hundred_roots_are_followed_published_and_verified(void **state)
{
    (void)state;
    struct tuf_case c;
    case_open(&c, CASE_POLICY);
    case_round(&c, T0, NULL);
    publish_roots(&c, ROOTS);
    case_sound(&c, T0);
    struct tuf_publish_report r = case_round(&c, T0 + DAY, "root");
    assert_int_equal(r.root, ROOTS + 1);
    assert_int_equal(r.chains_checked, 3);
    case_sound(&c, T0 + DAY);
    case_close(&c);
}

/* As some writers date: with a fraction of a second, which the specification does not know. */
static void give_a_fraction(const struct tuf_case *c, int64_t version)
{
    char name[64];
    char path[PATH_MAX];
    struct tm_buf text = {0};
    snprintf(name, sizeof(name), "published/%lld.root.json", (long long)version);
    snprintf(path, sizeof(path), "%s/%s", c->dir, name);
    assert_int_equal(tm_file_read(path, 1 << 20, &text, NULL), 0);
    char *date = strstr(tm_buf_str(&text), "\"expires\": \"20");
    assert_non_null(date);
    char *end = strstr(date, "00Z\"");
    assert_non_null(end);
    memcpy(end, ".5Z", 3); /* T08:00:.5Z: no more a date than T08:00:00.5Z is */
    case_file(c, name, tm_buf_str(&text));
    tm_buf_free(&text);
}

/* Roots that nobody can read are told as history, and trusted by nobody, whichever they are. */
static void unreadable_roots_are_history(void **state)
{
    (void)state;
    static const struct {
        int64_t first, last; /* of the unreadable ones among roots 1 to 3 */
        size_t followed;     /* roots of tuf_published_look(); 0: it refuses */
        size_t before;       /* roots of tuf_published_history() */
        const char *says;
    } rows[] = {
        {1, 2, 1, 1, NULL},
        {1, 3, 0, 0, "no client can begin with root 3, the newest"},
        {3, 3, 0, 2, "clients that trust root 2 stay there: root 3: "},
        {2, 2, 0, 1, "clients that trust root 1 stay there: root 2: "},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tuf_case c;
        struct tuf_published p;
        char dir[PATH_MAX];
        case_open(&c, CASE_POLICY);
        case_round(&c, T0, NULL);
        publish_roots(&c, 3);
        snprintf(dir, sizeof(dir), "%s/published", c.dir);
        for (int64_t v = rows[i].first; v <= rows[i].last; v++)
            give_a_fraction(&c, v);
        assert_int_equal(tuf_published_load(dir, &p, &c.e), -1);
        assert_int_equal(tuf_published_look(dir, &p, &c.e), rows[i].followed > 0 ? 0 : -1);
        if (rows[i].says != NULL)
            assert_says(&c, rows[i].says);
        assert_int_equal(p.root_count, rows[i].followed);
        tuf_published_free(&p);
        assert_int_equal(tuf_published_history(dir, &p, &c.e), 0);
        assert_int_equal(p.root_count, rows[i].before);
        for (int64_t v = 1; v <= 3; v++) {
            char line[64];
            snprintf(line, sizeof(line),
                     "root %lld is history that nobody can trust: ", (long long)v);
            assert_int_equal(strstr(tm_buf_str(&p.unread), line) != NULL,
                             v >= rows[i].first && v <= rows[i].last);
        }
        tuf_published_free(&p);
        case_close(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_hundred_roots_are_followed_published_and_verified),
        cmocka_unit_test(unreadable_roots_are_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
